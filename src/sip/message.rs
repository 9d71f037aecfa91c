//! Requests and responses, and how they are written.

use std::fmt::Write as _;

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::sip::{Headers, Method, Name, Uri};

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// Of whom.
    pub uri: Uri,
    /// Its headers.
    pub headers: Headers,
    /// Its body, perhaps empty.
    pub body: Bytes,
}

/// A response.
#[derive(Clone, Debug)]
pub struct Response {
    /// 100 to 699.
    pub code: u16,
    /// The phrase after it, for people.
    pub reason: Bytes,
    /// Its headers.
    pub headers: Headers,
    /// Its body, perhaps empty.
    pub body: Bytes,
}

/// What one datagram holds.
#[derive(Clone, Debug)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Message {
    /// The headers, of whichever it is.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    /// As on the wire.
    #[must_use]
    pub fn write(&self) -> Bytes {
        match self {
            Self::Request(request) => request.write(),
            Self::Response(response) => response.write(),
        }
    }
}

impl Request {
    /// A request without headers; those that the address asks for are not honoured (RFC 3261
    /// section 19.1.5).
    #[must_use]
    pub fn new(method: Method, uri: Uri) -> Self {
        Self {
            method,
            uri: uri.without_headers(),
            headers: Headers::default(),
            body: Bytes::new(),
        }
    }

    /// As on the wire; Content-Length is counted here.
    #[must_use]
    pub fn write(&self) -> Bytes {
        let start = [self.method.as_str(), " ", self.uri.as_str(), " SIP/2.0\r\n"];
        let length: usize = start.iter().map(|part| part.len()).sum();
        let mut out = BytesMut::with_capacity(length + rest_length(&self.headers, &self.body));
        for part in start {
            out.put_slice(part.as_bytes());
        }
        write_rest(&mut out, &self.headers, &self.body);
        out.freeze()
    }
}

impl Response {
    /// The answer to a request: Via, From, To, Call-ID and CSeq echoed as they came
    /// (RFC 3261 section 8.2.6.2). The tag of To is the caller's to add.
    ///
    /// One that makes a dialog says by which proxies its requests are to go: Record-Route
    /// is echoed too, line by line (section 12.1.1). To a re-INVITE, which makes none, that
    /// does no harm.
    #[must_use]
    pub fn to(request: &Request, code: u16) -> Self {
        const MAKES_DIALOG: [Name; 6] = [
            Name::Via,
            Name::RecordRoute,
            Name::From,
            Name::To,
            Name::CallId,
            Name::CSeq,
        ];
        if request.method == Method::Invite && (101..300).contains(&code) {
            Self::with(&request.headers, &MAKES_DIALOG, code)
        } else {
            Self::echoing(&request.headers, code)
        }
    }

    /// As [`Self::to`], of a request that could not be read whole.
    pub(crate) fn echoing(headers: &Headers, code: u16) -> Self {
        const ECHOED: [Name; 5] = [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq];
        Self::with(headers, &ECHOED, code)
    }

    fn with(headers: &Headers, echoed: &[Name], code: u16) -> Self {
        Self {
            code,
            reason: Bytes::from_static(reason_phrase(code).as_bytes()),
            headers: headers.some(echoed),
            body: Bytes::new(),
        }
    }

    /// Adds our tag to To, unless the request brought one.
    pub fn set_to_tag(&mut self, tag: &str) {
        let Some(to) = self
            .headers
            .first(&Name::To)
            .map(std::borrow::Cow::into_owned)
        else {
            return;
        };
        let tagged = self.headers.to().is_ok_and(|to| to.tag().is_some());
        if !tagged {
            self.headers.set(Name::To, format!("{to};tag={tag}"));
        }
    }

    /// Takes back what [`set_to_tag`](Self::set_to_tag) added.
    pub fn forget_to_tag(&mut self) {
        let to = self.headers.first(&Name::To);
        let bare = to.and_then(|to| to.rsplit_once(";tag=").map(|(bare, _)| bare.to_owned()));
        if let Some(bare) = bare {
            self.headers.set(Name::To, bare);
        }
    }

