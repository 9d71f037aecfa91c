use proptest::prelude::*;

use super::*;

const INVITE: &str = "INVITE sip:1000@centre.example SIP/2.0\r\n\
Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKa1;rport\r\n\
v: SIP/2.0/TCP first.example;branch=z9hG4bKa0\r\n\
Max-Forwards: 70\r\n\
f: \"Jan \\\"de\\\" Vries\" <sip:0612345678@gw.example>;tag=1\r\n\
To :\t<sip:1000@centre.example>\r\n\
Call-ID: abc@192.0.2.7\r\n\
CSeq: 1\r\n  INVITE\r\n\
Contact: <sip:gw@192.0.2.7>\r\n\
Content-Type: application/sdp\r\n\
Content-Length: 4\r\n\r\nv=0\nrest";

fn parse(text: &str) -> Result<Message, ParseError> {
    Message::parse(&Bytes::copy_from_slice(text.as_bytes()))
}

fn code(text: &str) -> Option<u16> {
    match parse(text) {
        Ok(_) => Some(200),
        Err(ParseError::Refuse(refusal)) => Some(refusal.code),
        Err(ParseError::Ignore(_)) => None,
    }
}

/// RFC 3261 section 7.3.
#[test]
fn an_invite_reads_with_folds_compact_names_and_spaces() {
    let Ok(Message::Request(request)) = parse(INVITE) else {
        panic!("a request")
    };
    assert_eq!(request.method, Method::Invite);
    assert_eq!(request.uri.user.as_deref(), Some("1000"));
    assert_eq!(request.headers.all(&Name::Via).count(), 2);
    assert_eq!(
        request.headers.from().unwrap().display.as_deref(),
        Some("Jan \"de\" Vries")
    );
    assert_eq!(request.headers.cseq().unwrap().method, Method::Invite);
    assert_eq!(&request.body[..], b"v=0\n");
}

/// RFC 3261 section 21.4.1.
#[test]
fn broken_requests_get_their_answer() {
    let cases = [
        (
            "INVITE sip:1000@centre.example SIP/2.0",
            "INVITE sip:1000@centre.example SIP/3.0",
            Some(505),
        ),
        (
            "sip:1000@centre.example SIP",
            "<sip:1000@centre.example> SIP",
            Some(400),
        ),
        ("Content-Length: 4", "Content-Length: 400", Some(400)),
        ("Content-Length: 4", "Content-Length: -4", Some(400)),
        ("Content-Length: 4", "Content-Length: +4", Some(400)),
        ("Content-Length: 4", "Content-Length: 999999999", Some(513)),
        ("Content-Length: 4", "Content-Length: 4\r\nl: 5", Some(400)),
        ("CSeq: 1\r\n  INVITE", "CSeq: 1 BYE", Some(400)),
        ("CSeq: 1\r\n  INVITE", "CSeq: +1 INVITE", Some(400)),
        ("CSeq: 1\r\n  INVITE", "CSeq: 4294967296 INVITE", Some(400)),
        ("Call-ID: abc@192.0.2.7\r\n", "", Some(400)),
        ("Max-Forwards: 70", "Max-Forwards: many", Some(400)),
        ("Max-Forwards: 70", "Max-Forwards: +7", Some(400)),
        (
            "Contact: <sip:gw@192.0.2.7>",
            "Contact: \"open <sip:gw@192.0.2.7>",
            Some(400),
        ),
        (
            "Contact: <sip:gw@192.0.2.7>",
            "Contact: <sip:gw@192.0.2.7>\r\nno colon here",
            Some(400),
        ),
        (
            "Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKa1;rport",
            "Via: nonsense",
            Some(400),
        ),
        (
            "INVITE sip:1000@centre.example SIP/2.0",
            "GET / HTTP/1.1",
            None,
        ),
    ];
    for (good, bad, expected) in cases {
        assert!(INVITE.contains(good), "{good}");
        assert_eq!(code(&INVITE.replacen(good, bad, 1)), expected, "{bad}");
    }
    assert_eq!(code(INVITE), Some(200));
    assert_eq!(code("\r\n\r\n"), None);
    assert_eq!(code(""), None);
}

