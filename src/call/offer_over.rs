//! How the ringing ends: in a talk, in nothing, or because somebody else was faster.

use std::time::{Duration, Instant};

use crate::call::call::{Call, Stage};
use crate::call::floor::Floor;
use crate::call::in_offer::Offer;
use crate::call::in_queue::InQueue;
use crate::call::in_queue::Waits;
use crate::call::in_talk::{Talk, With};
use crate::call::invite::ELSEWHERE;
use crate::dispatch::{After, Claim, Strategy};
use crate::media::Command;
use crate::model::{
    DequeueReason, Event, LegId, OfferResult, OperatorName, OperatorState, QueueName,
};
use crate::queue::MissedOffer;

/// How long an operator rests whose phone refused at once, when a missed offer does not
/// pause: without it the two would be offered to each other as fast as packets travel.
pub(super) const BREATH: Duration = Duration::from_secs(5);
/// Whoever missed a call is not offered it again for so long, unless another had it.
const SHUNNED: Duration = Duration::from_secs(30);

impl Call {
    /// The offer came to nothing: the operator rests, and when nobody else rings the call
    /// is back in its place.
    pub(super) fn offer_over(&mut self, leg: LegId, result: OfferResult, floor: &mut Floor<'_>) {
        let Some(offer) = self.queued().and_then(|queue| queue.take_offer(leg)) else {
            return;
        };
        let (claim, operator) = (offer.claim, offer.operator.clone());
        let after = match (offer.settings.missed_offer, result) {
            _ if !offer.asked => After::WrapUp,
            (MissedOffer::Pause, _) => After::Paused,
            (MissedOffer::Stay, OfferResult::Missed) => After::Ready,
            (
                MissedOffer::Stay,
                OfferResult::Answered
                | OfferResult::Rejected
                | OfferResult::Busy
                | OfferResult::Unreachable
                | OfferResult::Withdrawn,
            ) => After::WrapUp,
        };
        if self.queued().is_some_and(|queue| queue.is_named()) {
            return self.named_over(offer, (result, after), floor);
        }
        // The caller first: whoever is ready now takes the oldest call, and this may be it.
        self.back_to_place(&offer, floor);
        self.silence(offer, (result, None), floor);
        self.release(&operator, claim, (after, BREATH), floor);
        self.leave_if_timed_out(floor);
    }

    /// The last who rang for a place of the call gives it back.
    fn back_to_place(&mut self, offer: &Offer, floor: &mut Floor<'_>) {
        let Some(queue) = self.queued() else { return };
        if queue.offers.iter().any(|o| o.ticket == offer.ticket) {
            return;
        }
        if offer.ticket != queue.ticket {
            return floor.shared.board.done(offer.ticket);
        }
        // Where all ring there is no other to be tried, and whose phone was not asked has
        // missed nothing.
        let missed = offer.asked && offer.settings.strategy != Strategy::RingAll;
        let again_at = floor.now.checked_add(SHUNNED).filter(|_| missed);
        queue.look_again_at = again_at;
        queue.join_at = None;
        let shunned = again_at.map(|at| (offer.claim.operator, at));
        let board = &floor.shared.board;
        let matched = board.put_back(offer.ticket, shunned, floor.now);
        floor.matched(matched);
    }

    /// Gives an operator back, and sees to the end of the wrap-up.
    pub(super) fn release(
        &self,
        operator: &OperatorName,
        claim: Claim,
        (after, rest): (After, Duration),
        floor: &mut Floor<'_>,
    ) {
        let change = floor.shared.board.finished(&claim, after, floor.now);
        if change.here == OperatorState::WrapUp {
            floor.out.push(super::Output::WrapUp {
                operator: operator.clone(),
                claim,
                at: floor.now + rest,
            });
        }
        floor.changed(operator, change, Some(&self.facts.id));
    }

    /// Stops the phones of an offer and tells how it ended.
    pub(super) fn silence(
        &mut self,
        mut offer: Offer,
        (result, reason): (OfferResult, Option<&str>),
        floor: &mut Floor<'_>,
    ) {
        self.give_up(std::mem::take(&mut offer.branches), reason, floor);
        self.close(&mut offer.leg, floor);
        floor.tell(Event::OfferEnded {
            call: self.facts.id.clone(),
            queue: offer.queue,
            operator: offer.operator,
            result,
            rang: floor.now.saturating_duration_since(offer.since),
        });
    }

