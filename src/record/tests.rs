//! Made-up days, and what is left of them.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::model::{
    Answer, CallId, CallState, DequeueReason, Event, Hangup, Level, OfferResult, OperatorState,
    Outcome, PauseReason, Sequence, Skill, Stamped, StreamQuality, Surveyed, Telephone,
};
use crate::record::{CallRecord, Floor, Ledger, Live};
use crate::{operator, queue};

pub(super) fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + millis)
}

pub(super) fn stamped(millis: u64, event: Event) -> Stamped {
    Stamped {
        sequence: Sequence(millis + 1),
        at: at(millis),
        event,
    }
}

pub(super) fn started(call: &str) -> Event {
    Event::CallStarted {
        call: call.into(),
        from: "+31612345678".into(),
        to: "1000".into(),
        number: "*".into(),
        flow: "welcome".into(),
        project: None,
        trunk: "local".into(),
    }
}

fn queued(call: &str) -> Event {
    Event::Queued {
        call: call.into(),
        queue: "support".into(),
        priority: 3,
    }
}

fn dequeued(call: &str, waited: u64, exit: DequeueReason) -> Event {
    Event::Dequeued {
        call: call.into(),
        queue: "support".into(),
        waited: Duration::from_millis(waited),
        exit,
    }
}

fn offered(call: &str) -> Event {
    Event::Offered {
        call: call.into(),
        queue: "support".into(),
        operator: "alice".into(),
        decided_in: Duration::from_micros(40),
        overtook: None,
    }
}

fn offer_ended(call: &str, result: OfferResult, rang: u64) -> Event {
    Event::OfferEnded {
        call: call.into(),
        queue: "support".into(),
        operator: "alice".into(),
        result,
        rang: Duration::from_millis(rang),
    }
}

fn talking(call: &str, waited: u64) -> Event {
    Event::Talking {
        call: call.into(),
        queue: "support".into(),
        operator: "alice".into(),
        waited: Duration::from_millis(waited),
    }
}

fn talk_ended(call: &str, talked: u64) -> Event {
    Event::TalkEnded {
        call: call.into(),
        queue: "support".into(),
        operator: "alice".into(),
        talked: Duration::from_millis(talked),
    }
}

fn ended(call: &str, outcome: Outcome) -> Event {
    Event::CallEnded {
        call: call.into(),
        outcome,
        hangup: Hangup::Caller,
        cause: None,
        said: crate::model::Said::default(),
        lasted: Duration::from_secs(70),
    }
}

fn stream(call: &str, caller: bool, received: u64) -> Event {
    Event::StreamEnded {
        call: call.into(),
        caller,
        quality: StreamQuality {
            received,
            sent: received,
            lost: 1,
            jitter: Duration::from_millis(4),
            mos: Some(4.25),
        },
    }
}

fn changed(operator: &str, state: OperatorState, call: Option<&str>) -> Event {
    Event::OperatorChanged {
        operator: operator.into(),
        state,
        reason: (state == OperatorState::Paused).then(|| PauseReason::new("lunch")),
        call: call.map(Into::into),
    }
}

fn an_answered_call() -> Vec<(u64, Event)> {
    vec![
        (0, started("c1")),
        (
            1,
            Event::FlowStep {
                call: "c1".into(),
                flow: "welcome".into(),
                node: "menu".into(),
                verb: "menu",
            },
        ),
        (
            200,
            Event::CallAnswered {
                call: "c1".into(),
                setup: Duration::from_millis(200),
            },
        ),
        (5_000, queued("c1")),
        (6_000, offered("c1")),
        (8_000, offer_ended("c1", OfferResult::Rejected, 2_000)),
        (9_000, offered("c1")),
        (15_000, offer_ended("c1", OfferResult::Answered, 6_000)),
        (15_000, dequeued("c1", 10_000, DequeueReason::Answered)),
        (15_000, talking("c1", 10_000)),
        (69_500, talk_ended("c1", 54_500)),
        (70_000, stream("c1", false, 2_725)),
        (70_000, ended("c1", Outcome::Answered)),
    ]
}

pub(super) fn fold(ledger: &mut Ledger, events: Vec<(u64, Event)>) -> Vec<CallRecord> {
    events
        .into_iter()
        .filter_map(|(millis, event)| ledger.handle(&stamped(millis, event)))
        .collect()
}

