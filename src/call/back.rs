//! A customer is called back: a call that begins with an operator.
//!
//! ```text
//!  waits in the queue, without a caller ─► an operator picks up ─► hears a tone, while
//!      ▲ nobody yet                             │                  the attempt is noted
//!      └── missed ◄─────────────────────────────┤
//!                    customer answers ◄─ dialled ◄──┘
//!                         │                 └─ no answer, or the operator hangs up:
//!                         ▼                    the call is over, and tried again later
//!                    a talk like any other
//! ```
//! # Why
//! - **The operator first.** A customer who picks up finds somebody there.
//! - **Nothing is dialled that is not noted on the disk.** A process that dies while it
//!   dials must not dial the same attempt again.
//! - **The call begins, for records and for whoever looks, when an operator is there.** What
//!   waits before that is a promise, not a call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::call::{Call, Facts, Invitation, Stage};
use crate::call::callbacks::{Callback, CallbackKey, Keep};
use crate::call::dial::Dial;
use crate::call::diverted::Way;
use crate::call::floor::{Floor, Output, leg_id};
use crate::call::in_offer::Offer;
use crate::call::in_queue::Waits;
use crate::call::in_talk::{Talk, With};
use crate::call::leg::{Leg, Side};
use crate::call::promise::millis;
use crate::call::shared::CALLS;
use crate::call::{Permit, Snapshot};
use crate::config::{Divert, Line, Outside};
use crate::dispatch::After;
use crate::flow::{self, Flow, LineExit, Run};
use crate::media::Command;
use crate::model::{
    Action, CallId, CallKey, CallbackResult, Event, Hangup, LineName, Number, Outcome, PlayId,
    QueueName, Step, TrunkName,
};
use crate::queue::{Announce, Asked, CallbackSettings, Settings};

/// The trunk of such calls in records, and their number in metrics.
const CALLBACK: &str = "callback";
/// What is needed to dial is there within this: ports, an address, the note on the disk.
const PREPARE: Duration = Duration::from_secs(5);
/// A line that had no room, or a closed calendar, is looked at again this much later.
const LATER: Duration = Duration::from_secs(60);

/// An operator's phone that is hung up is idle within this.
const MOMENT: Duration = Duration::from_secs(2);

/// A customer whose turn it is.
#[derive(Debug)]
pub struct Customer {
    /// The key of the call to be.
    pub key: CallKey,
    /// Its id.
    pub id: CallId,
    /// What was promised.
    pub callback: Callback,
    /// When the customer was first queued.
    pub age: Instant,
    /// A flow into the queue, which gives the call its name in records.
    pub flow: Arc<Flow>,
    /// The configuration, for the whole call.
    pub snapshot: Arc<Snapshot>,
}

/// For which promise a call is, until the customer is there.
#[derive(Debug)]
pub(super) struct Back {
    pub(super) key: CallbackKey,
    pub(super) id: CallId,
    since_ms: u64,
    number: Number,
    called: Number,
}

/// An operator who is there for a customer who is dialled.
#[derive(Debug)]
pub(super) struct Calling {
    pub(super) talk: Talk,
    waited: Duration,
    ring: Duration,
    /// Whether the attempt is noted on the disk.
    kept: bool,
    /// The tone that the operator hears first.
    tone: Option<PlayId>,
    permit: Option<Permit>,
}

impl Calling {
    /// Whether the customer may be dialled.
    pub(super) fn is_ready(&self) -> bool {
        self.kept && self.tone.is_none()
    }
}

impl Call {
    /// A call to a customer begins to wait for an operator. `None` when the queue has no
    /// room for it.
    pub fn call_back(customer: Customer, floor: &mut Floor<'_>) -> Option<Self> {
        let Customer {
            key,
            id,
            callback,
            age,
            flow,
            snapshot,
        } = customer;
        let settings = Arc::clone(snapshot.config.queues.get(&callback.queue)?);
        let run = Run::new(
            Arc::clone(&flow),
            flow::Caller {
                from: callback.number.clone(),
                name: None,
                called: callback.called.clone(),
                language: None,
                project: callback.project.clone(),
            },
            Arc::clone(&snapshot.config.calendars),
            floor.shared.epoch,
        );
        let facts = Facts {
            key,
            id,
            from: callback.number.clone(),
            display: None,
            to: callback.called.clone(),
            flow: flow.name().clone(),
            project: callback.project.clone(),
            began: floor.now,
            made_by: None,
            hops: None,
            way: Way::default(),
            snapshot,
        };
        let leg = Leg::new(leg_id(key, 0));
        let mut call = Self::of(facts, run, (Invitation::Over, leg), Vec::new());
        call.silent = true;
        call.story.queued_first = Some(age);
        call.back = Some(Box::new(Back {
            key: callback.key(),
            id: callback.id.clone(),
            since_ms: callback.since_ms,
            number: callback.number.clone(),
            called: callback.called.clone(),
        }));
        let asked = asked(&callback, &settings);
        call.wait_without_caller(settings, asked, age, floor)?;
        Some(call)
    }

