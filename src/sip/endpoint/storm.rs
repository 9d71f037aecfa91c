//! Long random runs: two endpoints, a network that loses, repeats and reorders, users that
//! answer, cancel, hang up and forget. At their end nothing may be left.
//!
//! A run is values alone, so that one that fails shrinks to the few acts and the few lost
//! datagrams that it takes.

#![expect(clippy::disallowed_methods, reason = "any instant will do")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use super::{ClientTx, Endpoint, Event, Failure, Input, Output, ServerTx, Settings};
use crate::model::ShardId;
use crate::sip::transaction::timers::GIVE_UP;
use crate::sip::{ConnectionId, Dialog, DialogId, Method, Name, Peer, Request, Response, Uri};

const RUNS: u32 = 64;
const ACTS: usize = 250;
/// Fates of datagrams, which come again from the first when each had its turn.
const FATES: usize = 60;

/// What the network does with a datagram: each copy comes so many milliseconds later.
type Fate = Vec<u64>;

/// What a user does.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Call { stream: bool },
    Ask { stream: bool },
    Answer { which: Index, code: u16 },
    Cancel { which: Index },
    HangUp { which: Index },
    LoseConnection,
}

#[derive(Clone, Copy, Debug)]
struct Act {
    who: usize,
    deed: Deed,
    pause_ms: u64,
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let late = || 1..900_u64;
    let fate = prop_oneof![
        7 => vec(late(), 1),
        2 => Just(Vec::new()),
        1 => vec(late(), 2),
    ];
    vec(fate, 1..FATES)
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let stream = || prop::bool::weighted(0.3);
    let which = any::<Index>;
    let code = prop::sample::select(vec![180, 200, 200, 200, 486, 404]);
    let deed = prop_oneof![
        30 => stream().prop_map(|stream| Deed::Call { stream }),
        10 => stream().prop_map(|stream| Deed::Ask { stream }),
        40 => (which(), code).prop_map(|(which, code)| Deed::Answer { which, code }),
        10 => which().prop_map(|which| Deed::Cancel { which }),
        15 => which().prop_map(|which| Deed::HangUp { which }),
        1 => Just(Deed::LoseConnection),
    ];
    let act = (0..2_usize, deed, 0..400_u64);
    let act = act.prop_map(|(who, deed, pause_ms)| Act {
        who,
        deed,
        pause_ms,
    });
    vec(act, 1..ACTS)
}

/// What was seen over all runs: a storm in which nothing happens proves nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    answers: u32,
    failures: u32,
    cancelled: u32,
    unacknowledged: u32,
    byes: u32,
    byes_of_nothing: u32,
}

/// What a network and two users are doing.
struct World {
    now: Instant,
    ends: [End; 2],
    fates: Vec<Fate>,
    /// Messages on their way, by arrival and order of sending.
    wire: BTreeMap<(Instant, usize), (usize, Bytes, Peer)>,
    sent: usize,
    finals: BTreeMap<(usize, ClientTx), u32>,
    /// When each request was told, by who heard it, Call-ID and CSeq.
    told: BTreeMap<(usize, String, String), Instant>,
    seen: Seen,
}

struct End {
    endpoint: Endpoint,
    /// Requests that the user has not answered.
    open: Vec<(ServerTx, Request, Peer)>,
    /// Our INVITEs that may be cancelled.
    ours: Vec<(ClientTx, Request)>,
    accepted: BTreeMap<String, ServerTx>,
    dialogs: Vec<Dialog>,
}

fn end(shard: u8, seed: u64) -> End {
    End {
        endpoint: Endpoint::new(Settings {
            shard: ShardId(shard),
            seed: seed.wrapping_add(shard.into()),
            advertise: crate::sip::Advertise::at(format!("192.0.2.{shard}:5060").parse().unwrap()),
            product: "Storm".into(),
            max_transactions: 100_000,
        }),
        open: Vec::new(),
        ours: Vec::new(),
        accepted: BTreeMap::new(),
        dialogs: Vec::new(),
    }
}

