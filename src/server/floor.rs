//! The shards, the media threads and the sockets between them, as one thing to start,
//! reconfigure and stop.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use arc_swap::ArcSwap;
use bytes::Bytes;
use exchange::call::{Comeback, Keep, Shared, Snapshot, call_of};
use exchange::config::{Config, Line};
use exchange::dispatch::{Board, Capacity};
use exchange::flow::Asked;
use exchange::media::{Command, Library, Report};
use exchange::model::{CallKey, Epoch, Event, ShardId, limits};
use exchange::registrar::Guesses;
use exchange::shard::{self, Asker, Doors, Input, Rate, Remembered, Shard, Sources};
use exchange::sip::nonce::Nonces;
use exchange::sip::{Advertise, ConnectionId, Peer, Transport, Uri, Way, endpoint, way};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::server::clerk::{self, Clerk, Client, Gate};
use crate::server::journal::Source;
use crate::server::media::{self, Workers};
use crate::server::net::dns::Names;
use crate::server::net::streams::{self, Streams};
use crate::server::net::tls::{Dials, Tls};
use crate::server::net::udp;
use crate::server::observer::Witness;
use crate::server::post::Post;
use crate::server::runner::{self, Inbox, Runner, Seat, World};
use crate::server::store::{Item, Noted, Promises, Store};
use crate::server::supervisor::{Supervisor, Wires};
use crate::server::whereabouts::{advertise, families};
use crate::server::{clock, entropy};

/// Transactions of one shard: two of a call that has ended are kept for 32 s (RFC 3261
/// timers J and L), so it is room for 7,000 calls a second, more than a core carries; some
/// 500 bytes each.
const TRANSACTIONS: usize = 524_288;
/// Tickets of one shard.
const TICKETS: usize = 16_384;

/// The running exchange.
pub(crate) struct Floor {
    shared: Arc<Shared>,
    snapshot: Arc<Snapshot>,
    inboxes: Arc<[Inbox]>,
    runners: Vec<Runner>,
    links: Arc<Links>,
    tls: Arc<Tls>,
    witness: Witness,
    /// Where it listens, as bound.
    pub(crate) listening: Vec<(Transport, SocketAddr)>,
}

/// What an earlier process left.
#[derive(Debug, Default)]
pub(crate) struct Past {
    pub(crate) operators: Vec<Remembered>,
    pub(crate) promises: Promises,
    /// Whose calls it took along.
    pub(crate) comebacks: Vec<Comeback>,
}

/// What shards reach beside their own sockets.
struct Links {
    workers: OnceLock<Workers>,
    streams: OnceLock<Streams>,
    names: ArcSwap<Names>,
    inboxes: OnceLock<Arc<[Inbox]>>,
    clerk: Clerk,
    runtime: Handle,
    witness: Witness,
    store: Arc<Store>,
}

impl World for Links {
    fn media(&self, shard: ShardId, command: Command) {
        if let Some(workers) = self.workers.get() {
            workers.command(usize::from(shard.0), command);
        }
    }

    fn stream(&self, bytes: Bytes, peer: Peer) {
        if let Some(streams) = self.streams.get() {
            streams.send(bytes, peer);
        }
    }

    fn trust(&self, connection: ConnectionId) {
        if let Some(streams) = self.streams.get() {
            streams.trust(connection);
        }
    }

    fn expect(&self, remote: SocketAddr, uri: &Uri) {
        if let Some(streams) = self.streams.get() {
            streams.expect(remote, uri);
        }
    }

    fn event(&self, event: Event) {
        self.witness.tell(event);
    }

    fn resolve(&self, shard: ShardId, asker: Asker, uris: Vec<Uri>) {
        let inboxes = self.inboxes.get();
        let Some(inbox) = inboxes.and_then(|all| all.get(usize::from(shard.0)).cloned()) else {
            return;
        };
        let names = self.names.load_full();
        self.runtime.spawn(async move {
            let routes = names.routes(uris).await;
            inbox.send(Input::Resolved { asker, routes });
        });
    }

