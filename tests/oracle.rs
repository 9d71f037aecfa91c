//! Our reading of messages against rsip's: where both take one, they say the same, but for
//! faults of rsip that are listed here, each with the section that it is about. Besides the
//! torture messages there are valid ones drawn at random.

#![expect(clippy::unwrap_used, reason = "a test may stop at surprises")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use exchange::sip::Message;
use proptest::prelude::*;
use rsip::prelude::{HeadersExt as _, ToTypedHeader as _, UntypedHeader as _};

/// Messages that both read, and rsip differently.
const DISAGREE: &[(&str, &str)] = &[];

fn messages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut found: Vec<PathBuf> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "sip"))
        .collect();
    found.sort();
    found
}

/// What a message is, in a line: ours.
fn ours(bytes: &[u8]) -> Option<String> {
    let message = Message::parse(&Bytes::copy_from_slice(bytes)).ok()?;
    let kind = match &message {
        Message::Request(request) => request.method.to_string(),
        Message::Response(response) => response.code.to_string(),
    };
    let headers = message.headers();
    let cseq = headers.cseq().ok()?;
    let call_id = headers.call_id().ok()?;
    Some(format!("{kind} {call_id} {}", cseq.number))
}

/// What a message is, in a line: rsip's.
fn theirs(bytes: &[u8]) -> Option<String> {
    let message = rsip::SipMessage::try_from(bytes).ok()?;
    let kind = match &message {
        rsip::SipMessage::Request(request) => request.method.to_string(),
        rsip::SipMessage::Response(response) => response.status_code.code().to_string(),
    };
    let cseq = message.cseq_header().ok()?.typed().ok()?;
    let call_id = message.call_id_header().ok()?.value().to_owned();
    Some(format!("{kind} {call_id} {}", cseq.seq))
}

#[test]
fn where_both_read_a_message_they_read_the_same() {
    let (mut both, mut only_ours) = (0, 0);
    let mut differ = BTreeSet::new();
    for path in messages() {
        // A line says what is expected; then comes the message, its lines without CR.
        let text = fs::read_to_string(&path).unwrap();
        let (_, message) = text.split_once('\n').unwrap();
        let bytes = message.replace('\n', "\r\n").into_bytes();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match (ours(&bytes), theirs(&bytes)) {
            (Some(one), Some(other)) if one == other => both += 1,
            (Some(one), Some(other)) => {
                differ.insert(name.clone());
                let known = DISAGREE.iter().any(|(known, _)| *known == name);
                assert!(known, "{name}: we read {one}, rsip reads {other}");
            }
            (Some(_), None) => only_ours += 1,
            (None, _) => {}
        }
    }
    assert!(both >= 10, "{both} messages that both read");
    assert!(only_ours > 0, "rsip refuses what is valid");
    for (name, _) in DISAGREE {
        assert!(differ.contains(*name), "{name} is read alike by now");
    }
}

/// The parts of a message that both must see alike.
#[derive(Debug, PartialEq)]
struct Seen {
    start: String,
    host: Option<String>,
    headers: usize,
    call_id: String,
    cseq: (u32, String),
    tags: [Option<String>; 2],
    branch: Option<String>,
    body: Vec<u8>,
}

fn seen_by_us(text: &str) -> Option<Seen> {
    let message = Message::parse(&Bytes::copy_from_slice(text.as_bytes())).ok()?;
    let headers = message.headers();
    let (start, body) = match &message {
        Message::Request(request) => (format!("{} {}", request.method, request.uri), &request.body),
        Message::Response(response) => (response.code.to_string(), &response.body),
    };
    let host = match &message {
        Message::Request(request) => request.uri.host.as_ref().map(ToString::to_string),
        Message::Response(_) => None,
    };
    let cseq = headers.cseq().ok()?;
    let tag = |address: exchange::sip::NameAddr| address.tag().map(str::to_owned);
    Some(Seen {
        start,
        host,
        headers: headers.len(),
        call_id: headers.call_id().ok()?.into_owned(),
        cseq: (cseq.number, cseq.method.to_string()),
        tags: [tag(headers.from().ok()?), tag(headers.to().ok()?)],
        branch: headers.via().ok()?.branch().map(str::to_owned),
        body: body.to_vec(),
    })
}

fn seen_by_rsip(text: &str) -> Option<Seen> {
    let message = rsip::SipMessage::try_from(text.as_bytes()).ok()?;
    let (start, headers, body) = match &message {
        rsip::SipMessage::Request(request) => (
            format!("{} {}", request.method, request.uri),
            request.headers.iter().count(),
            &request.body,
        ),
        rsip::SipMessage::Response(response) => (
            response.status_code.code().to_string(),
            response.headers.iter().count(),
            &response.body,
        ),
    };
    let host = match &message {
        rsip::SipMessage::Request(request) => Some(request.uri.host_with_port.host.to_string()),
        rsip::SipMessage::Response(_) => None,
    };
    let cseq = message.cseq_header().ok()?.typed().ok()?;
    let via = message.via_header().ok()?.typed().ok()?;
    let from = message.from_header().ok()?.typed().ok()?;
    let to = message.to_header().ok()?.typed().ok()?;
    Some(Seen {
        start,
        host,
        headers,
        call_id: message.call_id_header().ok()?.value().to_owned(),
        cseq: (cseq.seq, cseq.method.to_string()),
        tags: [from.tag(), to.tag()].map(|tag| tag.map(|tag| tag.value().to_owned())),
        branch: via.branch().map(|branch| branch.value().to_owned()),
        body: body.clone(),
    })
}

