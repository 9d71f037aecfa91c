//! Streams: phones that hold a connection, and lines that are dialled over one.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use exchange::metric;
use exchange::model::limits;
use exchange::shard::Input;
use exchange::sip::{ConnectionId, Peer, Transport, Uri, owner};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::places::{Full, Line, Place, Places, Room};
use super::tls::Tls;
use super::{stream, websocket};
use crate::server::runner::Inbox;
use crate::server::{clock, descriptors};

/// Messages that wait to be written to one peer; one that reads slower loses its stream.
const BACKLOG: usize = 256;
/// A line's stream is there within this.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// After an error of the listener (no descriptors left) it rests.
const REST: Duration = Duration::from_millis(100);
/// Connections that wait to be taken: a site whose phones all come back.
const PENDING: i32 = 1024;
/// What TLS holds back of what a slow peer does not take.
const TLS_BUFFER: usize = 16 * 1024;

/// Why a stream is over.
#[derive(Debug)]
pub(super) enum End {
    /// The peer closed it, or we did.
    Closed,
    /// The network.
    Broken(io::Error),
    /// No TLS, no upgrade to WebSocket, or not in time; or nobody to be dialled.
    Handshake(String),
    /// Nothing came for too long.
    Idle,
    /// A message was not whole in time.
    Unfinished,
    /// A message was not taken in time.
    Slow,
    /// The stream cannot be followed.
    Malformed,
}

impl End {
    /// As a label, for ends that are of our making.
    fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Closed | Self::Broken(_) => None,
            Self::Handshake(_) => Some("handshake"),
            Self::Idle => Some("idle"),
            Self::Unfinished => Some("unfinished"),
            Self::Slow => Some("slow"),
            Self::Malformed => Some("malformed"),
        }
    }
}

/// The streams of the process.
#[derive(Clone, Debug)]
pub(crate) struct Streams(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    places: Mutex<Places>,
    next: AtomicU64,
    inboxes: Arc<[Inbox]>,
    runtime: Handle,
    tls: Arc<Tls>,
    origins: ArcSwap<Vec<String>>,
}

/// Where a stream comes from.
#[derive(Debug)]
enum Source {
    Accepted(TcpStream),
    Dialled,
}

/// Binds a listener. Each family has its own.
///
/// # Errors
/// When the address cannot be bound.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let kind = Domain::for_address(address);
    let socket = Socket::new(kind, Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(PENDING)?;
    TcpListener::from_std(socket.into())
}

impl Streams {
    pub(crate) fn new(inboxes: Arc<[Inbox]>, runtime: Handle, tls: Arc<Tls>) -> Self {
        Self(Arc::new(Inner {
            places: Mutex::new(Places::new(descriptors::streams())),
            next: AtomicU64::new(1),
            inboxes,
            runtime,
            tls,
            origins: ArcSwap::default(),
        }))
    }

    /// Which pages may connect from now on; without any, all may.
    pub(crate) fn admit_origins(&self, origins: &[String]) {
        self.0.origins.store(Arc::new(origins.to_vec()));
    }

