//! A disk that hangs and a disk that is full: no caller notices, and nothing is lost.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::client::{brief, phone, register};
use crate::eventually;
use crate::ports::free_port;
use crate::server::{BAD_DISK, Server};

/// A talk of 300 ms with all around it, while a single write takes 2 s.
const SOON: Duration = Duration::from_secs(4);

/// A server on a disk that can be made to hang, or full.
fn start() -> Server {
    let mut server = Server::start("");
    server.kill();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/bad_disk.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(server.folder.join(BAD_DISK))
        .arg(source)
        .arg("-ldl")
        .status();
    assert!(built.unwrap().success());
    server.restart();
    server
}

fn set(server: &Server, flag: &str) {
    fs::write(server.folder.join(flag), "").unwrap();
}

/// Takes the flag away, after it was noticed.
fn heal(server: &Server, flag: &str) {
    eventually("the disk was written to", 20, || {
        server.folder.join("noticed").exists()
    });
    fs::remove_file(server.folder.join("noticed")).unwrap();
    fs::remove_file(server.folder.join(flag)).unwrap();
}

/// Somebody calls, is answered by the operator and hangs up; within which time.
fn call(server: &Server) -> Duration {
    let began = Instant::now();
    brief(server, "2000", 300).succeeds(20);
    let took = began.elapsed();
    server.wait_for("alice", "ready", 20);
    took
}

#[test]
fn a_disk_that_hangs_or_is_full_is_noticed_by_no_caller() {
    let server = start();
    let _phone = phone(
        &server,
        "alice",
        "phone_leaves",
        &["-m", "20", "-d", "60000"],
    );
    for flag in ["hangs", "full"] {
        set(&server, flag);
        for _ in 0..2 {
            let took = call(&server);
            assert!(took < SOON, "{flag}: {took:?}");
        }
        if flag == "full" {
            eventually("it is said that nothing is written", 20, || {
                server.ask("/readyz").is_some_and(|(code, _)| code == 503)
            });
        }
        heal(&server, flag);
    }
    eventually("the records are written", 30, || {
        server.records().len() == 4
    });
    let records = server.records();
    let ids: BTreeSet<_> = records.iter().map(|record| record["id"].as_str()).collect();
    assert_eq!(ids.len(), 4, "{records:?}");
    for record in &records {
        assert_eq!(record["outcome"], "answered", "{record}");
    }
    eventually("it is well again", 20, || {
        server.ask("/readyz").is_some_and(|(code, _)| code == 200)
    });
    assert_eq!(server.metric("centrale_store_lost_total"), 0.0);
}

/// A clean-up job, or a volume that is not mounted any more.
#[test]
fn a_database_that_is_removed_is_told_and_has_again_what_stands() {
    let mut server = Server::start("");
    register(&server, "alice", free_port(), 600);
    server.wait_for("alice", "ready", 5);
    server.order("alice", r#"{"state":"paused","reason":"lunch"}"#);
    server.wait_for("alice", "paused", 5);
    let database = server.folder.join("records.db");
    let written = |table: &str| {
        let open = Connection::open_with_flags(&database, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let count = format!("SELECT count(*) FROM {table}");
        let count = open.and_then(|open| open.query_row(&count, [], |row| row.get::<_, i64>(0)));
        count.unwrap_or(0)
    };
    let both = || written("registrations") == 1 && written("operator_states") == 1;
    eventually("both are written", 20, both);
    assert_eq!(server.metric("centrale_store_errors_total"), 0.0);
    for end in ["", "-wal", "-shm"] {
        fs::remove_file(server.folder.join(format!("records.db{end}"))).ok();
    }
    // Nobody calls.
    server.counts("centrale_store_errors_total", 1.0);
    server.logs("the database was removed or replaced");
    eventually("both are written again", 20, both);
    server.kill_and_restart();
    server.has_phones("alice", 1);
    server.wait_for("alice", "paused", 5);
}
