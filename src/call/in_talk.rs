//! While caller and operator, or line, hear each other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::Permit;
use crate::call::call::{Call, Stage};
use crate::call::floor::Floor;
use crate::call::in_queue::Waits;
use crate::call::leg::{Leg, Side};
use crate::call::talks::TalkEntry;
use crate::dispatch::{After, Claim};
use crate::flow::QueueExit;
use crate::media::Command;
use crate::model::{Event, Hangup, LineName, OperatorName, QueueName};
use crate::queue::Settings;

/// Whom the caller talks with.
#[derive(Debug)]
pub(super) enum With {
    Operator {
        claim: Claim,
        operator: OperatorName,
        queue: QueueName,
        settings: Arc<Settings>,
        entry: TalkEntry,
    },
    Line {
        line: LineName,
        _permit: Option<Permit>,
    },
}

/// A talk.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) with: With,
    pub(super) leg: Leg,
    pub(super) since: Instant,
    pub(super) waits: Waits,
    /// When the caller was first queued: kept for a place that the operator sends them to.
    pub(super) age: Instant,
}

impl Call {
    pub(super) fn start_talk(&mut self, talk: Talk, floor: &mut Floor<'_>) {
        self.stop_playing(floor);
        floor.media(Command::Bridge {
            one: self.leg.id,
            other: talk.leg.id,
        });
        self.watch(talk.leg.id, floor);
        if let With::Operator {
            operator, queue, ..
        } = &talk.with
        {
            self.story.with = Some((queue.clone(), operator.clone()));
        }
        self.stage = Stage::Talking(Box::new(talk));
    }

    /// The other side is gone; the flow goes on with the caller. An operator who waited for
    /// a line to take the caller leaves that to the line.
    pub(super) fn other_left(&mut self, hangup: Hangup, floor: &mut Floor<'_>) {
        if self.transferor_left(floor) {
            return;
        }
        let Some(waits) = self.end_talk(Duration::ZERO, floor) else {
            return;
        };
        self.story.left = Some(hangup);
        self.drive(waits.ended(QueueExit::Answered), floor);
    }

    /// Ends a talk: the other side is hung up unless it did so itself, the operator
    /// wraps up, for `rest` at least.
    pub(super) fn end_talk(&mut self, rest: Duration, floor: &mut Floor<'_>) -> Option<Waits> {
        if !matches!(self.stage, Stage::Talking(_)) {
            return None;
        }
        let Stage::Talking(talk) = std::mem::replace(&mut self.stage, Stage::Flow) else {
            return None;
        };
        let waits = talk.waits;
        floor.media(Command::Unbridge { leg: self.leg.id });
        self.stop_playing(floor);
        self.finish_talk(*talk, rest, floor);
        Some(waits)
    }

    /// Gives the other side of a talk back that nobody hears any more.
    pub(super) fn finish_talk(&mut self, talk: Talk, rest: Duration, floor: &mut Floor<'_>) {
        let Talk {
            with,
            mut leg,
            since,
            ..
        } = talk;
        leg.bye(None, floor);
        self.close(&mut leg, floor);
        if let With::Operator {
            claim,
            operator,
            queue,
            settings,
            ..
        } = with
        {
            let talked = floor.now.saturating_duration_since(since);
            floor.tell(Event::TalkEnded {
                call: self.facts.id.clone(),
                queue: queue.clone(),
                operator: operator.clone(),
                talked,
            });
            let rest = settings.wrap_up.max(rest);
            floor.shared.hall.handled(&queue, talked + rest);
            let after = if rest.is_zero() {
                After::Ready
            } else {
                After::WrapUp
            };
            self.release(&operator, claim, (after, rest), floor);
        }
    }

    /// One side put the other on hold, or takes it back.
    pub(super) fn held(&mut self, side: Side, held: bool, floor: &mut Floor<'_>) {
        let by_caller = side == Side::Caller;
        let Stage::Talking(talk) = &self.stage else {
            return;
        };
        let (listener, settings) = match (side, &talk.with) {
            (Side::Caller, With::Operator { settings, .. }) => (talk.leg.id, Some(settings)),
            (Side::Other, With::Operator { settings, .. }) => (self.leg.id, Some(settings)),
            (Side::Caller, With::Line { .. }) => (talk.leg.id, None),
            (Side::Other, With::Line { .. }) => (self.leg.id, None),
        };
        let call = self.facts.id.clone();
        if held {
            let music = self.hold_music(settings.map(AsRef::as_ref));
            self.loop_sound(listener, &music, floor);
            floor.tell(Event::Held { call, by_caller });
        } else {
            floor.media(Command::Stop { leg: listener });
            floor.tell(Event::Resumed { call, by_caller });
        }
    }
}
