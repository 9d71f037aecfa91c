//! Requests that are turned away without being read: there is no time for them, or their
//! sender deserves none.
//!
//! # Why
//! An answer of 503 that costs as much as a call is no help to a server that cannot keep
//! up.

use std::time::Instant;

use bytes::Bytes;

use super::Endpoint;
use super::glance::Glance;
use super::refuse::Objection;
use super::words::{Count, MethodLabel, Out, Output};
use crate::model::RejectReason;
use crate::sip::origin::{self, Origin, Sender};
use crate::sip::transaction::key::Key;
use crate::sip::transaction::timers::GIVE_UP;
use crate::sip::{Message, Method, Peer};

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// 503 with Retry-After: there is no time for it.
    Overload,
    /// 487: it was given up before there was time for it.
    GivenUp,
    /// 403: it is from a scanner.
    Scanner,
}

impl TurnedAway {
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Overload => 503,
            Self::GivenUp => 487,
            Self::Scanner => 403,
        }
    }

    fn reason(self) -> RejectReason {
        match self {
            Self::Overload | Self::GivenUp => RejectReason::Overload,
            Self::Scanner => RejectReason::UnknownSource,
        }
    }

    fn objection(self, key: Key) -> Objection {
        match self {
            Self::Overload => Objection::Overload(retry_after(key)),
            Self::GivenUp => Objection::GivenUp,
            Self::Scanner => Objection::Scanner,
        }
    }
}

/// 1 to 10 seconds, the same for each copy of a request, and spread over requests, so
/// that those who were refused together do not come back together.
pub(super) fn retry_after(key: Key) -> &'static str {
    const SECONDS: [&str; 10] = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
    let place = usize::try_from(key.low_bits() % 10).unwrap_or(0);
    SECONDS.get(place).copied().unwrap_or("10")
}

/// A request that was turned away unread, and what is counted of it.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The answer.
    pub bytes: Bytes,
    /// Where it goes.
    pub peer: Peer,
    /// The request's method.
    pub method: MethodLabel,
    /// Why.
    pub reason: RejectReason,
    /// The answer's status code.
    pub code: u16,
}

impl Endpoint {
    /// Turns a request outside a dialog away without reading it whole, and keeps nothing
    /// of it. One that was told before is answered as it was, and one that only the parser
    /// understands is read: what is said of those two is in `out`.
    pub fn turn_away(
        &mut self,
        (bytes, peer): (&[u8], Peer),
        why: TurnedAway,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Option<Refusal> {
        let mut out = Out { now, list: out };
        let Some(glance) = Glance::at(bytes) else {
            self.turn_away_whole(bytes, peer, why, &mut out);
            return None;
        };
        let key = glance.key(&self.keys);
        if let Some(tx) = self.servers.find(key) {
            self.repeated(tx, &mut out);
            return None;
        }
        self.turned_away.note(key, now);
        let sender = Sender::of(&glance.via, peer);
        glance.answer(why, key, sender, (&self.settings.product, &mut self.paper));
        let mut answer = self.paper.split().freeze();
        if peer.transport.is_reliable() {
            // It may wait for long, and would keep those beside it.
            answer = Bytes::copy_from_slice(&answer);
        }
        Some(Refusal {
            bytes: answer,
            peer: sender.home(),
            method: glance.method,
            reason: why.reason(),
            code: why.code(),
        })
    }

    /// As [`Self::turn_away`], for a request that a glance does not understand.
    fn turn_away_whole(&mut self, bytes: &[u8], peer: Peer, why: TurnedAway, out: &mut Out<'_>) {
        let bytes = &Bytes::copy_from_slice(bytes);
        let Ok(Message::Request(mut request)) = Message::parse(bytes) else {
            return self.received(bytes, peer, out);
        };
        let passes = matches!(request.method, Method::Ack | Method::Cancel);
        match Origin::read(&request, &self.keys) {
            Ok(origin) if !passes && self.servers.find(origin.key).is_none() => {
                let home = origin::stamp(&mut request, peer);
                self.turned_away.note(origin.key, out.now);
                out.count(Count::Request {
                    method: MethodLabel::from(&request.method),
                    inbound: true,
                    transport: peer.transport,
                });
                self.refuse(&request, &origin, why.objection(origin.key), home, out);
            }
            Ok(_) | Err(_) => self.received(bytes, peer, out),
        }
    }
}

/// Requests that were turned away lately. A copy that was sent while the first one waited
/// must not become a call: its sender has been told otherwise, and is gone.
#[derive(Debug, Default)]
pub(super) struct Lately {
    since: Option<Instant>,
    noted: Vec<Noted>,
}

/// Eight bytes, so that all of them together stay in a core's cache.
#[derive(Clone, Copy, Debug, Default)]
struct Noted {
    /// Half of the key's bits; others say where it stands, which together are enough.
    bits: u32,
    /// Hundredths of a second from the first one to the end of this one, modulo 2^32.
    until: u32,
}

/// How many are remembered; the newer of two that share a place.
const LATELY: usize = 65_536;

impl Lately {
    fn note(&mut self, key: Key, now: Instant) {
        // Most servers never turn anybody away.
        self.noted.resize(LATELY, Noted::default());
        let since = *self.since.get_or_insert(now);
        let (place, bits) = split(key);
        if let Some(noted) = self.noted.get_mut(place) {
            let until = hundredths(since, now + GIVE_UP);
            *noted = Noted { bits, until };
        }
    }

    pub(super) fn knows(&self, key: Key, now: Instant) -> bool {
        let (place, bits) = split(key);
        let known = self.noted.get(place).filter(|noted| noted.bits == bits);
        self.since.zip(known).is_some_and(|(since, noted)| {
            // What was noted in another round of the counter seems to be far ahead.
            let left = noted.until.wrapping_sub(hundredths(since, now));
            left > 0 && left <= hundredths(since, since + GIVE_UP)
        })
    }
}

fn hundredths(since: Instant, at: Instant) -> u32 {
    let past = at.saturating_duration_since(since).as_millis() / 10;
    u32::try_from(past & u128::from(u32::MAX)).unwrap_or(0)
}

/// Where a key stands, and what tells it from others that stand there.
fn split(key: Key) -> (usize, u32) {
    let bits = key.low_bits();
    let place = usize::try_from(bits).unwrap_or(0) % LATELY;
    (place, u32::try_from(bits >> 32).unwrap_or(0))
}
