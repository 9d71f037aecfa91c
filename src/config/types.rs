//! A configuration, as meant.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::house::House;
use super::outside::{Dns, Outside, Trunk};
use super::requests::Requests;
use super::speech::Speech;
use super::webhooks::Webhooks;
use crate::flow::Flow;
use crate::flow::hours::Calendar;
use crate::model::{
    Codec, FlowName, LineName, Number, OperatorName, Project, QueueName, TrunkName,
};
use crate::sip::Transport;
use crate::{operator, queue};

/// Everything that is configured. Without an error, and with every reference resolved.
#[derive(Clone, Debug)]
pub struct Config {
    /// The domain of operators' addresses, and the realm of their passwords.
    pub domain: String,
    /// SIP.
    pub sip: Sip,
    /// Sound.
    pub media: Media,
    /// The web server.
    pub http: Http,
    /// Where records go.
    pub storage: Storage,
    /// What flows may ask of the world outside.
    pub requests: Requests,
    /// Who is told of events.
    pub webhooks: Webhooks,
    /// Folders.
    pub paths: Paths,
    /// How long recordings and messages are kept.
    pub recordings: Recordings,
    /// What the process carries.
    pub limits: Limits,
    /// How long calls may go on after the server was asked to stop.
    pub drain: Duration,
    /// What may be dialled.
    pub numbers: Numbers,
    /// The queues.
    pub queues: BTreeMap<QueueName, Arc<queue::Settings>>,
    /// The lines.
    pub lines: BTreeMap<LineName, Line>,
    /// The operators.
    pub operators: BTreeMap<OperatorName, Arc<operator::Settings>>,
    /// Opening hours.
    pub calendars: Arc<BTreeMap<String, Calendar>>,
    /// The projects, with the names to show.
    pub projects: BTreeMap<Project, String>,
    /// The flows.
    pub flows: BTreeMap<FlowName, Arc<Flow>>,
    /// What operators can call by name.
    pub house: House,
    /// Who speaks what has no recording; nobody when `None`.
    pub speech: Option<Speech>,
}

/// One address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// How.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
}

/// `sip:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sip {
    /// Where to listen.
    pub listen: Vec<Listen>,
    /// Certificates.
    pub tls: Tls,
    /// Which web pages may connect by WebSocket (`Origin`); empty: all.
    pub origins: Vec<String>,
    /// The address to tell peers; `None` finds it out.
    pub advertise: Option<IpAddr>,
    /// Who may call in.
    pub trunks: BTreeMap<TrunkName, Arc<Trunk>>,
    /// Who is asked for names.
    pub dns: Dns,
    /// A registration must last at least this long.
    pub min_expires: Duration,
    /// And lasts at most this long.
    pub max_expires: Duration,
    /// How often registered phones are asked whether they are there.
    pub probe_every: Duration,
    /// What strangers may do; `None` for anything.
    pub guard: Option<Guard>,
}

/// `sip.guard`: what those may do who are no trunk, no line and no registered phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Messages a second that begin something, of one source.
    pub per_source: u32,
    /// So many of them at once.
    pub burst: u32,
    /// Messages a second that begin something, of all strangers together.
    pub all: u32,
    /// What scanners get.
    pub scanners: Scanners,
    /// Parts of the names by which scanners are known.
    pub user_agents: Vec<String>,
    /// Who is not heard at all.
    pub shut_out: Option<ShutOut>,
}

/// What a scanner gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanners {
    /// Nothing.
    Silence,
    /// 403.
    Refuse,
}

/// Who fails again and again is not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutOut {
    /// After more failures than this; half of them are forgiven in five minutes.
    pub after: u32,
    /// For so long.
    pub lasts: Duration,
}

/// `sip.tls`: files in PEM, resolved against the folder of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// What we show; there is one when something listens for TLS.
    pub identity: Option<Identity>,
    /// The authorities that servers of lines are checked against; `None`: those of the
    /// system.
    pub ca: Option<PathBuf>,
}

/// A certificate with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// `media:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// The UDP ports of streams.
    pub ports: RangeInclusive<u16>,
    /// What we speak, best first.
    pub codecs: Vec<Codec>,
    /// A phone that sends nothing for so long is asked whether it is there.
    pub silence: Duration,
}

/// `http:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http {
    /// Where to listen.
    pub listen: SocketAddr,
}

/// `storage:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// The SQLite file.
    pub path: PathBuf,
}

/// `paths:`, resolved against the folder of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Flows, `*.yaml`.
    pub flows: PathBuf,
    /// Sounds, `<language>/<name>.wav`.
    pub prompts: PathBuf,
    /// Recorded calls.
    pub recordings: PathBuf,
}

/// `recordings:`: how long sound is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recordings {
    /// Recordings of calls.
    pub calls: Duration,
    /// Messages of callers.
    pub messages: Duration,
}

/// `limits:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once.
    pub calls: usize,
    /// Calls that begin in a second.
    pub calls_per_second: u32,
}

/// Where a call is escalated to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A queue of specialists.
    Queue(QueueName),
    /// An address outside.
    Outside(Arc<Outside>),
}

/// What a number leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberEntry {
    /// Its flow.
    pub flow: FlowName,
    /// The language that the flow begins in.
    pub language: Option<String>,
    /// Whose number it is.
    pub project: Option<Project>,
}

/// What may be dialled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers(pub(super) BTreeMap<Number, NumberEntry>);

impl Numbers {
    /// The entry for what was dialled: its own, or that of `*`.
    #[must_use]
    pub fn find(&self, dialled: &str) -> Option<(&Number, &NumberEntry)> {
        let exact = self.0.get_key_value(dialled);
        exact.or_else(|| self.0.get_key_value("*"))
    }

    /// Every entry.
    pub fn iter(&self) -> impl Iterator<Item = (&Number, &NumberEntry)> {
        self.0.iter()
    }
}
