//! Trouble with disks and locks, and what is in the database afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use exchange::call::{Callback, Keep};
use exchange::model::{Event, Hangup, OperatorState, Outcome, PauseReason, Sequence, Stamped};
use exchange::record::{CallRecord, Ledger, StoredEvent};
use rusqlite::Connection;

use super::{Item, Noted, RecordQuery, Store, StoreError};
use crate::server::clock;

pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A folder of its own for each test, gone afterwards.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("centrale-store-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("var").join("centrale.db")
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.0.join("var").join("centrale.db.spool")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

pub(super) fn record(n: u64) -> CallRecord {
    let at = UNIX_EPOCH + Duration::from_secs(1_700_000_000 + n);
    let mut ledger = Ledger::new();
    let stamped = |event| Stamped {
        sequence: Sequence(1),
        at,
        event,
    };
    ledger.handle(&stamped(Event::CallStarted {
        call: format!("c{n:04}").as_str().into(),
        from: "caller".into(),
        to: if n.is_multiple_of(2) { "1000" } else { "555" }.into(),
        number: if n.is_multiple_of(2) { "1000" } else { "*" }.into(),
        flow: "welcome".into(),
        project: None,
        trunk: "local".into(),
    }));
    let ended = Event::CallEnded {
        call: format!("c{n:04}").as_str().into(),
        outcome: Outcome::EndedInFlow,
        hangup: Hangup::Flow,
        cause: None,
        said: exchange::model::Said::default(),
        lasted: Duration::from_secs(1),
    };
    ledger.handle(&stamped(ended)).unwrap()
}

fn event(sequence: u64) -> Item {
    Item::Event(Box::new(StoredEvent::from(&Stamped {
        sequence: Sequence(sequence),
        at: UNIX_EPOCH + Duration::from_secs(sequence),
        event: Event::Fault {
            call: Some("c1".into()),
            what: "a test",
        },
    })))
}

fn put(store: &Store, records: std::ops::Range<u64>) {
    for n in records {
        store.write(Item::Record(Box::new(record(n))));
    }
}

pub(super) fn count(path: &Path, table: &str) -> u64 {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(PATIENCE).unwrap();
    connection
        .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get::<_, u32>(0)
        })
        .unwrap()
        .into()
}

fn query(limit: usize) -> RecordQuery {
    RecordQuery {
        limit,
        ..RecordQuery::default()
    }
}

fn ids(store: &Store, query: &RecordQuery) -> Vec<String> {
    let page = store.records(query).unwrap();
    page.records.iter().map(|r| r.id.to_string()).collect()
}

#[test]
fn records_and_events_are_kept_and_read_back() {
    let folder = Folder::new();
    let store = Store::open(&folder.database(), "boot").unwrap();
    put(&store, 0..3);
    store.write(event(1));
    assert!(store.flush(PATIENCE));
    assert_eq!(store.record("c0001").unwrap(), Some(record(1)));
    assert_eq!(store.record("nobody").unwrap(), None);
    assert_eq!(count(&folder.database(), "events"), 1);
    assert_eq!(store.status(), super::Status::default());
    assert!(store.close(PATIENCE));
    assert!(!folder.spool().exists());
}

#[test]
fn a_later_revision_replaces_an_earlier_one_in_any_order() {
    let folder = Folder::new();
    let store = Store::open(&folder.database(), "boot").unwrap();
    let mut later = record(1);
    later.revision = 2;
    later.outcome = Outcome::Failed;
    for record in [record(1), later.clone(), record(1)] {
        store.write(Item::Record(Box::new(record)));
    }
    assert!(store.flush(PATIENCE));
    assert_eq!(store.record("c0001").unwrap(), Some(later));
    assert_eq!(count(&folder.database(), "records"), 1);
}

#[test]
fn pages_follow_each_other_without_gap_or_repeat() {
    let folder = Folder::new();
    let store = Store::open(&folder.database(), "boot").unwrap();
    put(&store, 0..25);
    assert!(store.flush(PATIENCE));
    let mut seen = Vec::new();
    let mut wanted = query(10);
    loop {
        let page = store.records(&wanted).unwrap();
        seen.extend(page.records.iter().map(|r| r.id.to_string()));
        wanted.before = page.next;
        if wanted.before.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..25).rev().map(|n| format!("c{n:04}")).collect();
    assert_eq!(seen, expected);
    wanted.before = Some("nobody".into());
    let answer = store.records(&wanted);
    assert!(matches!(answer, Err(StoreError::NoSuchRecord(_))));
}

