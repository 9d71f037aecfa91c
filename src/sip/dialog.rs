//! Dialogs (RFC 3261 section 12): what two parties remember of each other.
//!
//! A dialog is both ends' Call-ID, tags, sequence numbers and targets, and the proxies
//! between them that want to stay. It makes requests inside the dialog and judges those
//! that come; sending them is the endpoint's affair.

#[path = "dialog_follow.rs"]
mod follow;

use std::net::SocketAddr;

use super::origin;
use super::{
    Contacts, HeaderError, Headers, Hop, Host, Method, Name, NameAddr, Peer, Replaces, Request,
    Response, Uri,
};

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
    hop: Hop,
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

    /// Notes the Contact of a 2xx to our re-INVITE or UPDATE (section 12.2.1.2).
    pub fn refresh(&mut self, response: &Response) {
        if (200..300).contains(&response.code)
            && let Ok(Some(target)) = target(&response.headers)
        {
            self.target = target;
        }
    }

    /// The address that we gave the peer, without angle brackets.
    #[must_use]
    pub fn contact(&self) -> &str {
        &self.local_contact
    }

    /// Where requests go: to where the peer was last heard from, unless a proxy of the
    /// route has a literal address of its own. A name is never looked up.
    #[must_use]
    pub fn peer(&self) -> Peer {
        let peer = self.hop.peer();
        match self.routes.first().and_then(|route| literal(&route.uri)) {
            // Who came by WebSocket is reached by that connection alone (RFC 7118 section 5).
            Some(_) if peer.transport.is_websocket() => peer,
            Some(remote) if remote != peer.remote => Peer {
                remote,
                connection: None,
                ..peer
            },
            Some(_) | None => peer,
        }
    }

    /// The same for sending. Who names that very address, in the Contact or as the first
    /// proxy, listens there; else there may be a router that lets nothing but the flow in.
    #[must_use]
    pub fn hop(&self) -> Hop {
        let (peer, proxy) = (self.peer(), self.routes.first());
        let next = proxy.map_or(&self.target, |route| &route.uri);
        match (self.hop, Hop::named(next, peer)) {
            (Hop::Listener(_), named) if literal(next) == Some(peer.remote) => named,
            (Hop::Listener(_) | Hop::Flow(_), _) => Hop::Flow(peer),
        }
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

/// The address of a URI that needs no look-up.
fn literal(uri: &Uri) -> Option<SocketAddr> {
    let Some(Host::Address(address)) = &uri.host else {
        return None;
    };
    Some(SocketAddr::new(*address, uri.port.unwrap_or(5060)))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::sip::Message;

    fn peer() -> Peer {
        Peer::udp("192.0.2.7:5070".parse().unwrap())
    }

    fn message(text: &str) -> Message {
        Message::parse(&Bytes::from(text.replace('\n', "\r\n"))).unwrap()
    }

    fn invite(more: &str) -> Request {
        let text = format!(
            "INVITE sip:100@198.51.100.1 SIP/2.0\n\
             Via: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bKa\n\
             {more}From: Anna <sip:anna@example.com>;tag=theirs\n\
             To: <sip:100@example.com>\n\
             Call-ID: c1\nCSeq: 5 INVITE\n\
             Contact: <sip:anna@192.0.2.7:5070>\nContent-Length: 0\n\n"
        );
        match message(&text) {
            Message::Request(request) => request,
            Message::Response(_) => unreachable!(),
        }
    }

    fn response(code: u16, more: &str) -> Response {
        let text = format!(
            "SIP/2.0 {code} Fine\n\
             Via: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bKa\n\
             {more}From: Anna <sip:anna@example.com>;tag=theirs\n\
             To: <sip:100@example.com>;tag=ours\n\
             Call-ID: c1\nCSeq: 5 INVITE\n\
             Content-Length: 0\n\n"
        );
        match message(&text) {
            Message::Response(response) => response,
            Message::Request(_) => unreachable!(),
        }
    }

    fn callee(more: &str) -> Dialog {
        Dialog::from_request(&invite(more), "ours", "sip:198.51.100.1:5060", peer()).unwrap()
    }

    /// The Request-URI, then the Route headers.
    fn way(request: &Request) -> Vec<String> {
        let routes = request.headers.all(&Name::Route).map(String::from);
        std::iter::once(request.uri.to_string())
            .chain(routes)
            .collect()
    }

    /// RFC 3261 section 12.1.
    #[test]
    fn a_callee_speaks_back_along_the_way_that_the_invite_came() {
        let mut dialog = callee("Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>\n");
        let bye = dialog.request(Method::Bye);
        assert_eq!(
            way(&bye),
            [
                "sip:anna@192.0.2.7:5070",
                "<sip:p2.example.com;lr>",
                "<sip:p1.example.com;lr>"
            ]
        );
        let header = |name| bye.headers.first(name).unwrap().into_owned();
        assert_eq!(header(&Name::From), "<sip:100@example.com>;tag=ours");
        assert_eq!(header(&Name::To), "Anna <sip:anna@example.com>;tag=theirs");
        assert_eq!(header(&Name::CallId), "c1");
        assert_eq!(header(&Name::CSeq), "1001 BYE");
        assert_eq!(bye.headers.first(&Name::Contact), None);
        let info = dialog.request(Method::Info);
        assert_eq!(info.headers.cseq().unwrap().number, 1002);
    }

    /// RFC 3261 section 12.1.
    #[test]
    fn a_caller_speaks_along_the_way_turned_around() {
        let response = response(
            200,
            "Record-Route: <sip:p2.example.com;lr>\nRecord-Route: <sip:p1.example.com;lr>\n\
             Contact: <sip:op@203.0.113.9>\n",
        );
        let request = invite("");
        let mut dialog =
            Dialog::from_response(&request, &response, "sip:198.51.100.1", peer()).unwrap();
        assert_eq!(dialog.id().local_tag, "theirs");
        assert_eq!(dialog.id().remote_tag, "ours");
        let ack = dialog.ack(5);
        assert_eq!(
            way(&ack),
            [
                "sip:op@203.0.113.9",
                "<sip:p1.example.com;lr>",
                "<sip:p2.example.com;lr>"
            ]
        );
        assert_eq!(ack.headers.first(&Name::CSeq).as_deref(), Some("5 ACK"));
        let again = dialog.request(Method::Invite);
        assert_eq!(
            again.headers.first(&Name::CSeq).as_deref(),
            Some("6 INVITE")
        );
        assert_eq!(
            again.headers.first(&Name::Contact).as_deref(),
            Some("<sip:198.51.100.1>")
        );
    }

    /// RFC 3261 section 12.2.1.1.
    #[test]
    fn a_strict_router_is_the_target_and_the_target_ends_the_route() {
        let mut dialog =
            callee("Record-Route: <sip:strict.example.com>, <sip:p1.example.com;lr>\n");
        assert_eq!(
            way(&dialog.request(Method::Bye)),
            [
                "sip:strict.example.com",
                "<sip:p1.example.com;lr>",
                "<sip:anna@192.0.2.7:5070>"
            ]
        );
    }

    /// RFC 3261 section 12.2.2.
    #[test]
    fn requests_come_in_order_and_may_move_the_target() {
        let mut dialog = callee("");
        let moved = Peer::udp("192.0.2.8:5060".parse().unwrap());
        let at = |method: &str, number: u32, host: &str| {
            let mut request = invite("");
            request.method = match method {
                "INVITE" => Method::Invite,
                _ => Method::Info,
            };
            request.headers.remove(&Name::CSeq);
            request
                .headers
                .push(Name::CSeq, format!("{number} {method}"));
            request.headers.remove(&Name::Contact);
            request
                .headers
                .push(Name::Contact, format!("<sip:anna@{host}>"));
            request
        };
        assert_eq!(dialog.accept(&at("INFO", 4, "a.example"), moved), Err(500));
        assert_eq!(dialog.accept(&at("INFO", 5, "a.example"), moved), Err(500));
        assert_eq!(dialog.peer(), peer());
        assert_eq!(dialog.accept(&at("INFO", 6, "a.example"), moved), Ok(()));
        assert_eq!(dialog.peer(), moved);
        assert_eq!(dialog.target().to_string(), "sip:anna@192.0.2.7:5070");
        assert_eq!(dialog.accept(&at("INVITE", 9, "b.example"), moved), Ok(()));
        assert_eq!(dialog.target().to_string(), "sip:anna@b.example");
        assert_eq!(
            dialog.accept(&at("INVITE", 8, "c.example"), moved),
            Err(500)
        );
        assert_eq!(dialog.target().to_string(), "sip:anna@b.example");
    }

    /// RFC 3261 section 12.2.1.2.
    #[test]
    fn the_answer_to_our_re_invite_moves_the_target() {
        let mut dialog = callee("");
        dialog.refresh(&response(180, "Contact: <sip:anna@a.example>\n"));
        assert_eq!(dialog.target().to_string(), "sip:anna@192.0.2.7:5070");
        dialog.refresh(&response(200, "Contact: <sip:anna@a.example>\n"));
        assert_eq!(dialog.target().to_string(), "sip:anna@a.example");
    }

    /// RFC 3261 section 12.2.1.1.
    #[test]
    fn only_a_literal_route_changes_where_requests_go() {
        for (route, expected) in [
            ("", "192.0.2.7:5070"),
            ("Record-Route: <sip:p.example.com;lr>\n", "192.0.2.7:5070"),
            ("Record-Route: <sip:192.0.2.50;lr>\n", "192.0.2.50:5060"),
            (
                "Record-Route: <sip:[2001:db8::1]:5062;lr>\n",
                "[2001:db8::1]:5062",
            ),
        ] {
            assert_eq!(callee(route).peer().remote.to_string(), expected);
        }
    }

    /// RFC 3261 section 12.1.
    #[test]
    fn an_early_dialog_may_lack_a_contact_and_a_confirmed_one_not() {
        let make = |code| {
            let response = response(code, "");
            Dialog::from_response(&invite(""), &response, "sip:us", peer()).map(|d| d.target)
        };
        assert_eq!(make(180).unwrap().to_string(), "sip:100@198.51.100.1");
        assert_eq!(make(200).unwrap_err(), DialogError::Header);
    }

    /// RFC 3261 section 12.2.2.
    #[test]
    fn a_dialog_holds_what_has_its_call_id_and_both_its_tags() {
        let inside = |from: &str, to: &str, call_id: &str| {
            let mut bye = invite("");
            bye.headers.set(Name::From, from);
            bye.headers.set(Name::To, to);
            bye.headers.set(Name::CallId, call_id);
            bye
        };
        let (from, to) = ("<sip:anna@b.example>;tag=theirs", "<sip:100@a>;tag=ours");
        let id = callee("").id().clone();
        for (request, held) in [
            (inside(from, to, "c1"), true),
            (inside("\"A\" <sip:a@b>;x=y;tag=theirs", to, "c1"), true),
            (inside(from, to, "c2"), false),
            (inside(from, "<sip:100@a>;tag=other", "c1"), false),
            (inside(from, "<sip:100@a>", "c1"), false),
            (inside("<sip:anna@b>;tag=other", to, "c1"), false),
            (inside("<sip:anna@b>", to, "c1"), false),
            (inside("nobody", to, "c1"), false),
        ] {
            assert_eq!(id.holds(&request), held, "{request:?}");
        }
        // A peer of RFC 2543 has no tag.
        let old = DialogId {
            remote_tag: String::new(),
            ..id
        };
        assert!(old.holds(&inside("<sip:anna@b>", to, "c1")));
        assert!(!old.holds(&inside(from, to, "c1")));
    }

    #[test]
    fn a_request_inside_is_found_by_its_id() {
        let dialog = callee("");
        let mut bye = invite("");
        bye.headers.remove(&Name::To);
        bye.headers.push(Name::To, "<sip:100@example.com>;tag=ours");
        assert_eq!(DialogId::of_request(&bye).as_ref(), Some(dialog.id()));
        assert_eq!(DialogId::of_request(&invite("")), None);
    }
}
