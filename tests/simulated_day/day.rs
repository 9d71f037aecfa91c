//! A day: what happens, one thing after the other. Callers here, operators in
//! [`crate::staff`].

use std::collections::HashSet;
use std::time::Duration;

use exchange::dispatch::{Abandoned, After};
use exchange::model::OperatorState;

use crate::agenda::{Agenda, Moment, TICK, on_the_tick};
use crate::board::{KEEPS, PREFERS, SHUNNED, SHUNS, STRATEGIES};
use crate::both::{Both, Digest, Offer};
use crate::centre::{
    CLOSES, FLUENT, Missed, OPENS, QUEUES, Step, language, peak, queue_of_a_call, rate,
};
use crate::draw::Draw;
use crate::plain::{Stage, Told};
use crate::skills::{Levels, Wants};
use crate::staff::Worker;
use crate::tally::Tally;

/// An unanswered offer is over after this.
const RINGS: Duration = Duration::from_secs(15);
/// A call waits only for the operator whom the caller prefers.
const KEPT: Duration = Duration::from_secs(20);
const SAMPLES: Duration = Duration::from_secs(60);
/// Between two comparisons of everything, in events.
const EVENTS_BETWEEN: usize = 1000;

/// Callers, operators and offers are named by number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// Somebody may call at this moment.
    Arrive,
    HangUp(usize),
    /// A step of escalation is due.
    Step(usize),
    /// A supervisor changes a caller's priority.
    Urge(usize, i16),
    /// The preferred operator did not come.
    EndHold(usize),
    /// Who missed the call may have it again.
    Look(usize),
    Answer(Offer),
    Miss(Offer),
    Refuse(Offer),
    /// The operator's phone is gone.
    Vanish(Offer),
    /// The operator who did not answer does something else.
    GiveBack(Offer, After),
    Finish(Offer),
    WrapUpOver(Offer),
    /// Something is done once more that is long over.
    Late(Offer, usize),
    LogIn(usize),
    LogOut(usize),
    /// A pause of so many seconds.
    Pause(usize, u64),
    /// A pause that was asked for during a call is taken back.
    Regret(usize),
    Back(usize),
    /// The configuration changes, one operator after the other.
    Reload,
    Train(usize),
    BringBack(usize),
    /// Many operators are trained alike.
    Merge,
    Close,
    Sample,
}

/// One call, and what it will do.
pub(crate) struct Call {
    queue: usize,
    language: usize,
    fluent: u8,
    arrived: Moment,
    priority: i16,
    prefer: Levels,
    steps_taken: usize,
    talk: Duration,
    ringing: Option<Offer>,
}

pub(crate) struct Day {
    pub(crate) both: Both,
    pub(crate) agenda: Agenda<Event>,
    pub(crate) workers: Vec<Worker>,
    /// What people are taught.
    pub(crate) trainings: Vec<Levels>,
    pub(crate) tally: Tally,
    /// How people work.
    pub(crate) work: Draw,
    arrivals: Draw,
    callers: Draw,
    calls: Vec<Call>,
    ages: HashSet<Moment>,
    /// Calls, as a share of those of a full house.
    share: f64,
}

/// How large a centre is, and how busy its day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct House {
    pub(crate) operators: usize,
    /// Calls, as a multiple of what the operators are there for.
    pub(crate) load: f64,
}

impl House {
    /// About 68,000 calls.
    pub(crate) const FULL: Self = Self {
        operators: 500,
        load: 1.0,
    };
}

/// What came of a day.
pub(crate) struct Over {
    pub(crate) tally: Tally,
    pub(crate) digest: Digest,
    pub(crate) events: usize,
}

