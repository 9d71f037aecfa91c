//! What a phone makes of what it hears.

use std::time::{Duration, Instant};

use crate::sim::carrier;
use crate::sim::phone::{Doing, HEARD, Manner, Phone, Plan, description};
use crate::sip::endpoint::Event;
use crate::sip::{ClientTx, Dialog, Method, Name, Request, Response, ServerTx};

impl Phone {
    pub(super) fn happened(&mut self, event: Event, now: Instant) {
        match event {
            Event::Request { tx, request, .. } => self.requested(tx, request, now),
            // For the phones of a simulation one ACK is as good as another.
            Event::Ack { .. } => {
                self.script.acknowledged += 1;
                let answered = self.ringing.take().map(|(tx, _)| tx);
                for tx in answered.into_iter().chain(self.unacked.take()) {
                    self.endpoint.acknowledged(tx);
                }
                self.leave(now);
            }
            Event::Cancelled { tx, said } => {
                self.stopped.push(said.sip);
                if let Some((_, request)) = self.ringing.take_if(|(ringing, _)| *ringing == tx) {
                    self.plan = None;
                    self.respond(tx, &Response::to(&request, 487), now);
                }
            }
            Event::Response { tx, response, .. } => self.answered(tx, &response, now),
            Event::Failed { tx, .. } => {
                self.dialing.take_if(|(dialing, _)| *dialing == tx);
                self.codes.push(408);
            }
            Event::NoAck { .. } => {
                self.ringing = None;
                self.hang_up(now);
            }
        }
    }

    fn requested(&mut self, tx: ServerTx, request: Request, now: Instant) {
        if self.heard.len() < HEARD {
            self.heard.push(request.clone());
        }
        if self.answer_by((tx, &request), now) {
            return;
        }
        if let Manner::Asks(realm) = self.manner
            && let Some(challenge) = self.asking.objection(&request, realm)
        {
            return self.respond(tx, &challenge, now);
        }
        match request.method {
            Method::Register => self.respond(tx, &carrier::registered(&request), now),
            Method::Invite if self.is_inside(&request) => self.agree_anew(tx, &request, now),
            Method::Invite if self.doing() == Doing::Idle => self.rung(tx, request, now),
            Method::Invite => self.respond(tx, &Response::to(&request, 486), now),
            Method::Bye if self.is_fork(&request) => {
                self.fork = None;
                self.respond(tx, &Response::to(&request, 200), now);
            }
            Method::Prack => self.acknowledged_early(tx, &request, now),
            Method::Bye if self.is_second(&request) => {
                self.second = None;
                self.respond(tx, &Response::to(&request, 200), now);
            }
            Method::Notify => self.notified(tx, &request, now),
            Method::Bye => {
                self.dialog = None;
                self.leaving = false;
                self.hang_up_at = None;
                self.respond(tx, &Response::to(&request, 200), now);
            }
            Method::Options | Method::Update => {
                self.respond(tx, &Response::to(&request, 200), now);
            }
            Method::Ack
            | Method::Cancel
            | Method::Info
            | Method::Refer
            | Method::Subscribe
            | Method::Message
            | Method::Publish
            | Method::Other(_) => self.respond(tx, &Response::to(&request, 501), now),
        }
    }

    fn rung(&mut self, tx: ServerTx, request: Request, now: Instant) {
        let code = match self.manner {
            Manner::Refuses(code) => code,
            Manner::Pracks(_) => 486,
            Manner::Answers(after) => {
                self.plan = Some((now + after, Plan::Answer));
                180
            }
            Manner::AnswersReliably(_) => return self.ring_reliably((tx, request), now),
            Manner::Forks(after) => {
                self.plan = Some((now + after, Plan::Answer));
                180
            }
            Manner::Asks(_) => {
                self.plan = Some((now + Duration::from_secs(1), Plan::Answer));
                180
            }
            Manner::Rings | Manner::Dead => 180,
        };
        let mut response = Response::to(&request, code);
        self.tag = self.endpoint.fresh_tag();
        response.set_to_tag(&self.tag);
        self.respond(tx, &response, now);
        if code < 200 {
            self.rings(tx, request);
        }
    }