    fn keep(&self, keep: Keep, asks: Option<CallKey>) {
        let item = Item::Callback(Box::new(Noted::new(keep, clock::wall())));
        let Some(call) = asks else {
            return self.store.write(item);
        };
        let inboxes = self.inboxes.get();
        let inbox = inboxes.and_then(|all| all.get(usize::from(call.shard().0)).cloned());
        let told = move |kept| {
            if let Some(inbox) = inbox {
                inbox.send(Input::Kept { call, kept });
            }
        };
        self.store.write_surely(item, Box::new(told));
    }

    fn ask(&self, call: CallKey, asked: Asked) {
        let inboxes = self.inboxes.get();
        let shard = usize::from(call.shard().0);
        let Some(inbox) = inboxes.and_then(|all| all.get(shard).cloned()) else {
            return;
        };
        self.clerk.ask(asked, move |number, reply| {
            inbox.send(Input::Replied {
                call,
                number,
                reply,
            });
        });
    }

    fn is_pressed(&self) -> bool {
        self.witness.is_pressed()
    }
}

/// What outlives the shards' own threads in the hands of whoever gives orders.
struct Bells {
    inboxes: Arc<[Inbox]>,
    witness: Witness,
}

impl Wires for Bells {
    fn send(&self, shard: ShardId, input: Input) {
        if let Some(inbox) = self.inboxes.get(usize::from(shard.0)) {
            inbox.send(input);
        }
    }

    fn tell(&self, event: Event) {
        self.witness.tell(event);
    }
}

impl Floor {
    /// Binds every socket, puts back who was remembered, and starts every thread.
    ///
    /// # Errors
    /// One sentence: which address cannot be used, or what the system has no more of.
    pub(crate) fn start(
        config: Config,
        sounds: Library,
        witness: Witness,
        (source, store): (&Source, &Arc<Store>),
        Past {
            operators,
            promises,
            comebacks,
        }: Past,
    ) -> anyhow::Result<Self> {
        let count = cores();
        let tls = Arc::new(Tls::new()?);
        let certificates = Tls::read(&config.sip.tls, dials_securely(&config))?;
        tls.show(certificates);
        let (datagrams, listeners, listening) = bind(&config, count)?;
        let now = clock::now();
        let shared = shared(advertise(&config, &listening), count, now);
        let snapshot = Arc::new(Snapshot { config, sounds });
        let names = Names::new(
            &snapshot.config.sip.dns,
            families(&listening),
            Arc::clone(&tls),
        )?;
        let mut out = Vec::new();
        shard::configure(&shared, &snapshot, None, now, &mut out)?;
        shard::restore(&shared, &snapshot, operators, now, &mut out);
        shard::restore_waits(&shared, promises.pending, comebacks);
        for (number, promised_ms) in &promises.over {
            shared.callbacks.remember(number, *promised_ms);
        }
        source.set(Arc::clone(&shared)).ok();
        let clerk = Clerk::new(
            Client::new(&snapshot.config.requests, Arc::clone(&names))?,
            Arc::clone(store),
        );
        clerk.speak_by(snapshot.config.speech.clone());
        let links = Arc::new(Links {
            workers: OnceLock::new(),
            streams: OnceLock::new(),
            clerk,
            names: ArcSwap::new(names),
            inboxes: OnceLock::new(),
            runtime: Handle::current(),
            witness: witness.clone(),
            store: Arc::clone(store),
        });
        let seats = (0..count)
            .map(|_| Seat::new())
            .collect::<io::Result<Vec<_>>>()?;
        let inboxes: Arc<[Inbox]> = seats.iter().map(Seat::inbox).collect();
        links.inboxes.set(Arc::clone(&inboxes)).ok();
        let workers = start_media(&snapshot.config, count, &inboxes)?;
        links.workers.set(workers).ok();
        let streams = Streams::new(Arc::clone(&inboxes), Handle::current(), Arc::clone(&tls));
        streams.admit_origins(&snapshot.config.sip.origins);
        for (transport, listener) in listeners {
            tokio::spawn(streams.clone().listen(listener, transport));
        }
        expect_servers(&snapshot.config, &tls);
        let watched = Arc::clone(&tls);
        tokio::spawn(async move { watched.watch().await });
        links.streams.set(streams).ok();
        let mut floor = Self {
            shared,
            snapshot,
            inboxes,
            runners: Vec::new(),
            links,
            tls,
            witness,
            listening,
        };
        floor.start_shards(seats, datagrams, now)?;
        floor.perform(out);
        Ok(floor)
    }

