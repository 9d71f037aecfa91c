//! INVITE with Replaces on the wire (RFC 3891), in the name of an operator.

use std::net::SocketAddr;

use exchange::sip::{Method, Name, Request, Response};

use crate::raw::Wire;
use crate::server::Server;

/// What Replaces says of the dialog that an INVITE of the server begins at a phone.
fn named(offer: &Request, tag: &str) -> String {
    let from = offer.headers.from().unwrap();
    let call_id = offer.headers.call_id().unwrap();
    let theirs = from.tag().unwrap();
    format!("{call_id};to-tag={theirs};from-tag={tag}")
}

/// RFC 3891 section 3.
#[test]
fn what_rings_at_a_colleague_is_picked_up_by_replaces() {
    let server = Server::start("");
    let address = SocketAddr::from(([127, 0, 0, 1], server.sip));
    let mut alice = Wire::udp(address);
    let contact = format!("Contact: {}\n", alice.contact("alice"));
    assert_eq!(alice.register("alice", &contact).code, 200);
    server.wait_for("alice", "ready", 5);
    let mut caller = Wire::udp(address);
    let called = caller.call("2000");
    let offer = alice.request();
    assert_eq!(offer.method, Method::Invite);
    alice.ring(&offer, "desk");

    let mut bob = Wire::udp(address);
    let contact = format!("Contact: {}\n", bob.contact("bob"));
    assert_eq!(bob.register("bob", &contact).code, 200);
    server.wait_for("bob", "ready", 5);
    let other = named(&offer, "another");
    let refused = bob.call_as("bob", "pickup", &format!("Replaces: {other}\n"));
    assert_eq!(refused.code, 481);
    let replaces = format!("Replaces: {};early-only\n", named(&offer, "desk"));
    // RFC 4028 section 6.
    let hasty = format!("{replaces}Supported: timer\nSession-Expires: 10\n");
    let refused = bob.call_as("bob", "pickup", &hasty);
    assert_eq!(refused.code, 422);
    assert_eq!(refused.headers.first(&Name::MinSe).as_deref(), Some("90"));
    let calm = format!("{replaces}Supported: timer\nSession-Expires: 1800\n");
    let taken = bob.call_as("bob", "pickup", &calm);
    assert_eq!(taken.code, 200);
    let supported = taken.headers.first(&Name::Supported);
    assert!(supported.is_some_and(|value| value.contains("replaces")));
    let expires = taken.headers.first(&Name::SessionExpires);
    assert!(expires.is_some_and(|value| value.starts_with("1800")));
    assert!(String::from_utf8_lossy(&taken.body).contains("m=audio "));

    let cancel = alice.request();
    assert_eq!(cancel.method, Method::Cancel);
    alice.respond(&cancel, 200);
    alice.respond(&offer, 487);
    server.wait_for("bob", "talking", 5);
    server.wait_for("alice", "ready", 5);

    // RFC 3891 section 3: what is over is declined, what never was is not there.
    let mut refused = |replaces: String| {
        let headers = format!("Replaces: {replaces}\n");
        alice.call_as("alice", "pickup", &headers).code
    };
    assert_eq!(refused(named(&offer, "desk")), 603);
    assert_eq!(refused(dialog(&taken, "another")), 481);
    assert_eq!(refused(dialog(&called, "another")), 481);
    server.wait_for("bob", "talking", 5);
}

/// What Replaces says of a dialog that the server answered, but for the tag of who called.
fn dialog(answer: &Response, tag: &str) -> String {
    let to = answer.headers.to().unwrap();
    let call_id = answer.headers.call_id().unwrap();
    let ours = to.tag().unwrap();
    format!("{call_id};to-tag={ours};from-tag={tag}")
}
