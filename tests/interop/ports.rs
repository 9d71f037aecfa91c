//! Ports for servers and clients that listen later, in a process of their own: nobody else
//! is given one of them in between.

use std::net::{TcpListener, UdpSocket};
use std::ops::Range;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::{Mutex, PoisonError};

/// None of these is given to whoever asks the system for any port, and none of the servers'
/// streams is here.
const ALL: Range<u16> = 10_000..20_000;
/// So many at a time are this process's.
pub(crate) const BLOCK: u16 = 200;

struct Pool {
    left: Range<u16>,
    claims: Vec<Block>,
}

/// Ports that nobody else is given as long as this lives.
pub(crate) struct Block {
    pub(crate) start: u16,
    /// What shows other processes that it is taken: the system takes it back with the process.
    _claim: UnixListener,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    left: 0..0,
    claims: Vec::new(),
});

/// A port that is free for both transports. The next one is, too: who speaks TLS may want it.
pub(crate) fn free_port() -> u16 {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if pool.left.is_empty() {
            pool.claim();
        }
        let port = pool.left.start;
        pool.left.start += 2;
        let is_free = |port| {
            let here = ("0.0.0.0", port);
            UdpSocket::bind(here).is_ok() && TcpListener::bind(here).is_ok()
        };
        if is_free(port) && is_free(port + 1) {
            return port;
        }
    }
}

impl Pool {
    fn claim(&mut self) {
        let block = ALL.step_by(BLOCK.into()).find_map(Block::claim);
        let block = block.expect("other processes have all ports");
        self.left = block.start..block.start + BLOCK;
        self.claims.push(block);
    }
}

impl Block {
    pub(crate) fn claim(start: u16) -> Option<Self> {
        let name = SocketAddr::from_abstract_name(format!("centrale-ports-{start}")).ok()?;
        let claim = UnixListener::bind_addr(&name).ok()?;
        Some(Self {
            start,
            _claim: claim,
        })
    }
}