    /// Since the customer was first queued.
    pub(super) fn waited_for_back(&self, floor: &Floor<'_>) -> Option<Duration> {
        let back = self.back.as_ref()?;
        let waited_ms = floor.wall_ms().saturating_sub(back.since_ms);
        Some(Duration::from_millis(waited_ms))
    }

    /// Whether the customer still wants to be called, and may be now.
    pub(super) fn may_call_back(&self, floor: &Floor<'_>) -> bool {
        let Some(back) = &self.back else { return false };
        let pending = floor.shared.callbacks.waits(&back.key, self.facts.key);
        pending && is_open(&self.facts.snapshot, &back.key.queue, floor)
    }

    /// Nobody waits for this call any more: it was cancelled, the customer called, or the
    /// office closed. Too late when an operator is there.
    pub(super) fn withdraw_back(&mut self, floor: &mut Floor<'_>) {
        if self.back.is_some() && matches!(self.stage, Stage::Queued(_)) {
            self.end(Outcome::NotReached, Hangup::Flow, floor);
        }
    }

    /// The call ends while it is for a promise: that is tried again, by its shard's word.
    pub(super) fn let_go_of_back(&mut self, floor: &mut Floor<'_>) {
        if let Some(back) = self.back.take() {
            let callbacks = &floor.shared.callbacks;
            callbacks.let_go(&back.key, self.facts.key, None);
            let (key, at) = (back.key, floor.now);
            floor.out.push(Output::Look { key, at });
        }
    }

    /// An operator picked up. Whoever else rings is told.
    pub(super) fn call_customer(&mut self, mut offer: Offer, floor: &mut Floor<'_>) {
        let Stage::Queued(mut queue) = std::mem::replace(&mut self.stage, Stage::Flow) else {
            return;
        };
        self.taken(&mut offer, &mut queue, floor);
        self.tell_busy(&offer.operator, floor);
        let age = queue.age;
        drop(queue);
        let talk = self.talk_with(offer, (Waits::ForQueue, age), floor);
        self.prepare(talk, floor);
    }

    /// Makes everything ready for dialling; what is missing is tried again later.
    fn prepare(&mut self, talk: Talk, floor: &mut Floor<'_>) {
        let snapshot = Arc::clone(&self.facts.snapshot);
        let found = self.back.as_ref().and_then(|back| {
            let settings = snapshot.config.queues.get(&back.key.queue)?;
            Some((
                back.key.clone(),
                back.id.clone(),
                settings.callback.clone()?,
            ))
        });
        let open = self.may_call_back(floor);
        let most = snapshot.config.limits.calls;
        let permit = floor.shared.gates.enter(CALLS, most);
        let (Some((key, id, settings)), Some(permit), true) = (found, permit, open) else {
            return self.not_dialled(talk, floor);
        };
        let (number, shows) = self.who(&settings);
        let Ok(mut dial) = self.dial_number(&settings.line, (number, shows), floor) else {
            return self.not_dialled(talk, floor);
        };
        let next_ms = floor.wall_ms().saturating_add(millis(settings.every));
        let callbacks = &floor.shared.callbacks;
        let Some(callback) = callbacks.dial(&key, self.facts.key, next_ms) else {
            self.drop_dial(dial, floor);
            return self.not_dialled(talk, floor);
        };
        let waited = self.waited_for_back(floor).unwrap_or_default();
        self.tell_begun(&talk, (id, &settings), (callback.attempts, waited), floor);
        floor.out.push(Output::Keep {
            keep: Keep::Pending(callback),
            asks: true,
        });
        let (leg, tone) = (talk.leg.id, self.next_play());
        self.watch(leg, floor);
        dial.wait_until(floor.now + PREPARE);
        dial.calling = Some(Box::new(Calling {
            talk,
            waited,
            ring: settings.ring,
            kept: false,
            tone: Some(tone),
            permit: Some(permit),
        }));
        self.stage = Stage::Dialing(Box::new(dial));
        floor.media(Command::Play {
            leg,
            play: tone,
            sounds: Arc::new([snapshot.sounds.attention()]),
            looped: false,
        });
    }

