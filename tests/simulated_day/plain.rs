//! Callers and operators, plainly: what the board should say of each, step by step.
//!
//! One thread, sorted sets, no cleverness. [`crate::choice`] says who gets whom.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use exchange::dispatch::{Abandoned, After};
use exchange::model::{Census, OperatorState};

use crate::agenda::Moment;
use crate::skills::{Levels, Wants};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Waiting,
    Matched,
    Gone,
}

#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) class: usize,
    /// The class to wait in when the offer comes to nothing.
    wanted: Option<usize>,
    pub(crate) age: Moment,
    pub(crate) stage: Stage,
    /// Who does not get this call before when.
    pub(crate) shun: Option<(usize, Moment)>,
    /// The only one who gets it.
    pub(crate) keeper: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Operator {
    /// A place in [`Plain::trainings`]; `None` when not configured.
    pub(crate) training: Option<usize>,
    pub(crate) place: u32,
    pub(crate) state: OperatorState,
    pub(crate) mark: Option<OperatorState>,
    pub(crate) since: Moment,
    pub(crate) generation: u32,
    /// Calls answered since logging in.
    pub(crate) answered: u32,
    pub(crate) last_offer: Option<Moment>,
}

/// One set of skills, and which classes it serves.
#[derive(Debug)]
pub(crate) struct Training {
    pub(crate) skills: Levels,
    serves: Vec<bool>,
}

/// A match: who, and whose call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) operator: usize,
    pub(crate) call: usize,
}

/// What came of a request to change an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told<M> {
    pub(crate) state: OperatorState,
    pub(crate) changed: bool,
    pub(crate) matched: Option<M>,
}

/// The operator, and which of the offers.
pub(crate) type PlainClaim = (usize, u32);

#[derive(Debug, Default)]
pub(crate) struct Plain {
    pub(crate) classes: Vec<Wants>,
    by_wants: BTreeMap<Wants, usize>,
    pub(crate) trainings: Vec<Training>,
    by_skills: BTreeMap<Levels, usize>,
    pub(crate) callers: Vec<Caller>,
    pub(crate) operators: Vec<Operator>,
    /// Who waits in each class, the oldest first; those who are kept for somebody apart.
    pub(crate) waiting: Vec<BTreeSet<(Moment, usize)>>,
    /// Classes in which somebody waits.
    pub(crate) crowded: BTreeSet<usize>,
    pub(crate) kept: BTreeSet<usize>,
    pub(crate) ready: BTreeSet<usize>,
    /// How long all operators together did what.
    pub(crate) spent: BTreeMap<OperatorState, Duration>,
}

impl Plain {
    /// The class of callers who want this, and whether it is a new one.
    pub(crate) fn class(&mut self, wants: &Wants) -> (usize, bool) {
        if let Some(class) = self.by_wants.get(wants) {
            return (*class, false);
        }
        let class = self.classes.len();
        for training in &mut self.trainings {
            training.serves.push(wants.are_met_by(&training.skills));
        }
        self.by_wants.insert(wants.clone(), class);
        self.classes.push(wants.clone());
        self.waiting.push(BTreeSet::new());
        (class, true)
    }

    fn training(&mut self, skills: Levels) -> usize {
        let next = self.trainings.len();
        let training = *self.by_skills.entry(skills).or_insert(next);
        if training == next {
            let serves = self.classes.iter().map(|class| class.are_met_by(&skills));
            let serves = serves.collect();
            self.trainings.push(Training { skills, serves });
        }
        training
    }

    pub(crate) fn serves(&self, operator: usize, class: usize) -> bool {
        let training = self.operators[operator].training;
        training.is_some_and(|training| self.trainings[training].serves[class])
    }

    /// Whether the operator takes calls, now or when it is done with one.
    pub(crate) fn takes_calls(&self, operator: usize) -> bool {
        let away = [OperatorState::LoggedOut, OperatorState::Paused];
        !away.contains(&self.operators[operator].state)
    }

    pub(crate) fn add_operator(&mut self, place: u32) {
        self.operators.push(Operator {
            training: None,
            place,
            state: OperatorState::LoggedOut,
            mark: None,
            since: Moment::ZERO,
            generation: 0,
            answered: 0,
            last_offer: None,
        });
    }

    pub(crate) fn add_caller(&mut self, class: usize, age: Moment, keeper: Option<usize>) {
        self.callers.push(Caller {
            class,
            wanted: None,
            age,
            stage: Stage::Gone,
            shun: None,
            keeper,
        });
    }

    // What happens to callers.

