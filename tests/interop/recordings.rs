//! Messages, recordings and surveys of real calls: what was said is what is in the files.

use std::io::{Cursor, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{baresip, caller, phone};
use crate::server::Server;
use crate::sound::{Stream, seconds_of};
use crate::{PATIENCE, eventually};

const FLOOR: &str = "
queues:
  support: { requires: { support: 1 }, offer_timeout: 5s, wrap_up: 1s, music: calm }
operators:
  alice: { secret: alice, skills: { support: 8 } }
";

const MESSAGE: &str = "
version: 1
flow: message
start: leave
languages: [en]
nodes:
  leave: { type: voicemail, prompt: [goodbye], mailbox: office, max: 1m, ok: kept, error: none }
  kept: { type: play, prompt: [goodbye], next: none }
  none: { type: hangup }
";

const TAPED: &str = "
version: 1
flow: taped
start: on
languages: [en]
nodes:
  on: { type: recording, action: start, next: help }
  help: { type: queue, queue: support, answered: rate, timeout: end, full: end, no_operators: end, error: end }
  rate: { type: survey, prompt: [goodbye], keys: { \"1\": 1, \"5\": 5 }, save: csat, timeout: 10s, retries: 0, next: end }
  end: { type: hangup }
";

const SECRET: &str = "
version: 1
flow: secret
start: on
languages: [en]
nodes:
  on: { type: recording, action: start, next: before }
  before: { type: play, prompt: [goodbye], next: pin }
  pin: { type: collect, prompt: [{ silence: 500ms }], digits: { max: 1 }, save: pin, sensitive: true, timeout: 20s, ok: after, on_failure: after }
  after: { type: play, prompt: [{ silence: 3s }], next: end }
  end: { type: hangup }
";

fn server() -> Server {
    let flows = [
        ("3000", "message", MESSAGE),
        ("3001", "taped", TAPED),
        ("3002", "secret", SECRET),
    ];
    Server::with(FLOOR, &flows)
}

/// What a path gives, whatever it is: the status and the bytes.
fn fetch(server: &Server, method: &str, path: &str) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(("127.0.0.1", server.http)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let head = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let code = text.split(' ').nth(1).unwrap().parse().unwrap();
    (code, bytes.split_off(head + 4))
}

/// A file's sound, by channel.
pub(crate) fn sound(server: &Server, path: &str) -> Vec<Vec<i16>> {
    let (code, bytes) = fetch(server, "GET", path);
    assert_eq!(code, 200);
    let mut reader = hound::WavReader::new(Cursor::new(bytes)).unwrap();
    let spec = reader.spec();
    assert_eq!((spec.sample_rate, spec.bits_per_sample), (8_000, 16));
    let channels = usize::from(spec.channels);
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    let channel = |at: usize| samples.iter().copied().skip(at).step_by(channels).collect();
    (0..channels).map(channel).collect()
}

/// Waits for the first of a list, and gives all.
pub(crate) fn listed(server: &Server, path: &str, key: &str) -> Vec<Value> {
    let mut all = Vec::new();
    eventually(&format!("{key} in {path}"), 10, || {
        all = server.json(path)[key].as_array().unwrap().clone();
        !all.is_empty()
    });
    all
}

/// A caller with a stream that sounds and presses a key.
fn calls(
    server: &Server,
    scenario: &str,
    number: &str,
    stream: &Stream,
    lasts: &str,
) -> crate::client::Client {
    let port = stream.port.to_string();
    caller(
        server,
        scenario,
        number,
        &["-key", "media", &port, "-d", lasts],
    )
}

#[test]
fn a_message_is_heard_marked_and_deleted_by_the_api() {
    let server = server();
    let stream = Stream::start(700.0, None);
    calls(&server, "caller", "3000", &stream, "6000").succeeds(15);
    let heard = stream.heard();
    assert!(
        seconds_of(1_000.0, &heard) >= 0.1,
        "the tone after which to speak"
    );
    let messages = listed(&server, "/api/v1/messages?mailbox=office", "messages");
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    assert_eq!(
        (&message["from"], &message["heard"]),
        (&json!("0612345678"), &json!(false))
    );
    let duration = message["duration_s"].as_f64().unwrap();
    assert!((2.0..5.5).contains(&duration), "{message}");
    let id = message["id"].as_str().unwrap();
    let path = format!("/api/v1/messages/{id}");
    let sound = sound(&server, &format!("{path}/audio"));
    assert_eq!(sound.len(), 1);
    let length = f64::from(u32::try_from(sound[0].len()).unwrap()) / 8_000.0;
    assert!(
        (length - duration).abs() < 0.01,
        "{length} s of {duration} s"
    );
    let spoken = seconds_of(700.0, &sound[0]);
    assert!(spoken > duration - 0.4, "{spoken} s of {duration} s");
    let record = server.record_when(|record| record["recordings"][0]["result"] == "kept");
    assert_eq!(record["recordings"][0]["mailbox"], "office", "{record}");
    server.counts("centrale_voicemail_messages_total{mailbox=\"office\"}", 1.0);
    server.counts("centrale_recordings_active", 0.0);
    let (code, marked) = server.post(&format!("{path}/heard"), "{\"heard\": true}");
    assert_eq!((code, &marked["heard"]), (200, &json!(true)));
    let unheard = server.json("/api/v1/messages?heard=false");
    assert_eq!(unheard["messages"], json!([]));
    let file = server.folder.join(format!("var/recordings/{id}.wav"));
    assert!(file.exists());
    let (code, _) = fetch(&server, "DELETE", &path);
    assert_eq!(code, 200);
    assert!(!file.exists());
    for path in [path.clone(), format!("{path}/audio")] {
        assert_eq!(fetch(&server, "GET", &path).0, 404, "{path}");
    }
}

#[test]
fn a_key_ends_a_message_and_the_flow_goes_on() {
    let server = server();
    // The goodbye and the tone take two or three seconds.
    let stream = Stream::start(700.0, Some((11, Duration::from_secs(5))));
    calls(&server, "caller_is_left", "3000", &stream, "0").succeeds(20);
    stream.heard();
    let messages = listed(&server, "/api/v1/messages", "messages");
    let duration = messages[0]["duration_s"].as_f64().unwrap();
    assert!((1.5..4.0).contains(&duration), "{messages:?}");
    assert_eq!(server.record()["path"], json!(["leave", "kept", "none"]));
}

#[test]
fn who_says_nothing_leaves_no_message() {
    let server = server();
    let stream = Stream::start(0.0, None);
    calls(&server, "caller_is_left", "3000", &stream, "0").succeeds(20);
    stream.heard();
    let record = server.record();
    assert_eq!(record["path"], json!(["leave", "none"]), "{record}");
    assert_eq!(record["recordings"][0]["result"], "empty");
    assert_eq!(server.json("/api/v1/messages")["messages"], json!([]));
    let files = std::fs::read_dir(server.folder.join("var/recordings")).unwrap();
    assert_eq!(files.count(), 0);
}

#[test]
fn a_talk_is_recorded_with_the_caller_left_and_the_operator_right() {
    let server = server();
    let (_alice, _folder) = baresip(&server, "alice", "udp");
    let stream = Stream::start(1_000.0, None);
    let call = calls(&server, "caller", "3001", &stream, "6000");
    server.wait_for("alice", "talking", 10);
    server.shows("/api/v1/calls", |live| {
        live["calls"][0]["recording"] == "on"
    });
    call.succeeds(15);
    stream.heard();
    let id = server.record()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/recordings?call={id}");
    let recordings = listed(&server, &path, "recordings");
    assert!(
        recordings[0]["duration_s"].as_f64().unwrap() > 5.5,
        "{recordings:?}"
    );
    let name = recordings[0]["id"].as_str().unwrap();
    let sides = sound(&server, &format!("/api/v1/recordings/{name}/audio"));
    let [left, right] = &sides[..] else {
        panic!("{} channels", sides.len());
    };
    let (caller, operator) = (seconds_of(1_000.0, left), seconds_of(440.0, right));
    assert!(caller > 3.0, "the caller for {caller} s");
    assert!(operator > 2.0, "the operator for {operator} s");
    assert_eq!(seconds_of(440.0, left) + seconds_of(1_000.0, right), 0.0);
    let (code, _) = fetch(&server, "DELETE", &path);
    assert_eq!(code, 200);
    assert_eq!(server.json(&path)["recordings"], json!([]));
}

#[test]
fn nothing_that_sounds_while_a_secret_is_entered_is_recorded() {
    let server = server();
    let stream = Stream::start(1_000.0, Some((5, Duration::from_secs(6))));
    calls(&server, "caller_is_left", "3002", &stream, "0").succeeds(20);
    stream.heard();
    let recordings = listed(&server, "/api/v1/recordings", "recordings");
    let name = recordings[0]["id"].as_str().unwrap();
    let sides = sound(&server, &format!("/api/v1/recordings/{name}/audio"));
    let left = &sides[0];
    // Tenths of a second with and without sound.
    let loud: Vec<bool> = left
        .chunks_exact(800)
        .map(|tenth| tenth.iter().any(|sample| sample.unsigned_abs() > 500))
        .collect();
    // A caller who stood still for a moment was not heard then either.
    let mut runs: Vec<&[bool]> = loud.chunk_by(|one, next| one == next).collect();
    let is_secret = |run: &&[bool]| !run[0] && run.len() >= 25;
    let secret = runs.iter().position(is_secret);
    let after = runs.split_off(secret.expect("some seconds are quiet"));
    let heard = |runs: &[&[bool]]| runs.concat().iter().filter(|loud| **loud).count();
    let (before, after) = (heard(&runs), heard(&after));
    assert!(before >= 8, "{before} tenths before it");
    assert!(after >= 15, "{after} tenths after it");
    let record = server.record().to_string();
    assert!(!record.contains("pin\":"), "{record}");
}

#[test]
fn a_survey_is_answered_by_a_key_after_the_talk() {
    let server = server();
    let operator = phone(&server, "alice", "phone_leaves", &["-d", "1000"]);
    let stream = Stream::start(700.0, Some((5, Duration::from_secs(6))));
    calls(&server, "caller_is_left", "3001", &stream, "0").succeeds(20);
    operator.succeeds(20);
    stream.heard();
    let record = server.record();
    assert_eq!(record["survey"], json!({ "csat": 5 }), "{record}");
    assert_eq!(record["path"], json!(["on", "help", "rate", "end"]));
    let answers = "centrale_survey_answers_total{answer=\"5\",project=\"\",question=\"csat\",queue=\"support\"}";
    server.counts(answers, 1.0);
}

#[test]
fn a_killed_server_keeps_what_was_said_before() {
    let mut server = server();
    let stream = Stream::start(700.0, None);
    let call = calls(&server, "caller", "3000", &stream, "60000");
    let folder = server.folder.join("var/recordings");
    eventually("some seconds are on the disk", 15, || {
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        files
            .into_iter()
            .any(|file| file.metadata().unwrap().len() > 64_000)
    });
    server.kill_and_restart();
    drop(call);
    stream.heard();
    let messages = listed(&server, "/api/v1/messages", "messages");
    let id = messages[0]["id"].as_str().unwrap();
    let sound = sound(&server, &format!("/api/v1/messages/{id}/audio"));
    assert!(seconds_of(700.0, &sound[0]) >= 2.0);
}

#[test]
fn a_disk_that_takes_nothing_costs_the_message_and_not_the_call() {
    let server = server();
    let folder = server.folder.join("var/recordings");
    std::fs::remove_dir(&folder).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    let stream = Stream::start(700.0, None);
    calls(&server, "caller_is_left", "3000", &stream, "0").succeeds(20);
    stream.heard();
    let record = server.record();
    assert_eq!(record["path"], json!(["leave", "none"]), "{record}");
    assert_eq!(record["recordings"][0]["result"], "failed");
    server.counts("centrale_recording_errors_total{reason=\"open\"}", 1.0);
    let told = "centrale_flow_errors_total{flow=\"message\",reason=\"recording\"}";
    server.counts(told, 1.0);
}
