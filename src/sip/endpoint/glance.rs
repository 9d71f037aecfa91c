//! What a refusal needs of a request, found by one walk over its lines.
//!
//! # Why
//! Of ten times as many calls as the machine carries, nine in ten are refused: what one
//! refusal costs decides how many of the others come through. Nothing is copied here but
//! what is echoed (RFC 3261 section 8.2.6.2), and whatever is out of the ordinary is left
//! to the parser.

use std::ops::Range;

use bytes::BytesMut;

use super::shed::{TurnedAway, retry_after};
use super::words::MethodLabel;
use crate::model::limits;
use crate::sip::header::RawVia;
use crate::sip::origin::{Sender, stateless_tag};
use crate::sip::text::{before, cut};
use crate::sip::transaction::key::{Key, Keys, MAGIC_COOKIE, RequestMark};
use crate::sip::{Known, reason_phrase};

/// Answers are written side by side on so many bytes, and asked for together: memory that
/// is asked for and given back by the thousand costs more than what is written there.
const PAPER: usize = 65_536;
/// What an answer has beside what is echoed and the name of the product.
const FRAME: usize = 256;
/// Lines of Via; whoever came by more proxies is left to the parser.
const VIAS: usize = 8;
/// And the hops on one of those lines.
const HOPS: usize = limits::VIAS / VIAS;

/// A request outside a dialog, as far as its refusal goes.
#[derive(Debug)]
pub(super) struct Glance<'a> {
    pub(super) method: MethodLabel,
    pub(super) via: RawVia<'a>,
    branch: &'a str,
    vias: [&'a str; VIAS],
    from: &'a str,
    to: &'a str,
    call_id: &'a str,
    cseq: &'a str,
}

impl<'a> Glance<'a> {
    /// `None` for what only the parser can judge: folded lines, odd line ends, bytes that
    /// are no UTF-8, a header too few or too many, a branch from before RFC 3261.
    pub(super) fn at(bytes: &'a [u8]) -> Option<Self> {
        let mut ends = memchr::memchr_iter(b'\n', bytes);
        let mut start = 0;
        let mut line = || {
            let range = start..ends.next()?;
            start = range.end + 1;
            (bytes.get(range.clone())?.last() == Some(&b'\r')).then(|| range.start..range.end - 1)
        };
        let first = line()?;
        let (mut places, mut count) = (Places::default(), 0);
        let end = loop {
            let range = line()?;
            if range.is_empty() {
                break range.start;
            }
            count += 1;
            places.note(bytes, range)?;
        };
        let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
        // Those of the line ends counted above, and of the first line.
        let returns = memchr::memchr_iter(b'\r', head.as_bytes()).count();
        if count > limits::HEADERS || returns != count + 1 || head.contains('\0') {
            return None;
        }
        let method = method(head.get(first)?)?;
        let value = |range: Range<usize>| head.get(range);
        let mut vias = [""; VIAS];
        for (via, range) in vias.iter_mut().zip(places.vias) {
            *via = range.map_or(Some(""), value)?;
            if memchr::memchr_iter(b',', via.as_bytes()).count() >= HOPS {
                return None;
            }
        }
        let via = top_via(vias.first()?)?;
        let [from, to, call_id, cseq] = places.once;
        let glance = Self {
            method,
            branch: via.branch()?,
            via,
            vias,
            from: value(from?)?,
            to: value(to?)?,
            call_id: value(call_id?)?,
            cseq: value(cseq?)?,
        };
        glance.is_ordinary().then_some(glance)
    }

    fn is_ordinary(&self) -> bool {
        let unique = self.branch.strip_prefix(MAGIC_COOKIE);
        unique.is_some_and(|rest| !rest.is_empty())
            // Without a tag, so that one can be added; From with one is any other.
            && self.to.ends_with('>')
            && is_address(self.to)
            && is_address(self.from)
            && cut(self.cseq, b' ').is_some_and(|(number, method)| {
                let digits = number.bytes().all(|b| b.is_ascii_digit());
                let small = number.parse::<u32>().is_ok_and(|n| n < 1 << 31);
                digits && small && method == self.method.as_str()
            })
    }