    /// Takes connections until the process ends.
    pub(crate) async fn listen(self, listener: TcpListener, transport: Transport) {
        loop {
            match listener.accept().await {
                Ok((stream, remote)) => {
                    self.open(Source::Accepted(stream), transport, remote, None);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    /// Sends a message on a stream. Never blocks; a stream that is gone is told to the
    /// shards, one that is to be opened is opened first.
    pub(crate) fn send(&self, bytes: Bytes, peer: Peer) {
        let (transport, remote) = (peer.transport, peer.remote);
        let places = self.places();
        let place = match peer.connection {
            Some(id) => places.get(id),
            None => places.dialled(transport, remote),
        };
        let Some(place) = place else {
            drop(places);
            return match peer.connection {
                Some(id) => self.lost(id),
                None if transport.is_websocket() => self.unreachable(transport, remote),
                None => self.open(Source::Dialled, transport, remote, Some(bytes)),
            };
        };
        let id = place.line.id;
        if !place.send(bytes) {
            drop(places);
            self.close(id, Some("slow"));
        }
    }

    /// Who is at the other end may stay.
    pub(crate) fn trust(&self, id: ConnectionId) {
        self.places().trust(id);
    }

    /// A caller who may be dialled by TLS, should their stream be gone.
    pub(crate) fn expect(&self, remote: SocketAddr, uri: &Uri) {
        self.0.tls.expect_caller(remote, uri);
    }

    /// Gives a stream its place and its task, and a first message to send.
    fn open(&self, source: Source, transport: Transport, remote: SocketAddr, first: Option<Bytes>) {
        let mut places = self.places();
        let leaves = match places.room(remote) {
            Room::Free => None,
            Room::Instead(id, full) => {
                tell(&mut places, full, remote);
                places.leave(id)
            }
            Room::No => {
                tell(&mut places, Full::All, remote);
                drop(places);
                metric::sip::dropped("full");
                if let Source::Dialled = source {
                    self.unreachable(transport, remote);
                }
                return;
            }
        };
        let dialled = matches!(source, Source::Dialled);
        let line = Arc::new(Line {
            id: ConnectionId(self.0.next.fetch_add(1, Ordering::Relaxed)),
            transport,
            remote,
            dialled,
            trusted: AtomicBool::new(dialled),
            waiting: AtomicUsize::new(0),
        });
        let (sender, messages) = mpsc::channel(BACKLOG);
        let guard = Guard {
            streams: self.clone(),
            line: Arc::clone(&line),
        };
        let pong = sender.downgrade();
        let task = self.0.runtime.spawn(guard.run(source, messages, pong));
        let place = Place {
            line,
            sender,
            task: task.abort_handle(),
        };
        if let Some(bytes) = first {
            place.send(bytes);
        }
        places.enter(place);
        drop(places);
        if let Some(place) = leaves {
            self.gone(&place, Some("evicted"));
        }
    }

    fn close(&self, id: ConnectionId, reason: Option<&'static str>) {
        let place = self.places().leave(id);
        if let Some(place) = place {
            self.gone(&place, reason);
        }
    }

    /// What follows when somebody has left.
    fn gone(&self, place: &Place, reason: Option<&'static str>) {
        place.task.abort();
        let line = &place.line;
        if let Some(reason) = reason {
            metric::sip::dropped(reason);
            tracing::debug!(remote = %line.remote, reason, "a connection was closed");
        }
        self.lost(line.id);
        if line.dialled {
            self.unreachable(line.transport, line.remote);
        }
    }

    fn lost(&self, connection: ConnectionId) {
        for inbox in self.0.inboxes.iter() {
            inbox.send(Input::ConnectionLost { connection });
        }
    }

    fn unreachable(&self, transport: Transport, remote: SocketAddr) {
        for inbox in self.0.inboxes.iter() {
            inbox.send(Input::Unreachable { transport, remote });
        }
    }

    pub(super) fn deliver(&self, bytes: Bytes, line: &Line) {
        let shards = u8::try_from(self.0.inboxes.len()).unwrap_or(u8::MAX);
        let home = owner(&bytes, shards).map_or(0, |shard| usize::from(shard.0));
        if let Some(inbox) = self.0.inboxes.get(home) {
            let peer = Peer::stream(line.transport, line.remote, line.id);
            inbox.received(bytes, peer);
        }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a phone meets when a bound is hit looks like a fault of the network: the log says
/// what it is, and not more often than it can be read.
fn tell(places: &mut Places, full: Full, remote: SocketAddr) {
    let Some(times) = places.hit(full, clock::now()) else {
        return;
    };
    let last = remote.ip();
    match full {
        Full::All => tracing::warn!(%last, times, "all places of connections are taken"),
        Full::Address => tracing::warn!(
            %last,
            times,
            "an address has as many connections of strangers as it may: the oldest leave"
        ),
    }
}

/// A stream's task. Its place is given back however it ends.
struct Guard {
    streams: Streams,
    line: Arc<Line>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.streams.close(self.line.id, None);
    }
}

impl Guard {
    async fn run(
        self,
        source: Source,
        messages: mpsc::Receiver<Bytes>,
        pong: mpsc::WeakSender<Bytes>,
    ) {
        // Each stage is boxed: a stream that has gone on to the next keeps none of the
        // room of the one before.
        let end = match Box::pin(self.connect(source)).await {
            Ok(Wire::Plain(stream)) => Box::pin(self.carry(stream, messages, pong)).await,
            Ok(Wire::Secure(stream)) => Box::pin(self.carry(stream, messages, pong)).await,
            Ok(Wire::Web(socket)) => self.carry_web(socket, messages).await,
            Ok(Wire::SecureWeb(socket)) => self.carry_web(socket, messages).await,
            Err(end) => end,
        };
        let (remote, transport) = (self.line.remote, self.line.transport);
        match &end {
            End::Handshake(why) if self.line.dialled => {
                tracing::warn!(%remote, %transport, why, "a line cannot be reached");
            }
            End::Handshake(why) => tracing::debug!(%remote, %transport, why, "no stream"),
            End::Broken(error) => tracing::debug!(%remote, %error, "a stream broke"),
            End::Closed | End::Idle | End::Unfinished | End::Slow | End::Malformed => {}
        }
        self.streams.close(self.line.id, end.reason());
    }

    async fn connect(&self, source: Source) -> Result<Wire, End> {
        match source {
            Source::Accepted(stream) => {
                stream.set_nodelay(true).ok();
                let shaken = timeout(limits::HANDSHAKE_TIME, self.accept(stream)).await;
                shaken.unwrap_or_else(|_| Err(End::Handshake("not in time".to_owned())))
            }
            Source::Dialled => {
                let dialled = timeout(CONNECT_TIME, self.dial()).await;
                dialled.unwrap_or_else(|_| Err(End::Handshake("not in time".to_owned())))
            }
        }
    }

    async fn accept(&self, stream: TcpStream) -> Result<Wire, End> {
        let inner = &self.streams.0;
        let failed = |error: &dyn std::fmt::Display| End::Handshake(error.to_string());
        let origins = inner.origins.load_full();
        if !self.line.transport.is_secure() {
            if !self.line.transport.is_websocket() {
                return Ok(Wire::Plain(stream));
            }
            let socket = websocket::accept(stream, &origins).await;
            let socket = socket.map_err(|error| failed(&error))?;
            return Ok(Wire::Web(Box::new(socket)));
        }
        let mut stream = inner
            .tls
            .acceptor()
            .accept(stream)
            .await
            .map_err(|error| failed(&error))?;
        stream.get_mut().1.set_buffer_limit(Some(TLS_BUFFER));
        if !self.line.transport.is_websocket() {
            return Ok(Wire::Secure(Box::new(stream.into())));
        }
        let socket = websocket::accept(stream, &origins).await;
        let socket = socket.map_err(|error| failed(&error))?;
        Ok(Wire::SecureWeb(Box::new(socket)))
    }

    async fn dial(&self) -> Result<Wire, End> {
        let failed = |error: &dyn std::fmt::Display| End::Handshake(error.to_string());
        let remote = self.line.remote;
        let stream = TcpStream::connect(remote).await;
        let stream = stream.map_err(|error| failed(&error))?;
        stream.set_nodelay(true).ok();
        if !self.line.transport.is_secure() {
            return Ok(Wire::Plain(stream));
        }
        let tls = &self.streams.0.tls;
        let (connector, name) = tls
            .connector(remote)
            .ok_or_else(|| failed(&"there are no authorities"))?;
        let mut stream = connector
            .connect(name, stream)
            .await
            .map_err(|error| failed(&error))?;
        stream.get_mut().1.set_buffer_limit(Some(TLS_BUFFER));
        Ok(Wire::Secure(Box::new(stream.into())))
    }

    async fn carry(
        &self,
        stream: impl AsyncRead + AsyncWrite,
        messages: mpsc::Receiver<Bytes>,
        pong: mpsc::WeakSender<Bytes>,
    ) -> End {
        stream::carry(&self.streams, &self.line, stream, messages, pong).await
    }

    async fn carry_web<S>(
        &self,
        socket: Box<websocket::Socket<S>>,
        messages: mpsc::Receiver<Bytes>,
    ) -> End
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        Box::pin(websocket::carry(
            &self.streams,
            &self.line,
            socket,
            messages,
        ))
        .await
    }
}

/// A stream that is ready for SIP. Boxed, for each future that it passes through has room
/// of its own for it.
enum Wire {
    Plain(TcpStream),
    Secure(Box<tokio_rustls::TlsStream<TcpStream>>),
    Web(Box<websocket::Socket<TcpStream>>),
    SecureWeb(Box<websocket::Socket<tokio_rustls::server::TlsStream<TcpStream>>>),
}
