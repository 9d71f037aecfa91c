//! Phones that do what few do.

use std::time::Instant;

use crate::sim::phone::{Phone, Plan, description};
use crate::sim::{Manner, PhoneId, World};
use crate::sip::endpoint::Output;
use crate::sip::{ClientTx, Dialog, Method, Name, Request, Response, ServerTx};

/// The first RSeq; any will do.
const RSEQ: u32 = 4_000_000_000;

impl Phone {
    /// 183 with a description, to be acknowledged (RFC 3262 section 3).
    pub(super) fn ring_reliably(&mut self, (tx, request): (ServerTx, Request), now: Instant) {
        let supported = request.headers.tokens(&Name::Supported);
        let code = if supported.iter().any(|tag| tag == "100rel") {
            183
        } else {
            421
        };
        let mut response = Response::to(&request, code);
        self.tag = self.endpoint.fresh_tag();
        response.set_to_tag(&self.tag);
        let contact = format!("<sip:{}@{}>", self.name, self.address);
        response.headers.push(Name::Contact, contact);
        response.headers.push(Name::Require, "100rel");
        response.headers.push(Name::RSeq, RSEQ.to_string());
        response.headers.push(Name::ContentType, "application/sdp");
        response.body = description(self.sound());
        self.respond(tx, &response, now);
        // It comes again, as if the PRACK had been lost.
        self.respond(tx, &response, now);
        if code < 200 {
            self.rings(tx, request);
        }
    }

    /// It rings, in a dialog that is not confirmed.
    pub(super) fn rings(&mut self, tx: ServerTx, request: Request) {
        let contact = format!("sip:{}@{}", self.name, self.address);
        let made = Dialog::from_request(&request, &self.tag, &contact, self.server);
        self.early = made.ok();
        self.ringing = Some((tx, request));
    }

    /// The PRACK is here: only now may it pick up.
    pub(super) fn acknowledged_early(&mut self, tx: ServerTx, request: &Request, now: Instant) {
        let right = request.headers.rack().is_ok_and(|rack| rack.rseq == RSEQ);
        let code = if right { 200 } else { 481 };
        self.respond(tx, &Response::to(request, code), now);
        if let Manner::AnswersReliably(after) = self.manner
            && right
        {
            self.pracks += 1;
            self.plan = Some((now + after, Plan::Answer));
        }
    }

    /// A provisional answer to its own INVITE.
    pub(super) fn told_early(&mut self, tx: ClientTx, response: &Response, now: Instant) {
        let ours = self.dialing.as_ref().filter(|(dialing, _)| *dialing == tx);
        let (true, Some((_, request))) = (response.code > 100, ours) else {
            return;
        };
        self.told += 1;
        let contact = format!("sip:{}", self.address);
        let made = Dialog::from_response(request, response, &contact, self.server);
        let Ok(mut dialog) = made else { return };
        if let Some(before) = &self.early {
            dialog.continue_from(before);
        }
        let numbers = (response.headers.rseq(), response.headers.cseq());
        let (Manner::Pracks(missed), (Ok(Some(rseq)), Ok(cseq))) = (self.manner, numbers) else {
            self.early = Some(dialog);
            return;
        };
        if self.told <= missed {
            self.early = Some(dialog);
            return;
        }
        let mut prack = dialog.request(Method::Prack);
        prack
            .headers
            .push(Name::RAck, format!("{rseq} {} INVITE", cseq.number));
        self.early = Some(dialog);
        self.pracks += 1;
        self.send(prack, now);
    }

    /// The other phone behind the address picks up too.
    pub(super) fn fork(&mut self, answer: Response) {
        let mut other = answer;
        other.forget_to_tag();
        let tag = self.endpoint.fresh_tag();
        other.set_to_tag(&tag);
        self.fork = Some(tag);
        self.out.push(Output::Transmit {
            bytes: other.write(),
            peer: self.server,
        });
    }

    /// Whether a request is for the other phone.
    pub(super) fn is_fork(&self, request: &Request) -> bool {
        let to = request.headers.to();
        to.is_ok_and(|to| to.tag().is_some() && to.tag() == self.fork.as_deref())
    }
}

impl World {
    /// So many re-INVITEs to the phone meet one of its own.
    pub fn glare(&mut self, phone: PhoneId, times: usize) {
        if let Some(phone) = self.phones.get_mut(phone.0) {
            phone.glares = times;
        }
    }

    /// How many of them are still to come.
    #[must_use]
    pub fn glares_left(&self, phone: PhoneId) -> usize {
        self.phones.get(phone.0).map_or(0, |phone| phone.glares)
    }
}