#[test]
fn a_refusal_echoes_what_the_peer_must_see() {
    let Err(ParseError::Refuse(refusal)) = parse(&INVITE.replace("CSeq: 1\r\n", "CSeq: x\r\n"))
    else {
        panic!("refused")
    };
    let text = String::from_utf8(refusal.response.write().to_vec()).unwrap();
    assert!(text.starts_with("SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKa1;rport\r\nVia: SIP/2.0/TCP"), "{text}");
    assert!(text.ends_with("Content-Length: 0\r\n\r\n"));
}

#[test]
fn a_value_cannot_write_a_line_of_its_own() {
    let mut request = Request::new(Method::Options, Uri::parse("sip:a@b").unwrap());
    request
        .headers
        .push(Name::Reason, "x\r\nContact: <sip:evil@b>\0");
    let text = String::from_utf8(request.write().to_vec()).unwrap();
    assert_eq!(
        text,
        "OPTIONS sip:a@b SIP/2.0\r\nReason: x  Contact: <sip:evil@b> \r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn a_to_tag_is_added_once() {
    let Ok(Message::Request(request)) = parse(INVITE) else {
        panic!("a request")
    };
    let mut response = Response::to(&request, 200);
    response.set_to_tag("ours");
    response.set_to_tag("twice");
    assert_eq!(response.headers.to().unwrap().tag(), Some("ours"));
}

#[test]
fn a_response_reads_with_any_phrase() {
    let response = INVITE.replace(
        "INVITE sip:1000@centre.example SIP/2.0",
        "SIP/2.0 200 Ça va bien",
    );
    let Ok(Message::Response(read)) = parse(&response) else {
        panic!("a response")
    };
    assert_eq!(
        (read.code, &read.reason[..]),
        (200, "Ça va bien".as_bytes())
    );
    assert_eq!(code(&response.replace("200", "4200")), None);
    assert_eq!(code(&response.replace(" 200 ", " 099 ")), None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(Message::parse(&Bytes::from(bytes)));
    }

    #[test]
    fn a_mutated_invite_never_panics_and_what_is_read_writes_and_reads_back(
        edits in proptest::collection::vec((0..INVITE.len(), any::<u8>()), 0..6),
    ) {
        let mut bytes = INVITE.as_bytes().to_vec();
        for (at, byte) in edits {
            bytes[at] = byte;
        }
        if let Ok(message) = Message::parse(&Bytes::from(bytes)) {
            let written = message.write();
            let again = Message::parse(&written).expect("what we write, we read");
            prop_assert_eq!(again.write(), written);
        }
    }
}

/// RFC 3261 section 8.2 wants an answer to every request but ACK; what it says of its sender
/// has to be among what was read.
#[test]
fn too_many_headers_are_refused_by_what_the_first_of_them_say() {
    let common = "Via: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\n";
    let many = "X: y\r\n".repeat(300);
    let answer = |start: &str, method: &str, early: bool, body: &str| {
        let cseq = format!("{common}CSeq: 1 {method}\r\n");
        let (first, last) = if early {
            (cseq.as_str(), "")
        } else {
            ("", cseq.as_str())
        };
        let text = format!("{start}\r\n{first}{many}{last}\r\n{body}");
        match Message::parse(&Bytes::from(text)) {
            Ok(_) => unreachable!(),
            Err(ParseError::Refuse(refusal)) => Some((refusal.code, refusal.is_ack)),
            Err(ParseError::Ignore(_)) => None,
        }
    };
    let invite = "INVITE sip:b@h SIP/2.0";
    for (start, method, early, told) in [
        (invite, "INVITE", true, Some((400, false))),
        (invite, "INVITE", false, None),
        ("ACK sip:b@h SIP/2.0", "ACK", true, Some((400, true))),
        ("SIP/2.0 200 OK", "INVITE", true, None),
    ] {
        for body in ["", "Via: x\r\n\r\nbody"] {
            assert_eq!(answer(start, method, early, body), told, "{start} {early}");
        }
    }
}
