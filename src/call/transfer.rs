//! The operator hands the caller on: to a queue, a line, a colleague, a number.
//!
//! ```text
//!   REFER ──► destination ──┬─ queue, operator, number: the operator goes, the caller waits there
//!                           └─ line: the operator stays until it answers ──► back to the operator,
//!                                                      or, if gone, to the queue that they came from
//! ```
//! # Why
//! A caller is never lost by a transfer. What can be known to fail is refused while the
//! two still talk; what fails later brings the caller back, as old as before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::call::{Call, Stage};
use crate::call::destination::Destination;
use crate::call::dial::Dial;
use crate::call::floor::Floor;
use crate::call::in_queue::{Waits, asked};
use crate::call::in_talk::{Talk, With};
use crate::call::leg::Side;
use crate::call::refer::{Progress, Refer};
use crate::config::Line;
use crate::flow::{self, LineExit, Preferred, QueueRequest, Run};
use crate::media::Command;
use crate::model::{
    Event, Hangup, LineName, Number, OperatorName, OperatorState, QueueName, TransferKind,
};
use crate::queue::Wait;

/// Whoever hands a caller on has a moment before the next call: it could be the same one.
pub(super) const REST: Duration = Duration::from_secs(5);
/// A caller who is sent to an operator waits for that one alone for so long; then for
/// whoever serves the queue.
const HOLD: Duration = Duration::from_secs(60);

/// A talk that ends when a line answers.
#[derive(Debug)]
pub(super) struct HandOver {
    /// Nothing once the operator has hung up.
    pub(super) talk: Option<Talk>,
    progress: Option<Progress>,
    line: LineName,
    by: OperatorName,
    /// Where the caller goes when the line fails and the operator is gone.
    queue: QueueName,
    pub(super) waits: Waits,
    age: Instant,
}

impl Call {
    /// A REFER. Only the operator of a talk hands somebody on (RFC 3515; toll fraud is
    /// what comes of letting callers do it).
    pub(super) fn referred(&mut self, side: Side, refer: Refer, floor: &mut Floor<'_>) {
        let Some(by) = self.transferor(side) else {
            return refer.refuse(403, floor);
        };
        if !matches!(self.stage, Stage::Talking(_)) {
            return refer.refuse(491, floor);
        }
        let headers = &refer.request.headers;
        let target = headers.refer_to().map_err(|_| 400_u16);
        let replaces = target.and_then(|target| {
            let replaces = target.uri.header("Replaces").map_err(|_| 400_u16)?;
            Ok((target.uri, replaces))
        });
        let ours = self.leg_at(side).and_then(|leg| leg.remote());
        let (uri, replaces) = match replaces {
            Ok(target) => target,
            Err(code) => return self.refused(by, None, (refer, code), floor),
        };
        // RFC 3515 section 2.1: the address may want another request than an INVITE; nobody
        // sends one for somebody else here.
        let method = uri.param("method");
        if method.is_some_and(|method| !method.eq_ignore_ascii_case("INVITE")) {
            return self.refused(by, None, (refer, 403), floor);
        }
        if let Some(replaces) = replaces {
            return self.ask_for_other(by, (refer, &replaces), floor);
        }
        let Some(peer) = ours else { return };
        let here = floor.shared.advertise.ip_for(peer.remote.ip());
        match Destination::of_uri(&self.facts.snapshot.config, &uri, here) {
            Ok(to) => self.hand_on_for(by, refer, to, floor),
            Err(code) => self.refused(by, None, (refer, code), floor),
        }
    }

    /// A REFER for a place that is known.
    pub(super) fn hand_on_for(
        &mut self,
        by: OperatorName,
        refer: Refer,
        to: Destination,
        floor: &mut Floor<'_>,
    ) {
        if let Err(code) = self.may_hand_on(&by, &to, floor) {
            return self.refused(by, Some(&to), (refer, code), floor);
        }
        self.hand_on((by, Some(refer)), to, floor);
    }

