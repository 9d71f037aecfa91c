//! An operator's phone takes the place of another (RFC 3891).
//!
//! ```text
//!  INVITE with Replaces ─► ports ─► 200 ─┬─ the other phone talks:  it gets BYE
//!                                        └─ the other phone rings:  it gets CANCEL
//! ```
//! So an operator goes on at another phone, picks up what rings at a colleague's, or takes
//! over a caller when the colleague's phone told this one so directly.
//!
//! # Why
//! The three values of Replaces are as good as a key: only both ends of a dialog know them.
//! What they open is only an operator's place. Nobody takes the place of a caller or a line.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::call::{Call, Invitation, Stage};
use crate::call::floor::Floor;
use crate::call::in_talk::{Talk, With};
use crate::call::leg::{Leg, Port, Side};
use crate::call::transfer::REST;
use crate::dispatch::Claim;
use crate::media::Command;
use crate::model::{Event, LegId, OperatorName, TransferKind};
use crate::sip::session_timer::Wish;
use crate::sip::{Dialog, Name, Peer, Replaces, Request, Response, Scheme, ServerTx, SessionTimer};

/// The media worker answers in microseconds; one that does not is gone.
const PORT_TIME: Duration = Duration::from_secs(2);

/// An INVITE that wants the place of another dialog.
#[derive(Debug)]
pub struct Replacement {
    /// To answer it by.
    pub tx: ServerTx,
    /// The INVITE.
    pub request: Box<Request>,
    /// From where.
    pub peer: Peer,
    /// Who sent it, and has proven to be that operator.
    pub by: OperatorName,
    /// The dialog that it names.
    pub replaces: Replaces,
}

/// A phone that gets its answer as soon as it has ports.
#[derive(Debug)]
pub(super) struct Successor {
    wish: Replacement,
    leg: Leg,
    until: Instant,
}

/// Whose place it is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// That of the operator who talks.
    Talk,
    /// That of a phone that rings.
    Offer(LegId),
}

impl Successor {
    /// When the ports are given up.
    pub(super) fn deadline(&self) -> Instant {
        self.until
    }
}

impl Call {
    /// An INVITE that wants the place of one of this call's dialogs.
    pub(super) fn replaced(&mut self, wish: Replacement, floor: &mut Floor<'_>) {
        if let Err(code) = self.place_of(&wish.replaces) {
            return wish.refuse(code, floor);
        }
        // Two cannot have the same place.
        if self.successor.is_some() {
            return wish.refuse(486, floor);
        }
        let tag = floor.tag();
        let contact = floor
            .shared
            .advertise
            .contact_for(wish.peer, wish.request.uri.scheme == Scheme::Sips);
        let Ok(dialog) = Dialog::from_request(&wish.request, &tag, &contact, wish.peer) else {
            return wish.refuse(400, floor);
        };
        let timer = match SessionTimer::answer(&wish.request, Wish::default(), floor.now) {
            Ok(timer) => timer,
            Err(small) => {
                let mut response = Response::to(&wish.request, 422);
                let least = small.min_se.to_string();
                response.headers.push(Name::MinSe, least);
                return floor.respond(wish.tx, &response);
            }
        };
        let mut leg = self.next_leg();
        leg.note_allow(&wish.request.headers.tokens(&Name::Allow));
        leg.dialog = Some(dialog);
        leg.timer = Some(timer);
        leg.open(floor);
        floor.out.push(super::Output::Holds(wish.tx));
        let until = floor.now + PORT_TIME;
        self.successor = Some(Box::new(Successor { wish, leg, until }));
    }

