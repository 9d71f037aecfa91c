//! Streams: phones that hold a connection, and lines that are dialled over one.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use exchange::model::limits;
use exchange::shard::Input;
use exchange::sip::{ConnectionId, Frame, Peer, StreamFramer, Transport, owner};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use crate::server::runner::Inbox;

/// Messages that wait to be written to one peer; one that reads slower loses its stream.
const BACKLOG: usize = 256;
/// A peer takes a message within this, or is gone.
const WRITE_TIME: Duration = Duration::from_secs(10);
/// A line's stream is there within this.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// A phone refreshes its registration every hour at the least.
const IDLE_TIME: Duration = Duration::from_secs(2 * 3600);
/// After an error of the listener (no descriptors left) it rests.
const REST: Duration = Duration::from_millis(100);

/// The streams of the process.
#[derive(Clone, Debug)]
pub(crate) struct Streams(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    open: Mutex<Open>,
    next: AtomicU64,
    inboxes: Arc<[Inbox]>,
    runtime: Handle,
}

#[derive(Debug, Default)]
struct Open {
    by_id: HashMap<ConnectionId, (SocketAddr, mpsc::Sender<Bytes>)>,
    by_remote: HashMap<SocketAddr, ConnectionId>,
    by_address: HashMap<IpAddr, usize>,
}

impl Streams {
    pub(crate) fn new(inboxes: Arc<[Inbox]>, runtime: Handle) -> Self {
        Self(Arc::new(Inner {
            open: Mutex::default(),
            next: AtomicU64::new(1),
            inboxes,
            runtime,
        }))
    }

    /// Takes connections until the process ends.
    pub(crate) async fn listen(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, remote)) => self.take(stream, remote),
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
        let known = {
            let open = self.open();
            let id = peer
                .connection
                .or_else(|| open.by_remote.get(&peer.remote).copied());
            id.map(|id| (id, open.by_id.get(&id).map(|(_, sender)| sender.clone())))
        };
        match known {
            Some((id, Some(sender))) => {
                if sender.try_send(bytes).is_err() {
                    self.close(id);
                }
            }
            Some((id, None)) => self.lost(id),
            None => {
                let streams = self.clone();
                self.0.runtime.spawn(async move {
                    streams.dial(bytes, peer.remote).await;
                });
            }
        }
    }

    async fn dial(&self, bytes: Bytes, remote: SocketAddr) {
        // Nobody waits for the outcome: the transaction's own timer ends an attempt that
        // came to nothing.
        if let Ok(Ok(stream)) = timeout(CONNECT_TIME, TcpStream::connect(remote)).await {
            self.take(stream, remote);
            self.send(
                bytes,
                Peer {
                    transport: Transport::Tcp,
                    remote,
                    connection: None,
                },
            );
        }
    }

    fn take(&self, stream: TcpStream, remote: SocketAddr) {
        let id = ConnectionId(self.0.next.fetch_add(1, Ordering::Relaxed));
        let (sender, messages) = mpsc::channel(BACKLOG);
        if !self.open().enter(id, remote, sender.clone()) {
            tracing::debug!(%remote, "too many connections");
            return;
        }
        stream.set_nodelay(true).ok();
        let (reader, writer) = stream.into_split();
        let streams = self.clone();
        self.0.runtime.spawn(async move {
            let read = read(&streams, reader, (id, remote), sender);
            tokio::select! {
                result = read => {
                    if let Err(error) = result {
                        tracing::debug!(%remote, %error, "a stream broke");
                    }
                }
                () = write(writer, messages) => {}
            }
            streams.close(id);
        });
    }

    fn close(&self, id: ConnectionId) {
        if self.open().leave(id) {
            self.lost(id);
        }
    }

    fn lost(&self, connection: ConnectionId) {
        for inbox in self.0.inboxes.iter() {
            inbox.send(Input::ConnectionLost { connection });
        }
    }

    fn deliver(&self, bytes: Bytes, peer: Peer) {
        let shards = u8::try_from(self.0.inboxes.len()).unwrap_or(u8::MAX);
        let home = owner(&bytes, shards).map_or(0, |shard| usize::from(shard.0));
        if let Some(inbox) = self.0.inboxes.get(home) {
            inbox.received(bytes, peer);
        }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn enter(&mut self, id: ConnectionId, remote: SocketAddr, sender: mpsc::Sender<Bytes>) -> bool {
        let same = self.by_address.get(&remote.ip()).copied().unwrap_or(0);
        if self.by_id.len() >= limits::CONNECTIONS || same >= limits::CONNECTIONS_PER_ADDRESS {
            return false;
        }
        self.by_id.insert(id, (remote, sender));
        self.by_remote.insert(remote, id);
        *self.by_address.entry(remote.ip()).or_default() += 1;
        true
    }

    fn leave(&mut self, id: ConnectionId) -> bool {
        let Some((remote, _)) = self.by_id.remove(&id) else {
            return false;
        };
        if self.by_remote.get(&remote) == Some(&id) {
            self.by_remote.remove(&remote);
        }
        if let Some(same) = self.by_address.get_mut(&remote.ip()) {
            *same -= 1;
            if *same == 0 {
                self.by_address.remove(&remote.ip());
            }
        }
        true
    }
}

async fn read(
    streams: &Streams,
    mut reader: OwnedReadHalf,
    (id, remote): (ConnectionId, SocketAddr),
    pong: mpsc::Sender<Bytes>,
) -> io::Result<()> {
    let mut framer = StreamFramer::default();
    let mut buffer = vec![0; 16 * 1024];
    let mut until = Instant::now() + IDLE_TIME;
    loop {
        let length = timeout_at(until, reader.read(&mut buffer)).await??;
        if length == 0 {
            return Ok(());
        }
        framer.push(buffer.get(..length).unwrap_or_default());
        let mut whole = false;
        while let Some(frame) = framer.next_frame().map_err(io::Error::other)? {
            whole = true;
            match frame {
                Frame::Message(bytes) => streams.deliver(bytes, Peer::tcp(remote, id)),
                // RFC 5626 section 4.4.1: a ping is answered by half of itself.
                Frame::Ping => drop(pong.try_send(Bytes::from_static(b"\r\n"))),
            }
        }
        // A message that has begun is whole in time, however slowly it trickles in.
        if !framer.is_partial() {
            until = Instant::now() + IDLE_TIME;
        } else if whole || until > Instant::now() + limits::STREAM_MESSAGE_TIME {
            until = Instant::now() + limits::STREAM_MESSAGE_TIME;
        }
    }
}

async fn write(mut writer: OwnedWriteHalf, mut messages: mpsc::Receiver<Bytes>) {
    while let Some(bytes) = messages.recv().await {
        let written = timeout(WRITE_TIME, writer.write_all(&bytes)).await;
        if !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
}