    /// Who talks with the caller, if the request came from there.
    fn transferor(&self, side: Side) -> Option<OperatorName> {
        if side != Side::Other {
            return None;
        }
        let talk = match &self.stage {
            Stage::Talking(talk) => talk.as_ref(),
            Stage::Dialing(dial) => dial.hand_over.as_ref()?.talk.as_ref()?,
            Stage::Flow | Stage::Queued(_) | Stage::Ending { .. } => return None,
        };
        match &talk.with {
            With::Operator { operator, .. } => Some(operator.clone()),
            With::Line { .. } => None,
        }
    }

    pub(super) fn refused(
        &mut self,
        by: OperatorName,
        to: Option<&Destination>,
        (refer, code): (Refer, u16),
        floor: &mut Floor<'_>,
    ) {
        refer.refuse(code, floor);
        floor.tell(Event::Transferred {
            call: self.facts.id.clone(),
            by,
            kind: to.map_or(TransferKind::Unknown, Destination::kind),
            to: to.map(Destination::name),
            attended: false,
            code,
        });
    }

    /// Whether somebody would be there for the caller, while the operator can still be
    /// told.
    fn may_hand_on(
        &self,
        by: &OperatorName,
        to: &Destination,
        floor: &mut Floor<'_>,
    ) -> Result<(), u16> {
        let config = &self.facts.snapshot.config;
        match to {
            Destination::Number(number) => {
                let (_, entry) = config.numbers.find(number.as_str()).ok_or(404_u16)?;
                config.flows.get(&entry.flow).map(drop).ok_or(404)
            }
            Destination::Queue(queue) => self.is_taken_by(queue, floor),
            Destination::Line(line) => match config.lines.get(line) {
                Some(Line::Queue(queue)) => self.is_taken_by(queue, floor),
                Some(Line::Outside { .. }) => Ok(()),
                None => Err(404),
            },
            Destination::Operator(operator) => {
                let board = &floor.shared.board;
                let reached = config.house.operators.contains_key(operator);
                let id = board.find(operator).filter(|_| reached);
                let state = id.map(|id| board.state(id));
                match state {
                    _ if operator == by => Err(482),
                    None | Some(OperatorState::LoggedOut | OperatorState::Paused) => Err(480),
                    Some(
                        OperatorState::Ready
                        | OperatorState::Offered
                        | OperatorState::Talking
                        | OperatorState::WrapUp,
                    ) => Ok(()),
                }
            }
        }
    }

    /// The queue in which a caller waits for one operator: that of the talk, if the operator
    /// serves it too.
    fn queue_of(&self, operator: &OperatorName, from: QueueName) -> Option<QueueName> {
        let config = &self.facts.snapshot.config;
        let skills = &config.operators.get(operator)?.skills;
        let serves = |queue: &Arc<crate::queue::Settings>| queue.requires.is_met_by(skills);
        if config.queues.get(&from).is_some_and(serves) {
            return Some(from);
        }
        let (queue, _) = config.house.operators.get(operator)?;
        Some(queue.clone())
    }

    fn is_taken_by(&self, queue: &QueueName, floor: &mut Floor<'_>) -> Result<(), u16> {
        let queues = &self.facts.snapshot.config.queues;
        let settings = Arc::clone(queues.get(queue).ok_or(404_u16)?);
        let room = floor.shared.hall.waiting(queue) < settings.max_waiting;
        let request = self.plain_request(queue.clone());
        let wait = Wait::new(settings, asked(&request), floor.now);
        let staffed = self.nobody_for(&wait, false, floor).is_none();
        if room && staffed { Ok(()) } else { Err(480) }
    }

