//! A second independent phone, pjsua2, as operators and as a caller: digest, sound both
//! ways, keys, hold, and every kind of transfer (RFC 3515, RFC 3891).

use std::path::PathBuf;

use crate::client::{Client, pjsua};
use crate::server::Server;
use crate::sound::{melody, seconds_of};

/// A pjsua2 and where its recordings are.
struct Phone {
    client: Client,
    folder: PathBuf,
}

impl Phone {
    fn start(server: &Server, user: Option<&str>, tone: f64) -> Self {
        let (client, folder) = pjsua(server, user, tone);
        Self { client, folder }
    }

    fn does(&mut self, line: &str) {
        self.client.tell(line);
    }

    /// Waits until it says so.
    fn says(&self, line: &str) {
        self.client.says(line, 15);
    }

    /// The samples of a recording whose header is not finished.
    fn heard(&self, call: u32) -> Vec<i16> {
        let file = self.folder.join(format!("heard-{call}.wav"));
        let bytes = std::fs::read(file).unwrap();
        let samples = bytes.get(44..).unwrap_or_default().chunks_exact(2);
        samples.map(|s| i16::from_le_bytes([s[0], s[1]])).collect()
    }

    fn leaves(&mut self) {
        self.does("quit");
        assert!(self.client.ends(10), "{}", self.client.said());
    }
}

/// For how many seconds something else is heard between the first and the last of a tone.
fn seconds_between(tone: f64, samples: &[i16]) -> f64 {
    let tenths: Vec<&[i16]> = samples.chunks_exact(800).collect();
    let is_tone = |tenth: &&[i16]| seconds_of(tone, tenth) > 0.0;
    let first = tenths.iter().position(is_tone).unwrap_or(0);
    let last = tenths.iter().rposition(is_tone).unwrap_or(0);
    let loud = |tenth: &[i16]| tenth.iter().map(|s| i32::from(*s).abs()).sum::<i32>() > 800 * 30;
    let between = tenths.get(first..last).unwrap_or_default().iter();
    let other = between.filter(|tenth| !is_tone(tenth) && loud(tenth));
    f64::from(u32::try_from(other.count()).unwrap()) / 10.0
}

/// RFC 3891 section 3.
#[test]
fn a_phone_of_another_make_talks_holds_and_hands_callers_on() {
    let server = Server::start("");
    let mut alice = Phone::start(&server, Some("alice"), 440.0);
    let mut bob = Phone::start(&server, Some("bob"), 700.0);
    let mut caller = Phone::start(&server, None, 1_000.0);
    for name in ["alice", "bob"] {
        server.wait_for(name, "ready", 10);
    }
    server.order("bob", r#"{"state":"paused","reason":"lunch"}"#);

    // The key 1 of the menu is `support`, for which alice is the best.
    caller.does(&format!("dial sip:1000@{}", server.address()));
    caller.says("confirmed 0");
    caller.does("keys 0 1");
    alice.says("ringing 0");
    alice.does("answer 0");
    server.wait_for("alice", "talking", 5);
    let pause = || std::thread::sleep(std::time::Duration::from_secs(2));
    pause();
    alice.does("hold 0");
    alice.says("media 0 hold");
    pause();
    alice.does("resume 0");
    alice.client.says_often("media 0 active", 2, 10);
    pause();

    // Blind, to a queue.
    server.order("bob", r#"{"state":"ready"}"#);
    alice.does("send 0 sip:billing@centrale.localhost");
    alice.says("transfer 0 200");
    bob.says("ringing 0");
    alice.says("over 0 200");
    bob.does("answer 0");
    server.wait_for("bob", "talking", 5);
    pause();
    // Work after the call is not what is tried here.
    server.order("alice", r#"{"state":"ready"}"#);

    // Attended, to a colleague who is asked first.
    bob.does("hold 0");
    bob.says("media 0 hold");
    bob.does("dial sip:alice@centrale.localhost");
    alice.says("ringing 1");
    alice.does("answer 1");
    // The house answers a colleague's call at once; it is alice who is waited for.
    alice.says("confirmed 1");
    bob.says("confirmed 1");
    bob.does("join 0 1");
    bob.says("over 0 200");
    bob.says("over 1 200");
    server.wait_for("alice", "talking", 5);
    pause();
    server.order("bob", r#"{"state":"ready"}"#);

    // Blind, to a colleague.
    alice.does("send 1 sip:bob@centrale.localhost");
    bob.says("ringing 2");
    bob.does("answer 2");
    alice.says("over 1 200");
    server.wait_for("bob", "talking", 5);
    caller.does("hangup 0");
    bob.says("over 2 200");

    // The call between the colleagues has a record of its own.
    let records = server.records_of(2);
    let record = records.iter().find(|record| record["number"] == "1000");
    let record = record.unwrap();
    assert_eq!(record["outcome"], "answered", "{record}");
    assert_eq!(record["operator"], "bob", "{record}");
    server.counts("centrale_transfers_total", 3.0);
    heard([alice, bob, caller]);
}

#[test]
fn an_operator_goes_and_comes_back_by_codes() {
    let server = Server::start("");
    let mut alice = Phone::start(&server, Some("alice"), 440.0);
    server.wait_for("alice", "ready", 10);
    let codes = [
        ("*127", "200", "paused", Some("7")),
        ("*13", "200", "ready", None),
        ("*11", "200", "logged_out", None),
        ("*10", "200", "ready", None),
        ("*14", "403", "ready", None),
    ];
    for (call, (code, answer, state, reason)) in codes.into_iter().enumerate() {
        alice.does(&format!("dial sip:{code}@centrale.localhost"));
        alice.says(&format!("over {call} {answer}"));
        server.wait_for("alice", state, 5);
        assert_eq!(server.operator("alice").1.as_deref(), reason, "{code}");
    }
    alice.leaves();
    for call in 0..4 {
        assert_eq!(melody(&[850], &alice.heard(call)), [850], "{call}");
    }
}

/// What each recorded: tones of the others, and music while held.
fn heard([mut alice, mut bob, mut caller]: [Phone; 3]) {
    for phone in [&mut alice, &mut bob, &mut caller] {
        phone.leaves();
    }
    let heard = caller.heard(0);
    let (alices, bobs) = (seconds_of(440.0, &heard), seconds_of(700.0, &heard));
    assert!(alices > 4.0 && bobs > 1.0, "{alices} s and {bobs} s");
    let music = seconds_between(440.0, &heard);
    assert!(music > 1.0, "music for {music} s");
    for heard in [alice.heard(0), alice.heard(1), bob.heard(0)] {
        let theirs = seconds_of(1_000.0, &heard);
        assert!(theirs > 1.0, "the caller was heard for {theirs} s");
    }
}
