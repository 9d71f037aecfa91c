//! Requests inside the call's dialogs, and answers to its own.

use std::sync::Arc;
use std::time::Duration;

use crate::call::call::{Call, Invitation, Stage};
use crate::call::floor::Floor;
use crate::call::leg::{ACCEPT, ALLOW, Acknowledged, Leg, SUPPORTED, Side, tell_abilities};
use crate::call::refer::Refer;
use crate::call::refresh::Reply;
use crate::model::{Hangup, Outcome};
use crate::sdp;
use crate::sip::endpoint::Failure;
use crate::sip::session_timer::{Due, Wish};
use crate::sip::{ClientTx, Method, Name, Peer, Request, Response, ServerTx, SessionTimer};

/// Whoever proposes too early is to wait for less than this (RFC 3261 section 14.2).
const MOST_WAIT: Duration = Duration::from_secs(11);

impl Call {
    pub(super) fn requested(
        &mut self,
        tx: ServerTx,
        request: &Request,
        peer: Peer,
        floor: &mut Floor<'_>,
    ) {
        let Some(side) = self.side_of(request) else {
            if !self.early_request((tx, request), peer, floor) {
                floor.respond(tx, &Response::to(request, 481));
            }
            return;
        };
        let Some(dialog) = self.leg_at(side).and_then(|leg| leg.dialog.as_mut()) else {
            return floor.respond(tx, &Response::to(request, 481));
        };
        if let Err(code) = dialog.accept(request, peer) {
            return floor.respond(tx, &Response::to(request, code));
        }
        match request.method {
            Method::Bye => self.hung_up(side, (tx, request), floor),
            Method::Invite | Method::Update => self.renegotiate(side, (tx, request), floor),
            Method::Info => self.info(side, (tx, request), floor),
            Method::Options => {
                let mut response = Response::to(request, 200);
                tell_abilities(&mut response.headers);
                floor.respond(tx, &response);
            }
            Method::Refer => {
                let request = Box::new(request.clone());
                self.referred(side, Refer { tx, request }, floor);
            }
            Method::Prack if side == Side::Caller => self.pracked(tx, request, floor),
            // RFC 3262 section 3: no answer of ours waits for one.
            Method::Prack => floor.respond(tx, &Response::to(request, 481)),
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Notify
            | Method::Subscribe
            | Method::Message
            | Method::Publish
            | Method::Other(_) => {
                let mut response = Response::to(request, 405);
                response.headers.push(Name::Allow, ALLOW);
                floor.respond(tx, &response);
            }
        }
    }

    fn side_of(&self, request: &Request) -> Option<Side> {
        if self.leg.holds(request) {
            return Some(Side::Caller);
        }
        match &self.stage {
            Stage::Talking(talk) if talk.leg.holds(request) => Some(Side::Other),
            Stage::Dialing(dial) if dial.talk().is_some_and(|talk| talk.leg.holds(request)) => {
                Some(Side::Other)
            }
            Stage::Flow
            | Stage::Queued(_)
            | Stage::Dialing(_)
            | Stage::Talking(_)
            | Stage::Ending { .. } => None,
        }
    }

    pub(super) fn leg_at(&mut self, side: Side) -> Option<&mut Leg> {
        match (side, &mut self.stage) {
            (Side::Caller, _) => Some(&mut self.leg),
            (Side::Other, Stage::Talking(talk)) => Some(&mut talk.leg),
            (Side::Other, Stage::Dialing(dial)) => dial.talk_mut().map(|talk| &mut talk.leg),
            (Side::Other, Stage::Flow | Stage::Queued(_) | Stage::Ending { .. }) => None,
        }
    }

    fn hung_up(&mut self, side: Side, (tx, bye): (ServerTx, &Request), floor: &mut Floor<'_>) {
        floor.respond(tx, &Response::to(bye, 200));
        if let Some(leg) = self.leg_at(side) {
            leg.dialog = None;
            leg.drop_refresh(floor);
        }
        match side {
            Side::Caller => {
                self.story.said = bye.headers.reason();
                // RFC 3261 section 15.1.2: a BYE before the answer ends the INVITE too.
                self.refuse_caller(487, floor);
                self.invitation = Invitation::Over;
                self.end(self.outcome(floor.now), Hangup::Caller, floor);
            }
            Side::Other => self.other_left(Hangup::Operator, floor),
        }
    }

