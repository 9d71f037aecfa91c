//! Requests that are turned away without being read: there is no time for them, or their
//! sender deserves none.
//!
//! # Why
//! An answer of 503 that costs as much as a call is no help to a server that cannot keep
//! up. What a refusal must echo (RFC 3261 section 8.2.6.2) is found by a walk over the
//! lines; whatever is out of the ordinary there is left to the parser.

use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::Endpoint;
use super::refuse::Objection;
use super::words::{Count, MethodLabel, Out, Output};
use crate::model::{RejectReason, limits};
use crate::sip::header::RawVia;
use crate::sip::origin::{self, Origin, Sender};
use crate::sip::text::{before, cut};
use crate::sip::transaction::key::{Key, Keys, MAGIC_COOKIE, RequestMark};
use crate::sip::transaction::timers::GIVE_UP;
use crate::sip::{Message, Method, Name, Peer, reason_phrase};

/// Answers are written side by side on so many bytes, which are used again once all of
/// them are sent: memory that is asked for and given back by the thousand costs more than
/// what is written there.
const PAPER: usize = 65_536;

/// What a response echoes, in the order in which it came.
static ECHOED: [Name; 5] = [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq];

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// 503 with Retry-After: there is no time for it.
    Overload,
    /// 403: it is from a scanner.
    Scanner,
}

impl TurnedAway {
    fn code(self) -> u16 {
        match self {
            Self::Overload => 503,
            Self::Scanner => 403,
        }
    }

    fn reason(self) -> RejectReason {
        match self {
            Self::Overload => RejectReason::Overload,
            Self::Scanner => RejectReason::UnknownSource,
        }
    }

    fn objection(self, key: Key) -> Objection {
        match self {
            Self::Overload => Objection::Overload(retry_after(key)),
            Self::Scanner => Objection::Scanner,
        }
    }
}

/// 1 to 10 seconds, the same for each copy of a request, and spread over requests, so
/// that those who were refused together do not come back together.
pub(super) fn retry_after(key: Key) -> u64 {
    1 + key.low_bits() % 10
}

impl Endpoint {
    /// Turns a request outside a dialog away without reading it whole, and keeps nothing
    /// of it. One that was told before is answered as it was.
    pub fn turn_away(
        &mut self,
        (bytes, peer): (&[u8], Peer),
        why: TurnedAway,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let mut out = Out { now, list: out };
        let Some(glance) = Glance::at(bytes) else {
            return self.turn_away_whole(bytes, peer, why, &mut out);
        };
        let key = glance.key(&self.keys);
        if let Some(tx) = self.servers.find(key) {
            return self.repeated(tx, &mut out);
        }
        self.turned_away.note(key, out.now);
        out.count(Count::Request {
            method: Method::parse(glance.method)
                .as_ref()
                .map_or(MethodLabel::Other, Into::into),
            inbound: true,
            transport: peer.transport,
        });
        out.count(Count::Refused {
            reason: why.reason(),
            source: peer.remote,
        });
        out.count(Count::Response {
            code: why.code(),
            inbound: false,
        });
        let sender = Sender::of(&glance.via, peer);
        glance.answer(why, key, sender, (&self.settings.product, &mut self.paper));
        let mut answer = self.paper.split().freeze();
        if peer.transport.is_reliable() {
            // It may wait for long, and would keep those beside it.
            answer = Bytes::copy_from_slice(&answer);
        }
        out.send(answer, sender.home());
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
pub(super) struct Lately(Vec<Option<(u64, Instant)>>);

/// How many are remembered; the newer of two that share a place.
const LATELY: usize = 65_536;

impl Lately {
    fn note(&mut self, key: Key, now: Instant) {
        // Most servers never turn anybody away.
        self.0.resize(LATELY, None);
        if let Some(place) = self.0.get_mut(place(key)) {
            *place = Some((key.low_bits(), now));
        }
    }

    pub(super) fn knows(&self, key: Key, now: Instant) -> bool {
        let noted = self.0.get(place(key)).copied().flatten();
        noted.is_some_and(|(bits, at)| bits == key.low_bits() && now < at + GIVE_UP)
    }
}

fn place(key: Key) -> usize {
    usize::try_from(key.low_bits()).unwrap_or(0) % LATELY
}

/// What a refusal needs of a request.
struct Glance<'a> {
    method: &'a str,
    via: RawVia<'a>,
    branch: &'a str,
    echoed: Vec<(&'static Name, &'a str)>,
}

impl<'a> Glance<'a> {
    /// `None` for what only the parser can judge: folded lines, odd line ends, bytes that
    /// are no UTF-8, a header too few or too many, a branch from before RFC 3261.
    fn at(bytes: &'a [u8]) -> Option<Self> {
        let end = memchr::memmem::find(bytes, b"\r\n\r\n")?;
        let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
        let mut lines = lines(head);
        let method = method(lines.next()?)?;
        let mut echoed = Vec::with_capacity(8);
        for (count, line) in lines.enumerate() {
            if is_odd(line) || count >= limits::HEADERS {
                return None;
            }
            let (name, value) = cut(line, b':')?;
            let Some(name) = echo(name) else {
                continue;
            };
            let value = value.trim_matches([' ', '\t']);
            if value.is_empty() || value.len() > limits::HEADER_BYTES {
                return None;
            }
            echoed.push((name, value));
        }
        let via = top_via(&echoed)?;
        let branch = via.branch()?;
        let glance = Self {
            method,
            via,
            branch,
            echoed,
        };
        glance.is_ordinary().then_some(glance)
    }