    /// Hands the caller on. Whoever asked is told, and goes.
    fn hand_on(
        &mut self,
        (by, refer): (OperatorName, Option<Refer>),
        to: Destination,
        floor: &mut Floor<'_>,
    ) {
        let Stage::Talking(talk) = &self.stage else {
            return;
        };
        let With::Operator { queue, .. } = &talk.with else {
            return;
        };
        let from = queue.clone();
        match &to {
            Destination::Number(number) => {
                let number = number.clone();
                self.let_go((by, refer), &to, floor);
                self.begin_anew(number, floor);
            }
            Destination::Operator(operator) => {
                let Some(queue) = self.queue_of(operator, from) else {
                    return;
                };
                let preferred = Some(Preferred {
                    operator: operator.clone(),
                    hold_for: HOLD,
                });
                let request = QueueRequest {
                    preferred,
                    ..self.plain_request(queue)
                };
                let place = self.let_go((by, refer), &to, floor);
                self.wait_again(request, place, floor);
            }
            Destination::Queue(queue) => {
                let request = self.plain_request(queue.clone());
                let place = self.let_go((by, refer), &to, floor);
                self.wait_again(request, place, floor);
            }
            Destination::Line(line) => match self.facts.snapshot.config.lines.get(line) {
                Some(Line::Queue(queue)) => {
                    let request = self.plain_request(queue.clone());
                    let place = self.let_go((by, refer), &to, floor);
                    self.wait_again(request, place, floor);
                }
                Some(Line::Outside { .. }) | None => {
                    let line = line.clone();
                    self.ring_for((by, refer), &line, floor);
                }
            },
        }
    }

    /// The operator goes: told that it is done, hung up, resting.
    fn let_go(
        &mut self,
        (by, refer): (OperatorName, Option<Refer>),
        to: &Destination,
        floor: &mut Floor<'_>,
    ) -> Option<(Waits, Instant)> {
        let Stage::Talking(talk) = &mut self.stage else {
            return None;
        };
        let (waits, age) = (talk.waits, talk.age);
        if let Some(refer) = refer {
            refer
                .accept(&mut talk.leg, floor)
                .tell(200, &mut talk.leg, floor);
        }
        self.end_talk(REST, floor);
        self.tell_transferred(by, to, 200, floor);
        self.story.queued_first = Some(age);
        Some((waits, age))
    }

    fn tell_transferred(
        &self,
        by: OperatorName,
        to: &Destination,
        code: u16,
        floor: &mut Floor<'_>,
    ) {
        floor.tell(Event::Transferred {
            call: self.facts.id.clone(),
            by,
            kind: to.kind(),
            to: Some(to.name()),
            attended: false,
            code,
        });
    }

    fn wait_again(
        &mut self,
        request: QueueRequest,
        place: Option<(Waits, Instant)>,
        floor: &mut Floor<'_>,
    ) {
        let Some((waits, age)) = place else { return };
        if let Err(exit) = self.enter_queue(request, (waits, age), floor) {
            self.drive(waits.ended(exit), floor);
        }
    }

    /// The flow of another number begins for the caller.
    fn begin_anew(&mut self, number: Number, floor: &mut Floor<'_>) {
        let snapshot = Arc::clone(&self.facts.snapshot);
        let config = &snapshot.config;
        let found = config.numbers.find(number.as_str());
        let flow = found.and_then(|(_, entry)| Some((entry, config.flows.get(&entry.flow)?)));
        let Some((entry, flow)) = flow else { return };
        let spoken = Some(self.run.language().to_owned());
        let knows = |language: &String| flow.languages().iter().any(|known| **known == **language);
        self.facts.flow = flow.name().clone();
        self.run = Run::new(
            Arc::clone(flow),
            flow::Caller {
                from: self.facts.from.clone(),
                name: self.facts.display.clone(),
                called: number,
                language: spoken.filter(knows).or_else(|| entry.language.clone()),
                project: entry.project.clone(),
            },
            Arc::clone(&config.calendars),
            floor.shared.epoch,
        );
        self.drive(flow::Input::Begin, floor);
    }

    /// A line outside rings; the caller hears that, and the operator stays.
    fn ring_for(
        &mut self,
        (by, refer): (OperatorName, Option<Refer>),
        line: &LineName,
        floor: &mut Floor<'_>,
    ) {
        let to = Destination::Line(line.clone());
        let mut dial = match self.dial(line, floor) {
            Ok(dial) => dial,
            Err(exit) => {
                let code = code_of(exit);
                return match refer {
                    Some(refer) => self.refused(by, Some(&to), (refer, code), floor),
                    None => self.tell_transferred(by, &to, code, floor),
                };
            }
        };
        let Stage::Talking(talk) = std::mem::replace(&mut self.stage, Stage::Flow) else {
            return self.drop_dial(dial, floor);
        };
        let mut talk = *talk;
        let With::Operator { queue, .. } = &talk.with else {
            self.stage = Stage::Talking(Box::new(talk));
            return self.drop_dial(dial, floor);
        };
        let queue = queue.clone();
        let progress = refer.map(|refer| {
            let progress = refer.accept(&mut talk.leg, floor);
            progress.tell(100, &mut talk.leg, floor);
            progress
        });
        floor.media(Command::Unbridge { leg: self.leg.id });
        self.stop_playing(floor);
        dial.hand_over = Some(HandOver {
            waits: talk.waits,
            age: talk.age,
            talk: Some(talk),
            progress,
            line: line.clone(),
            by,
            queue,
        });
        self.stage = Stage::Dialing(Box::new(dial));
        floor.tell(Event::Transferring {
            call: self.facts.id.clone(),
            line: line.clone(),
        });
        let tone = self.facts.snapshot.sounds.ringing();
        self.loop_sound(self.leg.id, &tone, floor);
    }

