//! What standards say of calls, one scenario each or several in a row; the scenarios name
//! the RFCs.

use crate::client::{MEDIA, brief, caller, phone};
use crate::server::Server;

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

#[test]
fn of_two_phones_behind_a_proxy_that_answer_the_second_is_hung_up() {
    let server = Server::start("");
    let forks = phone(&server, "bob", "phone_forks", &[]);
    brief(&server, "2000", 3000).succeeds(15);
    forks.succeeds(10);
}

#[test]
fn ringing_that_has_to_be_acknowledged_is() {
    let server = Server::start("");
    let rings = phone(&server, "bob", "phone_rings_reliably", &[]);
    caller(&server, "caller_wants_reliability", "2000", &MEDIA).succeeds(15);
    rings.succeeds(10);
}