#[test]
fn an_answered_call_leaves_one_record_with_the_names_of_the_contract() {
    let mut ledger = Ledger::new();
    let records = fold(&mut ledger, an_answered_call());
    assert_eq!(records.len(), 1);
    assert_eq!(ledger.open(), 0);
    let shown = serde_json::to_value(&records[0]).unwrap();
    let expected = json!({
        "id": "c1", "revision": 0, "from": "+31612345678", "to": "1000", "number": "*",
        "flow": "welcome", "project": null, "trunk": "local",
        "started": "2023-11-14T22:13:20.000Z", "answered": "2023-11-14T22:13:20.200Z",
        "ended": "2023-11-14T22:14:30.000Z",
        "outcome": "answered", "hangup": "caller", "cause": null, "code": null,
        "waited_s": 10.0, "talked_s": 54.5,
        "queue": "support", "operator": "alice", "line": null,
        "survey": {}, "tags": [], "vars": {}, "recordings": [],
            "path": ["menu"],
        "offers": [
            {"operator": "alice", "queue": "support", "result": "rejected", "rang_s": 2.0},
            {"operator": "alice", "queue": "support", "result": "answered", "rang_s": 6.0},
        ],
        "caller_quality": null,
        "operator_quality":
            {"received": 2725, "sent": 2725, "lost": 1, "jitter_s": 0.004, "mos": 4.25},
    });
    assert_eq!(shown, expected);
    let back: CallRecord = serde_json::from_value(shown).unwrap();
    assert_eq!(back, records[0]);
}

#[test]
fn a_stream_that_closes_after_the_end_tells_the_record_again() {
    let mut ledger = Ledger::new();
    fold(&mut ledger, an_answered_call());
    let late = fold(&mut ledger, vec![(70_020, stream("c1", true, 3_400))]);
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].revision, 1);
    assert_eq!(late[0].caller_quality.as_ref().unwrap().received, 3_400);
    assert_eq!(late[0].operator_quality.as_ref().unwrap().received, 2_725);
}

#[test]
fn a_phone_that_only_rang_does_not_replace_the_stream_of_the_talk() {
    let mut ledger = Ledger::new();
    fold(&mut ledger, an_answered_call());
    assert_eq!(
        fold(&mut ledger, vec![(70_020, stream("c1", false, 0))]),
        []
    );
}

#[test]
fn a_refused_call_leaves_a_record_with_its_code() {
    let rejected = Event::CallRejected {
        call: "c2".into(),
        from: "x".into(),
        to: "1000".into(),
        number: "1000".into(),
        code: 488,
    };
    let records = fold(&mut Ledger::new(), vec![(0, rejected)]);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].outcome, Outcome::Rejected);
    assert_eq!(records[0].code, Some(488));
}

#[test]
fn time_on_a_line_counts_as_talk() {
    let line = Event::OnLine {
        call: "c1".into(),
        line: "field".into(),
    };
    let events = vec![
        (0, started("c1")),
        (10_000, line),
        (40_000, ended("c1", Outcome::Escalated)),
    ];
    let records = fold(&mut Ledger::new(), events);
    assert_eq!(records[0].talked, Duration::from_secs(30));
    assert_eq!(records[0].line, Some("field".into()));
}

#[test]
fn at_the_bound_the_oldest_call_is_closed_with_a_record() {
    let mut ledger = Ledger::with_bound(2);
    let events = (0..5)
        .map(|n| (n * 1000, started(&format!("c{n}"))))
        .collect();
    let evicted: Vec<_> = fold(&mut ledger, events)
        .into_iter()
        .map(|record| (record.id.to_string(), record.outcome))
        .collect();
    let expected: Vec<_> = ["c0", "c1", "c2"]
        .map(|id| (id.to_owned(), Outcome::Failed))
        .into();
    assert_eq!(evicted, expected);
    assert_eq!(ledger.open(), 2);
}

#[test]
fn twenty_thousand_calls_keep_the_ledger_small() {
    let mut ledger = Ledger::new();
    for n in 0..20_000_u64 {
        let id = format!("c{n}");
        ledger.handle(&stamped(n, started(&id)));
        assert!(
            ledger
                .handle(&stamped(n, ended(&id, Outcome::Failed)))
                .is_some()
        );
    }
    let [open, names, ended, order] = ledger.sizes();
    assert_eq!((open, ended, order), (0, 8_192, 8_192));
    assert!(
        names <= 18,
        "{names} names of open calls, of which there are none"
    );
}

#[test]
fn an_ended_call_is_known_until_its_streams_have_closed() {
    let mut ledger = Ledger::new();
    // One call a second, for five minutes.
    for n in 0..300_u64 {
        let id = format!("c{n}");
        ledger.handle(&stamped(n * 1000, started(&id)));
        ledger.handle(&stamped(n * 1000, ended(&id, Outcome::Failed)));
    }
    let [_, _, ended, order] = ledger.sizes();
    assert_eq!((ended, order), (61, 61));
}