    /// The place that a dialog has; `Err` is the code to refuse with (RFC 3891 section 3).
    fn place_of(&self, replaces: &Replaces) -> Result<Place, u16> {
        let named = |dialog: &Dialog| dialog.id().is_named_by(replaces);
        let early_only = replaces.early_only;
        let of_talk = |talk: &Talk| talk.leg.dialog.as_ref().is_some_and(named);
        let (pending, ended) = match self.invitation {
            Invitation::Pending { .. } => (true, false),
            Invitation::Answered | Invitation::Confirmed => (false, false),
            Invitation::Over => (false, true),
        };
        if !ended && self.leg.dialog.as_ref().is_some_and(named) {
            // An early dialog that we did not begin is none that anybody may replace.
            return Err(if pending { 481 } else { 403 });
        }
        let found = match &self.stage {
            Stage::Talking(talk) if of_talk(talk) => Some(match talk.with {
                With::Operator { .. } if early_only => Err(486),
                With::Operator { .. } => Ok(Place::Talk),
                With::Line { .. } => Err(403),
            }),
            // The caller is on the way to a line.
            Stage::Dialing(dial) if dial.talk().is_some_and(of_talk) => Some(Err(491)),
            Stage::Queued(queue) => {
                let mut offers = queue.offers.iter();
                let rings = offers.find(|offer| offer.branches.iter().any(|b| b.has_early(named)));
                rings.map(|offer| Ok(Place::Offer(offer.leg.id)))
            }
            Stage::Flow | Stage::Talking(_) | Stage::Dialing(_) | Stage::Ending { .. } => None,
        };
        // The tag is one of this call's: a dialog that is over is declined, one that was
        // never so is not there.
        let code = if self.has_tag(&replaces.to_tag) {
            481
        } else {
            603
        };
        found.unwrap_or(Err(code))
    }

    /// Whether one of the dialogs that go on has this tag of ours.
    fn has_tag(&self, tag: &str) -> bool {
        let other = match &self.stage {
            Stage::Talking(talk) => talk.leg.has_tag(tag),
            Stage::Dialing(dial) => dial.talk().is_some_and(|talk| talk.leg.has_tag(tag)),
            Stage::Queued(queue) => {
                let mut branches = queue.offers.iter().flat_map(|offer| &offer.branches);
                branches.any(|branch| branch.has_early(|dialog| dialog.id().local_tag == tag))
            }
            Stage::Flow | Stage::Ending { .. } => false,
        };
        other || (!self.is_ending() && self.leg.has_tag(tag))
    }

    /// The ports of a successor are there. `false` when they are not its.
    pub(super) fn successor_opened(
        &mut self,
        leg: LegId,
        local: std::net::SocketAddr,
        floor: &mut Floor<'_>,
    ) -> bool {
        let Some(mut next) = self.successor.take_if(|next| next.leg.id == leg) else {
            return false;
        };
        next.leg.port = Port::Open(local);
        if let Err(code) = self.succeed(&mut next, floor) {
            self.turn_down(*next, code, floor);
        }
        true
    }

    /// There are no ports for a successor. `false` when it is not one.
    pub(super) fn no_port_for_successor(&mut self, leg: LegId, floor: &mut Floor<'_>) -> bool {
        let Some(mut next) = self.successor.take_if(|next| next.leg.id == leg) else {
            return false;
        };
        next.leg.port = Port::None;
        self.turn_down(*next, 503, floor);
        true
    }

    /// The phone that was to take a place gave up. `false` when it is not this one.
    pub(super) fn successor_cancelled(&mut self, tx: ServerTx, floor: &mut Floor<'_>) -> bool {
        let Some(next) = self.successor.take_if(|next| next.wish.tx == tx) else {
            return false;
        };
        self.turn_down(*next, 487, floor);
        true
    }

    /// Whoever waits for a place does so no longer: the time is up, or the call.
    pub(super) fn drop_successor(&mut self, code: u16, floor: &mut Floor<'_>) {
        if let Some(next) = self.successor.take() {
            self.turn_down(*next, code, floor);
        }
    }

    pub(super) fn tick_successor(&mut self, floor: &mut Floor<'_>) {
        let due = |next: &Successor| floor.now >= next.until;
        if self.successor.as_deref().is_some_and(due) {
            self.drop_successor(503, floor);
        }
    }

    fn turn_down(&mut self, mut next: Successor, code: u16, floor: &mut Floor<'_>) {
        self.close(&mut next.leg, floor);
        next.wish.refuse(code, floor);
    }

