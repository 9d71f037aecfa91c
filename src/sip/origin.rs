//! Who sent a request, which transaction it belongs to, and where its answers go.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::header::RawVia;
use super::transaction::key::{Key, Keys, RequestMark};
use super::uri::RawHost;
use super::{HeaderError, Headers, Method, Name, Peer, Request};

/// The port that a Via without one means (RFC 3261 section 18.2.2).
const DEFAULT_PORT: u16 = 5060;

/// What tells a request from all others.
#[derive(Debug)]
pub(crate) struct Origin {
    /// Its transaction; for an ACK or CANCEL that of the INVITE.
    pub(crate) key: Key,
    /// What a copy by another way would share; `None` inside a dialog.
    pub(crate) merge: Option<Key>,
    /// Whether the branch is unique by itself.
    pub(crate) is_rfc3261: bool,
    /// The To tag.
    pub(crate) to_tag: Option<Box<str>>,
}

impl Origin {
    /// Reads what every request must have (RFC 3261 section 8.1.1).
    pub(crate) fn read(request: &Request, keys: &Keys) -> Result<Self, HeaderError> {
        let headers = &request.headers;
        let cseq = headers.cseq()?.number;
        let call_id = headers.call_id()?;
        let to_tag = headers.with_address(Name::To, |to| to.tag().map(Box::from))?;
        headers.with_address(Name::From, |from| {
            let from_tag = from.tag().unwrap_or_default();
            headers.with_via(|via| {
                let line = headers.first(&Name::Via);
                let host = via.host_text();
                let method = if matches!(request.method, Method::Ack | Method::Cancel) {
                    "INVITE"
                } else {
                    request.method.as_str()
                };
                let mark = RequestMark {
                    method,
                    branch: via.branch(),
                    host: &host,
                    port: via.port,
                    via: line.as_deref().unwrap_or_default(),
                    uri: request.uri.as_str(),
                    from_tag,
                    call_id: &call_id,
                    cseq,
                };
                Self {
                    key: keys.server(&mark),
                    merge: to_tag.is_none().then(|| keys.merge(&mark)),
                    is_rfc3261: mark.is_rfc3261(),
                    to_tag,
                }
            })
        })?
    }

    /// A tag for answers that keep no state: the same for each copy of the request, and
    /// not of the shape of a dialog's tag, so that its ACK is known to be nobody's.
    pub(crate) fn stateless_tag(&self) -> StatelessTag {
        stateless_tag(self.key)
    }
}

/// [`Origin::stateless_tag`] of a transaction's key.
pub(crate) fn stateless_tag(key: Key) -> StatelessTag {
    let mut tag = [b's'; 17];
    let mut bits = key.low_bits();
    for place in tag.iter_mut().skip(1) {
        bits = bits.rotate_left(4);
        *place = match bits & 0xf {
            digit @ 0..10 => b'0' + digit.to_le_bytes()[0],
            digit => b'a' - 10 + digit.to_le_bytes()[0],
        };
    }
    StatelessTag(tag)
}

/// `s` and sixteen hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StatelessTag([u8; 17]);

impl std::ops::Deref for StatelessTag {
    type Target = str;

    fn deref(&self) -> &str {
        // Always text: it is made of nothing else.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The To tag, if there is one.
pub(crate) fn to_tag(headers: &Headers) -> Option<Box<str>> {
    let tag = headers.with_address(Name::To, |to| to.tag().map(Box::from));
    tag.ok().flatten()
}

/// What the top Via of a request says of its sender, beside where it came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender {
    peer: Peer,
    /// Its Via names another address.
    claims_other: bool,
    /// It asks for answers to the port that it came from (RFC 3581).
    wants_rport: bool,
    port: Option<u16>,
}

impl Sender {
    pub(crate) fn of(via: &RawVia<'_>, peer: Peer) -> Self {
        Self {
            peer,
            claims_other: via.host() != RawHost::Address(peer.remote.ip()),
            wants_rport: via.wants_rport(),
            port: via.port,
        }
    }

    /// Where answers go (RFC 3261 section 18.2.2, RFC 3581): on a stream, back on it; by
    /// datagrams, to the address that the request came from, and to the port that it came
    /// from if the sender asked for that. An address that a Via claims is never sent to.
    pub(crate) fn home(self) -> Peer {
        if self.peer.transport.is_reliable() || self.wants_rport {
            return self.peer;
        }
        let port = self.port.unwrap_or(DEFAULT_PORT);
        Peer {
            remote: SocketAddr::new(self.peer.remote.ip(), port),
            ..self.peer
        }
    }

    /// The top Via line with what is to be noted of where the request came from (RFC 3261
    /// section 18.2.1, RFC 3581); `None` when there is nothing.
    pub(crate) fn noted(self, line: &str) -> Option<String> {
        (self.claims_other || self.wants_rport)
            .then(|| stamped(line, self.peer.remote, self.claims_other, self.wants_rport))
    }
}

/// Notes in the top Via where a request came from, and says where its answers go.
pub(crate) fn stamp(request: &mut Request, peer: Peer) -> Peer {
    let Ok(sender) = request.headers.with_via(|via| Sender::of(&via, peer)) else {
        return peer;
    };
    let line = request.headers.first(&Name::Via).unwrap_or_default();
    if let Some(noted) = sender.noted(&line) {
        request.headers.replace_first(&Name::Via, noted);
    }
    sender.home()
}

/// Where an answer with these Via headers goes.
pub(crate) fn way_back(headers: &Headers, peer: Peer) -> Peer {
    let home = headers.with_via(|via| Sender::of(&via, peer).home());
    home.unwrap_or(peer)
}

/// The first value of a Via line with `received` and `rport` filled in; the rest of the
/// line as it came.
fn stamped(line: &str, remote: SocketAddr, received: bool, rport: bool) -> String {
    let (first, rest) = line
        .split_once(',')
        .map_or((line, None), |(first, rest)| (first, Some(rest)));
    let mut value = String::with_capacity(line.len() + 48);
    for (index, part) in first.split(';').enumerate() {
        let name = part.split('=').next().unwrap_or(part).trim();
        let ours = name.eq_ignore_ascii_case("received") || name.eq_ignore_ascii_case("rport");
        if index > 0 && ours {
            continue;
        }
        if index > 0 {
            value.push(';');
        }
        value.push_str(part.trim());
    }
    // Writing to a String cannot fail.
    if received || rport {
        write!(value, ";received={}", remote.ip()).ok();
    }
    if rport {
        write!(value, ";rport={}", remote.port()).ok();
    }
    if let Some(rest) = rest {
        value.push(',');
        value.push_str(rest);
    }
    value
}
