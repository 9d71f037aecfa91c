//! Two calls of an operator become one: the attended transfer (RFC 3515 with RFC 3891).
//!
//! The operator talks with a caller, calls a colleague or a line, and refers the caller to
//! that second call. Both have one end at the operator's phone and the other here, so
//! nobody is called anew: the second call gives its other side, the first takes it.

use crate::call::call::{Call, Invitation, Stage};
use crate::call::destination::Destination;
use crate::call::floor::{Floor, Output};
use crate::call::in_talk::{Talk, With};
use crate::call::refer::Refer;
use crate::call::transfer::REST;
use crate::media::Command;
use crate::model::{Event, Hangup, LegId, OperatorName, Outcome, TransferKind};
use crate::sip::{ClientTx, Dialog, Replaces};

/// What a call gives to another call.
#[derive(Debug)]
pub struct Given(What);

#[derive(Debug)]
enum What {
    /// The other side.
    Talk(Box<Talk>),
    /// It has none yet: the place that it wants to reach.
    Place(Destination),
}

/// By what a leg is found.
#[derive(Debug)]
pub struct Marks {
    /// Its stream.
    pub leg: LegId,
    /// Our tag of its dialog.
    pub tag: Option<String>,
    /// Requests of ours to it that have no answer.
    pub asked: Vec<ClientTx>,
}

impl Given {
    /// By what the shard finds what was given.
    #[must_use]
    pub fn marks(&self) -> Option<Marks> {
        let What::Talk(talk) = &self.0 else {
            return None;
        };
        let dialog = talk.leg.dialog.as_ref();
        Some(Marks {
            leg: talk.leg.id,
            tag: dialog.map(|dialog| dialog.id().local_tag.clone()),
            asked: talk.leg.asked(),
        })
    }
}

impl Call {
    /// Asks the shard for the call that is to be replaced.
    pub(super) fn ask_for_other(
        &mut self,
        by: OperatorName,
        (refer, replaces): (Refer, &str),
        floor: &mut Floor<'_>,
    ) {
        match Replaces::parse(replaces) {
            Some(replaces) => floor.out.push(Output::Replace {
                refer,
                replaces,
                by,
            }),
            None => self.refused(by, None, (refer, 400), floor),
        }
    }

    /// Gives its other side away, and ends. `by` must be who made this call.
    ///
    /// # Errors
    /// 403 when it is another's call, 481 when it is not the dialog that is meant, 486 when
    /// it is answered and was only wanted before (RFC 3891 section 3).
    pub fn give(
        &mut self,
        replaces: &Replaces,
        by: &OperatorName,
        floor: &mut Floor<'_>,
    ) -> Result<Given, u16> {
        let (maker, place) = self.facts.made_by.clone().ok_or(403_u16)?;
        if maker != *by {
            return Err(403);
        }
        let id = self.leg.dialog.as_ref().map(Dialog::id).ok_or(481_u16)?;
        if !id.is_named_by(replaces) || self.is_ending() {
            return Err(481);
        }
        if replaces.early_only && !matches!(self.invitation, Invitation::Pending { .. }) {
            return Err(486);
        }
        if !matches!(self.stage, Stage::Talking(_)) {
            self.end(self.outcome(floor.now), Hangup::Operator, floor);
            return Ok(Given(What::Place(place)));
        }
        let Stage::Talking(talk) = std::mem::replace(&mut self.stage, Stage::Flow) else {
            return Err(481);
        };
        floor.media(Command::Unbridge { leg: self.leg.id });
        floor.media(Command::Stop { leg: talk.leg.id });
        if let With::Operator {
            operator, queue, ..
        } = &talk.with
        {
            floor.tell(Event::TalkEnded {
                call: self.facts.id.clone(),
                queue: queue.clone(),
                operator: operator.clone(),
                talked: floor.now.saturating_duration_since(talk.since),
            });
        }
        self.end(Outcome::Answered, Hangup::Operator, floor);
        Ok(Given(What::Talk(talk)))
    }

    /// The other call gave what it had, or why it did not.
    pub(super) fn given(
        &mut self,
        (refer, by): (Refer, OperatorName),
        given: Result<Given, u16>,
        floor: &mut Floor<'_>,
    ) {
        match given {
            Ok(Given(What::Talk(talk))) => self.join_with((refer, by), *talk, floor),
            Ok(Given(What::Place(to))) => self.hand_on_for(by, refer, to, floor),
            Err(code) => self.refused(by, None, (refer, code), floor),
        }
    }

    /// The caller talks on with the other side of the operator's other call.
    fn join_with(
        &mut self,
        (refer, by): (Refer, OperatorName),
        mut talk: Talk,
        floor: &mut Floor<'_>,
    ) {
        let Stage::Talking(own) = &mut self.stage else {
            refer.refuse(481, floor);
            return self.finish_talk(talk, std::time::Duration::ZERO, floor);
        };
        (talk.waits, talk.age, talk.since) = (own.waits, own.age, floor.now);
        refer
            .accept(&mut own.leg, floor)
            .tell(200, &mut own.leg, floor);
        self.end_talk(REST, floor);
        let call = self.facts.id.clone();
        let (kind, to) = match &mut talk.with {
            With::Operator {
                operator,
                queue,
                entry,
                ..
            } => {
                entry.move_to(self.facts.key);
                self.tell_talking(operator, queue, floor);
                (TransferKind::Operator, operator.as_str().into())
            }
            With::Line { line, .. } => {
                self.story.on_line = true;
                floor.tell(Event::OnLine {
                    call: call.clone(),
                    line: line.clone(),
                });
                (TransferKind::Line, line.as_str().into())
            }
        };
        floor.tell(Event::Transferred {
            call,
            by,
            kind,
            to: Some(to),
            attended: true,
            code: 200,
        });
        self.start_talk(talk, floor);
    }
}