    fn start_shards(
        &mut self,
        seats: Vec<Seat>,
        mut datagrams: Vec<Vec<UdpSocket>>,
        now: Instant,
    ) -> io::Result<()> {
        let doors = Arc::new(Doors {
            rate: Rate::new(now),
            nonces: Nonces::new(entropy::key()),
            guesses: Guesses::default(),
            sources: Sources::default(),
        });
        let since = clock::wall().duration_since(std::time::UNIX_EPOCH);
        let boot: Arc<str> = format!("{:x}", since.unwrap_or_default().as_millis()).into();
        let shards = u8::try_from(seats.len()).unwrap_or(u8::MAX);
        for (index, seat) in seats.into_iter().enumerate() {
            let id = ShardId(u8::try_from(index).unwrap_or(u8::MAX));
            let settings = shard::Settings {
                id,
                shards,
                endpoint: endpoint::Settings {
                    shard: id,
                    seed: entropy::word(),
                    advertise: self.shared.advertise,
                    product: concat!("Centrale/", env!("CARGO_PKG_VERSION")).into(),
                    max_transactions: TRANSACTIONS,
                },
                boot: Arc::clone(&boot),
            };
            let shard = Shard::new(
                settings,
                Arc::clone(&self.shared),
                Arc::clone(&doors),
                Arc::clone(&self.snapshot),
                now,
            );
            let sockets = datagrams.iter_mut().filter_map(Vec::pop).collect();
            let links: Arc<dyn World> = Arc::<Links>::clone(&self.links);
            let inboxes = Arc::clone(&self.inboxes);
            let runner = runner::start(seat, (id, shard), sockets, inboxes, links)?;
            self.runners.push(runner);
        }
        Ok(())
    }

    /// The hands of supervisors.
    pub(crate) fn supervisor(&self) -> Supervisor {
        let wires = Bells {
            inboxes: Arc::clone(&self.inboxes),
            witness: self.witness.clone(),
        };
        Supervisor::new(Arc::clone(&self.shared), Arc::new(wires))
    }

    /// How many calls there are.
    pub(crate) fn calls(&self) -> usize {
        self.shared.gates.count("calls")
    }

    /// How many registrations with carriers are not taken back.
    pub(crate) fn registrations(&self) -> usize {
        self.shared.gates.count(shard::OUTSIDE)
    }

    /// What is configured.
    pub(crate) fn config(&self) -> &Config {
        &self.snapshot.config
    }

