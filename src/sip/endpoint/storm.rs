//! A long random run: two endpoints, a network that loses, repeats and reorders, users
//! that answer, cancel and forget. At its end nothing may be left.

#![expect(clippy::disallowed_methods, reason = "any instant will do")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{ClientTx, Endpoint, Event, Failure, Input, Output, ServerTx, Settings};
use crate::model::ShardId;
use crate::sip::random::Random;
use crate::sip::{ConnectionId, Dialog, Method, Name, Peer, Request, Response, Uri};

const STEPS: usize = 4_000;

/// What a network and two users are doing.
struct World {
    now: Instant,
    random: Random,
    ends: [End; 2],
    /// Messages on their way, by arrival and order of sending.
    wire: BTreeMap<(Instant, u64), (usize, Bytes, Peer)>,
    sent: u64,
    finals: BTreeMap<(usize, ClientTx), u32>,
    failures: u32,
    answers: u32,
}

struct End {
    endpoint: Endpoint,
    /// Requests that the user has not answered.
    open: Vec<(ServerTx, Request)>,
    /// Our INVITEs that may be cancelled.
    ours: Vec<(ClientTx, Request)>,
    accepted: BTreeMap<String, ServerTx>,
}

fn end(shard: u8) -> End {
    End {
        endpoint: Endpoint::new(Settings {
            shard: ShardId(shard),
            seed: 7 + u64::from(shard),
            advertise: crate::sip::Advertise::at(format!("192.0.2.{shard}:5060").parse().unwrap()),
            product: "Storm".into(),
            max_transactions: 100_000,
        }),
        open: Vec::new(),
        ours: Vec::new(),
        accepted: BTreeMap::new(),
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

impl World {
    fn new(seed: u64) -> Self {
        Self {
            now: Instant::now(),
            random: Random::new(seed),
            ends: [end(0), end(1)],
            wire: BTreeMap::new(),
            sent: 0,
            finals: BTreeMap::new(),
            failures: 0,
            answers: 0,
        }
    }

    fn dice(&mut self, sides: u64) -> u64 {
        self.random.word() % sides
    }

    fn pick<T>(&mut self, list: &[T]) -> Option<usize> {
        let length = u64::try_from(list.len()).unwrap();
        (length > 0).then(|| usize::try_from(self.dice(length)).unwrap())
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
        let copies = match self.dice(10) {
            0 | 1 if !stream => 0,
            2 if !stream => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let delay = if stream { 10 } else { 1 + self.dice(900) };
            self.sent += 1;
            let at = self.now + Duration::from_millis(delay);
            let parcel = (1 - from, bytes.clone(), peer(from, stream));
            self.wire.insert((at, self.sent), parcel);
        }
    }

    fn hear(&mut self, who: usize, event: Event) {
        match event {
            Event::Request { tx, request, .. } => self.ends[who].open.push((tx, request)),
            Event::Ack { request, .. } => {
                let call = request.headers.call_id().unwrap().into_owned();
                if let Some(tx) = self.ends[who].accepted.remove(&call) {
                    self.ends[who].endpoint.acknowledged(tx);
                }
            }
            Event::Cancelled { tx, .. } => self.answer(who, tx, 487),
            Event::Response { tx, response, peer } => {
                if response.code >= 200 {
                    *self.finals.entry((who, tx)).or_default() += 1;
                    self.answers += 1;
                }
                if (200..300).contains(&response.code) {
                    self.acknowledge(who, tx, &response, peer);
                }
            }
            Event::Failed { tx, why } => {
                assert!(matches!(why, Failure::TimedOut | Failure::Unreachable));
                *self.finals.entry((who, tx)).or_default() += 1;
                self.failures += 1;
            }
            Event::NoAck { .. } => {}
        }
    }

    fn acknowledge(&mut self, who: usize, tx: ClientTx, response: &Response, peer: Peer) {
        let ours = self.ends[who].ours.iter().find(|(ours, _)| *ours == tx);
        let Some((_, invite)) = ours else { return };
        let dialog = Dialog::from_response(invite, response, "sip:storm@192.0.2.1", peer).unwrap();
        let ack = dialog.ack(1);
        let (now, mut out) = (self.now, Vec::new());
        self.ends[who]
            .endpoint
            .acknowledge(tx, ack, peer, now, &mut out);
        self.perform(who, out);
    }

    fn answer(&mut self, who: usize, tx: ServerTx, code: u16) {
        let end = &mut self.ends[who];
        let Some(place) = end.open.iter().position(|(open, _)| *open == tx) else {
            return;
        };
        let request = end.open[place].1.clone();
        let mut response = Response::to(&request, code);
        response.set_to_tag(&end.endpoint.fresh_tag());
        response
            .headers
            .push(Name::Contact, "<sip:storm@192.0.2.1>");
        if code >= 200 {
            end.open.remove(place);
        }
        if request.method == Method::Invite && (200..300).contains(&code) {
            let call = request.headers.call_id().unwrap().into_owned();
            end.accepted.insert(call, tx);
        }
        let mut out = Vec::new();
        end.endpoint.respond(tx, &response, self.now, &mut out);
        self.perform(who, out);
    }

    fn send(&mut self, who: usize, method: Method) {
        let stream = self.dice(3) == 0;
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

    fn act(&mut self, who: usize) {
        match self.dice(9) {
            0..=2 => self.send(who, Method::Invite),
            3 => self.send(who, Method::Options),
            4..=6 => {
                let codes = [180, 200, 200, 486, 404];
                let code = codes[self.pick(&codes).unwrap()];
                let open = std::mem::take(&mut self.ends[who].open);
                let chosen = self.pick(&open).map(|place| open[place].0);
                self.ends[who].open = open;
                if let Some(tx) = chosen {
                    self.answer(who, tx, code);
                }
            }
            7 => {
                let ours = std::mem::take(&mut self.ends[who].ours);
                let chosen = self.pick(&ours).map(|place| ours[place].0);
                self.ends[who].ours = ours;
                let (now, mut out) = (self.now, Vec::new());
                if let Some(tx) = chosen {
                    self.ends[who].endpoint.cancel(tx, None, now, &mut out);
                }
                self.perform(who, out);
            }
            _ => {
                if self.dice(50) == 0 {
                    self.step(
                        who,
                        Input::ConnectionLost {
                            connection: ConnectionId(1),
                        },
                    );
                }
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
}

#[test]
fn after_a_storm_nothing_is_left_and_every_request_has_its_end() {
    for seed in 1..=5 {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            let who = usize::try_from(world.dice(2)).unwrap();
            world.act(who);
            let pause = Duration::from_millis(world.dice(400));
            world.run_until(world.now + pause);
        }
        // The users leave: each answers what is open, and cancels what rings.
        for who in [0, 1] {
            for (tx, _) in world.ends[who].ours.clone() {
                let (now, mut out) = (world.now, Vec::new());
                world.ends[who].endpoint.cancel(tx, None, now, &mut out);
                world.perform(who, out);
            }
        }
        for _ in 0..4 {
            for who in [0, 1] {
                for (tx, _) in world.ends[who].open.clone() {
                    world.answer(who, tx, 480);
                }
            }
            world.run_until(world.now + Duration::from_secs(70));
        }
        for who in [0, 1] {
            let endpoint = &world.ends[who].endpoint;
            assert_eq!(endpoint.in_flight(), 0, "seed {seed}, end {who}");
            assert!(endpoint.is_clean(), "seed {seed}, end {who}");
        }
        let odd = world.finals.iter().find(|(_, finals)| **finals != 1);
        assert_eq!(odd, None, "seed {seed}: each request ends once");
        assert!(world.answers > 500 && world.failures > 20, "seed {seed}");
    }
}
