//! Supervisors' commands and questions, over the wire.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use exchange::call::{Gates, Pauses, Place, Shared, Waiter, Waiting, WrapUps};
use exchange::dispatch::{Abilities, After, Board, Capacity, Claim};
use exchange::model::{
    CallId, CallKey, Epoch, Event, Level, OperatorName, OperatorState, PauseReason, Requirement,
    ShardId, Skill,
};
use exchange::operator::{LogIn, Role, Secret};
use exchange::queue::{Asked, Hall, Wait};
use exchange::record::Floor;
use exchange::registrar::{Registrar, Rules};
use exchange::shard::Input;
use exchange::sip::{Advertise, Message, Peer};
use exchange::{operator, queue};
use serde_json::{Value, json};

use super::tests::{Answer, House, Shelf, build, calls, is_problem, stamped};
use crate::server::clock;
use crate::server::supervisor::{Supervisor, Wires};

const JSON: &str = "Content-Type: application/json\r\n";

/// What was sent and told. The views hear nothing of it: answers do not wait for them.
#[derive(Default)]
pub(super) struct Told(Mutex<Vec<String>>);

impl Wires for Told {
    fn send(&self, ShardId(shard): ShardId, input: Input) {
        let text = format!("shard {shard}: {input:?}");
        self.0.lock().unwrap().push(text);
    }