impl Day {
    /// A whole day.
    pub(crate) fn live(seed: u64, House { operators, load }: House) -> Over {
        let names = QUEUES.each_ref().map(|queue| queue.name);
        let mut day = Self {
            both: Both::new(&names, operators, 1024),
            agenda: Agenda::new(),
            workers: Vec::new(),
            trainings: Vec::new(),
            tally: Tally::default(),
            work: Draw::new(seed, 1),
            arrivals: Draw::new(seed, 2),
            callers: Draw::new(seed, 3),
            calls: Vec::new(),
            ages: HashSet::new(),
            share: load * operators as f64 / House::FULL.operators as f64,
        };
        day.hire(seed, operators);
        day.agenda.add(OPENS, Event::Arrive);
        day.agenda.add(OPENS, Event::Sample);
        let mut events = 0;
        while let Some((now, event)) = day.agenda.next() {
            day.both.now = now;
            day.happen(event);
            events += 1;
            if events % EVENTS_BETWEEN == 0 {
                day.both.compare_all(16);
            }
        }
        day.both.close();
        day.tally.overtakes = day.both.overtakes;
        day.tally.spent = day.both.plain.spent;
        Over {
            tally: day.tally,
            digest: day.both.digest,
            events,
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive => self.arrive(),
            Event::HangUp(call) => self.hang_up(call),
            Event::Step(call) => self.step(call),
            Event::Urge(call, by) => self.urge(call, by),
            Event::EndHold(call) => {
                let matched = self.both.release_hold(call);
                self.offered(matched);
            }
            Event::Look(call) => {
                let matched = self.both.look(call);
                self.offered(matched);
            }
            Event::Answer(offer) => self.answer(&offer),
            Event::Miss(offer) => self.missed(&offer),
            Event::Refuse(offer) => self.not_answered(&offer, After::WrapUp),
            Event::Vanish(offer) => {
                self.not_answered(&offer, After::LoggedOut);
                let again = self.both.now + self.work.between(30.0, 120.0);
                self.agenda.add(again, Event::LogIn(offer.operator));
            }
            Event::GiveBack(offer, then) => self.give_back(&offer, then),
            Event::Finish(offer) => self.finish(&offer),
            Event::WrapUpOver(offer) => {
                let told = self.both.wrap_up_over(&offer);
                self.told(offer.operator, told);
            }
            Event::Late(offer, what) => self.late(&offer, what),
            Event::LogIn(operator) => self.log_in(operator),
            Event::LogOut(operator) => self.stop(operator, OperatorState::LoggedOut),
            Event::Pause(operator, seconds) => self.pause(operator, seconds),
            Event::Regret(operator) => self.regret(operator),
            Event::Back(operator) => self.back(operator),
            Event::Reload => self.reload(),
            Event::Train(operator) => self.train(operator),
            Event::BringBack(operator) => self.bring_back(operator),
            Event::Merge => self.merge(),
            Event::Close => self.close(),
            Event::Sample => self.sample(),
        }
    }

    /// A caller comes, or not: candidates come as often as at the peak, and as many of
    /// them call as the hour wants.
    fn arrive(&mut self) {
        let now = self.both.now;
        let next = self.arrivals.exponential(1.0 / (peak() * self.share));
        if now + next < CLOSES {
            self.agenda.add(now + next, Event::Arrive);
        }
        if self.arrivals.unit() > rate(now) / peak() {
            return;
        }
        let draw = &mut self.callers;
        let number = self.calls.len();
        let queue = queue_of_a_call(draw);
        let call = Call {
            queue,
            language: language(draw),
            fluent: *draw.pick(&FLUENT),
            arrived: now,
            priority: if draw.percent(4) { 20 } else { 0 },
            prefer: Levels::default(),
            steps_taken: 0,
            talk: draw.lognormal(QUEUES[queue].talk, 0.9),
            ringing: None,
        };
        let patience = draw.exponential(QUEUES[queue].patience);
        self.agenda.add(now + patience, Event::HangUp(number));
        for (after, _) in QUEUES[queue].steps {
            let due = now + Duration::from_secs(*after);
            self.agenda.add(due, Event::Step(number));
        }
        if draw.percent(2) {
            let by = *draw.pick(&[-10, 10]);
            let due = now + draw.between(5.0, 60.0);
            self.agenda.add(due, Event::Urge(number, by));
        }
        self.calls.push(call);
        self.queue_up(number);
    }