    fn is_ordinary(&self) -> bool {
        let once = |name: &Name| {
            let mut found = self.echoed.iter().filter(|(n, _)| *n == name);
            let first = found.next().map(|(_, value)| *value);
            first.filter(|_| found.next().is_none())
        };
        let vias = self.echoed.iter().filter(|(n, _)| **n == Name::Via);
        let unique = self.branch.strip_prefix(MAGIC_COOKIE);
        vias.count() <= limits::VIAS
            && unique.is_some_and(|rest| !rest.is_empty())
            && once(&Name::CallId).is_some()
            // Without a tag, so that one can be added; From with one is any other.
            && once(&Name::To).is_some_and(|to| is_address(to) && to.ends_with('>'))
            && once(&Name::From).is_some_and(is_address)
            && once(&Name::CSeq).is_some_and(|cseq| self.counts(cseq))
    }

    fn counts(&self, cseq: &str) -> bool {
        cut(cseq, b' ').is_some_and(|(number, method)| {
            let digits = number.bytes().all(|b| b.is_ascii_digit());
            digits && number.parse::<u32>().is_ok_and(|n| n < 1 << 31) && method == self.method
        })
    }

    fn key(&self, keys: &Keys) -> Key {
        keys.server(&RequestMark {
            method: self.method,
            branch: Some(self.branch),
            host: &self.via.host_text(),
            port: self.via.port,
            via: "",
            uri: "",
            from_tag: "",
            call_id: "",
            cseq: 0,
        })
    }

    fn answer(
        &self,
        why: TurnedAway,
        key: Key,
        sender: Sender,
        (product, out): (&str, &mut BytesMut),
    ) {
        let echoed: usize = self.echoed.iter().map(|(_, value)| value.len() + 16).sum();
        let needed = echoed + product.len() + 256;
        if out.capacity() < needed {
            out.reserve(needed.max(PAPER));
        }
        let mut put = |parts: &[&str]| {
            for part in parts {
                out.extend_from_slice(part.as_bytes());
            }
        };
        put(&[
            "SIP/2.0 ",
            &why.code().to_string(),
            " ",
            reason_phrase(why.code()),
        ]);
        let mut stamped = false;
        for (name, value) in &self.echoed {
            let top = **name == Name::Via && !std::mem::replace(&mut stamped, true);
            let noted = if top { sender.noted(value) } else { None };
            let value = noted.as_deref().unwrap_or(value);
            put(&["\r\n", name.as_str(), ": ", value]);
            if **name == Name::To {
                put(&[";tag=", &origin::stateless_tag(key)]);
            }
        }
        if why == TurnedAway::Overload {
            put(&["\r\nRetry-After: ", &retry_after(key).to_string()]);
        }
        put(&["\r\nServer: ", product, "\r\nContent-Length: 0\r\n\r\n"]);
    }
}

/// The lines of a text, of which each but the last has its end.
fn lines(head: &str) -> impl Iterator<Item = &str> {
    let ends = memchr::memchr_iter(b'\n', head.as_bytes()).chain([head.len()]);
    let mut start = 0;
    ends.map(move |end| {
        let line = head.get(start..end).unwrap_or_default();
        start = end + 1;
        if end == head.len() {
            return line;
        }
        // One that ends otherwise is odd.
        line.strip_suffix('\r').unwrap_or("\n")
    })
}

/// A line that goes on with the one before, or has what no line may have.
fn is_odd(line: &str) -> bool {
    line.starts_with([' ', '\t']) || memchr::memchr3(b'\r', b'\n', 0, line.as_bytes()).is_some()
}

/// The header of that name, if it is to be echoed.
fn echo(name: &str) -> Option<&'static Name> {
    // Most are not, and are known by their first letter.
    let first = name.as_bytes().first()?.to_ascii_lowercase();
    if !matches!(first, b'v' | b'f' | b't' | b'c' | b'i') {
        return None;
    }
    let name = name.trim_end_matches([' ', '\t']);
    ECHOED.iter().find(|known| known.is_called(name))
}

fn method(first: &str) -> Option<&str> {
    let (method, rest) = cut(first, b' ')?;
    let (uri, version) = cut(rest, b' ')?;
    let good = !uri.is_empty() && version == "SIP/2.0";
    let known = ["INVITE", "REGISTER", "OPTIONS", "SUBSCRIBE", "MESSAGE"];
    (good && known.contains(&method)).then_some(method)
}

fn top_via<'a>(echoed: &[(&'static Name, &'a str)]) -> Option<RawVia<'a>> {
    let (_, line) = echoed.iter().find(|(name, _)| **name == Name::Via)?;
    // A comma within quotes does not end a value; there is hardly ever one.
    if memchr::memchr(b'"', line.as_bytes()).is_some() {
        return None;
    }
    RawVia::read(before(line, b',', b',').trim())
}

/// Whether it looks like `"Anna" <sip:anna@example.com>;tag=x`: one address in brackets.
fn is_address(value: &str) -> bool {
    let [mut quotes, mut opens, mut closes, mut odd] = [0_usize; 4];
    for byte in value.bytes() {
        quotes += usize::from(byte == b'"');
        opens += usize::from(byte == b'<');
        closes += usize::from(byte == b'>');
        odd += usize::from(byte == b'\\' || byte == b',');
    }
    let uri = cut(value, b'<').map_or("", |(_, uri)| uri);
    (quotes == 0 || (quotes == 2 && value.starts_with('"')))
        && (opens, closes, odd) == (1, 1, 0)
        && (uri.starts_with("sip:") || uri.starts_with("tel:"))
}

/// Whether a request is turned away without being read whole.
#[cfg(test)]
pub(super) fn is_understood(bytes: &[u8]) -> bool {
    Glance::at(bytes).is_some()
}
