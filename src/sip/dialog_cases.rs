//! Dialogs, case by case.

use bytes::Bytes;

use super::*;
use crate::sip::Message;

fn peer() -> Peer {
    Peer::udp("192.0.2.7:5070".parse().unwrap())
}

fn message(text: &str) -> Message {
    Message::parse(&Bytes::from(text.replace('\n', "\r\n"))).unwrap()
}

fn invite(more: &str) -> Request {
    let text = format!(
        "INVITE sip:100@198.51.100.1 SIP/2.0\n\
         Via: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bKa\n\
         {more}From: Anna <sip:anna@example.com>;tag=theirs\n\
         To: <sip:100@example.com>\n\
         Call-ID: c1\nCSeq: 5 INVITE\n\
         Contact: <sip:anna@192.0.2.7:5070>\nContent-Length: 0\n\n"
    );
    match message(&text) {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!(),
    }
}

fn response(code: u16, more: &str) -> Response {
    let text = format!(
        "SIP/2.0 {code} Fine\n\
         Via: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bKa\n\
         {more}From: Anna <sip:anna@example.com>;tag=theirs\n\
         To: <sip:100@example.com>;tag=ours\n\
         Call-ID: c1\nCSeq: 5 INVITE\n\
         Content-Length: 0\n\n"
    );
    match message(&text) {
        Message::Response(response) => response,
        Message::Request(_) => unreachable!(),
    }
}

fn callee(more: &str) -> Dialog {
    Dialog::from_request(&invite(more), "ours", "sip:198.51.100.1:5060", peer()).unwrap()
}

/// The Request-URI, then the Route headers.
fn way(request: &Request) -> Vec<String> {
    let routes = request.headers.all(&Name::Route).map(String::from);
    std::iter::once(request.uri.to_string())
        .chain(routes)
        .collect()
}

/// RFC 3261 section 12.1.
#[test]
fn a_callee_speaks_back_along_the_way_that_the_invite_came() {
    let mut dialog = callee("Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>\n");
    let bye = dialog.request(Method::Bye);
    assert_eq!(
        way(&bye),
        [
            "sip:anna@192.0.2.7:5070",
            "<sip:p2.example.com;lr>",
            "<sip:p1.example.com;lr>"
        ]
    );
    let header = |name| bye.headers.first(name).unwrap().into_owned();
    assert_eq!(header(&Name::From), "<sip:100@example.com>;tag=ours");
    assert_eq!(header(&Name::To), "Anna <sip:anna@example.com>;tag=theirs");
    assert_eq!(header(&Name::CallId), "c1");
    assert_eq!(header(&Name::CSeq), "1001 BYE");
    assert_eq!(bye.headers.first(&Name::Contact), None);
    let info = dialog.request(Method::Info);
    assert_eq!(info.headers.cseq().unwrap().number, 1002);
}

/// RFC 3261 section 12.1.
#[test]
fn a_caller_speaks_along_the_way_turned_around() {
    let response = response(
        200,
        "Record-Route: <sip:p2.example.com;lr>\nRecord-Route: <sip:p1.example.com;lr>\n\
         Contact: <sip:op@203.0.113.9>\n",
    );
    let request = invite("");
    let mut dialog =
        Dialog::from_response(&request, &response, "sip:198.51.100.1", peer()).unwrap();
    assert_eq!(dialog.id().local_tag, "theirs");
    assert_eq!(dialog.id().remote_tag, "ours");
    let ack = dialog.ack(5);
    assert_eq!(
        way(&ack),
        [
            "sip:op@203.0.113.9",
            "<sip:p1.example.com;lr>",
            "<sip:p2.example.com;lr>"
        ]
    );
    assert_eq!(ack.headers.first(&Name::CSeq).as_deref(), Some("5 ACK"));
    let again = dialog.request(Method::Invite);
    assert_eq!(
        again.headers.first(&Name::CSeq).as_deref(),
        Some("6 INVITE")
    );
    assert_eq!(
        again.headers.first(&Name::Contact).as_deref(),
        Some("<sip:198.51.100.1>")
    );
}

/// RFC 3261 section 12.2.1.1.
#[test]
fn a_strict_router_is_the_target_and_the_target_ends_the_route() {
    let mut dialog = callee("Record-Route: <sip:strict.example.com>, <sip:p1.example.com;lr>\n");
    assert_eq!(
        way(&dialog.request(Method::Bye)),
        [
            "sip:strict.example.com",
            "<sip:p1.example.com;lr>",
            "<sip:anna@192.0.2.7:5070>"
        ]
    );
}