    fn queue_up(&mut self, number: usize) {
        let (now, age) = (self.both.now, self.age());
        if PREFERS && self.callers.percent(10) {
            let queue = &QUEUES[self.calls[number].queue];
            self.calls[number].prefer = Levels::of(&[queue.prefers]);
        }
        let wants = self.wants(number);
        let mut keeper = None;
        if KEEPS && self.callers.percent(5) {
            let class = self.both.class(&wants);
            let operator = self.callers.below(self.workers.len());
            let on_duty = self.both.plain.takes_calls(operator);
            keeper = (on_duty && self.both.plain.serves(operator, class)).then_some(operator);
            self.agenda.add(now + KEPT, Event::EndHold(number));
        }
        self.tally.queues[self.calls[number].queue].calls += 1;
        let matched = self.both.enqueue(&wants, age, keeper);
        self.offered(matched);
    }

    /// Most callers are as old as their wait; some were queued elsewhere before. No two
    /// are equally old.
    fn age(&mut self) -> Moment {
        let now = self.both.now;
        if !self.callers.percent(8) {
            return now;
        }
        let before = self.callers.between(30.0, 600.0);
        let mut age = on_the_tick(now - before) + TICK / 2;
        while !self.ages.insert(age) {
            age += TICK;
        }
        age
    }

    /// What a call asks for, as of the steps that were taken.
    fn wants(&self, number: usize) -> Wants {
        let call = &self.calls[number];
        let queue = &QUEUES[call.queue];
        let followed = STRATEGIES.contains(&queue.strategy);
        let mut wants = Wants {
            queue: call.queue,
            requires: Levels::of(queue.requires),
            also: Vec::new(),
            prefer: call.prefer,
            strategy: if followed {
                queue.strategy
            } else {
                STRATEGIES[0]
            },
            priority: queue.priority + call.priority,
        };
        wants.requires.0[call.language] = call.fluent;
        for (_, step) in queue.steps.iter().take(call.steps_taken) {
            match step {
                Step::Relax(skill, level) => wants.requires.lower(*skill, *level),
                Step::Language(level) => wants.requires.lower(call.language, *level),
                Step::Also(levels) => wants.also.push(Levels::of(levels)),
                Step::Priority(more) => wants.priority += more,
            }
        }
        wants
    }

    fn step(&mut self, number: usize) {
        self.calls[number].steps_taken += 1;
        self.reclass(number);
    }

    fn urge(&mut self, number: usize, by: i16) {
        self.calls[number].priority += by;
        self.reclass(number);
    }

    fn reclass(&mut self, number: usize) {
        if self.both.plain.callers[number].stage != Stage::Gone {
            let wants = self.wants(number);
            let matched = self.both.reclass(number, &wants);
            self.offered(matched);
        }
    }

    fn hang_up(&mut self, number: usize) {
        if self.both.plain.callers[number].stage == Stage::Gone {
            return;
        }
        let line = &mut self.tally.queues[self.calls[number].queue];
        line.abandoned += 1;
        let ringing = self.calls[number].ringing.take();
        match self.both.abandon(number) {
            Abandoned::Won => assert_eq!(ringing, None, "call {number} was offered"),
            Abandoned::TooLate => {
                let offer = ringing.unwrap();
                self.both.done(number);
                let told = self.both.finished(&offer, After::Ready);
                self.told(offer.operator, told);
            }
        }
    }

    /// The operator's phone rings: will it be answered?
    pub(crate) fn offered(&mut self, matched: Option<Offer>) {
        let Some(offer) = matched else { return };
        let call = &mut self.calls[offer.call];
        assert_eq!(call.ringing, None, "{offer:?}");
        call.ringing = Some(offer);
        self.tally.queues[call.queue].offers += 1;
        let now = self.both.now;
        let (after, event) = match self.work.below(1000) {
            0..40 => (RINGS, Event::Miss(offer)),
            40..50 => (self.work.between(0.5, 3.0), Event::Refuse(offer)),
            50..52 => (self.work.between(0.5, 9.0), Event::Vanish(offer)),
            _ => (
                self.work.lognormal(4.0, 0.5).min(RINGS),
                Event::Answer(offer),
            ),
        };
        self.agenda.add(now + after, event);
    }