    pub(super) fn pick_up(&mut self, now: Instant) {
        let Some((tx, request)) = self.ringing.clone() else {
            return;
        };
        let contact = format!("sip:{}@{}", self.name, self.address);
        let tag = self.tag.clone();
        let mut response = Response::to(&request, 200);
        response.set_to_tag(&tag);
        response.headers.push(Name::Contact, format!("<{contact}>"));
        if let Some(methods) = self.script.allow {
            response.headers.push(Name::Allow, methods);
        }
        if !matches!(self.manner, Manner::AnswersReliably(_)) {
            response.headers.push(Name::ContentType, "application/sdp");
            response.body = description(self.sound());
        }
        self.respond(tx, &response, now);
        if matches!(self.manner, Manner::Forks(_)) {
            self.fork(response);
        }
        if let Ok(mut dialog) = Dialog::from_request(&request, &tag, &contact, self.server) {
            if let Some(early) = self.early.take() {
                dialog.continue_from(&early);
            }
            self.begin_talk(dialog, now);
        }
    }

    /// The other side refreshes the call.
    fn agree_anew(&mut self, tx: ServerTx, request: &Request, now: Instant) {
        if let Some(fewer) = self.glares.checked_sub(1) {
            self.glares = fewer;
            return self.respond(tx, &Response::to(request, 491), now);
        }
        let mut response = Response::to(request, 200);
        let contact = format!("<sip:{}>", self.address);
        response.headers.push(Name::Contact, contact);
        response.headers.push(Name::ContentType, "application/sdp");
        response.body = description(self.sound());
        self.unacked = Some(tx);
        self.respond(tx, &response, now);
    }

    fn begin_talk(&mut self, dialog: Dialog, now: Instant) {
        self.dialog = Some(dialog);
        self.talked += 1;
        self.hang_up_at = self.talks.map(|time| now + time);
    }

    fn leave(&mut self, now: Instant) {
        if std::mem::take(&mut self.leaving) {
            self.hang_up(now);
        }
    }

    fn answered(&mut self, tx: ClientTx, response: &Response, now: Instant) {
        if self.script.hears(tx, response) {
            return;
        }
        let method = response.headers.cseq().ok().map(|cseq| cseq.method);
        if response.code < 200 {
            return self.told_early(tx, response, now);
        }
        if method == Some(Method::Register) {
            return self.registered(response, now);
        }
        if method == Some(Method::Refer) {
            if response.code >= 300 {
                self.notified.push(response.code);
            }
            return;
        }
        let Some((_, request)) = self.dialing.take_if(|(dialing, _)| *dialing == tx) else {
            return;
        };
        if response.code == 401 {
            return self.prove(request, response, now);
        }
        self.codes.push(response.code);
        if response.code >= 300 {
            self.leaving = false;
            return;
        }
        let contact = format!("sip:{}", self.address);
        let dialog = Dialog::from_response(&request, response, &contact, self.server);
        let Ok(mut dialog) = dialog else { return };
        if let Some(early) = self.early.take() {
            dialog.continue_from(&early);
        }
        let number = request.headers.cseq().map_or(1, |cseq| cseq.number);
        let ack = dialog.ack(number);
        self.endpoint
            .acknowledge(tx, ack, self.server, now, &mut self.out);
        match &self.dialog {
            None => self.begin_talk(dialog, now),
            Some(first) if first.id().call_id != dialog.id().call_id => self.second = Some(dialog),
            Some(_) => {}
        }
        self.leave(now);
    }

    fn registered(&mut self, response: &Response, now: Instant) {
        if response.code != 401 {
            self.codes.push(response.code);
            return;
        }
        let answer = self.proof(response, &Method::Register, "sip:centrale.localhost");
        self.register += 1;
        let request = self.registration(Some(answer));
        self.send(request, now);
    }
}