    /// Begins to dial a number by a line that is an address outside. The line is not told of
    /// a diversion: the call is no caller's.
    fn dial_number(
        &mut self,
        name: &LineName,
        (number, shows): (Number, Number),
        floor: &mut Floor<'_>,
    ) -> Result<Dial, LineExit> {
        let config = &self.facts.snapshot.config;
        let Some(Line::Outside(outside)) = config.lines.get(name) else {
            return Err(LineExit::Error);
        };
        let targets = outside.targets.iter();
        let targets = targets.map(|target| target.with_user(number.as_str()));
        let outside = Outside {
            targets: targets.collect::<Option<_>>().ok_or(LineExit::Error)?,
            divert: Divert::Off,
            ..Outside::clone(outside)
        };
        let mut dial = self.dial_by(name, Arc::new(outside), floor)?;
        dial.shows = Some(shows);
        Ok(dial)
    }

    /// The number to dial, and the one that the customer sees.
    fn who(&self, settings: &CallbackSettings) -> (Number, Number) {
        let back = self.back.as_ref();
        let number = back.map_or(&self.facts.from, |back| &back.number).clone();
        let called = back.map_or(&self.facts.to, |back| &back.called).clone();
        (number, settings.show.clone().unwrap_or(called))
    }

    /// From here on it is a call, of which there will be a record.
    fn tell_begun(
        &mut self,
        talk: &Talk,
        (callback, settings): (CallId, &CallbackSettings),
        (attempt, waited): (u32, Duration),
        floor: &mut Floor<'_>,
    ) {
        self.silent = false;
        self.facts.began = floor.now;
        let call = self.facts.id.clone();
        floor.tell(Event::CallStarted {
            call: call.clone(),
            from: self.facts.from.clone(),
            to: self.facts.to.clone(),
            number: Number::from(CALLBACK),
            flow: self.facts.flow.clone(),
            project: self.facts.project.clone(),
            trunk: TrunkName::from(CALLBACK),
        });
        if let With::Operator {
            operator, queue, ..
        } = &talk.with
        {
            floor.tell(Event::CallingBack {
                call,
                callback,
                queue: queue.clone(),
                operator: operator.clone(),
                line: settings.line.clone(),
                attempt,
                waited,
            });
        }
    }

    /// An operator was there, and nobody could be dialled: no line, no room, closed.
    fn not_dialled(&mut self, talk: Talk, floor: &mut Floor<'_>) {
        let next_ms = floor.wall_ms().saturating_add(millis(LATER));
        if let Some(back) = &self.back {
            let callbacks = &floor.shared.callbacks;
            callbacks.let_go(&back.key, self.facts.key, Some(next_ms));
        }
        self.end(Outcome::NotReached, Hangup::Flow, floor);
        self.free(talk, floor);
    }

    /// The operator may take the next call at once: there was nobody to talk with. The phone
    /// has a moment to hang up, if the queue gives its operators any.
    pub(super) fn free(&mut self, talk: Talk, floor: &mut Floor<'_>) {
        let Talk { with, mut leg, .. } = talk;
        leg.bye(None, floor);
        self.close(&mut leg, floor);
        if let With::Operator {
            claim,
            operator,
            settings,
            ..
        } = with
        {
            let rest = settings.wrap_up.min(MOMENT);
            let after = if rest.is_zero() {
                After::Ready
            } else {
                After::WrapUp
            };
            self.release(&operator, claim, (after, rest), floor);
        }
    }

    fn calling(&mut self) -> Option<&mut Calling> {
        match &mut self.stage {
            Stage::Dialing(dial) => dial.calling.as_deref_mut(),
            Stage::Flow | Stage::Queued(_) | Stage::Talking(_) | Stage::Ending { .. } => None,
        }
    }

    /// The attempt is noted on the disk, or cannot be: then it is none.
    pub(super) fn kept(&mut self, kept: bool, floor: &mut Floor<'_>) {
        let Some(calling) = self.calling() else {
            return;
        };
        calling.kept = kept;
        if kept {
            self.dial_when_ready(floor);
        } else {
            self.calling_over(Hangup::Fault, floor);
        }
    }