    fn answer(&mut self, offer: &Offer) {
        let rings = self.calls[offer.call].ringing == Some(*offer);
        // Who picks up after the caller has gone has nobody on the line.
        assert_eq!(self.both.answered(offer), rings, "{offer:?}");
        if !rings {
            return;
        }
        self.both.done(offer.call);
        let call = &mut self.calls[offer.call];
        call.ringing = None;
        let waited = self.both.now - call.arrived;
        self.tally.queues[call.queue].answered_after(waited);
        self.agenda
            .add(self.both.now + call.talk, Event::Finish(*offer));
    }

    fn missed(&mut self, offer: &Offer) {
        let then = match QUEUES[self.calls[offer.call].queue].missed {
            Missed::Pause => After::Paused,
            Missed::Stay => After::Ready,
        };
        self.not_answered(offer, then);
    }

    /// The caller first: whoever is ready then takes the oldest call, and this may be it.
    fn not_answered(&mut self, offer: &Offer, then: After) {
        let now = self.both.now;
        if self.calls[offer.call]
            .ringing
            .take_if(|o| o == offer)
            .is_none()
        {
            return;
        }
        self.tally.queues[self.calls[offer.call].queue].missed += 1;
        let shun = SHUNS.then_some((offer.operator, now + SHUNNED));
        if SHUNS {
            self.agenda.add(now + SHUNNED, Event::Look(offer.call));
        }
        self.agenda.add(now, Event::GiveBack(*offer, then));
        let matched = self.both.put_back(offer.call, shun);
        self.offered(matched);
    }

    fn give_back(&mut self, offer: &Offer, then: After) {
        let told = self.both.finished(offer, then);
        if told.state == OperatorState::WrapUp {
            let breath = self.both.now + Duration::from_secs(5);
            self.agenda.add(breath, Event::WrapUpOver(*offer));
        }
        self.told(offer.operator, told);
    }

    fn finish(&mut self, offer: &Offer) {
        let now = self.both.now;
        let wrap_up = QUEUES[self.calls[offer.call].queue].wrap_up;
        let then = if wrap_up == 0 {
            After::Ready
        } else {
            After::WrapUp
        };
        let told = self.both.finished(offer, then);
        assert!(told.changed, "{offer:?}");
        if told.state == OperatorState::WrapUp {
            self.wrap_up(offer, Duration::from_secs(wrap_up));
        }
        if self.work.percent(4) {
            let late = now + self.work.between(0.1, 300.0);
            let what = self.work.below(8);
            self.agenda.add(late, Event::Late(*offer, what));
        }
        self.told(offer.operator, told);
    }

    /// Messages that come late, twice or to nobody change nothing. Only a wrap-up that
    /// still goes on can be ended.
    fn late(&mut self, offer: &Offer, what: usize) {
        let told = match what {
            0 => {
                assert!(!self.both.answered(offer), "{offer:?}");
                return;
            }
            1 => self.both.finished(offer, After::Ready),
            2 => self.both.finished(offer, After::LoggedOut),
            3 => self.both.wrap_up_over(offer),
            4 => {
                assert_eq!(self.both.abandon(offer.call), Abandoned::Won);
                return;
            }
            5 => return self.both.done(offer.call),
            6 => {
                assert_eq!(self.both.put_back(offer.call, None), None);
                return;
            }
            _ => {
                let wants = self.wants(offer.call);
                assert_eq!(self.both.reclass(offer.call, &wants), None);
                return;
            }
        };
        assert!(what == 3 || !told.changed, "{offer:?}: {told:?}");
        self.told(offer.operator, told);
    }

    pub(crate) fn told(&mut self, operator: usize, told: Told<Offer>) {
        if told.changed && told.state == OperatorState::Paused {
            self.rest(operator);
        }
        self.offered(told.matched);
    }

    fn sample(&mut self) {
        if self.both.now + SAMPLES < CLOSES {
            self.agenda.add(self.both.now + SAMPLES, Event::Sample);
        }
        for (number, queue) in QUEUES.iter().enumerate() {
            let wants = Wants {
                queue: number,
                requires: Levels::of(queue.requires),
                also: Vec::new(),
                prefer: Levels::default(),
                strategy: STRATEGIES[0],
                priority: queue.priority,
            };
            let class = self.both.class(&wants);
            let census = self.both.census(class);
            self.tally.queues[number].sample(&census);
        }
    }
}
