//! One phone's place, and what may become of it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::model::OperatorName;
use crate::sip::{Name, Peer, Response, Uri};

/// Where one phone of an operator can be called.
#[derive(Clone, Debug)]
pub struct Binding {
    /// What it is called as long as it is registered, unique among the operator's.
    pub key: String,
    /// Its Contact.
    pub uri: Uri,
    /// Where calls go: where its REGISTER came from, for behind NAT the Contact is not
    /// reachable; or the proxy that is first on its path.
    pub peer: Peer,
    /// The proxies on the way to it, nearest first: values of Route (RFC 3327).
    pub path: Vec<String>,
    /// When it is forgotten.
    pub expires_at: Instant,
    /// The Call-ID of its last REGISTER.
    pub call_id: String,
    /// The CSeq number of its last REGISTER.
    pub cseq: u32,
    /// Which device it is (`+sip.instance`, RFC 5626), if it says so.
    pub instance: Option<String>,
    /// Which of the device's flows it is (`reg-id`, RFC 5626), if it says so.
    pub reg_id: Option<u32>,
}

impl Binding {
    /// Which phone it leads to, unique among the operator's: flows of one device are one.
    #[must_use]
    pub fn device(&self) -> &str {
        match (&self.instance, self.reg_id) {
            (Some(instance), Some(_)) => instance,
            (Some(_) | None, _) => &self.key,
        }
    }

    /// The contact for people: two flows of a device often have the same address.
    #[must_use]
    pub fn label(&self) -> String {
        match self.reg_id {
            Some(reg_id) => format!("<{}>;reg-id={reg_id}", self.uri),
            None => self.uri.to_string(),
        }
    }
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
    /// Every contact of the operator.
    pub contacts: Vec<Listed>,
    /// The path that was kept, to be shown to the phone (RFC 3327 section 5.3).
    pub path: Vec<String>,
    /// Whether the phone's flow is kept as RFC 5626 wants it, and the phone asked for that.
    pub outbound: bool,
    /// What changed.
    pub changes: Vec<Change>,
}

/// A contact as the 200 lists it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The address.
    pub uri: Uri,
    /// `+sip.instance`.
    pub instance: Option<String>,
    /// `reg-id`.
    pub reg_id: Option<u32>,
    /// How long it is still kept, in seconds.
    pub seconds: u64,
}

impl Registered {
    /// Writes what the 200 says of contacts and of the way to them (RFC 3261 section 10.3,
    /// step 8).
    pub fn write(&self, response: &mut Response) {
        for contact in &self.contacts {
            let mut value = format!("<{}>;expires={}", contact.uri, contact.seconds);
            // Writing to a String cannot fail.
            if let Some(instance) = &contact.instance {
                write!(value, ";+sip.instance=\"{instance}\"").ok();
            }
            if let Some(reg_id) = contact.reg_id {
                write!(value, ";reg-id={reg_id}").ok();
            }
            response.headers.push(Name::Contact, value);
        }
        for hop in &self.path {
            response.headers.push(Name::Path, hop);
        }
        if self.outbound {
            response.headers.push(Name::Require, "outbound");
        }
        response.headers.push(Name::Supported, "path, outbound");
    }
}

/// Why a REGISTER changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header is missing or cannot be read, or `*` is not alone and final.
    #[error("400: the REGISTER cannot be read")]
    Malformed,
    /// A contact is no address that a call could go to by the way that the REGISTER came.
    #[error("400: no call can go to the contact")]
    Unreachable,
    /// More contacts at once than an operator may have.
    #[error("403: too many contacts")]
    TooMany,
    /// A contact asks for less than the least.
    #[error("423: at least {min_expires} s")]
    TooBrief {
        /// For Min-Expires, in seconds.
        min_expires: u64,
    },
    /// A proxy is on the way back, of which the phone does not want to know (RFC 3327
    /// section 5.3).
    #[error("420: the phone does not know Path")]
    PathUnknown,
    /// The phone wants its flow kept, and the proxy next to it cannot (RFC 5626 section 6).
    #[error("439: the first hop does not support outbound")]
    FirstHop,
    /// A later REGISTER of the same phone was already seen.
    #[error("500: out of order")]
    OutOfOrder,
}

impl Refusal {
    /// The status code.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Malformed | Self::Unreachable => 400,
            Self::TooMany => 403,
            Self::PathUnknown => 420,
            Self::TooBrief { .. } => 423,
            Self::FirstHop => 439,
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
            Self::PathUnknown => response.headers.push(Name::Unsupported, "path"),
            Self::Unreachable => {
                // RFC 3261 section 20.43: 399 is for people to read.
                let why = "399 centrale \"no call can go to this Contact\"";
                response.headers.push(Name::Warning, why);
            }
            Self::Malformed | Self::TooMany | Self::FirstHop | Self::OutOfOrder => {}
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
        /// The binding's.
        key: String,
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