    /// The newest caller waits.
    pub(crate) fn enqueue(&mut self, now: Moment) -> Option<Pair> {
        self.wait(self.callers.len() - 1, now)
    }

    pub(crate) fn reclass(&mut self, call: usize, class: usize, now: Moment) -> Option<Pair> {
        match self.callers[call].stage {
            Stage::Waiting => {
                self.leave_line(call, Stage::Gone);
                self.callers[call].class = class;
                self.wait(call, now)
            }
            Stage::Matched => {
                self.callers[call].wanted = Some(class);
                None
            }
            Stage::Gone => None,
        }
    }

    pub(crate) fn put_back(
        &mut self,
        call: usize,
        shun: Option<(usize, Moment)>,
        now: Moment,
    ) -> Option<Pair> {
        let caller = &mut self.callers[call];
        if caller.stage != Stage::Matched {
            return None;
        }
        caller.keeper = None;
        caller.shun = shun;
        if let Some(class) = caller.wanted.take() {
            caller.class = class;
        }
        self.wait(call, now)
    }

    /// The preferred operator did not come in time: anybody may.
    pub(crate) fn release_hold(&mut self, call: usize, now: Moment) -> Option<Pair> {
        let kept = self.callers[call].keeper.is_some();
        if !kept || self.callers[call].stage != Stage::Waiting {
            return None;
        }
        self.leave_line(call, Stage::Gone);
        self.callers[call].keeper = None;
        self.wait(call, now)
    }

    /// Who was shunned may be asked again.
    pub(crate) fn look(&mut self, call: usize, now: Moment) -> Option<Pair> {
        (self.callers[call].stage == Stage::Waiting).then(|| self.seek(call, now))?
    }

    pub(crate) fn abandon(&mut self, call: usize) -> Abandoned {
        match self.callers[call].stage {
            Stage::Matched => Abandoned::TooLate,
            Stage::Waiting | Stage::Gone => {
                self.done(call);
                Abandoned::Won
            }
        }
    }

    pub(crate) fn done(&mut self, call: usize) {
        self.leave_line(call, Stage::Gone);
    }

    fn wait(&mut self, call: usize, now: Moment) -> Option<Pair> {
        let caller = &mut self.callers[call];
        caller.stage = Stage::Waiting;
        if caller.keeper.is_some() {
            self.kept.insert(call);
        } else {
            self.waiting[caller.class].insert((caller.age, call));
            self.crowded.insert(caller.class);
        }
        self.seek(call, now)
    }

    fn leave_line(&mut self, call: usize, to: Stage) {
        let caller = &mut self.callers[call];
        if caller.stage == Stage::Waiting && !self.kept.remove(&call) {
            let line = &mut self.waiting[caller.class];
            line.remove(&(caller.age, call));
            if line.is_empty() {
                self.crowded.remove(&caller.class);
            }
        }
        caller.stage = to;
    }

    fn seek(&mut self, call: usize, now: Moment) -> Option<Pair> {
        let operator = self.best_operator(call, now)?;
        Some(self.offer(Pair { operator, call }, now))
    }

    fn offer(&mut self, pair: Pair, now: Moment) -> Pair {
        self.leave_line(pair.call, Stage::Matched);
        self.enter(pair.operator, OperatorState::Offered, now);
        let operator = &mut self.operators[pair.operator];
        operator.generation += 1;
        operator.last_offer = Some(now);
        pair
    }

    // What happens to operators.

    /// Skills and place from now on; a ready operator may find a caller by it.
    pub(crate) fn configure(
        &mut self,
        operator: usize,
        skills: Levels,
        now: Moment,
    ) -> Option<Pair> {
        let training = Some(self.training(skills));
        let before = std::mem::replace(&mut self.operators[operator].training, training);
        let moved = before != training && self.ready.contains(&operator);
        moved.then(|| self.serve(operator, now))?
    }

    pub(crate) fn retire(&mut self, operator: usize, now: Moment) -> Told<Pair> {
        let told = self.stop(operator, OperatorState::LoggedOut, now);
        self.operators[operator].training = None;
        told
    }

    pub(crate) fn ready(&mut self, operator: usize, now: Moment) -> Told<Pair> {
        let one = &mut self.operators[operator];
        match one.state {
            OperatorState::Offered | OperatorState::Talking => one.mark = None,
            OperatorState::Ready => {}
            OperatorState::LoggedOut | OperatorState::Paused | OperatorState::WrapUp => {
                if one.training.is_some() {
                    return self.becomes(operator, OperatorState::Ready, now);
                }
            }
        }
        self.unchanged(operator)
    }

