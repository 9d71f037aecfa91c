//! A thread for each shard: wait, handle, perform.

use std::io;
use std::net::{SocketAddr, UdpSocket as StdUdp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, unbounded};
use exchange::call::Keep;
use exchange::dispatch::Match;
use exchange::flow::Asked;
use exchange::media::Command;
use exchange::metric::{self, Share, table};
use exchange::model::{CallKey, DropReason, Event, ShardId};
use exchange::shard::{Arrival, Asker, Input, Mark, Output, Parcel, Shard};
use exchange::sip::endpoint::{Count, MethodLabel, Refusal};
use exchange::sip::{ConnectionId, Peer, Transport, Uri};
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::server::clock;
use crate::server::net::batch::{Inlet, Outlet, Room};
use crate::server::quiet::Quiet;

/// Batches of datagrams taken from one socket before anything else has its turn: what goes
/// first may be the last of them, and whoever is refused hears at once.
const BATCHES: usize = 16;
/// Letters opened before the sockets have their turn.
const LETTERS: usize = 1024;
/// How long messages are dealt with before it is looked what else has come: so long may
/// what goes first have to wait.
const TURN: Duration = Duration::from_millis(2);
/// And how many, between two looks at the clock.
const STEPS: usize = 8;
/// Messages from other threads that may wait; more are lost like datagrams are, and come
/// again. What must not be lost (reports, matches) is bounded by the calls there are.
const INBOX: usize = 16_384;
/// A shard looks up at least this often, whatever it waits for.
const IDLE: Duration = Duration::from_secs(1);
const WAKE: Token = Token(usize::MAX);

/// Where everything that is for a shard goes.
#[derive(Clone, Debug)]
pub(crate) struct Inbox(Arc<Mailbox>);

#[derive(Debug)]
struct Mailbox {
    letters: Sender<Letter>,
    waiting: AtomicUsize,
    awake: AtomicBool,
    waker: Waker,
}

#[derive(Debug)]
enum Letter {
    Input(Input),
    /// A message that another shard judged.
    Parcel(Parcel),
    Stop,
}

impl Inbox {
    /// Hands over what must arrive.
    pub(crate) fn send(&self, input: Input) {
        self.post(Letter::Input(input));
    }

    /// Hands over a message from the network; lost when too many wait.
    pub(crate) fn received(&self, bytes: Bytes, peer: Peer) {
        if self.has_room() {
            self.post(Letter::Input(Input::Received { bytes, peer }));
        }
    }

    fn has_room(&self) -> bool {
        let fits = self.0.waiting.load(Ordering::Relaxed) < INBOX;
        if !fits {
            metric::sip::unheard(DropReason::Backlog);
        }
        fits
    }

    fn stop(&self) {
        self.post(Letter::Stop);
    }

    fn post(&self, letter: Letter) {
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        // A shard that is gone has nothing to wait for.
        if self.0.letters.send(letter).is_ok() && !self.0.awake.swap(true, Ordering::SeqCst) {
            self.0.waker.wake().ok();
        }
    }
}

/// Where what a shard wants done goes, besides its own sockets.
pub(crate) trait World: Send + Sync + 'static {
    /// To the media worker of a shard.
    fn media(&self, shard: ShardId, command: Command);
    /// To a stream.
    fn stream(&self, bytes: Bytes, peer: Peer);
    /// Who is at the other end of a stream may stay.
    fn trust(&self, connection: ConnectionId);
    /// Whoever answers by TLS there must be whom the URI names.
    fn expect(&self, remote: SocketAddr, uri: &Uri);
    /// To whoever reads events.
    fn event(&self, event: Event);
    /// To the resolver, whose answer comes to the shard's inbox.
    fn resolve(&self, shard: ShardId, asker: Asker, uris: Vec<Uri>);
    /// For the next process; the call that asks hears when it is on the disk.
    fn keep(&self, keep: Keep, asks: Option<CallKey>);
    /// To the world outside, whose answer comes to the inbox of the call's shard.
    fn ask(&self, call: CallKey, asked: Asked);
    /// Whether whoever reads events cannot keep up.
    fn is_pressed(&self) -> bool;
}

