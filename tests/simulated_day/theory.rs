//! The board as the textbook's queue: what it does is what Erlang and Palm computed.
//!
//! # When it is right
//! A run is cut into [`BATCHES`] batches of calls in order of arrival, after a warm-up that
//! is dropped; a batch is many times as long as the queue remembers, so batches are nearly
//! independent. How much load chance has brought into a batch is known, so that part of a
//! batch's deviation is taken out by regression (a control variate: S. Lavenberg and
//! P. Welch, Management Science 27, 1981). Each figure's 99 % confidence interval must
//! contain what theory says: of 200 seeds and all cases, 98 % of the intervals did. The seed
//! is fixed, so that what is right stays right. An interval that is wide contains
//! everything: it must be narrow enough too, as each test states.

use std::time::Duration;

use exchange::dispatch::{Abandoned, After, Claim};

use crate::agenda::{Agenda, Moment};
use crate::board::{Matched, Real, STRATEGIES};
use crate::draw::Draw;
use crate::erlang::Trunk;
use crate::skills::{Levels, Wants};

const BATCHES: usize = 30;
/// Student's t with 28 degrees of freedom (a slope is estimated too): 99 % lie within, on
/// both sides of 0.
const STUDENT: f64 = 2.763;
const IN_TIME: f64 = 20.0;

enum Event {
    Arrive,
    HangUp(usize),
    Finish(Claim),
}

/// A caller, and what became of it.
#[derive(Clone, Copy, Default)]
struct Fate {
    /// Since the caller before.
    gap: Duration,
    /// As long as it would talk.
    talk: Duration,
    waited: Duration,
    answered: bool,
    over: bool,
}

struct Textbook {
    trunk: Trunk,
    board: Real,
    agenda: Agenda<Event>,
    now: Moment,
    draw: Draw,
    arrived: Vec<Moment>,
    fates: Vec<Fate>,
}

impl Textbook {
    /// So many calls, one after the other.
    fn run(trunk: Trunk, seed: u64, calls: usize) -> Vec<Fate> {
        let mut book = Self {
            trunk,
            board: Real::new(trunk.operators, 2048),
            agenda: Agenda::new(),
            now: Moment::ZERO,
            draw: Draw::new(seed, 5),
            arrived: Vec::new(),
            fates: vec![Fate::default(); calls],
        };
        book.staff();
        book.agenda.add(Moment::ZERO, Event::Arrive);
        while let Some((now, event)) = book.agenda.next() {
            book.now = now;
            match event {
                Event::Arrive => book.arrive(),
                Event::HangUp(call) => book.hang_up(call),
                Event::Finish(claim) => {
                    let told = book.board.finished(claim, After::Ready, now);
                    book.offered(told.matched);
                }
            }
        }
        assert!(book.fates.iter().all(|fate| fate.over));
        book.fates
    }

    fn staff(&mut self) {
        let wants = Wants {
            queue: 0,
            requires: Levels::of(&[(0, 1)]),
            also: Vec::new(),
            prefer: Levels::default(),
            strategy: STRATEGIES[0],
            priority: 0,
        };
        self.board.add_class("textbook", &wants);
        let skills = Levels::of(&[(0, 5)]);
        for (operator, place) in (0..self.trunk.operators).zip(0..) {
            let matched = self.board.configure(operator, (&skills, place), self.now);
            assert_eq!(matched, None);
            assert!(self.board.ready(operator, self.now).changed);
        }
    }

    fn arrive(&mut self) {
        let (now, number) = (self.now, self.arrived.len());
        self.arrived.push(now);
        self.fates[number].talk = self.draw.exponential(self.trunk.talk);
        if let Some(next) = self.fates.get_mut(number + 1) {
            next.gap = self.draw.exponential(1.0 / self.trunk.arrivals());
            self.agenda.add(now + next.gap, Event::Arrive);
        }
        let matched = self.board.enqueue(0, (now, None), now);
        self.offered(matched);
        if let Some(patience) = self.trunk.patience {
            let patience = self.draw.exponential(patience);
            self.agenda.add(now + patience, Event::HangUp(number));
        }
    }

    /// In the textbook nobody's phone rings.
    fn offered(&mut self, matched: Option<Matched>) {
        let Some(Matched { claim, call, .. }) = matched else {
            return;
        };
        assert!(self.board.answered(claim, self.now));
        self.board.done(call);
        self.over(call, true);
        let ends = self.now + self.fates[call].talk;
        self.agenda.add(ends, Event::Finish(claim));
    }

