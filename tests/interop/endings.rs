//! Flows that end otherwise than by their own last node: at a limit, with the caller, and
//! before the answer.

use serde_json::{Value, json};

use crate::backend::{Backend, Does};
use crate::caller::Caller;
use crate::client::caller;
use crate::eventually;
use crate::server::{QUEUES, Server};
use crate::sound::{Stream, melody, seconds_of};
use crate::tones::{CALLER, Prompts, hours, tones};

pub(super) const LIMITED: &str = r#"
version: 1
flow: limited
start: round
languages: [en]
limits: { max_steps: 4, on_limit: enough }
nodes:
  round: { type: menu, prompt: [t400], keys: { "1": enough }, timeout: 300ms, no_input: round, no_match: round }
  enough: { type: hangup, prompt: [t450], cause: temporary }
"#;

pub(super) const LEAVES: &str = r#"
version: 1
flow: leaves
start: long
languages: [en]
on_hangup: note
nodes:
  long: { type: play, prompt: [t500, { silence: 30s }], next: end }
  note: { type: http, request: { method: POST, url: "http://127.0.0.1:ASKED/left", json: { who: "${caller.number}" } }, timeout: 2s, ok: tell, error: end }
  tell: { type: notify, event: left, next: end }
  end: { type: hangup }
"#;

pub(super) const REFUSES: &str = r#"
version: 1
flow: refuses
start: open
answer: false
languages: [en]
nodes:
  open: { type: hours, calendar: shut, open: end, closed: why }
  why: { type: play, prompt: [t550, t600], next: no }
  no: { type: reject, code: 480 }
  end: { type: hangup }
"#;

#[test]
fn a_flow_ends_at_its_limit_with_its_caller_and_before_the_answer() {
    let all = tones(&[LIMITED, LEAVES, REFUSES]);
    let prompts = Prompts::of(&all);
    let backend = Backend::start(|_, _| Does::says(200, "{}"));
    let asked = backend.port.to_string();
    let leaves = LEAVES.replace("ASKED", &asked);
    let flows = [
        ("4000", "limited", LIMITED),
        ("4001", "leaves", leaves.as_str()),
        ("4002", "refuses", REFUSES),
    ];
    let more = format!(
        "requests: {{ allow: [\"http://127.0.0.1:{asked}\"], private: [127.0.0.0/8] }}\n{}\n{}",
        hours(),
        prompts.configured()
    );
    let server = Server::with_more("", &flows, &more);
    // All three at the same time.
    let calls = [
        ("4000", "caller_is_left", "0"),
        ("4001", "caller", "800"),
        ("4002", "caller_hears_why", "0"),
    ];
    let calls = calls.map(|(number, scenario, lasts)| {
        let stream = Stream::start(f64::from(CALLER), None);
        let port = stream.port.to_string();
        let more = ["-key", "media", &port, "-d", lasts];
        (caller(&server, scenario, number, &more), stream)
    });
    let heard = calls.map(|(call, stream)| {
        call.succeeds(15);
        stream.heard()
    });
    let rounds = seconds_of(400.0, &heard[0]);
    assert!((0.6..=0.8).contains(&rounds), "four rounds: {rounds} s");
    let heard = heard.map(|heard| melody(&all, &heard));
    assert_eq!(heard, [vec![400, 450], vec![500], vec![550, 600]]);
    let records = server.records_of(3);
    let kept = |number: &str, path: Value, hangup: &str, outcome: &str| {
        let record = records.iter().find(|record| record["number"] == number);
        let record = record.unwrap();
        assert_eq!(record["path"], path, "{record}");
        assert_eq!(
            (&record["hangup"], &record["outcome"]),
            (&json!(hangup), &json!(outcome))
        );
        record
    };
    let path = json!(["round", "round", "round", "round", "enough"]);
    let limited = kept("4000", path, "flow", "ended_in_flow");
    assert_eq!(limited["cause"], 41);
    let limit = "centrale_flow_errors_total{flow=\"limited\",reason=\"limit\"}";
    server.counts(limit, 1.0);
    kept(
        "4001",
        json!(["long", "note", "tell", "end"]),
        "caller",
        "ended_in_flow",
    );
    let asked = backend.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (asked[0].target.as_str(), asked[0].body.as_str()),
        ("/left", "{\"who\":\"0612345678\"}")
    );
    let refused = kept("4002", json!(["open", "why", "no"]), "flow", "rejected");
    assert_eq!(refused["answered"], Value::Null, "{refused}");
}

#[test]
fn the_log_says_what_a_caller_said_at_the_end() {
    let waits = "
version: 1
flow: waits
start: long
languages: [en]
nodes:
  long: { type: play, prompt: [{ silence: 30s }], next: end }
  end: { type: hangup }
";
    let flows = [("2000", "waits", waits)];
    for (reason, told) in [
        (
            "Reason: Q.850;cause=31, SIP;cause=503\r\n",
            " sip_cause=503 q850_cause=31",
        ),
        ("Reason: Q.850;cause=31;text=\"\r\n", ""),
        ("", ""),
    ] {
        let server = Server::with(QUEUES, &flows);
        Caller::dials(&server, "2000").hangs_up(reason);
        eventually("the call has ended", 10, || {
            server.log().contains("call ended")
        });
        let log = server.log();
        let line = log
            .lines()
            .find(|line| line.contains("call ended"))
            .unwrap();
        let (_, rest) = line.split_once(" lasted_s=").unwrap();
        let rest = rest.trim_start_matches(|char: char| char.is_ascii_digit() || char == '.');
        assert_eq!(rest, told, "{reason}");
    }
}
