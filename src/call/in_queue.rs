//! While the call waits for an operator.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::call::{Call, Stage};
use crate::call::dial::Dial;
use crate::call::floor::Floor;
use crate::call::in_flow::line_exit;
use crate::call::in_offer::Offer;
use crate::call::invite::ELSEWHERE;
use crate::call::promise::Wanted;
use crate::call::waiting::{Place, Waiter};
use crate::dispatch::{Abandoned, TicketId};
use crate::flow::{self, Comfort, QueueExit, QueueRequest, Spoken};
use crate::media::Sound;
use crate::model::{DequeueReason, Event, QueueName};
use crate::queue::{Announce, Asked, Estimate, Pace, Seat, Settings, Wait, WaitOutput, Whose};

/// How often a waiting call looks whether anybody is still there to take it.
const LOOK_AROUND: Duration = Duration::from_secs(5);

/// What the flow waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// Its `queue`.
    ForQueue,
    /// Its `line`, which is a queue.
    ForLine,
    /// Its `operator`: one is rung by name, and nobody is waited for.
    Named,
}

impl Waits {
    /// What the flow hears.
    pub(super) fn ended(self, exit: QueueExit) -> flow::Input {
        match self {
            Self::ForQueue => flow::Input::Returned(flow::Returned::Queue(exit)),
            Self::ForLine | Self::Named => {
                flow::Input::Returned(flow::Returned::Line(line_exit(exit)))
            }
        }
    }
}

/// One call's wait in one queue.
#[derive(Debug)]
pub(super) struct InQueue {
    pub(super) name: QueueName,
    pub(super) settings: Arc<Settings>,
    pub(super) ticket: TicketId,
    pub(super) waits: Waits,
    /// Operators who ring: one, or all of a queue with `ring_all`; and those who rang
    /// already when a step led the call here from another queue.
    pub(super) offers: Vec<Offer>,
    /// A line outside that rings while the call keeps its place.
    pub(super) dial: Option<Dial>,
    pub(super) whisper: Option<Spoken>,
    pub(super) wait: Wait,
    /// The priority that was told last.
    pub(super) priority: i16,
    /// Until then the call is kept for the operator whom its caller prefers.
    pub(super) kept_until: Option<Instant>,
    /// Then whoever missed the call may have it again.
    pub(super) look_again_at: Option<Instant>,
    /// Then further operators join those who ring.
    pub(super) join_at: Option<Instant>,
    _seat: Option<Seat>,
    _place: Place,
    pub(super) keys: BTreeSet<char>,
    /// What keys play to a caller who stays.
    pub(super) asides: BTreeMap<char, Vec<Spoken>>,
    /// What is said between the music, now and then.
    pub(super) comfort: Arc<[Comfort]>,
    /// What waits until something else was said.
    pub(super) unsaid: VecDeque<Arc<[Arc<Sound>]>>,
    pub(super) music: Option<Arc<str>>,
    leaves_paused: bool,
    pub(super) age: Instant,
    /// Nobody waits for longer; whoever rings may still pick up.
    timed_out: bool,
    look_at: Option<Instant>,
    /// What the last look found, if that is a reason to leave.
    alone: Option<DequeueReason>,
    /// It has been told that nobody could take the call.
    pub(super) uncoverable: bool,
    /// What the wait was estimated to be when it began; nothing when an operator was free, or
    /// nobody could say.
    pub(super) estimated: Option<Duration>,
}

/// What a call holds that waits.
pub(super) struct Seated {
    pub(super) ticket: TicketId,
    /// Nothing for a customer who is to be called.
    pub(super) seat: Option<Seat>,
    pub(super) place: Place,
    pub(super) age: Instant,
}

impl InQueue {
    /// Whether one operator is rung by name.
    pub(super) fn is_named(&self) -> bool {
        self.waits == Waits::Named
    }