    /// A re-INVITE or UPDATE: hold, resume, another address, or only a sign of life.
    fn renegotiate(
        &mut self,
        side: Side,
        (tx, request): (ServerTx, &Request),
        floor: &mut Floor<'_>,
    ) {
        match self.agree_anew(side, request, floor) {
            Ok(mut response) => {
                let contact = self
                    .leg_at(side)
                    .and_then(|leg| leg.dialog.as_ref())
                    .map(|dialog| format!("<{}>", dialog.contact()));
                if let Some(contact) = contact {
                    response.headers.push(Name::Contact, contact);
                }
                response.headers.push(Name::Allow, ALLOW);
                response.headers.push(Name::Supported, SUPPORTED);
                if request.method == Method::Invite
                    && let Some(leg) = self.leg_at(side)
                {
                    leg.awaits_ack((tx, request), floor);
                    floor.out.push(super::Output::Holds(tx));
                }
                floor.respond(tx, &response);
                self.note_hold(side, floor);
            }
            Err(Refused { code, min_se }) => {
                let mut response = Response::to(request, code);
                if let Some(min_se) = min_se {
                    response.headers.push(Name::MinSe, min_se.to_string());
                }
                if code == 415 {
                    response.headers.push(Name::Accept, ACCEPT);
                }
                if code == 488 {
                    let domain = &self.facts.snapshot.config.domain;
                    let warning = format!("399 {domain} \"no stream that both can use\"");
                    response.headers.push(Name::Warning, warning);
                }
                if code == 500 {
                    let wait = floor.endpoint.chance(MOST_WAIT).as_secs();
                    response.headers.push(Name::RetryAfter, wait.to_string());
                }
                floor.respond(tx, &response);
            }
        }
    }

    /// Why a proposal comes at a bad time, if it does: one of ours has no answer (491), or
    /// one that the peer made before (500). RFC 3261 section 14.2, RFC 3311 section 5.2.
    fn untimely(&mut self, side: Side, request: &Request) -> Option<u16> {
        let invites = request.method == Method::Invite;
        if !invites && request.body.is_empty() {
            return None;
        }
        if let (Side::Caller, Invitation::Pending { request: first, .. }) = (side, &self.invitation)
        {
            return if invites {
                Some(500)
            } else if first.body.is_empty() {
                // What is to be agreed on is ours to propose, in the answer.
                Some(491)
            } else {
                (!self.progress.is_agreed(first)).then_some(500)
            };
        }
        let ours = self.leg_at(side).is_some_and(|leg| leg.is_proposing());
        ours.then_some(491)
    }

    fn agree_anew(
        &mut self,
        side: Side,
        request: &Request,
        floor: &mut Floor<'_>,
    ) -> Result<Response, Refused> {
        if let Some(code) = self.untimely(side, request) {
            return Err(Refused::with(code));
        }
        let codecs = self.facts.snapshot.config.media.codecs.clone();
        let leg = self.leg_at(side).ok_or_else(|| Refused::with(481))?;
        if !request.body.is_empty() {
            let kind = request.headers.first(&Name::ContentType);
            sdp::legible(kind.as_deref()).map_err(Refused::with)?;
        }
        let timer =
            SessionTimer::answer(request, Wish::default(), floor.now).map_err(|small| Refused {
                code: 422,
                min_se: Some(small.min_se),
            })?;
        let mut response = Response::to(request, 200);
        if request.method == Method::Invite || !request.body.is_empty() {
            leg.describe(request, &mut response, &codecs, floor)
                .map_err(Refused::with)?;
        }
        timer.write_answer(&mut response.headers);
        leg.timer = Some(timer);
        Ok(response)
    }

    /// Whether the last description put somebody on hold (RFC 3264 section 8.4).
    fn note_hold(&mut self, side: Side, floor: &mut Floor<'_>) {
        let Some(leg) = self.leg_at(side) else { return };
        let held = leg
            .agreed
            .is_some_and(|agreed| !agreed.send || agreed.remote.is_none());
        if leg.held != held {
            leg.held = held;
            self.held(side, held, floor);
        }
    }

