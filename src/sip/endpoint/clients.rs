//! Our requests.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;

use super::words::{ClientTx, MethodLabel};
use crate::model::Steady;
use crate::sip::transaction::{Client, InviteClient, Table};
use crate::sip::{ConnectionId, Method, Peer, Request, Transport};

/// Answers of one fork that are kept; a fork into more is not ours to serve.
pub(super) const FORKS: usize = 8;

/// Which machine it runs, and what only an INVITE has.
#[derive(Debug)]
pub(super) enum Machine {
    Invite(Box<Invite>),
    Other(Client),
}

impl Machine {
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Invite(invite) => invite.machine.deadline(),
            Self::Other(machine) => machine.deadline(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Invite(invite) => invite.machine.is_over(),
            Self::Other(machine) => machine.is_over(),
        }
    }

    pub(super) fn is_unanswered(&self) -> bool {
        match self {
            Self::Invite(invite) => invite.machine.is_unanswered() || invite.machine.may_cancel(),
            Self::Other(machine) => machine.is_unanswered(),
        }
    }
}

/// An INVITE of ours.
#[derive(Debug)]
pub(super) struct Invite {
    pub(super) machine: InviteClient,
    /// As sent: an ACK and a CANCEL repeat much of it.
    pub(super) request: Request,
    /// The ACK for a failure, once there is one.
    pub(super) ack: Bytes,
    pub(super) cancel: Cancel,
    /// The 2xx answers, one a branch of a fork.
    pub(super) answers: Vec<Answer>,
}

/// Whether our INVITE is to be cancelled (RFC 3261 section 9.1).
#[derive(Debug)]
pub(super) enum Cancel {
    No,
    /// As soon as a provisional answer allows it.
    Wanted(Option<String>),
    Sent,
}

/// A 2xx, and the ACK that its user made for it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) to_tag: Box<str>,
    pub(super) ack: Option<(Bytes, Peer)>,
}

/// What our branch and CSeq make of a response: whose it is. A CANCEL has the branch of
/// its INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Branch {
    pub(super) word: u64,
    pub(super) cancel: bool,
}

/// The stream that a request waits on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// One that is open.
    Open(ConnectionId),
    /// One that is opened for it.
    Opens(Transport, SocketAddr),
}

impl Way {
    fn of(peer: Peer) -> Option<Self> {
        match peer.connection {
            Some(connection) => Some(Self::Open(connection)),
            None if peer.transport.is_reliable() => Some(Self::Opens(peer.transport, peer.remote)),
            None => None,
        }
    }
}

/// A request that is too large for a datagram as it would be one, for when no stream can be
/// opened.
#[derive(Debug)]
pub(super) struct Spare {
    pub(super) bytes: Bytes,
    /// Then the stream is waited for no longer.
    pub(super) until: Instant,
}

/// One of our requests.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) machine: Machine,
    pub(super) method: Method,
    pub(super) branch: Branch,
    pub(super) peer: Peer,
    /// The request, to be sent again; empty on a stream that is all there is.
    pub(super) bytes: Bytes,
    /// Who is dialled when the stream is gone.
    pub(super) or_else: Option<Peer>,
    pub(super) spare: Option<Spare>,
    pub(super) scheduled: Option<Instant>,
}

impl Entry {
    /// When it wants to be looked at.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.machine
            .deadline()
            .into_iter()
            .chain(self.waits_until())
            .min()
    }

    /// When it is to go by a datagram, while nothing was heard by the stream: an answer
    /// names the one that it came by.
    pub(super) fn waits_until(&self) -> Option<Instant> {
        let unheard = self.peer.connection.is_none() && self.machine.is_unanswered();
        let spare = self.spare.as_ref().filter(|_| unheard);
        spare.map(|spare| spare.until)
    }

    pub(super) fn label(&self) -> MethodLabel {
        MethodLabel::from(&self.method)
    }
}

/// All of them, by what their answers bring back.
#[derive(Debug)]
pub(super) struct Clients {
    table: Table<Entry>,
    by_branch: Steady<Branch, ClientTx>,
    /// In order, so that a lost stream costs as much as it carried.
    by_stream: BTreeSet<(Way, ClientTx)>,
}

impl Clients {
    pub(super) fn new() -> Self {
        Self {
            table: Table::new(),
            by_branch: Steady::default(),
            by_stream: BTreeSet::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn insert(&mut self, entry: Entry) -> ClientTx {
        let (branch, way) = (entry.branch, Way::of(entry.peer));
        let tx = ClientTx(self.table.insert(entry));
        self.by_branch.insert(branch, tx);
        if let Some(way) = way {
            self.by_stream.insert((way, tx));
        }
        tx
    }

    pub(super) fn find(&self, branch: Branch) -> Option<ClientTx> {
        self.by_branch.get(&branch).copied()
    }

    /// Notes the stream that was opened for a request sent without one.
    pub(super) fn note_stream(&mut self, tx: ClientTx, connection: ConnectionId) {
        if let Some(entry) = self.table.get(tx.0)
            && entry.peer.connection.is_none()
            && entry.peer.transport.is_reliable()
        {
            let connection = Some(connection);
            self.goes(
                tx,
                Peer {
                    connection,
                    ..entry.peer
                },
            );
        }
    }

    /// A request takes another way.
    pub(super) fn goes(&mut self, tx: ClientTx, peer: Peer) {
        let Some(entry) = self.table.get_mut(tx.0) else {
            return;
        };
        let before = Way::of(std::mem::replace(&mut entry.peer, peer));
        if let Some(way) = before {
            self.by_stream.remove(&(way, tx));
        }
        if let Some(way) = Way::of(peer) {
            self.by_stream.insert((way, tx));
        }
    }

    /// The requests that wait on a stream.
    pub(super) fn on_stream(&self, way: Way) -> Vec<ClientTx> {
        let first = (way, ClientTx(0));
        let last = (way, ClientTx(u64::MAX));
        self.by_stream
            .range(first..=last)
            .map(|(_, tx)| *tx)
            .collect()
    }

    pub(super) fn get(&self, tx: ClientTx) -> Option<&Entry> {
        self.table.get(tx.0)
    }

    pub(super) fn get_mut(&mut self, tx: ClientTx) -> Option<&mut Entry> {
        self.table.get_mut(tx.0)
    }

    pub(super) fn remove(&mut self, tx: ClientTx) {
        let Some(entry) = self.table.remove(tx.0) else {
            return;
        };
        self.by_branch.remove(&entry.branch);
        if let Some(way) = Way::of(entry.peer) {
            self.by_stream.remove(&(way, tx));
        }
    }

    #[cfg(test)]
    pub(super) fn is_clean(&self) -> bool {
        self.by_branch.is_empty() && self.by_stream.is_empty()
    }
}
