//! Dialogs (RFC 3261 section 12): what two parties remember of each other.
//!
//! A dialog is both ends' Call-ID, tags, sequence numbers and targets, and the proxies
//! between them that want to stay. It makes requests inside the dialog and judges those
//! that come; sending them is the endpoint's affair.

#[path = "dialog_follow.rs"]
mod follow;

use super::{
    Contacts, HeaderError, Headers, Hop, Host, Method, Name, NameAddr, Peer, Replaces, Request,
    Response, Uri,
};
use std::net::SocketAddr;

use super::{hop, origin};

/// Where our sequence numbers begin in a dialog that the peer began; far from 0, so that
/// a trace shows at once whose they are.
const FIRST_CSEQ: u32 = 1000;
/// Record-Routes that are kept; more is not a path but an attack on memory.
const ROUTES: usize = 32;

/// Which dialog.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialogId {
    /// The Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// The peer's tag; empty for a peer of RFC 2543.
    pub remote_tag: String,
}

impl DialogId {
    /// The dialog that a request from a peer claims to be in; `None` without To tag.
    #[must_use]
    pub fn of_request(request: &Request) -> Option<Self> {
        let headers = &request.headers;
        Some(Self {
            call_id: headers.call_id().ok()?.into_owned(),
            local_tag: origin::to_tag(headers)?.into(),
            remote_tag: from_tag(headers).unwrap_or_default(),
        })
    }

    /// Whether a request of the peer is inside it: all three values are compared (RFC 3261
    /// section 12.2.2), because every phone behind one INVITE of ours shares the first two.
    #[must_use]
    pub fn holds(&self, request: &Request) -> bool {
        let headers = &request.headers;
        let tagged = |name, tag: &str| {
            let read = headers.with_address(name, |at| at.tag().unwrap_or_default() == tag);
            read.unwrap_or(false)
        };
        !self.local_tag.is_empty()
            && tagged(Name::To, &self.local_tag)
            && tagged(Name::From, &self.remote_tag)
            && headers.call_id().is_ok_and(|id| *id == *self.call_id)
    }

    /// Whether it is the dialog that Replaces, sent to us, means (RFC 3891 section 3).
    #[must_use]
    pub fn is_named_by(&self, replaces: &Replaces) -> bool {
        self.call_id == replaces.call_id
            && self.local_tag == replaces.to_tag
            && self.remote_tag == replaces.from_tag
    }
}

/// Why a message makes no dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialogError {
    /// A header that a dialog needs is missing or cannot be read: 400.
    #[error("a dialog needs readable From, To, Call-ID, CSeq, Contact and Record-Route")]
    Header,
    /// The response has no To tag, so it makes none.
    #[error("the response has no To tag")]
    NoTag,
}

impl From<HeaderError> for DialogError {
    fn from(_: HeaderError) -> Self {
        Self::Header
    }
}

/// One dialog, as one of its two ends sees it.
#[derive(Clone, Debug)]
pub struct Dialog {
    id: DialogId,
    /// From of our requests, with our tag.
    local: String,
    /// To of our requests, with the peer's tag.
    remote: String,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    /// Our Contact's URI.
    local_contact: String,
    /// The peer's Contact: where requests are addressed.
    target: Uri,
    /// The proxies on the way, nearest first.
    routes: Vec<NameAddr>,
    /// Where the peer was last heard from, and whether it stays there.
    hop: Hop,
    /// The name by which it was dialled.
    dialled: Option<Host>,
}

impl Dialog {
    /// The dialog that answering `request` makes (RFC 3261 section 12.1.1).
    ///
    /// # Errors
    /// When the request lacks what a dialog needs.
    pub fn from_request(
        request: &Request,
        local_tag: &str,
        local_contact: &str,
        hop: impl Into<Hop>,
    ) -> Result<Self, DialogError> {
        let headers = &request.headers;
        let id = DialogId {
            call_id: headers.call_id()?.into_owned(),
            local_tag: local_tag.to_owned(),
            remote_tag: from_tag(headers).unwrap_or_default(),
        };
        let to = raw(headers, &Name::To)?;
        let local = if origin::to_tag(headers).is_some() {
            to
        } else {
            format!("{to};tag={local_tag}")
        };
        Ok(Self {
            id,
            local,
            remote: raw(headers, &Name::From)?,
            local_cseq: FIRST_CSEQ,
            remote_cseq: Some(headers.cseq()?.number),
            local_contact: local_contact.to_owned(),
            target: target(headers)?.ok_or(DialogError::Header)?,
            routes: routes(headers)?,
            hop: hop.into(),
            dialled: None,
        })
    }

