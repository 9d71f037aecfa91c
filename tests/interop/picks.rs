//! Who is picked for a call, and who is told that another was.

use serde_json::Value;

use crate::client::{Client, brief, patient, phone};
use crate::eventually;
use crate::server::{DIRECT, Server};

/// The queue `support` and the operators; each strategy would have another of the three.
/// carol is the expert beyond, and dave the junior.
fn floor(support: &str) -> String {
    format!(
        "
queues:
  support: {{ requires: {{ support: 3 }}, missed_offer: stay, {support} }}
  tier2: {{ requires: {{ tier2: 1 }}, wrap_up: 0s }}
lines: {{ tier2: {{ queue: tier2 }} }}
operators:
  erin: {{ secret: erin, skills: {{ support: 5 }} }}
  alice: {{ secret: alice, skills: {{ support: 8 }} }}
  bob: {{ secret: bob, skills: {{ support: 3 }} }}
  carol: {{ secret: carol, skills: {{ tier2: 5, dutch: 5 }} }}
  dave: {{ secret: dave, skills: {{ support: 1 }} }}
"
    )
}

/// A flow that does nothing but wait for `support`, as `more` says.
fn waits(name: &str, more: &str) -> String {
    let node = format!("queue: support, {more},");
    let flow = format!("flow: {name}\n");
    let text = DIRECT.replace("queue: support,", &node);
    text.replace("flow: direct\n", &flow)
}

/// 2000 waits for `support`; 3000 does so as `more` says.
fn server(support: &str, more: &str) -> Server {
    let other = waits("other", more);
    let mut flows = vec![("2000", "direct", DIRECT)];
    if !more.is_empty() {
        flows.push(("3000", "other", &other));
    }
    Server::with(&floor(support), &flows)
}

/// A phone that takes one call after the other and hangs up each.
fn busy_phone(server: &Server, user: &str) -> Client {
    let phone = phone(server, user, "phone_leaves", &["-m", "20", "-d", "200"]);
    server.wait_for(user, "ready", 5);
    phone
}

/// A caller who waits, before anybody else may come.
fn queues(server: &Server, number: &str) -> Client {
    let before = server.queued().len();
    let call = patient(server, number);
    eventually("the caller waits", 10, || server.queued().len() > before);
    call
}

/// Who had the call, and what became of each offer of it.
fn told(record: &Value) -> (String, Vec<String>) {
    let word = |value: &Value| value.as_str().unwrap_or("nobody").to_owned();
    let offers = record["offers"].as_array().unwrap().iter();
    let mut offers: Vec<_> = offers
        .map(|offer| format!("{} {}", word(&offer["operator"]), word(&offer["result"])))
        .collect();
    offers.sort();
    (word(&record["operator"]), offers)
}

/// The records of so many calls, in order of their start.
fn records(server: &Server, calls: usize) -> Vec<Value> {
    server.records_of(calls).into_iter().rev().collect()
}