    /// The line has the caller: the operator may go.
    pub(super) fn handed_over(&mut self, over: HandOver, floor: &mut Floor<'_>) {
        let HandOver {
            talk,
            progress,
            line,
            by,
            ..
        } = over;
        if let Some(mut talk) = talk {
            if let Some(progress) = progress {
                progress.tell(200, &mut talk.leg, floor);
            }
            self.finish_talk(talk, REST, floor);
        }
        self.tell_transferred(by, &Destination::Line(line), 200, floor);
    }

    /// The line does not take the caller: back to the operator, or to the queue.
    pub(super) fn hand_back(&mut self, over: HandOver, exit: LineExit, floor: &mut Floor<'_>) {
        let code = code_of(exit);
        let HandOver {
            talk,
            progress,
            line,
            by,
            queue,
            waits,
            age,
        } = over;
        self.stop_playing(floor);
        let Some(mut talk) = talk else {
            self.tell_transferred(by, &Destination::Line(line), code, floor);
            self.story.queued_first = Some(age);
            let request = self.plain_request(queue);
            return self.wait_again(request, Some((waits, age)), floor);
        };
        if let Some(progress) = progress {
            progress.tell(code, &mut talk.leg, floor);
        }
        let held = talk.leg.held;
        self.start_talk(talk, floor);
        self.tell_transferred(by, &Destination::Line(line), code, floor);
        if held {
            self.held(Side::Other, true, floor);
        }
    }

    /// There is nobody to be handed over any more. The operator's REFER ends as everything
    /// that is told of it does, with a final state (RFC 3515 section 2.4.5), before the BYE.
    pub(super) fn drop_hand_over(&mut self, over: HandOver, floor: &mut Floor<'_>) {
        let Some(mut talk) = over.talk else { return };
        if let Some(progress) = over.progress {
            progress.tell(487, &mut talk.leg, floor);
        }
        self.finish_talk(talk, Duration::ZERO, floor);
    }

    /// The operator who waits for the line hung up; the line rings on. `false` when there
    /// is none.
    pub(super) fn transferor_left(&mut self, floor: &mut Floor<'_>) -> bool {
        let Stage::Dialing(dial) = &mut self.stage else {
            return false;
        };
        if dial.calling.is_some() {
            self.calling_over(Hangup::Operator, floor);
            return true;
        }
        let talk = dial.hand_over.as_mut().and_then(|over| over.talk.take());
        let Some(talk) = talk else { return false };
        self.finish_talk(talk, REST, floor);
        true
    }
}

impl Dial {
    /// The talk that goes on hold for it, or is to begin with it.
    pub(super) fn talk(&self) -> Option<&Talk> {
        if let Some(calling) = &self.calling {
            return Some(&calling.talk);
        }
        self.hand_over.as_ref()?.talk.as_ref()
    }

    /// The same, to change.
    pub(super) fn talk_mut(&mut self) -> Option<&mut Talk> {
        if let Some(calling) = &mut self.calling {
            return Some(&mut calling.talk);
        }
        self.hand_over.as_mut()?.talk.as_mut()
    }
}

/// What the sender of a REFER is told of a line.
fn code_of(exit: LineExit) -> u16 {
    match exit {
        LineExit::Answered => 200,
        LineExit::Busy => 486,
        LineExit::NoAnswer => 480,
        LineExit::Error => 503,
    }
}
