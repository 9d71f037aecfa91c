//! A real client, byte by byte, against a real listener.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exchange::metric::{Names, Observer, Recorder};
use exchange::model::{Event, Hangup, Outcome, Sequence, Stamped};
use exchange::queue;
use exchange::record::{CallRecord, Floor, Ledger, Live};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::scene_tests::exchange_of;
use super::{AppState, Records, serve};
use crate::server::customers::Base;
use crate::server::observer::Witness;
use crate::server::reload::Orders;
use crate::server::store::tests::Folder;
use crate::server::store::{RecordPage, RecordQuery, Store, StoreError};
use crate::server::supervisor::Supervisor;

pub(super) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

/// Remembers what it was asked, and knows one record.
#[derive(Default)]
pub(super) struct Shelf {
    asked: Mutex<Vec<RecordQuery>>,
    broken: bool,
}

impl Shelf {
    fn note(&self, query: &RecordQuery) {
        self.asked.lock().unwrap().push(query.clone());
    }
}

impl Records for Shelf {
    fn records(&self, query: &RecordQuery) -> Result<RecordPage, StoreError> {
        self.note(query);
        if self.broken {
            let source = std::io::ErrorKind::StorageFull.into();
            let path = "/secret/path".into();
            return Err(StoreError::File { path, source });
        }
        if query.before == Some("nobody".into()) {
            return Err(StoreError::NoSuchRecord("nobody".into()));
        }
        Ok(RecordPage {
            records: vec![record()],
            next: Some("c9".into()),
        })
    }

    fn record(&self, id: &str) -> Result<Option<CallRecord>, StoreError> {
        Ok((id == "c9").then(record))
    }
}

fn started(call: &str, from: &str) -> Event {
    Event::CallStarted {
        call: call.into(),
        from: from.into(),
        to: "1000".into(),
        number: "1000".into(),
        flow: "welcome".into(),
        project: None,
        trunk: "local".into(),
    }
}

pub(super) fn stamped(seconds: u64, event: Event) -> Stamped {
    Stamped {
        sequence: Sequence(seconds + 1),
        at: at(seconds),
        event,
    }
}

fn record() -> CallRecord {
    let mut ledger = Ledger::new();
    ledger.handle(&stamped(0, started("c9", "anonymous")));
    let ended = Event::CallEnded {
        call: "c9".into(),
        outcome: Outcome::EndedInFlow,
        hangup: Hangup::Caller,
        cause: None,
        said: exchange::model::Said::default(),
        lasted: Duration::from_secs(3),
    };
    ledger.handle(&stamped(3, ended)).unwrap()
}

pub(super) struct House {
    runtime: Runtime,
    address: SocketAddr,
    shelf: Arc<Shelf>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
    _folder: Folder,
}

fn house(shelf: Shelf, ready: Result<(), String>) -> House {
    let floor = Floor {
        queues: vec![Arc::new(queue::Settings::named("support".into()))],
        ..Floor::default()
    };
    let (supervisor, ..) = exchange_of(&[]);
    build(shelf, ready, &floor, (&calls(), supervisor))
}

/// What has happened when the house opens: one call waits, another is in its flow.
pub(super) fn calls() -> Vec<Stamped> {
    let queued = Event::Queued {
        call: "c1".into(),
        queue: "support".into(),
        priority: 0,
    };
    vec![
        stamped(0, started("c1", "<script>")),
        stamped(1, started("c2", "0031612345678")),
        stamped(2, queued),
    ]
}

pub(super) fn build(
    shelf: Shelf,
    ready: Result<(), String>,
    floor: &Floor,
    told: (&[Stamped], Supervisor),
) -> House {
    let shelf = Arc::new(shelf);
    let (state, folder) = state(&shelf, ready, floor, told);
    open(state, shelf, folder)
}

fn state(
    shelf: &Arc<Shelf>,
    ready: Result<(), String>,
    floor: &Floor,
    (events, supervisor): (&[Stamped], Supervisor),
) -> (AppState, Folder) {
    let mut live = Live::new(floor, at(0));
    let recorder = Recorder::new().unwrap();
    recorder.within(|| {
        let mut observer = Observer::new();
        observer.expect(&Names::default());
        for event in events {
            live.handle(event);
            observer.observe(event);
        }
    });
    let records: Arc<dyn Records> = Arc::<Shelf>::clone(shelf);
    let (base, folder) = base();
    let state = AppState::new(
        (Arc::new(RwLock::new(live)), Arc::new(recorder)),
        (records, base),
        (supervisor, Orders::new().0),
        Arc::new(move || ready.clone()),
        Arc::new(|| at(12)),
    );
    (state, folder)
}

fn open(state: AppState, shelf: Arc<Shelf>, folder: Folder) -> House {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let stopped = async move { stopped.await.unwrap() };
    let server = runtime.spawn(serve(listener, state, stopped));
    House {
        runtime,
        address,
        shelf,
        stop,
        server,
        _folder: folder,
    }
}

