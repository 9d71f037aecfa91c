//! What standards say of calls, one scenario each or several in a row; the scenarios name
//! the RFCs.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use exchange::sip::digest::Algorithm;
use exchange::sip::{Message, Method, Name};

use crate::admission::SDP;
use crate::client::{MEDIA, brief, caller, patient, phone, register, register_at, secret, sipp};
use crate::digest::proof;
use crate::eventually;
use crate::ports::free_port;
use crate::raw::Wire;
use crate::server::{QUEUES, Server};

/// RFC 3261 sections 8.2.1, 9.2, 11.2, 12.2.2 and 13.2.1; RFC 3264 sections 5 and 8.4; RFC
/// 3311 section 5.2; RFC 4028 section 9; RFC 6086 section 4.2.2.
#[test]
fn callers_and_phones_may_do_all_that_the_standards_let_them() {
    let server = Server::start("");

    let operator = phone(&server, "alice", "phone_answers", &[]);
    caller(&server, "caller_renegotiates", "2000", &MEDIA).succeeds(15);
    operator.succeeds(10);
    for words in ["Held", "Resumed", "by_caller: true"] {
        server.logs(words);
    }
    server.wait_for("alice", "ready", 5);

    // Nobody waits at that port any more: the next phone is another's.
    server.order("alice", r#"{"state":"paused","reason":"lunch"}"#);
    let operator = phone(&server, "bob", "phone_answers", &[]);
    caller(&server, "caller_cancels_late", "2000", &MEDIA).succeeds(10);
    operator.succeeds(10);
}

/// RFC 3261 section 8.1.3.4, RFC 3325 section 9.1.
#[test]
fn a_phone_that_sends_an_offer_elsewhere_has_missed_it() {
    let server = Server::start("");
    let away = phone(&server, "alice", "phone_redirects", &[]);
    let call = brief(&server, "2000", 2000);
    away.succeeds(10);
    server.wait_for("alice", "paused", 5);
    call.succeeds(15);
    let record = server.record();
    assert_eq!(record["offers"].as_array().unwrap().len(), 1, "{record}");
    server.counts("centrale_sip_dialogs", 0.0);
}

/// RFC 3261 section 13.2.2.4.
#[test]
fn of_two_phones_behind_a_proxy_that_answer_the_second_is_hung_up() {
    let server = Server::start("");
    let forks = phone(&server, "bob", "phone_forks", &[]);
    brief(&server, "2000", 3000).succeeds(15);
    forks.succeeds(10);
}

/// RFC 3262 section 4.
#[test]
fn ringing_that_has_to_be_acknowledged_is() {
    let server = Server::start("");
    let rings = phone(&server, "bob", "phone_rings_reliably", &[]);
    caller(&server, "caller_wants_reliability", "2000", &MEDIA).succeeds(15);
    rings.succeeds(10);
}

/// RFC 3515 sections 2.4.2, 2.4.3 and 2.4.4.
#[test]
fn an_operator_sends_a_caller_on_and_is_told_how_it_goes() {
    for (whom, kind) in [
        ("billing", "queue"),
        ("carol", "operator"),
        ("field", "line"),
    ] {
        let server = Server::start("");
        let takes = match kind {
            "line" => sipp(&server, "phone_answers", server.line, &[]),
            _ => phone(&server, "carol", "phone_answers", &[]),
        };
        let more = ["-key", "whom", whom, "-d", "500"];
        let sends = phone(&server, "alice", "phone_sends_on", &more);
        let _call = patient(&server, "2000");
        sends.succeeds(20);
        if kind != "line" {
            server.wait_for("carol", "talking", 10);
        }
        let transfers = |result: &str| {
            server.metric(&format!(
                "centrale_transfers_total{{kind=\"{kind}\",result=\"{result}\"}}"
            ))
        };
        eventually("it is done", 5, || transfers("done") > 0.5);
        drop(takes);
    }
}

/// RFC 3891 section 3, RFC 3326 section 3.1.
#[test]
fn an_operator_takes_the_place_of_a_phone_that_rings() {
    let server = Server::start("");
    let mut alice = Wire::udp(SocketAddr::from(([127, 0, 0, 1], server.sip)));
    let contact = format!("Contact: {}\n", alice.contact("alice"));
    assert_eq!(alice.register("alice", &contact).code, 200);
    server.wait_for("alice", "ready", 5);
    let call = patient(&server, "2000");
    let offer = alice.request();
    alice.ring(&offer, "desk");

    let port = free_port();
    register(&server, "bob", port, 600);
    server.wait_for("bob", "ready", 5);
    let (call_id, from) = (offer.headers.call_id(), offer.headers.from());
    let replaces = format!(
        "{};to-tag={};from-tag=desk;early-only",
        call_id.unwrap(),
        from.unwrap().tag().unwrap()
    );
    let file = secret(&server, "bob");
    let more = ["-inf", &file, "-key", "replaces", &replaces, "-d", "500"];
    let bob = sipp(&server, "phone_picks_up", port, &more);
    let cancel = alice.request();
    assert_eq!(cancel.method, Method::Cancel);
    // RFC 3326 section 3.1: somebody else has it.
    let reason = cancel.headers.first(&Name::Reason).unwrap_or_default();
    assert!(reason.starts_with("SIP;cause=200"), "{reason}");
    alice.respond(&cancel, 200);
    alice.respond(&offer, 487);
    bob.succeeds(10);
    call.succeeds(10);
    assert_eq!(server.record()["operator"], "bob");
}

/// RFC 3261 sections 10.3 and 17.1.1; RFC 3581 section 4; RFC 3327 section 5.3; RFC 8760
/// section 2.3; RFC 7616 section 3.4.
#[test]
fn a_phone_registers_and_is_called_through_a_proxy() {
    let server = Server::start("");
    let (port, file) = (free_port(), secret(&server, "alice"));
    sipp(&server, "register_by_path", port, &["-inf", &file]).succeeds(10);
    server.wait_for("alice", "ready", 5);
    let proxy = sipp(&server, "phone_by_path", port, &[]);
    let _call = patient(&server, "2000");
    proxy.succeeds(10);
    server.wait_for("alice", "paused", 5);
}

/// RFC 4028 sections 7 and 9.
#[test]
fn how_often_a_call_is_refreshed_is_agreed_on_with_either_side() {
    let server = Server::start("");
    let operator = phone(&server, "alice", "phone_wants_longer", &[]);
    let more = [&MEDIA[..], &["-d", "1500"]].concat();
    caller(&server, "caller_hurries", "2000", &more).succeeds(15);
    operator.succeeds(10);
}

/// RFC 3261 section 14.2, RFC 3264 section 5, RFC 3311 section 5.2.
#[test]
fn who_proposes_while_our_own_proposal_is_open_has_to_wait() {
    let server = Server::start("");
    let operator = phone(&server, "alice", "phone_answers", &[]);
    let more = [&MEDIA[..], &["-d", "1000"]].concat();
    caller(&server, "caller_glares", "2000", &more).succeeds(15);
    operator.succeeds(10);
}

/// RFC 3261 section 14.1, RFC 4028 section 10.
#[test]
fn a_refresh_of_ours_that_is_met_by_a_491_comes_again() {
    let server = Server::start("");
    // Half of the shortest session is 45 s.
    let long = ["-timeout", "90"];
    let operator = phone(&server, "alice", "phone_glares", &long);
    let more = [&MEDIA[..], &long].concat();
    let call = caller(&server, "caller_is_left", "2000", &more);
    operator.succeeds(70);
    call.succeeds(10);
    assert_eq!(server.record()["outcome"], "answered");
}

/// RFC 3261 section 13.3.1.4.
#[test]
fn an_answer_that_nobody_acknowledges_comes_again_until_the_call_is_over() {
    let server = Server::start("");
    let mut caller = Wire::udp(SocketAddr::from(([127, 0, 0, 1], server.sip)));
    let contact = caller.contact("caller");
    let headers = format!("Contact: {contact}\nContent-Type: application/sdp\n");
    let taken = caller.ask(("INVITE", "2000"), &headers, SDP);
    assert_eq!(taken.code, 200);
    let began = Instant::now();
    // What comes again is skipped.
    let Some(Message::Request(bye)) = caller.within(Duration::from_secs(60)) else {
        panic!("no BYE");
    };
    assert_eq!(bye.method, Method::Bye);
    caller.respond(&bye, 200);
    let took = began.elapsed().as_secs();
    assert!((31..36).contains(&took), "{took} s");
    // After 0.5, 1.5, 3.5 and 7.5 s, and then every four seconds.
    let copies = server.metric("centrale_sip_retransmissions_total{method=\"INVITE\"}");
    assert!((9.0..=10.0).contains(&copies), "{copies}");
}

/// RFC 3261 section 8.2.2.2.
#[test]
fn an_invite_that_comes_by_two_ways_is_one_call() {
    let server = Server::start("");
    let operator = phone(&server, "alice", "phone_answers", &[]);
    let more = [&MEDIA[..], &["-d", "500"]].concat();
    caller(&server, "caller_comes_twice", "2000", &more).succeeds(15);
    operator.succeeds(10);
    assert_eq!(server.record()["operator"], "alice");
}

/// Says something before the answer.
const EARLY: &str = "
version: 1
flow: early
start: say
answer: false
languages: [en]
nodes:
  say: { type: play, prompt: [welcome], next: end }
  end: { type: hangup }
";

/// RFC 3261 sections 9.1 and 9.2.
#[test]
fn a_caller_gives_up_before_the_answer() {
    let server = Server::with(QUEUES, &[("1", "early", EARLY)]);
    caller(&server, "caller_gives_up", "1", &MEDIA).succeeds(10);
    let record = server.record();
    assert_eq!(record["hangup"], "caller", "{record}");
    assert!(record["answered"].is_null(), "{record}");
}

/// Rings an operator, then a line as well; whoever was there told the caller goodbye.
const ESCALATES: &str = "
version: 1
flow: escalates
start: wait
languages: [en]
nodes:
  wait: { type: queue, queue: support, answered: end, timeout: end, full: end, no_operators: end, error: end }
  end: { type: hangup, cause: normal }
";

/// RFC 3325 section 9.1; RFC 3326 sections 2 and 3.1; RFC 5806; RFC 7044 section 5.
#[test]
fn a_line_is_told_who_calls_and_what_was_dialled_and_the_caller_why_it_is_over() {
    let port = free_port();
    let steps = "    escalate: [{ after: 1s, line: field }]\n    offer_timeout: 20s\n";
    let floor = QUEUES.replacen("    offer_timeout: 10s\n", steps, 1);
    let floor = format!("{floor}lines: {{ field: {{ uri: \"sip:field@127.0.0.1:{port}\" }} }}\n");
    let server = Server::with(&floor, &[("2000", "escalates", ESCALATES)]);
    let rings = phone(&server, "alice", "phone_is_told", &["-d", "60000"]);
    let line = sipp(&server, "line_is_told", port, &["-d", "500"]);
    caller(&server, "caller_asserts", "2000", &MEDIA).succeeds(15);
    line.succeeds(10);
    rings.succeeds(10);
    let record = server.record();
    assert_eq!(record["line"], "field", "{record}");
    assert_eq!(record["from"], "+31201234567", "{record}");
}

/// RFC 3261 section 19.1.1, RFC 5118 section 4.
#[test]
fn a_call_is_carried_from_end_to_end_by_ipv6() {
    let server = Server::start_on_ipv6();
    let (port, six) = (free_port(), ["-i", "::1", "-mi", "::1"]);
    register_at(&server, "alice", "::1", port, 600);
    server.wait_for("alice", "ready", 5);
    let operator = sipp(&server, "phone_answers", port, &six);
    let more = [&MEDIA[..], &six, &["-d", "1000"]].concat();
    caller(&server, "caller", "2000", &more).succeeds(15);
    operator.succeeds(10);
    assert_eq!(server.record()["operator"], "alice");
}

/// RFC 5621 section 3.1.
#[test]
fn a_phone_may_answer_with_more_than_a_description() {
    let server = Server::start("");
    let answers = phone(&server, "bob", "phone_answers_in_parts", &[]);
    brief(&server, "2000", 3000).succeeds(15);
    answers.succeeds(10);
    assert_eq!(server.record()["outcome"], "answered");
}

/// RFC 3261 section 11.2: of an operator who proves to be one.
#[test]
fn an_operator_is_told_what_a_call_would_find() {
    let server = Server::start("");
    let address = SocketAddr::from(([127, 0, 0, 1], server.sip));
    let mut alice = Wire::udp(address);
    alice.operator = Some("alice");
    let unproven = "Authorization: Semaphore flags=\"two\"\n";
    for (to, code) in [("bob", 200), ("*11", 200), ("nobody", 404)] {
        assert_eq!(alice.ask(("OPTIONS", to), "", "").code, 200);
        let challenge = alice.ask(("OPTIONS", to), unproven, "");
        assert_eq!(challenge.code, 401);
        let uri = format!("sip:{to}@{address}");
        let asked = (Method::Options, uri.as_str());
        let proof = proof(&challenge, "alice", Algorithm::Sha256, asked);
        let answer = alice.ask(("OPTIONS", to), &format!("Authorization: {proof}\n"), "");
        assert_eq!(answer.code, code, "{to}");
    }
}

/// RFC 3261 sections 13.3.1.4 and 20.37: the 200 names what may be used in the dialog.
#[test]
fn an_answer_names_the_extensions() {
    let server = Server::start("");
    let answer = Wire::udp(([127, 0, 0, 1], server.sip).into()).call("2000");
    let supported = answer.headers.first(&Name::Supported);
    let all = "100rel, timer, replaces, norefersub";
    assert_eq!(supported.as_deref(), Some(all));
}