/// RFC 3261 section 12.2.2.
#[test]
fn requests_come_in_order_and_may_move_the_target() {
    let mut dialog = callee("");
    let moved = Peer::udp("192.0.2.8:5060".parse().unwrap());
    let at = |method: &str, number: u32, host: &str| {
        let mut request = invite("");
        request.method = match method {
            "INVITE" => Method::Invite,
            _ => Method::Info,
        };
        request.headers.remove(&Name::CSeq);
        request
            .headers
            .push(Name::CSeq, format!("{number} {method}"));
        request.headers.remove(&Name::Contact);
        request
            .headers
            .push(Name::Contact, format!("<sip:anna@{host}>"));
        request
    };
    assert_eq!(dialog.accept(&at("INFO", 4, "a.example"), moved), Err(500));
    assert_eq!(dialog.accept(&at("INFO", 5, "a.example"), moved), Err(500));
    assert_eq!(dialog.peer(), peer());
    assert_eq!(dialog.accept(&at("INFO", 6, "a.example"), moved), Ok(()));
    assert_eq!(dialog.peer(), moved);
    assert_eq!(dialog.target().to_string(), "sip:anna@192.0.2.7:5070");
    assert_eq!(dialog.accept(&at("INVITE", 9, "b.example"), moved), Ok(()));
    assert_eq!(dialog.target().to_string(), "sip:anna@b.example");
    assert_eq!(
        dialog.accept(&at("INVITE", 8, "c.example"), moved),
        Err(500)
    );
    assert_eq!(dialog.target().to_string(), "sip:anna@b.example");
}

/// RFC 3261 section 12.2.1.2.
#[test]
fn the_answer_to_our_re_invite_moves_the_target() {
    let mut dialog = callee("");
    dialog.refresh(&response(180, "Contact: <sip:anna@a.example>\n"), peer());
    assert_eq!(dialog.target().to_string(), "sip:anna@192.0.2.7:5070");
    dialog.refresh(&response(200, "Contact: <sip:anna@a.example>\n"), peer());
    assert_eq!(dialog.target().to_string(), "sip:anna@a.example");
}

/// RFC 3261 section 12.1.
#[test]
fn an_early_dialog_may_lack_a_contact_and_a_confirmed_one_not() {
    let make = |code| {
        let response = response(code, "");
        Dialog::from_response(&invite(""), &response, "sip:us", peer()).map(|d| d.target)
    };
    assert_eq!(make(180).unwrap().to_string(), "sip:100@198.51.100.1");
    assert_eq!(make(200).unwrap_err(), DialogError::Header);
}

/// RFC 3261 section 12.2.2.
#[test]
fn a_dialog_holds_what_has_its_call_id_and_both_its_tags() {
    let inside = |from: &str, to: &str, call_id: &str| {
        let mut bye = invite("");
        bye.headers.set(Name::From, from);
        bye.headers.set(Name::To, to);
        bye.headers.set(Name::CallId, call_id);
        bye
    };
    let (from, to) = ("<sip:anna@b.example>;tag=theirs", "<sip:100@a>;tag=ours");
    let id = callee("").id().clone();
    for (request, held) in [
        (inside(from, to, "c1"), true),
        (inside("\"A\" <sip:a@b>;x=y;tag=theirs", to, "c1"), true),
        (inside(from, to, "c2"), false),
        (inside(from, "<sip:100@a>;tag=other", "c1"), false),
        (inside(from, "<sip:100@a>", "c1"), false),
        (inside("<sip:anna@b>;tag=other", to, "c1"), false),
        (inside("<sip:anna@b>", to, "c1"), false),
        (inside("nobody", to, "c1"), false),
    ] {
        assert_eq!(id.holds(&request), held, "{request:?}");
    }
    // A peer of RFC 2543 has no tag.
    let old = DialogId {
        remote_tag: String::new(),
        ..id
    };
    assert!(old.holds(&inside("<sip:anna@b>", to, "c1")));
    assert!(!old.holds(&inside(from, to, "c1")));
}

#[test]
fn a_request_inside_is_found_by_its_id() {
    let dialog = callee("");
    let mut bye = invite("");
    bye.headers.remove(&Name::To);
    bye.headers.push(Name::To, "<sip:100@example.com>;tag=ours");
    assert_eq!(DialogId::of_request(&bye).as_ref(), Some(dialog.id()));
    assert_eq!(DialogId::of_request(&invite("")), None);
}
