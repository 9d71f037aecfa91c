//! Supervisors' commands and questions, over the wire.

use std::time::Duration;

use exchange::dispatch::After;
use exchange::model::{Event, OperatorName, OperatorState};
use serde_json::{Value, json};

use super::scene_tests::{JSON, Scene, scene, scene_with};
use super::tests::is_problem;
use crate::server::clock;

#[test]
fn a_waiting_call_gets_another_priority() {
    let scene = scene();
    let answer = scene.post("calls/c1/priority", JSON, r#"{"priority": -20}"#);
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(answer.json()["id"], "c1");
    assert_eq!(
        scene.told(),
        ["shard 0: Prioritize { call: CallKey(1), priority: -20 }"]
    );
    let says = scene.refused("calls/c2/priority", r#"{"priority": 20}"#, 409);
    assert!(says.contains("flow"), "{says}");
    scene.refused("calls/c7/priority", r#"{"priority": 20}"#, 404);
    assert!(scene.told().is_empty());
}

#[track_caller]
fn wrong_bodies(path: &str, bodies: &[(&str, u16, &str)]) {
    let scene = scene();
    for (body, status, says) in bodies {
        let detail = scene.refused(path, body, *status);
        assert!(detail.contains(says), "{body}: {detail}");
    }
    assert!(scene.told().is_empty());
}

#[test]
fn a_wrong_priority_hears_what_to_write() {
    let bodies = [
        ("", 400, r#"{"priority": 20}"#),
        ("{", 400, r#"{"priority": 20}"#),
        ("{}", 422, "missing field `priority`"),
        (r#"{"priority":101}"#, 422, "from -100 to 100"),
        (r#"{"priority":1.5}"#, 422, "whole number"),
        (r#"{"priority":1,"x":1}"#, 422, "unknown field `x`"),
    ];
    wrong_bodies("calls/c1/priority", &bodies);
}

#[test]
fn a_wrong_state_hears_what_to_write() {
    let long = json!({"state": "paused", "reason": "x".repeat(65)}).to_string();
    let bodies = [
        (r#"{"state":"talking"}"#, 422, "`logged_out`"),
        (r#"{"state":"ready","reason":"x"}"#, 422, "leave it out"),
        (r#"{"state":"paused","reason":" "}"#, 422, "lunch"),
        (r#"{"state":"paused","reason":"a\nb"}"#, 422, "control"),
        (&long, 422, "1 to 64 characters"),
    ];
    wrong_bodies("operators/alice/state", &bodies);
}

#[test]
fn a_wrong_extension_hears_what_to_write() {
    let bodies = [
        (r#"{"more":"0s"}"#, 422, "from 1s to 1h"),
        (r#"{"more":"61m"}"#, 422, "from 1s to 1h"),
        (r#"{"more":30}"#, 422, r#"{"more": "30s"}"#),
    ];
    wrong_bodies("operators/alice/wrap_up", &bodies);
}

#[test]
fn a_page_of_another_site_and_what_is_not_json_change_nothing() {
    let scene = scene();
    let (path, body) = ("operators/carol/state", r#"{"state":"paused"}"#);
    for strange in [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "X-Forwarded-For: 192.0.2.1\r\n",
    ] {
        is_problem(&scene.post(path, &format!("{JSON}{strange}"), body), 403);
    }
    for kind in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/json5\r\n",
    ] {
        let says = is_problem(&scene.post(path, kind, body), 415);
        assert!(says.contains("Content-Type: application/json"), "{says}");
    }
    assert!(scene.told().is_empty());
    let own = "Content-Type: Application/JSON; charset=utf-8\r\nOrigin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n";
    assert_eq!(scene.post(path, own, body).status, 200);
}

#[test]
fn a_command_is_only_posted_and_only_small() {
    let scene = scene();
    for path in [
        "calls/c1/priority",
        "operators/alice/state",
        "operators/alice/wrap_up",
    ] {
        let path = format!("/api/v1/{path}");
        for method in ["GET", "PUT", "DELETE"] {
            let answer = scene.house.ask(method, &path, "Host: localhost\r\n");
            is_problem(&answer, 405);
            assert!(answer.head.contains("allow: post"), "{}", answer.head);
        }
    }
    // Without a length that could be looked at first.
    let more = "x".repeat(70_000);
    let request = format!(
        "POST /api/v1/operators/alice/state HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{more}\r\n0\r\n\r\n",
        more.len()
    );
    is_problem(&scene.house.send(&request), 413);
}

#[test]
fn an_operator_pauses_at_once_or_after_the_call() {
    let scene = scene();
    let lunch = r#"{"state":"paused","reason":"lunch"}"#;
    let carol = scene.done("operators/carol/state", lunch);
    assert_eq!(carol["state"], "paused");
    assert_eq!(carol["reason"], "lunch");
    assert_eq!(carol["pending"], Value::Null);
    let expected = r#"OperatorChanged { operator: carol, state: Paused, reason: Some(PauseReason("lunch")), call: None }"#;
    assert_eq!(scene.told(), [expected]);

    let alice = scene.done("operators/alice/state", lunch);
    assert_eq!(alice["state"], "talking");
    assert_eq!(alice["reason"], Value::Null);
    assert_eq!(alice["pending"], "paused");
    let shown = scene.house.read("/api/v1/operators/alice").json();
    assert_eq!(shown["pending"], "paused");
    let alice = scene.done("operators/alice/state", r#"{"state":"logged_out"}"#);
    assert_eq!(alice["pending"], "logged_out");
    let alice = scene.done("operators/alice/state", r#"{"state":"ready"}"#);
    assert_eq!(
        (&alice["state"], &alice["pending"]),
        (&json!("talking"), &Value::Null)
    );
    assert!(scene.told().is_empty(), "what she does is as before");
}

#[test]
fn who_cannot_obey_says_why() {
    let scene = scene();
    let says = scene.refused("operators/bob/state", r#"{"state":"ready"}"#, 409);
    assert!(says.contains("no phone"), "{says}");
    scene.refused("operators/nobody/state", r#"{"state":"ready"}"#, 404);
    let says = scene.refused("operators/alice/wrap_up", r#"{"more":"30s"}"#, 409);
    assert!(says.contains("not in wrap-up but talking"), "{says}");
    assert!(scene.told().is_empty());
}

#[test]
fn a_wrap_up_is_extended_and_ended() {
    let scene = scene();
    let now = clock::now();
    let _over = scene
        .shared
        .board
        .finished(&scene.alice[0], After::WrapUp, now);
    let until = now + Duration::from_secs(10);
    let alice = OperatorName::from("alice");
    scene.shared.wrap_ups.begin(&alice, scene.alice[0], until);
    let longer = scene.done("operators/alice/wrap_up", r#"{"more":"5m"}"#);
    assert_eq!(longer["state"], "wrap_up");
    let left = longer["wrap_up_left_s"].as_f64().unwrap();
    assert!((300.0..=310.0).contains(&left), "{left}");
    let ready = scene.done("operators/alice/state", r#"{"state":"ready"}"#);
    assert_eq!(ready["state"], "offered", "the call that waits is hers");
    let [told] = scene.told().try_into().unwrap();
    assert!(told.starts_with("shard 0: Match("), "{told}");
}

/// What is told of alice once a call of hers is over.
fn after_call(scene: &Scene, call: usize) -> (OperatorState, Option<String>) {
    let board = &scene.shared.board;
    let change = board.finished(&scene.alice[call], After::WrapUp, clock::now());
    let told = scene.shared.changed(&"alice".into(), &change, None);
    let Some(Event::OperatorChanged { state, reason, .. }) = told else {
        panic!("something is told: {told:?}");
    };
    (state, reason.map(|reason| reason.to_string()))
}

#[test]
fn who_has_two_calls_pauses_after_both_with_the_reason() {
    let scene = scene_with(2);
    let lunch = r#"{"state":"paused","reason":"lunch"}"#;
    let alice = scene.done("operators/alice/state", lunch);
    assert_eq!(alice["pending"], "paused");
    assert_eq!(after_call(&scene, 0), (OperatorState::Talking, None));
    let shown = scene.house.read("/api/v1/operators/alice").json();
    assert_eq!(shown["pending"], "paused");
    let lunch = Some("lunch".to_owned());
    assert_eq!(after_call(&scene, 1), (OperatorState::Paused, lunch));
}

#[test]
fn a_wrap_up_is_extended_while_another_call_goes_on() {
    let scene = scene_with(2);
    assert_eq!(after_call(&scene, 0), (OperatorState::Talking, None));
    let until = clock::now() + Duration::from_secs(10);
    let alice = OperatorName::from("alice");
    scene.shared.wrap_ups.begin(&alice, scene.alice[0], until);
    let longer = scene.done("operators/alice/wrap_up", r#"{"more":"30s"}"#);
    assert_eq!(longer["state"], "talking");
    let left = longer["wrap_up_left_s"].as_f64().unwrap();
    assert!((30.0..=40.0).contains(&left), "{left}");
    scene.done("operators/alice/state", r#"{"state":"ready"}"#);
    scene.refused("operators/alice/wrap_up", r#"{"more":"30s"}"#, 409);
}

#[test]
fn why_a_caller_waits_is_told_operator_by_operator() {
    let scene = scene();
    let why = scene.house.read("/api/v1/calls/c1/why").json();
    assert_eq!(
        (&why["call"], &why["queue"]),
        (&json!("c1"), &json!("support"))
    );
    assert_eq!(why["waited_s"], 10.0);
    assert_eq!(why["total"], 3);
    let [alice, bob, carol] = why["operators"].as_array().unwrap().as_slice() else {
        panic!("three operators: {why}");
    };
    assert_eq!(alice["operator"], "alice");
    assert_eq!(alice["why_not"]["state"], "talking");
    assert_eq!(
        bob["why_not"],
        json!({"code": "state", "state": "paused", "reason": "lunch", "since": "2023-11-14T22:13:23.000Z"})
    );
    assert_eq!(bob["text"], "paused: lunch");
    assert_eq!(
        carol["why_not"],
        json!({"code": "skill", "skill": "support", "has": 2, "wants": 5})
    );
    assert_eq!(carol["text"], "skill support 2 < 5");
    let first = scene.house.read("/api/v1/calls/c1/why?limit=1").json();
    assert_eq!(first["operators"].as_array().unwrap().len(), 1);
    assert!(
        scene
            .house
            .problem("/api/v1/calls/c2/why", 409)
            .contains("flow")
    );
    scene.house.problem("/api/v1/calls/c7/why", 404);
    scene.house.problem("/api/v1/calls/c1/why?x=1", 400);
}

#[test]
fn why_an_operator_has_no_call_is_told_call_by_call() {
    let scene = scene();
    let why = scene.house.read("/api/v1/operators/bob/why").json();
    assert_eq!(
        (&why["operator"], &why["state"]),
        (&json!("bob"), &json!("paused"))
    );
    assert_eq!(why["total"], 1);
    let row = &why["calls"][0];
    assert_eq!(
        (&row["call"], &row["queue"]),
        (&json!("c1"), &json!("support"))
    );
    assert_eq!(row["text"], "paused: lunch");
    scene.house.problem("/api/v1/operators/nobody/why", 404);
    scene
        .house
        .problem("/api/v1/operators/bob/why?limit=1", 400);
}
