//! Which addresses outside do not answer their probes, or want to be left alone for a while.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use dashmap::DashMap;

use crate::sip::{Peer, Transport};

/// The longest that an address is left alone, whatever it asks for: one wrong answer must not
/// cost a line its best address for a day.
const REST: Duration = Duration::from_secs(300);
/// Addresses that rest, before those whose rest is over are cleared.
const RESTING: usize = 1024;

type Key = (Transport, SocketAddr);

/// Addresses that are down or rest, in the sight of all shards. Only configured ones are
/// probed, so there are few; one that is not probed counts as up.
#[derive(Debug, Default)]
pub struct Reach {
    down: DashMap<Key, ()>,
    resting: DashMap<Key, Instant>,
}

fn key(peer: Peer) -> Key {
    (peer.transport, peer.remote)
}

impl Reach {
    /// Whether an address did not answer when it was last asked, or asked to be left alone.
    #[must_use]
    pub fn is_last(&self, peer: Peer, now: Instant) -> bool {
        let until = self.resting.get(&key(peer)).map(|until| *until);
        self.down.contains_key(&key(peer)) || until.is_some_and(|until| now < until)
    }

    /// Notes an answer, or that none came.
    pub fn note(&self, peer: Peer, up: bool) {
        if up {
            self.down.remove(&key(peer));
        } else {
            self.down.insert(key(peer), ());
        }
    }

    /// Notes a 503 with Retry-After (RFC 3261 section 21.5.4): others come first for so long.
    pub fn rest(&self, peer: Peer, wait: Duration, now: Instant) {
        if self.resting.len() >= RESTING {
            self.resting.retain(|_, until| now < *until);
        }
        if self.resting.len() < RESTING {
            self.resting.insert(key(peer), now + wait.min(REST));
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;

    /// RFC 3261 section 21.5.4.
    #[test]
    fn who_asks_to_be_left_alone_is_last_for_so_long_and_five_minutes_at_most() {
        let (reach, now) = (Reach::default(), Instant::now());
        let peer = |port: u16| Peer::udp(SocketAddr::from(([192, 0, 2, 1], port)));
        for (port, asked, lasts) in [(1, 60, 60), (2, 86_400, 300), (3, 0, 0)] {
            reach.rest(peer(port), Duration::from_secs(asked), now);
            let last = |after| reach.is_last(peer(port), now + Duration::from_millis(after));
            assert_eq!(last(0), lasts > 0, "{port}");
            assert_eq!(
                last((lasts * 1000_u64).saturating_sub(1)),
                lasts > 0,
                "{port}"
            );
            assert!(!last(lasts * 1000), "{port}");
        }
        let tcp = Peer {
            transport: Transport::Tcp,
            ..peer(1)
        };
        assert!(!reach.is_last(tcp, now), "another way to it");
        reach.note(peer(1), true);
        assert!(reach.is_last(peer(1), now), "a probe is no call");
    }

    #[test]
    fn those_whose_rest_is_over_make_room() {
        let (reach, now) = (Reach::default(), Instant::now());
        let peer = |port: u16| Peer::udp(SocketAddr::from(([192, 0, 2, 1], port)));
        let second = Duration::from_secs(1);
        for port in 0..2000 {
            reach.rest(peer(port), second, now);
        }
        assert_eq!(reach.resting.len(), RESTING);
        reach.rest(peer(2000), second, now + second);
        assert_eq!(reach.resting.len(), 1);
    }
}
