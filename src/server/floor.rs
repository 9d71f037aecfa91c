//! The shards, the media threads and the sockets between them, as one thing to start,
//! reconfigure and stop.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use exchange::call::{Gates, Pauses, Shared, Snapshot, Talks, Waiting, WrapUps, call_of};
use exchange::config::{Config, Line, Transport};
use exchange::dispatch::{Board, Capacity};
use exchange::media::{Command, Library, Report};
use exchange::model::{Epoch, Event, ShardId, limits};
use exchange::queue::Hall;
use exchange::registrar::Registrar;
use exchange::shard::{self, Doors, Input, Rate, Remembered, Shard};
use exchange::sip::nonce::Nonces;
use exchange::sip::{Advertise, Host, Peer, endpoint};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::server::journal::Source;
use crate::server::media::{self, Workers};
use crate::server::net::{tcp::Streams, udp};
use crate::server::observer::Witness;
use crate::server::runner::{self, Inbox, Runner, Seat, World};
use crate::server::supervisor::{Supervisor, Wires};
use crate::server::{clock, entropy};

/// Transactions of one shard: 10,000 calls with two legs, and what registers beside them.
const TRANSACTIONS: usize = 65_536;
/// A look-up of a line's name ends within this.
const LOOK_UP: Duration = Duration::from_secs(2);
/// Tickets of one shard.
const TICKETS: usize = 16_384;

/// The running exchange.
pub(crate) struct Floor {
    shared: Arc<Shared>,
    snapshot: Arc<Snapshot>,
    inboxes: Arc<[Inbox]>,
    runners: Vec<Runner>,
    links: Arc<Links>,
    witness: Witness,
    /// Where it listens, as bound.
    pub(crate) listening: Vec<(Transport, SocketAddr)>,
}

/// What shards reach beside their own sockets.
struct Links {
    workers: OnceLock<Workers>,
    streams: OnceLock<Streams>,
    witness: Witness,
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

