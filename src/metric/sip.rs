//! Counts of the SIP edge: one atomic addition each, with handles made beforehand.
//!
//! [`install`] once, after the recorder; until then nothing is counted.

use std::sync::OnceLock;

use metrics::{Counter, Gauge, counter, gauge};

use crate::metric::table;
use crate::model::{DropReason, RejectReason};

/// Methods with a label of their own; every other one is `other`, because a stranger
/// chooses the method.
const METHODS: [&str; 15] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "REGISTER",
    "OPTIONS",
    "INFO",
    "UPDATE",
    "PRACK",
    "REFER",
    "NOTIFY",
    "SUBSCRIBE",
    "MESSAGE",
    "PUBLISH",
    OTHER,
];
const TRANSPORTS: [&str; 6] = ["udp", "tcp", "tls", "ws", "wss", OTHER];
/// Transports that this version speaks, whose series are there from the start.
const SPOKEN: usize = 5;
const OTHER: &str = "other";
/// Why connections are refused or closed.
const DROPS: [&str; 7] = [
    "full",
    "evicted",
    "handshake",
    "idle",
    "unfinished",
    "slow",
    "malformed",
];
/// Transports that hold connections.
const STREAMS: [&str; 4] = ["tcp", "tls", "ws", "wss"];
/// Status codes with a label of their own: all that exist.
const CODES: std::ops::Range<u16> = 100..700;

/// Which way a message went, as seen from the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To us.
    In,
    /// From us.
    Out,
}

impl Direction {
    const ALL: [Self; 2] = [Self::In, Self::Out];

    /// `In` when inbound.
    #[must_use]
    pub fn of(inbound: bool) -> Self {
        if inbound { Self::In } else { Self::Out }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }

    fn place(self) -> usize {
        match self {
            Self::In => 0,
            Self::Out => 1,
        }
    }
}

/// Handles of every series.
#[derive(Debug)]
pub struct Counts {
    requests: Vec<OnceLock<Counter>>,
    responses: Vec<OnceLock<Counter>>,
    retransmissions: Vec<Counter>,
    rejected: Vec<Counter>,
    connections: [Gauge; STREAMS.len()],
    dropped: [Counter; DROPS.len()],
    unheard: [Counter; DropReason::ALL.len()],
}

impl Default for Counts {
    fn default() -> Self {
        Self::new()
    }
}