fn floor() -> Floor {
    let support = || (Skill::new("support"), Level::new(5).unwrap());
    let person = |name: &str, skilled: bool| {
        Arc::new(operator::Settings {
            name: name.into(),
            display: name.to_uppercase(),
            secret: operator::Secret {
                md5: String::new(),
                sha256: String::new(),
            },
            skills: skilled.then(support).into_iter().collect(),
            role: operator::Role::default(),
            log_in: operator::LogIn::default(),
            max_calls: 1,
            place: 0,
        })
    };
    Floor {
        queues: vec![Arc::new(queue::Settings {
            requires: [support()].into_iter().collect(),
            ..queue::Settings::named("support".into())
        })],
        operators: vec![person("alice", true), person("bob", false)],
    }
}

pub(super) fn live(events: Vec<(u64, Event)>) -> Live {
    let mut live = Live::new(&floor(), at(0));
    for (millis, event) in events {
        live.handle(&stamped(millis, event));
    }
    live
}

#[test]
fn a_queue_shows_who_waits_and_who_may_serve() {
    let live = live(vec![
        (0, started("c1")),
        (0, started("c2")),
        (1_000, queued("c1")),
        (2_000, queued("c2")),
        (2_000, changed("bob", OperatorState::Ready, None)),
        (3_000, changed("alice", OperatorState::Offered, Some("c1"))),
        (3_000, offered("c1")),
    ]);
    let shown = serde_json::to_value(live.queue("support", at(11_000))).unwrap();
    assert_eq!(shown["waiting"], 2);
    assert_eq!(shown["longest_wait_s"], 10.0);
    // Bob is ready, but lacks the skill.
    let operators = json!({
        "ready": 0, "offered": 1, "talking": 0, "wrap_up": 0, "paused": 0, "logged_out": 0,
    });
    assert_eq!(shown["operators"], operators);
    assert_eq!(shown["service_level"]["ratio"], json!(null));
    let call = serde_json::to_value(live.call("c1", at(11_000))).unwrap();
    let expected = json!({
        "id": "c1", "state": "offered", "from": "+31612345678", "to": "1000",
        "flow": "welcome", "queue": "support", "operator": "alice", "waited_s": 10.0,
        "priority": 3, "recording": null, "tags": [], "vars": {}, "started": "2023-11-14T22:13:20.000Z",
    });
    assert_eq!(call, expected);
}

#[test]
fn a_missed_offer_goes_back_to_waiting() {
    let live = live(vec![
        (0, started("c1")),
        (0, queued("c1")),
        (1, offered("c1")),
        (15_000, offer_ended("c1", OfferResult::Missed, 15_000)),
    ]);
    let call = live.call("c1", at(15_000)).unwrap();
    assert_eq!((call.state, call.operator), (CallState::Queued, None));
    assert_eq!(live.queues(at(15_000))[0].waiting, 1);
}

#[test]
fn an_answered_call_moves_through_the_views_and_leaves() {
    let mut events = an_answered_call();
    let last = events.pop();
    let mut live = live(events);
    assert_eq!(live.calls_by_state()[&CallState::Flow], 1);
    let queue = &live.queues(at(70_000))[0];
    assert_eq!(queue.waiting, 0);
    assert_eq!(queue.service_level.ratio, Some(1.0));
    let (millis, event) = last.unwrap();
    live.handle(&stamped(millis, event));
    assert_eq!(live.calls(10, at(70_000)), []);
    assert_eq!(live.calls_by_state().into_values().sum::<usize>(), 0);
}

#[test]
fn who_leaves_within_five_seconds_does_not_count() {
    let abandon = |waited| {
        live(vec![
            (0, started("c1")),
            (0, queued("c1")),
            (waited, dequeued("c1", waited, DequeueReason::Abandoned)),
            (waited, ended("c1", Outcome::Abandoned)),
        ])
    };
    let ratio = |live: &Live| live.queues(at(10_000))[0].service_level.ratio;
    assert_eq!(ratio(&abandon(4_999)), None);
    assert_eq!(ratio(&abandon(5_000)), Some(0.0));
}

#[test]
fn a_caller_who_vanishes_without_dequeued_does_not_wait_for_ever() {
    let live = live(vec![
        (0, started("c1")),
        (0, queued("c1")),
        (1, ended("c1", Outcome::Failed)),
    ]);
    assert_eq!(live.queues(at(2))[0].waiting, 0);
}

