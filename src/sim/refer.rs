//! What an operator's phone does besides: it calls a colleague, and hands its caller on.

use std::net::SocketAddr;
use std::time::Instant;

use crate::sim::phone::{Phone, description, uri};
use crate::sim::{Doing, PhoneId, World};
use crate::sip::{Method, Name, Request, Response, ServerTx};

impl World {
    /// The phone holds, or resumes.
    pub fn hold(&mut self, phone: PhoneId, held: bool) {
        self.act(phone, |phone, now| phone.hold(held, now));
    }

    /// The phone of an operator calls somebody of the house.
    pub fn consult(&mut self, phone: PhoneId, name: &str) {
        self.act(phone, |phone, now| phone.consult(name, now));
    }

    /// The phone hands its caller on to an address.
    pub fn refer(&mut self, phone: PhoneId, to: &str) {
        self.act(phone, |phone, now| phone.refer(to, now));
    }

    /// The phone hands its caller on to its second call.
    pub fn refer_to_second(&mut self, phone: PhoneId) {
        self.act(phone, Phone::refer_to_second);
    }

    /// One phone learns of the other's second call, as if it had overheard it.
    pub fn lend_second(&mut self, of: PhoneId, to: PhoneId) {
        let second = self.phones.get(of.0).and_then(|phone| phone.second.clone());
        self.act(to, |phone, _| phone.second = second);
    }

    /// The phone wants the place of what the other one is in, or rings for. `more` is added
    /// to what it says of that call.
    pub fn replace(&mut self, phone: PhoneId, of: PhoneId, more: &str) {
        let named = self.named(of);
        let replaces = named.unwrap_or_else(|| "none;to-tag=1;from-tag=2".into());
        self.replace_named(phone, &format!("{replaces}{more}"));
    }

    /// The phone wants the place of what Replaces names so.
    pub fn replace_named(&mut self, phone: PhoneId, replaces: &str) {
        self.act(phone, |phone, now| phone.replace(replaces.to_owned(), now));
    }

    /// What Replaces says of what the phone is in, or rings for.
    #[must_use]
    pub fn named(&self, phone: PhoneId) -> Option<String> {
        self.phones.get(phone.0).and_then(Phone::named)
    }
}

impl Phone {
    /// Where the sound of a call is expected that it makes while it talks.
    pub(super) fn second_sound(&self) -> SocketAddr {
        SocketAddr::new(self.address.ip(), 4002)
    }

    /// Calls somebody of the house while it talks, or before.
    pub(super) fn consult(&mut self, name: &str, now: Instant) {
        // A phone has two lines, and its user does one thing at a time.
        let idle = matches!(self.doing(), Doing::Idle | Doing::Talking);
        if !idle || self.dialing.is_some() || self.second.is_some() {
            return;
        }
        let mut request = self.own_invite(&format!("sip:{name}@centrale.localhost"));
        request.body = description(self.second_sound());
        let tx = self.send(request.clone(), now);
        self.dialing = Some((tx, request));
    }

    /// An INVITE in the name of its operator.
    fn own_invite(&mut self, to: &str) -> Request {
        let mut request = Request::new(Method::Invite, uri(to));
        let tag = self.endpoint.fresh_tag();
        let call_id = self.endpoint.fresh_call_id();
        let own = format!("<sip:{}@centrale.localhost>;tag={tag}", self.name);
        let headers = &mut request.headers;
        headers.push(Name::From, own);
        headers.push(Name::To, format!("<{to}>"));
        headers.push(Name::CallId, call_id);
        headers.push(Name::CSeq, "1 INVITE");
        headers.push(Name::Contact, format!("<sip:{}>", self.address));
        headers.push(Name::ContentType, "application/sdp");
        request
    }

    /// Replaces of whatever call it is in, or rings for, as the server reads it.
    pub(super) fn named(&self) -> Option<String> {
        let (call_id, theirs, ours) = match (&self.dialog, &self.ringing) {
            (Some(dialog), _) => {
                let id = dialog.id();
                (
                    id.call_id.clone(),
                    id.remote_tag.clone(),
                    id.local_tag.clone(),
                )
            }
            (None, Some((_, request))) => {
                let theirs = request.headers.from().ok()?.tag()?.to_owned();
                let call_id = request.headers.call_id().ok()?.into_owned();
                (call_id, theirs, self.tag.clone())
            }
            (None, None) => return None,
        };
        Some(format!("{call_id};to-tag={theirs};from-tag={ours}"))
    }

    /// Wants the place of another call (RFC 3891), in its own name.
    pub(super) fn replace(&mut self, replaces: String, now: Instant) {
        let mut request = self.own_invite("sip:centrale.localhost");
        request.headers.push(Name::Replaces, replaces);
        request.body = description(self.sound());
        let tx = self.send(request.clone(), now);
        self.dialing = Some((tx, request));
    }

    /// Answers a challenge: the same INVITE again, with its proof.
    pub(super) fn prove(&mut self, mut request: Request, response: &Response, now: Instant) {
        let proof = self.proof(response, &Method::Invite, request.uri.as_str());
        let number = request.headers.cseq().map_or(1, |cseq| cseq.number);
        request.headers.remove(&Name::Via);
        request
            .headers
            .set(Name::CSeq, format!("{} INVITE", number + 1));
        request.headers.set(Name::Authorization, proof);
        let tx = self.send(request.clone(), now);
        self.dialing = Some((tx, request));
    }

    /// Hands its caller on (RFC 3515).
    pub(super) fn refer(&mut self, to: &str, now: Instant) {
        let target = format!("<{to}>");
        self.send_refer(target, now);
    }

    /// Hands its caller on to its second call (RFC 3891).
    pub(super) fn refer_to_second(&mut self, now: Instant) {
        let Some(second) = &self.second else { return };
        let id = second.id();
        let target = format!(
            "<sip:x@centrale.localhost?Replaces={}%3Bto-tag%3D{}%3Bfrom-tag%3D{}>",
            id.call_id, id.remote_tag, id.local_tag
        );
        self.send_refer(target, now);
    }

    fn send_refer(&mut self, target: String, now: Instant) {
        let Some(dialog) = &mut self.dialog else {
            return;
        };
        let mut refer = dialog.request(Method::Refer);
        refer.headers.push(Name::ReferTo, target);
        self.send(refer, now);
    }

    pub(super) fn notified(&mut self, tx: ServerTx, request: &Request, now: Instant) {
        let text = String::from_utf8_lossy(&request.body);
        let code = text.split(' ').nth(1);
        let code = code.and_then(|code| code.parse::<u16>().ok());
        self.notified.extend(code);
        self.respond(tx, &Response::to(request, 200), now);
    }

    /// Whether a request belongs to one of its calls.
    pub(super) fn is_inside(&self, request: &Request) -> bool {
        let calls = self.dialog.iter().chain(&self.second);
        let tagged = request.headers.to().is_ok_and(|to| to.tag().is_some());
        calls.count() > 0 && tagged
    }

    pub(super) fn is_second(&self, request: &Request) -> bool {
        let call_id = request.headers.call_id();
        let second = self.second.as_ref().map(|second| &second.id().call_id);
        call_id.is_ok_and(|id| second.is_some_and(|second| *second == id))
    }
}
