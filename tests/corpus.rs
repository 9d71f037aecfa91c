//! Every torture message is read, refused or passed over as its RFC says, and answered so
//! by datagrams and on a stream; none panics.
//!
//! The messages of `tests/corpus` are our own, one for a section of RFC 3261, 4475 or 5118:
//! a first line `expect: READ, udp ANSWER, tcp ANSWER`, then the message, with `\n` line
//! ends written out as CR LF. READ is `read`, `ignore` or the code of a refusal. ANSWER is
//! what an endpoint sends whose user says 486 to whatever is asked, or `none`; and `closed`
//! behind it, of a stream that cannot be followed then. A third-party corpus beside the checkout is read in
//! place when it is there.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use exchange::model::ShardId;
use exchange::sip::{
    Advertise, ConnectionId, Endpoint, Frame, Message, ParseError, Peer, Response, StreamFramer,
    endpoint,
};

fn read(bytes: Vec<u8>) -> String {
    match Message::parse(&Bytes::from(bytes)) {
        Ok(message) => {
            let written = message.write();
            let again =
                Message::parse(&written).expect("what is read can be written and read again");
            assert_eq!(again.write(), written);
            "read".into()
        }
        Err(ParseError::Refuse(refusal)) => refusal.code.to_string(),
        Err(ParseError::Ignore(_)) => "ignore".into(),
    }
}

/// The messages of `tests/corpus`, in order: name, expectations, bytes.
fn own() -> Vec<(String, String, Bytes)> {
    let mut files: Vec<_> = std::fs::read_dir(root().join("tests/corpus"))
        .expect("the folder")
        .flatten()
        .map(|f| f.path())
        .collect();
    files.sort();
    let message = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).expect("a message");
        let (first, message) = text.split_once('\n').expect("two parts");
        let expected = first.strip_prefix("expect: ").expect("an expectation");
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let bytes = Bytes::from(message.replace('\n', "\r\n"));
        (name.into_owned(), expected.to_owned(), bytes)
    };
    files.into_iter().map(message).collect()
}

/// The codes that an endpoint sends whose user answers everything by 486, after each
/// timer has run out.
fn answers(messages: impl IntoIterator<Item = Bytes>, peer: Peer) -> Vec<u16> {
    let mut endpoint = Endpoint::new(endpoint::Settings {
        shard: ShardId(0),
        seed: 1,
        advertise: Advertise::at(([192, 0, 2, 1], 5060).into()),
        product: "Centrale".into(),
        max_transactions: 10_000,
    });
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    let start = Instant::now();
    let mut now = start;
    let mut out = Vec::new();
    let mut codes = Vec::new();
    for bytes in messages {
        let input = endpoint::Input::Received { bytes, peer };
        endpoint.handle(input, now, &mut out);
        while !out.is_empty() {
            for output in std::mem::take(&mut out) {
                match output {
                    endpoint::Output::Transmit { bytes, .. } => match Message::parse(&bytes) {
                        Ok(Message::Response(response)) => codes.push(response.code),
                        // What the peer cannot have back but as it wrote it.
                        Ok(Message::Request(_)) | Err(_) => codes.push(code_of(&bytes)),
                    },
                    endpoint::Output::Event(endpoint::Event::Request { tx, request, .. }) => {
                        let response = Response::to(&request, 486);
                        endpoint.respond(tx, &response, now, &mut out);
                    }
                    endpoint::Output::Event(_) | endpoint::Output::Count(_) => {}
                }
            }
        }
    }
    while let Some(at) = endpoint.deadline() {
        now = now.max(at);
        assert!(now < start + Duration::from_secs(120), "timers without end");
        endpoint.handle(endpoint::Input::Tick, now, &mut out);
        out.clear();
    }
    assert_eq!(endpoint.in_flight(), 0, "transactions that nobody ends");
    codes
}

fn code_of(bytes: &[u8]) -> u16 {
    let code = bytes
        .get(8..11)
        .and_then(|code| std::str::from_utf8(code).ok());
    code.and_then(|code| code.parse().ok()).expect("a response")
}

fn by_udp(messages: impl IntoIterator<Item = Bytes>) -> Vec<u16> {
    answers(messages, Peer::udp(([198, 51, 100, 7], 5060).into()))
}