    fn event(&self, event: Event) {
        self.witness.tell(event);
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
    pub(crate) async fn start(
        config: Config,
        sounds: Library,
        witness: Witness,
        (source, remembered): (&Source, Vec<Remembered>),
    ) -> anyhow::Result<Self> {
        let count = cores();
        let (datagrams, listeners, listening) = bind(&config, count).await?;
        let advertise = advertise(&config, &listening);
        let now = clock::now();
        let board = Arc::new(Board::new(capacity(count), now));
        let shared = Arc::new(Shared {
            hall: Hall::new(Arc::clone(&board)),
            board,
            registrar: Registrar::new(),
            epoch: Epoch {
                instant: now,
                wall: clock::wall(),
            },
            advertise,
            gates: Gates::default(),
            waiting: Waiting::default(),
            pauses: Pauses::default(),
            wrap_ups: WrapUps::default(),
            talks: Talks::default(),
        });
        let snapshot = snapshot(config, sounds).await;
        let mut out = Vec::new();
        shard::configure(&shared, &snapshot, None, now, &mut out)?;
        shard::restore(&shared, &snapshot, remembered, now, &mut out);
        source.set(Arc::clone(&shared)).ok();
        let links = Arc::new(Links {
            workers: OnceLock::new(),
            streams: OnceLock::new(),
            witness: witness.clone(),
        });
        let seats = (0..count)
            .map(|_| Seat::new())
            .collect::<io::Result<Vec<_>>>()?;
        let inboxes: Arc<[Inbox]> = seats.iter().map(Seat::inbox).collect();
        let workers = start_media(&snapshot.config, count, &inboxes)?;
        links.workers.set(workers).ok();
        let streams = Streams::new(Arc::clone(&inboxes), Handle::current());
        for listener in listeners {
            tokio::spawn(streams.clone().listen(listener));
        }
        links.streams.set(streams).ok();
        let mut floor = Self {
            shared,
            snapshot,
            inboxes,
            runners: Vec::new(),
            links,
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
        });
        let since = clock::wall().duration_since(std::time::UNIX_EPOCH);
        let boot: Arc<str> = format!("{:x}", since.unwrap_or_default().as_millis()).into();
        for (index, seat) in seats.into_iter().enumerate() {
            let id = ShardId(u8::try_from(index).unwrap_or(u8::MAX));
            let settings = shard::Settings {
                id,
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

    /// What is configured.
    pub(crate) fn config(&self) -> &Config {
        &self.snapshot.config
    }

    /// Takes another configuration for calls that begin from now on.
    ///
    /// # Errors
    /// When the board has no room for it; then all is as before.
    pub(crate) async fn configure(
        &mut self,
        config: Config,
        sounds: Library,
    ) -> anyhow::Result<()> {
        let next = snapshot(config, sounds).await;
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
        self.snapshot = next;
        self.perform(out);
        Ok(())
    }

    fn perform(&self, out: Vec<shard::Output>) {
        for output in out {
            match output {
                shard::Output::Event(event) => self.witness.tell(event),
                shard::Output::Match(matched) => runner::deliver(&self.inboxes, matched),
                shard::Output::Transmit { .. }
                | shard::Output::Count(_)
                | shard::Output::Media(_)
                | shard::Output::Foreign(..) => {}
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
    Vec<TcpListener>,
    Vec<(Transport, SocketAddr)>,
);

async fn bind(config: &Config, count: usize) -> anyhow::Result<Bound> {
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
            Transport::Tcp => {
                let listener = TcpListener::bind(address)
                    .await
                    .with_context(|| format!("cannot listen on tcp://{address}"))?;
                bound.2.push((Transport::Tcp, listener.local_addr()?));
                bound.1.push(listener);
            }
        }
    }
    Ok(bound)
}

fn start_media(config: &Config, count: usize, inboxes: &Arc<[Inbox]>) -> anyhow::Result<Workers> {
    let address = |listen: &exchange::config::Listen| listen.address.ip();
    let first = config.sip.listen.first().map(address);
    let bind = match first {
        Some(IpAddr::V6(ip)) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        Some(ip) if !ip.is_unspecified() => ip,
        Some(_) | None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let settings = media::Settings {
        count: count.saturating_sub(1).max(1),
        ports: config.media.ports.clone(),
        bind,
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

/// What we say of where we are.
fn advertise(config: &Config, listening: &[(Transport, SocketAddr)]) -> Advertise {
    let port = |wanted| {
        let found = listening.iter().find(|(transport, _)| *transport == wanted);
        found.map(|(_, address)| address.port())
    };
    let bound = listening.iter().map(|(_, address)| address.ip());
    let own = bound.clone().find(|ip| !ip.is_unspecified());
    let v6 = bound.clone().all(|ip| ip.is_ipv6());
    Advertise {
        fixed: config.sip.advertise,
        primary: own.unwrap_or_else(|| primary(v6)),
        udp: port(Transport::Udp).unwrap_or(5060),
        tcp: port(Transport::Tcp),
    }
}

/// The address of the interface by which the world is reached. Connecting a datagram
/// socket sends nothing; it only asks the system for the way.
fn primary(v6: bool) -> IpAddr {
    let (any, far, home) = if v6 {
        ("[::]:0", "[2001:db8::1]:9", IpAddr::V6(Ipv6Addr::LOCALHOST))
    } else {
        ("0.0.0.0:0", "192.0.2.1:9", IpAddr::V4(Ipv4Addr::LOCALHOST))
    };
    let way = || {
        let socket = UdpSocket::bind(any)?;
        socket.connect(far)?;
        socket.local_addr()
    };
    way().map_or(home, |address| address.ip())
}

async fn snapshot(config: Config, sounds: Library) -> Arc<Snapshot> {
    let mut lines = BTreeMap::new();
    for (name, line) in &config.lines {
        if let Line::Outside { uri, .. } = line {
            match look_up(uri).await {
                Some(address) => drop(lines.insert(name.clone(), address)),
                None => tracing::warn!(line = %name, "the line's host cannot be found"),
            }
        }
    }
    Arc::new(Snapshot {
        config,
        sounds,
        lines,
    })
}

async fn look_up(uri: &exchange::sip::Uri) -> Option<SocketAddr> {
    let port = uri.port.unwrap_or(5060);
    match uri.host.as_ref()? {
        Host::Address(ip) => Some(SocketAddr::new(*ip, port)),
        Host::Name(name) => {
            let found = tokio::net::lookup_host((name.as_str(), port));
            let mut found = tokio::time::timeout(LOOK_UP, found).await.ok()?.ok()?;
            found.next()
        }
    }
}
