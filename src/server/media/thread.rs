//! One media thread: wait for packets, commands or the tick; let the worker decide.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use exchange::media::{Command, PACKET_BYTES, Report, Sink, Worker, Write};
use exchange::metric::{Share, table};
use exchange::model::{LegId, Steady};
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Registry, Token, Waker};

use crate::server::media::ports::{Ports, TRIES};
use crate::server::media::recordings::{self, Recordings};
use crate::server::{clock, entropy};

/// Packets taken from one stream before the others have their turn.
const BATCH: usize = 16;
const WAKE: Token = Token(usize::MAX);
const IDLE: Duration = Duration::from_secs(1);

/// What the threads are told once.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How many threads.
    pub(crate) count: usize,
    /// Their ports, all together.
    pub(crate) ports: RangeInclusive<u16>,
    /// Where sockets are bound.
    pub(crate) bind: IpAddr,
    /// The folder of recordings.
    pub(crate) recordings: PathBuf,
}

/// The running threads.
#[derive(Debug)]
pub(crate) struct Workers {
    posts: Vec<Arc<Post>>,
    threads: Vec<JoinHandle<()>>,
    writer: Option<recordings::Running>,
}

#[derive(Debug)]
struct Post {
    // Not bounded by itself: a call has some ten commands on their way at most, and calls
    // are bounded. A `Close` must not be lost, and a shard must not wait.
    commands: Sender<Option<Command>>,
    awake: AtomicBool,
    waker: Waker,
}

impl Post {
    fn send(&self, command: Option<Command>) {
        if self.commands.send(command).is_ok() && !self.awake.swap(true, Ordering::SeqCst) {
            self.waker.wake().ok();
        }
    }
}

impl Workers {
    /// Hands a command to the thread of its leg's call. Never blocks.
    pub(crate) fn command(&self, worker: usize, command: Command) {
        if let Some(post) = self.posts.get(worker % self.posts.len().max(1)) {
            post.send(Some(command));
        }
    }

    /// Ends the threads after what they have been handed.
    pub(crate) fn stop(mut self) {
        for post in &self.posts {
            post.send(None);
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a media thread had a fault");
            }
        }
        // What they recorded last is written.
        if let Some(writer) = self.writer.take() {
            writer.stop();
        }
    }
}

/// Starts the threads. `deliver` is called from them with each report.
///
/// # Errors
/// When the system has no more descriptors or threads.
pub(crate) fn start<D>(settings: &Settings, deliver: D) -> io::Result<Workers>
where
    D: Fn(Report) + Send + Clone + 'static,
{
    let mut workers = Workers {
        posts: Vec::new(),
        threads: Vec::new(),
        writer: None,
    };
    let (recordings, writer) = recordings::start(&settings.recordings, deliver.clone())?;
    workers.writer = Some(writer);
    for index in 0..settings.count {
        let poll = Poll::new()?;
        let (commands, received) = unbounded();
        let post = Arc::new(Post {
            commands,
            awake: AtomicBool::new(false),
            waker: Waker::new(poll.registry(), WAKE)?,
        });
        let mut work = Work {
            worker: Worker::new(clock::now(), entropy::word()),
            sockets: Sockets {
                pairs: Steady::default(),
                legs: Steady::default(),
                ports: Ports::slice(&settings.ports, index, settings.count),
                bind: settings.bind,
                next: 0,
            },
            unread: Vec::new(),
            commands: received,
            post: Arc::clone(&post),
            deliver: deliver.clone(),
            recordings: recordings.clone(),
            buffer: Box::new([0; PACKET_BYTES + 1]),
            in_use: Share::of(&table::MEDIA_PORTS),
            told: clock::now(),
        };
        let thread = thread::Builder::new()
            .name(format!("media-{index}"))
            .spawn(move || work.run(poll))?;
        workers.posts.push(post);
        workers.threads.push(thread);
    }
    Ok(workers)
}

/// The sockets of one stream.
#[derive(Debug)]
struct Pair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    port: u16,
    token: usize,
}

#[derive(Debug)]
struct Sockets {
    pairs: Steady<LegId, Pair>,
    legs: Steady<usize, LegId>,
    ports: Ports,
    bind: IpAddr,
    next: usize,
}

impl Sockets {
    /// Takes ports for a leg. Those that somebody else has are skipped.
    fn open(&mut self, leg: LegId, registry: &Registry, now: Instant) -> Option<SocketAddr> {
        for _ in 0..TRIES {
            let port = self.ports.take(now)?;
            match self.bind(port, registry) {
                Ok(pair) => {
                    let local = pair.rtp.local_addr().ok()?;
                    self.legs.insert(pair.token, leg);
                    self.pairs.insert(leg, pair);
                    return Some(local);
                }
                Err(_) => self.ports.give_back(port, now),
            }
        }
        None
    }

    fn bind(&mut self, port: u16, registry: &Registry) -> io::Result<Pair> {
        let mut rtp = UdpSocket::bind(SocketAddr::new(self.bind, port))?;
        let mut rtcp = UdpSocket::bind(SocketAddr::new(self.bind, port + 1))?;
        let token = self.next;
        // Two tokens a stream; the highest is the waker's.
        self.next = (self.next + 2) % (usize::MAX - 1);
        registry.register(&mut rtp, Token(token), Interest::READABLE)?;
        registry.register(&mut rtcp, Token(token + 1), Interest::READABLE)?;
        Ok(Pair {
            rtp,
            rtcp,
            port,
            token,
        })
    }

