//! Operators' phones: registration, and everything that a phone may say to an offer.

use std::fs;

use crate::client::{baresip, baresip_told, brief, order, patient, phone, register, sipp};
use crate::ports::free_port;
use crate::server::{DIRECT, QUEUES, Server};

/// RFC 3261 section 10.3.
#[test]
fn a_phone_registers_refreshes_and_leaves() {
    let server = Server::start("");
    let port = free_port();
    register(&server, "bob", port, 600);
    server.wait_for("bob", "ready", 5);
    server.has_phones("bob", 1);
    register(&server, "bob", port, 600);
    let second = free_port();
    register(&server, "bob", second, 600);
    server.has_phones("bob", 2);
    server.counts("centrale_registrations", 2.0);
    register(&server, "bob", port, 0);
    register(&server, "bob", second, 0);
    server.wait_for("bob", "logged_out", 5);
}

/// RFC 3261 section 10.3.
#[test]
fn a_registration_runs_out() {
    let server = Server::start("");
    register(&server, "bob", free_port(), 2);
    server.logs("phone registered");
    server.wait_for("bob", "logged_out", 6);
    server.logs("operator=bob state=ready");
}

/// RFC 3261 section 22.1.
#[test]
fn a_wrong_password_is_refused() {
    let server = Server::start("");
    let file = server.folder.join("wrong.csv");
    fs::write(
        &file,
        "SEQUENTIAL\nbob;[authentication username=bob password=wrong]\n",
    )
    .unwrap();
    let file = file.display().to_string();
    let more = ["-inf", &file, "-key", "expires", "60"];
    sipp(&server, "register_refused", free_port(), &more).succeeds(10);
    assert_eq!(server.operator("bob").0, "logged_out");
    let refused = "centrale_sip_rejected_total{reason=\"credentials\"}";
    server.counts(refused, 1.0);
}

#[test]
fn a_phone_that_says_no_is_a_missed_offer() {
    for (says, result) in [("phone_is_busy", "busy"), ("phone_declines", "rejected")] {
        let server = Server::start("");
        let refuses = phone(&server, "alice", says, &[]);
        let answers = phone(&server, "bob", "phone_answers", &[]);
        server.order("bob", r#"{"state":"paused"}"#);
        let call = brief(&server, "2000", 5000);
        refuses.succeeds(10);
        server.wait_for("alice", "paused", 5);
        assert_eq!(server.operator("alice").1.as_deref(), Some("missed_offer"));
        server.order("bob", r#"{"state":"ready"}"#);
        server.wait_for("bob", "talking", 5);
        call.succeeds(20);
        answers.succeeds(20);
        let record = server.record();
        assert_eq!(record["offers"][0]["result"], result, "{record}");
        assert_eq!(record["offers"][1]["operator"], "bob");
    }
}

#[test]
fn a_phone_that_is_not_answered_is_a_missed_offer() {
    let floor = QUEUES.replace("offer_timeout: 10s", "offer_timeout: 2s");
    let server = Server::with(&floor, &[("2000", "direct", DIRECT)]);
    let rings = phone(&server, "alice", "phone_rings", &[]);
    let answers = phone(&server, "bob", "phone_answers", &[]);
    server.order("bob", r#"{"state":"paused"}"#);
    let call = brief(&server, "2000", 6000);
    rings.succeeds(10);
    server.wait_for("alice", "paused", 5);
    server.order("bob", r#"{"state":"ready"}"#);
    call.succeeds(20);
    answers.succeeds(20);
    let record = server.record();
    assert_eq!(record["offers"][0]["result"], "missed", "{record}");
    assert_eq!(record["outcome"], "answered");
}

/// RFC 3261 section 9.1.
#[test]
fn a_caller_who_leaves_stops_the_ringing() {
    let server = Server::start("");
    let rings = phone(&server, "alice", "phone_rings", &[]);
    let call = brief(&server, "2000", 1000);
    call.succeeds(10);
    rings.succeeds(5);
    server.wait_for("alice", "ready", 2);
    let record = server.record();
    assert_eq!(record["outcome"], "short_abandon", "{record}");
    assert_eq!(record["offers"][0]["result"], "withdrawn");
}

/// RFC 3261 section 9.1.
#[test]
fn both_phones_of_an_operator_ring_and_one_has_the_call() {
    let server = Server::start("");
    let desk = phone(&server, "alice", "phone_rings", &[]);
    let mobile = phone(&server, "alice", "phone_answers", &[]);
    let call = brief(&server, "2000", 1500);
    desk.succeeds(10);
    call.succeeds(10);
    mobile.succeeds(10);
}

/// RFC 3515 section 2.4.3.
#[test]
fn a_baresip_holds_and_hands_the_caller_to_a_colleague_with_two_phones() {
    let server = Server::start("");
    let (_alice, _folder, keys) = baresip_told(&server, "alice", "udp");
    let (_desk, _folder) = baresip(&server, "bob", "udp");
    let _call = patient(&server, "2000");
    server.wait_for("alice", "talking", 10);
    order(keys, "hold", "");
    server.logs("Held");
    order(keys, "resume", "");
    server.logs("Resumed");

    // bob has a second phone, which only rings: the first has the call.
    let mobile = phone(&server, "bob", "phone_rings", &[]);
    let to = "sip:bob@centrale.localhost";
    order(keys, "transfer", to);
    server.wait_for("bob", "talking", 10);
    mobile.succeeds(10);
    server.wait_for("alice", "wrap_up", 5);
    let done = "centrale_transfers_total{kind=\"operator\",result=\"done\"}";
    server.counts(done, 1.0);
}