    /// The operator has heard the tone. `false` when another sound has ended.
    pub(super) fn tone_over(&mut self, play: PlayId, floor: &mut Floor<'_>) -> bool {
        let Some(calling) = self.calling() else {
            return false;
        };
        let over = calling.tone.take_if(|tone| *tone == play).is_some();
        if over {
            self.dial_when_ready(floor);
        }
        over
    }

    fn dial_when_ready(&mut self, floor: &mut Floor<'_>) {
        let Stage::Dialing(dial) = &mut self.stage else {
            return;
        };
        let Some(calling) = dial.calling.as_ref().filter(|calling| calling.is_ready()) else {
            return;
        };
        let (leg, until) = (calling.talk.leg.id, floor.now + calling.ring);
        dial.wait_until(until);
        let ringing = self.facts.snapshot.sounds.ringing();
        self.loop_sound(leg, &ringing, floor);
        self.try_next(LineExit::Error, floor);
    }

    /// The customer is not reached this time: the operator is free, and the promise's
    /// shard says when it is tried again.
    pub(super) fn calling_over(&mut self, hangup: Hangup, floor: &mut Floor<'_>) {
        let Some(mut dial) = self.take_dialing() else {
            return;
        };
        let calling = dial.calling.take();
        let tried = calling.as_ref().is_some_and(|calling| calling.kept);
        self.drop_dial(dial, floor);
        if let Some(back) = self.back.as_ref().filter(|_| !tried) {
            let callbacks = &floor.shared.callbacks;
            let undone = callbacks.not_dialled(&back.key, self.facts.key);
            floor.out.extend(undone.map(|callback| Output::Keep {
                keep: Keep::Pending(callback),
                asks: false,
            }));
        }
        self.end(Outcome::NotReached, hangup, floor);
        // The call first: who is free is offered the next one at once.
        if let Some(calling) = calling {
            self.free(calling.talk, floor);
        }
    }

    /// The customer answered: from here on it is a talk like any other.
    pub(super) fn reached(&mut self, mut dial: Dial, calling: Calling, floor: &mut Floor<'_>) {
        let Calling {
            mut talk,
            waited,
            permit,
            ..
        } = calling;
        let line = dial.take_permit();
        self.permits.extend(permit.into_iter().chain(line));
        self.leg = dial.leg;
        self.invitation = Invitation::Confirmed;
        if let Some(back) = self.back.take()
            && let Some(pending) = floor.shared.callbacks.remove(&back.key, &back.id)
        {
            floor.callback_over(pending.callback, CallbackResult::Answered);
        }
        floor.media(Command::Stop { leg: talk.leg.id });
        self.watch(self.leg.id, floor);
        self.story.waited = waited;
        self.story.talked = true;
        self.story.queued_first = None;
        if let With::Operator {
            operator, queue, ..
        } = &talk.with
        {
            floor.tell(Event::Talking {
                call: self.facts.id.clone(),
                queue: queue.clone(),
                operator: operator.clone(),
                waited,
            });
        }
        talk.since = floor.now;
        let held = talk.leg.held;
        self.start_talk(talk, floor);
        if held {
            self.held(Side::Other, true, floor);
        }
    }
}

/// Whether a queue's callbacks may be dialled now, by its calendar.
pub(super) fn is_open(snapshot: &Snapshot, queue: &QueueName, floor: &Floor<'_>) -> bool {
    let settings = snapshot.config.queues.get(queue);
    let Some(back) = settings.and_then(|settings| settings.callback.as_ref()) else {
        return false;
    };
    let wall = floor.shared.epoch.wall_at(floor.now);
    back.hours.as_ref().is_none_or(|hours| {
        let calendar = snapshot.config.calendars.get(hours);
        calendar.is_some_and(|calendar| calendar.is_open_at(wall))
    })
}

/// What the customer asks for, as before. Steps that lead elsewhere are left out: there is
/// nobody on the line to be taken there.
fn asked(callback: &Callback, settings: &Settings) -> Asked {
    let stays = |step: &&Step| match step.action {
        Action::Line(_) => false,
        Action::Relax(_) | Action::Also(_) | Action::Priority(_) => true,
    };
    let steps = settings.escalate.iter().filter(stays).cloned();
    Asked {
        require: callback.require.clone(),
        prefer: callback.prefer.clone(),
        priority: callback.priority,
        max_wait: Some(Duration::MAX),
        announce: Some(Announce::default()),
        escalate: Some(steps.collect()),
        comfort: Arc::default(),
    }
}
