//! Start, reload, stop.

use std::fs;

use crate::client::{caller, phone};
use crate::eventually;
use crate::server::{Server, binary, configure, free_port};

#[test]
fn a_reload_is_all_or_nothing() {
    let server = Server::start("");
    let file = server.folder.join("config/centrale.yaml");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, good.replace("flow: direct", "flow: dierct")).unwrap();
    server.signal("-HUP");
    eventually("the mistake is in the log", 5, || {
        let log = server.log();
        log.contains("not reloaded") && log.contains("there is no flow `dierct`")
    });
    assert_eq!(server.ask("/readyz").unwrap().0, 200);
    let more = good.replace("\"2000\":", "\"3000\": { flow: direct }\n  \"2000\":");
    fs::write(&file, more).unwrap();
    server.signal("-HUP");
    eventually("it is reloaded", 5, || {
        server.log().contains("INFO reloaded")
    });
    let operator = phone(&server, "alice", "phone_answers", &[]);
    let call = caller(
        &server,
        "caller",
        "3000",
        &["-key", "media", "39000", "-d", "500"],
    );
    call.succeeds(10);
    operator.succeeds(10);
}

#[test]
fn a_server_that_stops_lets_talks_go_on_and_then_says_goodbye() {
    let mut server = Server::start("drain: 2s");
    let operator = phone(&server, "alice", "phone_answers", &[]);
    let call = caller(
        &server,
        "caller_is_left",
        "2000",
        &["-key", "media", "39000"],
    );
    server.wait_for("alice", "talking", 10);
    server.signal("-TERM");
    let late = caller(
        &server,
        "caller_is_refused",
        "2000",
        &["-key", "media", "39000"],
    );
    late.succeeds(5);
    call.succeeds(10);
    operator.succeeds(10);
    let mut code = None;
    eventually("the server ends", 10, || {
        code = server.exit_code();
        code.is_some()
    });
    assert_eq!(code, Some(0), "{}", server.log());
}

#[test]
fn what_cannot_start_says_why_in_a_sentence() {
    let server = Server::start("");
    let taken = configure((server.sip, free_port(), 9), "");
    let out = binary(&taken).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot listen on udp://127.0.0.1"), "{said}");

    let broken = configure((free_port(), free_port(), 9), "quues: {}");
    let out = binary(&broken).arg("check").output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("centrale.yaml:"), "{said}");
    assert!(said.contains("did you mean `queues`?"), "{said}");

    let nowhere = binary(&taken.join("nowhere")).output().unwrap();
    let said = String::from_utf8_lossy(&nowhere.stderr).into_owned();
    assert_eq!(nowhere.status.code(), Some(1), "{said}");
    assert!(said.contains("there is no configuration folder"), "{said}");

    let wrong = binary(&taken).arg("--nonsense").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    for folder in [taken, broken] {
        fs::remove_dir_all(folder).ok();
    }
}