    fn tell(&self, event: Event) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

/// A board with operators, and nobody behind it.
pub(super) fn exchange_of(
    operators: &[Arc<operator::Settings>],
) -> (Supervisor, Arc<Shared>, Arc<Told>) {
    let now = clock::now();
    let capacity = Capacity {
        operators: 8,
        more_calls: 0,
        tickets_per_shard: 8,
        shards: 1,
        classes: 8,
        profiles: 8,
    };
    let board = Arc::new(Board::new(capacity, now));
    for settings in operators {
        let (_, nobody) = board
            .operator(&settings.name, &Abilities::from(settings.as_ref()), now)
            .unwrap();
        assert!(nobody.is_empty());
    }
    let shared = Arc::new(Shared {
        hall: Hall::new(Arc::clone(&board)),
        board,
        registrar: Registrar::new(),
        epoch: Epoch {
            instant: now,
            wall: super::tests::at(0),
        },
        advertise: Advertise {
            fixed: None,
            primary: [127, 0, 0, 1].into(),
            udp: 5060,
            tcp: None,
        },
        gates: Gates::default(),
        waiting: Waiting::default(),
        pauses: Pauses::default(),
        wrap_ups: WrapUps::default(),
    });
    let told = Arc::new(Told::default());
    let wires: Arc<dyn Wires> = Arc::<Told>::clone(&told);
    (Supervisor::new(Arc::clone(&shared), wires), shared, told)
}

fn support(level: u8) -> impl Iterator<Item = (Skill, Level)> {
    std::iter::once((Skill::new("support"), Level::new(level).unwrap()))
}

/// Alice talks, bob is at lunch without a phone, carol is ready and cannot take the call
/// that waits.
struct Scene {
    house: House,
    shared: Arc<Shared>,
    told: Arc<Told>,
    alice: Claim,
    _place: Place,
}

fn scene() -> Scene {
    let settings = |name: &str, level| {
        let secret = Secret {
            md5: String::new(),
            sha256: String::new(),
        };
        Arc::new(operator::Settings {
            name: name.into(),
            display: name.to_uppercase(),
            secret,
            skills: support(level).collect(),
            role: Role::Operator,
            log_in: LogIn::OnRegister,
            max_calls: 1,
            place: 0,
        })
    };
    let operators = vec![
        settings("alice", 8),
        settings("bob", 8),
        settings("carol", 2),
    ];
    let (supervisor, shared, told) = exchange_of(&operators);
    let now = clock::now();
    let mut waits = queue::Settings::named("support".into());
    waits.requires = support(5).collect::<Requirement>();
    let waits = Arc::new(waits);
    for name in ["alice", "carol"] {
        register(&shared, name, now);
    }
    let alice = talk(&shared, &waits, now);
    let find = |name: &str| shared.board.find(&OperatorName::from(name)).unwrap();
    let _paused = shared.board.pause(find("bob"), now);
    let _ready = shared.board.ready(find("carol"), now);
    let place = wait(&shared, &waits, now);
    let mut events = calls();
    for (operator, state, reason) in [
        ("alice", OperatorState::Talking, None),
        (
            "bob",
            OperatorState::Paused,
            Some(PauseReason::new("lunch")),
        ),
        ("carol", OperatorState::Ready, None),
    ] {
        events.push(stamped(
            3,
            Event::OperatorChanged {
                operator: operator.into(),
                state,
                reason,
                call: None,
            },
        ));
    }
    let floor = Floor {
        queues: vec![waits],
        operators,
    };
    let shelf = Shelf::default();
    Scene {
        house: build(shelf, Ok(()), &floor, (&events, supervisor)),
        shared,
        told,
        alice,
        _place: place,
    }
}

fn register(shared: &Shared, name: &str, now: Instant) {
    let text = format!(
        "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa\r\nFrom: <sip:{name}@h>;tag=f\r\nTo: <sip:{name}@h>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\nContact: <sip:{name}@192.0.2.7>\r\nContent-Length: 0\r\n\r\n"
    );
    let Message::Request(request) = Message::parse(&Bytes::from(text)).unwrap() else {
        panic!("it is a request");
    };
    let rules = Rules {
        min_expires: Duration::from_secs(60),
        max_expires: Duration::from_secs(3600),
        default_expires: Duration::from_secs(3600),
    };
    let peer = Peer::udp("192.0.2.7:5060".parse().unwrap());
    let registered = shared
        .registrar
        .register(&name.into(), &request, peer, rules, now);
    assert!(registered.is_ok());
}

/// Alice, the only one there, gets a first call.
fn talk(shared: &Shared, waits: &Arc<queue::Settings>, now: Instant) -> Claim {
    let alice = shared.board.find(&"alice".into()).unwrap();
    let _ready = shared.board.ready(alice, now);
    let class = Wait::new(Arc::clone(waits), Asked::default(), now).class();
    let class = shared.board.class(&class).unwrap();
    let key = CallKey::new(ShardId(0), 7);
    let (_, matched) = shared.board.enqueue(key, class, now, now).unwrap();
    let claim = matched.unwrap().claim;
    assert!(shared.board.answered(&claim, now));
    claim
}

/// Call c1 waits.
fn wait(shared: &Shared, waits: &Arc<queue::Settings>, now: Instant) -> Place {
    let class = Wait::new(Arc::clone(waits), Asked::default(), now).class();
    let class = shared.board.class(&class).unwrap();
    let key = CallKey::new(ShardId(0), 1);
    let (ticket, nobody) = shared.board.enqueue(key, class, now, now).unwrap();
    assert!(nobody.is_none());
    let waiter = Waiter {
        key,
        ticket,
        since: now,
    };
    shared.waiting.enter(&CallId::from("c1"), waiter)
}

impl Scene {
    fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        self.house.send(&format!(
            "POST /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ))
    }

    #[track_caller]
    fn done(&self, path: &str, body: &str) -> Value {
        let answer = self.post(path, JSON, body);
        assert!((200..=202).contains(&answer.status), "{}", answer.body);
        answer.json()
    }

    #[track_caller]
    fn refused(&self, path: &str, body: &str, status: u16) -> String {
        is_problem(&self.post(path, JSON, body), status)
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.0.lock().unwrap())
    }
}

#[test]
fn a_waiting_call_gets_another_priority() {
    let scene = scene();
    let answer = scene.post("calls/c1/priority", JSON, r#"{"priority": -20}"#);
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(answer.json()["id"], "c1");
    assert_eq!(
        scene.told(),
        ["shard 0: Prioritize { call: CallKey(1), priority: -20 }"]
    );
    let says = scene.refused("calls/c2/priority", r#"{"priority": 20}"#, 409);
    assert!(says.contains("flow"), "{says}");
    scene.refused("calls/c7/priority", r#"{"priority": 20}"#, 404);
    assert!(scene.told().is_empty());
}

#[track_caller]
fn wrong_bodies(path: &str, bodies: &[(&str, u16, &str)]) {
    let scene = scene();
    for (body, status, says) in bodies {
        let detail = scene.refused(path, body, *status);
        assert!(detail.contains(says), "{body}: {detail}");
    }
    assert!(scene.told().is_empty());
}

#[test]
fn a_wrong_priority_hears_what_to_write() {
    let bodies = [
        ("", 400, r#"{"priority": 20}"#),
        ("{", 400, r#"{"priority": 20}"#),
        ("{}", 422, "missing field `priority`"),
        (r#"{"priority":101}"#, 422, "from -100 to 100"),
        (r#"{"priority":1.5}"#, 422, "whole number"),
        (r#"{"priority":1,"x":1}"#, 422, "unknown field `x`"),
    ];
    wrong_bodies("calls/c1/priority", &bodies);
}

#[test]
fn a_wrong_state_hears_what_to_write() {
    let long = json!({"state": "paused", "reason": "x".repeat(65)}).to_string();
    let bodies = [
        (r#"{"state":"talking"}"#, 422, "`logged_out`"),
        (r#"{"state":"ready","reason":"x"}"#, 422, "leave it out"),
        (r#"{"state":"paused","reason":" "}"#, 422, "lunch"),
        (r#"{"state":"paused","reason":"a\nb"}"#, 422, "control"),
        (&long, 422, "1 to 64 characters"),
    ];
    wrong_bodies("operators/alice/state", &bodies);
}

#[test]
fn a_wrong_extension_hears_what_to_write() {
    let bodies = [
        (r#"{"more":"0s"}"#, 422, "from 1s to 1h"),
        (r#"{"more":"61m"}"#, 422, "from 1s to 1h"),
        (r#"{"more":30}"#, 422, r#"{"more": "30s"}"#),
    ];
    wrong_bodies("operators/alice/wrap_up", &bodies);
}

#[test]
fn a_page_of_another_site_and_what_is_not_json_change_nothing() {
    let scene = scene();
    let (path, body) = ("operators/carol/state", r#"{"state":"paused"}"#);
    for strange in [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "X-Forwarded-For: 192.0.2.1\r\n",
    ] {
        is_problem(&scene.post(path, &format!("{JSON}{strange}"), body), 403);
    }
    for kind in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/json5\r\n",
    ] {
        let says = is_problem(&scene.post(path, kind, body), 415);
        assert!(says.contains("Content-Type: application/json"), "{says}");
    }
    assert!(scene.told().is_empty());
    let own = "Content-Type: Application/JSON; charset=utf-8\r\nOrigin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n";
    assert_eq!(scene.post(path, own, body).status, 200);
}

#[test]
fn a_command_is_only_posted_and_only_small() {
    let scene = scene();
    for path in [
        "calls/c1/priority",
        "operators/alice/state",
        "operators/alice/wrap_up",
    ] {
        let path = format!("/api/v1/{path}");
        for method in ["GET", "PUT", "DELETE"] {
            let answer = scene.house.ask(method, &path, "Host: localhost\r\n");
            is_problem(&answer, 405);
            assert!(answer.head.contains("allow: post"), "{}", answer.head);
        }
    }
    // Without a length that could be looked at first.
    let more = "x".repeat(70_000);
    let request = format!(
        "POST /api/v1/operators/alice/state HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{more}\r\n0\r\n\r\n",
        more.len()
    );
    is_problem(&scene.house.send(&request), 413);
}

#[test]
fn an_operator_pauses_at_once_or_after_the_call() {
    let scene = scene();
    let lunch = r#"{"state":"paused","reason":"lunch"}"#;
    let carol = scene.done("operators/carol/state", lunch);
    assert_eq!(carol["state"], "paused");
    assert_eq!(carol["reason"], "lunch");
    assert_eq!(carol["pending"], Value::Null);
    let expected = r#"OperatorChanged { operator: carol, state: Paused, reason: Some(PauseReason("lunch")), call: None }"#;
    assert_eq!(scene.told(), [expected]);

    let alice = scene.done("operators/alice/state", lunch);
    assert_eq!(alice["state"], "talking");
    assert_eq!(alice["reason"], Value::Null);
    assert_eq!(alice["pending"], "paused");
    let shown = scene.house.read("/api/v1/operators/alice").json();
    assert_eq!(shown["pending"], "paused");
    let alice = scene.done("operators/alice/state", r#"{"state":"logged_out"}"#);
    assert_eq!(alice["pending"], "logged_out");
    let alice = scene.done("operators/alice/state", r#"{"state":"ready"}"#);
    assert_eq!(
        (&alice["state"], &alice["pending"]),
        (&json!("talking"), &Value::Null)
    );
    assert!(scene.told().is_empty(), "what she does is as before");
}

#[test]
fn who_cannot_obey_says_why() {
    let scene = scene();
    let says = scene.refused("operators/bob/state", r#"{"state":"ready"}"#, 409);
    assert!(says.contains("no phone"), "{says}");
    scene.refused("operators/nobody/state", r#"{"state":"ready"}"#, 404);
    let says = scene.refused("operators/alice/wrap_up", r#"{"more":"30s"}"#, 409);
    assert!(says.contains("not in wrap-up but talking"), "{says}");
    assert!(scene.told().is_empty());
}

#[test]
fn a_wrap_up_is_extended_and_ended() {
    let scene = scene();
    let now = clock::now();
    let _over = scene
        .shared
        .board
        .finished(&scene.alice, After::WrapUp, now);
    let until = now + Duration::from_secs(10);
    let alice = OperatorName::from("alice");
    scene.shared.wrap_ups.begin(&alice, scene.alice, until);
    let longer = scene.done("operators/alice/wrap_up", r#"{"more":"5m"}"#);
    assert_eq!(longer["state"], "wrap_up");
    let left = longer["wrap_up_left_s"].as_f64().unwrap();
    assert!((300.0..=310.0).contains(&left), "{left}");
    let ready = scene.done("operators/alice/state", r#"{"state":"ready"}"#);
    assert_eq!(ready["state"], "offered", "the call that waits is hers");
    let [told] = scene.told().try_into().unwrap();
    assert!(told.starts_with("shard 0: Match("), "{told}");
}

#[test]
fn why_a_caller_waits_is_told_operator_by_operator() {
    let scene = scene();
    let why = scene.house.read("/api/v1/calls/c1/why").json();
    assert_eq!(
        (&why["call"], &why["queue"]),
        (&json!("c1"), &json!("support"))
    );
    assert_eq!(why["waited_s"], 10.0);
    assert_eq!(why["total"], 3);
    let [alice, bob, carol] = why["operators"].as_array().unwrap().as_slice() else {
        panic!("three operators: {why}");
    };
    assert_eq!(alice["operator"], "alice");
    assert_eq!(alice["why_not"]["state"], "talking");
    assert_eq!(
        bob["why_not"],
        json!({"code": "state", "state": "paused", "reason": "lunch", "since": "2023-11-14T22:13:23.000Z"})
    );
    assert_eq!(bob["text"], "paused: lunch");
    assert_eq!(carol["why_not"]["code"], "skill");
    let first = scene.house.read("/api/v1/calls/c1/why?limit=1").json();
    assert_eq!(first["operators"].as_array().unwrap().len(), 1);
    assert!(
        scene
            .house
            .problem("/api/v1/calls/c2/why", 409)
            .contains("flow")
    );
    scene.house.problem("/api/v1/calls/c7/why", 404);
    scene.house.problem("/api/v1/calls/c1/why?x=1", 400);
}

#[test]
fn why_an_operator_has_no_call_is_told_call_by_call() {
    let scene = scene();
    let why = scene.house.read("/api/v1/operators/bob/why").json();
    assert_eq!(
        (&why["operator"], &why["state"]),
        (&json!("bob"), &json!("paused"))
    );
    assert_eq!(why["total"], 1);
    let row = &why["calls"][0];
    assert_eq!(
        (&row["call"], &row["queue"]),
        (&json!("c1"), &json!("support"))
    );
    assert_eq!(row["text"], "paused: lunch");
    scene.house.problem("/api/v1/operators/nobody/why", 404);
    scene
        .house
        .problem("/api/v1/operators/bob/why?limit=1", 400);
}
