//! Our reading of messages against rsip's: where both take one, they say the same, but for
//! faults of rsip that are listed here, each with the section that it is about.

#![expect(clippy::unwrap_used, reason = "a test may stop at surprises")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use exchange::sip::Message;
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