    /// An address as our sockets take it: those for both families know IPv4 by IPv6.
    fn seen(&self, to: SocketAddr) -> SocketAddr {
        match (self.bind, to.ip()) {
            (IpAddr::V6(_), IpAddr::V4(ip)) => {
                SocketAddr::new(ip.to_ipv6_mapped().into(), to.port())
            }
            (IpAddr::V4(_), _) | (IpAddr::V6(_), IpAddr::V6(_)) => to,
        }
    }

    fn close(&mut self, leg: LegId, now: Instant) {
        if let Some(pair) = self.pairs.remove(&leg) {
            self.legs.remove(&pair.token);
            self.ports.give_back(pair.port, now);
        }
    }
}

/// Sends from the sockets, and reports to the calls.
struct Out<'a, D> {
    sockets: &'a Sockets,
    deliver: &'a D,
    recordings: &'a Recordings,
}

impl<D: Fn(Report)> Sink for Out<'_, D> {
    fn send(&mut self, leg: LegId, to: SocketAddr, packet: &[u8]) {
        if let Some(pair) = self.sockets.pairs.get(&leg) {
            let to = self.sockets.seen(to);
            // A packet that cannot leave is lost, as on the way.
            pair.rtp.send_to(packet, to).ok();
        }
    }

    fn report(&mut self, report: Report) {
        (self.deliver)(report);
    }

    fn write(&mut self, write: Write<'_>) {
        self.recordings.write(write);
    }
}

struct Work<D> {
    worker: Worker,
    sockets: Sockets,
    /// Streams that may hold more than a batch.
    unread: Vec<usize>,
    commands: Receiver<Option<Command>>,
    post: Arc<Post>,
    deliver: D,
    recordings: Recordings,
    /// With room for a byte too many: the system cuts what is longer without a word.
    buffer: Box<[u8; PACKET_BYTES + 1]>,
    in_use: Share,
    told: Instant,
}

impl<D: Fn(Report)> Work<D> {
    fn run(&mut self, mut poll: Poll) {
        let mut events = Events::with_capacity(1024);
        loop {
            self.post.awake.store(false, Ordering::SeqCst);
            let patience = self.patience();
            if let Err(error) = poll.poll(&mut events, Some(patience))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "a media thread cannot wait for its sockets");
                return;
            }
            self.post.awake.store(true, Ordering::SeqCst);
            for token in std::mem::take(&mut self.unread) {
                self.read(token);
            }
            for event in &events {
                if event.token() != WAKE {
                    self.read(event.token().0);
                }
            }
            if !self.obey(poll.registry()) {
                return;
            }
            let now = clock::now();
            if self.worker.deadline().is_some_and(|at| at <= now) {
                let mut out = Out {
                    sockets: &self.sockets,
                    deliver: &self.deliver,
                    recordings: &self.recordings,
                };
                self.worker.tick(now, &mut out);
            }
            if now.saturating_duration_since(self.told) >= IDLE {
                self.in_use.tell(self.sockets.pairs.len());
                self.told = now;
            }
        }
    }

    fn patience(&self) -> Duration {
        if !self.unread.is_empty() || !self.commands.is_empty() {
            return Duration::ZERO;
        }
        let deadline = self.worker.deadline();
        deadline.map_or(IDLE, |at| {
            at.saturating_duration_since(clock::now()).min(IDLE)
        })
    }

    fn read(&mut self, token: usize) {
        let (base, is_rtcp) = (token & !1, token & 1 == 1);
        let Some(leg) = self.sockets.legs.get(&base).copied() else {
            return;
        };
        for _ in 0..BATCH {
            let Some(pair) = self.sockets.pairs.get(&leg) else {
                return;
            };
            let socket = if is_rtcp { &pair.rtcp } else { &pair.rtp };
            let (length, from) = match socket.recv_from(self.buffer.as_mut_slice()) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The peer's port is closed: it says so, and that is all.
                Err(_) => continue,
            };
            // On a socket for both families, as its own would say it.
            let from = SocketAddr::new(from.ip().to_canonical(), from.port());
            let Some(packet) = self.buffer.get_mut(..length).filter(|_| !is_rtcp) else {
                continue;
            };
            let mut out = Out {
                sockets: &self.sockets,
                deliver: &self.deliver,
                recordings: &self.recordings,
            };
            self.worker
                .packet((leg, from), packet, clock::now(), &mut out);
        }
        self.unread.push(token);
    }

    /// Does what calls say; `false` when the thread is to end.
    fn obey(&mut self, registry: &Registry) -> bool {
        while let Ok(command) = self.commands.try_recv() {
            let Some(command) = command else {
                return false;
            };
            let now = clock::now();
            let mut out = Out {
                sockets: &self.sockets,
                deliver: &self.deliver,
                recordings: &self.recordings,
            };
            if let Command::Open { leg } = command {
                match self.sockets.open(leg, registry, now) {
                    Some(local) => {
                        let mut out = Out {
                            sockets: &self.sockets,
                            deliver: &self.deliver,
                            recordings: &self.recordings,
                        };
                        self.worker.opened(leg, local, &mut out);
                    }
                    None => (self.deliver)(Report::OpenFailed { leg }),
                }
                continue;
            }
            let closed = if let Command::Close { leg } = command {
                Some(leg)
            } else {
                None
            };
            self.worker.command(command, now, &mut out);
            if let Some(leg) = closed {
                self.sockets.close(leg, now);
            }
        }
        true
    }
}