    /// The dialog that `response` to our `request` makes (section 12.1.2): early by a
    /// 1xx with a To tag, confirmed by a 2xx, which sets the route anew.
    ///
    /// # Errors
    /// When the response lacks what a dialog needs. An early one may lack Contact.
    pub fn from_response(
        request: &Request,
        response: &Response,
        local_contact: &str,
        hop: impl Into<Hop>,
    ) -> Result<Self, DialogError> {
        let headers = &response.headers;
        let remote_tag = origin::to_tag(headers).ok_or(DialogError::NoTag)?;
        let target = match target(headers)? {
            Some(target) => target,
            None if response.code < 200 => request.uri.clone(),
            None => return Err(DialogError::Header),
        };
        let mut routes = routes(headers)?;
        routes.reverse();
        Ok(Self {
            id: DialogId {
                call_id: request.headers.call_id()?.into_owned(),
                local_tag: from_tag(&request.headers).unwrap_or_default(),
                remote_tag: remote_tag.into(),
            },
            local: raw(&request.headers, &Name::From)?,
            remote: raw(headers, &Name::To)?,
            local_cseq: request.headers.cseq()?.number,
            remote_cseq: None,
            local_contact: local_contact.to_owned(),
            target,
            routes,
            hop: hop.into(),
            dialled: request.uri.host.clone(),
        })
    }

    /// Which dialog it is.
    #[must_use]
    pub fn id(&self) -> &DialogId {
        &self.id
    }

    /// Where requests are addressed: the peer's Contact.
    #[must_use]
    pub fn target(&self) -> &Uri {
        &self.target
    }

    /// Judges a request of the peer other than ACK and CANCEL: notes its number, and its
    /// Contact if it refreshes the target (section 12.2.2; RFC 3311 for UPDATE).
    ///
    /// # Errors
    /// 500 for one that is out of order, 400 for one that cannot be read.
    pub fn accept(&mut self, request: &Request, peer: Peer) -> Result<(), u16> {
        let number = request.headers.cseq().map_err(|_| 400_u16)?.number;
        if self.remote_cseq.is_some_and(|last| number <= last) {
            return Err(500);
        }
        if refreshes(&request.method)
            && let Some(target) = target(&request.headers).map_err(|_| 400_u16)?
        {
            self.target = target;
        }
        self.remote_cseq = Some(number);
        self.hop = self.hop.at(peer);
        Ok(())
    }

    /// The next request inside the dialog (section 12.2.1.1). An ACK comes from
    /// [`ack`](Self::ack).
    pub fn request(&mut self, method: Method) -> Request {
        self.local_cseq = self.local_cseq.wrapping_add(1) & 0x7fff_ffff;
        self.make(method, self.local_cseq)
    }

    /// Gives a request of ours that is sent again the next number: it was challenged, or
    /// others were sent meanwhile.
    pub fn renumber(&mut self, request: &mut Request) {
        self.local_cseq = self.local_cseq.wrapping_add(1) & 0x7fff_ffff;
        let value = format!("{} {}", self.local_cseq, request.method);
        request.headers.set(Name::CSeq, value);
    }

    /// The ACK for the 2xx to our INVITE of this number (section 13.2.2.4).
    #[must_use]
    pub fn ack(&self, cseq: u32) -> Request {
        self.make(Method::Ack, cseq)
    }

    /// The number of our last request.
    #[must_use]
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// Counts on where the early dialog that it confirms stopped: our requests there, such
    /// as PRACK, had numbers too.
    pub fn continue_from(&mut self, early: &Self) {
        self.local_cseq = self.local_cseq.max(early.local_cseq);
        self.remote_cseq = self.remote_cseq.max(early.remote_cseq);
    }

    /// Notes the Contact of a 2xx to our re-INVITE or UPDATE (section 12.2.1.2), and where it
    /// came from.
    pub fn refresh(&mut self, response: &Response, from: Peer) {
        if !(200..300).contains(&response.code) {
            return;
        }
        if let Ok(Some(target)) = target(&response.headers) {
            self.target = target;
        }
        if !matches!(self.hop, Hop::Flow(_)) {
            self.hop = self.hop.at(from);
        }
    }

    /// The address that we gave the peer, without angle brackets.
    #[must_use]
    pub fn contact(&self) -> &str {
        &self.local_contact
    }

