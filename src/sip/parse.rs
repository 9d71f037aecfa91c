//! A datagram, or one whole message of a stream, into a [`Message`].

use std::borrow::Cow;

use bytes::Bytes;

use crate::model::limits;
use crate::sip::method::is_token_byte;
use crate::sip::text::cut;
use crate::sip::uri::{RawUri, digits};
use crate::sip::{CSeq, HeaderError, Headers, Message, Method, Name, Request, Response, Uri};

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
        let (headers, complaint) = read_headers(bytes, &mut lines)?;
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
    fn line(&mut self) -> Option<Line> {
        let start = self.at;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let (length, after, torn) = match rest.get(length..).unwrap_or_default() {
            [b'\r', b'\n', ..] => (length, 2, false),
            [b'\r', more @ ..] => {
                // A CR of its own: the line goes on to its LF.
                let more = memchr::memchr(b'\n', more).unwrap_or(more.len());
                let end = length + 1 + more;
                let ends_in_cr = end > 0 && rest.get(end - 1) == Some(&b'\r');
                let inner = end - usize::from(ends_in_cr);
                (inner, 1 + usize::from(ends_in_cr), inner > length)
            }
            [_, ..] => (length, 1, false),
            [] => (length, 0, false),
        };
        let end = start + length;
        self.at = (end + after).min(self.bytes.len());
        Some(Line { start, end, torn })
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
const TOO_LONG: Fault = (400, "header too long");

fn read_headers(
    bytes: &Bytes,
    lines: &mut Lines<'_>,
) -> Result<(Headers, Option<Fault>), ParseError> {
    let mut headers = Headers::of(bytes, USUAL_LINES);
    let mut complaint = None;
    let first = lines.at;
    let whole = loop {
        let Some(line) = lines.line() else {
            break false;
        };
        if line.start == line.end {
            break true;
        }
        if headers.len() == limits::HEADERS {
            return Err(ParseError::Ignore("too many headers"));
        }
        let fault = if lines.folded() {
            folded_header(bytes, line, lines, &mut headers)
        } else {
            plain_header(bytes, line, &mut headers)
        };
        complaint = complaint.or_else(|| fault.err());
    };
    // Sought once and not in each line; no value may carry one to where it is echoed.
    if memchr::memchr(0, bytes.get(first..lines.at).unwrap_or_default()).is_some() {
        headers.retain_values(|value| memchr::memchr(0, value).is_none());
        complaint = complaint.or(Some(NO_HEADER));
    }
    if !whole {
        complaint = complaint.or(Some((400, "no empty line after the headers")));
    }
    Ok((headers, complaint))
}

#[inline(always)]
fn plain_header(bytes: &Bytes, line: Line, headers: &mut Headers) -> Result<(), Fault> {
    let text = bytes.get(line.start..line.end).ok_or(NO_HEADER)?;
    if text.len() > LINE_BYTES {
        return Err(TOO_LONG);
    }
    let (name, value) = name_and_value(text).ok_or(NO_HEADER)?;
    let value = value.trim_ascii_end();
    let end = line.start + text.trim_ascii_end().len();
    if line.torn {
        return Err(NO_HEADER);
    }
    if value.len() > limits::HEADER_BYTES {
        return Err(TOO_LONG);
    }
    headers.push_wire(name, end - value.len(), end);
    Ok(())
}

/// A header of several lines: one space for each fold (RFC 3261 section 7.3.1).
fn folded_header(
    bytes: &[u8],
    line: Line,
    lines: &mut Lines<'_>,
    headers: &mut Headers,
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
    headers.push_own(name, whole.into());
    Ok(())
}

/// What stands before and after the colon; spaces may stand before it.
#[inline(always)]
fn name_and_value(line: &[u8]) -> Option<(Name, &[u8])> {
    let length = line.iter().position(|b| !is_token_byte(*b))?;
    let (name, rest) = line.split_at_checked(length).filter(|_| length > 0)?;
    let value = rest.trim_ascii_start().strip_prefix(b":")?;
    let name = match Name::known(name) {
        Some(known) => known,
        None => Name::Other(std::str::from_utf8(name).ok()?.into()),
    };
    Some((name, value.trim_ascii_start()))
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
    let vias = headers.iter().filter(|header| *header.name == Name::Via);
    let hops = vias.map(|via| 1 + memchr::memchr_iter(b',', via.value).count());
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