#[test]
fn records_are_found_by_what_they_say() {
    let folder = Folder::new();
    let store = Store::open(&folder.database(), "boot").unwrap();
    put(&store, 0..4);
    let mut spoken = record(9);
    spoken.queue = Some("support".into());
    spoken.operator = Some("o'brien".into());
    spoken.outcome = Outcome::Answered;
    store.write(Item::Record(Box::new(spoken)));
    assert!(store.flush(PATIENCE));
    let find = |change: fn(&mut RecordQuery)| {
        let mut query = query(100);
        change(&mut query);
        ids(&store, &query).join(" ")
    };
    assert_eq!(find(|q| q.number = Some("1000".into())), "c0002 c0000");
    // The dialled number, though it matched the entry `*`.
    assert_eq!(find(|q| q.number = Some("555".into())), "c0009 c0003 c0001");
    assert_eq!(find(|q| q.queue = Some("support".into())), "c0009");
    assert_eq!(find(|q| q.operator = Some("o'brien".into())), "c0009");
    assert_eq!(find(|q| q.operator = Some("' OR 1 --".into())), "");
    assert_eq!(find(|q| q.outcome = Some(Outcome::Answered)), "c0009");
    assert_eq!(
        find(|q| {
            q.from = Some(UNIX_EPOCH + Duration::from_secs(1_700_000_001));
            q.to = Some(UNIX_EPOCH + Duration::from_secs(1_700_000_003));
        }),
        "c0002 c0001"
    );
}

#[test]
fn a_locked_database_costs_nothing_and_loses_nothing() {
    let folder = Folder::new();
    let store = Store::open(&folder.database(), "boot").unwrap();
    put(&store, 0..1);
    assert!(store.flush(PATIENCE));
    let thief = Connection::open(folder.database()).unwrap();
    thief.execute_batch("BEGIN EXCLUSIVE").unwrap();
    put(&store, 1..40);
    store.write(event(1));
    assert!(!store.flush(PATIENCE));
    let status = store.status();
    assert_eq!((status.waiting, status.lost), (40, 0));
    assert!(status.errors > 0);
    assert!(status.trouble.unwrap().contains("locked"));
    assert!(folder.spool().exists());
    thief.execute_batch("ROLLBACK").unwrap();
    assert!(store.flush(PATIENCE));
    assert_eq!(count(&folder.database(), "records"), 40);
    assert_eq!(count(&folder.database(), "events"), 1);
    assert_eq!(store.status().waiting, 0);
    assert_eq!(store.status().trouble, None);
    assert!(!folder.spool().exists());
}

#[test]
fn it_recovers_by_itself_after_a_while() {
    let folder = Folder::new();
    let store = Store::open(&folder.database(), "boot").unwrap();
    put(&store, 0..1);
    assert!(store.flush(PATIENCE));
    let thief = Connection::open(folder.database()).unwrap();
    thief.execute_batch("BEGIN EXCLUSIVE").unwrap();
    put(&store, 1..3);
    assert!(!store.flush(PATIENCE));
    thief.execute_batch("ROLLBACK").unwrap();
    let too_late = crossbeam_channel::after(PATIENCE);
    while store.status().waiting > 0 {
        assert!(too_late.is_empty(), "{:?}", store.status());
        std::thread::yield_now();
    }
    assert_eq!(count(&folder.database(), "records"), 3);
}

#[test]
fn what_was_spooled_is_replayed_by_the_next_process_exactly_once() {
    let folder = Folder::new();
    let first = Store::open(&folder.database(), "first").unwrap();
    put(&first, 0..2);
    first.write(event(1));
    assert!(first.flush(PATIENCE));
    let thief = Connection::open(folder.database()).unwrap();
    thief.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // Some of them are in the database already, as after a kill during a replay.
    put(&first, 0..1_200);
    first.write(event(1));
    first.write(event(2));
    assert!(first.close(PATIENCE));
    thief.execute_batch("ROLLBACK").unwrap();
    // And the kill cut off the last line.
    let mut spooled = fs::read_to_string(folder.spool()).unwrap();
    assert_eq!(spooled.lines().count(), 1_202);
    spooled.push_str("{\"boot\":\"first\",\"rec");
    fs::write(folder.spool(), spooled).unwrap();

    let second = Store::open(&folder.database(), "second").unwrap();
    second.write(event(1));
    assert!(second.flush(PATIENCE));
    assert_eq!(count(&folder.database(), "records"), 1_200);
    // Sequence 1 and 2 of the first process, 1 of the second.
    assert_eq!(count(&folder.database(), "events"), 3);
    assert_eq!(second.status().lost, 1);
    assert!(!folder.spool().exists());
}

