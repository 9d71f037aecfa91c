//! Callers and operators who talk.

use std::time::Duration;

use crate::client::{baresip, brief, caller, patient, phone, sipp};
use crate::eventually;
use crate::server::{HEEDS_SILENCE, Server};
use crate::sound::{Stream, recording, seconds_of};

#[test]
fn a_caller_presses_a_key_waits_and_talks_with_an_operator() {
    let server = Server::start("");
    let (alice, folder) = baresip(&server, "alice", "udp");
    // The greeting takes a second or two; keys are heard all the time.
    let stream = Stream::start(1_000.0, Some((1, Duration::from_secs(3))));
    let port = stream.port.to_string();
    let call = caller(
        &server,
        "caller",
        "1000",
        &["-key", "media", &port, "-d", "9000"],
    );
    server.wait_for("alice", "talking", 15);
    let live = server.shows("/api/v1/calls", |live| {
        live["calls"][0]["state"] == "talking"
    });
    assert_eq!(live["calls"][0]["operator"], "alice");
    call.succeeds(20);
    server.wait_for("alice", "wrap_up", 3);
    server.wait_for("alice", "ready", 5);
    let heard = stream.heard();
    let theirs = seconds_of(440.0, &heard);
    assert!(theirs > 2.0, "the caller heard the operator for {theirs} s");
    drop(alice);
    eventually("the operator heard the caller", 5, || {
        seconds_of(1_000.0, &recording(&folder, "-dec.wav")) > 2.0
    });
    let record = server.record();
    assert_eq!(record["outcome"], "answered", "{record}");
    assert_eq!(record["hangup"], "caller");
    assert_eq!(record["operator"], "alice");
    assert_eq!(record["queue"], "support");
    assert_eq!(record["from"], "0612345678");
    assert_eq!(record["path"][3], "support", "{record}");
    assert_eq!(record["offers"][0]["result"], "answered");
    assert!(record["talked_s"].as_f64().unwrap() > 2.0);
    assert!(record["caller_quality"]["mos"].as_f64().unwrap() > 4.0);
    for (metric, least) in [
        (
            "centrale_calls_total{number=\"1000\",outcome=\"answered\"}",
            1.0,
        ),
        (
            "centrale_queue_offers_total{queue=\"support\",result=\"answered\"}",
            1.0,
        ),
        (
            "centrale_sip_requests_total{direction=\"in\",method=\"INVITE\"",
            1.0,
        ),
        (
            "centrale_sip_requests_total{direction=\"out\",method=\"INVITE\"",
            1.0,
        ),
        ("centrale_rtp_packets_total{direction=\"in\"}", 300.0),
        ("centrale_flow_steps_total{flow=\"welcome\"", 4.0),
        ("centrale_registrations", 0.0),
    ] {
        server.counts_least(metric, least);
    }
}

/// RFC 3261 section 15.1.
#[test]
fn the_operator_hangs_up_and_the_caller_is_told() {
    let server = Server::start("");
    let operator = phone(&server, "alice", "phone_leaves", &["-d", "1000"]);
    let call = patient(&server, "2000");
    operator.succeeds(20);
    call.succeeds(20);
    assert_eq!(server.record()["outcome"], "answered");
}

/// RFC 3264 section 8.4.
#[test]
fn hold_and_resume_by_the_operator() {
    let server = Server::start("");
    let operator = phone(&server, "alice", "phone_holds", &[]);
    let stream = Stream::start(1_000.0, None);
    let port = stream.port.to_string();
    let call = caller(&server, "caller_is_left", "2000", &["-key", "media", &port]);
    operator.succeeds(20);
    call.succeeds(20);
    server.logs("Held");
    server.logs("Resumed");
}

/// RFC 3261 section 18.3.
#[test]
fn a_caller_comes_by_tcp() {
    let server = Server::start("");
    let operator = phone(&server, "alice", "phone_answers", &[]);
    let more = ["-key", "media", "7900", "-d", "1000", "-t", "t1"];
    let call = caller(&server, "caller", "2000", &more);
    call.succeeds(20);
    operator.succeeds(20);
    let tcp = "centrale_sip_requests_total{direction=\"in\",method=\"INVITE\",transport=\"tcp\"}";
    server.counts_least(tcp, 1.0);
}

/// RFC 5626 section 7.
#[test]
fn an_operators_phone_by_tcp_rings_over_its_own_connection() {
    let server = Server::start("");
    let (alice, _folder) = baresip(&server, "alice", "tcp");
    let call = brief(&server, "2000", 2000);
    server.wait_for("alice", "talking", 10);
    call.succeeds(10);
    server.wait_for("alice", "ready", 10);
    // The connection is the phone's presence: with it the operator is gone.
    drop(alice);
    server.wait_for("alice", "logged_out", 5);
}

#[test]
fn a_line_outside_takes_the_call() {
    let server = Server::start("");
    let line = sipp(&server, "phone_leaves", server.line, &["-d", "1500"]);
    let call = patient(&server, "2001");
    line.succeeds(10);
    call.succeeds(10);
    let record = server.record();
    assert_eq!(record["outcome"], "escalated", "{record}");
    assert_eq!(record["line"], "field");
}

#[test]
fn a_line_that_is_busy_gives_the_call_back() {
    let server = Server::start("");
    let operator = phone(&server, "alice", "phone_answers", &[]);
    let line = sipp(&server, "phone_is_busy", server.line, &[]);
    let call = brief(&server, "2001", 2000);
    line.succeeds(10);
    call.succeeds(10);
    operator.succeeds(10);
    let record = server.record();
    assert_eq!(record["outcome"], "answered", "{record}");
    assert_eq!(record["operator"], "alice");
}

#[test]
fn a_caller_who_vanishes_is_found_out() {
    let server = Server::start(HEEDS_SILENCE);
    // An operator who can be heard, so that it is the caller who is missed.
    let (_alice, _folder) = baresip(&server, "alice", "udp");
    // The caller's process is killed in the talk: no sound, no answer to OPTIONS.
    let call = brief(&server, "2000", 60_000);
    server.wait_for("alice", "talking", 10);
    drop(call);
    server.wait_for("alice", "wrap_up", 25);
    let record = server.record();
    assert_eq!(record["hangup"], "vanished", "{record}");
    assert_eq!(record["outcome"], "answered");
}
