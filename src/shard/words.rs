//! What goes into a shard and what comes out.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::call::{CallbackKey, Keep, Snapshot};
use crate::dispatch::Match;
use crate::flow::{AskId, Asked, Reply};
use crate::media::{Command, Report};
use crate::model::{CallId, CallKey, DropReason, Event, ShardId};
use crate::registrar::Guesses;
use crate::shard::Rate;
use crate::shard::guard::Sources;
use crate::shard::house::Foreign;
use crate::shard::outside::Asker;
use crate::sip::endpoint::{self, Count, Refusal};
use crate::sip::nonce::Nonces;
use crate::sip::{ConnectionId, Peer, Transport, Uri};

/// What one shard is told once.
#[derive(Debug)]
pub struct Settings {
    /// Which one it is.
    pub id: ShardId,
    /// How many there are.
    pub shards: u8,
    /// Its endpoint.
    pub endpoint: endpoint::Settings,
    /// What makes this run of the process different from others, for the ids of calls.
    pub boot: Arc<str>,
}

/// What admission shares between shards.
#[derive(Debug)]
pub struct Doors {
    /// Calls a second.
    pub rate: Rate,
    /// Digest challenges.
    pub nonces: Nonces,
    /// Wrong answers to them.
    pub guesses: Guesses,
    /// Who is a friend, and who is not heard.
    pub sources: Sources,
}

/// What a shard hears.
#[derive(Debug)]
pub enum Input {
    /// One whole message.
    Received {
        /// The datagram, or the message cut from a stream.
        bytes: Bytes,
        /// From where.
        peer: Peer,
    },
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
    /// From a media worker, about a leg of one of its calls.
    Media(Report),
    /// An operator for one of its calls.
    Match(Match),
    /// A waiting call has another priority of its own.
    Prioritize {
        /// Which call.
        call: CallKey,
        /// From −100 to 100; the queue's is added to it.
        priority: i16,
    },
    /// What [`Output::Resolve`] asked for.
    Resolved {
        /// Who asked.
        asker: Asker,
        /// For each address its hops, nearest first; none for one that cannot be found.
        routes: Vec<Vec<Peer>>,
    },
    /// The answer to [`Output::Keep`] that asked for one.
    Kept {
        /// Who asked.
        call: CallKey,
        /// Whether it is on the disk.
        kept: bool,
    },
    /// A customer is not to be called back after all.
    CancelCallback {
        /// Whose promise.
        key: CallbackKey,
        /// Which.
        id: CallId,
    },
    /// What [`Output::Ask`] asked.
    Replied {
        /// Which call asked.
        call: CallKey,
        /// Which ask of its.
        number: AskId,
        /// The answer, or why there is none.
        reply: Reply,
    },
    /// From another shard.
    Foreign(Foreign),
    /// Time passed.
    Tick,
    /// Calls that begin from now on have this configuration.
    Configured(Arc<Snapshot>),
    /// No more calls.
    Drain,
    /// Every call ends.
    Goodbye,
}

/// What a shard wants done.
#[derive(Debug)]
pub enum Output {
    /// Send this.
    Transmit {
        /// The message.
        bytes: Bytes,
        /// To where.
        peer: Peer,
    },
    /// Send this, which belongs to nothing else, and count it.
    Refusal(Refusal),
    /// Count this.
    Count(Count),
    /// For the media worker of the leg's shard.
    Media(Command),
    /// Something happened.
    Event(Event),
    /// For another shard.
    Match(Match),
    /// Look up where these addresses lead (RFC 3263), and answer within 2 s with
    /// [`Input::Resolved`]. All are of the configuration.
    Resolve {
        /// Who asks.
        asker: Asker,
        /// Addresses.
        uris: Vec<Uri>,
    },
    /// Keep this for the next process.
    Keep {
        /// What.
        keep: Keep,
        /// The call that wants to hear, by [`Input::Kept`], when it is on the disk.
        asks: Option<CallKey>,
    },
    /// Ask the world outside, and answer with [`Input::Replied`]. The call that asks does
    /// not wait longer than it says, and may be over by then.
    Ask {
        /// Which call asks.
        call: CallKey,
        /// What.
        asked: Asked,
    },
    /// For that shard.
    Foreign(ShardId, Foreign),
    /// Who is at the other end of this stream is known: it may stay.
    Trusted(ConnectionId),
    /// Whoever answers by TLS at this address must be whom the URI names.
    Expected(SocketAddr, Uri),
    /// A message was dropped without an answer.
    Dropped(DropReason),
}
