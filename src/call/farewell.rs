//! Every way a call ends.

use std::time::{Duration, Instant};

use crate::call::call::{Call, Invitation, Stage};
use crate::call::floor::Floor;
use crate::call::leg::Leg;
use crate::model::{Cause, DequeueReason, Event, Hangup, Outcome, Said, limits};
use crate::sip::ServerTx;

/// A call that is over is kept this long for what is on its way back: 64 × T1, after
/// which no INVITE of ours is without its final answer (RFC 3261 timer B), and a margin.
const LINGER: Duration = Duration::from_secs(40);

/// How a call ended that is not told to have.
#[derive(Debug)]
pub(super) struct Parting {
    outcome: Outcome,
    hangup: Hangup,
    cause: Option<Cause>,
    lasted: Duration,
}

impl Call {
    /// The call is over. From every state, once.
    pub(super) fn end(&mut self, outcome: Outcome, hangup: Hangup, floor: &mut Floor<'_>) {
        if self.is_ending() {
            return;
        }
        self.tell_carried(floor);
        let reason = match (outcome, hangup) {
            (_, Hangup::Caller | Hangup::Vanished) => DequeueReason::Abandoned,
            (_, Hangup::Operator | Hangup::Flow | Hangup::Shutdown | Hangup::Fault) => {
                DequeueReason::Ended
            }
        };
        self.let_go_of_back(floor);
        self.drop_successor(603, floor);
        self.leave_queue(reason, floor);
        if let Some(dial) = self.take_dialing() {
            self.drop_dial(dial, floor);
        }
        self.end_talk(Duration::ZERO, floor);
        let cause = self.story.cause;
        let code = cause.map_or_else(|| code_for(hangup), Cause::status);
        self.refuse_caller(code, floor);
        if matches!(self.invitation, Invitation::Confirmed) {
            self.leg.bye(self.reason().as_deref(), floor);
            self.invitation = Invitation::Over;
        }
        let id = self.leg.id;
        let mut leg = std::mem::replace(&mut self.leg, Leg::new(id));
        self.close(&mut leg, floor);
        self.leg = leg;
        self.permits.clear();
        self.vacate(floor);
        self.playing = None;
        self.speaking = None;
        self.stage = Stage::Ending {
            until: floor.now + LINGER,
        };
        self.parting = Some(Parting {
            outcome,
            hangup,
            cause,
            lasted: floor.now.saturating_duration_since(self.facts.began),
        });
        let hears = matches!(hangup, Hangup::Caller | Hangup::Vanished);
        // A customer who was called back has no flow.
        if hears && self.run.has_begun() {
            self.drive_last(floor);
            self.part(floor);
        } else {
            self.part_now(floor);
        }
    }

    /// Whether the call is over and its end told: nothing more is told of it.
    pub(super) fn is_told(&self) -> bool {
        self.is_ending() && self.parting.is_none()
    }

    /// The end is told once the flow has done what it does when a caller hangs up.
    pub(super) fn part(&mut self, floor: &mut Floor<'_>) {
        if self.run.is_over() {
            self.part_now(floor);
        }
    }

    /// Tells the end, once.
    fn part_now(&mut self, floor: &mut Floor<'_>) {
        let Some(parting) = self.parting.take() else {
            return;
        };
        if self.silent {
            return;
        }
        floor.tell(Event::CallEnded {
            call: self.facts.id.clone(),
            outcome: parting.outcome,
            hangup: parting.hangup,
            cause: parting.cause,
            said: self.story.said,
            lasted: parting.lasted,
        });
    }

    /// How the call went, if it ended now.
    pub(super) fn outcome(&self, now: Instant) -> Outcome {
        let waited = match &self.stage {
            Stage::Queued(queue) => Some(queue.waited(now)),
            Stage::Flow | Stage::Dialing(_) | Stage::Talking(_) | Stage::Ending { .. } => None,
        };
        match (self.story.talked, self.story.on_line, waited) {
            (true, ..) => Outcome::Answered,
            (false, true, _) => Outcome::Escalated,
            (false, false, Some(waited)) if waited < limits::SHORT_ABANDON => Outcome::ShortAbandon,
            (false, false, Some(_)) => Outcome::Abandoned,
            (false, false, None) if self.story.overflowed => Outcome::Overflowed,
            (false, false, None) => Outcome::EndedInFlow,
        }
    }

    /// The caller gave up before the answer (RFC 3261 section 9.2), or somebody else took
    /// the call for whom it rang too (RFC 3326 section 3.1). That is no caller who was lost:
    /// nobody waits in a queue without an answer, so the call ended in its flow.
    pub(super) fn cancelled(&mut self, (tx, said): (ServerTx, Said), floor: &mut Floor<'_>) {
        if self.successor_cancelled(tx, floor) {
            return;
        }
        let ours =
            matches!(&self.invitation, Invitation::Pending { tx: pending, .. } if *pending == tx);
        if ours {
            self.story.said = said;
            self.given_up(floor);
        }
    }

    /// An INVITE that says how long it is meant, and is not answered by then, ends as one
    /// that the caller gives up (RFC 3261 section 13.3.1).
    pub(super) fn tick_invitation(&mut self, floor: &mut Floor<'_>) {
        if let Invitation::Pending {
            until: Some(at), ..
        } = self.invitation
            && floor.now >= at
        {
            self.given_up(floor);
        }
    }

    fn given_up(&mut self, floor: &mut Floor<'_>) {
        self.refuse_caller(487, floor);
        self.end(self.outcome(floor.now), Hangup::Caller, floor);
    }

    /// The ACK of a call that ended while it was on its way, or the news that none comes:
    /// only now may we hang up (RFC 3261 section 15).
    pub(super) fn late_ack(&mut self, floor: &mut Floor<'_>) {
        if matches!(self.invitation, Invitation::Answered) {
            self.invitation = Invitation::Over;
            self.leg.bye(self.reason().as_deref(), floor);
        }
    }

    /// The Reason header of our farewell (RFC 3326), which a response may carry too (RFC
    /// 6432).
    pub(super) fn reason(&self) -> Option<String> {
        let cause = self.story.cause?;
        Some(format!("Q.850;cause={}", cause.number()))
    }

    /// The server stops.
    pub(super) fn goodbye(&mut self, floor: &mut Floor<'_>) {
        let outcome = match self.outcome(floor.now) {
            Outcome::Answered => Outcome::Answered,
            Outcome::Escalated => Outcome::Escalated,
            Outcome::Abandoned
            | Outcome::ShortAbandon
            | Outcome::EndedInFlow
            | Outcome::Overflowed
            | Outcome::Rejected
            | Outcome::NotReached
            | Outcome::Failed => Outcome::Failed,
        };
        self.end(outcome, Hangup::Shutdown, floor);
        self.part_now(floor);
    }

    /// Something in the call that must not happen did. Whatever state it is in, it ends.
    pub fn fail(&mut self, floor: &mut Floor<'_>) {
        self.driving = false;
        self.heard.clear();
        self.end(Outcome::Failed, Hangup::Fault, floor);
        self.part_now(floor);
    }
}

fn code_for(hangup: Hangup) -> u16 {
    match hangup {
        Hangup::Caller => 487,
        Hangup::Flow => 480,
        Hangup::Shutdown => 503,
        Hangup::Operator | Hangup::Vanished => 480,
        Hangup::Fault => 500,
    }
}
