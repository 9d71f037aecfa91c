//! Names and numbers that identify things. Each has a type of its own, so that a
//! queue's name cannot be handed where an operator's is meant.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$meta:meta] $type:ident;)*) => {$(
        #[$meta]
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Takes the text as it is; whoever reads configuration checks it first.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

name! {
    /// One call, in records, logs, headers and the API. Never re-used.
    CallId;
    /// An operator's login name, also the user part of the phone's address.
    OperatorName;
    /// A queue.
    QueueName;
    /// A flow.
    FlowName;
    /// A node of a flow.
    NodeName;
    /// A line: where a call is escalated.
    LineName;
    /// What was dialled, or who dials: a telephone number or the user part of an address.
    Number;
    /// The client or business that a number belongs to.
    Project;
    /// A recording of a call, or a message in it; also the name of its file. Never re-used.
    RecordingId;
    /// Where messages of callers are left.
    Mailbox;
    /// Who may call in without registering.
    TrunkName;
}

/// Which shard; also part of our branches and tags, so that answers come home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u8);

/// A call within the process: the shard in the top 8 bits, a counter below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey(u64);

impl CallKey {
    const COUNTER_BITS: u32 = 56;

    /// The `count`th call of a shard; `count` is cut to 56 bits.
    #[must_use]
    pub fn new(shard: ShardId, count: u64) -> Self {
        let mask = (1 << Self::COUNTER_BITS) - 1;
        Self((u64::from(shard.0) << Self::COUNTER_BITS) | (count & mask))
    }

    /// The shard that owns the call.
    #[must_use]
    pub fn shard(self) -> ShardId {
        ShardId(u8::try_from(self.0 >> Self::COUNTER_BITS).unwrap_or(u8::MAX))
    }

    /// The key as one word, for atomics.
    #[must_use]
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// The key from [`Self::to_bits`].
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

/// One stream of one call, unique in the process (given out by the call's shard).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub u64);

/// One `Play` command, so that a late `Played` can be told from the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlayId(pub u64);

/// A codec that legs can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// G.711 µ-law, payload type 0.
    Pcmu,
    /// G.711 A-law, payload type 8.
    Pcma,
}

impl Codec {
    /// Every codec, in the order of the default configuration.
    pub const ALL: [Self; 2] = [Self::Pcma, Self::Pcmu];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pcmu => "pcmu",
            Self::Pcma => "pcma",
        }
    }

    /// The static payload type (RFC 3551 section 6).
    #[must_use]
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// The encoding name of `a=rtpmap`.
    #[must_use]
    pub fn encoding(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_key_keeps_its_shard() {
        let key = CallKey::new(ShardId(7), 42);
        assert_eq!(key.shard(), ShardId(7));
        assert_eq!(CallKey::from_bits(key.to_bits()), key);
        assert_eq!(CallKey::new(ShardId(7), (1 << 56) + 42), key);
    }
}
