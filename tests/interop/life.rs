//! Start, reload, stop.

use std::fs;
use std::time::Instant;

use serde_json::json;

use crate::client::{MEDIA, brief, caller, patient, phone};
use crate::ports::free_port;
use crate::server::{Server, binary, configure};
use crate::{PATIENCE, eventually};

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
    server.logs("INFO reloaded");
    let operator = phone(&server, "alice", "phone_answers", &[]);
    let call = brief(&server, "3000", 2_000);
    call.succeeds(10);
    operator.succeeds(10);
}

#[test]
fn a_server_that_stops_lets_talks_go_on_and_then_says_goodbye() {
    let mut server = Server::start("drain: 4s");
    let operator = phone(&server, "alice", "phone_answers", &[]);
    let call = patient(&server, "2000");
    server.wait_for("alice", "talking", 10);
    server.signal("-TERM");
    let late = caller(&server, "caller_is_refused", "2000", &MEDIA);
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

/// Whoever called when the machine went down is the caller whom somebody should call back.
#[test]
fn calls_that_a_kill_takes_along_have_their_records() {
    let mut server = Server::start("");
    let operator = phone(&server, "alice", "phone_answers", &[]);
    let talking = patient(&server, "2000");
    server.wait_for("alice", "talking", 10);
    let waiting = patient(&server, "2000");
    eventually("both are written down", 10, || {
        let kinds = ["queued", "talking"];
        let kinds = kinds.map(|kind| count(&server, &format!("events WHERE kind = '{kind}'")));
        count(&server, "open_calls") == 2 && kinds == [2, 1]
    });
    server.kill();
    drop((talking, waiting, operator));
    let began = Instant::now();
    server.restart();
    let took = began.elapsed();
    // A second is promised; a busy machine and a build that is not optimised may take some.
    assert!(took < PATIENCE, "{took:?}");
    let records = server.records_of(2);
    for record in &records {
        let ended = (&record["outcome"], &record["hangup"]);
        assert_eq!(ended, (&json!("failed"), &json!("fault")), "{record}");
        assert_eq!(record["from"], "0612345678", "{record}");
        assert!(record["answered"].is_string(), "{record}");
        assert_eq!(record["queue"], "support", "{record}");
    }
    let operators = records
        .iter()
        .filter(|record| record["operator"] == "alice");
    assert_eq!(operators.count(), 1, "{records:?}");
    assert_eq!(count(&server, "open_calls"), 0);
    server.logs("an earlier process died with calls: each is recorded as failed calls=2");
    // Who calls again is where the line was cut.
    server.order("alice", r#"{"state":"paused"}"#);
    let again = patient(&server, "2000");
    eventually("the caller waits again", 10, || server.queued().len() == 1);
    server.counts("centrale_queue_comebacks_total{queue=\"support\"}", 1.0);
    drop(again);
}

/// The database is not on the way of a call, and each record is written once afterwards.
#[test]
fn a_database_that_takes_nothing_is_noticed_by_no_caller() {
    let server = Server::start("");
    let operator = phone(&server, "alice", "phone_answers", &[]);
    let thief = rusqlite::Connection::open(server.folder.join("records.db")).unwrap();
    thief.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let began = Instant::now();
    let call = brief(&server, "2000", 2_000);
    call.succeeds(5);
    operator.succeeds(5);
    let took = began.elapsed();
    assert!(took < PATIENCE, "{took:?}");
    eventually("it is said that nothing is written", 10, || {
        server.ask("/readyz").is_some_and(|(code, _)| code == 503)
    });
    thief.execute_batch("ROLLBACK").unwrap();
    let record = &server.records_of(1)[0];
    assert_eq!(record["outcome"], "answered", "{record}");
    server.counts("centrale_store_queue_length", 0.0);
}

/// How many rows a table of the database has, or a part of one.
fn count(server: &Server, rows: &str) -> i64 {
    let open = rusqlite::Connection::open(server.folder.join("records.db")).unwrap();
    let count = format!("SELECT count(*) FROM {rows}");
    open.query_row(&count, [], |row| row.get(0)).unwrap_or(-1)
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

/// The names of what changes, with the change.
fn changes(plan: &serde_json::Value, what: &str) -> Vec<String> {
    let rows = plan[what].as_array().unwrap().iter();
    rows.map(|row| {
        format!(
            "{} {}",
            row["name"].as_str().unwrap(),
            row["change"].as_str().unwrap()
        )
    })
    .collect()
}

#[test]
fn a_plan_says_what_a_reload_changes_and_a_call_keeps_its_flow() {
    let server = Server::start("");
    // Somebody is there, so that the caller waits.
    let operator = phone(&server, "alice", "phone_answers", &[]);
    server.order("alice", r#"{"state":"paused"}"#);
    let call = brief(&server, "2000", 60_000);
    eventually("the caller waits", 10, || server.queued().len() == 1);
    let flow = server.folder.join("flows/direct.yaml");
    let text = fs::read_to_string(&flow).unwrap();
    fs::write(
        &flow,
        text.replace("timeout: end", "timeout: again")
            .replace("  end:", "  again: { type: hangup }\n  end:"),
    )
    .unwrap();
    let floor = server.folder.join("config/floor.yaml");
    let queues = fs::read_to_string(&floor).unwrap();
    let changed = queues
        .replace("max_wait: 30s", "max_wait: 3s")
        .replace("  carol: { secret: carol, skills: { billing: 7 } }\n", "");
    fs::write(&floor, changed).unwrap();
    let (code, plan) = server.post("/api/v1/reload?plan=true", "{}");
    assert_eq!((code, &plan["applied"]), (200, &false.into()), "{plan}");
    assert_eq!(changes(&plan, "flows"), ["direct changed"]);
    assert_eq!(plan["flows"][0]["calls"], 1, "{plan}");
    assert_eq!(changes(&plan, "queues"), ["support changed"]);
    assert_eq!(plan["queues"][0]["waiting"], 1, "{plan}");
    assert_eq!(changes(&plan, "operators"), ["carol removed"]);
    assert_eq!(plan["operators"][0]["state"], "logged_out");
    assert!(plan["restart"].as_array().unwrap().is_empty(), "{plan}");
    let out = binary(&server.folder).arg("plan").output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert_eq!(
        said,
        "flow direct changed: 1 live calls began there and go on as they began\nqueue support changed: 1 callers wait there under the settings they came with\noperator carol removed\n"
    );
    // A plan changes nothing.
    assert_eq!(server.ask("/api/v1/operators/carol").unwrap().0, 200);
    let (code, done) = server.post("/api/v1/reload", "{}");
    assert_eq!((code, &done["applied"]), (200, &true.into()), "{done}");
    assert_eq!(changes(&done, "operators"), ["carol removed"]);
    eventually("carol is gone", 5, || {
        server.ask("/api/v1/operators/carol").unwrap().0 == 404
    });
    let (_, again) = server.post("/api/v1/reload?plan=true", "{}");
    assert!(changes(&again, "flows").is_empty(), "{again}");
    // The caller came when the wait was 30 s long: 3 s are none of its business.
    eventually("it waits for longer than new callers may", 10, || {
        let calls = server.json("/api/v1/calls");
        let waited = calls["calls"][0]["waited_s"].as_f64();
        waited.expect("it waits still") > 4.0
    });
    assert_eq!(server.queued().len(), 1);
    drop((call, operator));

    fs::write(&flow, text.replace("queue: support", "queue: suport")).unwrap();
    let (code, problem) = server.post("/api/v1/reload", "{}");
    assert_eq!(code, 422, "{problem}");
    let diagnostic = &problem["diagnostics"][0];
    assert_eq!(diagnostic["message"], "there is no queue `suport`");
    assert_eq!(diagnostic["hint"], "did you mean `support`?");
    assert_eq!(server.post("/api/v1/reload?plan=yes", "{}").0, 400);
    assert_eq!(server.post("/api/v1/reload?plan=true", "{\"a\": 1}").0, 422);
}