/// The answers, and `closed` when the stream cannot be followed then.
fn by_tcp(bytes: &Bytes) -> String {
    let mut framer = StreamFramer::default();
    let mut messages = Vec::new();
    let mut closed = "";
    'stream: for piece in bytes.chunks(100) {
        framer.push(piece);
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Message(message))) => messages.push(message),
                Ok(Some(Frame::Ping)) => {}
                Ok(None) => break,
                Err(_) => {
                    messages.extend(framer.unusable());
                    closed = " closed";
                    break 'stream;
                }
            }
        }
    }
    let peer = Peer::tcp(([198, 51, 100, 7], 5060).into(), ConnectionId(1));
    said(&answers(messages, peer)) + closed
}

fn said(codes: &[u16]) -> String {
    if codes.is_empty() {
        return "none".into();
    }
    let codes: Vec<_> = codes.iter().map(u16::to_string).collect();
    codes.join(" ")
}

/// RFC 4475 section 3.
#[test]
fn no_torture_message_leaves_anything_behind() {
    let messages = own().into_iter().map(|(_, _, bytes)| bytes);
    let answered = by_udp(messages).len();
    assert!(answered >= 40, "only {answered} are answered");
}

#[test]
fn nor_does_any_of_their_mutations() {
    // Each byte of each message in turn becomes another, which also cuts and joins lines.
    for (index, (_, _, message)) in own().into_iter().enumerate() {
        let others = [b'\n', b';', 0, 0xff, b' '];
        let mutated = (0..message.len()).map(|at| {
            let mut bytes = message.to_vec();
            bytes[at] = others[(at + index) % others.len()];
            Bytes::from(bytes)
        });
        by_udp(mutated.collect::<Vec<_>>());
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// RFC 4475 section 3.
#[test]
fn each_torture_message_of_our_own_gets_what_its_section_says() {
    let messages = own();
    assert!(messages.len() >= 50, "only {} messages", messages.len());
    let mut wrong = Vec::new();
    for (name, expected, bytes) in messages {
        let udp = said(&by_udp([bytes.clone()]));
        let tcp = by_tcp(&bytes);
        let got = format!("{}, udp {udp}, tcp {tcp}", read(bytes.to_vec()));
        if got != expected {
            wrong.push(format!("{name}: expected {expected}; got {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_torture_messages_beside_the_checkout_get_what_their_table_says() {
    let folder = root().join("../shared/corpus");
    let Ok(table) = std::fs::read_to_string(folder.join("expected.tsv")) else {
        return;
    };
    let mut wrong = Vec::new();
    // The table says what a whole server answers; what is 401 or 404 there, is 486 here.
    for line in table.lines().skip(1) {
        let mut columns = line.split('\t');
        let (Some(file), Some(_), Some(expect), Some(codes)) = (
            columns.next(),
            columns.next(),
            columns.next(),
            columns.next(),
        ) else {
            continue;
        };
        let Ok(bytes) = std::fs::read(folder.join(file)) else {
            continue;
        };
        let got = read(bytes.clone());
        let good = match (expect, codes) {
            ("accept" | "response-ok", _) => got == "read",
            ("reject", "400" | "505") => got == codes,
            ("reject", "400|none") => got == "400" || got == "ignore",
            // What needs more than the message itself is decided further in.
            _ => true,
        };
        // Of what an endpoint's user decides, 486 is one answer as good as any other.
        let bytes = Bytes::from(bytes);
        let udp = said(&by_udp([bytes.clone()]));
        let tcp = by_tcp(&bytes);
        let allowed = |answer: &str| {
            codes == "any"
                || answer == "486"
                || codes
                    .split(['|', ','])
                    .any(|code| match code.strip_prefix('!') {
                        Some("5xx") => !answer.starts_with('5') || answer == "501",
                        Some(other) => !answer.split(' ').any(|code| code == other),
                        None => answer == code || answer == format!("{code} closed"),
                    })
        };
        let good = good && allowed(&udp) && (allowed(&tcp) || tcp == "none");
        if !good {
            wrong.push(format!(
                "{file}: expected {expect} {codes}, got {got}, udp {udp}, tcp {tcp}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
