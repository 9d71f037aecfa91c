//! A floor to give orders on: operators, a call that waits, and nobody behind the board.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use exchange::call::{Place, Shared, Waiter};
use exchange::dispatch::{Abilities, Board, Capacity, Claim};
use exchange::model::{
    CallId, CallKey, Epoch, Event, Level, OperatorName, OperatorState, PauseReason, Requirement,
    ShardId, Skill,
};
use exchange::operator::{LogIn, Role, Secret};
use exchange::queue::{Asked, Wait};
use exchange::record::Floor;
use exchange::registrar::Rules;
use exchange::shard::Input;
use exchange::sip::{Advertise, Message, Peer};
use exchange::{operator, queue};
use serde_json::Value;

use super::tests::{Answer, House, Shelf, build, calls, is_problem, stamped};
use crate::server::clock;
use crate::server::supervisor::{Supervisor, Wires};

pub(super) const JSON: &str = "Content-Type: application/json\r\n";

/// What was sent and told. The views hear nothing of it: answers do not wait for them.
#[derive(Default)]
pub(super) struct Told(Mutex<Vec<String>>);

impl Told {
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

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
        more_calls: 8,
        tickets_per_shard: 8,
        shards: 1,
        classes: 8,
        profiles: 8,
    };
    let board = Board::new(capacity, now);
    for settings in operators {
        let abilities = Abilities::from(settings.as_ref());
        let (_, nobody) = board.operator(&settings.name, &abilities, now).unwrap();
        assert!(nobody.is_empty());
    }
    let epoch = Epoch {
        instant: now,
        wall: super::tests::at(0),
    };
    let advertise = Advertise::at(([127, 0, 0, 1], 5060).into());
    let shared = Arc::new(Shared::new(board, epoch, advertise));
    let told = Arc::new(Told::default());
    let wires: Arc<dyn Wires> = Arc::<Told>::clone(&told);
    (Supervisor::new(Arc::clone(&shared), wires), shared, told)
}

fn support(level: u8) -> impl Iterator<Item = (Skill, Level)> {
    std::iter::once((Skill::new("support"), Level::new(level).unwrap()))
}

/// Alice talks, bob is at lunch without a phone, carol is ready and cannot take the call
/// that waits.
pub(super) struct Scene {
    pub(super) house: House,
    pub(super) shared: Arc<Shared>,
    told: Arc<Told>,
    /// What alice talks in.
    pub(super) alice: Vec<Claim>,
    _place: Place,
}

pub(super) fn scene() -> Scene {
    scene_with(1)
}

/// The same where alice may have so many calls, and has them.
pub(super) fn scene_with(calls_of_alice: u8) -> Scene {
    let settings = |name: &str, level, max_calls| {
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
            max_calls,
            place: 0,
        })
    };
    let operators = vec![
        settings("alice", 8, calls_of_alice),
        settings("bob", 8, 1),
        settings("carol", 2, 1),
    ];
    let (supervisor, shared, told) = exchange_of(&operators);
    let now = clock::now();
    let mut waits = queue::Settings::named("support".into());
    waits.requires = support(5).collect::<Requirement>();
    let waits = Arc::new(waits);
    for name in ["alice", "carol"] {
        register(&shared, name, now);
    }
    let find = |name: &str| shared.board.find(&OperatorName::from(name)).unwrap();
    let _ready = shared.board.ready(find("alice"), now);
    let talks = (0..calls_of_alice).map(|n| talk(&shared, &waits, n, now));
    let alice = talks.collect();
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

/// Alice, the only one there, gets a call.
fn talk(shared: &Shared, waits: &Arc<queue::Settings>, number: u8, now: Instant) -> Claim {
    let class = Wait::new(Arc::clone(waits), Asked::default(), now).class();
    let class = shared.board.class(&class).unwrap();
    let key = CallKey::new(ShardId(0), 7 + u64::from(number));
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
    pub(super) fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        self.house.send(&format!(
            "POST /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ))
    }

    #[track_caller]
    pub(super) fn done(&self, path: &str, body: &str) -> Value {
        let answer = self.post(path, JSON, body);
        assert!((200..=202).contains(&answer.status), "{}", answer.body);
        answer.json()
    }

    #[track_caller]
    pub(super) fn refused(&self, path: &str, body: &str, status: u16) -> String {
        is_problem(&self.post(path, JSON, body), status)
    }

    pub(super) fn told(&self) -> Vec<String> {
        self.told.take()
    }
}