fn peer(of: usize, stream: bool) -> Peer {
    let remote = format!("192.0.2.{of}:5060").parse().unwrap();
    if stream {
        Peer::tcp(remote, ConnectionId(1))
    } else {
        Peer::udp(remote)
    }
}

fn chosen<T>(list: &[T], which: Index) -> Option<usize> {
    (!list.is_empty()).then(|| which.index(list.len()))
}

impl World {
    fn new(seed: u64, fates: Vec<Fate>) -> Self {
        Self {
            now: Instant::now(),
            ends: [end(0, seed), end(1, seed)],
            fates,
            wire: BTreeMap::new(),
            sent: 0,
            finals: BTreeMap::new(),
            told: BTreeMap::new(),
            seen: Seen::default(),
        }
    }

    fn perform(&mut self, who: usize, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Transmit { bytes, peer } => self.carry(who, &bytes, peer),
                Output::Event(event) => self.hear(who, event),
                Output::Count(_) => {}
            }
        }
    }

    /// A datagram may be lost, or come twice or late; a stream only delays.
    fn carry(&mut self, from: usize, bytes: &Bytes, to: Peer) {
        let stream = to.connection.is_some();
        let fate = match stream {
            true => vec![10],
            false => self.fates[self.sent % self.fates.len()].clone(),
        };
        self.sent += 1;
        for (copy, delay) in fate.into_iter().enumerate() {
            let at = self.now + Duration::from_millis(delay);
            let parcel = (1 - from, bytes.clone(), peer(from, stream));
            self.wire.insert((at, 2 * self.sent + copy), parcel);
        }
    }

    fn hear(&mut self, who: usize, event: Event) {
        match event {
            Event::Request { tx, request, peer } => self.asked(who, tx, request, peer),
            Event::Ack { request, .. } => {
                let call = request.headers.call_id().unwrap().into_owned();
                if let Some(tx) = self.ends[who].accepted.remove(&call) {
                    self.ends[who].endpoint.acknowledged(tx);
                }
            }
            Event::Cancelled { tx, .. } => {
                self.seen.cancelled += 1;
                self.answer(who, tx, 487);
            }
            Event::Response { tx, response, peer } => {
                if response.code >= 200 {
                    *self.finals.entry((who, tx)).or_default() += 1;
                    self.seen.answers += 1;
                }
                if (200..300).contains(&response.code) {
                    self.confirm(who, tx, &response, peer);
                }
            }
            Event::Failed { tx, why } => {
                assert!(matches!(why, Failure::TimedOut | Failure::Unreachable));
                *self.finals.entry((who, tx)).or_default() += 1;
                self.seen.failures += 1;
            }
            Event::NoAck { tx } => {
                self.seen.unacknowledged += 1;
                let end = &self.ends[who];
                let call = end.accepted.iter().find(|(_, accepted)| **accepted == tx);
                let call = call.map(|(call, _)| call.clone()).unwrap();
                self.ends[who].accepted.remove(&call);
                let mut dialogs = self.ends[who].dialogs.iter();
                if let Some(place) = dialogs.position(|dialog| dialog.id().call_id == call) {
                    self.hang_up(who, place);
                }
            }
        }
    }

    fn asked(&mut self, who: usize, tx: ServerTx, request: Request, peer: Peer) {
        let header = |name| request.headers.first(&name).unwrap().into_owned();
        let key = (who, header(Name::CallId), header(Name::CSeq));
        // Timers H, J and L: so long all that still comes of it is absorbed.
        if let Some(before) = self.told.insert(key, self.now) {
            assert!(self.now >= before + GIVE_UP, "told twice: {request:?}");
        }
        if request.method != Method::Bye {
            self.ends[who].open.push((tx, request, peer));
            return;
        }
        let id = DialogId::of_request(&request).unwrap();
        let mut dialogs = self.ends[who].dialogs.iter();
        let code = match dialogs.position(|dialog| *dialog.id() == id) {
            Some(place) => {
                let mut dialog = self.ends[who].dialogs.swap_remove(place);
                assert_eq!(dialog.accept(&request, peer), Ok(()));
                self.seen.byes += 1;
                200
            }
            None => {
                self.seen.byes_of_nothing += 1;
                481
            }
        };
        let mut out = Vec::new();
        let response = Response::to(&request, code);
        self.ends[who]
            .endpoint
            .respond(tx, &response, self.now, &mut out);
        self.perform(who, out);
    }

    /// A 2xx to an INVITE makes a dialog, and is acknowledged.
    fn confirm(&mut self, who: usize, tx: ClientTx, response: &Response, peer: Peer) {
        let end = &mut self.ends[who];
        let Some((_, invite)) = end.ours.iter().find(|(ours, _)| *ours == tx) else {
            return;
        };
        let dialog = Dialog::from_response(invite, response, "sip:storm@192.0.2.1", peer).unwrap();
        let ack = dialog.ack(1);
        end.dialogs.push(dialog);
        let (now, mut out) = (self.now, Vec::new());
        end.endpoint.acknowledge(tx, ack, peer, now, &mut out);
        self.perform(who, out);
    }

    fn answer(&mut self, who: usize, tx: ServerTx, code: u16) {
        let end = &mut self.ends[who];
        let Some(place) = end.open.iter().position(|(open, ..)| *open == tx) else {
            return;
        };
        let (_, request, peer) = end.open[place].clone();
        let mut response = Response::to(&request, code);
        let (tag, contact) = (end.endpoint.fresh_tag(), "sip:storm@192.0.2.1");
        response.set_to_tag(&tag);
        response.headers.push(Name::Contact, format!("<{contact}>"));
        if code >= 200 {
            end.open.remove(place);
        }
        if request.method == Method::Invite && (200..300).contains(&code) {
            let call = request.headers.call_id().unwrap().into_owned();
            end.accepted.insert(call, tx);
            let dialog = Dialog::from_request(&request, &tag, contact, peer);
            end.dialogs.push(dialog.unwrap());
        }
        let mut out = Vec::new();
        end.endpoint.respond(tx, &response, self.now, &mut out);
        self.perform(who, out);
    }

    fn send(&mut self, who: usize, method: Method, stream: bool) {
        let (now, mut out) = (self.now, Vec::new());
        let end = &mut self.ends[who];
        let mut request = Request::new(method, Uri::parse("sip:storm@192.0.2.1").unwrap());
        let cseq = format!("1 {}", request.method);
        let from = format!("<sip:a@192.0.2.1>;tag={}", end.endpoint.fresh_tag());
        request.headers.push(Name::From, from);
        request.headers.push(Name::To, "<sip:b@192.0.2.2>");
        request
            .headers
            .push(Name::CallId, end.endpoint.fresh_call_id());
        request.headers.push(Name::CSeq, cseq);
        request.headers.push(Name::Contact, "<sip:a@192.0.2.1>");
        let tx = end
            .endpoint
            .request(request.clone(), peer(1 - who, stream), now, &mut out);
        self.finals.insert((who, tx), 0);
        if request.method == Method::Invite {
            end.ours.push((tx, request));
        }
        self.perform(who, out);
    }

    fn cancel(&mut self, who: usize, tx: ClientTx) {
        let mut out = Vec::new();
        self.ends[who].endpoint.cancel(tx, None, self.now, &mut out);
        self.perform(who, out);
    }

    fn hang_up(&mut self, who: usize, place: usize) {
        let (now, mut out) = (self.now, Vec::new());
        let end = &mut self.ends[who];
        let mut dialog = end.dialogs.swap_remove(place);
        let bye = dialog.request(Method::Bye);
        let tx = end.endpoint.request(bye, dialog.peer(), now, &mut out);
        self.finals.insert((who, tx), 0);
        self.perform(who, out);
    }

    fn act(&mut self, who: usize, deed: Deed) {
        let end = &self.ends[who];
        match deed {
            Deed::Call { stream } => self.send(who, Method::Invite, stream),
            Deed::Ask { stream } => self.send(who, Method::Options, stream),
            Deed::Answer { which, code } => {
                if let Some(place) = chosen(&end.open, which) {
                    self.answer(who, end.open[place].0, code);
                }
            }
            Deed::Cancel { which } => {
                if let Some(place) = chosen(&end.ours, which) {
                    self.cancel(who, end.ours[place].0);
                }
            }
            Deed::HangUp { which } => {
                if let Some(place) = chosen(&end.dialogs, which) {
                    self.hang_up(who, place);
                }
            }
            Deed::LoseConnection => {
                let connection = ConnectionId(1);
                self.step(who, Input::ConnectionLost { connection });
            }
        }
    }

    fn step(&mut self, who: usize, input: Input) {
        let mut out = Vec::new();
        self.ends[who].endpoint.handle(input, self.now, &mut out);
        self.perform(who, out);
    }

    /// Lets everything happen that is due until `end`.
    fn run_until(&mut self, end: Instant) {
        loop {
            let parcel = self.wire.first_key_value().map(|((at, _), _)| *at);
            let ticks = [0, 1].map(|who: usize| self.ends[who].endpoint.deadline());
            let next = [parcel, ticks[0], ticks[1]].into_iter().flatten().min();
            let Some(next) = next.filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(next);
            if parcel == Some(next)
                && let Some((_, (to, bytes, peer))) = self.wire.pop_first()
            {
                self.step(to, Input::Received { bytes, peer });
                continue;
            }
            for who in [0, 1] {
                if ticks[who] == Some(next) {
                    self.step(who, Input::Tick);
                }
            }
        }
        self.now = end;
    }

    /// The users leave: each cancels what rings, answers what is open and hangs up, until
    /// every timer has run out.
    fn calm(&mut self) {
        for who in [0, 1] {
            for (tx, _) in self.ends[who].ours.clone() {
                self.cancel(who, tx);
            }
        }
        for _ in 0..4 {
            for who in [0, 1] {
                for (tx, ..) in self.ends[who].open.clone() {
                    self.answer(who, tx, 480);
                }
                for place in (0..self.ends[who].dialogs.len()).rev() {
                    self.hang_up(who, place);
                }
            }
            self.run_until(self.now + Duration::from_secs(70));
        }
    }

    fn is_over(&self) {
        for (who, end) in self.ends.iter().enumerate() {
            assert_eq!(end.endpoint.in_flight(), 0, "end {who}");
            assert!(end.endpoint.is_clean(), "end {who}");
            assert!(end.dialogs.is_empty() && end.open.is_empty(), "end {who}");
        }
        let odd = self.finals.iter().find(|(_, finals)| **finals != 1);
        assert_eq!(odd, None, "each request ends once");
    }
}