    /// Answers, and puts the phone in its place. Nothing has happened when it cannot be.
    fn succeed(&mut self, next: &mut Successor, floor: &mut Floor<'_>) -> Result<(), u16> {
        // What rang when the INVITE came may be picked up since.
        let place = self.place_of(&next.wish.replaces)?;
        let by = next.wish.by.clone();
        let own = self.holder(place).as_ref() == Some(&by);
        let mut response = Response::to(&next.wish.request, 200);
        let codecs = &self.facts.snapshot.config.media.codecs;
        let request = &next.wish.request;
        next.leg.describe(request, &mut response, codecs, floor)?;
        let claim = match place {
            _ if !own => Some(claim(&by, floor)?),
            Place::Talk => None,
            Place::Offer(rings) if self.offer_stands(rings, floor) => None,
            Place::Offer(_) => return Err(486),
        };
        next.leg.dress(&mut response);
        next.leg
            .awaits_ack((next.wish.tx, &next.wish.request), floor);
        floor.respond(next.wish.tx, &response);
        let id = next.leg.id;
        let leg = std::mem::replace(&mut next.leg, Leg::new(id));
        match (place, claim) {
            (Place::Talk, None) => self.go_on_with(leg, floor),
            (Place::Talk, Some(claim)) => self.take_over(leg, (by, claim), floor),
            (Place::Offer(rings), claim) => {
                let other = claim.map(|claim| (by, claim));
                self.picked_up(rings, leg, other, floor);
            }
        }
        Ok(())
    }

    fn holder(&self, place: Place) -> Option<OperatorName> {
        match (place, &self.stage) {
            (Place::Talk, Stage::Talking(talk)) => match &talk.with {
                With::Operator { operator, .. } => Some(operator.clone()),
                With::Line { .. } => None,
            },
            (Place::Offer(leg), Stage::Queued(queue)) => {
                let offer = queue.offers.iter().find(|offer| offer.leg.id == leg)?;
                Some(offer.operator.clone())
            }
            (Place::Talk | Place::Offer(_), _) => None,
        }
    }

    /// The operator goes on at another phone.
    fn go_on_with(&mut self, leg: Leg, floor: &mut Floor<'_>) {
        let Stage::Talking(talk) = std::mem::replace(&mut self.stage, Stage::Flow) else {
            return;
        };
        floor.media(Command::Unbridge { leg: self.leg.id });
        let mut talk = *talk;
        let mut before = std::mem::replace(&mut talk.leg, leg);
        before.bye(None, floor);
        self.close(&mut before, floor);
        self.talk_on(talk, floor);
    }

    /// Another operator has the caller from now on.
    fn take_over(
        &mut self,
        leg: Leg,
        (operator, claim): (OperatorName, Claim),
        floor: &mut Floor<'_>,
    ) {
        let Stage::Talking(before) = std::mem::replace(&mut self.stage, Stage::Flow) else {
            return;
        };
        floor.media(Command::Unbridge { leg: self.leg.id });
        let With::Operator {
            operator: by,
            queue,
            settings,
            ..
        } = &before.with
        else {
            return;
        };
        let (by, queue, settings) = (by.clone(), queue.clone(), Arc::clone(settings));
        let (waits, age) = (before.waits, before.age);
        self.finish_talk(*before, REST, floor);
        let call = self.facts.id.clone();
        self.tell_talking(&operator, &queue, floor);
        floor.tell(Event::Transferred {
            call,
            by,
            kind: TransferKind::Operator,
            to: Some(operator.as_str().into()),
            attended: true,
            code: 200,
        });
        let entry = floor.shared.talks.enter(&operator, self.facts.key);
        let with = With::Operator {
            claim,
            operator,
            queue,
            settings,
            entry,
        };
        let since = floor.now;
        let talk = Talk {
            with,
            leg,
            since,
            waits,
            age,
        };
        self.talk_on(talk, floor);
    }

    fn talk_on(&mut self, talk: Talk, floor: &mut Floor<'_>) {
        self.start_talk(talk, floor);
        if self.leg.held {
            self.held(Side::Caller, true, floor);
        }
    }
}

impl Replacement {
    fn refuse(&self, code: u16, floor: &mut Floor<'_>) {
        floor.respond(self.tx, &Response::to(&self.request, code));
    }
}

/// Takes an operator for the call, who has to be ready for one.
fn claim(operator: &OperatorName, floor: &mut Floor<'_>) -> Result<Claim, u16> {
    let board = &floor.shared.board;
    let found = board.find(operator);
    let claim = found
        .and_then(|id| board.take(id, floor.now))
        .ok_or(486_u16)?;
    if board.answered(&claim, floor.now) {
        Ok(claim)
    } else {
        Err(486)
    }
}
