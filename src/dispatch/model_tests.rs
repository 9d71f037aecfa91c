//! The board against a slow, plain one: the same steps, the same answers.

use std::cmp::Reverse;
use std::time::Instant;

use proptest::prelude::*;

use super::tests::{Floor, requirement, skills};
use super::*;
use crate::model::{CallKey, OperatorName, OperatorState, QueueName, ShardId, SkillSet};

const OPERATORS: usize = 5;
/// A class keeps an exact order for as many sources of different age as it has lanes; here
/// every caller is one.
const CALLERS: usize = 7;
const SKILLS: [&str; 4] = ["s:1", "s:5", "s:9 t:2", "t:5"];

fn classes() -> Vec<ClassKey> {
    let class = |queue: &str, requires: &str, also: &[&str], priority| ClassKey {
        queue: QueueName::new(queue),
        requires: requirement(requires),
        also: also.iter().map(|one| requirement(one)).collect(),
        priority,
    };
    vec![
        class("q", "s:1", &[], 0),
        class("q", "s:5", &[], 0),
        class("q", "s:5", &["t:5"], 0),
        class("q", "s:5", &[], 20),
        class("r", "t:1", &[], 0),
        class("r", "", &[], -5),
    ]
}

/// What is done to the board. Operators, classes, skills, calls and claims are numbers;
/// those of calls and claims are taken modulo how many there have been.
#[derive(Clone, Copy, Debug)]
enum Step {
    Enqueue { class: usize, back: u64 },
    Reclass { call: usize, class: usize },
    PutBack { call: usize },
    Abandon { call: usize },
    Done { call: usize },
    Ready { operator: usize },
    Pause { operator: usize },
    LogOut { operator: usize },
    Retire { operator: usize },
    Configure { operator: usize, has: usize },
    Answered { claim: usize },
    Finished { claim: usize, then: After },
    WrapUpOver { claim: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let operator = || 0..OPERATORS;
    let class = || 0..classes().len();
    // The last few are what is going on; those before are tried too.
    let recent = || prop_oneof![4 => 0..8_usize, 1 => 0..60_usize];
    let then = prop_oneof![
        Just(After::Ready),
        Just(After::WrapUp),
        Just(After::Paused),
        Just(After::LoggedOut)
    ];
    let step = prop_oneof![
        8 => (class(), 0..4_u64).prop_map(|(class, back)| Step::Enqueue { class, back }),
        3 => (recent(), class()).prop_map(|(call, class)| Step::Reclass { call, class }),
        3 => recent().prop_map(|call| Step::PutBack { call }),
        2 => recent().prop_map(|call| Step::Abandon { call }),
        3 => recent().prop_map(|call| Step::Done { call }),
        8 => operator().prop_map(|operator| Step::Ready { operator }),
        2 => operator().prop_map(|operator| Step::Pause { operator }),
        1 => operator().prop_map(|operator| Step::LogOut { operator }),
        1 => operator().prop_map(|operator| Step::Retire { operator }),
        2 => (operator(), 0..SKILLS.len())
            .prop_map(|(operator, has)| Step::Configure { operator, has }),
        3 => recent().prop_map(|claim| Step::Answered { claim }),
        8 => (recent(), then).prop_map(|(claim, then)| Step::Finished { claim, then }),
        3 => recent().prop_map(|claim| Step::WrapUpOver { claim }),
    ];
    prop::collection::vec(step, 1..120)
}

/// A call's ticket, plainly.
#[derive(Debug)]
struct Caller {
    class: usize,
    wanted: Option<usize>,
    age: Instant,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    Matched,
    Gone,
}

/// An operator, plainly.
#[derive(Debug)]
struct Operator {
    /// `None` when not configured.
    skills: Option<SkillSet>,
    state: OperatorState,
    mark: Option<OperatorState>,
    since: Instant,
    generation: u32,
}

/// Operator, call: a match, plainly.
type Pair = (usize, usize);
/// State, whether changed, match: a change, plainly.
type Told = (OperatorState, bool, Option<Pair>);

/// The rules of the room's page by sorting and searching.
#[derive(Debug)]
struct Plain {
    classes: Vec<ClassKey>,
    callers: Vec<Caller>,
    operators: Vec<Operator>,
}

impl Plain {
    fn new(now: Instant) -> Self {
        let operator = |_| Operator {
            skills: None,
            state: OperatorState::LoggedOut,
            mark: None,
            since: now,
            generation: 0,
        };
        Self {
            classes: classes(),
            callers: Vec::new(),
            operators: (0..OPERATORS).map(operator).collect(),
        }
    }

