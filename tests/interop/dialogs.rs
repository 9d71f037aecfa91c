//! What a dialog is to its two ends after something else changed: the stream, the other call.

use std::net::SocketAddr;

use exchange::sip::{Dialog, Method, Name, Peer, Request, Response};

use crate::raw::Wire;
use crate::server::Server;

fn address(server: &Server) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], server.sip))
}

/// Answers an offer with a stream of G.711, by the tag `phone`.
fn picks_up(phone: &mut Wire, offer: &Request) {
    let mut response = Response::to(offer, 200);
    response.set_to_tag("phone");
    let contact = phone.contact("alice");
    response.headers.push(Name::Contact, contact);
    response.headers.push(Name::ContentType, "application/sdp");
    response.body = crate::wire::SDP.into();
    phone.send(&response.write());
    assert_eq!(phone.request().method, Method::Ack);
}

/// alice, who talks with somebody who called the queue.
fn talking(server: &Server, mut alice: Wire, headers: &str) -> (Wire, Wire, Response, Request) {
    assert_eq!(alice.register("alice", headers).code, 200);
    server.wait_for("alice", "ready", 5);
    let mut caller = Wire::udp(address(server));
    let called = caller.call("2000");
    let offer = alice.request();
    picks_up(&mut alice, &offer);
    server.wait_for("alice", "talking", 5);
    (alice, caller, called, offer)
}

/// RFC 5626 section 5.3: the BYE goes by the stream that the phone has since.
#[test]
fn a_phone_that_lost_its_stream_in_a_talk_is_reached_by_its_next() {
    let server = Server::start("");
    let outbound = |phone: &Wire| {
        let instance = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\"";
        let contact = phone.contact("alice");
        format!("Supported: path, outbound\nContact: {contact};{instance};reg-id=1\n")
    };
    let alice = Wire::tcp(address(&server));
    let headers = outbound(&alice);
    let (alice, mut caller, called, offer) = talking(&server, alice, &headers);
    drop(alice);
    let mut again = Wire::tcp(address(&server));
    let headers = outbound(&again);
    assert_eq!(again.register("alice", &headers).code, 200);
    assert_eq!(caller.says_in(&called, "BYE", "text/plain", "").code, 200);
    let bye = again.request();
    assert_eq!(bye.method, Method::Bye);
    let call_id = |request: &Request| request.headers.call_id().unwrap().into_owned();
    assert_eq!(call_id(&bye), call_id(&offer));
    again.respond(&bye, 200);
}

/// RFC 3515 section 2.4.5: the last NOTIFY comes before the BYE.
#[test]
fn a_caller_who_leaves_while_a_line_rings_ends_the_reference_of_the_operator() {
    let server = Server::start("");
    let mut line = Wire::at(
        SocketAddr::from(([127, 0, 0, 1], server.line)),
        address(&server),
    );
    let alice = Wire::udp(address(&server));
    let contact = format!("Contact: {}\n", alice.contact("alice"));
    let (mut alice, mut caller, called, offer) = talking(&server, alice, &contact);

    let local = format!("sip:alice@{}", alice.local);
    let peer = Peer::udp(address(&server));
    let mut dialog = Dialog::from_request(&offer, "phone", &local, peer).unwrap();
    let mut refer = dialog.request(Method::Refer);
    let via = format!("SIP/2.0/UDP {};branch=z9hG4bKrefer;rport", alice.local);
    refer.headers.push_front(Name::Via, via);
    refer
        .headers
        .push(Name::ReferTo, "<sip:field@centrale.localhost>");
    refer.headers.push(Name::ContentLength, "0");
    alice.send(&refer.write());
    let states = |alice: &mut Wire| {
        let notify = alice.request();
        assert_eq!(notify.method, Method::Notify);
        alice.respond(&notify, 200);
        let state = notify.headers.first(&Name::SubscriptionState).unwrap();
        format!(
            "{state} {}",
            String::from_utf8_lossy(&notify.body).trim_end()
        )
    };
    assert_eq!(states(&mut alice), "active;expires=90 SIP/2.0 100 Trying");
    let invite = line.request();
    line.ring(&invite, "line");
    assert_eq!(caller.says_in(&called, "BYE", "text/plain", "").code, 200);
    let last = states(&mut alice);
    assert_eq!(
        last,
        "terminated;reason=noresource SIP/2.0 487 Request Terminated"
    );
    let bye = alice.request();
    assert_eq!(bye.method, Method::Bye);
    alice.respond(&bye, 200);
}

/// RFC 3891 section 3.
#[test]
fn the_place_of_a_call_that_just_ended_is_declined() {
    let server = Server::start("");
    let alice = Wire::udp(address(&server));
    let contact = format!("Contact: {}\n", alice.contact("alice"));
    let (mut alice, mut caller, called, offer) = talking(&server, alice, &contact);
    assert_eq!(caller.says_in(&called, "BYE", "text/plain", "").code, 200);
    let bye = alice.request();
    assert_eq!(bye.method, Method::Bye);
    alice.respond(&bye, 200);
    server.wait_for("alice", "ready", 5);
    let from = offer.headers.from().unwrap();
    let named = |tag: &str| {
        let call_id = offer.headers.call_id().unwrap();
        format!("Replaces: {call_id};to-tag={tag};from-tag=phone\n")
    };
    let ours = from.tag().unwrap().to_owned();
    let mut bob = Wire::udp(address(&server));
    let contact = format!("Contact: {}\n", bob.contact("bob"));
    assert_eq!(bob.register("bob", &contact).code, 200);
    assert_eq!(bob.call_as("bob", "alice", &named(&ours)).code, 603);
    assert_eq!(bob.call_as("bob", "alice", &named("never")).code, 481);
}

/// RFC 5806 section 5.2, RFC 7044 section 10.3.
#[test]
fn a_line_is_told_where_the_call_was_before() {
    let server = Server::start("");
    let mut line = Wire::at(
        SocketAddr::from(([127, 0, 0, 1], server.line)),
        address(&server),
    );
    let mut caller = Wire::udp(address(&server));
    let before = "<sip:+3199@pstn.example>;reason=user-busy;counter=2";
    let history = "<sip:+3199@pstn.example>;index=1";
    let headers = format!("Diversion: {before}\nHistory-Info: {history}\n");
    let number = format!("2001@{}", address(&server));
    let called = caller.invited(&number, &headers, crate::wire::SDP);
    assert_eq!(called.code, 200);
    let invite = line.request();
    let told = |name: Name| invite.headers.first(&name).map(String::from).unwrap();
    assert_eq!(
        told(Name::Diversion),
        format!("<sip:2001@centrale.localhost>;reason=unconditional;counter=1, {before}")
    );
    assert_eq!(
        told(Name::HistoryInfo),
        format!(
            "{history}, <sip:2001@centrale.localhost>;index=1.1, <sip:field@127.0.0.1:{};cause=302>;index=1.1.1;mp=1.1",
            server.line
        )
    );
    line.respond(&invite, 486);
}
