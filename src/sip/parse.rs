//! A datagram, or one whole message of a stream, into a [`Message`].

use std::borrow::Cow;

use bytes::Bytes;

use crate::model::limits;
use crate::sip::fields::Fields;
use crate::sip::method::is_token_byte;
use crate::sip::text::cut;
use crate::sip::uri::{RawUri, digits};
use crate::sip::{
    CSeq, HeaderError, Headers, Known, Message, Method, Name, Request, Response, Uri,
};

/// A request that cannot be used, and what to answer it.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The status code.
    pub code: u16,
    /// What is wrong with it.
    pub why: Cow<'static, str>,
    /// The answer, ready to be sent to where its Via says.
    pub response: Box<Response>,
    /// An ACK is never answered, whatever is wrong with it.
    pub is_ack: bool,
}

/// What came is not a message to work with.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ParseError {
    /// Keep-alive, noise, or a broken response: nothing to say to its sender.
    #[error("{0}")]
    Ignore(&'static str),
    /// A broken request that can be answered.
    #[error("{}", .0.why)]
    Refuse(Refusal),
}

enum Start {
    Request {
        method: Method,
        uri: Result<Uri, Fault>,
        version: bool,
    },
    Response {
        code: u16,
        reason: Bytes,
    },
}

impl Message {
    /// Reads a message that the bytes hold whole.
    ///
    /// # Errors
    /// [`ParseError::Ignore`] when nobody can be answered, [`ParseError::Refuse`] with
    /// the answer when a request names its way back.
    pub fn parse(bytes: &Bytes) -> Result<Self, ParseError> {
        let mut lines = Lines {
            bytes,
            at: skip_blank(bytes),
        };
        let Some(first) = lines.line() else {
            return Err(ParseError::Ignore("keep-alive"));
        };
        let start = start_line(bytes, first).ok_or(ParseError::Ignore("no SIP start line"))?;
        let (headers, complaint) = read_headers(bytes, &mut lines);
        let rest = bytes.slice(lines.at.min(bytes.len())..);
        match start {
            Start::Request {
                method,
                uri,
                version,
            } => {
                let broken = |code, why: Cow<'static, str>| {
                    // RFC 3261 section 8.2: the method is looked at before the headers.
                    let unknown = code == 400 && matches!(method, Method::Other(_));
                    let code = if unknown { 501 } else { code };
                    refuse(&method, &headers, code, why)
                };
                if let Some((code, why)) = complaint {
                    // Those that were not read may have had what an answer needs.
                    if complaint == Some(TOO_MANY) && check_common(&headers).is_err() {
                        return Err(ParseError::Ignore("too many headers"));
                    }
                    return Err(broken(code, why.into()));
                }
                let uri = uri.map_err(|(code, why)| broken(code, why.into()))?;
                if !version {
                    return Err(broken(505, "not SIP/2.0".into()));
                }
                check_request(&method, &headers)
                    .map_err(|error| broken(400, error.to_string().into()))?;
                let body =
                    cut_body(&headers, &rest).map_err(|(code, why)| broken(code, why.into()))?;
                if body.len() > limits::BODY_BYTES {
                    return Err(broken(413, "body too large".into()));
                }
                Ok(Self::Request(Request {
                    method,
                    uri,
                    headers,
                    body,
                }))
            }
            Start::Response { code, reason } => {
                if complaint.is_some() || check_common(&headers).is_err() {
                    return Err(ParseError::Ignore("broken response"));
                }
                let body =
                    cut_body(&headers, &rest).map_err(|_| ParseError::Ignore("broken response"))?;
                Ok(Self::Response(Response {
                    code,
                    reason,
                    headers,
                    body,
                }))
            }
        }
    }
}

/// A part of a body: its headers, perhaps none, and what they are about (RFC 2046
/// section 5.1).
pub(super) fn read_part(bytes: &Bytes) -> Option<(Headers, Bytes)> {
    let mut lines = Lines { bytes, at: 0 };
    let (headers, complaint) = read_headers(bytes, &mut lines);
    let rest = bytes.slice(lines.at.min(bytes.len())..);
    complaint.is_none().then_some((headers, rest))
}

