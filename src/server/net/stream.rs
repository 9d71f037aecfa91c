//! One stream of TCP or TLS: bytes to messages, and messages to bytes.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use exchange::model::limits;
use exchange::sip::{Frame, StreamFramer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::places::Line;
use super::streams::{End, Streams};

/// A peer takes a message within this, or is gone.
pub(super) const WRITE_TIME: Duration = Duration::from_secs(10);
/// A phone refreshes its registration every hour at the least.
const IDLE_TIME: Duration = Duration::from_secs(2 * 3600);
/// A stream that cannot be followed is closed so long after its sender was told why, and one
/// that is ended by its sender so long after the last message.
const PARTING: Duration = Duration::from_secs(1);
/// What one read takes: the most that a record of TLS holds.
const READ: usize = 16 * 1024;

thread_local! {
    /// What was read last on this thread. Nothing stays in it while a stream waits, so
    /// that idle streams cost none of it.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// Carries messages both ways until the stream ends.
pub(super) async fn carry<S>(
    streams: &Streams,
    line: &Line,
    stream: S,
    messages: mpsc::Receiver<Bytes>,
    pong: mpsc::WeakSender<Bytes>,
) -> End
where
    S: AsyncRead + AsyncWrite,
{
    let (reader, writer) = tokio::io::split(stream);
    let read = read(streams, line, reader, pong);
    tokio::select! {
        end = read => end,
        end = write(line, writer, messages) => end,
    }
}

async fn read(
    streams: &Streams,
    line: &Line,
    mut reader: impl AsyncRead + Unpin,
    pong: mpsc::WeakSender<Bytes>,
) -> End {
    let mut framer = StreamFramer::default();
    let mut patience = Patience::new();
    loop {
        let read = scratch(&mut reader, |bytes| framer.push(bytes));
        match timeout_at(patience.until(line), read).await {
            // Whoever has said all may still want to hear: TCP ends each way for itself.
            Ok(Ok(0)) => {
                sleep_until(patience.heard_out()).await;
                return End::Closed;
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return End::Broken(error),
            Err(_) if Instant::now() < patience.until(line) => continue,
            Err(_) => return patience.end(),
        }
        let mut whole = false;
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Message(bytes))) => {
                    whole = true;
                    streams.deliver(bytes, line);
                }
                // RFC 5626 section 4.4.1: a ping is answered by half of itself.
                Ok(Some(Frame::Ping)) => {
                    if let Some(pong) = pong.upgrade() {
                        line.hand(&pong, Bytes::from_static(b"\r\n"));
                    }
                }
                Ok(None) => break,
                Err(_) => {
                    if let Some(head) = framer.unusable() {
                        streams.deliver(head, line);
                        part(&mut reader).await;
                    }
                    return End::Malformed;
                }
            }
        }
        patience.read(whole, framer.is_partial(), line);
    }
}

/// Reads once, whatever comes; how much it was.
async fn scratch(
    reader: &mut (impl AsyncRead + Unpin),
    mut take: impl FnMut(&[u8]),
) -> std::io::Result<usize> {
    poll_fn(|cx| {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut *reader).poll_read(cx, &mut buffer))?;
            take(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        })
    })
    .await
}

/// Lets the last answer leave. What comes meanwhile is read and dropped: a stream that is
/// closed with something unread takes its last words back (RST).
pub(super) async fn part(reader: &mut (impl AsyncRead + Unpin)) {
    let until = Instant::now() + PARTING;
    while let Ok(Ok(1..)) = timeout_at(until, scratch(reader, |_| {})).await {}
}

async fn write(
    line: &Line,
    mut writer: impl AsyncWrite + Unpin,
    mut messages: mpsc::Receiver<Bytes>,
) -> End {
    while let Some(bytes) = messages.recv().await {
        let written = async {
            writer.write_all(&bytes).await?;
            // TLS keeps what it cannot write at once.
            writer.flush().await
        };
        match timeout(WRITE_TIME, written).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return End::Broken(error),
            Err(_) => return End::Slow,
        }
        line.waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
    }
    End::Closed
}

/// How long a stream may go on without a whole message.
#[derive(Debug)]
pub(super) struct Patience {
    /// When it last was whole.
    idle_since: Instant,
    /// Since when a message has been on its way.
    begun: Option<Instant>,
    /// When the last message came.
    whole_at: Option<Instant>,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self {
            idle_since: Instant::now(),
            begun: None,
            whole_at: None,
        }
    }

    /// Something was read. A message that has begun is whole in time, however slowly it
    /// trickles in. A ping is a sign of life of somebody known, and no more than that of
    /// a stranger.
    pub(super) fn read(&mut self, whole: bool, is_partial: bool, line: &Line) {
        let now = Instant::now();
        if whole || (line.is_trusted() && !is_partial) {
            self.idle_since = now;
        }
        if whole {
            self.whole_at = Some(now);
        }
        self.begun = match self.begun {
            _ if !is_partial => None,
            Some(begun) if !whole => Some(begun),
            Some(_) | None => Some(now),
        };
    }

    /// When the last message has its answer, or gets none by this stream.
    fn heard_out(&self) -> Instant {
        self.whole_at.map_or(self.idle_since, |at| at + PARTING)
    }

    /// When it is over, if nothing comes.
    pub(super) fn until(&self, line: &Line) -> Instant {
        let idle = if line.is_trusted() {
            IDLE_TIME
        } else {
            limits::STRANGER_TIME
        };
        let idle = self.idle_since + idle;
        match self.begun {
            Some(begun) => idle.min(begun + limits::STREAM_MESSAGE_TIME),
            None => idle,
        }
    }

    /// Why it is over.
    pub(super) fn end(&self) -> End {
        match self.begun {
            Some(_) => End::Unfinished,
            None => End::Idle,
        }
    }
}
