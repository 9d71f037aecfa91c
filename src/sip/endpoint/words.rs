//! What goes into an endpoint and what comes out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::model::{RejectReason, Said, ShardId};
pub use crate::sip::method::MethodLabel;
use crate::sip::{Advertise, ConnectionId, Peer, Request, Response, Transport};

/// What an endpoint is told once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose endpoint it is: part of every branch and tag.
    pub shard: ShardId,
    /// Secret; all identifiers follow from it.
    pub seed: u64,
    /// What Via says.
    pub advertise: Advertise,
    /// For Server and User-Agent.
    pub product: Arc<str>,
    /// How many transactions may be alive; seven eighths of it for requests that begin
    /// something, the rest is kept for those that end it.
    pub max_transactions: usize,
}

/// A request that we answer. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerTx {
    pub(crate) key: u64,
    /// Whose endpoint received it, and answers it.
    pub shard: ShardId,
}

/// A request of ours. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientTx(pub(crate) u64);

/// What may happen to an endpoint.
#[derive(Clone, Debug)]
pub enum Input {
    /// One whole message came.
    Received {
        /// The datagram, or the message cut from a stream.
        bytes: Bytes,
        /// From where.
        peer: Peer,
    },
    /// Time passed.
    Tick,
    /// A stream is closed.
    ConnectionLost {
        /// Which.
        connection: ConnectionId,
    },
    /// No stream could be opened, or the one that we opened is closed.
    Unreachable {
        /// How.
        transport: Transport,
        /// To where.
        remote: SocketAddr,
    },
}

/// What an endpoint wants done, or tells.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send this.
    Transmit {
        /// The message.
        bytes: Bytes,
        /// To where.
        peer: Peer,
    },
    /// Something that its user decides about.
    Event(Event),
    /// Something that is only counted.
    Count(Count),
}

/// What the user of an endpoint decides about.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request, in or out of a dialog; never ACK or CANCEL. Its top Via says where it
    /// came from, so [`Response::to`] makes a response that finds its way.
    Request {
        /// What to answer it by.
        tx: ServerTx,
        /// The request.
        request: Request,
        /// From where.
        peer: Peer,
    },
    /// The ACK for a 2xx. Its user calls [`acknowledged`](super::Endpoint::acknowledged).
    Ack {
        /// The ACK.
        request: Request,
        /// From where.
        peer: Peer,
    },
    /// The caller gave up. The CANCEL has its 200; the INVITE still wants its 487.
    Cancelled {
        /// The INVITE.
        tx: ServerTx,
        /// What the CANCEL says of the reason.
        said: Said,
    },
    /// A provisional answer from 101 up, or a final one. A second 2xx with another To
    /// tag is another branch of a fork: to be acknowledged and ended.
    Response {
        /// Our request.
        tx: ClientTx,
        /// The answer.
        response: Response,
        /// From where.
        peer: Peer,
    },
    /// There will be no answer.
    Failed {
        /// Our request.
        tx: ClientTx,
        /// Why.
        why: Failure,
    },
    /// Our 2xx was not acknowledged within 64 × T1: its dialog is to be ended by BYE
    /// (RFC 3261 section 13.3.1.4).
    NoAck {
        /// The INVITE.
        tx: ServerTx,
    },
}

/// Why a request of ours got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// Nobody answered in time (timers B and F).
    TimedOut,
    /// The stream to the peer broke.
    Unreachable,
}

/// What is only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// A request, not counting its repetitions.
    Request {
        /// Its method.
        method: MethodLabel,
        /// Whether it came to us.
        inbound: bool,
        /// How it travelled.
        transport: Transport,
    },
    /// A response, not counting its repetitions.
    Response {
        /// Its status code.
        code: u16,
        /// Whether it came to us.
        inbound: bool,
    },
    /// A repetition: sent by one of our timers, or received and absorbed.
    Retransmission {
        /// The method of the transaction.
        method: MethodLabel,
    },
    /// A message that the endpoint refused by itself.
    Refused {
        /// Why.
        reason: RejectReason,
        /// Who sent it.
        source: SocketAddr,
    },
}

/// The outputs of one step, with short words for what is often said.
#[derive(Debug)]
pub(super) struct Out<'a> {
    pub(super) now: Instant,
    pub(super) list: &'a mut Vec<Output>,
}

impl Out<'_> {
    pub(super) fn send(&mut self, bytes: Bytes, peer: Peer) {
        self.list.push(Output::Transmit { bytes, peer });
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.list.push(Output::Event(event));
    }

    pub(super) fn count(&mut self, count: Count) {
        self.list.push(Output::Count(count));
    }

    /// Sends once more what was sent before.
    pub(super) fn resend(&mut self, method: MethodLabel, bytes: &Bytes, peer: Peer) {
        self.count(Count::Retransmission { method });
        self.send(bytes.clone(), peer);
    }
}