    /// A wait of which nothing is asked.
    pub(super) fn new(
        (settings, wait): (Arc<Settings>, Wait),
        seated: Seated,
        waits: Waits,
        now: Instant,
    ) -> Self {
        Self {
            name: settings.name.clone(),
            ticket: seated.ticket,
            waits,
            offers: Vec::new(),
            dial: None,
            whisper: None,
            priority: wait.class().priority,
            wait,
            kept_until: None,
            look_again_at: None,
            join_at: None,
            _seat: seated.seat,
            _place: seated.place,
            keys: BTreeSet::new(),
            asides: BTreeMap::new(),
            comfort: Arc::default(),
            unsaid: VecDeque::new(),
            music: settings.music.as_deref().map(Arc::from),
            leaves_paused: false,
            age: seated.age,
            timed_out: false,
            look_at: Some(now + LOOK_AROUND),
            alone: None,
            uncoverable: false,
            estimated: None,
            settings,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let offers = self.offers.iter().map(Offer::deadline);
        let dial = self.dial.as_ref().map(Dial::until);
        let times = [
            self.wait.deadline(),
            dial,
            self.kept_until,
            self.look_again_at,
            self.join_at,
            self.look_at,
        ];
        times.into_iter().flatten().chain(offers).min()
    }

    pub(super) fn waited(&self, now: Instant) -> Duration {
        self.wait.waited(now)
    }

    /// How many ring for the call's present place.
    pub(super) fn ringing(&self) -> usize {
        let here = self.offers.iter().filter(|o| o.ticket == self.ticket);
        here.count()
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
    /// keeps. Whoever rings for it elsewhere rings on. When the queue does not take it the
    /// call is where it was.
    pub(super) fn enter_queue(
        &mut self,
        request: QueueRequest,
        (waits, age): (Waits, Instant),
        floor: &mut Floor<'_>,
    ) -> Result<(), QueueExit> {
        let now = floor.now;
        let queues = &self.facts.snapshot.config.queues;
        let settings = Arc::clone(queues.get(&request.queue).ok_or(QueueExit::Error)?);
        let wait = Wait::new(Arc::clone(&settings), asked(&request), now);
        let board = Arc::clone(&floor.shared.board);
        let class = board.class(&wait.class()).map_err(|_| QueueExit::Error)?;
        if let Some(reason) = self.nobody_for(&wait, request.leaves_paused, floor) {
            if reason == DequeueReason::NoOperators && self.queued().is_none() {
                self.tell_uncoverable(&request.queue, floor);
            }
            return Err(self.not_taken(&request.queue, reason, floor));
        }
        let hall = &floor.shared.hall;
        let Some(seat) = hall.enter(&request.queue, settings.max_waiting) else {
            return Err(self.not_taken(&request.queue, DequeueReason::Full, floor));
        };
        let age = self.takes_place_back(&request.queue, age, floor);
        self.story.wanted = Some(Wanted {
            queue: request.queue.clone(),
            require: request.require.clone(),
            prefer: request.prefer.clone(),
            priority: request.priority,
        });
        let preferred = request.preferred.as_ref();
        let keeper = preferred.and_then(|preferred| board.find(&preferred.operator));
        let queued = match keeper {
            Some(keeper) => board.enqueue_for(self.facts.key, class, (age, keeper), now),
            None => board.enqueue(self.facts.key, class, age, now),
        };
        let (ticket, matched) = queued.map_err(|_| QueueExit::Error)?;
        let kept = preferred.filter(|_| board.is_kept(ticket));
        // Whoever found an operator, or is kept for one, does not take turns.
        let turns = kept.is_none() && matched.as_ref().is_none_or(|m| m.ticket != ticket);
        let place = self.place(ticket, age, floor);
        // What the call waited in before makes room only now that this one took it.
        let offers = self.leave_queue_ringing(DequeueReason::Line, floor);
        let seated = Seated {
            ticket,
            seat: Some(seat),
            place,
            age,
        };
        let estimated = turns.then(|| outlook(ticket, &settings, floor)).flatten();
        let queue = InQueue::new((settings, wait), seated, waits, now);
        floor.tell(Event::Queued {
            call: self.facts.id.clone(),
            queue: request.queue,
            priority: queue.priority,
        });
        self.stage = Stage::Queued(Box::new(InQueue {
            estimated: estimated.map(|estimate| estimate.likely),
            offers,
            whisper: request.operator_announcement,
            kept_until: kept.and_then(|kept| now.checked_add(kept.hold_for)),
            keys: request.keys,
            asides: request.asides,
            comfort: request.comfort,
            music: request.music.or_else(|| queue.music.clone()),
            leaves_paused: request.leaves_paused,
            ..queue
        }));
        floor.matched(matched);
        self.music(floor);
        self.hurry(floor);
        Ok(())
    }

    /// A place for a customer who is to be called: no seat, no sound, and no way out but by
    /// an operator, or by the promise's end.
    pub(super) fn wait_without_caller(
        &mut self,
        settings: Arc<Settings>,
        asked: Asked,
        age: Instant,
        floor: &mut Floor<'_>,
    ) -> Option<()> {
        // The steps of escalation count from when the customer was queued first.
        let wait = Wait::new(Arc::clone(&settings), asked, age);
        let board = Arc::clone(&floor.shared.board);
        let class = board.class(&wait.class()).ok()?;
        let (key, now) = (self.facts.key, floor.now);
        let (ticket, matched) = board.enqueue(key, class, age, now).ok()?;
        let seated = Seated {
            ticket,
            seat: None,
            place: self.place(ticket, age, floor),
            age,
        };
        let queue = InQueue::new((settings, wait), seated, Waits::ForQueue, now);
        self.stage = Stage::Queued(Box::new(InQueue {
            music: None,
            look_at: None,
            ..queue
        }));
        floor.matched(matched);
        Some(())
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
        exit_of(exit)
    }

    /// The call is found while it waits.
    pub(super) fn place(&self, ticket: TicketId, since: Instant, floor: &Floor<'_>) -> Place {
        let key = self.facts.key;
        let waiter = Waiter { key, ticket, since };
        floor.shared.waiting.enter(&self.facts.id, waiter)
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
                WaitOutput::Step { number, line } => self.step(number, line, floor),
                WaitOutput::Announce {
                    position,
                    estimated_wait,
                } => self.announce(position, estimated_wait, floor),
                WaitOutput::Comfort { message } => self.comfort(message, floor),
                WaitOutput::TimedOut => {
                    if let Some(queue) = self.queued() {
                        queue.timed_out = true;
                    }
                }
            }
        }
        self.tick_offers(floor);
        self.tick_dial(floor);
        self.leave_if_timed_out(floor);
        self.look_again(floor);
        self.look_around(floor);
    }