    /// Takes another configuration for calls that begin from now on.
    ///
    /// # Errors
    /// When a certificate cannot be used or the board has no room for it; then all is as
    /// before.
    pub(crate) fn configure(&mut self, config: Config, sounds: Library) -> anyhow::Result<()> {
        let certificates = Tls::read(&config.sip.tls, dials_securely(&config))?;
        let next = Arc::new(Snapshot { config, sounds });
        let (was, is) = (&self.snapshot.config, &next.config);
        let mut names = self.links.names.load_full();
        if is.sip.dns != was.sip.dns {
            let families = families(&self.listening);
            names = Names::new(&is.sip.dns, families, Arc::clone(&self.tls))?;
        }
        let asks = match is.sip.dns != was.sip.dns || is.requests != was.requests {
            true => Some(Client::new(&is.requests, Arc::clone(&names))?),
            false => None,
        };
        let mut out = Vec::new();
        let now = clock::now();
        if let Err(full) =
            shard::configure(&self.shared, &next, Some(&self.snapshot), now, &mut out)
        {
            // What was changed before the board was full is changed back.
            shard::configure(&self.shared, &self.snapshot, Some(&next), now, &mut out).ok();
            self.perform(out);
            return Err(anyhow!(full));
        }
        for inbox in self.inboxes.iter() {
            inbox.send(Input::Configured(Arc::clone(&next)));
        }
        self.tls.show(certificates);
        self.links.clerk.speak_by(next.config.speech.clone());
        self.links.names.store(names);
        if let Some(client) = asks {
            self.links.clerk.configure(client);
        }
        expect_servers(&next.config, &self.tls);
        if let Some(streams) = self.links.streams.get() {
            streams.admit_origins(&next.config.sip.origins);
        }
        self.snapshot = next;
        self.perform(out);
        Ok(())
    }

    /// Tells the post which webhooks there are.
    ///
    /// # Errors
    /// When no client can be made for them.
    pub(crate) fn configure_post(&self, post: &Post) -> anyhow::Result<()> {
        let (config, names) = (&self.snapshot.config, self.links.names.load_full());
        let gate = Arc::new(Gate::new(&config.requests.private, names));
        let client = clerk::client(&config.requests, gate)?;
        post.configure(config.webhooks.clone(), client, Handle::current());
        Ok(())
    }

    fn perform(&self, out: Vec<shard::Output>) {
        for output in out {
            match output {
                shard::Output::Event(event) => self.witness.tell(event),
                shard::Output::Match(matched) => runner::deliver(&self.inboxes, matched),
                shard::Output::Transmit { .. }
                | shard::Output::Refusal(_)
                | shard::Output::Count(_)
                | shard::Output::Media(_)
                | shard::Output::Trusted(_)
                | shard::Output::Expected(..)
                | shard::Output::Dropped(_)
                | shard::Output::Foreign(..)
                | shard::Output::Keep { .. }
                | shard::Output::Ask { .. }
                | shard::Output::Resolve { .. } => {}
            }
        }
    }

    /// Tells every shard.
    pub(crate) fn drain(&self) {
        for inbox in self.inboxes.iter() {
            inbox.send(Input::Drain);
        }
    }

    /// Ends every call.
    pub(crate) fn goodbye(&self) {
        for inbox in self.inboxes.iter() {
            inbox.send(Input::Goodbye);
        }
    }

    /// Ends every thread. Blocks until they are done.
    pub(crate) fn stop(self) {
        for runner in self.runners {
            runner.stop();
        }
        // The runners held the other handles; what is left is ours.
        if let Some(links) = Arc::into_inner(self.links)
            && let Some(workers) = links.workers.into_inner()
        {
            workers.stop();
        }
    }
}

/// One shard a core, as many as our branches can name.
fn cores() -> usize {
    let cores = std::thread::available_parallelism();
    cores.map_or(1, std::num::NonZero::get).min(64)
}

fn capacity(shards: usize) -> Capacity {
    Capacity {
        operators: limits::OPERATORS,
        more_calls: limits::MORE_CALLS,
        tickets_per_shard: TICKETS,
        shards,
        classes: limits::CLASSES,
        profiles: limits::PROFILES,
    }
}

type Bound = (
    Vec<Vec<UdpSocket>>,
    Vec<(Transport, TcpListener)>,
    Vec<(Transport, SocketAddr)>,
);