    /// The ACK for one of our 2xx.
    pub(super) fn acknowledged(&mut self, ack: &Request, floor: &mut Floor<'_>) {
        let Some(side) = self.side_of(ack) else {
            return;
        };
        let codecs = self.facts.snapshot.config.media.codecs.clone();
        let Some(leg) = self.leg_at(side) else { return };
        let agreed = leg.acknowledged(ack, &codecs, floor);
        match agreed {
            Acknowledged::Spent => return,
            Acknowledged::Agreed | Acknowledged::Unanswered if self.is_ending() => {
                return self.late_ack(floor);
            }
            Acknowledged::Agreed => {}
            Acknowledged::Unanswered => {
                return match side {
                    Side::Caller => {
                        self.invitation = Invitation::Confirmed;
                        self.end(Outcome::Failed, Hangup::Fault, floor);
                    }
                    Side::Other => self.other_left(Hangup::Fault, floor),
                };
            }
        }
        if side == Side::Caller && matches!(self.invitation, Invitation::Answered) {
            self.confirmed(floor);
        } else {
            self.note_hold(side, floor);
        }
    }

    /// Nobody acknowledged a 2xx of ours: its dialog is over (RFC 3261 section 13.3.1.4).
    pub(super) fn no_ack(&mut self, tx: ServerTx, floor: &mut Floor<'_>) {
        let side = if self.leg.lacks_ack(tx) {
            Side::Caller
        } else {
            Side::Other
        };
        if self.leg_at(side).is_none_or(|leg| !leg.lacks_ack(tx)) {
            return;
        }
        if self.is_ending() {
            return self.late_ack(floor);
        }
        self.lost(side, floor);
    }

    pub(super) fn answered(
        &mut self,
        tx: ClientTx,
        response: &Response,
        peer: Peer,
        floor: &mut Floor<'_>,
    ) {
        let snapshot = Arc::clone(&self.facts.snapshot);
        let codecs = &snapshot.config.media.codecs;
        for side in [Side::Caller, Side::Other] {
            let reply = match self.leg_at(side) {
                Some(leg) => leg.replied(tx, (response, peer), codecs, floor),
                None => Reply::NotOurs,
            };
            match reply {
                Reply::NotOurs => {}
                Reply::Alive => {
                    if let Some(id) = self.leg_at(side).map(|leg| leg.id) {
                        self.watch(id, floor);
                    }
                    return self.note_hold(side, floor);
                }
                Reply::Gone => return self.lost(side, floor),
            }
        }
        if response.code < 200 {
            self.provisional(tx, response, peer, floor);
        }
        // A chain of possible owners; each says whether the answer was its.
        let _owned = self.fork_answered(tx, response, peer, floor)
            || self.offer_answered(tx, response, peer, floor)
            || self.line_answered(tx, response, peer, floor)
            || self.stray_answered(tx, response, peer, floor);
    }

    pub(super) fn unanswered(&mut self, tx: ClientTx, why: Failure, floor: &mut Floor<'_>) {
        match why {
            Failure::TimedOut | Failure::Unreachable => {}
        }
        for side in [Side::Caller, Side::Other] {
            let reply = match self.leg_at(side) {
                Some(leg) => leg.unanswered(tx),
                None => Reply::NotOurs,
            };
            match reply {
                Reply::NotOurs | Reply::Alive => {}
                Reply::Gone => return self.lost(side, floor),
            }
        }
        self.strays.retain(|stray| stray.tx != tx);
        let _owned = self.offer_unanswered(tx, floor) || self.line_unanswered(tx, floor);
    }

    /// What the clock says of one side.
    pub(super) fn check_leg(&mut self, side: Side, floor: &mut Floor<'_>) {
        let there = side == Side::Other || matches!(self.invitation, Invitation::Confirmed);
        if self.is_ending() || !there {
            return;
        }
        let now = floor.now;
        let Some(leg) = self.leg_at(side).filter(|leg| leg.dialog.is_some()) else {
            return;
        };
        if leg.is_lost(now) {
            return self.lost(side, floor);
        }
        match leg.timer.as_mut().and_then(|timer| timer.due(now)) {
            Some(Due::Refresh) => leg.refresh(floor),
            Some(Due::Expired) => self.lost(side, floor),
            None if leg.is_again_due(now) => leg.refresh(floor),
            None => {}
        }
    }

    /// One side does not answer any more. It is told goodbye all the same: perhaps it
    /// only cannot be heard.
    fn lost(&mut self, side: Side, floor: &mut Floor<'_>) {
        match side {
            Side::Caller => {
                self.invitation = Invitation::Confirmed;
                self.end(self.outcome(floor.now), Hangup::Vanished, floor);
            }
            Side::Other => self.other_left(Hangup::Vanished, floor),
        }
    }
}

/// Why a new description was not taken.
struct Refused {
    code: u16,
    min_se: Option<u64>,
}

impl Refused {
    fn with(code: u16) -> Self {
        Self { code, min_se: None }
    }
}