    fn hang_up(&mut self, call: usize) {
        if !self.fates[call].over {
            assert_eq!(self.board.abandon(call), Abandoned::Won);
            self.over(call, false);
        }
    }

    fn over(&mut self, call: usize, answered: bool) {
        let fate = &mut self.fates[call];
        assert!(!fate.over, "call {call} is over twice");
        fate.waited = self.now - self.arrived[call];
        fate.answered = answered;
        fate.over = true;
    }
}

/// A figure of a run, with half the width of its interval.
struct Measured {
    value: f64,
    half: f64,
}

/// The mean of a figure over all batches, at the load that was asked for: where the line
/// through the batches' means crosses a surplus of load of 0.
fn measure(trunk: &Trunk, fates: &[Fate], figure: impl Fn(&Fate) -> f64) -> Measured {
    let size = fates.len() / BATCHES;
    let mean_of = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
    let mean_by =
        |batch: &[Fate], by: &dyn Fn(&Fate) -> f64| batch.iter().map(by).sum::<f64>() / size as f64;
    let surplus = |batch: &[Fate]| {
        let talk = mean_by(batch, &|fate| fate.talk.as_secs_f64()) / trunk.talk;
        let gap = mean_by(batch, &|fate| fate.gap.as_secs_f64()) * trunk.arrivals();
        talk - gap
    };
    let loads: Vec<f64> = fates.chunks_exact(size).map(surplus).collect();
    let means = fates
        .chunks_exact(size)
        .map(|batch| mean_by(batch, &figure));
    let means: Vec<f64> = means.collect();
    let (load, mean) = (mean_of(&loads), mean_of(&means));
    let points = || loads.iter().map(|one| one - load).zip(&means);
    let spread: f64 = points().map(|(x, _)| x * x).sum();
    let slope = points().map(|(x, y)| x * (y - mean)).sum::<f64>() / spread;
    let residual = |(x, y): (f64, &f64)| (y - mean - slope * x).powi(2);
    let count = means.len() as f64;
    let variance = points().map(residual).sum::<f64>() / (count - 2.0);
    Measured {
        value: mean - slope * load,
        half: STUDENT * (variance * (1.0 / count + load * load / spread)).sqrt(),
    }
}

/// Runs a trunk and compares it with the theory: each interval contains the figure, and is
/// at most `width` of it to either side.
fn check(trunk: Trunk, seed: u64, batch: usize, width: f64) {
    println!("{trunk:?}, seed {seed}, {BATCHES} batches of {batch}");
    let warm_up = batch;
    let fates = Textbook::run(trunk, seed, warm_up + BATCHES * batch);
    let fates = &fates[warm_up..];
    let share = |so: bool| f64::from(u8::from(so));
    let expected = trunk.expected();
    let mut figures = vec![
        (
            "waits",
            expected.waits,
            measure(&trunk, fates, |fate| share(!fate.waited.is_zero())),
        ),
        (
            "mean wait, s",
            expected.mean_wait,
            measure(&trunk, fates, |fate| fate.waited.as_secs_f64()),
        ),
    ];
    figures.push(match trunk.patience {
        Some(_) => (
            "abandons",
            expected.abandons,
            measure(&trunk, fates, |fate| share(!fate.answered)),
        ),
        None => (
            "within 20 s",
            trunk.within(IN_TIME),
            measure(&trunk, fates, |fate| {
                share(fate.waited.as_secs_f64() <= IN_TIME)
            }),
        ),
    });
    let mut wrong = Vec::new();
    for (name, theory, Measured { value, half }) in figures {
        println!("  {name:<14} theory {theory:>8.4}   measured {value:>8.4} ± {half:.4}");
        if (value - theory).abs() > half || half > width * theory {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "not as in theory: {wrong:?}");
}

#[test]
fn patient_callers_wait_as_erlang_says() {
    for (operators, load, batch) in [(5, 3.0, 2500), (10, 8.0, 6000), (25, 20.0, 6000)] {
        let trunk = Trunk {
            operators,
            load,
            talk: 180.0,
            patience: None,
        };
        check(trunk, 1, batch, 0.2);
    }
}

#[test]
fn impatient_callers_wait_and_leave_as_palm_says() {
    for (operators, load, talk, patience) in [
        (50, 48.0, 60.0, 120.0),
        (10, 12.0, 180.0, 240.0),
        (10, 8.0, 180.0, 120.0),
    ] {
        let trunk = Trunk {
            operators,
            load,
            talk,
            patience: Some(patience),
        };
        check(trunk, 1, 2500, 0.15);
    }
}