    /// Leaves a queue in which it has waited for long enough, once no phone rings any
    /// more: whoever picks up must find the caller, and an offer is over in seconds.
    pub(super) fn leave_if_timed_out(&mut self, floor: &mut Floor<'_>) {
        let over = |queue: &mut InQueue| queue.timed_out && queue.offers.is_empty();
        if self.queued().is_some_and(over) {
            self.exit_queue(DequeueReason::Timeout, QueueExit::Timeout, floor);
        }
    }

    /// Looks for operators again where time alone has changed who may have the call.
    fn look_again(&mut self, floor: &mut Floor<'_>) {
        let now = floor.now;
        let Some(queue) = self.queued() else { return };
        let ticket = queue.ticket;
        let due = |at: &mut Option<Instant>| at.take_if(|at| *at <= now).is_some();
        let (kept, shunned) = (due(&mut queue.kept_until), due(&mut queue.look_again_at));
        let board = &floor.shared.board;
        let released = kept.then(|| board.release(ticket, now)).flatten();
        let matched = released.or_else(|| shunned.then(|| board.look(ticket, now)).flatten());
        floor.matched(matched);
        self.join(floor);
    }

    /// Leaves when nobody who could take the call has been there for two looks: an
    /// operator whose phone only changes its address is back by then.
    fn look_around(&mut self, floor: &mut Floor<'_>) {
        let now = floor.now;
        let Some(queue) = self.queued() else { return };
        if queue.look_at.is_none_or(|at| now < at) {
            return;
        }
        queue.look_at = Some(now + LOOK_AROUND);
        if !queue.offers.is_empty() || queue.dial.is_some() {
            queue.alone = None;
            return;
        }
        let (wait, leaves_paused) = (queue.wait.clone(), queue.leaves_paused);
        let before = queue.alone;
        let alone = self.nobody_for(&wait, leaves_paused, floor);
        if let Some(queue) = self.queued() {
            queue.alone = alone;
        }
        match alone {
            Some(reason) if before == alone => {
                self.exit_queue(reason, exit_of(reason), floor);
            }
            Some(_) => {}
            None => self.hurry(floor),
        }
    }

