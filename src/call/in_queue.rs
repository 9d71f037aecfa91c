//! While the call waits for an operator.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::call::{Call, Stage};
use crate::call::dial::Dial;
use crate::call::floor::Floor;
use crate::call::in_flow::line_exit;
use crate::call::in_offer::Offer;
use crate::call::waiting::{Place, Waiter};
use crate::config::Line;
use crate::dispatch::{Abandoned, TicketId};
use crate::flow::{self, QueueExit, QueueRequest, Spoken, speech};
use crate::media::{Command, Sound};
use crate::model::{DequeueReason, Event, LineName, QueueName};
use crate::queue::{Announce, Asked, Seat, Settings, Wait, WaitOutput};

/// How often a waiting call looks whether anybody is still there to take it.
const LOOK_AROUND: Duration = Duration::from_secs(5);

/// What the flow waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// Its `queue`.
    ForQueue,
    /// Its `line`, which is a queue.
    ForLine,
}

impl Waits {
    /// What the flow hears.
    pub(super) fn ended(self, exit: QueueExit) -> flow::Input {
        match self {
            Self::ForQueue => flow::Input::QueueEnded(exit),
            Self::ForLine => flow::Input::LineEnded(line_exit(exit)),
        }
    }
}

/// What is due once the phone that rings has stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Due {
    Line { number: usize, line: LineName },
    TimedOut,
}

/// One call's wait in one queue.
#[derive(Debug)]
pub(super) struct InQueue {
    pub(super) name: QueueName,
    pub(super) settings: Arc<Settings>,
    pub(super) ticket: TicketId,
    pub(super) waits: Waits,
    pub(super) offer: Option<Offer>,
    /// A line outside that rings while the call keeps its place.
    pub(super) dial: Option<Dial>,
    pub(super) whisper: Option<Spoken>,
    pub(super) wait: Wait,
    _seat: Seat,
    _place: Place,
    keys: BTreeSet<char>,
    music: Option<Arc<str>>,
    age: Instant,
    due: Vec<Due>,
    look_at: Instant,
    /// Nobody was there at the last look.
    alone: bool,
}

impl InQueue {
    pub(super) fn deadline(&self) -> Option<Instant> {
        let offer = self.offer.as_ref().map(Offer::deadline);
        let dial = self.dial.as_ref().map(Dial::until);
        let times = [self.wait.deadline(), offer, dial, Some(self.look_at)];
        times.into_iter().flatten().min()
    }

    pub(super) fn waited(&self, now: Instant) -> Duration {
        self.wait.waited(now)
    }
}

impl Call {
    pub(super) fn queued(&mut self) -> Option<&mut InQueue> {
        match &mut self.stage {
            Stage::Queued(queue) => Some(queue),
            Stage::Flow | Stage::Dialing(_) | Stage::Talking(_) | Stage::Ending { .. } => None,
        }
    }

    /// Takes a place in a queue. `age` is when the call was first queued, which escalation
    /// keeps. When the queue does not take it the call is where it was.
    pub(super) fn enter_queue(
        &mut self,
        request: QueueRequest,
        (waits, age): (Waits, Instant),
        floor: &mut Floor<'_>,
    ) -> Result<(), QueueExit> {
        let now = floor.now;
        let queues = &self.facts.snapshot.config.queues;
        let settings = Arc::clone(queues.get(&request.queue).ok_or(QueueExit::Error)?);
        let board = Arc::clone(&floor.shared.board);
        let announce = request.announce.map(|announce| Announce {
            position: announce.position,
            estimated_wait: announce.estimated_wait,
            every: announce.every,
        });
        let asked = Asked {
            require: request.require,
            prefer: request.prefer,
            priority: request.priority,
            max_wait: request.max_wait,
            announce,
        };
        let wait = Wait::new(Arc::clone(&settings), asked, now);
        let class_key = wait.class();
        let class = board.class(&class_key).map_err(|_| QueueExit::Error)?;
        if !board.census(class).staffed() {
            return Err(self.not_taken(&request.queue, DequeueReason::NoOperators, floor));
        }
        let seat = floor
            .shared
            .hall
            .enter(&request.queue, settings.max_waiting);
        let Some(seat) = seat else {
            return Err(self.not_taken(&request.queue, DequeueReason::Full, floor));
        };
        let (ticket, matched) = board
            .enqueue(self.facts.key, class, age, now)
            .map_err(|_| QueueExit::Error)?;
        let (key, since) = (self.facts.key, age);
        let waiter = Waiter { key, ticket, since };
        let place = floor.shared.waiting.enter(&self.facts.id, waiter);
        // What the call waited in before makes room only now that this one took it.
        self.leave_queue(DequeueReason::Line, floor);
        floor.tell(Event::Queued {
            call: self.facts.id.clone(),
            queue: request.queue.clone(),
            priority: class_key.priority,
        });
        self.stage = Stage::Queued(Box::new(InQueue {
            name: request.queue,
            ticket,
            waits,
            offer: None,
            dial: None,
            whisper: request.operator_announcement,
            wait,
            _seat: seat,
            _place: place,
            keys: request.keys,
            music: request
                .music
                .or_else(|| settings.music.as_deref().map(Arc::from)),
            settings,
            age,
            due: Vec::new(),
            look_at: now + LOOK_AROUND,
            alone: false,
        }));
        floor.matched(matched);
        self.music(floor);
        Ok(())
    }

