//! What is said of us, and of whom a call would reach (RFC 3261 section 11).

use std::net::SocketAddr;

use exchange::sim::World;
use exchange::sip::{Name, Response};

use crate::{told, world};

const STRANGER: &str = "203.0.113.9:5060";
/// Of a trunk.
const TRUNK: &str = "10.7.7.7:5060";

fn ask(world: &mut World, from: &str, number: usize, (method, to): (&str, &str)) -> Response {
    let (proposal, length) = match method {
        "INVITE" => ("v=0\nc=IN IP4 10.7.7.7\nm=audio 4000 RTP/AVP 18\n", 49),
        _ => ("", 0),
    };
    let text = format!(
        "{method} {to} SIP/2.0
Via: SIP/2.0/UDP {from};branch=z9hG4bK{number};rport
Max-Forwards: 70
From: <sip:x@elsewhere.example>;tag=x
To: <{to}>
Call-ID: {number}@options
CSeq: 1 {method}
Contact: <sip:x@{from}>
Content-Length: {length}

{proposal}"
    );
    let from: SocketAddr = from.parse().unwrap();
    told(world, from, &text)
}

/// RFC 3261 section 11.2.
#[test]
fn only_who_may_call_is_told_who_is_not_here() {
    let mut world = world("", 821);
    let known = "sip:1@centrale.localhost";
    let unknown = "sip:nobody@centrale.localhost";
    let cases = [
        (TRUNK, known, 200),
        (TRUNK, unknown, 404),
        (TRUNK, "sip:centrale.localhost", 200),
        (STRANGER, known, 200),
        (STRANGER, unknown, 200),
    ];
    for (number, (from, to, code)) in cases.into_iter().enumerate() {
        let answer = ask(&mut world, from, number, ("OPTIONS", to));
        assert_eq!(answer.code, code, "{from} {to}");
        let has = |name: Name| answer.headers.first(&name).map(|value| value.into_owned());
        let allow = has(Name::Allow);
        assert!(allow.is_some_and(|allow| allow.starts_with("INVITE, ACK")));
        for (name, value) in [
            (Name::Accept, "application/sdp, multipart/mixed"),
            (Name::AcceptEncoding, "identity"),
            (Name::Other("Accept-Language".into()), "en"),
            (Name::Supported, "100rel, timer, replaces, norefersub"),
        ] {
            assert_eq!(has(name).as_deref(), Some(value));
        }
    }
    let invited = ask(&mut world, TRUNK, 100, ("INVITE", unknown));
    assert_eq!(invited.code, 404, "as an INVITE");
}

/// RFC 3261 sections 20.43 and 21.4.26.
#[test]
fn a_description_that_is_refused_is_told_why() {
    let mut world = world("", 822);
    let refused = ask(&mut world, TRUNK, 1, ("INVITE", "sip:1@centrale.localhost"));
    assert_eq!(refused.code, 488);
    let warning = refused.headers.first(&Name::Warning);
    let expected = "305 centrale.localhost \"no codec in common\"";
    assert_eq!(warning.as_deref(), Some(expected));
}