fn a_uri() -> impl Strategy<Value = String> {
    (
        "sips?",
        proptest::option::of("[a-zA-Z0-9_+*-]{1,12}"),
        "[a-z][a-z0-9-]{0,8}[a-z]\\.example|192\\.0\\.2\\.[1-9]",
        proptest::option::of(1..=65_535_u16),
        proptest::sample::select(vec!["", ";transport=TCP", ";lr", ";user=phone;x=1"]),
    )
        .prop_map(|(scheme, user, host, port, params)| {
            let user = user.map(|user| user + "@").unwrap_or_default();
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("{scheme}:{user}{host}{port}{params}")
        })
}

fn an_address() -> impl Strategy<Value = String> {
    let name = proptest::sample::select(vec!["", "Anna ", "\"Anna, de Boer\" "]);
    let tag = proptest::option::of("[a-zA-Z0-9.-]{1,10}");
    (name, a_uri(), tag).prop_map(|(name, uri, tag)| {
        let tag = tag.map(|tag| format!(";tag={tag}")).unwrap_or_default();
        format!("{name}<{uri}>{tag}")
    })
}

fn a_message() -> impl Strategy<Value = String> {
    let method = proptest::sample::select(vec![
        "INVITE",
        "ACK",
        "BYE",
        "CANCEL",
        "REGISTER",
        "OPTIONS",
        "INFO",
        "UPDATE",
        "PRACK",
        "REFER",
        "NOTIFY",
        "SUBSCRIBE",
        "MESSAGE",
        "PUBLISH",
    ]);
    let others = vec![
        "Max-Forwards: 70",
        "Allow: INVITE, ACK",
        "Supported: timer",
        "X-Own: a:b;c=\"d\"",
        "User-Agent: Phone/1.0 (x)",
        "Record-Route: <sip:h.example;lr>",
        "Expires: 60",
        "Subject:",
    ];
    let others = proptest::sample::subsequence(others, 0..6);
    let parts = (
        method,
        proptest::option::of(100..700_u16),
        a_uri(),
        [an_address(), an_address()],
    );
    let ids = (
        "[a-zA-Z0-9@.-]{1,30}",
        0..1_u32 << 31,
        "[a-zA-Z0-9]{1,20}",
        "[a-z=0-9 ]{0,30}",
    );
    (parts, ids, others).prop_map(
        |((method, code, uri, [from, to]), (call_id, cseq, branch, body), others)| {
            let start = match code {
                Some(code) => format!("SIP/2.0 {code} Some Phrase"),
                None => format!("{method} {uri} SIP/2.0"),
            };
            let mut lines = vec![
                start,
                format!("Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{branch};rport"),
                format!("From: {from}"),
                format!("To: {to}"),
                format!("Call-ID: {call_id}"),
                format!("CSeq: {cseq} {method}"),
                format!("Content-Length: {}", body.len()),
            ];
            lines.extend(others.into_iter().map(String::from));
            lines.join("\r\n") + "\r\n\r\n" + &body
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_valid_messages_both_say_the_same(text in a_message()) {
        let ours = seen_by_us(&text);
        prop_assert!(ours.is_some(), "valid, and refused: {text}");
        prop_assert_eq!(ours, seen_by_rsip(&text), "{}", text);
    }
}

/// What is valid and rsip refuses or reads differently: the section of RFC 3261 that says
/// so, a piece of a good message, and what stands in its place.
const FAULTS: &[(&str, &str, &str)] = &[
    ("7.3.1, spaces before the colon", "Call-ID:", "Call-ID :"),
    (
        "7.3.1, a folded line",
        "CSeq: 1 OPTIONS",
        "CSeq: 1\r\n OPTIONS",
    ),
    ("7.3.3, compact names", "From:", "f:"),
    (
        "7.5, empty lines first",
        "OPTIONS sip:c",
        "\r\nOPTIONS sip:c",
    ),
    ("7.1, a method of an extension", "OPTIONS", "DANCE"),
    ("18.3, octets after the body", "hi", "hi there"),
    (
        "19.1.1, IPv6",
        "sip:c@d.example SIP",
        "sip:c@[2001:db8::1] SIP",
    ),
    (
        "19.1.1, a dot in the user",
        "sip:c@d.example SIP",
        "sip:c.d@d.example SIP",
    ),
    (
        "19.1.1, a parameter as it was written",
        "sip:c@d.example SIP",
        "sip:c@d.example;transport=tcp SIP",
    ),
    ("19.1.6, tel", "sip:c@d.example SIP", "tel:+31 SIP"),
    ("20.42, IPv6", "UDP h.example", "UDP [2001:db8::1]"),
];

#[test]
fn the_faults_of_rsip_are_as_listed() {
    let good = "OPTIONS sip:c@d.example SIP/2.0\r\nVia: SIP/2.0/UDP h.example;branch=z9hG4bKa\r\n\
        From: <sip:a@b.example>;tag=1\r\nTo: <sip:c@d.example>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\
        Content-Length: 2\r\n\r\nhi";
    assert_eq!(seen_by_us(good), seen_by_rsip(good));
    for (section, piece, other) in FAULTS {
        assert!(good.contains(piece), "{piece}");
        let text = good.replace(piece, other);
        let ours = seen_by_us(&text);
        assert!(
            ours.is_some(),
            "{section} {other}: valid, and refused by us"
        );
        assert_ne!(
            ours,
            seen_by_rsip(&text),
            "{section} {other}: read alike by now"
        );
    }
}