/// A shard that is to run.
pub(crate) struct Seat {
    poll: Poll,
    inbox: Inbox,
    letters: Receiver<Letter>,
}

impl Seat {
    /// Makes the inbox before the shard, so that others can be told where it is.
    ///
    /// # Errors
    /// When the system has no more descriptors.
    pub(crate) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let (letters, received) = unbounded();
        let inbox = Inbox(Arc::new(Mailbox {
            letters,
            waiting: AtomicUsize::new(0),
            awake: AtomicBool::new(false),
            waker,
        }));
        Ok(Self {
            poll,
            inbox,
            letters: received,
        })
    }

    pub(crate) fn inbox(&self) -> Inbox {
        self.inbox.clone()
    }
}

/// A running shard.
#[derive(Debug)]
pub(crate) struct Runner {
    inbox: Inbox,
    thread: JoinHandle<()>,
}

impl Runner {
    /// Ends the thread after what it has been handed.
    pub(crate) fn stop(self) {
        self.inbox.stop();
        if self.thread.join().is_err() {
            tracing::error!("a shard's thread had a fault");
        }
    }
}

/// Starts a shard's thread.
///
/// # Errors
/// When a socket cannot be watched, or no thread can be started.
pub(crate) fn start(
    seat: Seat,
    (id, shard): (ShardId, Shard),
    sockets: Vec<StdUdp>,
    inboxes: Arc<[Inbox]>,
    world: Arc<dyn World>,
) -> io::Result<Runner> {
    let mut bound = Vec::with_capacity(sockets.len());
    for (index, socket) in sockets.into_iter().enumerate() {
        let mut socket = UdpSocket::from_std(socket);
        seat.poll
            .registry()
            .register(&mut socket, Token(index), Interest::READABLE)?;
        bound.push(Arc::new(socket));
    }
    let inbox = seat.inbox.clone();
    let work = move || {
        let mut work = Work {
            id,
            shard,
            outlets: bound.iter().map(Outlet::new).collect(),
            unread: Vec::new(),
            inbox: seat.inbox,
            letters: seat.letters,
            inboxes,
            world,
            out: Vec::new(),
            quiet: Quiet::default(),
            kept: Kept::new(),
        };
        work.run(seat.poll, bound.iter().map(Inlet::new).collect());
    };
    let thread = thread::Builder::new()
        .name(format!("shard-{}", id.0))
        .spawn(work)?;
    Ok(Runner { inbox, thread })
}

struct Work {
    id: ShardId,
    shard: Shard,
    outlets: Vec<Outlet>,
    /// Sockets that may hold more than a batch.
    unread: Vec<usize>,
    inbox: Inbox,
    letters: Receiver<Letter>,
    inboxes: Arc<[Inbox]>,
    world: Arc<dyn World>,
    out: Vec<Output>,
    quiet: Quiet,
    kept: Kept,
}

/// What is told once a second of what the shard keeps.
struct Kept {
    transactions: Share,
    dialogs: Share,
    told: Instant,
}

impl Kept {
    fn new() -> Self {
        Self {
            transactions: Share::of(&table::SIP_TRANSACTIONS),
            dialogs: Share::of(&table::SIP_DIALOGS),
            told: clock::now(),
        }
    }

    fn tell(&mut self, shard: &Shard, now: Instant) {
        if now.saturating_duration_since(self.told) >= IDLE {
            self.transactions.tell(shard.transactions());
            self.dialogs.tell(shard.dialogs());
            self.told = now;
        }
    }
}

