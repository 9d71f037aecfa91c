//! The flow's own `operator`: one is rung by name, through a queue that the operator
//! serves, so that nobody rings for two calls, and what is missed is a missed offer.
//!
//! # Why
//! Nobody waits for such an operator: who is not ready is busy, and who lets it ring is not
//! tried again. So the call holds a place of its own that no other operator sees, and
//! leaves it when the phone has rung.

use std::sync::Arc;

use crate::call::call::{Call, Stage};
use crate::call::floor::Floor;
use crate::call::in_offer::Offer;
use crate::call::in_queue::{InQueue, Seated, Waits};
use crate::call::offer_over::BREATH;
use crate::dispatch::{Abandoned, After, Match, Strategy};
use crate::flow::{self, LineExit, OperatorRequest, QueueExit};
use crate::model::{DequeueReason, Event, OfferResult, OperatorState, limits};
use crate::queue::{Announce, Asked, Settings, Wait};

impl Call {
    /// Rings the operator, or says why not.
    pub(super) fn ring_named(&mut self, request: OperatorRequest, floor: &mut Floor<'_>) {
        self.story.left = None;
        if let Err(exit) = self.take_named(request, floor) {
            self.drive(flow::Input::Returned(flow::Returned::Line(exit)), floor);
        }
    }

    fn take_named(
        &mut self,
        request: OperatorRequest,
        floor: &mut Floor<'_>,
    ) -> Result<(), LineExit> {
        let (now, key) = (floor.now, self.facts.key);
        let config = &self.facts.snapshot.config;
        let reached = config.house.operators.get(&request.operator);
        let (queue, _) = reached.ok_or(LineExit::Error)?;
        let settings = config.queues.get(queue).ok_or(LineExit::Error)?;
        let settings = Arc::new(alone(settings, &request));
        let board = Arc::clone(&floor.shared.board);
        let operator = board.find(&request.operator).ok_or(LineExit::Busy)?;
        match board.state(operator) {
            OperatorState::LoggedOut | OperatorState::Paused => return Err(LineExit::Busy),
            // Whoever may have several calls at once may be ready beside one.
            OperatorState::Ready
            | OperatorState::Offered
            | OperatorState::Talking
            | OperatorState::WrapUp => {}
        }
        let asked = Asked {
            priority: self.run.priority(),
            ..Asked::default()
        };
        let wait = Wait::new(Arc::clone(&settings), asked, now);
        let class = board.class(&wait.class()).map_err(|_| LineExit::Error)?;
        let hall = &floor.shared.hall;
        let seat = hall.enter(&settings.name, limits::WAITING_PER_QUEUE);
        let seat = seat.ok_or(LineExit::Busy)?;
        let age = self.age(now);
        let queued = board.enqueue_for(key, class, (age, operator), now);
        let (ticket, matched) = queued.map_err(|_| LineExit::Error)?;
        let ours = |matched: &Match| matched.ticket == ticket;
        let Some(matched) = matched.filter(|m| ours(m) && m.claim.operator == operator) else {
            // Somebody was faster. Whom the board gave instead goes back.
            match matched {
                Some(other) if ours(&other) => floor.give_back(&other),
                other => {
                    floor.matched(other);
                    // A match that is on its way is given back when it comes.
                    match board.abandon(ticket) {
                        Abandoned::Won | Abandoned::TooLate => {}
                    }
                }
            }
            return Err(LineExit::Busy);
        };
        let place = self.place(ticket, age, floor);
        floor.tell(Event::Queued {
            call: self.facts.id.clone(),
            queue: settings.name.clone(),
            priority: wait.class().priority,
        });
        let seated = Seated {
            ticket,
            seat: Some(seat),
            place,
            age,
        };
        let mut queue = InQueue::new((settings, wait), seated, Waits::Named, now);
        queue.whisper = request.operator_announcement;
        self.stage = Stage::Queued(Box::new(queue));
        floor.matched(Some(matched));
        self.music(floor);
        Ok(())
    }

    /// The operator who was rung by name did not come: the call goes on without.
    pub(super) fn named_over(
        &mut self,
        offer: Offer,
        (result, after): (OfferResult, After),
        floor: &mut Floor<'_>,
    ) {
        let exit = match result {
            OfferResult::Busy => QueueExit::Full,
            OfferResult::Unreachable => QueueExit::Error,
            OfferResult::Missed
            | OfferResult::Rejected
            | OfferResult::Withdrawn
            | OfferResult::Answered => QueueExit::Timeout,
        };
        let (claim, operator) = (offer.claim, offer.operator.clone());
        floor.shared.board.done(offer.ticket);
        self.silence(offer, (result, None), floor);
        self.release(&operator, claim, (after, BREATH), floor);
        self.exit_queue(DequeueReason::Ended, exit, floor);
    }
}

/// A queue as it is for one operator: nobody else, no steps, nothing said.
fn alone(settings: &Settings, request: &OperatorRequest) -> Settings {
    let ring = request.ring.unwrap_or(settings.offer_timeout);
    Settings {
        strategy: Strategy::LongestIdle,
        offer_timeout: ring,
        max_wait: ring.saturating_mul(2),
        announce: Announce::default(),
        escalate: Vec::new(),
        ..settings.clone()
    }
}
