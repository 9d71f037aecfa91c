//! Connections: so many at once, and none that lasts without a word or for ever.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// Connections at once: some scrapers, and wallboards on many screens.
const CONNECTIONS: usize = 256;
/// A connection on which nothing moves for this long is closed.
const SILENCE: Duration = Duration::from_secs(30);
/// And each after this time, so that a head sent byte by byte ends too; browsers and
/// scrapers connect again by themselves.
const LIFE: Duration = Duration::from_secs(600);

/// The address of whoever asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

impl Connected<IncomingStream<'_, Limited>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Limited>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// A listener with bounds.
pub(super) struct Limited {
    listener: TcpListener,
    free: Arc<Semaphore>,
}

impl Limited {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            free: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }
}

impl Listener for Limited {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            // At the bound a connection is closed at once, so that the backlog of the
            // system does not fill with ones that will never be served.
            let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else {
                drop(stream);
                continue;
            };
            return (Connection::new(stream, permit), address);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends by itself.
pub(super) struct Connection {
    stream: TcpStream,
    /// When to give up, moved on by each read and write, never beyond `last`.
    give_up: Pin<Box<Sleep>>,
    last: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, permit: OwnedSemaphorePermit) -> Self {
        let give_up = Box::pin(sleep(SILENCE));
        let last = give_up.deadline() + (LIFE - SILENCE);
        Self {
            stream,
            give_up,
            last,
            _permit: permit,
        }
    }

    fn heard(&mut self) {
        // A sleep of its own knows the time; this file does not read a clock.
        let next = sleep(SILENCE).deadline().min(self.last);
        self.give_up.as_mut().reset(next);
    }

    fn poll_give_up(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let give_up = self.give_up.as_mut();
        give_up
            .poll(context)
            .map(|()| io::ErrorKind::TimedOut.into())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(result) => {
                self.heard();
                Poll::Ready(result)
            }
            Poll::Pending => self.poll_give_up(context).map(Err),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Ready(result) => {
                self.heard();
                Poll::Ready(result)
            }
            // A peer that does not read its answer.
            Poll::Pending => self.poll_give_up(context).map(Err),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
