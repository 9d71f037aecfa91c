//! Shards, phones and links, and the time between them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use crate::call::{Shared, Snapshot, call_of};
use crate::config::Config;
use crate::dispatch::{Board, Capacity};
use crate::flow::{AskId, Reply};
use crate::media::Library;
use crate::model::{CallId, CallKey, Epoch, Event, Sequence, ShardId, Stamped};
use crate::record::{CallRecord, Ledger};
use crate::registrar::Guesses;
use crate::shard::{self, Asker, Doors, Input, Output, Rate, Shard, Sources};
use crate::sim::backend::Backend;
use crate::sim::booth::Booth;
use crate::sim::disk::Disk;
use crate::sim::phone::Phone;
use crate::sim::{Chance, Manner};
use crate::sip::endpoint::Refusal;
use crate::sip::nonce::Nonces;
use crate::sip::{Advertise, Peer, endpoint, owner};

/// A phone of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhoneId(pub(super) usize);

/// What the network does to a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// It takes up to this long, so two may overtake each other.
    pub delay: Duration,
    /// So many of 100 are lost.
    pub loss: u64,
}

impl Link {
    /// Half a millisecond at most, nothing lost.
    pub const GOOD: Self = Self {
        delay: Duration::from_micros(500),
        loss: 0,
    };
}

const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 255, 0, 1)), 5060);
/// One step of time deals with at most so many things; more is a world that runs in
/// circles.
const TURNS: usize = 1_000_000;

#[derive(Debug)]
pub(super) enum Packet {
    ToServer(SocketAddr, Bytes),
    ToPhone(SocketAddr, Bytes),
    Reply(CallKey, AskId, Reply),
}

/// The exchange, and everybody who calls it.
#[derive(Debug)]
pub struct World {
    pub(super) now: Instant,
    pub(super) started: Instant,
    wall: SystemTime,
    pub(super) shared: Arc<Shared>,
    pub(super) shards: Vec<Shard>,
    pub(super) booth: Booth,
    pub(super) phones: Vec<Phone>,
    by_address: BTreeMap<SocketAddr, usize>,
    pub(super) names: BTreeMap<String, Vec<SocketAddr>>,
    pub(super) invited: BTreeSet<SocketAddr>,
    pub(super) disk: Disk,
    pub(super) backend: Backend,
    link: Link,
    chance: Chance,
    network: BTreeMap<(Instant, u64), Packet>,
    sent: u64,
    sequence: u64,
    ledger: Ledger,
    pub(super) records: BTreeMap<CallId, CallRecord>,
    pub(super) events: Vec<(Duration, Event)>,
    pub(super) astray: Vec<(SocketAddr, Bytes)>,
    pub(super) look_ups: usize,
}

impl World {
    /// A world without phones. `now` and `wall` are any moment: the same seed makes the
    /// same day of it.
    #[must_use]
    pub fn new(
        config: Config,
        sounds: Library,
        shards: u8,
        (now, wall): (Instant, SystemTime),
        seed: u64,
    ) -> Self {
        let mut chance = Chance::new(seed);
        let shared = shared(shards, (now, wall));
        let snapshot = Arc::new(Snapshot { config, sounds });
        let doors = Arc::new(Doors {
            rate: Rate::new(now),
            nonces: Nonces::new([7; 32]),
            guesses: Guesses::default(),
            sources: Sources::default(),
        });
        let mut world = Self {
            now,
            started: now,
            wall,
            shards: Vec::new(),
            booth: Booth::new(),
            phones: Vec::new(),
            by_address: BTreeMap::new(),
            names: BTreeMap::new(),
            invited: BTreeSet::new(),
            disk: Disk::default(),
            backend: Backend::default(),
            link: Link::GOOD,
            network: BTreeMap::new(),
            sent: 0,
            sequence: 0,
            ledger: Ledger::new(),
            records: BTreeMap::new(),
            events: Vec::new(),
            astray: Vec::new(),
            look_ups: 0,
            shared: Arc::clone(&shared),
            chance: Chance::new(chance.word()),
        };
        let mut out = Vec::new();
        if shard::configure(&shared, &snapshot, None, now, &mut out).is_err() {
            return world;
        }
        for id in (0..shards).map(ShardId) {
            let settings = shard::Settings {
                id,
                shards,
                endpoint: endpoint::Settings {
                    shard: id,
                    seed: chance.word(),
                    advertise: shared.advertise,
                    product: "Centrale".into(),
                    max_transactions: 10_000,
                },
                boot: "sim".into(),
            };
            let (shared, doors) = (Arc::clone(&shared), Arc::clone(&doors));
            let snapshot = Arc::clone(&snapshot);
            world
                .shards
                .push(Shard::new(settings, shared, doors, snapshot, now));
        }
        world
    }

