//! The requests that we answer.

use std::time::Instant;

use bytes::Bytes;

use super::words::{MethodLabel, ServerTx};
use crate::model::{ShardId, Steady};
use crate::sip::Peer;
use crate::sip::transaction::key::Key;
use crate::sip::transaction::{InviteServer, Server, Table};

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
}

impl Servers {
    pub(super) fn new(shard: ShardId) -> Self {
        Self {
            shard,
            table: Table::new(),
            by_key: Steady::default(),
            by_merge: Steady::default(),
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
        self.by_key.remove(&entry.key);
        if let Some(merge) = entry.merge {
            self.by_merge.remove(&merge);
        }
    }

    /// The key of a transaction of this endpoint; another's may be the key of a stranger.
    fn own(&self, tx: ServerTx) -> Option<u64> {
        (tx.shard == self.shard).then_some(tx.key)
    }

    #[cfg(test)]
    pub(super) fn is_clean(&self) -> bool {
        self.by_key.is_empty() && self.by_merge.is_empty()
    }
}
