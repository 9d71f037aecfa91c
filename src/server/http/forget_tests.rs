//! A number is forgotten while the server runs, by everyone who keeps it.

use std::fs;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use exchange::call::{Doing, Keep, Pending};
use exchange::metric::Names;
use exchange::model::{
    CallKey, Event, Hangup, Outcome, Recorded, RecordingChange, RecordingResult, ShardId, Telephone,
};
use exchange::record::{Floor, Live};
use rusqlite::{Connection, params};
use serde_json::json;

use super::scene_tests::exchange_of;
use crate::server::archive::Archive;
use crate::server::customers::{Base, Keepers};
use crate::server::journal::{Journal, Source};
use crate::server::post::Post;
use crate::server::store::tests::Folder;
use crate::server::store::{Item, Noted, RecordQuery, Store};
use crate::server::{clock, observer};

const ZOE: &str = "+31612345678";
const PATIENCE: Duration = Duration::from_secs(20);

fn pending() -> Pending {
    let callback = json!({
        "id": "c0.1", "queue": "support", "number": ZOE, "called": "1000", "project": null,
        "require": {}, "prefer": {}, "priority": 0, "since_ms": 1_700_000_000_000_u64,
        "promised_ms": 1_700_000_000_250_u64, "next_ms": 1_700_000_060_000_u64, "attempts": 0,
    });
    Pending {
        callback: serde_json::from_value(callback).unwrap(),
        age: clock::now(),
        home: ShardId(3),
        doing: Doing::Waits(CallKey::new(ShardId(2), 9)),
    }
}

/// Of a call of Zoë that goes on: what is recorded of it.
fn recorded(id: &str, mailbox: Option<&str>, change: RecordingChange) -> Event {
    Event::Recording(Recorded {
        call: "c1".into(),
        recording: id.into(),
        mailbox: mailbox.map(Into::into),
        from: "0031612345678".into(),
        change,
    })
}

fn ended(result: RecordingResult, seconds: u64) -> RecordingChange {
    RecordingChange::Ended {
        result,
        length: Duration::from_secs(seconds),
    }
}

fn begun() -> [Event; 4] {
    [
        Event::CallStarted {
            call: "c1".into(),
            from: "0031612345678".into(),
            to: "1000".into(),
            number: "1000".into(),
            flow: "welcome".into(),
            project: None,
            trunk: "local".into(),
        },
        Event::Notified {
            call: "c1".into(),
            flow: "welcome".into(),
            node: "tell".into(),
            name: "crm".into(),
            data: json!({"who": "Zoe Jansen"}),
        },
        recorded("c1-1", Some("office"), ended(RecordingResult::Kept, 2)),
        recorded("c1-2", None, RecordingChange::Started),
    ]
}

/// What comes of the call after that.
fn goes_on() -> [Event; 4] {
    [
        Event::CallbackPromised {
            call: "c1".into(),
            callback: "c1.1".into(),
            queue: "support".into(),
            number: ZOE.into(),
        },
        recorded("c1-2", None, ended(RecordingResult::Empty, 0)),
        recorded("c1-3", Some("office"), ended(RecordingResult::Kept, 1)),
        Event::CallEnded {
            call: "c1".into(),
            outcome: Outcome::EndedInFlow,
            hangup: Hangup::Flow,
            cause: None,
            said: exchange::model::Said::default(),
            lasted: Duration::ZERO,
        },
    ]
}

/// One delivery that waits.
fn delivery(database: &Path) {
    let outbox = Connection::open(database.with_extension("db.outbox")).unwrap();
    outbox
        .execute_batch(
            "CREATE TABLE outbox (number INTEGER PRIMARY KEY AUTOINCREMENT, hook TEXT NOT NULL,
            id TEXT NOT NULL, at INTEGER NOT NULL, due INTEGER NOT NULL,
            tries INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL, UNIQUE (hook, id)) STRICT",
        )
        .unwrap();
    let body = json!({"id": "1", "kind": "call_started", "call": "c1", "data": {"from": ZOE}});
    let put = "INSERT INTO outbox (hook, id, at, due, body) VALUES ('crm', '1', 0, 0, ?1)";
    outbox.execute(put, params![body.to_string()]).unwrap();
}

#[test]
fn nothing_that_goes_on_brings_a_forgotten_number_back() {
    let folder = Folder::new();
    let database = folder.database();
    let store = Arc::new(Store::open(&database, "boot").unwrap());
    assert!(store.flush(PATIENCE));
    delivery(&database);
    let sounds = database.with_extension("sounds");
    fs::create_dir_all(&sounds).unwrap();
    for name in ["c1-1.wav", "c1-2.part", "c9-1.wav"] {
        fs::write(sounds.join(name), "a voice").unwrap();
    }
    let (supervisor, shared, told) = exchange_of(&[]);
    shared.callbacks.restore(pending());
    let (post, office) = Post::start(&database, "boot").unwrap();
    let live = Arc::new(RwLock::new(Live::new(&Floor::default(), clock::wall())));
    let journal = Journal::new(Source::default());
    let readers = (journal, post.clone());
    let (witness, reader) =
        observer::start(live, Arc::clone(&store), &Names::default(), readers).unwrap();
    let archive = Arc::new(Archive::new(Arc::clone(&store), &sounds));
    let keepers = Keepers::Running {
        witness: witness.clone(),
        post: post.clone(),
        supervisor,
    };
    let base = Base::new(Arc::clone(&store), archive, keepers);

    begun().into_iter().for_each(|event| witness.tell(event));
    let zoe = Telephone::read(ZOE).unwrap();
    let receipt = base.forget(&zoe, PATIENCE).unwrap();
    let erased = json!({
        "callbacks": 1, "customers": 0, "deliveries": 1, "events": 2, "messages": 1,
        "recordings": 1, "records": 0,
    });
    assert_eq!(serde_json::to_value(&receipt.erased).unwrap(), erased);
    let left = ["c1-1.wav", "c1-2.part", "c9-1.wav"].map(|name| sounds.join(name).exists());
    assert_eq!(left, [false, false, true]);
    assert!(shared.callbacks.all().is_empty());
    let told = told.take();
    assert!(told[0].starts_with("shard 2: Foreign(Withdraw"), "{told:?}");
    assert!(told[1].starts_with("CallbackEnded"), "{told:?}");

    goes_on().into_iter().for_each(|event| witness.tell(event));
    for keep in [Keep::Pending, Keep::Over] {
        let late = Noted::new(keep(pending().callback), clock::wall());
        store.write(Item::Callback(Box::new(late)));
    }
    witness.stop();
    reader.join().unwrap();
    post.stop();
    office.join().unwrap();
    assert!(store.flush(PATIENCE));
    assert!(store.promises(clock::wall()).unwrap().pending.is_empty());
    let query = RecordQuery {
        limit: 10,
        ..RecordQuery::default()
    };
    let records = store.records(&query).unwrap().records;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].from.as_str(), "erased");
    assert!(store.close(PATIENCE));
    for entry in fs::read_dir(database.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = if path.is_file() {
            fs::read(&path).unwrap()
        } else {
            continue;
        };
        for trace in ["31612345678", "Zoe Jansen"] {
            let found = memchr::memmem::find(&bytes, trace.as_bytes()).is_some();
            assert!(!found, "{trace} in {}", path.display());
        }
    }
}
