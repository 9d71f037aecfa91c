//! A client's WebSocket frames: the same messages however the stream is cut, none of them
//! longer than ours may be, and memory for a few of them, not for what a header announces.
//!
//! The first byte is how the stream is cut; the second how often its end comes, and the
//! third where that begins: pieces of one message add up to more than an input may have.

#![no_main]

#[path = "../../src/server/net/frames.rs"]
mod frames;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use exchange::model::limits::STREAM_MESSAGE_BYTES;
use frames::Carried;
use libfuzzer_sys::fuzz_target;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
use tokio_tungstenite::tungstenite::{Error, Message};

/// What a reader may hold at a time: buffers that doubled, a message in pieces, the one that
/// is handed on, and its copy.
const MOST: usize = 8 * STREAM_MESSAGE_BYTES;
/// As often as the input may come: more than the limit, when it is long.
const TIMES: usize = 16;

/// What is said last: the end of whatever message was begun.
const END: &[u8] = &[0x80, 0x80, 0, 0, 0, 0];

/// Counts what is alive and the most that ever was.
struct Counting;

static ALIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does all of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let alive = ALIVE.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(alive, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        ALIVE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The client: its bytes, some at a time.
struct Client<'a> {
    bytes: &'a [u8],
    /// How often it says what is behind `from`.
    times: usize,
    from: usize,
    piece: usize,
    at: usize,
    read: usize,
    written: usize,
}

impl Read for Client<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.bytes.len() {
            match self.times {
                0 => {}
                1 => (self.bytes, self.at, self.times) = (END, 0, 0),
                times => (self.at, self.times) = (self.from, times - 1),
            }
        }
        let rest = &self.bytes[self.at..];
        let length = rest.len().min(buffer.len()).min(self.piece);
        buffer[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        self.read += length;
        Ok(length)
    }
}

impl Write for Client<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A hash of every message, how many there were, and how the stream ended.
fn read(bytes: &[u8], (times, from): (usize, usize), piece: usize) -> (u64, usize, String) {
    let client = Client {
        bytes,
        times,
        from,
        piece,
        at: 0,
        read: 0,
        written: 0,
    };
    let before = ALIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let config = Some(frames::config());
    let mut socket = WebSocket::from_partially_read(client, Vec::new(), Role::Server, config);
    let (mut hash, mut count) = (0, 0);
    let error = loop {
        match socket.read() {
            Ok(message) => {
                (hash, count) = (mix(hash, &message), count + 1);
                hand_on(message);
            }
            Err(error) => break error,
        }
    };
    let client = socket.get_ref();
    let farewell = 2 + 125;
    assert!(
        client.written <= client.read + farewell,
        "answers are no longer"
    );
    let most = PEAK.load(Relaxed) - before;
    assert!(most <= MOST, "{most} bytes");
    assert!(!matches!(error, Error::Io(_) | Error::WriteBufferFull(_)));
    (hash, count, error.to_string())
}

fn hand_on(message: Message) {
    match frames::carried(message) {
        Carried::Nothing | Carried::Ping => {}
        Carried::Message(bytes) => {
            assert!((1..=STREAM_MESSAGE_BYTES).contains(&bytes.len()));
            assert!(!bytes.starts_with(b"\r\n"));
        }
    }
}

fn mix(hash: u64, message: &Message) -> u64 {
    let kind = match message {
        Message::Text(_) => 1,
        Message::Binary(_) => 2,
        Message::Ping(_) => 3,
        Message::Pong(_) => 4,
        Message::Close(_) => 5,
        Message::Frame(_) => 6,
    };
    let bytes = message.clone().into_data();
    let bytes = bytes.iter().copied().chain([kind]);
    bytes.fold(hash, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fuzz_target!(|data: &[u8]| {
    let [cut, times, from, stream @ ..] = data else {
        return;
    };
    let again = (
        1 + usize::from(*times) % TIMES,
        usize::from(*from).min(stream.len()),
    );
    let whole = read(stream, again, usize::MAX);
    let pieces = read(stream, again, 1 + usize::from(*cut));
    assert_eq!(whole, pieces);
});
