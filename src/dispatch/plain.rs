//! A board by sorting and searching, for tests: the rules of the room's page, plainly.

use std::cmp::Reverse;
use std::time::Instant;

use super::{Abandoned, After, ClassKey, Strategy};
use crate::model::{Census, OperatorState, Overtake, Requirement, SkillSet};

/// A call's ticket, plainly.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) class: usize,
    pub(super) wanted: Option<usize>,
    pub(super) age: Instant,
    pub(super) stage: Stage,
    /// The operator for whom the call is kept.
    pub(super) keeper: Option<usize>,
    /// Not for this operator before then.
    pub(super) shunned: Option<(usize, Instant)>,
}

impl Caller {
    fn shuns(&self, operator: usize, now: Instant) -> bool {
        self.shunned
            .is_some_and(|(who, until)| who == operator && now < until)
    }
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
    calls: usize,
    offered: Option<Instant>,
}

/// Operator, call, and why somebody was passed over: a match, plainly.
pub(super) type Pair = (usize, usize, Option<Overtake>);
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
            calls: 0,
            offered: None,
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

    /// Whether this operator may have this caller now.
    fn may(&self, operator: usize, caller: &Caller, now: Instant) -> bool {
        match caller.keeper {
            // Who is no longer configured takes none.
            Some(keeper) => keeper == operator && self.operators[operator].skills.is_some(),
            None => self.serves(operator, caller.class) && !caller.shuns(operator, now),
        }
    }

    /// The operator is free: takes the best, or is ready.
    fn serve(&mut self, operator: usize, now: Instant) -> Option<Pair> {
        let best = self
            .waiting()
            .filter(|(_, caller)| self.may(operator, caller, now))
            .min_by_key(|(_, caller)| self.rank(caller))
            .map(|(call, _)| call);
        self.operators[operator].state = OperatorState::Ready;
        if self.operators[operator].skills.is_none() {
            self.operators[operator].state = OperatorState::LoggedOut;
        }
        best.map(|call| self.offer(operator, call, now))
    }

    /// The caller waits: is taken by whom the strategy says.
    fn seek(&mut self, call: usize, now: Instant) -> Option<Pair> {
        self.callers[call].stage = Stage::Waiting;
        let operator = self.best(call, now);
        operator.map(|operator| self.offer(operator, call, now))
    }

    fn best(&self, call: usize, now: Instant) -> Option<usize> {
        let caller = &self.callers[call];
        let class = &self.classes[caller.class];
        let all = self.operators.iter().enumerate();
        let ready = all.filter(|(_, o)| o.state == OperatorState::Ready);
        let may = ready.filter(|(n, _)| self.may(*n, caller, now));
        may.min_by_key(|(n, o)| (missing(&class.prefer, o), order(class, o, *n)))
            .map(|(n, _)| n)
    }

    /// Another operator for a call that is being offered.
    pub(super) fn offer_more(&mut self, call: usize, now: Instant) -> Option<Pair> {
        let caller = &self.callers[call];
        if caller.stage != Stage::Matched || caller.keeper.is_some() {
            return None;
        }
        let operator = self.best(call, now)?;
        Some(self.offer(operator, call, now))
    }

    fn offer(&mut self, operator: usize, call: usize, now: Instant) -> Pair {
        self.callers[call].stage = Stage::Matched;
        let overtook = self.passed_over(operator, call, now);
        let one = &mut self.operators[operator];
        one.state = OperatorState::Offered;
        one.since = now;
        one.offered = Some(now);
        one.generation += 1;
        (operator, call, overtook)
    }

    /// Why somebody older waits on: of the call's queue, or whom the operator serves too.
    fn passed_over(&self, operator: usize, call: usize, now: Instant) -> Option<Overtake> {
        let taken = &self.callers[call];
        let of = &self.classes[taken.class];
        let older = self.waiting().filter(|(_, c)| c.age < taken.age);
        let reasons = older.filter_map(|(_, caller)| {
            let class = &self.classes[caller.class];
            let ours = class.queue == of.queue;
            let served = self.serves(operator, caller.class);
            let theirs = caller.keeper == Some(operator);
            if caller.keeper.is_some() && !theirs {
                ours.then_some(Overtake::Preferred)
            } else if theirs && !ours {
                None
            } else if !served && !theirs {
                ours.then_some(Overtake::Skills)
            } else if class.priority < of.priority {
                Some(Overtake::Priority)
            } else if caller.shuns(operator, now) {
                Some(Overtake::Missed)
            } else {
                Some(Overtake::Race)
            }
        });
        reasons.max()
    }

    /// With a keeper, the call is kept for that operator, if that can be.
    pub(super) fn enqueue(
        &mut self,
        class: usize,
        (age, keeper): (Instant, Option<usize>),
        now: Instant,
    ) -> Option<Pair> {
        let keeper = keeper.filter(|keeper| {
            let state = self.operators[*keeper].state;
            let away = matches!(state, OperatorState::LoggedOut | OperatorState::Paused);
            !away && self.serves(*keeper, class)
        });
        self.callers.push(Caller {
            class,
            wanted: None,
            age,
            stage: Stage::Waiting,
            keeper,
            shunned: None,
        });
        self.seek(self.callers.len() - 1, now)
    }

    pub(super) fn release(&mut self, call: usize, now: Instant) -> Option<Pair> {
        let caller = &mut self.callers[call];
        if caller.stage != Stage::Waiting || caller.keeper.take().is_none() {
            return None;
        }
        self.seek(call, now)
    }

    pub(super) fn look(&mut self, call: usize, now: Instant) -> Option<Pair> {
        let waits = self.callers[call].stage == Stage::Waiting;
        waits.then(|| self.seek(call, now))?
    }

    pub(super) fn reclass(&mut self, call: usize, class: usize, now: Instant) -> Option<Pair> {
        let same_queue = self.classes[class].queue == self.classes[self.callers[call].class].queue;
        let caller = &mut self.callers[call];
        match caller.stage {
            Stage::Waiting => {
                if caller.keeper.is_none() || same_queue {
                    caller.class = class;
                }
                self.seek(call, now)
            }
            Stage::Matched => {
                caller.wanted = Some(class);
                None
            }
            Stage::Gone => None,
        }
    }

    pub(super) fn put_back(
        &mut self,
        call: usize,
        shunned: Option<(usize, Instant)>,
        now: Instant,
    ) -> Option<Pair> {
        let caller = &mut self.callers[call];
        if caller.stage != Stage::Matched {
            return None;
        }
        if let Some(class) = caller.wanted.take() {
            caller.class = class;
        }
        caller.keeper = None;
        caller.shunned = shunned;
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
        if one.state == OperatorState::LoggedOut {
            one.calls = 0;
        }
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
            one.calls += 1;
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
            census.add(operator.state, 1);
        }
        census
    }

    pub(super) fn ahead(&self, call: usize) -> usize {
        let caller = &self.callers[call];
        let queue = &self.classes[caller.class].queue;
        let rival = |other: &Caller| {
            let all = 0..self.operators.len();
            let here = |n: &usize| self.operators[*n].state != OperatorState::LoggedOut;
            let both = |n: &usize| {
                here(n) && self.serves(*n, caller.class) && self.serves(*n, other.class)
            };
            other.class == caller.class || all.into_iter().any(|n| both(&n))
        };
        self.waiting()
            .filter(|(_, other)| other.keeper.is_none())
            .filter(|(_, other)| &self.classes[other.class].queue == queue && rival(other))
            .filter(|(_, other)| self.rank(other) < self.rank(caller))
            .count()
    }
}

/// How many of these skills somebody lacks.
fn missing(prefer: &Requirement, operator: &Operator) -> usize {
    let has = |skill| operator.skills.as_ref().and_then(|has| has.level(skill));
    prefer
        .iter()
        .filter(|(skill, least)| has(skill) < Some(*least))
        .count()
}

/// Where somebody stands by a class's strategy, the least first.
fn order(class: &ClassKey, operator: &Operator, number: usize) -> (i64, Option<Instant>, usize) {
    let has = |skill| operator.skills.as_ref().and_then(|has| has.level(skill));
    let levels = class.requires.iter().filter_map(|(skill, _)| has(skill));
    let levels: i64 = levels.map(|level| i64::from(u8::from(level))).sum();
    let since = Some(operator.since);
    match class.strategy {
        Strategy::LongestIdle | Strategy::RingAll => (0, since, number),
        Strategy::MostSkilled => (-levels, since, number),
        Strategy::LeastSkilled => (levels, since, number),
        Strategy::FewestCalls => (i64::try_from(operator.calls).unwrap(), since, number),
        Strategy::RoundRobin => (0, operator.offered, number),
        Strategy::Ordered => (0, None, number),
    }
}
