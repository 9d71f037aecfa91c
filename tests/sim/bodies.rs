//! Bodies of several parts, and those that may be passed over.

use std::net::SocketAddr;

use exchange::sim::{Doing, Manner, World};
use exchange::sip::{Method, Name, Request, Response};

use crate::dialogs::talking;
use crate::{ms, s, told, world};

/// Of a trunk.
const TRUNK: &str = "10.7.7.7:5060";
const SDP: &str =
    "v=0\no=- 1 1 IN IP4 10.7.7.7\ns=-\nc=IN IP4 10.7.7.7\nt=0 0\nm=audio 4000 RTP/AVP 8\n";
const ISUP: &str = "Content-Type: application/ISUP;version=itu-t92+\n";
const OPTIONAL: &str = "Content-Disposition: signal;handling=optional\n";

/// A part of a body.
fn part(headers: &str, body: &str) -> String {
    format!("--xx\n{headers}\n{body}\n")
}

fn session() -> String {
    part("Content-Type: application/sdp\n", SDP)
}

/// What the trunk's INVITE with such a body is told at last.
fn invited(world: &mut World, number: usize, headers: &str, body: &str) -> Response {
    let from: SocketAddr = TRUNK.parse().unwrap();
    let length = body.replace('\n', "\r\n").len();
    let text = format!(
        "INVITE sip:1@centrale.localhost SIP/2.0
Via: SIP/2.0/UDP {TRUNK};branch=z9hG4bK{number};rport
Max-Forwards: 70
From: <sip:x@elsewhere.example>;tag=x
To: <sip:1@centrale.localhost>
Call-ID: {number}@bodies
CSeq: 1 INVITE
Contact: <sip:x@{TRUNK}>
{headers}Content-Length: {length}

{body}"
    );
    told(world, from, &text)
}

/// RFC 5621 section 3.1, RFC 3261 section 20.11.
#[test]
fn a_carrier_may_send_more_than_a_description() {
    const MIXED: &str = "Content-Type: multipart/mixed;boundary=xx\n";
    let text = "Content-Type: text/plain\n";
    let isup = part(&format!("{ISUP}{OPTIONAL}"), "\u{1}");
    let needed = part(ISUP, "\u{1}");
    let end = "--xx--\n";
    let pidf = part(
        "Content-Type: application/pidf+xml\nContent-ID: <a@b>\n",
        "<p/>",
    );
    let cases = [
        (MIXED.to_owned(), session() + end, 200),
        (MIXED.to_owned(), session() + &isup + end, 200),
        (MIXED.to_owned(), session() + &pidf + end, 200),
        (MIXED.to_owned(), session() + &needed + end, 415),
        (MIXED.to_owned(), session(), 415),
        (format!("{text}{OPTIONAL}"), "hello".to_owned(), 200),
        (text.to_owned(), "hello".to_owned(), 415),
    ];
    let mut world = world("", 811);
    for (number, (headers, body, code)) in cases.into_iter().enumerate() {
        let answer = invited(&mut world, number, &headers, &body);
        assert_eq!(answer.code, code, "{headers}{body}");
        if code == 415 {
            let accept = answer.headers.first(&Name::Accept);
            assert_eq!(accept.as_deref(), Some("application/sdp, multipart/mixed"));
        }
    }
}

fn wrap(headers: &mut exchange::sip::Headers, body: &mut bytes::Bytes) {
    let mut parts = b"--xx\r\nContent-Type: application/sdp\r\n\r\n".to_vec();
    parts.extend_from_slice(body);
    parts.extend_from_slice(b"\r\n--xx--\r\n");
    headers.set(Name::ContentType, "multipart/mixed;boundary=xx");
    *body = parts.into();
}

/// RFC 5621 section 3.1: of the INVITE, the 200 and the ACK.
#[test]
fn a_phone_may_wrap_what_it_says_within_a_call() {
    let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 812);
    let wrapped = |request: &mut Request| {
        crate::dialogs::describes(request, "m=audio 4000 RTP/AVP 8\r\n");
        wrap(&mut request.headers, &mut request.body);
    };
    world.says(ann, Method::Invite, wrapped);
    world.run(ms(100));
    assert_eq!(crate::dialogs::codes(&world, ann), [200]);
    world.says(ann, Method::Ack, |_| ());
    world.says(ann, Method::Invite, |_| ());
    world.run(ms(100));
    world.says(ann, Method::Ack, wrapped);
    world.run(s(1));
    assert_eq!(world.doing(ann), Doing::Talking);
    assert!(world.bridged(caller, ann));
}
