//! Operators in the course of a day: shifts, pauses, and what a reload makes of them.

use std::time::Duration;

use exchange::model::OperatorState;

use crate::agenda::Moment;
use crate::board::MERGES;
use crate::both::Offer;
use crate::centre::{CLOSES, OPENS, shift, training};
use crate::day::{Day, Event};
use crate::draw::Draw;
use crate::skills::Levels;

/// So many different ways to be trained; reloads bring a few more.
const TRAININGS: usize = 48;
const RELOADS: usize = 18;

pub(crate) struct Worker {
    skills: Levels,
    /// When the shift ends.
    until: Moment,
    /// How long the pause lasts that begins next.
    rest: Duration,
}

impl Day {
    /// Everybody, logged out, with a shift before them.
    pub(crate) fn hire(&mut self, seed: u64, operators: usize) {
        let mut draw = Draw::new(seed, 4);
        self.trainings = (0..TRAININGS).map(|_| training(&mut draw)).collect();
        for number in 0..operators {
            let skills = *draw.pick(&self.trainings);
            let (from, until) = shift(&mut draw);
            assert_eq!(self.both.hire(skills), None);
            self.workers.push(Worker {
                skills,
                until,
                rest: Duration::ZERO,
            });
            self.agenda.add(from, Event::LogIn(number));
            self.agenda.add(until, Event::LogOut(number));
            for (hours, minutes) in [(2.0, 15), (4.0, 30), (6.5, 15)] {
                let at = from + draw.between(hours * 3600.0 - 1800.0, hours * 3600.0 + 1800.0);
                let pause = Event::Pause(number, minutes * 60);
                self.agenda.add(at, pause);
            }
        }
        let open = (CLOSES - OPENS).as_secs_f64();
        for _ in 0..RELOADS {
            let at = OPENS + draw.between(0.0, open);
            self.agenda.add(at, Event::Reload);
        }
        if MERGES {
            let at = OPENS + draw.between(0.0, open);
            self.agenda.add(at, Event::Merge);
        }
        self.agenda.add(CLOSES, Event::Close);
    }

    fn state(&self, operator: usize) -> OperatorState {
        self.both.plain.operators[operator].state
    }

    fn on_shift(&self, operator: usize) -> bool {
        self.both.now < self.workers[operator].until.min(CLOSES)
    }

    pub(crate) fn log_in(&mut self, operator: usize) {
        if self.on_shift(operator) {
            self.become_ready(operator);
        }
    }

    fn become_ready(&mut self, operator: usize) {
        let told = self.both.ready(operator);
        self.told(operator, told);
    }

    pub(crate) fn stop(&mut self, operator: usize, to: OperatorState) {
        let told = self.both.stop(operator, to);
        self.told(operator, told);
    }

    pub(crate) fn pause(&mut self, operator: usize, seconds: u64) {
        let away = [OperatorState::LoggedOut, OperatorState::Paused];
        if away.contains(&self.state(operator)) {
            return;
        }
        self.workers[operator].rest = Duration::from_secs(seconds);
        self.stop(operator, OperatorState::Paused);
        let marked = self.state(operator) != OperatorState::Paused;
        if marked && self.work.percent(10) {
            let soon = self.both.now + self.work.between(1.0, 30.0);
            self.agenda.add(soon, Event::Regret(operator));
        }
    }

    /// The pause is not wanted any more, if it has not begun.
    pub(crate) fn regret(&mut self, operator: usize) {
        let pending = self.both.plain.operators[operator].mark;
        if pending == Some(OperatorState::Paused) {
            self.become_ready(operator);
        }
    }

    /// A pause has begun: one that was planned, or who missed an offer.
    pub(crate) fn rest(&mut self, operator: usize) {
        let planned = std::mem::take(&mut self.workers[operator].rest);
        let rest = if planned.is_zero() {
            self.work.between(20.0, 240.0)
        } else {
            planned
        };
        let over = self.both.now + rest;
        self.agenda.add(over, Event::Back(operator));
    }

    pub(crate) fn back(&mut self, operator: usize) {
        if self.state(operator) == OperatorState::Paused {
            self.become_ready(operator);
        }
    }

    /// Most wrap-ups last until they are over; some operators are ready earlier.
    pub(crate) fn wrap_up(&mut self, offer: &Offer, lasts: Duration) {
        let over = self.both.now + lasts;
        self.agenda.add(over, Event::WrapUpOver(*offer));
        if self.work.percent(15) {
            let early = self.both.now + lasts.mul_f64(self.work.unit());
            self.agenda.add(early, Event::WrapUpOver(*offer));
        }
    }

    /// Some operators have learned something, some have gone, whatever they do at this
    /// moment.
    pub(crate) fn reload(&mut self) {
        let staff = self.workers.len();
        for _ in 0..staff / 25 {
            let operator = self.work.below(staff);
            let skills = if self.work.percent(10) {
                training(&mut self.work)
            } else {
                *self.work.pick(&self.trainings)
            };
            self.teach(operator, skills);
        }
        for _ in 0..staff.div_ceil(100) {
            let operator = self.work.below(staff);
            let told = self.both.retire(operator);
            self.told(operator, told);
            let later = self.both.now + self.work.between(5.0, 1800.0);
            self.agenda.add(later, Event::BringBack(operator));
        }
    }

    /// Every third operator comes to have the same skills.
    pub(crate) fn merge(&mut self) {
        let skills = training(&mut self.work);
        for operator in (0..self.workers.len()).step_by(3) {
            self.teach(operator, skills);
        }
    }

    fn teach(&mut self, operator: usize, skills: Levels) {
        self.workers[operator].skills = skills;
        self.agenda.add(self.both.now, Event::Train(operator));
    }

    pub(crate) fn train(&mut self, operator: usize) {
        if self.both.plain.operators[operator].training.is_some() {
            let skills = self.workers[operator].skills;
            let matched = self.both.configure(operator, skills);
            self.offered(matched);
        }
    }

    /// Perhaps while the last call still goes on.
    pub(crate) fn bring_back(&mut self, operator: usize) {
        let matched = self.both.configure(operator, self.workers[operator].skills);
        self.offered(matched);
        self.log_in(operator);
    }

    /// Everybody goes home, now or after the last call.
    pub(crate) fn close(&mut self) {
        for operator in 0..self.workers.len() {
            self.stop(operator, OperatorState::LoggedOut);
        }
    }
}
