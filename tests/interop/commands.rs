//! Supervisors who give orders and ask why, by HTTP and at the command line.

use std::process::Output;

use serde_json::json;

use crate::client::{Client, brief, phone};
use crate::eventually;
use crate::server::{DIRECT, QUEUES, Server, binary};

/// A caller who waits for `support`, and the call's id.
fn waiting(server: &Server, seconds: u32) -> (Client, String) {
    let known = server.queued();
    let call = brief(server, "2000", seconds * 1000);
    let mut found = None;
    eventually("the caller waits", 10, || {
        found = server.queued().into_iter().find(|id| !known.contains(id));
        found.is_some()
    });
    (call, found.unwrap())
}

fn run_why(server: &Server, arguments: &[&str]) -> Output {
    let mut command = binary(&server.folder);
    command.arg("why").args(arguments).output().unwrap()
}

/// What the command prints when all is well.
fn prints(server: &Server, arguments: &[&str]) -> String {
    let out = run_why(server, arguments);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(0), "{said}");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// The one sentence that it ends with otherwise.
fn complains(server: &Server, arguments: &[&str]) -> String {
    let out = run_why(server, arguments);
    assert_eq!(out.status.code(), Some(1));
    assert!(out.stdout.is_empty());
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn a_pause_asked_for_in_a_talk_begins_after_it_with_its_reason() {
    let server = Server::start("");
    let operator = phone(&server, "alice", "phone_answers", &[]);
    let call = brief(&server, "2000", 3000);
    server.wait_for("alice", "talking", 10);
    let answer = server.order("alice", r#"{"state":"paused","reason":"lunch"}"#);
    assert_eq!(answer["state"], "talking", "{answer}");
    assert_eq!(answer["pending"], "paused", "{answer}");
    call.succeeds(10);
    operator.succeeds(10);
    server.wait_for("alice", "paused", 5);
    assert_eq!(server.operator("alice").1.as_deref(), Some("lunch"));
    let answer = server.order("alice", r#"{"state":"ready"}"#);
    assert_eq!(answer["state"], "ready", "{answer}");
    server.wait_for("alice", "ready", 5);
    let answer = server.order("alice", r#"{"state":"logged_out"}"#);
    assert_eq!(answer["state"], "logged_out", "{answer}");
    server.wait_for("alice", "logged_out", 5);
    let bob = server.post("/api/v1/operators/bob/state", r#"{"state":"ready"}"#);
    assert_eq!(bob.0, 409, "he has no phone: {}", bob.1);
}

#[test]
fn a_wrap_up_is_extended_and_ended() {
    let floor = QUEUES.replace("wrap_up: 1s", "wrap_up: 4s");
    let server = Server::with(&floor, &[("2000", "direct", DIRECT)]);
    let operator = phone(&server, "alice", "phone_answers", &[]);
    let call = brief(&server, "2000", 2_000);
    let path = "/api/v1/operators/alice/wrap_up";
    assert_eq!(server.post(path, r#"{"more":"30s"}"#).0, 409);
    server.wait_for("alice", "wrap_up", 10);
    // The queue's own wrap-up has four seconds.
    let (code, answer) = server.post(path, r#"{"more":"1s"}"#);
    assert_eq!(
        (code, &answer["state"]),
        (200, &"wrap_up".into()),
        "{answer}"
    );
    let left = answer["wrap_up_left_s"].as_f64().unwrap();
    assert!((1.0..=5.0).contains(&left), "{answer}");
    let began = std::time::Instant::now();
    server.wait_for("alice", "ready", 10);
    let lasted = began.elapsed().as_secs_f64();
    assert!(lasted > left - 0.5, "{lasted} s of {left} s");
    call.succeeds(10);
    operator.succeeds(10);

    let operator = phone(&server, "alice", "phone_answers", &[]);
    let call = brief(&server, "2000", 2_000);
    server.wait_for("alice", "wrap_up", 10);
    assert_eq!(server.post(path, r#"{"more":"1h"}"#).0, 200);
    let answer = server.order("alice", r#"{"state":"ready"}"#);
    assert_eq!(answer["state"], "ready", "{answer}");
    server.wait_for("alice", "ready", 5);
    call.succeeds(10);
    operator.succeeds(10);
}

#[test]
fn a_priority_overtakes_who_waited_for_longer() {
    let server = Server::start("");
    let operator = phone(&server, "alice", "phone_answers", &[]);
    server.order("alice", r#"{"state":"paused","reason":"briefing"}"#);
    let (older, older_id) = waiting(&server, 60);
    let (younger, id) = waiting(&server, 7);
    let path = format!("/api/v1/calls/{id}/priority");
    let (code, answer) = server.post(&path, r#"{"priority":50}"#);
    assert_eq!(
        (code, &answer["id"]),
        (202, &id.as_str().into()),
        "{answer}"
    );
    let path_of = format!("/api/v1/calls/{id}");
    server.shows(&path_of, |call| call["priority"] == 50);
    let answer = server.order("alice", r#"{"state":"ready"}"#);
    assert_eq!(answer["state"], "offered", "{answer}");
    server.wait_for("alice", "talking", 5);
    server.shows("/api/v1/operators/alice", |alice| {
        alice["call"] == id.as_str()
    });
    let (code, answer) = server.post(&path, r#"{"priority":0}"#);
    assert_eq!(code, 409, "it talks: {answer}");
    eventually("the older waits on", 5, || {
        server.queued() == [older_id.as_str()]
    });
    younger.succeeds(10);
    operator.succeeds(10);
    drop(older);
}

#[test]
fn why_a_caller_waits_is_said_by_http_and_at_the_command_line() {
    let server = Server::start("");
    let _alice = phone(&server, "alice", "phone_answers", &[]);
    server.order("alice", r#"{"state":"paused","reason":"lunch"}"#);
    let (_call, id) = waiting(&server, 60);
    let why = server.json(&format!("/api/v1/calls/{id}/why"));
    let [alice, bob, carol] = why["operators"].as_array().unwrap().as_slice() else {
        panic!("three operators: {why}");
    };
    assert_eq!(why["queue"], "support", "{why}");
    assert_eq!(alice["why_not"]["state"], "paused", "{why}");
    assert_eq!(alice["why_not"]["reason"], "lunch");
    assert_eq!(alice["text"], "paused: lunch");
    assert_eq!(bob["why_not"]["state"], "logged_out");
    assert_eq!(
        carol["why_not"],
        json!({"code": "skill", "skill": "support", "has": null, "wants": 1})
    );

    let (_, end) = id.split_once('-').unwrap();
    for name in [id.as_str(), end] {
        let text = prints(&server, &[name]);
        assert!(
            text.starts_with(&format!("{id} waits in support for ")),
            "{text}"
        );
        assert!(text.contains("\nalice     paused: lunch\n"), "{text}");
        assert!(text.contains("\nbob       logged out\n"), "{text}");
    }
    let text = prints(&server, &["--operator", "alice"]);
    assert!(text.starts_with("alice: paused (lunch)\n"), "{text}");
    assert!(text.contains(&id) && text.contains("support"), "{text}");
    assert!(complains(&server, &["4711"]).contains("no live call 4711"));
    assert!(complains(&server, &["--operator", "dave"]).contains("no operator dave"));
    let neither = run_why(&server, &[]);
    assert_eq!(neither.status.code(), Some(2), "{neither:?}");
}

#[test]
fn who_asks_a_server_that_is_not_there_is_told_where_it_was_looked_for() {
    let mut server = Server::start("");
    server.signal("-KILL");
    eventually("the server is gone", 5, || server.exit_code().is_some());
    let said = complains(&server, &["4711"]);
    let address = format!("no server answers at http://127.0.0.1:{}", server.http);
    assert!(said.contains(&address), "{said}");
}