    /// Where the peer was last heard from; with a phone of ours, the first proxy of the way if
    /// that has a literal address of its own.
    #[must_use]
    pub fn peer(&self) -> Peer {
        let peer = self.hop.peer();
        let proxy = self
            .routes
            .first()
            .and_then(|route| hop::literal(&route.uri));
        match (self.hop, proxy) {
            // Who came by WebSocket is reached by that connection alone (RFC 7118 section 5).
            (Hop::Flow(_), Some(remote))
                if remote != peer.remote && !peer.transport.is_websocket() =>
            {
                Peer {
                    remote,
                    connection: None,
                    ..peer
                }
            }
            (Hop::Flow(_) | Hop::Listener(_) | Hop::Only(_) | Hop::Stream { .. }, _) => peer,
        }
    }

    /// Where requests go (section 12.2.1.1): to the first proxy, or without any to the target.
    /// A phone of ours is reached by the flow that it opened.
    #[must_use]
    pub fn hop(&self) -> Hop {
        if matches!(self.hop, Hop::Flow(_)) {
            return Hop::Flow(self.peer());
        }
        let next = self.next();
        let own = Uri::parse(&self.local_contact).ok();
        match hop::next(next, self.hop, self.dialled.as_ref()) {
            // Who names us as itself would have us speak with ourselves.
            to if own.and_then(|own| hop::literal(&own)) == Some(to.peer().remote) => {
                Hop::Flow(self.hop.peer())
            }
            to => to,
        }
    }

    /// Where a stream of TLS is opened when the one that the peer opened is gone, and who must
    /// answer there.
    #[must_use]
    pub fn answers_by_tls(&self) -> Option<(SocketAddr, &Uri)> {
        let to = self.hop().or_else()?;
        to.transport.is_secure().then_some((to.remote, self.next()))
    }

    fn next(&self) -> &Uri {
        self.routes.first().map_or(&self.target, |route| &route.uri)
    }

    fn make(&self, method: Method, cseq: u32) -> Request {
        // Section 12.2.1.1: a first proxy without `lr` is a strict router, which wants
        // itself in the Request-URI and the target at the end of the route.
        let strict = self.routes.first().filter(|route| !is_loose(&route.uri));
        let uri = strict.map_or_else(|| self.target.clone(), |route| route.uri.clone());
        let mut request = Request::new(method, uri);
        let headers = &mut request.headers;
        for route in self.routes.iter().skip(usize::from(strict.is_some())) {
            headers.push(Name::Route, format!("<{}>", route.uri));
        }
        if strict.is_some() {
            headers.push(Name::Route, format!("<{}>", self.target));
        }
        headers.push(Name::MaxForwards, "70");
        headers.push(Name::From, &self.local);
        headers.push(Name::To, &self.remote);
        headers.push(Name::CallId, &self.id.call_id);
        headers.push(Name::CSeq, format!("{cseq} {}", request.method));
        if refreshes(&request.method) {
            headers.push(Name::Contact, format!("<{}>", self.local_contact));
        }
        request
    }
}

/// Whether a request of this method, and its 2xx, carries a Contact that counts.
fn refreshes(method: &Method) -> bool {
    matches!(
        method,
        Method::Invite | Method::Update | Method::Refer | Method::Subscribe
    )
}

fn raw(headers: &Headers, name: &Name) -> Result<String, DialogError> {
    headers
        .first(name)
        .map(std::borrow::Cow::into_owned)
        .ok_or(DialogError::Header)
}

fn from_tag(headers: &Headers) -> Option<String> {
    Some(headers.from().ok()?.tag()?.to_owned())
}

/// The one Contact, if there is one.
fn target(headers: &Headers) -> Result<Option<Uri>, HeaderError> {
    Ok(match headers.contacts()? {
        Contacts::Star => None,
        Contacts::List(list) => list.into_iter().next().map(|contact| contact.uri),
    })
}

/// Record-Route as it stands, top first.
fn routes(headers: &Headers) -> Result<Vec<NameAddr>, DialogError> {
    let routes = headers.addresses(&Name::RecordRoute)?;
    if routes.len() > ROUTES {
        return Err(DialogError::Header);
    }
    Ok(routes)
}

/// Whether a proxy routes as RFC 3261 wants it (section 16.12).
fn is_loose(uri: &Uri) -> bool {
    uri.param("lr").is_some()
}

#[cfg(test)]
#[path = "dialog_cases.rs"]
mod tests;