    /// Another network from now on.
    pub fn link(&mut self, link: Link) {
        self.link = link;
    }

    /// No more than so many streams at once.
    pub fn streams(&mut self, most: usize) {
        self.booth.limit(most);
    }

    /// Adds a phone.
    pub fn phone(&mut self, name: &str, manner: Manner, talks: Option<Duration>) -> PhoneId {
        let id = self.phones.len();
        let index = u16::try_from(id).unwrap_or(u16::MAX);
        let mut phone = Phone::new(index, name, SERVER, self.chance.word());
        phone.manner = manner;
        phone.talks = talks;
        self.by_address.insert(phone.address, id);
        self.phones.push(phone);
        PhoneId(id)
    }

    /// Adds an operator's phone and registers it.
    pub fn operator(&mut self, name: &str, manner: Manner, talks: Option<Duration>) -> PhoneId {
        let phone = self.phone(name, manner, talks);
        self.register(phone, 3600);
        phone
    }

    /// Adds a caller who dials.
    pub fn caller(&mut self, number: &str, talks: Option<Duration>) -> PhoneId {
        let name = format!("06{:04}", self.phones.len());
        let phone = self.phone(&name, Manner::Refuses(486), talks);
        self.act(phone, |phone, now| phone.dial(number, now));
        phone
    }

    /// Registers a phone; 0 seconds take it back.
    pub fn register(&mut self, phone: PhoneId, expires: u32) {
        self.act(phone, |phone, now| phone.register(expires, now));
    }

    /// The phone hangs up, or gives up dialling.
    pub fn hang_up(&mut self, phone: PhoneId) {
        self.act(phone, Phone::hang_up);
    }

    /// The phone goes by another name and password.
    pub fn rename(&mut self, phone: PhoneId, name: &str, secret: &str) {
        self.act(phone, |phone, _| {
            name.clone_into(&mut phone.name);
            secret.clone_into(&mut phone.secret);
        });
    }

    /// The phone is another from now on.
    pub fn manner(&mut self, phone: PhoneId, manner: Manner) {
        self.act(phone, |phone, _| phone.manner = manner);
        if manner == Manner::Dead
            && let Some(phone) = self.phones.get(phone.0)
        {
            for sound in [phone.sound(), phone.second_sound()] {
                self.booth.mute(sound, self.now);
            }
        }
    }

    /// The phone's user presses keys. `false` when it has no stream.
    pub fn press(&mut self, phone: PhoneId, keys: &str) -> bool {
        let Some(sound) = self.phones.get(phone.0).map(Phone::sound) else {
            return false;
        };
        let all = keys.chars().all(|key| self.booth.key(sound, key));
        self.go_on();
        all
    }

    /// Every shard hears this.
    pub fn tell(&mut self, input: fn() -> Input) {
        for shard in 0..self.shards.len() {
            self.handle(shard, input());
        }
        self.go_on();
    }