#[test]
fn a_folder_that_vanishes_is_made_again() {
    let folder = Folder::new();
    let store = Store::open(&folder.database(), "boot").unwrap();
    put(&store, 0..1);
    assert!(store.flush(PATIENCE));
    fs::remove_dir_all(folder.0.join("var")).unwrap();
    put(&store, 1..3);
    assert!(store.flush(PATIENCE));
    assert_eq!(count(&folder.database(), "records"), 2);
    assert_eq!(ids(&store, &query(10)), ["c0002", "c0001"]);
}

#[test]
fn without_folder_and_spool_items_wait_in_memory() {
    let folder = Folder::new();
    let blocked = folder.0.join("var");
    fs::write(&blocked, "a file where a folder should be").unwrap();
    let store = Store::open(&folder.database(), "boot").unwrap();
    put(&store, 0..5);
    assert!(!store.flush(PATIENCE));
    let status = store.status();
    assert_eq!((status.waiting, status.lost), (5, 0));
    assert!(store.records(&query(10)).is_err());
    fs::remove_file(&blocked).unwrap();
    assert!(store.flush(PATIENCE));
    assert_eq!(ids(&store, &query(10)).len(), 5);
}

#[test]
fn a_full_disk_keeps_items_in_memory_and_no_half_line_in_the_spool() {
    let folder = Folder::new();
    let store = Store::open(&folder.database(), "boot").unwrap();
    put(&store, 0..1);
    assert!(store.flush(PATIENCE));
    let thief = Connection::open(folder.database()).unwrap();
    thief.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // Every write to it says that the device is full.
    std::os::unix::fs::symlink("/dev/full", folder.spool()).unwrap();
    put(&store, 1..20);
    assert!(!store.flush(PATIENCE));
    assert_eq!(store.status().waiting, 19);
    assert_eq!(store.status().lost, 0);
    thief.execute_batch("ROLLBACK").unwrap();
    assert!(store.flush(PATIENCE));
    assert_eq!(count(&folder.database(), "records"), 20);
}

#[test]
fn a_file_that_is_no_database_is_said_so_and_spooled_around() {
    let folder = Folder::new();
    fs::create_dir_all(folder.0.join("var")).unwrap();
    fs::write(
        folder.database(),
        "not a database, but long enough for one".repeat(99),
    )
    .unwrap();
    let store = Store::open(&folder.database(), "boot").unwrap();
    put(&store, 0..2);
    assert!(!store.flush(PATIENCE));
    assert!(store.status().trouble.unwrap().contains("not a database"));
    fs::remove_file(folder.database()).unwrap();
    assert!(store.flush(PATIENCE));
    assert_eq!(count(&folder.database(), "records"), 2);
}

#[test]
fn a_database_of_a_later_version_is_left_alone() {
    let folder = Folder::new();
    assert!(
        Store::open(&folder.database(), "a")
            .unwrap()
            .flush(PATIENCE)
    );
    let later = Connection::open(folder.database()).unwrap();
    later
        .execute("INSERT INTO migrations VALUES (99, 0)", [])
        .unwrap();
    let store = Store::open(&folder.database(), "b").unwrap();
    put(&store, 0..1);
    assert!(!store.flush(PATIENCE));
    assert!(store.status().trouble.unwrap().contains("later version"));
    assert_eq!(count(&folder.database(), "records"), 0);
}

#[test]
fn after_close_items_are_lost_and_counted() {
    let folder = Folder::new();
    let store = Store::open(&folder.database(), "boot").unwrap();
    assert!(store.close(PATIENCE));
    assert!(store.close(PATIENCE));
    put(&store, 0..3);
    assert_eq!(store.status().lost, 3);
}

