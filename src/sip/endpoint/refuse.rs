//! What the endpoint answers by itself, keeping nothing (RFC 3261 sections 8.2 and 8.2.7).

use std::time::Instant;

use super::Endpoint;
use super::shed::retry_after;
use super::words::{Count, Out};
use crate::model::RejectReason;
use crate::sip::origin::{self, Origin};
use crate::sip::{Method, Name, ParseError, Peer, Request, Response, Scheme};

/// The methods that the user of an endpoint is asked about, and ACK and CANCEL.
const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO, UPDATE, PRACK, REFER";
/// Extensions that may be required of us: session timers (RFC 4028), provisional answers
/// that are acknowledged (RFC 3262; all that we give is 100, which never is), dialogs that
/// replace others (RFC 3891), REFER without report (RFC 4488).
const KNOWN_EXTENSIONS: [&str; 4] = ["timer", "100rel", "replaces", "norefersub"];
/// Of a registrar besides: proxies on the way (RFC 3327), flows (RFC 5626).
const REGISTRAR_EXTENSIONS: [&str; 2] = ["path", "outbound"];

/// A body as it is: no other can be read.
const IDENTITY: &str = "identity";

/// Why a request goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Objection {
    /// 501: no such method.
    UnknownMethod,
    /// 405: not for us.
    Method,
    /// 416: a URI of another kind.
    Scheme,
    /// 400: a header that cannot be read.
    Header,
    /// 483.
    TooManyHops,
    /// 482: the same request came by another way.
    Merged,
    /// 420, with the extensions that we do not know.
    Extension(String),
    /// 415: a body that is packed.
    Encoding,
    /// 503, with the seconds after which to try again.
    Overload(&'static str),
    /// 487: its sender has given it up.
    GivenUp,
    /// 403: from a scanner.
    Scanner,
}

impl Objection {
    fn code(&self) -> u16 {
        match self {
            Self::UnknownMethod => 501,
            Self::Method => 405,
            Self::Scheme => 416,
            Self::Header => 400,
            Self::TooManyHops => 483,
            Self::Merged => 482,
            Self::Extension(_) => 420,
            Self::Encoding => 415,
            Self::Overload(_) => 503,
            Self::GivenUp => 487,
            Self::Scanner => 403,
        }
    }

    /// `None` when the sender did nothing wrong.
    fn reason(&self) -> Option<RejectReason> {
        match self {
            Self::UnknownMethod | Self::Method | Self::Scheme | Self::Encoding => {
                Some(RejectReason::Unsupported)
            }
            Self::Header => Some(RejectReason::Malformed),
            Self::TooManyHops => Some(RejectReason::MaxForwards),
            Self::Merged => None,
            Self::Extension(_) => Some(RejectReason::Extension),
            Self::Overload(_) | Self::GivenUp => Some(RejectReason::Overload),
            Self::Scanner => Some(RejectReason::UnknownSource),
        }
    }
}