#[test]
fn an_operator_shows_state_call_and_phones() {
    let registered = |contact: &str| Event::Registered {
        operator: "alice".into(),
        contact: contact.into(),
        remote: "127.0.0.1:5070".parse().unwrap(),
        refresh: false,
    };
    let live = live(vec![
        (0, registered("sip:alice@a")),
        (1, registered("sip:alice@a")),
        (2, registered("sip:alice@b")),
        (3, started("c1")),
        (4, queued("c1")),
        (5, changed("alice", OperatorState::Offered, Some("c1"))),
        (6, offered("c1")),
        (7, changed("alice", OperatorState::Talking, Some("c1"))),
        (8, ended("c1", Outcome::Answered)),
        (9, changed("alice", OperatorState::WrapUp, Some("c1"))),
        (10, changed("bob", OperatorState::Paused, None)),
    ]);
    assert_eq!(live.registrations(), 2);
    let expected = json!({
        "name": "alice", "display": "ALICE", "state": "wrap_up", "reason": null,
        "since": "2023-11-14T22:13:20.009Z", "queue": "support", "call": "c1",
        "skills": {"support": 5}, "contacts": ["sip:alice@a", "sip:alice@b"],
    });
    assert_eq!(
        serde_json::to_value(live.operator("alice")).unwrap(),
        expected
    );
    assert_eq!(
        live.operator("bob").unwrap().reason,
        Some(PauseReason::new("lunch"))
    );
}

#[test]
fn another_configuration_keeps_what_goes_on() {
    let mut live = live(vec![
        (0, started("c1")),
        (0, queued("c1")),
        (1, changed("alice", OperatorState::Ready, None)),
    ]);
    let mut floor = floor();
    floor.operators.pop();
    live.reconfigure(&floor, at(5));
    assert_eq!(live.queues(at(5))[0].waiting, 1);
    assert_eq!(live.queues(at(5))[0].operators.ready, 1);
    assert_eq!(live.operators().len(), 1);
    floor.queues.clear();
    live.reconfigure(&floor, at(6));
    live.handle(&stamped(7, dequeued("c1", 7, DequeueReason::Ended)));
    assert_eq!(live.queues(at(7)), []);
}

#[test]
fn a_number_that_is_forgotten_comes_back_by_no_later_record() {
    let zoe = Telephone::read("0031 6 12345678").unwrap();
    let mut ledger = Ledger::new();
    let mut live = Live::new(&Floor::default(), at(0));
    live.handle(&stamped(0, started("c1")));
    for call in ["c1", "c2"] {
        ledger.handle(&stamped(0, started(call)));
    }
    let ended = |call: &str| Event::CallEnded {
        call: call.into(),
        outcome: Outcome::EndedInFlow,
        hangup: Hangup::Flow,
        lasted: Duration::ZERO,
        cause: None,
        said: crate::model::Said::default(),
    };
    let record = ledger.handle(&stamped(1, ended("c1"))).unwrap();
    assert_eq!(record.from.as_str(), "+31612345678");
    let calls: Vec<CallId> = ["c2", "c1"].map(CallId::from).into();
    assert_eq!(ledger.erase(&zoe), calls);
    assert!(ledger.follows(&"c1".into()) && !ledger.follows(&"c3".into()));
    live.erase(&zoe);
    let heard = StreamQuality {
        received: 1,
        ..StreamQuality::default()
    };
    let closed = Event::StreamEnded {
        call: "c1".into(),
        caller: true,
        quality: heard,
    };
    let record = ledger.handle(&stamped(2, closed)).unwrap();
    assert_eq!((record.from.as_str(), record.revision), ("erased", 1));
    let record = ledger.handle(&stamped(3, ended("c2"))).unwrap();
    assert_eq!(record.from.as_str(), "erased");
    assert_eq!(live.caller(&"c1".into()), Some(&"erased".into()));
}

#[test]
fn a_record_has_the_last_answer_to_each_question() {
    let mut ledger = Ledger::new();
    ledger.handle(&stamped(0, started("c1")));
    let answers = [
        ("csat", Answer::Number(2)),
        ("again", Answer::Word("no".into())),
        ("csat", Answer::Number(4)),
    ];
    for (question, answer) in answers {
        let surveyed = Surveyed {
            call: "c1".into(),
            flow: "welcome".into(),
            project: None,
            queue: Some("support".into()),
            operator: None,
            question: question.into(),
            answer,
        };
        ledger.handle(&stamped(10, Event::Surveyed(surveyed)));
    }
    let ended = Event::CallEnded {
        call: "c1".into(),
        outcome: Outcome::Answered,
        hangup: Hangup::Flow,
        lasted: Duration::from_secs(9),
        cause: None,
        said: crate::model::Said::default(),
    };
    let record = ledger.handle(&stamped(9_000, ended)).unwrap();
    let mut text = serde_json::to_value(&record).unwrap();
    assert_eq!(text["survey"], json!({ "again": "no", "csat": 4 }));
    // Records of before there were surveys can be read.
    text.as_object_mut().unwrap().remove("survey");
    let old: CallRecord = serde_json::from_value(text).unwrap();
    assert!(old.survey.is_empty());
}
