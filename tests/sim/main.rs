//! The whole exchange in made-up time: each way a call can go, and each race.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "any moment serves as the beginning, and a test may stop at surprises"
)]

mod bodies;
mod desk;
mod dialogs;
mod early;
mod early_changes;
mod subflows;
mod answers;
mod asks;
mod callbacks;
mod carries;
mod codes;
mod causes;
mod customers;
mod estimates;
mod given_up;
mod options;
mod keys;
mod outside;
mod picks;
mod races;
mod reach;
mod recordings;
mod replaces;
mod spoken;
mod storms;
mod streams;
mod strangers;
mod to_lines;
mod transfers;
mod untimely;
mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use exchange::config::{Files, load};
use exchange::media::Library;
use exchange::model::{CallId, Event, OfferResult, OperatorState, Outcome};
use exchange::record::CallRecord;
use exchange::sim::World;
use exchange::sip::Response;

const FLOW: &str = r#"
version: 1
flow: main
start: hello
languages: [en]
nodes:
  hello: { type: menu, prompt: [hello], timeout: 3s, keys: { "1": help, "2": field }, no_input: help, no_match: help }
  help: { type: queue, queue: help, answered: bye, timeout: sorry, full: sorry, no_operators: sorry, error: sorry, waiting: { keys: { "*": bye } } }
  field: { type: line, line: field, answered: bye, busy: help, no_answer: help, error: help }
  bye: { type: hangup, prompt: [hello] }
  sorry: { type: hangup, prompt: [hello] }
"#;