    /// Pauses or logs out, at once or after the call.
    pub(crate) fn stop(&mut self, operator: usize, to: OperatorState, now: Moment) -> Told<Pair> {
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

    pub(crate) fn answered(&mut self, claim: PlainClaim, now: Moment) -> bool {
        let one = &self.operators[claim.0];
        let stands = one.generation == claim.1 && one.state == OperatorState::Offered;
        if stands {
            self.enter(claim.0, OperatorState::Talking, now);
            self.operators[claim.0].answered += 1;
        }
        stands
    }

    pub(crate) fn finished(&mut self, claim: PlainClaim, then: After, now: Moment) -> Told<Pair> {
        let one = &self.operators[claim.0];
        let busy = matches!(one.state, OperatorState::Offered | OperatorState::Talking);
        if one.generation != claim.1 || !busy {
            return self.unchanged(claim.0);
        }
        let then = match then {
            After::Ready => OperatorState::Ready,
            After::WrapUp => OperatorState::WrapUp,
            After::Paused => OperatorState::Paused,
            After::LoggedOut => OperatorState::LoggedOut,
        };
        self.becomes(claim.0, one.mark.unwrap_or(then), now)
    }

    pub(crate) fn wrap_up_over(&mut self, claim: PlainClaim, now: Moment) -> Told<Pair> {
        let one = &self.operators[claim.0];
        if one.generation == claim.1 && one.state == OperatorState::WrapUp {
            return self.becomes(claim.0, OperatorState::Ready, now);
        }
        self.unchanged(claim.0)
    }

    fn unchanged(&self, operator: usize) -> Told<Pair> {
        Told {
            state: self.operators[operator].state,
            changed: false,
            matched: None,
        }
    }

    fn becomes(&mut self, operator: usize, state: OperatorState, now: Moment) -> Told<Pair> {
        self.operators[operator].mark = None;
        self.enter(operator, state, now);
        let ready = state == OperatorState::Ready;
        let matched = ready.then(|| self.serve(operator, now)).flatten();
        Told {
            state: self.operators[operator].state,
            changed: true,
            matched,
        }
    }

    /// The operator is free: takes the best caller, or stays ready.
    fn serve(&mut self, operator: usize, now: Moment) -> Option<Pair> {
        if self.operators[operator].training.is_none() {
            self.enter(operator, OperatorState::LoggedOut, now);
            return None;
        }
        let call = self.best_call(operator, now)?;
        Some(self.offer(Pair { operator, call }, now))
    }

    fn enter(&mut self, operator: usize, state: OperatorState, now: Moment) {
        let one = &mut self.operators[operator];
        *self.spent.entry(one.state).or_default() += now.saturating_sub(one.since);
        one.state = state;
        one.since = now;
        match state {
            OperatorState::Ready => self.ready.insert(operator),
            OperatorState::LoggedOut
            | OperatorState::Offered
            | OperatorState::Talking
            | OperatorState::WrapUp
            | OperatorState::Paused => self.ready.remove(&operator),
        };
        if state == OperatorState::LoggedOut {
            one.answered = 0;
        }
    }

    // What can be asked.

    /// How many of those who may serve a class do what.
    pub(crate) fn census(&self, class: usize) -> Census {
        let mut census = Census::default();
        for (number, operator) in self.operators.iter().enumerate() {
            if !self.serves(number, class) {
                continue;
            }
            census.add(operator.state, 1);
        }
        census
    }

    /// How many of the same queue come before this caller: those whom somebody who is
    /// logged in and may serve the caller may serve too.
    pub(crate) fn ahead(&self, call: usize) -> usize {
        let caller = &self.callers[call];
        let own = &self.classes[caller.class];
        let on_duty = self
            .operators
            .iter()
            .filter(|operator| operator.state != OperatorState::LoggedOut);
        let mut trainings: BTreeSet<usize> = on_duty.filter_map(|one| one.training).collect();
        trainings.retain(|training| self.trainings[*training].serves[caller.class]);
        let rival = |class: usize| {
            let serves = |training: &usize| self.trainings[*training].serves[class];
            class == caller.class || trainings.iter().any(serves)
        };
        let rivals = self
            .crowded
            .iter()
            .filter(|other| self.classes[**other].queue == own.queue && rival(**other));
        rivals
            .map(
                |other| match self.classes[*other].priority.cmp(&own.priority) {
                    std::cmp::Ordering::Less => 0,
                    std::cmp::Ordering::Greater => self.waiting[*other].len(),
                    std::cmp::Ordering::Equal => {
                        self.waiting[*other].range(..(caller.age, 0)).count()
                    }
                },
            )
            .sum()
    }
}