/// A customer base of its own, with nobody in it.
fn base() -> (Base, Folder) {
    let folder = Folder::new();
    let store = Arc::new(Store::open(&folder.database(), "boot").unwrap());
    // The database is made in the writer's thread.
    assert!(store.flush(Duration::from_secs(20)));
    let database = folder.database();
    let base = Base::stopped(store, &database, &database.with_extension("sound"));
    (base, folder)
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl House {
    pub(super) fn open() -> Self {
        house(Shelf::default(), Ok(()))
    }

    pub(super) fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(super) fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        let close = "Connection: close\r\n";
        self.send(&format!("{method} {path} HTTP/1.1\r\n{close}{headers}\r\n"))
    }

    pub(super) fn read(&self, path: &str) -> Answer {
        self.ask("GET", path, "Host: localhost\r\n")
    }

    /// A problem with this status, and what it says.
    #[track_caller]
    pub(super) fn problem(&self, path: &str, status: u16) -> String {
        is_problem(&self.read(path), status)
    }
}

#[track_caller]
pub(super) fn is_problem(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert!(
        answer
            .head
            .contains("content-type: application/problem+json")
    );
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    problem["detail"].as_str().unwrap().to_owned()
}

#[test]
fn queues_calls_and_operators_are_shown() {
    let house = House::open();
    let queues = house.read("/api/v1/queues");
    assert_eq!(queues.status, 200);
    assert!(queues.head.contains("content-type: application/json"));
    let queue = &queues.json()["queues"][0];
    assert_eq!(queue["name"], "support");
    assert_eq!(queue["waiting"], 1);
    assert_eq!(queue["longest_wait_s"], 10.0);
    assert_eq!(house.read("/api/v1/queues/support").json(), *queue);
    assert_eq!(
        house.read("/api/v1/operators").json(),
        json!({"operators": []})
    );
    let calls = house.read("/api/v1/calls?limit=1").json();
    assert_eq!(calls["total"], 2);
    assert_eq!(calls["calls"].as_array().unwrap().len(), 1);
    assert_eq!(house.read("/api/v1/calls/c1").json()["state"], "queued");
}

#[test]
fn what_is_not_there_is_a_problem() {
    let house = House::open();
    for path in [
        "/nothing",
        "/api/v1/nothing",
        "/api/v2/queues",
        "/api/v1/queues/sales",
        "/api/v1/operators/nobody",
        "/api/v1/calls/c7",
        "/api/v1/records/c7",
    ] {
        house.problem(path, 404);
    }
    house.problem("/api/v1/calls/%FF", 400);
}

#[test]
fn what_only_is_read_cannot_be_changed() {
    let house = House::open();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        for path in ["/api/v1/calls/c1", "/api/v1/calls/c1/why", "/metrics", "/"] {
            let answer = house.ask(method, path, "Host: localhost\r\n");
            is_problem(&answer, 405);
            assert!(answer.head.contains("allow: get,head"), "{}", answer.head);
        }
    }
    let head = house.ask("HEAD", "/api/v1/queues", "Host: localhost\r\n");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn records_are_asked_for_as_written() {
    let house = House::open();
    let answer = house.read(concat!(
        "/api/v1/records?limit=7&before=c10&from=2023-11-14T22:13:20Z",
        "&to=2023-11-14T23:13:30%2B01:00&number=%2B31201234567&queue=support",
        "&operator=alice&outcome=short_abandon"
    ));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let expected = RecordQuery {
        from: Some(at(0)),
        to: Some(at(10)),
        number: Some("+31201234567".into()),
        queue: Some("support".into()),
        operator: Some("alice".into()),
        outcome: Some(Outcome::ShortAbandon),
        before: Some("c10".into()),
        limit: 7,
    };
    assert_eq!(*house.shelf.asked.lock().unwrap(), [expected]);
    assert_eq!(answer.json()["records"][0]["outcome"], "ended_in_flow");
    assert_eq!(answer.json()["next"], "c9");
    assert_eq!(house.read("/api/v1/records/c9").json()["id"], "c9");
}

#[test]
fn a_page_has_a_hundred_records_when_nothing_is_said() {
    let house = House::open();
    house.read("/api/v1/records");
    assert_eq!(house.shelf.asked.lock().unwrap()[0].limit, 100);
}

#[test]
fn bad_parameters_are_named() {
    let house = House::open();
    for (question, says) in [
        ("records?limit=0", "limit"),
        ("records?limit=1001", "limit"),
        ("records?limit=%2B5", "limit"),
        ("records?limit=", "limit"),
        ("records?from=yesterday", "from"),
        ("records?to=2023-11-14", "to"),
        ("records?outcome=splendid", "outcome"),
        ("records?qeue=support", "qeue"),
        ("records?queue=a&queue=b", "twice"),
        ("records?before=nobody", "nobody"),
        ("calls?limit=x", "limit"),
        ("calls?state=queued", "state"),
        ("queues?limit=1", "limit"),
        ("operators?x", "x"),
    ] {
        let detail = house.problem(&format!("/api/v1/{question}"), 400);
        assert!(detail.contains(says), "{question}: {detail}");
    }
}

#[test]
fn a_broken_store_says_nothing_of_the_machine() {
    let shelf = Shelf {
        broken: true,
        ..Shelf::default()
    };
    let house = house(shelf, Ok(()));
    let detail = house.problem("/api/v1/records", 503);
    assert!(!detail.contains("secret"));
}

