//! A board by sorting and searching, for tests: the rules of the room's page, plainly.

use std::cmp::Reverse;
use std::time::Instant;

use super::{Abandoned, After, Census, ClassKey};
use crate::model::{OperatorState, SkillSet};

/// A call's ticket, plainly.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) class: usize,
    pub(super) wanted: Option<usize>,
    pub(super) age: Instant,
    pub(super) stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Waiting,
    Matched,
    Gone,
}

/// An operator, plainly.
#[derive(Debug)]
pub(super) struct Operator {
    /// `None` when not configured.
    pub(super) skills: Option<SkillSet>,
    pub(super) state: OperatorState,
    pub(super) mark: Option<OperatorState>,
    pub(super) since: Instant,
    pub(super) generation: u32,
}

/// Operator, call: a match, plainly.
pub(super) type Pair = (usize, usize);
/// State, whether changed, match: a change, plainly.
pub(super) type Told = (OperatorState, bool, Option<Pair>);

/// The rules of the room's page by sorting and searching.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) classes: Vec<ClassKey>,
    pub(super) callers: Vec<Caller>,
    pub(super) operators: Vec<Operator>,
}

impl Plain {
    pub(super) fn new(classes: Vec<ClassKey>, operators: usize, now: Instant) -> Self {
        let operator = |_| Operator {
            skills: None,
            state: OperatorState::LoggedOut,
            mark: None,
            since: now,
            generation: 0,
        };
        Self {
            classes,
            callers: Vec::new(),
            operators: (0..operators).map(operator).collect(),
        }
    }

    fn serves(&self, operator: usize, class: usize) -> bool {
        let skills = self.operators[operator].skills.as_ref();
        skills.is_some_and(|skills| self.classes[class].is_met_by(skills))
    }

    pub(super) fn waiting(&self) -> impl Iterator<Item = (usize, &Caller)> {
        let all = self.callers.iter().enumerate();
        all.filter(|(_, caller)| caller.stage == Stage::Waiting)
    }

    fn rank(&self, caller: &Caller) -> (Reverse<i16>, Instant) {
        (Reverse(self.classes[caller.class].priority), caller.age)
    }

    /// The operator is free: takes the best, or is ready.
    fn serve(&mut self, operator: usize, now: Instant) -> Option<Pair> {
        let best = self
            .waiting()
            .filter(|(_, caller)| self.serves(operator, caller.class))
            .min_by_key(|(_, caller)| self.rank(caller))
            .map(|(call, _)| call);
        self.operators[operator].state = OperatorState::Ready;
        if self.operators[operator].skills.is_none() {
            self.operators[operator].state = OperatorState::LoggedOut;
        }
        best.map(|call| self.offer(operator, call, now))
    }

    /// The caller waits: is taken by who has been ready for longest.
    fn seek(&mut self, call: usize, now: Instant) -> Option<Pair> {
        self.callers[call].stage = Stage::Waiting;
        let class = self.callers[call].class;
        let all = self.operators.iter().enumerate();
        let operator = all
            .filter(|(_, o)| o.state == OperatorState::Ready)
            .filter(|(n, _)| self.serves(*n, class))
            .min_by_key(|(n, o)| (o.since, *n))
            .map(|(n, _)| n);
        operator.map(|operator| self.offer(operator, call, now))
    }

    fn offer(&mut self, operator: usize, call: usize, now: Instant) -> Pair {
        self.callers[call].stage = Stage::Matched;
        let one = &mut self.operators[operator];
        one.state = OperatorState::Offered;
        one.since = now;
        one.generation += 1;
        (operator, call)
    }

    pub(super) fn enqueue(&mut self, class: usize, age: Instant, now: Instant) -> Option<Pair> {
        self.callers.push(Caller {
            class,
            wanted: None,
            age,
            stage: Stage::Waiting,
        });
        self.seek(self.callers.len() - 1, now)
    }

    pub(super) fn reclass(&mut self, call: usize, class: usize, now: Instant) -> Option<Pair> {
        let caller = &mut self.callers[call];
        match caller.stage {
            Stage::Waiting => {
                caller.class = class;
                self.seek(call, now)
            }
            Stage::Matched => {
                caller.wanted = Some(class);
                None
            }
            Stage::Gone => None,
        }
    }

    pub(super) fn put_back(&mut self, call: usize, now: Instant) -> Option<Pair> {
        let caller = &mut self.callers[call];
        if caller.stage != Stage::Matched {
            return None;
        }
        if let Some(class) = caller.wanted.take() {
            caller.class = class;
        }
        self.seek(call, now)
    }

    pub(super) fn abandon(&mut self, call: usize) -> Abandoned {
        match self.callers[call].stage {
            Stage::Matched => Abandoned::TooLate,
            Stage::Waiting | Stage::Gone => {
                self.callers[call].stage = Stage::Gone;
                Abandoned::Won
            }
        }
    }