    /// Time passes.
    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        for _ in 0..TURNS {
            self.go_on();
            match self.next() {
                Some(at) if at <= until => self.now = self.now.max(at),
                Some(_) | None => break,
            }
            self.due();
        }
        self.now = until;
        self.due();
        self.go_on();
    }

    /// Time passes until something is so, or this long; whether it is.
    pub fn run_until(&mut self, longest: Duration, so: impl Fn(&Self) -> bool) -> bool {
        let until = self.now + longest;
        self.go_on();
        for _ in 0..TURNS {
            if so(self) {
                return true;
            }
            match self.next() {
                Some(at) if at <= until => self.now = self.now.max(at),
                Some(_) | None => return false,
            }
            self.due();
            self.go_on();
        }
        false
    }

    pub(super) fn act(&mut self, phone: PhoneId, act: impl FnOnce(&mut Phone, Instant)) {
        if let Some(phone) = self.phones.get_mut(phone.0) {
            act(phone, self.now);
        }
        self.go_on();
    }

    /// When something is due next.
    fn next(&self) -> Option<Instant> {
        let network = self.network.first_key_value().map(|((at, _), _)| *at);
        let shards = self.shards.iter().filter_map(Shard::deadline);
        let phones = self.phones.iter().filter_map(Phone::deadline);
        let own = network.into_iter().chain(self.booth.deadline());
        own.chain(shards).chain(phones).min()
    }

    /// Does what is due by now.
    fn due(&mut self) {
        while let Some(entry) = self.network.first_entry()
            && entry.key().0 <= self.now
        {
            match entry.remove() {
                Packet::ToServer(from, bytes) => {
                    let shards = u8::try_from(self.shards.len()).unwrap_or(1);
                    let home = owner(&bytes, shards).map_or(0, |shard| usize::from(shard.0));
                    let peer = Peer::udp(from);
                    self.handle(home, Input::Received { bytes, peer });
                }
                Packet::Reply(call, number, reply) => {
                    let input = Input::Replied {
                        call,
                        number,
                        reply,
                    };
                    self.handle(usize::from(call.shard().0), input);
                }
                Packet::ToPhone(to, bytes) => {
                    let phone = self.by_address.get(&to).copied();
                    match phone.and_then(|phone| self.phones.get_mut(phone)) {
                        Some(phone) => phone.receive(bytes, self.now),
                        None => self.astray.push((to, bytes)),
                    }
                }
            }
        }
        for index in 0..self.shards.len() {
            let deadline = self.shards.get(index).and_then(Shard::deadline);
            if deadline.is_some_and(|at| at <= self.now) {
                self.handle(index, Input::Tick);
            }
        }
        for phone in &mut self.phones {
            if phone.deadline().is_some_and(|at| at <= self.now) {
                phone.tick(self.now);
            }
        }
    }

    /// Passes on what phones and streams say, until nobody says anything.
    pub(super) fn go_on(&mut self) {
        loop {
            let mut said = false;
            for index in 0..self.phones.len() {
                let Some(phone) = self.phones.get_mut(index) else {
                    continue;
                };
                let from = phone.address;
                for bytes in phone.flush(self.now) {
                    self.post(Packet::ToServer(from, bytes));
                }
            }
            for report in self.booth.reports(self.now) {
                said = true;
                let shard = usize::from(call_of(report.leg()).shard().0);
                self.handle(shard, Input::Media(report));
            }
            if !said {
                return;
            }
        }
    }

    pub(super) fn post(&mut self, packet: Packet) {
        if self.chance.percent(self.link.loss) {
            return;
        }
        let after = self.chance.time(self.link.delay);
        self.deliver(after, packet);
    }

    pub(super) fn deliver(&mut self, after: Duration, packet: Packet) {
        self.sent += 1;
        self.network.insert((self.now + after, self.sent), packet);
    }

    pub(super) fn handle(&mut self, index: usize, input: Input) {
        let mut out = Vec::new();
        if let Some(shard) = self.shards.get_mut(index) {
            shard.handle(input, self.now, &mut out);
        }
        self.perform(out);
    }

    pub(super) fn perform(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Transmit { bytes, peer } => {
                    if bytes.starts_with(b"INVITE ") {
                        self.invited.insert(peer.remote);
                    }
                    self.post(Packet::ToPhone(peer.remote, bytes));
                }
                Output::Refusal(Refusal { bytes, peer, .. }) => {
                    self.post(Packet::ToPhone(peer.remote, bytes));
                }
                Output::Count(_)
                | Output::Trusted(_)
                | Output::Expected(..)
                | Output::Dropped(_) => {}
                Output::Media(command) => self.booth.obey(command, self.now),
                Output::Event(event) => self.happened(event),
                Output::Match(matched) => {
                    let shard = usize::from(matched.call.shard().0);
                    self.handle(shard, Input::Match(matched));
                }
                Output::Resolve { asker, uris } => {
                    self.look_ups += 1;
                    let routes = uris.iter().map(|uri| self.route(uri)).collect();
                    let shard = match &asker {
                        Asker::Leg(leg) => usize::from(call_of(*leg).shard().0),
                        Asker::Carrier(_) | Asker::Reach(_) => 0,
                    };
                    self.handle(shard, Input::Resolved { asker, routes });
                }
                Output::Keep { keep, asks } => {
                    let kept = self.keep(keep);
                    if let Some(call) = asks {
                        let shard = usize::from(call.shard().0);
                        self.handle(shard, Input::Kept { call, kept });
                    }
                }
                Output::Ask { call, asked } => self.ask(call, asked),
                Output::Foreign(shard, foreign) => {
                    self.handle(usize::from(shard.0), Input::Foreign(foreign));
                }
            }
        }
    }

    fn happened(&mut self, event: Event) {
        self.sequence += 1;
        let stamped = Stamped {
            sequence: Sequence(self.sequence),
            at: self.wall + self.elapsed(),
            event,
        };
        if let Some(record) = self.ledger.handle(&stamped) {
            self.records.insert(record.id.clone(), record);
        }
        let elapsed = self.elapsed();
        self.events.push((elapsed, stamped.event));
    }
}

/// What the shards of a world share.
fn shared(shards: u8, (now, wall): (Instant, SystemTime)) -> Arc<Shared> {
    let board = Board::new(
        Capacity {
            operators: 256,
            more_calls: 64,
            tickets_per_shard: 1024,
            shards: usize::from(shards),
            classes: 512,
            profiles: 256,
        },
        now,
    );
    let advertise = Advertise {
        fixed: Some(SERVER.ip()),
        ..Advertise::at(SERVER)
    };
    let epoch = Epoch { instant: now, wall };
    Arc::new(Shared::new(board, epoch, advertise))
}