    fn not_taken(
        &mut self,
        queue: &QueueName,
        exit: DequeueReason,
        floor: &mut Floor<'_>,
    ) -> QueueExit {
        // An escalation that finds no room leaves the call where it waits.
        if self.queued().is_none() {
            self.story.overflowed = true;
            floor.tell(Event::Dequeued {
                call: self.facts.id.clone(),
                queue: queue.clone(),
                waited: Duration::ZERO,
                exit,
            });
        }
        match exit {
            DequeueReason::Full => QueueExit::Full,
            DequeueReason::AllPaused => QueueExit::AllPaused,
            DequeueReason::NoOperators
            | DequeueReason::Answered
            | DequeueReason::Abandoned
            | DequeueReason::Timeout
            | DequeueReason::Line
            | DequeueReason::Ended => QueueExit::NoOperators,
        }
    }

    /// Plays the queue's music, from its beginning.
    pub(super) fn music(&mut self, floor: &mut Floor<'_>) {
        let Some(name) = self.queued().and_then(|queue| queue.music.clone()) else {
            return;
        };
        if let Some(sound) = self.facts.snapshot.sounds.sound("music", &name) {
            self.loop_sound(self.leg.id, &sound, floor);
        }
    }

    /// The music of the queue that a talk came from, for the time of a hold.
    pub(super) fn hold_music(&self, settings: Option<&Settings>) -> Arc<Sound> {
        let sounds = &self.facts.snapshot.sounds;
        settings
            .and_then(|settings| settings.music.as_deref())
            .and_then(|name| sounds.sound("music", name))
            .unwrap_or_else(|| sounds.silence(Duration::from_secs(1)))
    }

    pub(super) fn tick_queue(&mut self, floor: &mut Floor<'_>) {
        let now = floor.now;
        let Some(queue) = self.queued() else { return };
        let mut due = Vec::new();
        queue.wait.handle(now, &mut due);
        for output in due {
            match output {
                WaitOutput::Step { number, line: None } => self.widen(number, floor),
                WaitOutput::Step {
                    number,
                    line: Some(line),
                } => self.later(Due::Line { number, line }),
                WaitOutput::Announce {
                    position,
                    estimated_wait,
                } => self.announce(position, estimated_wait, floor),
                WaitOutput::TimedOut => self.later(Due::TimedOut),
            }
        }
        self.tick_offer(floor);
        self.tick_dial(floor);
        self.do_due(floor);
        self.look_around(floor);
    }

    fn later(&mut self, due: Due) {
        if let Some(queue) = self.queued() {
            queue.due.push(due);
        }
    }

    /// A step that lets more operators take the call, or sooner.
    fn widen(&mut self, number: usize, floor: &mut Floor<'_>) {
        let call = self.facts.id.clone();
        let Some(queue) = self.queued() else { return };
        let board = &floor.shared.board;
        match board.class(&queue.wait.class()) {
            Ok(class) => {
                let matched = board.reclass(queue.ticket, class, floor.now);
                floor.matched(matched);
            }
            Err(_) => floor.tell(Event::Fault {
                call: Some(call.clone()),
                what: "no room for another class",
            }),
        }
        let queue = queue.name.clone();
        floor.tell(Event::Escalated {
            call,
            queue,
            step: number,
            line: None,
        });
    }

    /// What was due while a phone rang, once none does.
    pub(super) fn do_due(&mut self, floor: &mut Floor<'_>) {
        while let Some(queue) = self.queued() {
            if queue.offer.is_some() || queue.due.is_empty() {
                return;
            }
            match queue.due.remove(0) {
                Due::Line { number, line } => self.escalate(number, line, floor),
                Due::TimedOut => {
                    self.exit_queue(DequeueReason::Timeout, QueueExit::Timeout, floor);
                }
            }
        }
    }