/// The place of a word in a table whose last entry is `other`.
fn place(words: &[&'static str], word: &str) -> usize {
    words
        .iter()
        .position(|known| known.eq_ignore_ascii_case(word))
        .unwrap_or_else(|| words.len().saturating_sub(1))
}

impl Counts {
    /// Makes the handles with the recorder in place.
    pub fn new() -> Self {
        let empty = |count: usize| std::iter::repeat_with(OnceLock::new).take(count).collect();
        let counts = Self {
            requests: empty(METHODS.len() * 2 * TRANSPORTS.len()),
            responses: empty(CODES.len() * 2),
            retransmissions: METHODS
                .iter()
                .map(|method| counter!(table::SIP_RETRANSMISSIONS.name, "method" => *method))
                .collect(),
            rejected: RejectReason::ALL
                .iter()
                .map(|reason| counter!(table::SIP_REJECTED.name, "reason" => reason.as_str()))
                .collect(),
            connections: STREAMS
                .map(|transport| gauge!(table::SIP_CONNECTIONS.name, "transport" => transport)),
            dropped: DROPS
                .map(|reason| counter!(table::SIP_CONNECTIONS_DROPPED.name, "reason" => reason)),
            unheard: DropReason::ALL
                .map(|reason| counter!(table::SIP_DROPPED.name, "reason" => reason.as_str())),
        };
        for direction in Direction::ALL {
            for method in METHODS {
                for transport in TRANSPORTS.into_iter().take(SPOKEN) {
                    counts.add_request(method, direction, transport, 0);
                }
            }
            for code in [100, 180, 200, 401, 403, 404, 480, 486, 487, 488, 503] {
                counts.add_response(code, direction, 0);
            }
        }
        counts
    }

    /// A request; retransmissions left out.
    pub fn request(&self, method: &str, direction: Direction, transport: &str) {
        self.add_request(method, direction, transport, 1);
    }

    fn add_request(&self, method: &str, direction: Direction, transport: &str, count: u64) {
        let method = place(&METHODS, method);
        let transport = place(&TRANSPORTS, transport);
        let at = (method * 2 + direction.place()) * TRANSPORTS.len() + transport;
        let (Some(handle), Some(method), Some(transport)) = (
            self.requests.get(at),
            METHODS.get(method),
            TRANSPORTS.get(transport),
        ) else {
            return;
        };
        handle
            .get_or_init(|| {
                counter!(
                    table::SIP_REQUESTS.name,
                    "method" => *method,
                    "direction" => direction.as_str(),
                    "transport" => *transport,
                )
            })
            .increment(count);
    }

    /// A response; retransmissions left out. Codes outside 100..700 do not exist and are
    /// not counted.
    pub fn response(&self, code: u16, direction: Direction) {
        self.add_response(code, direction, 1);
    }

    fn add_response(&self, code: u16, direction: Direction, count: u64) {
        let Some(above) = code.checked_sub(CODES.start) else {
            return;
        };
        let at = usize::from(above) * 2 + direction.place();
        let Some(handle) = self.responses.get(at) else {
            return;
        };
        handle
            .get_or_init(|| {
                counter!(
                    table::SIP_RESPONSES.name,
                    "code" => code.to_string(),
                    "direction" => direction.as_str(),
                )
            })
            .increment(count);
    }

    /// How many connections of a transport there are.
    pub fn connections(&self, transport: &str, count: usize) {
        if let Some(gauge) = self.connections.get(place(&STREAMS, transport)) {
            gauge.set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
        }
    }

    /// A connection that we refused or closed.
    pub fn dropped(&self, reason: &str) {
        if let Some(counter) = self.dropped.get(place(&DROPS, reason)) {
            counter.increment(1);
        }
    }

    /// A message sent or received again.
    pub fn retransmission(&self, method: &str) {
        if let Some(counter) = self.retransmissions.get(place(&METHODS, method)) {
            counter.increment(1);
        }
    }

    /// A message refused. Not for a refusal that is also told as `Event::Refused`: the
    /// observer counts that one.
    pub fn rejected(&self, reason: RejectReason) {
        let mut reasons = RejectReason::ALL.iter();
        let at = reasons.position(|known| *known == reason);
        if let Some(counter) = at.and_then(|at| self.rejected.get(at)) {
            counter.increment(1);
        }
    }

    /// A message dropped without an answer.
    pub fn unheard(&self, reason: DropReason) {
        if let Some(counter) = self.unheard.get(reason.place()) {
            counter.increment(1);
        }
    }
}

static COUNTS: OnceLock<Counts> = OnceLock::new();

/// Makes the handles of the process; call it after the recorder is installed.
pub fn install() {
    COUNTS.get_or_init(Counts::new);
}

/// [`Counts::request`] of the process.
pub fn request(method: &str, direction: Direction, transport: &str) {
    if let Some(counts) = COUNTS.get() {
        counts.request(method, direction, transport);
    }
}

/// [`Counts::response`] of the process.
pub fn response(code: u16, direction: Direction) {
    if let Some(counts) = COUNTS.get() {
        counts.response(code, direction);
    }
}

/// [`Counts::retransmission`] of the process.
pub fn retransmission(method: &str) {
    if let Some(counts) = COUNTS.get() {
        counts.retransmission(method);
    }
}

/// [`Counts::connections`] of the process.
pub fn connections(transport: &str, count: usize) {
    if let Some(counts) = COUNTS.get() {
        counts.connections(transport, count);
    }
}

/// [`Counts::dropped`] of the process.
pub fn dropped(reason: &str) {
    if let Some(counts) = COUNTS.get() {
        counts.dropped(reason);
    }
}

/// [`Counts::rejected`] of the process.
pub fn rejected(reason: RejectReason) {
    if let Some(counts) = COUNTS.get() {
        counts.rejected(reason);
    }
}

/// [`Counts::unheard`] of the process.
pub fn unheard(reason: DropReason) {
    if let Some(counts) = COUNTS.get() {
        counts.unheard(reason);
    }
}