/// bob has two calls while the others rest, and then there are three more.
fn who_has_calls(strategy: &str) -> Vec<String> {
    let server = server(&format!("strategy: {strategy}, wrap_up: 0s"), "");
    let names = ["bob", "alice", "erin"];
    let _phones = names.map(|name| busy_phone(&server, name));
    let rest = |state: &str| {
        for name in ["alice", "erin"] {
            server.order(name, state);
        }
    };
    rest(r#"{"state":"paused","reason":"briefing"}"#);
    for call in 0..5 {
        if call == 2 {
            rest(r#"{"state":"ready"}"#);
        }
        patient(&server, "2000").succeeds(10);
        let resting = if call < 2 { &names[..1] } else { &names };
        for name in resting {
            server.wait_for(name, "ready", 5);
        }
    }
    let had = records(&server, 5)
        .iter()
        .map(|record| told(record).0)
        .collect::<Vec<_>>();
    assert_eq!(&had[..2], ["bob", "bob"], "{strategy}");
    had[2..].to_vec()
}

#[test]
fn each_strategy_picks_whom_it_says() {
    for (strategy, expected) in [
        ("longest_idle", ["bob", "alice", "erin"]),
        ("most_skilled", ["alice", "alice", "alice"]),
        ("least_skilled", ["bob", "bob", "bob"]),
        ("fewest_calls", ["alice", "erin", "alice"]),
        ("round_robin", ["erin", "alice", "bob"]),
        ("ordered", ["erin", "erin", "erin"]),
    ] {
        assert_eq!(who_has_calls(strategy), expected, "{strategy}");
    }
}

/// RFC 3326 section 3.1.
#[test]
fn all_ring_and_whoever_is_slower_is_told_who_was_not() {
    let server = server("strategy: ring_all, wrap_up: 1s", "");
    let rings = phone(&server, "alice", "phone_is_told", &["-d", "60000"]);
    let answers = phone(&server, "bob", "phone_is_told", &["-d", "1000"]);
    let call = brief(&server, "2000", 3000);
    server.wait_for("alice", "offered", 5);
    server.wait_for("bob", "offered", 5);
    server.wait_for("bob", "talking", 5);
    rings.succeeds(5);
    server.wait_for("alice", "ready", 5);
    call.succeeds(10);
    server.wait_for("bob", "wrap_up", 5);
    server.wait_for("bob", "ready", 5);
    answers.succeeds(5);
    let offers = ["alice withdrawn", "bob answered"].map(str::to_owned);
    assert_eq!(told(&server.record()), ("bob".into(), offers.into()));
}

#[test]
fn of_two_phones_that_answer_at_the_same_moment_one_is_connected() {
    const CALLS: usize = 5;
    let server = server("strategy: ring_all, wrap_up: 0s", "");
    let more = ["-m", &CALLS.to_string(), "-d", "200"];
    let phones = ["alice", "bob"].map(|user| phone(&server, user, "phone_is_told", &more));
    for _ in 0..CALLS {
        brief(&server, "2000", 1200).succeeds(10);
        eventually("both are free", 5, || {
            ["alice", "bob"].map(|name| server.operator(name).0) == ["ready", "ready"]
        });
    }
    for phone in phones {
        phone.succeeds(10);
    }
    for record in records(&server, CALLS) {
        let (operator, offers) = told(&record);
        let other = if operator == "alice" { "bob" } else { "alice" };
        let mut expected = [format!("{operator} answered"), format!("{other} withdrawn")];
        expected.sort();
        assert_eq!(offers, expected, "{record}");
        assert_eq!(record["outcome"], "answered", "{record}");
    }
    server.shows("/api/v1/calls", |live| live["total"] == 0);
}

#[test]
fn a_preferred_operator_has_the_call_and_is_waited_for_a_while() {
    let server = server(
        "wrap_up: 0s",
        "preferred_operator: { id: bob, hold_for: 3s }",
    );
    let _alice = busy_phone(&server, "alice");
    let _bob = phone(&server, "bob", "phone_answers", &[]);
    // alice has been free for longer.
    let _first = brief(&server, "3000", 60_000);
    server.wait_for("bob", "talking", 5);
    patient(&server, "3000").succeeds(10);
    let record = server.record();
    let offers = vec!["alice answered".to_owned()];
    assert_eq!(told(&record), ("alice".into(), offers), "{record}");
    let waited = record["waited_s"].as_f64().unwrap();
    assert!(waited >= 2.5, "{waited} s");
    assert_eq!(server.operator("bob").0, "talking");
}

#[test]
fn whoever_missed_a_call_is_not_the_next_to_be_asked() {
    let server = server("strategy: ordered, offer_timeout: 2s", "");
    let rings = phone(&server, "alice", "phone_rings", &[]);
    let _bob = busy_phone(&server, "bob");
    let call = patient(&server, "2000");
    rings.succeeds(10);
    call.succeeds(10);
    // She stays: nobody pauses her.
    server.wait_for("alice", "ready", 5);
    let record = server.record();
    let first = &record["offers"][0];
    assert_eq!(first["operator"], "alice", "{record}");
    let offers = ["alice missed", "bob answered"].map(str::to_owned);
    assert_eq!(told(&record), ("bob".into(), offers.into()), "{record}");
}

#[test]
fn a_step_to_a_line_does_not_wait_for_a_phone_that_rings() {
    let server = server(
        "offer_timeout: 20s, escalate: [{ after: 2s, line: tier2 }]",
        "",
    );
    let rings = phone(&server, "alice", "phone_is_told", &["-d", "60000"]);
    let expert = phone(&server, "carol", "phone_is_told", &["-d", "500"]);
    let call = brief(&server, "2000", 4000);
    server.wait_for("alice", "offered", 5);
    server.wait_for("carol", "offered", 5);
    // She rang on: she is told that another was picked up.
    rings.succeeds(5);
    server.wait_for("alice", "ready", 5);
    call.succeeds(10);
    expert.succeeds(5);
    server.wait_for("carol", "ready", 5);
    let record = server.record();
    let offers = ["alice withdrawn", "carol answered"].map(str::to_owned);
    assert_eq!(told(&record), ("carol".into(), offers.into()), "{record}");
    assert_eq!(record["line"], "tier2", "{record}");
    assert_eq!(record["queue"], "tier2", "{record}");
    let waited = record["waited_s"].as_f64().unwrap();
    assert!(waited >= 2.0, "{waited} s");
    let step = "centrale_queue_escalations_total{queue=\"support\",step=\"1\"}";
    server.counts(step, 1.0);
}

#[test]
fn steps_raise_the_priority_and_reach_a_junior() {
    let steps = "[{ after: 1s, priority: +20 }, { after: 3s, relax: { support: 1 } }]";
    let server = server(&format!("escalate: {steps}"), "");
    let _alice = busy_phone(&server, "alice");
    server.order("alice", r#"{"state":"paused","reason":"lunch"}"#);
    let _junior = busy_phone(&server, "dave");
    let call = queues(&server, "2000");
    let step = |number: u32| {
        format!("centrale_queue_escalations_total{{queue=\"support\",step=\"{number}\"}}")
    };
    server.logs("priority: 20");
    call.succeeds(10);
    server.counts(&step(1), 1.0);
    server.counts(&step(2), 1.0);
    let record = server.record();
    assert_eq!(told(&record).0, "dave", "{record}");
    let waited = record["waited_s"].as_f64().unwrap();
    assert!(waited >= 3.0, "{waited} s");
}

#[test]
fn a_call_of_a_higher_priority_overtakes_and_that_is_counted() {
    let server = server("wrap_up: 0s", "priority: 50");
    let _alice = busy_phone(&server, "alice");
    server.order("alice", r#"{"state":"paused","reason":"briefing"}"#);
    let older = queues(&server, "2000");
    let urgent = queues(&server, "3000");
    let overtakes = "centrale_dispatch_overtakes_total{reason=\"priority\"}";
    server.counts(overtakes, 0.0);
    server.order("alice", r#"{"state":"ready"}"#);
    urgent.succeeds(10);
    older.succeeds(10);
    let [older, urgent] = &records(&server, 2)[..] else {
        panic!("two records");
    };
    assert_eq!(
        (&older["number"], &urgent["number"]),
        (&"2000".into(), &"3000".into())
    );
    let ended = |record: &Value| record["ended"].as_str().unwrap().to_owned();
    assert!(ended(urgent) < ended(older), "{urgent} {older}");
    server.counts(overtakes, 1.0);
    server.counts("centrale_dispatch_overtakes_total", 1.0);
}

#[test]
fn a_caller_whom_nobody_could_take_takes_the_next_step_at_once() {
    let steps = "[{ after: 60s, relax: { dutch: 0 } }]";
    let asks = format!("skills: {{ require: {{ dutch: 1 }} }}, escalate: {steps}");
    let server = server("wrap_up: 0s", &asks);
    let _alice = busy_phone(&server, "alice");
    patient(&server, "2000").succeeds(10);
    let uncoverable = "centrale_queue_uncoverable_total{queue=\"support\"}";
    server.counts(uncoverable, 0.0);
    server.wait_for("alice", "ready", 5);
    // Only carol speaks it, and she is logged out.
    patient(&server, "3000").succeeds(10);
    server.counts(uncoverable, 1.0);
    let record = records(&server, 2).pop().unwrap();
    assert_eq!(told(&record).0, "alice", "{record}");
    // The step would have come after a minute.
    let waited = record["waited_s"].as_f64().unwrap();
    assert!(waited < 30.0, "{waited} s");
}