    /// As on the wire; Content-Length is counted here.
    #[must_use]
    pub fn write(&self) -> Bytes {
        let length = "SIP/2.0 200 \r\n".len() + self.reason.len();
        let mut out = BytesMut::with_capacity(length + rest_length(&self.headers, &self.body));
        // Writing to bytes cannot fail.
        write!(out, "SIP/2.0 {} ", self.code).ok();
        out.put_slice(&self.reason);
        out.put_slice(b"\r\n");
        write_rest(&mut out, &self.headers, &self.body);
        out.freeze()
    }
}

/// The length of what [`write_rest`] writes: a message that has just the room it needs can
/// be shared without another allocation, and some are kept for half a minute.
fn rest_length(headers: &Headers, body: &Bytes) -> usize {
    let lines = headers.iter().filter(|h| *h.name != Name::ContentLength);
    let lines = lines.map(|h| h.name.as_str().len() + ": \r\n".len() + h.value.len());
    let digits = body
        .len()
        .checked_ilog10()
        .map_or(1, |log| log as usize + 1);
    lines.sum::<usize>() + "Content-Length: \r\n\r\n".len() + digits + body.len()
}

fn write_rest(out: &mut BytesMut, headers: &Headers, body: &Bytes) {
    for header in headers.iter().filter(|h| *h.name != Name::ContentLength) {
        out.put_slice(header.name.as_str().as_bytes());
        out.put_slice(b": ");
        out.put_slice(header.value);
        out.put_slice(b"\r\n");
    }
    write!(out, "Content-Length: {}\r\n\r\n", body.len()).ok();
    out.put_slice(body);
}

/// The phrase that RFC 3261 section 21 gives a code; its class's for one it does not know.
#[must_use]
pub fn reason_phrase(code: u16) -> &'static str {
    match code {
        100 => "Trying",
        180 => "Ringing",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        430 => "Flow Failed",
        439 => "First Hop Lacks Outbound Support",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        491 => "Request Pending",
        493 => "Undecipherable",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        500 => "Server Internal Error",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        600 => "Busy Everywhere",
        603 => "Decline",
        101..=199 => "Progress",
        203..=299 => "OK",
        300..=399 => "Redirect",
        402..=499 => "Request Failure",
        502 | 504 | 506..=512 | 514..=599 => "Server Failure",
        _ => "Failure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 section 12.1.1: all values, in order, with whatever is unknown of them.
    #[test]
    fn what_makes_a_dialog_names_the_proxies_of_the_request() {
        const PROXIES: [&str; 2] = [
            "<sip:p3.example.com;lr;ours=a%2Cb>;x=\"y,z\", <sip:p2.example.com;lr>",
            "<sip:p1.example.com>",
        ];
        for (method, code, names) in [
            ("INVITE", 100, false),
            ("INVITE", 101, true),
            ("INVITE", 180, true),
            ("INVITE", 183, true),
            ("INVITE", 200, true),
            ("INVITE", 302, false),
            ("INVITE", 487, false),
            ("BYE", 200, false),
            ("OPTIONS", 200, false),
        ] {
            let [first, second] = PROXIES;
            let text = format!(
                "{method} sip:1@198.51.100.1 SIP/2.0\r\n\
                 Record-Route: {first}\r\n\
                 Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa\r\n\
                 Record-Route: {second}\r\n\
                 From: <sip:a@example.com>;tag=a\r\nTo: <sip:1@example.com>\r\n\
                 Call-ID: c\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
            );
            let Ok(Message::Request(request)) = Message::parse(&Bytes::from(text)) else {
                unreachable!();
            };
            let written = Message::parse(&Response::to(&request, code).write()).unwrap();
            let echoed: Vec<_> = written.headers().all(&Name::RecordRoute).collect();
            let expected: &[&str] = if names { &PROXIES } else { &[] };
            assert_eq!(echoed, expected, "{code} to {method}");
        }
    }
}