/// Where a line stands, without its end.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    end: usize,
    /// Whether a CR stands within it.
    torn: bool,
}

struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Lines<'_> {
    /// The next line, whose end may be CR LF or LF alone; `None` at the end of the bytes.
    #[inline(always)]
    fn line(&mut self) -> Option<Line> {
        let start = self.at;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let after = match rest.get(length..).unwrap_or_default() {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            [] => 0,
            [..] => return Some(self.torn_line(rest, length)),
        };
        let end = start + length;
        self.at = end + after;
        let torn = false;
        Some(Line { start, end, torn })
    }

    /// A line with a CR of its own at `length`: it goes on to its LF.
    #[cold]
    fn torn_line(&mut self, rest: &[u8], length: usize) -> Line {
        let more = rest.get(length..).unwrap_or_default();
        let whole = memchr::memchr(b'\n', more).map_or(rest.len(), |more| length + more);
        let text = rest.get(..whole).unwrap_or_default();
        let inner = text.strip_suffix(b"\r").unwrap_or(text).len();
        let start = self.at;
        self.at = (start + whole + 1).min(self.bytes.len());
        Line {
            start,
            end: start + inner,
            torn: inner > length,
        }
    }

    /// Goes on behind the empty line after the headers, whatever they are; whether there is
    /// one.
    #[cold]
    fn pass_head(&mut self) -> bool {
        while let Some(line) = self.line() {
            if line.start == line.end {
                return true;
            }
        }
        false
    }

    fn folded(&self) -> bool {
        matches!(self.bytes.get(self.at), Some(b' ' | b'\t'))
    }
}

/// RFC 3261 section 7.5: empty lines before a message are skipped.
fn skip_blank(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|b| matches!(b, b'\r' | b'\n' | 0))
        .count()
}

fn start_line(bytes: &Bytes, Line { start, end, .. }: Line) -> Option<Start> {
    let raw = bytes.get(start..end)?;
    if raw.starts_with(b"SIP/2.0 ") {
        let code = std::str::from_utf8(raw.get(8..11)?).ok()?;
        let code: u16 = digits(code).filter(|code| (100..700).contains(code))?;
        if raw.get(11).is_some_and(|b| *b != b' ') {
            return None;
        }
        return Some(Start::Response {
            code,
            reason: bytes.slice((start + 12).min(end)..end),
        });
    }
    if raw.len() > LINE_BYTES {
        let space = memchr::memchr(b' ', raw.get(..LINE_BYTES)?)?;
        return Some(Start::Request {
            method: Method::parse(std::str::from_utf8(raw.get(..space)?).ok()?)?,
            uri: Err(LONG_ADDRESS),
            version: true,
        });
    }
    let line = std::str::from_utf8(raw).ok()?;
    let (method, rest) = cut(line, b' ')?;
    let method = Method::parse(method)?;
    let (uri, version) = rest.trim_ascii_end().rsplit_once(' ')?;
    if !version
        .get(..4)
        .is_some_and(|v| v.eq_ignore_ascii_case("SIP/"))
    {
        return None;
    }
    // RFC 4475 section 3.1.2.10: brackets and spaces around the address are an error to
    // answer, not noise; trailing space is not worth refusing, and is refused all the same.
    let clean = line.len() == line.trim_ascii_end().len();
    let uri = if uri.len() > limits::HEADER_BYTES {
        Err(LONG_ADDRESS)
    } else {
        let uri = RawUri::read(uri).filter(|_| clean);
        uri.map(|uri| uri.own(Some(bytes)))
            .ok_or((400, "unreadable request address"))
    };
    Some(Start::Request {
        method,
        uri,
        version: version.eq_ignore_ascii_case("SIP/2.0"),
    })
}