/// Somebody who would rather talk with bea, and one who is sent on.
const MINE: &str = r#"
version: 1
flow: mine
start: help
languages: [en]
nodes:
  help: { type: queue, queue: help, preferred_operator: { id: bea, hold_for: 20s }, answered: bye, timeout: experts, full: bye, no_operators: bye, error: bye }
  experts: { type: queue, queue: experts, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  bye: { type: hangup, prompt: [hello] }
"#;
const EXPERTS: &str = r#"
version: 1
flow: experts
start: experts
languages: [en]
nodes:
  experts: { type: queue, queue: experts, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  bye: { type: hangup, prompt: [hello] }
"#;

/// Recorded, with a secret in it; asked afterwards, or a message.
const TAPED: &str = r#"
version: 1
flow: taped
start: on
languages: [en]
nodes:
  on: { type: recording, action: start, next: pin }
  pin: { type: collect, prompt: [hello], digits: { max: 2 }, save: pin, sensitive: true, ok: help, on_failure: help }
  help: { type: queue, queue: help, answered: rate, timeout: message, full: message, no_operators: message, error: bye }
  rate: { type: survey, prompt: [hello], keys: { "1": 1, "5": 5 }, save: csat, next: bye }
  message: { type: voicemail, prompt: [hello], mailbox: office, max: 2m, ok: bye, error: sorry }
  bye: { type: hangup, prompt: [hello] }
  sorry: { type: hangup }
"#;

/// Somebody outside says who helps.
const ASKS: &str = r#"
version: 1
flow: asks
start: who
languages: [en]
nodes:
  who: { type: http, request: { url: "https://api.example.org/${caller.number}" }, timeout: 1s, save: { expert: /expert }, ok: choose, error: help }
  choose: { type: branch, when: [{ if: vars.expert == true, then: experts }], else: help }
  help: { type: queue, queue: help, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  experts: { type: queue, queue: experts, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  bye: { type: hangup, prompt: [hello] }
"#;

/// The customer base says who calls, and whom the caller prefers.
const KNOWS: &str = r#"
version: 1
flow: knows
start: who
languages: [en]
nodes:
  who: { type: customer, account: '"4711"', found: help, unknown: bye }
  help: { type: queue, queue: help, preferred_operator: { id: "${customer.last_operator}", hold_for: 20s }, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  bye: { type: hangup, prompt: [hello] }
"#;

/// What is typed lands with the operator, but for what is a secret.
const CARRIES: &str = r#"
version: 1
flow: carries
start: order
languages: [en]
vars: { empty: "" }
nodes:
  order: { type: collect, prompt: [hello], digits: { min: 2, max: 2, end_key: none }, save: order, ok: pin, no_input: bye, no_match: bye }
  pin: { type: collect, prompt: [hello], digits: { min: 3, max: 3, end_key: none }, save: pin, sensitive: true, ok: mark, no_input: bye, no_match: bye }
  mark: { type: set, tags: [complaint, "order ${vars.order}"], next: help }
  help: { type: queue, queue: help, answered: after, timeout: bye, full: bye, no_operators: bye, error: bye }
  after: { type: set, tags: [done], next: bye }
  bye: { type: hangup, prompt: [hello] }
"#;

/// Operators by name, addresses of its own, and a queue with keys that keep the place.
const REACH: &str = r#"
version: 1
flow: reach
start: pick
languages: [en]
nodes:
  pick: { type: menu, prompt: [hello], timeout: 3s, keys: { "1": ann, "2": both, "3": turn, "4": wait, "5": nobody }, no_input: bye, no_match: bye }
  ann: { type: operator, id: ann, ring: 10s, operator_announcement: hello, answered: bye, busy: wait, no_answer: nobody, error: bye }
  nobody: { type: operator, id: "${caller.name}", answered: bye, busy: bye, no_answer: bye, error: bye }
  both: { type: dial, to: ["sip:one@10.0.0.0", "sip:two@10.0.0.1"], together: true, ring: 20s, answered: bye, busy: bye, no_answer: wait, error: bye }
  turn: { type: dial, to: ["sip:one@10.0.0.0", "sip:two@10.0.0.1"], ring: 20s, answered: bye, busy: bye, no_answer: wait, error: bye }
  wait: { type: queue, queue: help, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye, waiting: { comfort: [{ prompt: [hello], after: 20s, every: 30s }], keys: { "1": { play: [hello] }, "2": aside } } }
  aside: { type: play, prompt: [hello, { silence: 8s }], next: wait }
  bye: { type: hangup, prompt: [hello], cause: normal }
"#;

/// A text that only the call knows.
const SPOKEN: &str = r#"
version: 1
flow: spoken
start: greet
languages: [en]
nodes:
  greet: { type: play, barge_in: true, prompt: [{ say: "You are ${caller.number}" }, hello], next: bye }
  bye: { type: hangup, prompt: [hello] }
"#;

/// What is heard before the answer, and what flows do with flows.
const EARLY: &str = r#"
version: 1
flow: early
start: listen
answer: false
languages: [en]
on_hangup: note
nodes:
  listen: { type: play, prompt: [hello], repeat: 3, next: who }
  who: { type: branch, when: [{ if: 'caller.name.startsWith("0600")', then: help }], else: gone }
  help: { type: queue, queue: help, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  bye: { type: hangup, prompt: [hello] }
  gone: { type: reject, code: 404 }
  note: { type: set, tags: [gone], next: end }
  end: { type: hangup }
"#;
const ABOVE: &str = r#"
version: 1
flow: above
start: ask
languages: [en]
vars: { answer: none }
on_hangup: note
nodes:
  ask: { type: flow, name: below, params: { greeting: 7 }, save: answer, next: on, error: bye }
  on: { type: branch, when: [{ if: vars.answer == "two", then: help }], else: bye }
  help: { type: queue, queue: help, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  bye: { type: hangup, prompt: [hello] }
  note: { type: http, request: { url: "https://api.example.org/left/${caller.number}" }, timeout: 10s, ok: mark, error: end }
  mark: { type: set, tags: [gone], next: end }
  end: { type: hangup }
"#;
const BELOW: &str = r#"
version: 1
flow: below
start: menu
languages: [en]
vars: { greeting: 0 }
nodes:
  menu: { type: menu, prompt: [hello], timeout: 3s, keys: { "1": one, "2": two, "3": again }, no_input: one, no_match: one }
  again: { type: flow, name: below, save: greeting, next: two, error: deep }
  one: { type: return, value: one }
  two: { type: return, value: two }
  deep: { type: hangup, prompt: [hello] }
"#;

const SHUT: &str = "
version: 1
flow: shut
start: no
answer: false
languages: [en]
nodes:
  no: { type: reject, code: 603 }
";

/// Callers who may ask to be called back while they wait.
const BACK: &str = r#"
version: 1
flow: back
start: help
languages: [en]
nodes:
  help: { type: queue, queue: help, waiting: { keys: { "1": back, "2": elsewhere } }, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  back: { type: callback, confirm: false, ok: bye, error: sorry }
  elsewhere: { type: callback, number: '"+4930123456"', confirm: false, ok: bye, error: sorry }
  bye: { type: hangup, prompt: [hello] }
  sorry: { type: menu, prompt: [hello], timeout: 60s, keys: { "1": help }, no_input: bye, no_match: bye }
"#;

/// A world with one queue, whose settings can be added to.
fn world(help: &str, seed: u64) -> World {
    world_with(help, "ann: { secret: ann, skills: { help: 8 } }", seed)
}

/// The same with another ann.
fn world_with(help: &str, ann: &str, seed: u64) -> World {
    let field = "{ uri: \"sip:field@10.9.9.9\" }";
    world_outside((TRUNK, field), (help, ann), seed)
}

/// Callers by their address.
const TRUNK: &str = "all: { from: [10.0.0.0/8] }";

/// The same with other trunks, and another line `field`.
fn world_outside((trunks, field): (&str, &str), (help, ann): (&str, &str), seed: u64) -> World {
    let config = format!(
        "domain: centrale.localhost
sip: {{ trunks: {{ {trunks} }}, min_expires: 1s }}
limits: {{ calls: 100, calls_per_second: 1000 }}
numbers: {{ \"1\": {{ flow: main }}, \"3\": {{ flow: shut }}, \"4\": {{ flow: mine }}, \"5\": {{ flow: experts }}, \"6\": {{ flow: asks }}, \"7\": {{ flow: reach }}, \"8\": {{ flow: early }}, \"9\": {{ flow: above }}, \"80\": {{ flow: spoken }}, \"60\": {{ flow: taped }}, \"66\": {{ flow: back }}, \"67\": {{ flow: knows }}, \"68\": {{ flow: carries }} }}
speech: {{ command: [say] }}
requests: {{ allow: [api.example.org] }}
queues:
  help: {{ requires: {{ help: 5 }}, wrap_up: 10s, {help} }}
  experts: {{ requires: {{ expert: 1 }} }}
hours: {{ office: {{ zone: UTC, open: {{ mon-sun: [\"00:00-20:30\"] }} }} }}
lines: {{ experts: {{ queue: experts }}, field: {field} }}
operators:
  {ann}
  bea: {{ secret: bea, skills: {{ help: 6 }} }}
  cas: {{ secret: cas, skills: {{ help: 2 }} }}
  dan: {{ secret: dan, skills: {{ expert: 9 }} }}
"
    );
    let files = Files {
        config: vec![("config.yaml".into(), config)],
        flows: vec![
            ("main.yaml".into(), FLOW.into()),
            ("shut.yaml".into(), SHUT.into()),
            ("mine.yaml".into(), MINE.into()),
            ("experts.yaml".into(), EXPERTS.into()),
            ("taped.yaml".into(), TAPED.into()),
            ("back.yaml".into(), BACK.into()),
            ("asks.yaml".into(), ASKS.into()),
            ("knows.yaml".into(), KNOWS.into()),
            ("carries.yaml".into(), CARRIES.into()),
            ("reach.yaml".into(), REACH.into()),
            ("spoken.yaml".into(), SPOKEN.into()),
            ("early.yaml".into(), EARLY.into()),
            ("above.yaml".into(), ABOVE.into()),
            ("below.yaml".into(), BELOW.into()),
        ],
        sounds: BTreeSet::from([("en".into(), "hello".into())]),
    };
    let (config, diags) = load(&files, &|_| None, Path::new("."));
    let said: Vec<String> = diags.iter().map(ToString::to_string).collect();
    let config = config.unwrap_or_else(|| panic!("{}", said.join("\n")));
    let mut sounds = Library::default();
    let second = sounds.silence(Duration::from_secs(1));
    sounds.insert("en", "hello", Arc::clone(&second));
    let start = (Instant::now(), SystemTime::UNIX_EPOCH + s(1_780_000_000));
    World::new(config, sounds, 2, start, seed)
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// What somebody without a phone is told at last who sends this.
fn told(world: &mut World, from: SocketAddr, text: &str) -> Response {
    let before = world.astray(from).len();
    world.stranger(from, text);
    world.run(s(1));
    let answers = world.astray(from);
    let mut said = answers[before..].iter();
    said.find(|answer| answer.code >= 200).unwrap().clone()
}

/// Lets everything come to its end, and looks that nothing is left and nobody was told
/// two stories.
fn settle(world: &mut World) {
    world.run(s(150));
    // A registered phone is asked now and then whether it is there.
    world.run_until(s(60), |world| world.leaks().is_empty());
    assert_eq!(world.leaks(), Vec::<String>::new());
    let mut open: BTreeMap<CallId, u32> = BTreeMap::new();
    let mut busy: BTreeMap<String, CallId> = BTreeMap::new();
    for (at, event) in world.events() {
        match event {
            Event::CallStarted { call, .. } => {
                assert!(open.insert(call.clone(), 0).is_none(), "{call} began twice");
            }
            Event::CallEnded { call, .. } => {
                let ended = open.get_mut(call).expect("what began ends");
                *ended += 1;
                assert_eq!(*ended, 1, "{call} ended twice, at {at:?}");
                // Nobody talked with an operator who was there for nobody.
                if matches!(event, Event::CallEnded { outcome, .. } if *outcome == Outcome::NotReached)
                {
                    busy.retain(|_, with| with != call);
                }
            }
            Event::Offered { call, operator, .. } => {
                let before = busy.insert(operator.to_string(), call.clone());
                assert_eq!(before, None, "{operator} has two calls at {at:?}");
            }
            // One call may get an operator from another: an attended transfer.
            Event::Talking { call, operator, .. } => {
                let before = busy.insert(operator.to_string(), call.clone());
                assert!(before.is_none_or(|before| before == *call), "{operator}");
            }
            Event::OfferEnded {
                call,
                operator,
                result,
                ..
            } if *result != OfferResult::Answered => {
                assert_eq!(busy.remove(operator.as_str()).as_ref(), Some(call));
            }
            Event::TalkEnded { call, operator, .. } => {
                assert_eq!(busy.remove(operator.as_str()).as_ref(), Some(call));
            }
            Event::Fault { what, .. } => panic!("{what} at {at:?}"),
            _ => {}
        }
    }
    assert!(open.values().all(|ended| *ended == 1), "{open:?}");
    assert!(busy.is_empty(), "{busy:?}");
    for name in ["ann", "bea", "cas", "dan"] {
        let state = world.operator_state(name);
        let rests = !matches!(state, OperatorState::Offered | OperatorState::Talking);
        assert!(rests, "{name} is still {state}");
    }
    assert_eq!(world.waiting("help") + world.waiting("experts"), 0);
    assert_eq!(world.records().len(), open.len());
}

/// The one record of a world with one call.
fn record(world: &World) -> CallRecord {
    let records = world.records();
    assert_eq!(records.len(), 1, "one call");
    records[0].clone()
}

fn outcome(world: &World) -> Outcome {
    record(world).outcome
}