impl Work {
    fn run(&mut self, mut poll: Poll, mut inlets: Vec<Inlet>) {
        let mut events = Events::with_capacity(64);
        let mut room = Room::new();
        loop {
            self.inbox.0.awake.store(false, Ordering::SeqCst);
            let timeout = self.patience();
            if let Err(error) = poll.poll(&mut events, Some(timeout))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "a shard cannot wait for its sockets");
                return;
            }
            self.inbox.0.awake.store(true, Ordering::SeqCst);
            for event in &events {
                let Token(index) = event.token();
                if event.token() != WAKE && !self.unread.contains(&index) {
                    self.unread.push(index);
                }
            }
            for index in std::mem::take(&mut self.unread) {
                if let Some(inlet) = inlets.get_mut(index)
                    && self.read(inlet, &mut room)
                {
                    self.unread.push(index);
                }
            }
            let goes_on = self.open_letters();
            self.flush();
            if !goes_on {
                return;
            }
            let now = clock::now();
            if self.shard.deadline().is_some_and(|at| at <= now) {
                self.handle(Input::Tick, now);
            }
            self.kept.tell(&self.shard, now);
            self.shard.press(self.world.is_pressed());
            self.work();
            self.flush();
            for (reason, count) in self.quiet.due(clock::now()) {
                let reason = reason.as_str();
                tracing::warn!(reason, count, "messages dropped");
            }
        }
    }

    /// Deals with what waits, for one turn.
    fn work(&mut self) {
        let mut now = clock::now();
        let until = now + TURN;
        let mut out = std::mem::take(&mut self.out);
        while now < until {
            for _ in 0..STEPS {
                if !self.shard.work(now, &mut out) {
                    self.out = out;
                    return;
                }
                for output in out.drain(..) {
                    self.perform(output);
                }
            }
            now = clock::now();
        }
        self.out = out;
    }

    fn patience(&self) -> Duration {
        if !self.unread.is_empty() || !self.letters.is_empty() || !self.shard.is_idle() {
            return Duration::ZERO;
        }
        let deadline = self.shard.deadline();
        deadline.map_or(IDLE, |at| {
            at.saturating_duration_since(clock::now()).min(IDLE)
        })
    }

    /// Whether there may be more.
    fn read(&mut self, inlet: &mut Inlet, room: &mut Room) -> bool {
        for _ in 0..BATCHES {
            let now = clock::now();
            let read = inlet.receive(room, |bytes, from| {
                self.received(
                    bytes,
                    || Bytes::copy_from_slice(bytes),
                    Peer::udp(from),
                    now,
                );
            });
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                // A peer's port that is closed comes back as an error of the socket.
                Ok(()) | Err(_) => {}
            }
        }
        true
    }

    fn shards(&self) -> u8 {
        u8::try_from(self.inboxes.len()).unwrap_or(u8::MAX)
    }

    /// A message from the network, of which `whole` makes one to keep.
    fn received(&mut self, bytes: &[u8], whole: impl FnOnce() -> Bytes, peer: Peer, now: Instant) {
        match self.shard.judge(bytes, peer, self.shards(), now) {
            Arrival::For(owner, mark) => match owner.filter(|owner| *owner != self.id) {
                None => self.take(bytes, whole, (peer, mark), now),
                Some(owner) => {
                    if let Some(inbox) = self.inboxes.get(usize::from(owner.0))
                        && inbox.has_room()
                    {
                        let bytes = whole();
                        inbox.post(Letter::Parcel(Parcel { bytes, peer, mark }));
                    }
                }
            },
            Arrival::Answered(answer) => self.transmit(answer, peer, Outlet::send),
            arrival @ (Arrival::Spent | Arrival::Dropped(_)) => self.dismiss(arrival, peer, now),
        }
    }

    /// Takes a message that is for this shard.
    fn take(
        &mut self,
        bytes: &[u8],
        whole: impl FnOnce() -> Bytes,
        (peer, mark): (Peer, Mark),
        now: Instant,
    ) {
        let mut out = std::mem::take(&mut self.out);
        if self.shard.turns_away((bytes, peer), mark, now, &mut out) {
            for output in out.drain(..) {
                self.perform(output);
            }
        } else if !self.shard.accept(
            Parcel {
                bytes: whole(),
                peer,
                mark,
            },
            now,
        ) {
            self.drop_one(DropReason::Backlog, now);
        }
        self.out = out;
    }

    /// What is not dealt with is counted.
    fn dismiss(&mut self, arrival: Arrival, peer: Peer, now: Instant) {
        match arrival {
            Arrival::Spent => tally(Count::Request {
                method: MethodLabel::Ack,
                inbound: true,
                transport: peer.transport,
            }),
            Arrival::Dropped(reason) => self.drop_one(reason, now),
            Arrival::For(..) | Arrival::Answered(_) => {}
        }
    }

    fn drop_one(&mut self, reason: DropReason, now: Instant) {
        metric::sip::unheard(reason);
        self.quiet.dropped(reason, now);
    }

    /// `false` when the thread is to end.
    fn open_letters(&mut self) -> bool {
        for _ in 0..LETTERS {
            let Ok(letter) = self.letters.try_recv() else {
                return true;
            };
            self.inbox.0.waiting.fetch_sub(1, Ordering::Relaxed);
            match letter {
                Letter::Input(Input::Received { bytes, peer }) => {
                    self.received(&bytes, || bytes.clone(), peer, clock::now());
                }
                Letter::Input(input) => self.handle(input, clock::now()),
                Letter::Parcel(Parcel { bytes, peer, mark }) => {
                    self.take(&bytes, || bytes.clone(), (peer, mark), clock::now());
                }
                Letter::Stop => return false,
            }
        }
        true
    }

    fn handle(&mut self, input: Input, now: Instant) {
        let mut out = std::mem::take(&mut self.out);
        self.shard.handle(input, now, &mut out);
        for output in out.drain(..) {
            self.perform(output);
        }
        self.out = out;
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Transmit { bytes, peer } => self.transmit(bytes, peer, Outlet::send),
            Output::Refusal(refusal) => self.refuse(refusal),
            Output::Count(count) => tally(count),
            Output::Media(command) => self.world.media(self.id, command),
            Output::Event(event) => self.world.event(event),
            Output::Match(matched) => deliver(&self.inboxes, matched),
            Output::Resolve { asker, uris } => self.world.resolve(self.id, asker, uris),
            Output::Ask { call, asked } => self.world.ask(call, asked),
            Output::Foreign(shard, foreign) => {
                if let Some(inbox) = self.inboxes.get(usize::from(shard.0)) {
                    inbox.send(Input::Foreign(foreign));
                }
            }
            Output::Keep { keep, asks } => self.world.keep(keep, asks),
            Output::Trusted(connection) => self.world.trust(connection),
            Output::Expected(remote, uri) => self.world.expect(remote, &uri),
            Output::Dropped(reason) => self.drop_one(reason, clock::now()),
        }
    }

    /// An answer of which nothing is kept may come before or after any other.
    fn refuse(&mut self, refusal: Refusal) {
        let Refusal {
            bytes,
            peer,
            method,
            reason,
            code,
        } = refusal;
        tally(Count::Request {
            method,
            inbound: true,
            transport: peer.transport,
        });
        tally(Count::Refused {
            reason,
            source: peer.remote,
        });
        tally(Count::Response {
            code,
            inbound: false,
        });
        self.transmit(bytes, peer, Outlet::send_in_any_order);
    }

    fn transmit(
        &mut self,
        bytes: Bytes,
        peer: Peer,
        send: impl FnOnce(&mut Outlet, Bytes, SocketAddr),
    ) {
        match peer.transport {
            Transport::Udp => {
                let mut outlets = self.outlets.iter_mut();
                if let Some(outlet) = outlets.find(|outlet| outlet.reaches(peer.remote)) {
                    send(outlet, bytes, peer.remote);
                }
            }
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
                self.world.stream(bytes, peer);
            }
        }
    }

    fn flush(&mut self) {
        self.outlets.iter_mut().for_each(Outlet::flush);
    }
}

/// Hands a match to the shard of its call.
pub(crate) fn deliver(inboxes: &[Inbox], matched: Match) {
    if let Some(inbox) = inboxes.get(usize::from(matched.call.shard().0)) {
        inbox.send(Input::Match(matched));
    }
}

fn tally(count: Count) {
    use metric::sip::{self, Direction};
    match count {
        Count::Request {
            method,
            inbound,
            transport,
        } => sip::request(method.as_str(), Direction::of(inbound), transport.label()),
        Count::Response { code, inbound } => sip::response(code, Direction::of(inbound)),
        Count::Retransmission { method } => sip::retransmission(method.as_str()),
        Count::Refused { reason, .. } => sip::rejected(reason),
    }
}