type Fault = (u16, &'static str);

/// A value at its longest, with its name and some spaces around it or in its folds.
const LINE_BYTES: usize = limits::HEADER_BYTES + 1024;
/// More than most messages have.
const USUAL_LINES: usize = 24;
const NO_HEADER: Fault = (400, "a line that is no header");
const LONG_ADDRESS: Fault = (414, "request address too long");
const NO_LENGTH: Fault = (400, "Content-Length does not fit");
/// RFC 3261 section 21.5.14: no transport of ours carries so much.
const TOO_LARGE: Fault = (513, "message too large");
const TOO_MANY: Fault = (400, "too many headers");
const TOO_LONG: Fault = (400, "header too long");

fn read_headers(bytes: &Bytes, lines: &mut Lines<'_>) -> (Headers, Option<Fault>) {
    let mut fields = Fields::of(bytes, USUAL_LINES);
    let mut complaint = None;
    let first = lines.at;
    let whole = loop {
        let Some(line) = lines.line() else {
            break false;
        };
        if line.start == line.end {
            break true;
        }
        if fields.iter().len() == limits::HEADERS {
            complaint = complaint.or(Some(TOO_MANY));
            break lines.pass_head();
        }
        let fault = if lines.folded() {
            folded_header(bytes, line, lines, &mut fields)
        } else {
            plain_header(bytes, line, &mut fields)
        };
        complaint = complaint.or_else(|| fault.err());
    };
    // Sought once and not in each line; no value may carry one to where it is echoed.
    if memchr::memchr(0, bytes.get(first..lines.at).unwrap_or_default()).is_some() {
        fields.retain(|fields, field| memchr::memchr(0, fields.value(field)).is_none());
        complaint = complaint.or(Some(NO_HEADER));
    }
    if !whole {
        complaint = complaint.or(Some((400, "no empty line after the headers")));
    }
    (fields.into(), complaint)
}

#[inline(always)]
fn plain_header(bytes: &[u8], line: Line, fields: &mut Fields) -> Result<(), Fault> {
    let text = bytes.get(line.start..line.end).ok_or(NO_HEADER)?;
    if text.len() > LINE_BYTES {
        return Err(TOO_LONG);
    }
    let colon = colon(text).ok_or(NO_HEADER)?;
    let Some(name) = Known::read(text, colon) else {
        return other_header(text, line, fields);
    };
    let (start, end) = span(line, text.get(colon + 1..).unwrap_or_default())?;
    fields.push_known(name, start, end);
    Ok(())
}

/// A header whose name has no variant of its own, or spaces after it.
#[inline(never)]
fn other_header(text: &[u8], line: Line, fields: &mut Fields) -> Result<(), Fault> {
    let (name, value) = name_and_value(text).ok_or(NO_HEADER)?;
    let (start, end) = span(line, value)?;
    fields.push_wire(name, start, end);
    Ok(())
}

/// Where a value stands, which is the rest of its line without the spaces around it.
#[inline(always)]
fn span(line: Line, rest: &[u8]) -> Result<(usize, usize), Fault> {
    if line.torn {
        return Err(NO_HEADER);
    }
    let value = rest.trim_ascii_start();
    let start = line.end - value.len();
    let value = value.trim_ascii_end();
    if value.len() > limits::HEADER_BYTES {
        return Err(TOO_LONG);
    }
    Ok((start, start + value.len()))
}

/// A header of several lines: one space for each fold (RFC 3261 section 7.3.1).
fn folded_header(
    bytes: &[u8],
    line: Line,
    lines: &mut Lines<'_>,
    fields: &mut Fields,
) -> Result<(), Fault> {
    let mut end = line.end;
    while lines.folded() {
        let Some(next) = lines.line() else { break };
        end = next.end;
    }
    let text = bytes.get(line.start..end).ok_or(NO_HEADER)?;
    if text.len() > LINE_BYTES {
        return Err(TOO_LONG);
    }
    let (name, value) = name_and_value(text).ok_or(NO_HEADER)?;
    let mut whole = Vec::with_capacity(value.len());
    for part in value.split(|b| matches!(b, b'\r' | b'\n')) {
        let part = part.trim_ascii();
        if !part.is_empty() {
            if !whole.is_empty() {
                whole.push(b' ');
            }
            whole.extend_from_slice(part);
        }
    }
    if whole.len() > limits::HEADER_BYTES {
        return Err(TOO_LONG);
    }
    fields.push(name, whole.into_iter());
    Ok(())
}

/// What stands before and after the colon; spaces may stand before it.
fn name_and_value(line: &[u8]) -> Option<(Name, &[u8])> {
    let length = line.iter().position(|b| !is_token_byte(*b))?;
    let (name, rest) = line.split_at_checked(length).filter(|_| length > 0)?;
    let value = rest.trim_ascii_start().strip_prefix(b":")?;
    Some((Name::parse(std::str::from_utf8(name).ok()?), value))
}

/// Where the first colon stands. Eight bytes are looked at in one word: names are too short
/// for a search that has to be set up, and too long for one byte after the other.
#[inline(always)]
fn colon(line: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    const COLONS: u64 = u64::from_le_bytes([b':'; 8]);
    let (words, rest) = line.as_chunks();
    let mut before = 0;
    for word in words {
        // A colon becomes 0, and the lowest byte that is 0 the lowest with its high bit set.
        let odd = u64::from_le_bytes(*word) ^ COLONS;
        let found = odd.wrapping_sub(ONES) & !odd & HIGHS;
        if found != 0 {
            return Some(before + (found.trailing_zeros() / 8) as usize);
        }
        before += 8;
    }
    let at = rest.iter().position(|byte| *byte == b':')?;
    Some(before + at)
}

fn check_common(headers: &Headers) -> Result<CSeq, HeaderError> {
    headers.with_via(|_| {})?;
    headers.with_address(Name::From, |_| {})?;
    headers.with_address(Name::To, |_| {})?;
    headers.call_id()?;
    headers.cseq()
}

fn check_request(method: &Method, headers: &Headers) -> Result<(), HeaderError> {
    let cseq = check_common(headers)?;
    headers.max_forwards()?;
    if cseq.method != *method {
        return Err(HeaderError::Malformed(Name::CSeq));
    }
    // Commas are sought and not counted, which is slow to begin: there are hardly any.
    let hops = headers.values(&Name::Via).map(|via| {
        let commas = memchr::memchr_iter(b',', via).take(limits::VIAS);
        1 + commas.count()
    });
    if hops.sum::<usize>() > limits::VIAS {
        return Err(HeaderError::Repeated(Name::Via));
    }
    if matches!(method, Method::Invite | Method::Register) {
        headers.check_contacts()?;
    }
    Ok(())
}

/// The body as Content-Length says; without one, the rest of the datagram (RFC 3261
/// section 18.3). A fault when more is promised than there is, or twice differently.
fn cut_body(headers: &Headers, rest: &Bytes) -> Result<Bytes, Fault> {
    match headers.only(Name::ContentLength) {
        Ok(length) => match digits::<usize>(&length) {
            Some(length) if length <= rest.len() => Ok(rest.slice(..length)),
            Some(length) if length > limits::STREAM_MESSAGE_BYTES => Err(TOO_LARGE),
            Some(_) | None => Err(NO_LENGTH),
        },
        Err(HeaderError::Missing(_)) => Ok(rest.clone()),
        Err(HeaderError::Malformed(_) | HeaderError::Repeated(_)) => Err(NO_LENGTH),
    }
}

fn refuse(method: &Method, headers: &Headers, code: u16, why: Cow<'static, str>) -> ParseError {
    // A Via that cannot be read is echoed all the same: the answer goes to the source.
    if headers.first(&Name::Via).is_none() {
        return ParseError::Ignore("a broken request without a way back");
    }
    let response = Box::new(Response::echoing(headers, code));
    ParseError::Refuse(Refusal {
        code,
        why,
        response,
        is_ack: *method == Method::Ack,
    })
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
