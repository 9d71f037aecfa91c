//! A bad network: datagrams between one client and the server are lost, come twice, late
//! and in another order. Descriptions of streams pass unchanged, so sound goes past it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use exchange::sim::Chance;

const LOST_OF_100: u64 = 5;
const TWICE_OF_100: u64 = 2;
const SHORTEST: Duration = Duration::from_millis(1);
const JITTER: Duration = Duration::from_millis(39);

/// What befell the datagrams.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    pub(crate) sent: AtomicU32,
    pub(crate) lost: AtomicU32,
    pub(crate) twice: AtomicU32,
}

/// The network between a client and the server.
pub(crate) struct Relay {
    /// Where the client sends to.
    pub(crate) inner: SocketAddr,
    /// Where the server sees the client.
    pub(crate) outer: SocketAddr,
    pub(crate) fates: Arc<Fates>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    pub(crate) fn start(client: SocketAddr, server: SocketAddr, seed: u64) -> Self {
        let bind = || UdpSocket::bind("127.0.0.1:0").unwrap();
        let (inside, outside) = (bind(), bind());
        let mut relay = Self {
            inner: inside.local_addr().unwrap(),
            outer: outside.local_addr().unwrap(),
            fates: Arc::default(),
            stop: Arc::default(),
            threads: Vec::new(),
        };
        let ways = [(&inside, &outside, server), (&outside, &inside, client)];
        for (from, to, peer) in ways {
            let mut way = Way {
                from: from.try_clone().unwrap(),
                to: to.try_clone().unwrap(),
                peer,
                chance: Chance::new(seed ^ u64::from(peer.port())),
                due: BinaryHeap::new(),
                fates: Arc::clone(&relay.fates),
            };
            let stop = Arc::clone(&relay.stop);
            let run = move || {
                while !stop.load(Ordering::Relaxed) {
                    way.step();
                }
            };
            relay.threads.push(std::thread::spawn(run));
        }
        relay
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

/// One direction.
struct Way {
    from: UdpSocket,
    to: UdpSocket,
    peer: SocketAddr,
    chance: Chance,
    due: BinaryHeap<Reverse<(Instant, Vec<u8>)>>,
    fates: Arc<Fates>,
}

impl Way {
    fn step(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((at, _))) = self.due.peek()
            && *at <= now
        {
            let Reverse((_, datagram)) = self.due.pop().unwrap();
            self.to.send_to(&datagram, self.peer).ok();
        }
        let next = self.due.peek().map(|Reverse((at, _))| *at - now);
        let patience = next.unwrap_or(Duration::from_millis(100));
        let patience = patience.max(Duration::from_millis(1));
        self.from.set_read_timeout(Some(patience)).unwrap();
        let mut buffer = [0; 8_192];
        let Ok((length, _)) = self.from.recv_from(&mut buffer) else {
            return;
        };
        self.fates.sent.fetch_add(1, Ordering::Relaxed);
        if self.chance.percent(LOST_OF_100) {
            self.fates.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let datagram = buffer.get(..length).unwrap().to_vec();
        if self.chance.percent(TWICE_OF_100) {
            self.fates.twice.fetch_add(1, Ordering::Relaxed);
            self.later(datagram.clone());
        }
        self.later(datagram);
    }

    fn later(&mut self, datagram: Vec<u8>) {
        let at = Instant::now() + SHORTEST + self.chance.time(JITTER);
        self.due.push(Reverse((at, datagram)));
    }
}