    /// The caller left, or another took the call: the operator is ready at once.
    pub(super) fn withdraw(&mut self, offer: Offer, why: Option<&str>, floor: &mut Floor<'_>) {
        let (claim, operator, ticket) = (offer.claim, offer.operator.clone(), offer.ticket);
        self.silence(offer, (OfferResult::Withdrawn, why), floor);
        floor.shared.board.done(ticket);
        self.release(&operator, claim, (After::Ready, Duration::ZERO), floor);
    }

    /// Caller and operator are connected; whoever else rings is told that they are.
    pub(super) fn begin_talk(&mut self, mut offer: Offer, floor: &mut Floor<'_>) {
        let Stage::Queued(mut queue) = std::mem::replace(&mut self.stage, Stage::Flow) else {
            return;
        };
        if let Some(mut dial) = queue.dial.take() {
            self.stop_trying(&mut dial, floor);
            self.drop_dial(dial, floor);
        }
        self.taken(&mut offer, &mut queue, floor);
        self.dequeued(&queue, DequeueReason::Answered, floor);
        // Whoever rang already before the call came to this queue was no part of its estimate.
        let own = offer.ticket == queue.ticket;
        if let Some(estimated) = queue.estimated.filter(|_| own) {
            floor.tell(Event::Estimated {
                queue: queue.name.clone(),
                error: queue.waited(floor.now).abs_diff(estimated),
            });
        }
        self.tell_talking(&offer.operator, &offer.queue, floor);
        self.story.talked = true;
        let age = self.story.queued_first.take().unwrap_or(queue.age);
        let leg = offer.leg.id;
        let talk = self.talk_with(offer, (queue.waits, age), floor);
        self.start_talk(talk, floor);
        if let Some(whisper) = queue.whisper.take() {
            self.whisper(leg, whisper, floor);
        }
    }

    /// An operator picked up: nobody waits any more, and whoever else rings is told.
    pub(super) fn taken(&mut self, offer: &mut Offer, queue: &mut InQueue, floor: &mut Floor<'_>) {
        let board = &floor.shared.board;
        board.done(queue.ticket);
        board.done(offer.ticket);
        let others = std::mem::take(&mut offer.branches);
        self.give_up(others, Some(ELSEWHERE), floor);
        for other in std::mem::take(&mut queue.offers) {
            self.withdraw(other, Some(ELSEWHERE), floor);
        }
        floor.tell(Event::OfferEnded {
            call: self.facts.id.clone(),
            queue: offer.queue.clone(),
            operator: offer.operator.clone(),
            result: OfferResult::Answered,
            rang: floor.now.saturating_duration_since(offer.since),
        });
    }

    /// Tells that this call is what the operator does.
    pub(super) fn tell_busy(&self, operator: &OperatorName, floor: &mut Floor<'_>) {
        floor.tell(Event::OperatorChanged {
            operator: operator.clone(),
            state: OperatorState::Talking,
            reason: None,
            call: Some(self.facts.id.clone()),
        });
    }

    /// Tells that the operator has the caller, by which queue.
    pub(super) fn tell_talking(
        &self,
        operator: &OperatorName,
        queue: &QueueName,
        floor: &mut Floor<'_>,
    ) {
        self.tell_busy(operator, floor);
        floor.tell(Event::Talking {
            call: self.facts.id.clone(),
            queue: queue.clone(),
            operator: operator.clone(),
            waited: self.story.waited,
        });
    }

    /// The talk with whoever picked up.
    pub(super) fn talk_with(
        &self,
        offer: Offer,
        (waits, age): (Waits, Instant),
        floor: &Floor<'_>,
    ) -> Talk {
        let entry = floor.shared.talks.enter(&offer.operator, self.facts.key);
        Talk {
            with: With::Operator {
                claim: offer.claim,
                operator: offer.operator,
                queue: offer.queue,
                settings: offer.settings,
                entry,
            },
            leg: offer.leg,
            since: floor.now,
            waits,
            age,
        }
    }

    /// Tells the operator what the flow has to say of the call.
    fn whisper(&mut self, leg: LegId, what: crate::flow::Spoken, floor: &mut Floor<'_>) {
        let sounds = self.sounds(&[what], floor);
        let play = self.next_play();
        if !sounds.is_empty() {
            floor.media(Command::Play {
                leg,
                play,
                sounds,
                looped: false,
            });
        }
    }
}