    /// A step to a line. A queue takes the call with its age; an address outside rings
    /// while the call keeps its place, and takes it when it answers.
    fn escalate(&mut self, number: usize, line: LineName, floor: &mut Floor<'_>) {
        let Some(queue) = self.queued() else { return };
        let (from, age, waits) = (queue.name.clone(), queue.age, queue.waits);
        let (keys, whisper) = (queue.keys.clone(), queue.whisper.clone());
        let taken = match self.facts.snapshot.config.lines.get(&line) {
            Some(Line::Queue(to)) => {
                let request = QueueRequest {
                    keys,
                    operator_announcement: whisper,
                    ..self.plain_request(to.clone())
                };
                self.enter_queue(request, (waits, age), floor).is_ok()
            }
            Some(Line::Outside { .. }) => match self.dial(&line, floor) {
                Ok(dial) => {
                    if let Some(queue) = self.queued() {
                        queue.dial = Some(dial);
                    }
                    true
                }
                Err(_) => false,
            },
            None => false,
        };
        if taken {
            floor.tell(Event::Escalated {
                call: self.facts.id.clone(),
                queue: from,
                step: number,
                line: Some(line),
            });
        }
    }

    fn announce(&mut self, position: bool, estimated_wait: bool, floor: &mut Floor<'_>) {
        let language = self.run.language().to_owned();
        let Some(queue) = self.queued() else { return };
        if queue.offer.is_some() {
            return;
        }
        let shared = floor.shared;
        let ahead = shared.board.ahead(queue.ticket);
        let mut spoken = Vec::new();
        if position {
            let place = u32::try_from(ahead).unwrap_or(u32::MAX).saturating_add(1);
            spoken.extend(speech::position(place, &language));
        }
        if estimated_wait && let Ok(class) = shared.board.class(&queue.wait.class()) {
            let working = shared.board.census(class).working();
            let wait = shared.hall.estimate(&queue.name, ahead, working);
            spoken.extend(
                wait.map(|wait| speech::estimated_wait(wait, &language))
                    .unwrap_or_default(),
            );
        }
        let sounds = self.sounds(&spoken, floor);
        if sounds.is_empty() {
            return;
        }
        let play = self.next_play();
        self.playing = Some(play);
        floor.media(Command::Play {
            leg: self.leg.id,
            play,
            sounds,
            looped: false,
        });
    }

    /// Leaves when nobody who could take the call has been logged in for two looks: an
    /// operator whose phone only changes its address is back by then.
    fn look_around(&mut self, floor: &mut Floor<'_>) {
        let now = floor.now;
        let Some(queue) = self.queued() else { return };
        if now < queue.look_at {
            return;
        }
        queue.look_at = now + LOOK_AROUND;
        let board = &floor.shared.board;
        let staffed = board
            .class(&queue.wait.class())
            .is_ok_and(|class| board.census(class).staffed());
        let alone = !staffed && queue.offer.is_none() && queue.dial.is_none();
        if alone && queue.alone {
            self.exit_queue(DequeueReason::NoOperators, QueueExit::NoOperators, floor);
        } else {
            queue.alone = alone;
        }
    }

    pub(super) fn key_in_queue(&mut self, key: char, floor: &mut Floor<'_>) {
        if self.queued().is_some_and(|queue| queue.keys.contains(&key)) {
            self.exit_queue(DequeueReason::Ended, QueueExit::Key(key), floor);
        }
    }

    /// Leaves the queue by one of its exits, back to the flow.
    fn exit_queue(&mut self, reason: DequeueReason, exit: QueueExit, floor: &mut Floor<'_>) {
        let Some(waits) = self.queued().map(|queue| queue.waits) else {
            return;
        };
        self.story.overflowed |= matches!(
            reason,
            DequeueReason::Timeout
                | DequeueReason::NoOperators
                | DequeueReason::AllPaused
                | DequeueReason::Full
        );
        self.leave_queue(reason, floor);
        self.stop_playing(floor);
        self.drive(waits.ended(exit), floor);
    }

    /// Gives everything back that waiting holds. The seat is the box's own.
    pub(super) fn leave_queue(&mut self, reason: DequeueReason, floor: &mut Floor<'_>) {
        if !matches!(self.stage, Stage::Queued(_)) {
            return;
        }
        let Stage::Queued(mut queue) = std::mem::replace(&mut self.stage, Stage::Flow) else {
            return;
        };
        if let Some(dial) = queue.dial.take() {
            self.drop_dial(dial, floor);
        }
        match queue.offer.take() {
            Some(offer) => self.withdraw(offer, &queue, floor),
            None => match floor.shared.board.abandon(queue.ticket) {
                // TooLate: a match is on its way here, and is given back when it comes.
                Abandoned::Won | Abandoned::TooLate => {}
            },
        }
        self.dequeued(&queue, reason, floor);
    }

    /// Tells that the call left a queue.
    pub(super) fn dequeued(&mut self, queue: &InQueue, exit: DequeueReason, floor: &mut Floor<'_>) {
        let waited = queue.waited(floor.now);
        self.story.waited += waited;
        floor.tell(Event::Dequeued {
            call: self.facts.id.clone(),
            queue: queue.name.clone(),
            waited,
            exit,
        });
    }
}
