//! Events that go out to webhooks, and receivers that do not take them at once.

use serde_json::Value;

use crate::backend::{Asked, Backend, Does};
use crate::client::patient;
use crate::eventually;
use crate::server::{Server, binary};

const FLOOR: &str = "
queues: { support: { requires: { support: 1 } } }
operators: { alice: { secret: alice, skills: { support: 8 } } }
";
const FLOW: &str = "
version: 1
flow: tells
start: tell
languages: [en]
nodes:
  tell: { type: notify, event: order.cancelled, data: { number: \"${caller.number}\" }, next: other }
  other: { type: notify, event: other, next: bye }
  bye: { type: hangup }
";
const SECRET: &str = "a secret of some length";

fn telling(port: u16) -> Server {
    let more = format!(
        "requests: {{ private: [127.0.0.0/8] }}
webhooks:
  crm: {{ url: \"http://127.0.0.1:{port}/in?from=us\", events: [notified.order.cancelled, call_ended], secret: \"{SECRET}\" }}"
    );
    Server::with_more(FLOOR, &[("2000", "tells", FLOW)], &more)
}

fn call(server: &Server) {
    patient(server, "2000").succeeds(20);
}

fn body(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).unwrap()
}

/// The kinds that were taken, in order.
fn kinds(asked: &[Asked]) -> Vec<String> {
    let kinds = asked.iter().map(|asked| body(asked)["kind"].clone());
    kinds
        .filter_map(|kind| kind.as_str().map(str::to_owned))
        .collect()
}

#[test]
fn a_receiver_that_fails_twice_gets_the_event_signed() {
    let backend = Backend::start(|before, _| match before {
        0 => Does::says(500, ""),
        1 => Does::says(404, ""),
        _ => Does::says(204, ""),
    });
    let server = telling(backend.port);
    call(&server);
    let delivered = "centrale_webhook_deliveries_total{result=\"delivered\"";
    server.counts(delivered, 2.0);
    let asked = backend.asked();
    assert_eq!(asked.len(), 4, "{asked:?}");
    for asked in &asked {
        assert_eq!(
            (asked.method.as_str(), asked.target.as_str()),
            ("POST", "/in?from=us")
        );
        assert!(asked.is_signed(SECRET), "{asked:?}");
        assert!(!asked.is_signed("another secret"));
    }
    let mut taken = kinds(&asked[2..]);
    taken.sort_unstable();
    assert_eq!(taken, ["call_ended", "notified"]);
    let told: Vec<Value> = asked
        .iter()
        .map(body)
        .filter(|body| body["kind"] == "notified")
        .collect();
    assert_eq!(told[0]["data"]["name"], "order.cancelled");
    assert_eq!(told[0]["data"]["data"]["number"], "0612345678");
    assert_eq!(told[0]["call"], server.record()["id"]);
    assert!(
        told.iter().all(|again| again["id"] == told[0]["id"]),
        "{told:?}"
    );
    server.counts("centrale_webhook_deliveries_total{result=\"failed\"", 2.0);
    server.counts("centrale_webhook_backlog{webhook=\"crm\"}", 0.0);
}

#[test]
fn a_kill_loses_no_event() {
    // Nobody listens there until the second start.
    let port = crate::ports::free_port();
    let mut server = telling(port);
    call(&server);
    server.counts("centrale_webhook_backlog{webhook=\"crm\"}", 2.0);
    server.kill_and_restart();
    let backend = Backend::at(port, |_, _| Does::says(200, ""));
    eventually("both events are taken", 20, || backend.asked().len() == 2);
    let mut taken = kinds(&backend.asked());
    taken.sort_unstable();
    assert_eq!(taken, ["call_ended", "notified"]);
    server.counts("centrale_webhook_backlog{webhook=\"crm\"}", 0.0);
}

#[test]
fn what_waits_for_a_receiver_is_delivered_without_who_was_forgotten_while_nothing_ran() {
    const NUMBER: &str = "0612345678";
    let port = crate::ports::free_port();
    let mut server = telling(port);
    call(&server);
    server.counts("centrale_webhook_backlog{webhook=\"crm\"}", 2.0);
    assert_eq!(server.record()["from"], NUMBER);
    server.kill();
    let mut command = binary(&server.folder);
    let out = command.args(["forget", NUMBER]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{out:?}");
    // What the flow told has the number; that the call ended has not.
    assert!(said.contains("\ndeliveries 1\n"), "{said}");
    assert!(!said.contains(NUMBER), "{said}");
    for entry in std::fs::read_dir(&server.folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("records.db") {
            let bytes = std::fs::read(&path).unwrap();
            let found = memchr::memmem::find(&bytes, NUMBER.as_bytes());
            assert_eq!(found, None, "{name}");
        }
    }
    server.restart();
    let backend = Backend::at(port, |_, _| Does::says(200, ""));
    eventually("both events are taken", 20, || backend.asked().len() == 2);
    let mut taken = backend.asked().iter().map(body).collect::<Vec<_>>();
    taken.retain(|event| event["kind"] == "notified");
    let told = &taken[0];
    assert_eq!(told["data"]["name"], "order.cancelled");
    assert_eq!(told["data"]["data"], serde_json::json!({}), "{told}");
    assert_eq!(server.record()["from"], "erased");
}