#[test]
fn of_operators_the_newest_is_remembered_whatever_comes_late() {
    let folder = Folder::new();
    let standing = |operator: &str, at, state, reason: Option<&str>| Item::Standing {
        operator: operator.into(),
        at,
        state,
        reason: reason.map(PauseReason::new),
    };
    let phones = |operator: &str, at, address: &str| {
        let phone = serde_json::json!([{
            "contact": format!("sip:a@{address}"), "key": "k", "instance": null,
            "reg_id": null, "path": [], "transport": "udp", "address": address,
            "call_id": "c", "cseq": 1, "expires_at": 1,
        }]);
        Item::Phones {
            operator: operator.into(),
            at,
            phones: serde_json::from_value(phone).unwrap(),
        }
    };
    let store = Store::open(&folder.database(), "one").unwrap();
    store.write(standing("anna", 20, OperatorState::Paused, Some("lunch")));
    store.write(standing("anna", 10, OperatorState::Ready, None));
    store.write(phones("anna", 21, "192.0.2.2:5060"));
    store.write(phones("anna", 20, "192.0.2.1:5060"));
    store.write(phones("bert", 5, "192.0.2.3:5060"));
    store.write(standing("cleo", 5, OperatorState::LoggedOut, None));
    assert!(store.close(PATIENCE));
    let store = Store::open(&folder.database(), "two").unwrap();
    let mut remembered = store.remembered().unwrap();
    remembered.sort_by(|one, two| one.operator.cmp(&two.operator));
    let told: Vec<String> = remembered
        .iter()
        .map(|one| {
            let phones = serde_json::to_value(&one.phones).unwrap();
            let address = &phones[0]["address"];
            format!(
                "{} {:?} {:?} {address}",
                one.operator, one.state, one.reason
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "anna Some(Paused) Some(PauseReason(\"lunch\")) \"192.0.2.2:5060\"",
            "bert None None \"192.0.2.3:5060\"",
            "cleo Some(LoggedOut) None null",
        ]
    );
}

fn promise(id: &str, attempts: u32, promised_ms: u64) -> Callback {
    let callback = serde_json::json!({
        "id": id, "queue": "support", "number": "0612345678", "called": "1000",
        "project": null, "require": {}, "prefer": {}, "priority": 0, "since_ms": 1,
        "promised_ms": promised_ms, "next_ms": 2, "attempts": attempts,
    });
    serde_json::from_value(callback).unwrap()
}

#[test]
fn of_a_promise_the_last_word_stays_and_what_is_over_stays_over() {
    let folder = Folder::new();
    let at = |second| UNIX_EPOCH + Duration::from_secs(second);
    let noted = |keep, second| Item::Callback(Box::new(Noted::new(keep, at(second))));
    let now = clock::wall();
    let recent = exchange::call::wall_ms(now) - 1_000;
    let store = Store::open(&folder.database(), "one").unwrap();
    store.write(noted(Keep::Pending(promise("a", 2, 7)), 20));
    // What waited in the spool comes late.
    store.write(noted(Keep::Pending(promise("a", 1, 7)), 10));
    store.write(noted(Keep::Over(promise("b", 1, recent)), 4_000_000_000));
    store.write(noted(Keep::Pending(promise("b", 0, recent)), 4_000_000_001));
    store.write(noted(
        Keep::Over(promise("c", 1, recent - 3_600_000)),
        4_000_000_000,
    ));
    assert!(store.close(PATIENCE));
    let store = Store::open(&folder.database(), "two").unwrap();
    assert!(store.flush(PATIENCE));
    let promises = store.promises(now).unwrap();
    assert_eq!(promises.pending, [promise("a", 2, 7)]);
    assert_eq!(promises.over, [("0612345678".into(), recent)]);
    // Another day they are forgotten, but for those that are pending.
    let old = noted(Keep::Over(promise("d", 1, recent)), 1_000);
    store.write(old);
    assert!(store.close(PATIENCE));
    let store = Store::open(&folder.database(), "three").unwrap();
    assert!(store.flush(PATIENCE));
    let promises = store.promises(now).unwrap();
    assert_eq!((promises.pending.len(), promises.over.len()), (1, 1));
}

/// Writes an item surely, and waits for the answer.
fn surely(store: &Store, item: Item) -> bool {
    let (told, answer) = crossbeam_channel::bounded(1);
    let done = move |kept| {
        told.send(kept).ok();
    };
    store.write_surely(item, Box::new(done));
    answer.recv_timeout(PATIENCE).unwrap()
}

#[test]
fn who_asks_hears_when_an_item_is_on_the_disk() {
    let folder = Folder::new();
    let item = |id| {
        let keep = Keep::Pending(promise(id, 1, 7));
        Item::Callback(Box::new(Noted::new(keep, clock::wall())))
    };
    let read = |folder: &Folder| {
        let connection = Connection::open(folder.database()).unwrap();
        let count = "SELECT count(*) FROM callbacks";
        connection.query_row(count, [], |row| row.get::<_, i64>(0))
    };
    let store = Store::open(&folder.database(), "one").unwrap();
    assert!(surely(&store, item("a")));
    assert_eq!(read(&folder).unwrap(), 1, "at once, not in a while");
    // A database that is locked: the spool is as good.
    let lock = Connection::open(folder.database()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(surely(&store, item("b")));
    let spool = fs::read_to_string(folder.spool()).unwrap();
    assert!(spool.contains("\"b\""), "{spool}");
    // Neither: nobody is told that it is safe.
    fs::remove_file(folder.spool()).unwrap();
    fs::create_dir(folder.spool()).unwrap();
    assert!(!surely(&store, item("c")));
    fs::remove_dir(folder.spool()).unwrap();
    lock.execute_batch("COMMIT").unwrap();
    assert!(store.flush(PATIENCE));
    assert!(surely(&store, item("d")));
    assert!(store.close(PATIENCE));
    assert!(!surely(&store, item("e")), "it is closed");
}
