//! Customers who are called back, with a server that is killed in between.

use std::net::UdpSocket;
use std::time::Duration;

use crate::client::{caller, register, sipp};
use crate::eventually;
use crate::ports::free_port;
use crate::server::Server;

const FLOW: &str = "
version: 1
flow: back
start: wait
languages: [en]
nodes:
  wait: { type: queue, queue: support, waiting: { keys: { \"1\": back } }, callback: promised, answered: end, timeout: end, full: end, no_operators: end, error: end }
  back: { type: callback, ok: end, error: end }
  promised: { type: hangup, prompt: [goodbye] }
  end: { type: hangup }
";

/// A server whose queue calls back through a carrier at a port, and alice's phone there.
fn server(line: u16) -> (Server, u16) {
    let floor = format!(
        "queues:
  support:
    requires: {{ support: 1 }}
    wrap_up: 1s
    callback: {{ line: out, allow: [\"06*\"], show: \"+31201234567\", every: 10s }}
operators: {{ alice: {{ secret: alice, skills: {{ support: 8 }} }} }}
lines: {{ out: {{ uri: \"sip:carrier@127.0.0.1:{line}\" }} }}
"
    );
    let server = Server::with(&floor, &[("3000", "back", FLOW)]);
    let phone = free_port();
    register(&server, "alice", phone, 600);
    server.wait_for("alice", "ready", 5);
    server.order("alice", r#"{"state":"paused"}"#);
    (server, phone)
}

/// Somebody who waits, presses keys, and is promised a call.
fn promised(server: &Server) {
    let more = ["-key", "media", "7900", "-d", "500"];
    caller(server, "caller_asks_back", "3000", &more).succeeds(20);
    let list = server.shows("/api/v1/callbacks", |list| !list["callbacks"][0].is_null());
    assert_eq!(list["callbacks"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(list["callbacks"][0]["number"], "0612345678");
    server.records_of(1);
    eventually("it is on the disk", 5, || {
        let database = rusqlite::Connection::open(server.folder.join("records.db")).unwrap();
        let count = "SELECT count(*) FROM callbacks WHERE over = 0";
        database.query_row(count, [], |row| row.get::<_, i64>(0)) == Ok(1)
    });
}

/// The operator comes, and talks with the customer.
fn talks((server, phone, line): (&Server, u16, u16), seconds: u64) {
    let customer = sipp(server, "customer_answers", line, &["-d", "1000"]);
    let operator = sipp(server, "phone_answers", phone, &[]);
    server.order("alice", r#"{"state":"ready"}"#);
    customer.succeeds(seconds);
    operator.succeeds(5);
    server.shows("/api/v1/callbacks", |list| list["callbacks"][0].is_null());
    eventually("the record is written", 5, || {
        let records = server.records();
        records.iter().any(|record| record["outcome"] == "answered")
    });
    let metric = "centrale_callbacks_total{queue=\"support\",result=\"answered\"}";
    server.counts(metric, 1.0);
}

#[test]
fn a_promise_outlives_a_kill_and_is_kept() {
    let line = free_port();
    let (mut server, phone) = server(line);
    promised(&server);
    server.kill_and_restart();
    server.shows("/api/v1/callbacks", |list| {
        list["callbacks"].as_array().unwrap().len() == 1
    });
    talks((&server, phone, line), 15);
    let records = server.records();
    let of = |number: &str| records.iter().find(|record| record["number"] == number);
    let (first, back) = (of("3000").unwrap(), of("callback").unwrap());
    assert_eq!(first["callback"], back["callback"]);
    assert_eq!(back["operator"], "alice");
    assert_eq!(back["from"], "0612345678");
    assert_eq!(back["line"], "out");
    // Nobody is called for what is over.
    server.kill_and_restart();
    server.shows("/api/v1/callbacks", |list| list["callbacks"][0].is_null());
}

#[test]
fn a_server_that_is_killed_while_it_dials_does_not_dial_that_attempt_again() {
    let line = free_port();
    let (mut server, phone) = server(line);
    promised(&server);
    let customer = sipp(&server, "phone_rings", line, &[]);
    let operator = sipp(&server, "phone_answers", phone, &[]);
    server.order("alice", r#"{"state":"ready"}"#);
    eventually("the customer's phone rings", 10, || {
        let list = server.json("/api/v1/callbacks");
        list["callbacks"][0]["state"] == "dialling"
            && server.metric("centrale_sip_responses_total{code=\"180\",direction=\"in\"}") > 1.0
    });
    server.kill_and_restart();
    drop((customer, operator));
    server.shows("/api/v1/callbacks", |list| {
        list["callbacks"][0]["attempts"] == 1
    });
    server.order("alice", r#"{"state":"ready"}"#);
    // Alice could be rung at once, and the customer; neither is.
    let ears = [phone, line].map(|port| UdpSocket::bind(("127.0.0.1", port)).unwrap());
    for ear in &ears {
        ear.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut buffer = [0; 2_048];
        if let Ok(length) = ear.recv(&mut buffer) {
            let heard = String::from_utf8_lossy(&buffer[..length]);
            assert!(!heard.starts_with("INVITE"), "{heard}");
        }
    }
    drop(ears);
    // After `every` it is the customer's turn again.
    talks((&server, phone, line), 25);
}
