//! Which addresses outside do not answer their probes.

use dashmap::DashMap;

use crate::sip::{Peer, Transport};

/// Addresses that are down, in the sight of all shards. Only configured ones are probed, so
/// there are few; one that is not probed counts as up.
#[derive(Debug, Default)]
pub struct Reach(DashMap<(Transport, std::net::SocketAddr), ()>);

impl Reach {
    /// Whether an address did not answer when it was last asked.
    #[must_use]
    pub fn is_down(&self, peer: Peer) -> bool {
        self.0.contains_key(&(peer.transport, peer.remote))
    }

    /// Notes an answer, or that none came.
    pub fn note(&self, peer: Peer, up: bool) {
        let key = (peer.transport, peer.remote);
        if up {
            self.0.remove(&key);
        } else {
            self.0.insert(key, ());
        }
    }
}