    pub(super) fn key_in_queue(&mut self, key: char, floor: &mut Floor<'_>) {
        if self.aside(key, floor) {
            return;
        }
        if self.queued().is_some_and(|queue| queue.keys.contains(&key)) {
            self.exit_queue(DequeueReason::Ended, QueueExit::Key(key), floor);
        }
    }

    /// Leaves the queue by one of its exits, back to the flow.
    pub(super) fn exit_queue(
        &mut self,
        reason: DequeueReason,
        exit: QueueExit,
        floor: &mut Floor<'_>,
    ) {
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
        // RFC 3326 section 3.1: what a line took was not missed.
        let why = (reason == DequeueReason::Line).then_some(ELSEWHERE);
        for offer in self.leave_queue_ringing(reason, floor) {
            self.withdraw(offer, why, floor);
        }
    }

    /// The same, but whoever rings for the call rings on, in the hands of whoever asked.
    fn leave_queue_ringing(&mut self, reason: DequeueReason, floor: &mut Floor<'_>) -> Vec<Offer> {
        if !matches!(self.stage, Stage::Queued(_)) {
            return Vec::new();
        }
        let Stage::Queued(mut queue) = std::mem::replace(&mut self.stage, Stage::Flow) else {
            return Vec::new();
        };
        if let Some(dial) = queue.dial.take() {
            self.drop_dial(dial, floor);
        }
        if queue.ringing() == 0 {
            match floor.shared.board.abandon(queue.ticket) {
                // TooLate: a match is on its way here, and is given back when it comes.
                Abandoned::Won | Abandoned::TooLate => {}
            }
        }
        self.dequeued(&queue, reason, floor);
        std::mem::take(&mut queue.offers)
    }

    /// Tells that the call left a queue.
    pub(super) fn dequeued(&mut self, queue: &InQueue, exit: DequeueReason, floor: &mut Floor<'_>) {
        if self.silent {
            return;
        }
        let waited = queue.waited(floor.now);
        self.story.waited += waited;
        if let Some(wanted) = &mut self.story.wanted {
            // What a supervisor gave it stays.
            wanted.priority = queue.wait.priority();
        }
        floor.tell(Event::Dequeued {
            call: self.facts.id.clone(),
            queue: queue.name.clone(),
            waited,
            exit,
        });
    }
}

/// How long the caller will wait from now on, if anybody can say.
pub(super) fn outlook(
    ticket: TicketId,
    settings: &Settings,
    floor: &Floor<'_>,
) -> Option<Estimate> {
    let (hall, whose) = (&floor.shared.hall, Whose::Ticket(ticket));
    hall.estimate(whose, settings.wrap_up, floor.now)
}

/// What a flow's request asks of the wait.
pub(super) fn asked(request: &QueueRequest) -> Asked {
    let comfort = request.comfort.iter().map(|message| Pace {
        after: message.after,
        every: message.every,
    });
    Asked {
        require: request.require.clone(),
        prefer: request.prefer.clone(),
        priority: request.priority,
        max_wait: request.max_wait,
        announce: request.announce.map(|announce| Announce {
            position: announce.position,
            estimated_wait: announce.estimated_wait,
            every: announce.every,
        }),
        escalate: request.escalate.clone(),
        comfort: comfort.collect(),
    }
}

/// The exit for a queue that does not take a call, or keeps it no longer.
fn exit_of(reason: DequeueReason) -> QueueExit {
    match reason {
        DequeueReason::Full => QueueExit::Full,
        DequeueReason::AllPaused => QueueExit::AllPaused,
        DequeueReason::Timeout => QueueExit::Timeout,
        DequeueReason::NoOperators
        | DequeueReason::Answered
        | DequeueReason::Abandoned
        | DequeueReason::Line
        | DequeueReason::Ended => QueueExit::NoOperators,
    }
}