    pub(super) fn key(&self, keys: &Keys) -> Key {
        keys.server(&RequestMark {
            method: self.method.as_str(),
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

    pub(super) fn answer(
        &self,
        why: TurnedAway,
        key: Key,
        sender: Sender,
        (product, out): (&str, &mut BytesMut),
    ) {
        let vias = self.vias.iter().take_while(|via| !via.is_empty());
        let echoed = [self.from, self.to, self.call_id, self.cseq];
        let length: usize = vias.clone().chain(&echoed).map(|value| value.len()).sum();
        let needed = length + product.len() + FRAME;
        if out.capacity() < needed {
            out.reserve(needed.max(PAPER));
        }
        let mut put = |part: &str| out.extend_from_slice(part.as_bytes());
        put(match why {
            TurnedAway::Overload => "SIP/2.0 503 ",
            TurnedAway::GivenUp => "SIP/2.0 487 ",
            TurnedAway::Scanner => "SIP/2.0 403 ",
        });
        put(reason_phrase(why.code()));
        for (index, via) in vias.enumerate() {
            let noted = (index == 0).then(|| sender.noted(via)).flatten();
            put("\r\nVia: ");
            put(noted.as_deref().unwrap_or(via));
        }
        put("\r\nFrom: ");
        put(self.from);
        put("\r\nTo: ");
        put(self.to);
        put(";tag=");
        put(&stateless_tag(key));
        put("\r\nCall-ID: ");
        put(self.call_id);
        put("\r\nCSeq: ");
        put(self.cseq);
        if why == TurnedAway::Overload {
            put("\r\nRetry-After: ");
            put(retry_after(key));
        }
        put("\r\nServer: ");
        put(product);
        put("\r\nContent-Length: 0\r\n\r\n");
    }
}

/// Where the values stand that are echoed.
#[derive(Default)]
struct Places {
    vias: [Option<Range<usize>>; VIAS],
    count: usize,
    /// From, To, Call-ID and CSeq.
    once: [Option<Range<usize>>; 4],
}

impl Places {
    /// `None` for a line that goes on with the one before or has no name, and for a value
    /// that is one too many, too long, or empty.
    fn note(&mut self, bytes: &[u8], line: Range<usize>) -> Option<()> {
        let text = bytes.get(line.clone())?;
        let colon = text.iter().position(|byte| *byte == b':')?;
        let name = text.get(..colon)?;
        if name.is_empty() || matches!(text.first()?, b' ' | b'\t') {
            return None;
        }
        let [from, to, call_id, cseq] = &mut self.once;
        let place = match Known::read(text, name.trim_ascii_end().len()) {
            Some(Known::Via) => {
                self.count += 1;
                self.vias.get_mut(self.count - 1)?
            }
            Some(Known::From) => from,
            Some(Known::To) => to,
            Some(Known::CallId) => call_id,
            Some(Known::CSeq) => cseq,
            Some(_) | None => return Some(()),
        };
        if place.is_some() {
            return None;
        }
        let value = text.get(colon + 1..)?;
        let blank = |byte: &u8| !matches!(byte, b' ' | b'\t');
        let (from, to) = (
            value.iter().position(blank)?,
            value.iter().rposition(blank)?,
        );
        let start = line.start + colon + 1;
        *place = Some(start + from..start + to + 1);
        (to - from < limits::HEADER_BYTES).then_some(())
    }
}

/// The method of a request that may begin something.
fn method(first: &str) -> Option<MethodLabel> {
    let (method, rest) = cut(first, b' ')?;
    let (uri, version) = cut(rest, b' ')?;
    if uri.is_empty() || version != "SIP/2.0" {
        return None;
    }
    match method {
        "INVITE" => Some(MethodLabel::Invite),
        "REGISTER" => Some(MethodLabel::Register),
        "OPTIONS" => Some(MethodLabel::Options),
        "SUBSCRIBE" => Some(MethodLabel::Subscribe),
        "MESSAGE" => Some(MethodLabel::Message),
        _ => None,
    }
}

fn top_via(line: &str) -> Option<RawVia<'_>> {
    // A comma within quotes does not end a value; there is hardly ever one.
    if line.contains('"') {
        return None;
    }
    RawVia::read(before(line, b',', b',').trim_ascii())
}

/// Whether it looks like `"Anna" <sip:anna@example.com>;tag=x`: one address in brackets.
fn is_address(value: &str) -> bool {
    let [mut quotes, mut opens, mut closes] = [0_usize; 3];
    for byte in value.bytes() {
        match byte {
            b'"' => quotes += 1,
            b'<' => opens += 1,
            b'>' => closes += 1,
            b'\\' | b',' => return false,
            _ => {}
        }
    }
    let uri = cut(value, b'<').map_or("", |(_, uri)| uri);
    (quotes == 0 || (quotes == 2 && value.starts_with('"')))
        && (opens, closes) == (1, 1)
        && (uri.starts_with("sip:") || uri.starts_with("tel:"))
}
