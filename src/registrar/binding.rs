//! One phone's place, and what may become of it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::model::OperatorName;
use crate::sip::{Name, Peer, Response, Uri};

/// Where one phone of an operator can be called.
#[derive(Clone, Debug)]
pub struct Binding {
    /// Its Contact.
    pub uri: Uri,
    /// Where its REGISTER came from; calls go there, for behind NAT the Contact is not
    /// reachable.
    pub peer: Peer,
    /// When it is forgotten.
    pub expires_at: Instant,
    /// The Call-ID of its last REGISTER.
    pub call_id: String,
    /// The CSeq number of its last REGISTER.
    pub cseq: u32,
    /// Which device it is (`+sip.instance`, RFC 5626), if it says so.
    pub instance: Option<String>,
}

/// How long a registration may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Shorter ones are refused by 423.
    pub min_expires: Duration,
    /// Longer ones are cut to this.
    pub max_expires: Duration,
    /// For those that do not say.
    pub default_expires: Duration,
}

/// What is to be answered, and what happened.
#[derive(Clone, Debug)]
pub struct Registered {
    /// Every contact of the operator, with the seconds that it has left.
    pub contacts: Vec<(Uri, u64)>,
    /// What changed.
    pub changes: Vec<Change>,
}

impl Registered {
    /// Writes the Contact headers of the 200 (RFC 3261 section 10.3, step 8).
    pub fn write(&self, response: &mut Response) {
        for (uri, seconds) in &self.contacts {
            let value = format!("<{uri}>;expires={seconds}");
            response.headers.push(Name::Contact, value);
        }
    }
}

/// Why a REGISTER changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header is missing or cannot be read, or `*` is not alone and final.
    #[error("400: the REGISTER cannot be read")]
    Malformed,
    /// More contacts at once than an operator may have.
    #[error("403: too many contacts")]
    TooMany,
    /// A contact asks for less than the least.
    #[error("423: at least {min_expires} s")]
    TooBrief {
        /// For Min-Expires, in seconds.
        min_expires: u64,
    },
    /// A later REGISTER of the same phone was already seen.
    #[error("500: out of order")]
    OutOfOrder,
}

impl Refusal {
    /// The status code.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::TooMany => 403,
            Self::TooBrief { .. } => 423,
            Self::OutOfOrder => 500,
        }
    }

    /// Writes what its response says beyond the code.
    pub fn write(self, response: &mut Response) {
        match self {
            Self::TooBrief { min_expires } => {
                let value = min_expires.to_string();
                response.headers.push(Name::MinExpires, value);
            }
            Self::Malformed | Self::TooMany | Self::OutOfOrder => {}
        }
    }
}

/// What happened to a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It came.
    Added {
        /// Whose.
        operator: OperatorName,
        /// Its Contact.
        contact: String,
        /// From where.
        remote: SocketAddr,
        /// Whether the operator had none before.
        first: bool,
    },
    /// It is still there.
    Refreshed {
        /// Whose.
        operator: OperatorName,
        /// Its Contact.
        contact: String,
        /// From where.
        remote: SocketAddr,
    },
    /// It is gone.
    Removed {
        /// Whose.
        operator: OperatorName,
        /// Its Contact.
        contact: String,
        /// Whether the operator has none left.
        last: bool,
        /// Whether it went without a word: expired, silent, or its stream broke.
        vanished: bool,
    },
}