fn bind(config: &Config, count: usize) -> anyhow::Result<Bound> {
    let mut bound: Bound = (Vec::new(), Vec::new(), Vec::new());
    for listen in &config.sip.listen {
        let address = listen.address;
        match listen.transport {
            Transport::Udp => {
                let sockets = udp::bind(address, count)
                    .with_context(|| format!("cannot listen on udp://{address}"))?;
                if let Some(Ok(local)) = sockets.first().map(UdpSocket::local_addr) {
                    bound.2.push((Transport::Udp, local));
                }
                bound.0.push(sockets);
            }
            transport @ (Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss) => {
                let listener = streams::bind(address).with_context(|| {
                    format!("cannot listen on {}://{address}", transport.label())
                })?;
                bound.2.push((transport, listener.local_addr()?));
                bound.1.push((transport, listener));
            }
        }
    }
    Ok(bound)
}

fn start_media(config: &Config, count: usize, inboxes: &Arc<[Inbox]>) -> anyhow::Result<Workers> {
    let listens = |v6| {
        let mut listen = config.sip.listen.iter();
        listen.any(|listen| listen.address.is_ipv6() == v6)
    };
    let first = config.sip.listen.first().map(|first| first.address.ip());
    let bind = match first {
        // One socket takes both families.
        _ if listens(false) && listens(true) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        Some(IpAddr::V6(ip)) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        Some(ip) if !ip.is_unspecified() => ip,
        Some(_) | None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let settings = media::Settings {
        count: count.saturating_sub(1).max(1),
        ports: config.media.ports.clone(),
        bind,
        recordings: config.paths.recordings.clone(),
    };
    let inboxes = Arc::clone(inboxes);
    let deliver = move |report: Report| {
        let shard = call_of(report.leg()).shard();
        if let Some(inbox) = inboxes.get(usize::from(shard.0)) {
            inbox.send(Input::Media(report));
        }
    };
    media::start(&settings, deliver).context("cannot start the media threads")
}

/// What all shards have in common, with nobody in it yet.
fn shared(advertise: Advertise, shards: usize, now: Instant) -> Arc<Shared> {
    let epoch = Epoch {
        instant: now,
        wall: clock::wall(),
    };
    let board = Board::new(capacity(shards), now);
    Arc::new(Shared::new(board, epoch, advertise))
}

/// Whether a line, or a carrier's server, is reached over TLS; a trunk's caller who came by it
/// is when the stream is gone.
fn dials_securely(config: &Config) -> Dials {
    let listens = config.sip.listen.iter();
    let listens = listens.map(|listen| match listen.transport {
        Transport::Tls => Dials::Perhaps,
        Transport::Udp | Transport::Tcp | Transport::Ws | Transport::Wss => Dials::Never,
    });
    let each = dialled(config).map(|uri| match (Transport::of(uri), way(uri)) {
        (Some(Transport::Tls), _) => Dials::Surely,
        (_, Some(Way::Open { .. })) => Dials::Perhaps,
        (_, Some(Way::Straight(_) | Way::Addresses { .. } | Way::Services { .. }) | None) => {
            Dials::Never
        }
    });
    each.chain(listens).max().unwrap_or(Dials::Never)
}

/// Who must answer at addresses that need no look-up; of the others the look-up tells.
fn expect_servers(config: &Config, tls: &Tls) {
    for uri in dialled(config) {
        if let Some(Way::Straight(peer)) = way(uri)
            && peer.transport == Transport::Tls
        {
            tls.expect(peer.remote, uri);
        }
    }
}

/// Every address that is configured to be dialled.
fn dialled(config: &Config) -> impl Iterator<Item = &Uri> {
    let lines = config.lines.values().filter_map(|line| match line {
        Line::Outside(outside) => Some(outside.targets.iter()),
        Line::Queue(_) => None,
    });
    let trunks = config.sip.trunks.values();
    let carriers = trunks.flat_map(|trunk| {
        let register = trunk.register.as_ref().map(|register| &register.to);
        let probe = trunk.probe.as_ref().map(|(uri, _)| uri);
        probe.into_iter().chain(register)
    });
    lines.flatten().chain(carriers)
}
