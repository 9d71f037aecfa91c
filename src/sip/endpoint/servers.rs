//! The requests that we answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;

use super::words::{MethodLabel, ServerTx};
use crate::model::{ShardId, Steady};
use crate::sip::transaction::key::Key;
use crate::sip::transaction::{InviteServer, Server, Table};
use crate::sip::{ConnectionId, Peer};

/// Which machine it runs.
#[derive(Debug)]
pub(super) enum Machine {
    Invite(InviteServer),
    Other(Server),
}

impl Machine {
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Invite(machine) => machine.deadline(),
            Self::Other(machine) => machine.deadline(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.is_over(),
            Self::Other(machine) => machine.is_over(),
        }
    }
}

/// One of them.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) machine: Machine,
    pub(super) method: MethodLabel,
    pub(super) key: Key,
    /// Only a request without To tag can be a second copy of another.
    pub(super) merge: Option<Key>,
    /// Where its responses go (RFC 3261 section 18.2.2, RFC 3581).
    pub(super) peer: Peer,
    /// The last response; of an INVITE the 100 to begin with; else empty.
    pub(super) last: Bytes,
    /// The To tag of our responses, once there is one; kept for INVITE only.
    pub(super) to_tag: Option<Box<str>>,
    /// Whether it was told as cancelled.
    pub(super) cancelled: bool,
    pub(super) scheduled: Option<Instant>,
}

/// All of them, by what their messages have in common.
#[derive(Debug)]
pub(super) struct Servers {
    shard: ShardId,
    table: Table<Entry>,
    by_key: Steady<Key, ServerTx>,
    by_merge: Steady<Key, ServerTx>,
    /// Those whose answers may be brought by another stream than the one that they came by,
    /// and to where. In order, so that a lost stream costs as much as it carried.
    by_stream: BTreeMap<(ConnectionId, ServerTx), SocketAddr>,
}

impl Servers {
    pub(super) fn new(shard: ShardId) -> Self {
        Self {
            shard,
            table: Table::new(),
            by_key: Steady::default(),
            by_merge: Steady::default(),
            by_stream: BTreeMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn insert(&mut self, entry: Entry) -> ServerTx {
        let (key, merge) = (entry.key, entry.merge);
        let tx = ServerTx {
            key: self.table.insert(entry),
            shard: self.shard,
        };
        self.by_key.insert(key, tx);
        if let Some(merge) = merge {
            self.by_merge.insert(merge, tx);
        }
        tx
    }

    /// The transaction that a request belongs to.
    pub(super) fn find(&self, key: Key) -> Option<ServerTx> {
        self.by_key.get(&key).copied()
    }

    /// Whether the same request came by another way.
    pub(super) fn knows_copy(&self, merge: Key) -> bool {
        self.by_merge.contains_key(&merge)
    }

    pub(super) fn get(&self, tx: ServerTx) -> Option<&Entry> {
        self.table.get(self.own(tx)?)
    }

    pub(super) fn get_mut(&mut self, tx: ServerTx) -> Option<&mut Entry> {
        self.table.get_mut(self.own(tx)?)
    }

    pub(super) fn remove(&mut self, tx: ServerTx) {
        let own = self.own(tx);
        let Some(entry) = own.and_then(|key| self.table.remove(key)) else {
            return;
        };
        if let Some(connection) = entry.peer.connection {
            self.by_stream.remove(&(connection, tx));
        }
        self.by_key.remove(&entry.key);
        if let Some(merge) = entry.merge {
            self.by_merge.remove(&merge);
        }
    }

    /// Its answers may go to there when its stream is gone.
    pub(super) fn listens(&mut self, tx: ServerTx, remote: SocketAddr) {
        let peer = self.get(tx).map(|entry| entry.peer);
        if let Some(connection) = peer.and_then(|peer| peer.connection) {
            self.by_stream.insert((connection, tx), remote);
        }
    }

    /// A stream is gone: those whose answers go by another from here on.
    pub(super) fn lose(&mut self, connection: ConnectionId) -> Vec<ServerTx> {
        let mut moved = Vec::new();
        while let Some((at, remote)) = self.next_on(connection) {
            self.by_stream.remove(&at);
            if let Some(entry) = self.get_mut(at.1) {
                entry.peer = Peer {
                    transport: entry.peer.transport,
                    remote,
                    connection: None,
                };
                moved.push(at.1);
            }
        }
        moved
    }

    fn next_on(&self, connection: ConnectionId) -> Option<((ConnectionId, ServerTx), SocketAddr)> {
        let first = ServerTx {
            key: 0,
            shard: ShardId(0),
        };
        let (at, remote) = self.by_stream.range((connection, first)..).next()?;
        (at.0 == connection).then_some((*at, *remote))
    }

    /// The key of a transaction of this endpoint; another's may be the key of a stranger.
    fn own(&self, tx: ServerTx) -> Option<u64> {
        (tx.shard == self.shard).then_some(tx.key)
    }

    #[cfg(test)]
    pub(super) fn is_clean(&self) -> bool {
        self.by_key.is_empty() && self.by_merge.is_empty() && self.by_stream.is_empty()
    }
}
