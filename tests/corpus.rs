//! Every torture message is read, refused or passed over as its RFC says; none panics.
//!
//! The messages of `tests/corpus` are our own, one for a section of RFC 4475 or 5118:
//! a first line `expect: read | 400 | 505 | ignore`, then the message, with `\n` line ends
//! written out as CR LF. A third-party corpus beside the checkout is read in place when
//! it is there.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use exchange::model::ShardId;
use exchange::sip::{Advertise, Endpoint, Message, ParseError, Peer, Response, endpoint};

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

/// The messages of `tests/corpus`, in order.
fn own() -> Vec<Bytes> {
    let mut files: Vec<_> = std::fs::read_dir(root().join("tests/corpus"))
        .expect("the folder")
        .flatten()
        .map(|f| f.path())
        .collect();
    files.sort();
    let message = |file: PathBuf| {
        let text = std::fs::read_to_string(file).expect("a message");
        let (_, message) = text.split_once('\n').expect("two parts");
        Bytes::from(message.replace('\n', "\r\n"))
    };
    files.into_iter().map(message).collect()
}

/// An endpoint whose user answers everything by 486.
fn busy(messages: impl IntoIterator<Item = Bytes>) -> usize {
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
    let mut sent = 0;
    let peer = Peer::udp(([198, 51, 100, 7], 5060).into());
    for bytes in messages {
        let input = endpoint::Input::Received { bytes, peer };
        endpoint.handle(input, now, &mut out);
        while !out.is_empty() {
            for output in std::mem::take(&mut out) {
                match output {
                    endpoint::Output::Transmit { .. } => sent += 1,
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
    sent
}

#[test]
fn no_torture_message_leaves_anything_behind() {
    assert!(busy(own()) >= 20, "those that can be answered are");
}

#[test]
fn nor_does_any_of_their_mutations() {
    // Each byte of each message in turn becomes another, which also cuts and joins lines.
    for (index, message) in own().into_iter().enumerate() {
        let others = [b'\n', b';', 0, 0xff, b' '];
        let mutated = (0..message.len()).map(|at| {
            let mut bytes = message.to_vec();
            bytes[at] = others[(at + index) % others.len()];
            Bytes::from(bytes)
        });
        busy(mutated.collect::<Vec<_>>());
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

#[test]
fn each_torture_message_of_our_own_gets_what_its_section_says() {
    let mut files: Vec<_> = std::fs::read_dir(root().join("tests/corpus"))
        .expect("the folder")
        .flatten()
        .map(|f| f.path())
        .collect();
    files.sort();
    assert!(files.len() >= 40, "only {} messages", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a message");
        let (first, message) = text.split_once('\n').expect("two parts");
        let expected = first.strip_prefix("expect: ").expect("an expectation");
        let got = read(message.replace('\n', "\r\n").into_bytes());
        if got != expected {
            wrong.push(format!(
                "{}: expected {expected}, got {got}",
                file.display()
            ));
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
        let got = read(bytes);
        let good = match (expect, codes) {
            ("accept" | "response-ok", _) => got == "read",
            ("reject", "400" | "505") => got == codes,
            ("reject", "400|none") => got == "400" || got == "ignore",
            // What needs more than the message itself is decided further in.
            _ => true,
        };
        if !good {
            wrong.push(format!("{file}: expected {expect} {codes}, got {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