#[test]
fn after_a_storm_nothing_is_left_and_every_request_has_its_end() {
    let all = RefCell::new(Vec::new());
    let config = Config {
        cases: RUNS,
        failure_persistence: None,
        ..Config::default()
    };
    let storm = (any::<u64>(), fates(), acts());
    let run = TestRunner::new(config).run(&storm, |(seed, fates, acts)| {
        let mut world = World::new(seed, fates);
        for act in acts {
            world.act(act.who, act.deed);
            world.run_until(world.now + Duration::from_millis(act.pause_ms));
        }
        world.calm();
        world.is_over();
        all.borrow_mut().push(world.seen);
        Ok(())
    });
    run.unwrap_or_else(|failed| panic!("{failed}"));
    let all = all.into_inner();
    let sum = |of: fn(&Seen) -> u32| all.iter().map(of).sum::<u32>();
    let counts = [
        sum(|seen| seen.answers),
        sum(|seen| seen.failures),
        sum(|seen| seen.cancelled),
        sum(|seen| seen.unacknowledged),
        sum(|seen| seen.byes),
        sum(|seen| seen.byes_of_nothing),
    ];
    let least = [1_000, 20, 50, 1, 200, 1];
    let enough = counts
        .iter()
        .zip(least)
        .all(|(count, least)| *count >= least);
    assert!(enough, "{counts:?} of {least:?}");
}