impl Endpoint {
    /// What speaks against a request that belongs to no transaction, in the order of
    /// RFC 3261 section 8.2.
    pub(super) fn objection(
        &self,
        request: &Request,
        origin: &Origin,
        now: Instant,
    ) -> Option<Objection> {
        let is_full = if origin.to_tag.is_some() {
            self.in_flight() >= self.settings.max_transactions
        } else {
            self.is_full()
        };
        if is_full || self.turned_away.knows(origin.key, now) {
            return Some(Objection::Overload(retry_after(origin.key)));
        }
        match &request.method {
            Method::Invite
            | Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Register
            | Method::Options
            | Method::Info
            | Method::Update
            | Method::Prack
            | Method::Refer
            | Method::Notify => {}
            Method::Subscribe | Method::Message | Method::Publish => {
                return Some(Objection::Method);
            }
            Method::Other(_) => return Some(Objection::UnknownMethod),
        }
        match request.uri.scheme {
            Scheme::Sip | Scheme::Sips | Scheme::Tel => {}
            Scheme::Other(_) => return Some(Objection::Scheme),
        }
        // RFC 3261 section 16.3: a limit for those who pass on. Of all that comes here only a
        // call that begins may be, to a line, and the round that it goes then has an end.
        let begins = request.method == Method::Invite && origin.to_tag.is_none();
        match request.headers.max_forwards() {
            Ok(Some(0)) if begins => return Some(Objection::TooManyHops),
            Ok(Some(_) | None) => {}
            Err(_) => return Some(Objection::Header),
        }
        if origin
            .merge
            .is_some_and(|merge| self.servers.knows_copy(merge))
        {
            return Some(Objection::Merged);
        }
        let registers = request.method == Method::Register;
        let known = |tag: &String| {
            let tag = tag.as_str();
            KNOWN_EXTENSIONS.contains(&tag) || (registers && REGISTRAR_EXTENSIONS.contains(&tag))
        };
        let required = request.headers.tokens(&Name::Require);
        let unknown: Vec<String> = required.into_iter().filter(|tag| !known(tag)).collect();
        if !unknown.is_empty() {
            return Some(Objection::Extension(unknown.join(", ")));
        }
        // RFC 3261 section 8.2.3.
        let is_packed = !request.body.is_empty() && {
            let encodings = request.headers.tokens(&Name::ContentEncoding);
            encodings.iter().any(|encoding| encoding != IDENTITY)
        };
        is_packed.then_some(Objection::Encoding)
    }

    pub(super) fn refuse(
        &self,
        request: &Request,
        origin: &Origin,
        objection: Objection,
        home: Peer,
        out: &mut Out<'_>,
    ) {
        if let Some(reason) = objection.reason() {
            let source = home.remote;
            out.count(Count::Refused { reason, source });
        }
        let mut response = Response::to(request, objection.code());
        response.set_to_tag(&origin.stateless_tag());
        match objection {
            Objection::UnknownMethod | Objection::Method => {
                response.headers.push(Name::Allow, ALLOW);
            }
            Objection::Extension(unknown) => response.headers.push(Name::Unsupported, unknown),
            Objection::Encoding => {
                response.headers.push(Name::AcceptEncoding, IDENTITY);
            }
            Objection::Overload(seconds) => {
                response.headers.push(Name::RetryAfter, seconds);
            }
            Objection::Scheme
            | Objection::Header
            | Objection::TooManyHops
            | Objection::Merged
            | Objection::GivenUp
            | Objection::Scanner => {}
        }
        self.send_response(&mut response, home, out);
    }

    /// A request that could not even be read; its answer came with the complaint.
    pub(super) fn refuse_unreadable(&self, error: &ParseError, peer: Peer, out: &mut Out<'_>) {
        let ParseError::Refuse(refusal) = error else {
            return;
        };
        let reason = match refusal.code {
            413 | 513 => RejectReason::TooLarge,
            505 => RejectReason::Unsupported,
            _ => RejectReason::Malformed,
        };
        out.count(Count::Refused {
            reason,
            source: peer.remote,
        });
        if refusal.is_ack {
            return;
        }
        let mut response = (*refusal.response).clone();
        response.set_to_tag("s0");
        let home = origin::way_back(&response.headers, peer);
        self.send_response(&mut response, home, out);
    }

    /// A request that lacks what every transaction needs.
    pub(super) fn refuse_without_origin(&self, request: &Request, peer: Peer, out: &mut Out<'_>) {
        out.count(Count::Refused {
            reason: RejectReason::Malformed,
            source: peer.remote,
        });
        if request.method == Method::Ack {
            return;
        }
        let mut response = Response::to(request, 400);
        response.set_to_tag("s0");
        let home = origin::way_back(&response.headers, peer);
        self.send_response(&mut response, home, out);
    }

    /// An answer that is the same for each copy of the request.
    pub(super) fn answer_without_state(
        &self,
        request: &Request,
        code: u16,
        origin: &Origin,
        home: Peer,
        out: &mut Out<'_>,
    ) {
        let mut response = Response::to(request, code);
        response.set_to_tag(&origin.stateless_tag());
        self.send_response(&mut response, home, out);
    }
}
