//! Callers whom the customer base knows: the list is read, the caller looked up, greeted
//! and given to whom the last talk was with, and at last forgotten.

use std::path::Path;

use serde_json::{Value, json};

use exchange::media::codec::g711;

use crate::client::{Client, caller, phone};
use crate::eventually;
use crate::server::{Server, binary};
use crate::sound::Stream;

/// Without a preference every call is alice's.
const FLOOR: &str = "
queues:
  support: { requires: { support: 1 }, strategy: ordered, wrap_up: 0s }
operators:
  alice: { secret: alice, skills: { support: 8 } }
  bob: { secret: bob, skills: { support: 8 } }
";

const FLOW: &str = "
version: 1
flow: known
start: who
languages: [en, nl]
nodes:
  who: { type: customer, found: speak, unknown: greet }
  speak: { type: set, language: \"${customer.language}\", next: greet }
  greet: { type: play, prompt: [welcome], next: help }
  help: { type: queue, queue: support, preferred_operator: { id: \"${customer.last_operator}\", hold_for: 20s }, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  bye: { type: hangup }
";

const LIST: &str = "number;name;language;notes
0612345678;Zoë Jansen;nl;\"first
second\"
+31201234567;\"O; Hara\";en;
";

/// What the command answers.
fn customers(server: &Server, words: &[&str]) -> String {
    let mut command = binary(&server.folder);
    let out = command.arg("customers").args(words).output().unwrap();
    let complaint = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{words:?}: {complaint}");
    String::from_utf8(out.stdout).unwrap()
}

/// What the base says of the caller.
fn known(server: &Server) -> Value {
    server.json("/api/v1/customers/0612345678")
}

/// A phone that answers each call and hangs up soon.
fn busy_phone(server: &Server, user: &str) -> Client {
    let phone = phone(server, user, "phone_leaves", &["-m", "20", "-d", "300"]);
    server.wait_for(user, "ready", 5);
    phone
}

/// The beginning of a welcome, as it is on the wire.
fn welcome(language: &str) -> Vec<i16> {
    let prompts = Path::new(env!("CARGO_MANIFEST_DIR")).join("ivr-flows/prompts");
    let file = prompts.join(language).join("welcome.wav");
    let mut reader = hound::WavReader::open(file).unwrap();
    let samples = reader.samples::<i16>().skip(4_000).take(4_000);
    let alaw = samples.map(|sample| g711::linear_to_alaw(sample.unwrap()));
    alaw.map(|byte| g711::ALAW[usize::from(byte)]).collect()
}

/// One call from its beginning to its end: the languages of what was heard, and the record.
fn calls(server: &Server) -> (Vec<&'static str>, Value) {
    let before = server.records().len();
    let stream = Stream::start(700.0, None);
    let port = stream.port.to_string();
    let call = caller(server, "caller_is_left", "3000", &["-key", "media", &port]);
    call.succeeds(20);
    let heard = stream.heard();
    let mut languages = vec!["en", "nl"];
    languages.retain(|language| {
        let said = welcome(language);
        heard.windows(said.len()).any(|part| part == said)
    });
    eventually("the record is written", 5, || {
        server.records().len() > before
    });
    (languages, server.records()[0].clone())
}

#[test]
fn a_customer_is_imported_greeted_known_again_and_forgotten() {
    let server = Server::with(FLOOR, &[("3000", "known", FLOW)]);
    let _phones = ["alice", "bob"].map(|user| busy_phone(&server, user));
    let list = server.folder.join("list.csv");
    std::fs::write(&list, LIST).unwrap();
    let list = list.display().to_string();
    let said = customers(&server, &["import", &list]);
    assert_eq!(said, "2 customers added, 0 changed, 0 lines left out\n");
    let customer = known(&server);
    assert_eq!(customer["name"], "Zoë Jansen");
    assert_eq!(customer["notes"], "first\nsecond");
    assert_eq!(customer["last_operator"], Value::Null);

    // Nobody is preferred, and alice has a break.
    server.order("alice", r#"{"state":"paused"}"#);
    let (languages, record) = calls(&server);
    assert_eq!(languages, ["nl"], "{record}");
    assert_eq!(record["operator"], "bob");
    eventually("the base knows whom the talk was with", 5, || {
        known(&server)["last_operator"] == "bob"
    });

    // Alice would be the first, and the caller is kept for bob; a list without operators
    // does not change that.
    server.order("alice", r#"{"state":"ready"}"#);
    let said = customers(&server, &["import", &list]);
    assert_eq!(said, "0 customers added, 2 changed, 0 lines left out\n");
    let (languages, record) = calls(&server);
    assert_eq!(
        (languages, &record["operator"]),
        (vec!["nl"], &json!("bob"))
    );
    let export = customers(&server, &["export"]);
    let line = "0612345678,,Zoë Jansen,nl,,\"first\nsecond\",,bob";
    assert!(export.contains(line), "{export}");

    // Who is forgotten is a stranger again, also in what was written of the calls before.
    let forgotten = server.post("/api/v1/customers/0612345678/forget", "{}");
    assert_eq!(forgotten.0, 200, "{}", forgotten.1);
    let (languages, record) = calls(&server);
    assert_eq!(
        (languages, &record["operator"]),
        (vec!["en"], &json!("alice"))
    );
    assert_eq!(record["from"], "0612345678");
    let mut before = server.records().into_iter().skip(1);
    assert!(before.all(|record| record["from"] == "erased"));
    assert_eq!(server.ask("/api/v1/customers/0612345678").unwrap().0, 404);
    assert_eq!(server.metric("centrale_flow_errors_total"), 0.0);
}