    fn unchanged(&self, operator: usize) -> Told {
        (self.operators[operator].state, false, None)
    }

    fn becomes(&mut self, operator: usize, state: OperatorState, now: Instant) -> Told {
        let one = &mut self.operators[operator];
        one.mark = None;
        one.since = now;
        one.state = state;
        let matched = match state {
            OperatorState::Ready => self.serve(operator, now),
            OperatorState::LoggedOut
            | OperatorState::Offered
            | OperatorState::Talking
            | OperatorState::WrapUp
            | OperatorState::Paused => None,
        };
        (self.operators[operator].state, true, matched)
    }

    pub(super) fn ready(&mut self, operator: usize, now: Instant) -> Told {
        let one = &mut self.operators[operator];
        match one.state {
            OperatorState::Offered | OperatorState::Talking => one.mark = None,
            OperatorState::Ready => {}
            OperatorState::LoggedOut | OperatorState::Paused | OperatorState::WrapUp => {
                if one.skills.is_some() {
                    return self.becomes(operator, OperatorState::Ready, now);
                }
            }
        }
        self.unchanged(operator)
    }

    pub(super) fn stop(&mut self, operator: usize, to: OperatorState, now: Instant) -> Told {
        let one = &mut self.operators[operator];
        match one.state {
            state if state == to => self.unchanged(operator),
            OperatorState::Offered | OperatorState::Talking => {
                one.mark = Some(to);
                self.unchanged(operator)
            }
            OperatorState::LoggedOut
            | OperatorState::Ready
            | OperatorState::WrapUp
            | OperatorState::Paused => self.becomes(operator, to, now),
        }
    }

    pub(super) fn retire(&mut self, operator: usize, now: Instant) -> Told {
        let told = self.stop(operator, OperatorState::LoggedOut, now);
        self.operators[operator].skills = None;
        told
    }

    pub(super) fn configure(
        &mut self,
        operator: usize,
        has: SkillSet,
        now: Instant,
    ) -> Option<Pair> {
        let one = &mut self.operators[operator];
        if one.skills.replace(has.clone()) == Some(has) {
            return None;
        }
        match one.state {
            OperatorState::Ready => self.serve(operator, now),
            OperatorState::LoggedOut
            | OperatorState::Offered
            | OperatorState::Talking
            | OperatorState::WrapUp
            | OperatorState::Paused => None,
        }
    }

    fn busy_with(&self, claim: &(usize, u32)) -> bool {
        let one = &self.operators[claim.0];
        one.generation == claim.1
            && matches!(one.state, OperatorState::Offered | OperatorState::Talking)
    }

    pub(super) fn answered(&mut self, claim: &(usize, u32), now: Instant) -> bool {
        let one = &mut self.operators[claim.0];
        let stands = one.generation == claim.1 && one.state == OperatorState::Offered;
        if stands {
            one.state = OperatorState::Talking;
            one.since = now;
        }
        stands
    }

    pub(super) fn finished(&mut self, claim: &(usize, u32), then: After, now: Instant) -> Told {
        if !self.busy_with(claim) {
            return self.unchanged(claim.0);
        }
        let then = match then {
            After::Ready => OperatorState::Ready,
            After::WrapUp => OperatorState::WrapUp,
            After::Paused => OperatorState::Paused,
            After::LoggedOut => OperatorState::LoggedOut,
        };
        let to = self.operators[claim.0].mark.unwrap_or(then);
        self.becomes(claim.0, to, now)
    }

    pub(super) fn wrap_up_over(&mut self, claim: &(usize, u32), now: Instant) -> Told {
        let one = &self.operators[claim.0];
        if one.generation == claim.1 && one.state == OperatorState::WrapUp {
            return self.becomes(claim.0, OperatorState::Ready, now);
        }
        self.unchanged(claim.0)
    }

    pub(super) fn census(&self, class: usize) -> Census {
        let mut census = Census::default();
        for (number, operator) in self.operators.iter().enumerate() {
            if !self.serves(number, class) {
                continue;
            }
            match operator.state {
                OperatorState::LoggedOut => census.logged_out += 1,
                OperatorState::Ready => census.ready += 1,
                OperatorState::Offered => census.offered += 1,
                OperatorState::Talking => census.talking += 1,
                OperatorState::WrapUp => census.wrap_up += 1,
                OperatorState::Paused => census.paused += 1,
            }
        }
        census
    }

    pub(super) fn ahead(&self, call: usize) -> usize {
        let caller = &self.callers[call];
        let queue = &self.classes[caller.class].queue;
        self.waiting()
            .filter(|(_, other)| &self.classes[other.class].queue == queue)
            .filter(|(_, other)| self.rank(other) < self.rank(caller))
            .count()
    }
}