#[test]
fn health_and_readiness_are_told_apart() {
    let ready = House::open();
    assert_eq!(ready.read("/readyz").status, 200);
    let waiting = house(Shelf::default(), Err("the store cannot be used".into()));
    assert_eq!(waiting.read("/healthz").status, 200);
    assert_eq!(waiting.problem("/readyz", 503), "the store cannot be used");
}

/// Views follow events, and who asks after an answer of ours must find what it said.
#[test]
fn a_question_waits_until_what_was_told_before_is_read() {
    let (witness, letters) = Witness::unread();
    let shelf = Arc::new(Shelf::default());
    let told = (&calls()[..], exchange_of(&[]).0);
    let (state, folder) = state(&shelf, Ok(()), &Floor::default(), told);
    let house = open(state.that_follows(witness), shelf, folder);
    let answered = AtomicBool::new(false);
    for (path, waits) in [
        ("/api/v1/calls", true),
        ("/api/v1/operators", true),
        ("/metrics", true),
        ("/healthz", false),
        ("/readyz", false),
    ] {
        answered.store(false, Ordering::SeqCst);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(house.read(path).status, 200, "{path}");
                answered.store(true, Ordering::SeqCst);
            });
            if waits {
                let letter = letters.recv_timeout(Duration::from_secs(20));
                assert!(letter.is_ok(), "{path}");
                assert!(!answered.load(Ordering::SeqCst), "{path}");
            }
        });
    }
    assert!(letters.is_empty());
}

#[test]
fn metrics_are_the_text_of_prometheus() {
    let answer = House::open().read("/metrics");
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .head
            .contains("content-type: text/plain; version=0.0.4")
    );
    assert!(
        answer
            .body
            .contains("centrale_queue_waiting{queue=\"support\"} 1\n")
    );
    assert!(
        answer
            .body
            .contains("centrale_calls_active{state=\"flow\"} 1\n")
    );
}

#[test]
fn another_name_for_this_machine_is_refused_but_for_metrics_and_health() {
    let house = House::open();
    let evil = "Host: evil.example\r\n";
    for path in ["/", "/wallboard.js", "/api/v1/calls", "/api/v1/records"] {
        is_problem(&house.ask("GET", path, evil), 403);
    }
    let forwarded = "Host: localhost\r\nX-Forwarded-For: 192.0.2.1\r\n";
    is_problem(&house.ask("GET", "/api/v1/calls", forwarded), 403);
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(house.ask("GET", path, evil).status, 200, "{path}");
    }
}

#[test]
fn the_wallboard_may_load_only_its_own_files() {
    let house = House::open();
    let page = house.read("/");
    assert_eq!(page.status, 200);
    assert!(page.head.contains("content-type: text/html"));
    assert!(
        page.head
            .contains("content-security-policy: default-src 'none'; script-src 'self'")
    );
    assert!(page.head.contains("x-content-type-options: nosniff"));
    for inline in [
        "<style",
        "style=",
        "onclick",
        "javascript:",
        "http://",
        "https://",
    ] {
        assert!(!page.body.contains(inline), "{inline}");
    }
    assert!(house.read("/wallboard.css").head.contains("text/css"));
    let script = house.read("/wallboard.js");
    assert!(script.head.contains("text/javascript"));
    for markup in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
    ] {
        assert!(!script.body.contains(markup), "{markup}");
    }
}

#[test]
fn large_requests_are_refused() {
    let house = House::open();
    let long = format!("/api/v1/records?queue={}", "x".repeat(5_000));
    house.problem(&long, 414);
    for length in ["65537", "99999999999999999999999"] {
        let headers = format!("Host: localhost\r\nContent-Length: {length}\r\n");
        let answer = house.ask("GET", "/api/v1/queues", &headers);
        assert!((400..=413).contains(&answer.status), "{}", answer.status);
    }
}

#[test]
fn a_stopped_server_ends_though_a_connection_is_open() {
    let house = House::open();
    let mut idle = TcpStream::connect(house.address).unwrap();
    let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    idle.write_all(request.as_bytes()).unwrap();
    let mut first = [0];
    idle.read_exact(&mut first).unwrap();
    house.stop.send(()).unwrap();
    let ended = house
        .runtime
        .block_on(async { tokio::time::timeout(Duration::from_secs(20), house.server).await });
    assert!(ended.unwrap().unwrap().is_ok());
    assert!(TcpStream::connect(house.address).is_err());
}

/// RFC 9112 section 3.2: whatever the path, and before it is looked who asks.
#[test]
fn a_request_without_one_host_is_bad() {
    let house = House::open();
    for path in ["/healthz", "/metrics", "/", "/api/v1/queues"] {
        for hosts in ["", "Host: localhost\r\nHost: localhost\r\n"] {
            let answer = house.ask("GET", path, hosts);
            is_problem(&answer, 400);
        }
        let old = format!("GET {path} HTTP/1.0\r\n\r\n");
        assert_eq!(house.send(&old).status, 200, "{path}");
    }
}
