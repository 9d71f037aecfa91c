//! What a flow rings by itself, says before the answer, and asks to be confirmed.

use std::time::Duration;

use exchange::sip::{Method, Name};

use crate::client::{brief, caller, phone, sipp};
use crate::eventually;
use crate::ports::free_port;
use crate::raw::Wire;
use crate::server::Server;
use crate::sound::Stream;

pub(crate) const FLOOR: &str = "
queues: { support: { requires: { support: 1 }, offer_timeout: 5s, wrap_up: 1s, music: calm } }
operators: { alice: { secret: alice, skills: { support: 8 } } }
";

const NAMED: &str = "
version: 1
flow: named
start: ring
languages: [en]
nodes:
  ring: { type: operator, id: alice, ring: 4s, operator_announcement: welcome, answered: end, busy: wait, no_answer: end, error: end }
  wait: { type: queue, queue: support, answered: end, timeout: end, full: end, no_operators: end, error: end }
  end: { type: hangup, cause: busy }
";

/// Asks for two digits, says them back, and hangs up with a cause that says which.
const CONFIRM: &str = "
version: 1
flow: confirm
start: ask
languages: [en]
nodes:
  ask: { type: collect, prompt: [welcome], digits: { min: 2, max: 2 }, save: number, confirm: true, ok: check, on_failure: other }
  check: { type: switch, on: vars.number, cases: { \"47\": right }, default: other }
  right: { type: hangup, cause: normal }
  other: { type: hangup, cause: rejected }
";

const EARLY: &str = "
version: 1
flow: early
start: say
answer: false
languages: [en]
nodes:
  say: { type: play, prompt: [welcome], next: wait }
  wait: { type: queue, queue: support, answered: end, timeout: end, full: end, no_operators: end, error: end }
  end: { type: hangup, prompt: [goodbye] }
";

/// Nothing is heard here but what keys bring.
const WAITS: &str = "
version: 1
flow: waits
start: ask
languages: [en]
vars: { choice: none }
on_hangup: note
nodes:
  ask: { type: flow, name: asks, params: { most: 2 }, save: choice, next: wait, error: end }
  wait: { type: queue, queue: support, waiting: { keys: { \"1\": { play: [welcome] }, \"2\": aside } }, answered: end, timeout: end, full: end, no_operators: end, error: end }
  aside: { type: set, tags: [aside], next: wait }
  note: { type: switch, on: vars.choice, cases: { \"5\": last }, default: end }
  last: { type: hangup }
  end: { type: hangup }
";
const ASKS: &str = "
version: 1
flow: asks
start: ask
languages: [en]
vars: { most: 1 }
nodes:
  ask: { type: collect, prompt: [{ silence: 100ms }], digits: { min: 1, max: 1 }, save: digit, ok: back, on_failure: back }
  back: { type: return, value: \"${vars.digit}\" }
";

pub(crate) fn dials(ports: &[u16], together: bool) -> String {
    let to: Vec<String> = ports
        .iter()
        .map(|port| format!("\"sip:gate@127.0.0.1:{port}\""))
        .collect();
    let to = to.join(", ");
    format!(
        "
version: 1
flow: dials
start: ring
languages: [en]
nodes:
  ring: {{ type: dial, to: [{to}], together: {together}, ring: 3s, answered: end, busy: end, no_answer: end, error: end }}
  end: {{ type: hangup }}
"
    )
}

#[test]
fn a_flow_rings_an_operator_by_name() {
    let server = Server::with(FLOOR, &[("1", "named", NAMED)]);
    let alice = phone(&server, "alice", "phone_answers", &[]);
    brief(&server, "1", 2000).succeeds(15);
    alice.succeeds(10);
    let record = server.record();
    assert_eq!(record["outcome"], "answered", "{record}");
    assert_eq!(record["operator"], "alice");
    assert_eq!(record["offers"][0]["result"], "answered");
    let answered = "centrale_queue_offers_total{queue=\"support\",result=\"answered\"}";
    server.counts(answered, 1.0);
}

/// RFC 3326 section 2.
#[test]
fn the_cause_of_a_hangup_is_told() {
    let server = Server::with(FLOOR, &[("1", "named", NAMED)]);
    let silent = phone(&server, "alice", "phone_declines", &[]);
    let mut wire = Wire::udp(server.address().parse().unwrap());
    wire.call("1");
    let bye = wire.request();
    assert_eq!(bye.method, Method::Bye);
    let reason = bye.headers.first(&Name::Reason).unwrap().into_owned();
    assert_eq!(reason, "Q.850;cause=17");
    wire.respond(&bye, 200);
    silent.succeeds(10);
    let record = server.record();
    assert_eq!(
        (&record["cause"], &record["hangup"]),
        (&17.into(), &"flow".into()),
        "{record}"
    );
    assert_eq!(record["offers"][0]["result"], "rejected", "{record}");
}

/// RFC 4733 section 2.5.
#[test]
fn digits_by_rfc_4733_are_confirmed_by_a_key() {
    let server = Server::with(FLOOR, &[("1", "confirm", CONFIRM)]);
    let at = Duration::from_millis;
    let stream = Stream::presses(1_000.0, vec![(4, at(500)), (7, at(1_000)), (1, at(2_000))]);
    let port = stream.port.to_string();
    let call = caller(&server, "caller_is_left", "1", &["-key", "media", &port]);
    call.succeeds(15);
    let record = server.record();
    assert_eq!(record["cause"], 16, "{record}");
    assert_eq!(record["path"], serde_json::json!(["ask", "check", "right"]));
}

#[test]
fn addresses_of_a_flow_ring_together_or_in_turn() {
    for together in [true, false] {
        let ports = [free_port(), free_port()];
        let server = Server::with(FLOOR, &[("1", "dials", &dials(&ports, together))]);
        let rings = sipp(&server, "phone_rings", ports[0], &[]);
        let answers = sipp(&server, "phone_answers", ports[1], &[]);
        brief(&server, "1", 5000).succeeds(20);
        answers.succeeds(10);
        rings.succeeds(10);
        let record = server.record();
        assert_eq!(record["outcome"], "escalated", "{record}");
        assert_eq!(record["line"], "127.0.0.1");
        let answered = "centrale_line_attempts_total{line=\"127.0.0.1\",result=\"answered\"}";
        server.counts(answered, 1.0);
    }
}

/// RFC 3262 section 3.
#[test]
fn a_caller_hears_the_prompt_before_the_answer() {
    let server = Server::with(FLOOR, &[("1", "early", EARLY)]);
    let alice = phone(&server, "alice", "phone_answers", &[]);
    let stream = Stream::start(1_000.0, None);
    let port = stream.port.to_string();
    let call = caller(
        &server,
        "caller_hears_early",
        "1",
        &["-key", "media", &port],
    );
    let packets = "centrale_rtp_packets_total{direction=\"out\"}";
    call.succeeds(20);
    alice.succeeds(10);
    let heard = stream.heard();
    let loud = heard.iter().filter(|sample| sample.unsigned_abs() > 1_000);
    assert!(loud.count() > 4_000, "the greeting is heard");
    server.counts_least(packets, 50.0);
    let record = server.record();
    assert_eq!(record["outcome"], "answered", "{record}");
    let began: jiff::Timestamp = record["started"].as_str().unwrap().parse().unwrap();
    let answered: jiff::Timestamp = record["answered"].as_str().unwrap().parse().unwrap();
    let early = (answered - began).as_secs_f64();
    assert!(early > 1.0, "answered after {early} s");
}

#[test]
fn a_waiting_caller_presses_keys_and_keeps_the_place() {
    let floor = FLOOR.replace(", music: calm", "");
    let server = Server::with(&floor, &[("1", "waits", WAITS), ("2", "asks", ASKS)]);
    let alice = phone(&server, "alice", "phone_answers", &[]);
    server.order("alice", r#"{"state":"paused","reason":"lunch"}"#);
    let at = Duration::from_millis;
    let keys = vec![(5, at(500)), (1, at(1_500)), (2, at(5_000))];
    let stream = Stream::presses(1_000.0, keys);
    let port = stream.port.to_string();
    let more = ["-key", "media", &port, "-d", "9000"];
    let call = caller(&server, "caller", "1", &more);
    eventually("the caller waits, and did so before", 10, || {
        let log = server.log();
        log.matches("Queued").count() >= 2 && server.queued().len() == 1
    });
    server.order("alice", r#"{"state":"ready"}"#);
    server.wait_for("alice", "talking", 5);
    call.succeeds(15);
    alice.succeeds(10);
    let heard = stream.heard();
    let loud = heard.iter().filter(|sample| sample.unsigned_abs() > 1_000);
    assert!(loud.count() > 4_000, "what the key brought is heard");
    let record = server.record();
    let path = [
        "ask", "ask", "back", "wait", "aside", "wait", "note", "last",
    ];
    assert_eq!(record["path"], serde_json::json!(path), "{record}");
    assert_eq!(record["outcome"], "answered");
}
