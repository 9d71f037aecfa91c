//! A datagram, or one whole message of a stream, into a [`Message`].

use std::borrow::Cow;

use bytes::Bytes;

use crate::model::limits;
use crate::sip::uri::digits;
use crate::sip::{HeaderError, Headers, Message, Method, Name, Request, Response, Uri};

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
        uri: Option<Uri>,
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
                let broken =
                    |code, why: Cow<'static, str>| refuse(&method, headers.clone(), code, why);
                if let Some((code, why)) = complaint {
                    return Err(broken(code, why.into()));
                }
                let Some(uri) = uri else {
                    return Err(broken(400, "unreadable request address".into()));
                };
                if !version {
                    return Err(broken(505, "not SIP/2.0".into()));
                }
                check_request(&method, &headers)
                    .map_err(|error| broken(400, error.to_string().into()))?;
                let body = cut_body(&headers, &rest)
                    .ok_or_else(|| broken(400, "Content-Length does not fit".into()))?;
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
                    cut_body(&headers, &rest).ok_or(ParseError::Ignore("broken response"))?;
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

struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Lines<'_> {
    /// The next line without its end, which may be CR LF or LF alone; `None` at the end
    /// of the bytes.
    fn line(&mut self) -> Option<(usize, usize)> {
        let start = self.at;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest);
        self.at = length.map_or(self.bytes.len(), |length| start + length + 1);
        let end = length.map_or(self.bytes.len(), |length| start + length);
        let carriage = end > start && self.bytes.get(end - 1) == Some(&b'\r');
        Some((start, if carriage { end - 1 } else { end }))
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

fn start_line(bytes: &Bytes, (start, end): (usize, usize)) -> Option<Start> {
    let line = std::str::from_utf8(bytes.get(start..end)?).ok();
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
    let line = line?;
    let (method, rest) = line.split_once(' ')?;
    let (uri, version) = rest.trim_end().rsplit_once(' ')?;
    let method = Method::parse(method)?;
    if !version
        .get(..4)
        .is_some_and(|v| v.eq_ignore_ascii_case("SIP/"))
    {
        return None;
    }
    // RFC 4475 section 3.1.2.10: brackets and spaces around the address are an error to
    // answer, not noise; trailing space is not worth refusing, and is refused all the same.
    let clean = line.len() == line.trim_end().len();
    let uri = if clean { Uri::parse(uri).ok() } else { None };
    Some(Start::Request {
        method,
        uri,
        version: version.eq_ignore_ascii_case("SIP/2.0"),
    })
}

type Complaint = Option<(u16, &'static str)>;

fn read_headers(bytes: &Bytes, lines: &mut Lines<'_>) -> Result<(Headers, Complaint), ParseError> {
    let mut headers = Headers::default();
    let mut complaint = None;
    loop {
        let Some((start, end)) = lines.line() else {
            return Ok((
                headers,
                complaint.or(Some((400, "no empty line after the headers"))),
            ));
        };
        if start == end {
            return Ok((headers, complaint));
        }
        let mut last = end;
        let mut folded = false;
        while lines.folded() {
            let Some((_, next)) = lines.line() else { break };
            last = next;
            folded = true;
        }
        if headers.len() == limits::HEADERS {
            return Err(ParseError::Ignore("too many headers"));
        }
        match header_line(bytes, start, last, folded) {
            Some((name, value)) if value.len() <= limits::HEADER_BYTES => {
                headers.push_raw(name, value);
            }
            Some(_) => complaint = complaint.or(Some((400, "header too long"))),
            None => complaint = complaint.or(Some((400, "a line that is no header"))),
        }
    }
}

fn header_line(bytes: &Bytes, start: usize, end: usize, folded: bool) -> Option<(Name, Bytes)> {
    let line = bytes.get(start..end)?;
    let colon = memchr::memchr(b':', line)?;
    let name = std::str::from_utf8(line.get(..colon)?).ok()?.trim_end();
    if name.is_empty() || !name.bytes().all(crate::sip::method::is_token_byte) {
        return None;
    }
    let value = line.get(colon + 1..)?;
    let clear = if folded {
        memchr::memchr(0, value).is_none()
    } else {
        memchr::memchr2(0, b'\r', value).is_none()
    };
    let value = if folded {
        // One space for each fold (RFC 3261 section 7.3.1).
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
        Bytes::from(whole)
    } else {
        bytes.slice_ref(value.trim_ascii())
    };
    clear.then(|| (Name::parse(name), value))
}

fn check_common(headers: &Headers) -> Result<(), HeaderError> {
    headers.via()?;
    headers.from()?;
    headers.to()?;
    headers.call_id()?;
    headers.cseq()?;
    Ok(())
}

fn check_request(method: &Method, headers: &Headers) -> Result<(), HeaderError> {
    check_common(headers)?;
    headers.max_forwards()?;
    if headers.cseq()?.method != *method {
        return Err(HeaderError::Malformed(Name::CSeq));
    }
    let vias = headers.iter().filter(|header| header.name == Name::Via);
    let hops = vias.map(|via| 1 + memchr::memchr_iter(b',', &via.value).count());
    if hops.sum::<usize>() > limits::VIAS {
        return Err(HeaderError::Repeated(Name::Via));
    }
    if matches!(method, Method::Invite | Method::Register) {
        headers.contacts()?;
    }
    Ok(())
}

/// The body as Content-Length says; without one, the rest of the datagram (RFC 3261
/// section 18.3). `None` when more is promised than there is, or twice differently.
fn cut_body(headers: &Headers, rest: &Bytes) -> Option<Bytes> {
    match headers.only(Name::ContentLength) {
        Ok(length) => {
            let length: usize = digits(&length)?;
            (length <= rest.len()).then(|| rest.slice(..length))
        }
        Err(HeaderError::Missing(_)) => Some(rest.clone()),
        Err(HeaderError::Malformed(_) | HeaderError::Repeated(_)) => None,
    }
}

fn refuse(method: &Method, headers: Headers, code: u16, why: Cow<'static, str>) -> ParseError {
    // A Via that cannot be read is echoed all the same: the answer goes to the source.
    if headers.first(&Name::Via).is_none() {
        return ParseError::Ignore("a broken request without a way back");
    }
    let uri = Uri::sip(None, &crate::sip::Host::Name("unknown".into()), None);
    let request = Request {
        method: method.clone(),
        uri,
        headers,
        body: Bytes::new(),
    };
    let response = Box::new(Response::to(&request, code));
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