    fn serves(&self, operator: usize, class: usize) -> bool {
        let skills = self.operators[operator].skills.as_ref();
        skills.is_some_and(|skills| self.classes[class].is_met_by(skills))
    }

    fn waiting(&self) -> impl Iterator<Item = (usize, &Caller)> {
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

    fn enqueue(&mut self, class: usize, age: Instant, now: Instant) -> Option<Pair> {
        self.callers.push(Caller {
            class,
            wanted: None,
            age,
            stage: Stage::Waiting,
        });
        self.seek(self.callers.len() - 1, now)
    }

    fn reclass(&mut self, call: usize, class: usize, now: Instant) -> Option<Pair> {
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

    fn put_back(&mut self, call: usize, now: Instant) -> Option<Pair> {
        let caller = &mut self.callers[call];
        if caller.stage != Stage::Matched {
            return None;
        }
        if let Some(class) = caller.wanted.take() {
            caller.class = class;
        }
        self.seek(call, now)
    }

    fn abandon(&mut self, call: usize) -> Abandoned {
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

    fn ready(&mut self, operator: usize, now: Instant) -> Told {
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

    fn stop(&mut self, operator: usize, to: OperatorState, now: Instant) -> Told {
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

    fn configure(&mut self, operator: usize, has: SkillSet, now: Instant) -> Option<Pair> {
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

    fn answered(&mut self, claim: &(usize, u32), now: Instant) -> bool {
        let one = &mut self.operators[claim.0];
        let stands = one.generation == claim.1 && one.state == OperatorState::Offered;
        if stands {
            one.state = OperatorState::Talking;
            one.since = now;
        }
        stands
    }

    fn finished(&mut self, claim: &(usize, u32), then: After, now: Instant) -> Told {
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

    fn wrap_up_over(&mut self, claim: &(usize, u32), now: Instant) -> Told {
        let one = &self.operators[claim.0];
        if one.generation == claim.1 && one.state == OperatorState::WrapUp {
            return self.becomes(claim.0, OperatorState::Ready, now);
        }
        self.unchanged(claim.0)
    }

    fn census(&self, class: usize) -> Census {
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

    fn ahead(&self, call: usize) -> usize {
        let caller = &self.callers[call];
        let queue = &self.classes[caller.class].queue;
        self.waiting()
            .filter(|(_, other)| &self.classes[other.class].queue == queue)
            .filter(|(_, other)| self.rank(other) < self.rank(caller))
            .count()
    }
}

/// Both boards, and what has come of them.
struct Both {
    floor: Floor,
    plain: Plain,
    classes: Vec<ClassId>,
    operators: Vec<OperatorId>,
    tickets: Vec<TicketId>,
    claims: Vec<Claim>,
    now: Instant,
}

impl Both {
    fn new() -> Self {
        let floor = Floor::new(Capacity {
            operators: OPERATORS,
            tickets_per_shard: CALLERS,
            shards: 1,
            classes: 8,
            profiles: SKILLS.len(),
        });
        let now = floor.at(0);
        let mut plain = Plain::new(now);
        let operators = (0..OPERATORS).map(|number| {
            let has = SKILLS[number % SKILLS.len()];
            plain.configure(number, skills(has), now);
            floor.operator(&format!("o{number}"), has)
        });
        let operators = operators.collect();
        let class = |key: &ClassKey| floor.board.class(key).unwrap();
        Self {
            classes: classes().iter().map(class).collect(),
            operators,
            tickets: Vec::new(),
            claims: Vec::new(),
            now,
            floor,
            plain,
        }
    }

    /// A match of the board in the words of the other.
    fn pair(&mut self, matched: Option<Match>) -> Option<Pair> {
        let matched = matched?;
        assert_eq!(matched.possible_at, self.now);
        self.claims.push(matched.claim);
        let operator = self.operator_of(&matched.claim);
        let call = usize::try_from(matched.call.to_bits()).unwrap();
        assert!(self.tickets.get(call).is_none_or(|t| *t == matched.ticket));
        Some((operator, call))
    }

    fn told(&mut self, change: Change) -> Told {
        (change.state, change.changed, self.pair(change.matched))
    }

    fn operator_of(&self, claim: &Claim) -> usize {
        let of = |operator: &OperatorId| *operator == claim.operator;
        self.operators.iter().position(of).unwrap()
    }

    fn claim(&self, back: usize) -> Option<(Claim, (usize, u32))> {
        let newest = self.claims.len().checked_sub(1)?;
        let claim = self.claims[newest - back % self.claims.len()];
        Some((claim, (self.operator_of(&claim), claim.generation)))
    }

    fn call(&self, back: usize) -> Option<usize> {
        let newest = self.tickets.len().checked_sub(1)?;
        Some(newest - back % self.tickets.len())
    }

    fn take(&mut self, step: Step, seconds: u64) {
        self.now = self.floor.at(seconds);
        match step {
            Step::Enqueue { class, back } => self.enqueue(class, seconds, back),
            Step::Reclass { call, .. }
            | Step::PutBack { call }
            | Step::Abandon { call }
            | Step::Done { call } => {
                if let Some(call) = self.call(call) {
                    self.on_call(step, call);
                }
            }
            Step::Ready { operator }
            | Step::Pause { operator }
            | Step::LogOut { operator }
            | Step::Retire { operator }
            | Step::Configure { operator, .. } => self.on_operator(step, operator),
            Step::Answered { claim }
            | Step::Finished { claim, .. }
            | Step::WrapUpOver { claim } => {
                if let Some((claim, plain)) = self.claim(claim) {
                    self.on_claim(step, claim, plain);
                }
            }
        }
    }

    fn enqueue(&mut self, class: usize, seconds: u64, back: u64) {
        let here = |c: &&Caller| c.stage != Stage::Gone;
        if self.plain.callers.iter().filter(here).count() == CALLERS {
            return;
        }
        // No two of the same age: who comes back from elsewhere is between the others.
        let half = std::time::Duration::from_millis(seconds * 3);
        let age = self.floor.at(seconds.saturating_sub(back * 7)) + half;
        let count = u64::try_from(self.tickets.len()).unwrap();
        let call = CallKey::new(ShardId(0), count);
        let queued = self
            .floor
            .board
            .enqueue(call, self.classes[class], age, self.now);
        let (ticket, matched) = queued.unwrap();
        self.tickets.push(ticket);
        let matched = self.pair(matched);
        assert_eq!(matched, self.plain.enqueue(class, age, self.now));
    }

    fn on_call(&mut self, step: Step, call: usize) {
        let (ticket, now) = (self.tickets[call], self.now);
        match step {
            Step::Reclass { class, .. } => {
                let matched = self.floor.board.reclass(ticket, self.classes[class], now);
                let matched = self.pair(matched);
                assert_eq!(matched, self.plain.reclass(call, class, now));
            }
            Step::PutBack { .. } => {
                let matched = self.floor.board.put_back(ticket, now);
                let matched = self.pair(matched);
                assert_eq!(matched, self.plain.put_back(call, now));
            }
            Step::Abandon { .. } => {
                let abandoned = self.floor.board.abandon(ticket);
                assert_eq!(abandoned, self.plain.abandon(call));
            }
            Step::Done { .. } => {
                self.floor.board.done(ticket);
                self.plain.callers[call].stage = Stage::Gone;
            }
            other => unreachable!("{other:?}"),
        }
    }

    fn on_operator(&mut self, step: Step, operator: usize) {
        let (id, now) = (self.operators[operator], self.now);
        let change = match step {
            Step::Ready { .. } => self.floor.board.ready(id, now),
            Step::Pause { .. } => self.floor.board.pause(id, now),
            Step::LogOut { .. } => self.floor.board.log_out(id, now),
            Step::Retire { .. } => self.floor.board.retire(id, now),
            Step::Configure { has, .. } => {
                let name = OperatorName::new(format!("o{operator}"));
                let has = skills(SKILLS[has]);
                let same = self.floor.board.operator(&name, &has, now).unwrap();
                assert_eq!(same.0, id);
                let matched = self.pair(same.1);
                assert_eq!(matched, self.plain.configure(operator, has, now));
                return;
            }
            other => unreachable!("{other:?}"),
        };
        let told = self.told(change);
        let expected = match step {
            Step::Ready { .. } => self.plain.ready(operator, now),
            Step::Pause { .. } => self.plain.stop(operator, OperatorState::Paused, now),
            _ => {
                let told = self.plain.stop(operator, OperatorState::LoggedOut, now);
                if matches!(step, Step::Retire { .. }) {
                    self.plain.operators[operator].skills = None;
                }
                told
            }
        };
        assert_eq!(told, expected);
    }

    fn on_claim(&mut self, step: Step, claim: Claim, plain: (usize, u32)) {
        let now = self.now;
        match step {
            Step::Answered { .. } => {
                let stands = self.floor.board.answered(&claim, now);
                assert_eq!(stands, self.plain.answered(&plain, now));
            }
            Step::Finished { then, .. } => {
                let change = self.floor.board.finished(&claim, then, now);
                let told = self.told(change);
                assert_eq!(told, self.plain.finished(&plain, then, now));
            }
            Step::WrapUpOver { .. } => {
                let change = self.floor.board.wrap_up_over(&claim, now);
                let told = self.told(change);
                assert_eq!(told, self.plain.wrap_up_over(&plain, now));
            }
            other => unreachable!("{other:?}"),
        }
    }

    /// Everything that can be asked has the same answer on both.
    fn compare(&self) {
        let (board, plain) = (&self.floor.board, &self.plain);
        for (number, id) in self.operators.iter().enumerate() {
            let operator = &plain.operators[number];
            assert_eq!(board.state(*id), operator.state, "o{number}");
            assert_eq!(board.pending(*id), operator.mark, "o{number}");
        }
        for (number, id) in self.classes.iter().enumerate() {
            let here = || plain.waiting().filter(|(_, caller)| caller.class == number);
            assert_eq!(board.waiting_in(*id), here().count(), "class {number}");
            let oldest = here().map(|(_, caller)| caller.age).min();
            assert_eq!(board.oldest(*id), oldest, "class {number}");
            assert_eq!(board.census(*id), plain.census(number), "class {number}");
        }
        for (call, _) in plain.waiting() {
            let ticket = self.tickets[call];
            assert_eq!(board.ahead(ticket), plain.ahead(call), "call {call}");
            let free = |(_, why): &(OperatorName, WhyNot)| *why == WhyNot::Nothing;
            assert!(!board.why(ticket).iter().any(free), "call {call} waits");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn it_does_what_a_plain_board_would(steps in steps()) {
        let mut both = Both::new();
        for (step, seconds) in steps.into_iter().zip((1..).step_by(5)) {
            both.take(step, seconds);
            both.compare();
        }
    }
}
