//! Carriers and lines, as meant.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::Rewrites;
use crate::model::TrunkName;
use crate::operator::Secret;
use crate::sip::{Account, Uri};

/// Who may call in without registering, and what is said to a carrier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trunk {
    /// By address. Empty with a login: from anywhere.
    pub from: Vec<IpNet>,
    /// By digest; with addresses too, both must be right.
    pub login: Option<Login>,
    /// At most so many calls at once.
    pub max_calls: Option<u32>,
    /// What is done to the number that was dialled, before it is looked up.
    pub called: Rewrites,
    /// What is done to the caller's number.
    pub caller: Rewrites,
    /// Who we are there: for lines of the trunk, and to register.
    pub account: Option<Arc<Account>>,
    /// Where we register with it.
    pub register: Option<Register>,
    /// The carrier's server, and how often it is asked whether it is there.
    pub probe: Option<(Uri, Duration)>,
}

impl Trunk {
    /// Whether an address is one of those that it may call from.
    #[must_use]
    pub fn has(&self, ip: IpAddr) -> bool {
        self.from.iter().any(|net| net.contains(&ip))
    }
}

/// What a trunk proves itself with when it calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password, hashed with our domain as the realm.
    pub secret: Secret,
}

/// A registration of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The registrar.
    pub to: Uri,
    /// For how long it is asked for.
    pub expires: Duration,
}

/// A line that is an address outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// The addresses, in the order in which they are tried.
    pub targets: Vec<Uri>,
    /// At most so many calls at once.
    pub max_calls: Option<u32>,
    /// The trunk whose account answers challenges on the line.
    pub trunk: Option<TrunkName>,
    /// How long a target may say nothing before the next is tried.
    pub try_for: Duration,
    /// How often the targets are asked whether they are there.
    pub probe: Option<Duration>,
    /// Whether they are told what was dialled.
    pub divert: Divert,
}

/// How a line is told the number that was dialled first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Divert {
    /// Not at all.
    Off,
    /// By History-Info (RFC 7044).
    HistoryInfo,
    /// By Diversion (RFC 5806).
    Diversion,
    /// By both: old switches know one, new ones the other.
    #[default]
    Both,
}

/// `sip.dns`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    /// The resolvers; none means those of the system.
    pub servers: Vec<SocketAddr>,
}
