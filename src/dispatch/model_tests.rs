//! The board against a slow, plain one: the same steps, the same answers.

use std::time::Instant;

use proptest::prelude::{Just, ProptestConfig, Strategy as Generated, prop, prop_oneof, proptest};

use super::plain::{Caller, Pair, Plain, Stage, Told};
use super::tests::{Floor, abilities, requirement, skills};
use super::*;
use crate::model::{CallKey, OperatorName, OperatorState, QueueName, Requirement, ShardId};

const OPERATORS: usize = 5;
const CALLERS: usize = 9;
const SKILLS: [&str; 4] = ["s:1", "s:5", "s:9 t:2", "t:5"];

fn classes() -> Vec<ClassKey> {
    let class = |queue: &str, requires: &str, also: &[&str], (strategy, priority)| ClassKey {
        queue: QueueName::new(queue),
        requires: requirement(requires),
        also: also.iter().map(|one| requirement(one)).collect(),
        prefer: Requirement::default(),
        strategy,
        priority,
    };
    let idle = Strategy::LongestIdle;
    let prefers = ClassKey {
        prefer: requirement("t:2"),
        ..class("p", "s:1", &[], (Strategy::RoundRobin, 0))
    };
    vec![
        class("q", "s:1", &[], (idle, 0)),
        class("q", "s:5", &[], (idle, 0)),
        class("q", "s:5", &["t:5"], (Strategy::MostSkilled, 0)),
        class("q", "s:5", &[], (Strategy::FewestCalls, 20)),
        class("r", "t:1", &[], (Strategy::LeastSkilled, 0)),
        class("r", "", &[], (Strategy::Ordered, -5)),
        prefers,
    ]
}

/// What is done to the board. Operators, classes, skills, calls and claims are numbers;
/// those of calls and claims count back from the newest.
#[derive(Clone, Copy, Debug)]
enum Step {
    Enqueue {
        class: usize,
        back: u64,
        keeper: Option<usize>,
    },
    Call(usize, OnCall),
    Operator(usize, OnOperator),
    Claim(usize, OnClaim),
}

#[derive(Clone, Copy, Debug)]
enum OnCall {
    Reclass {
        class: usize,
    },
    /// With the operator who missed it, for so many seconds.
    PutBack {
        shuns: Option<(usize, u64)>,
    },
    Release,
    Look,
    OfferMore,
    Abandon,
    Done,
}

#[derive(Clone, Copy, Debug)]
enum OnOperator {
    Ready,
    Pause,
    LogOut,
    Retire,
    Configure { has: usize },
}

#[derive(Clone, Copy, Debug)]
enum OnClaim {
    Answered,
    Finished(After),
    WrapUpOver,
}

fn steps() -> impl Generated<Value = Vec<Step>> {
    let class = || 0..classes().len();
    // The last few are what is going on; those before are tried too.
    let recent = || prop_oneof![4 => 0..8_usize, 1 => 0..60_usize];
    let then = prop_oneof![
        Just(After::Ready),
        Just(After::WrapUp),
        Just(After::Paused),
        Just(After::LoggedOut)
    ];
    let on_call = prop_oneof![
        3 => class().prop_map(|class| OnCall::Reclass { class }),
        3 => prop::option::of((0..OPERATORS, 0..60_u64)).prop_map(|shuns| OnCall::PutBack { shuns }),
        2 => Just(OnCall::Release),
        1 => Just(OnCall::Look),
        1 => Just(OnCall::OfferMore),
        2 => Just(OnCall::Abandon),
        3 => Just(OnCall::Done),
    ];
    let on_operator = prop_oneof![
        8 => Just(OnOperator::Ready),
        2 => Just(OnOperator::Pause),
        1 => Just(OnOperator::LogOut),
        1 => Just(OnOperator::Retire),
        2 => (0..SKILLS.len()).prop_map(|has| OnOperator::Configure { has }),
    ];
    let on_claim = prop_oneof![
        3 => Just(OnClaim::Answered),
        8 => then.prop_map(OnClaim::Finished),
        3 => Just(OnClaim::WrapUpOver),
    ];
    let step = prop_oneof![
        8 => (class(), 0..40_u64, prop::option::weighted(0.2, 0..OPERATORS))
            .prop_map(|(class, back, keeper)| Step::Enqueue { class, back, keeper }),
        11 => (recent(), on_call).prop_map(|(call, what)| Step::Call(call, what)),
        14 => (0..OPERATORS, on_operator).prop_map(|(who, what)| Step::Operator(who, what)),
        14 => (recent(), on_claim).prop_map(|(claim, what)| Step::Claim(claim, what)),
    ];
    prop::collection::vec(step, 1..120)
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

fn at_place(has: &str, place: usize) -> Abilities {
    Abilities {
        place: u32::try_from(place).unwrap(),
        ..abilities(has)
    }
}

impl Both {
    fn new() -> Self {
        let floor = Floor::new(Capacity {
            operators: OPERATORS,
            more_calls: 0,
            tickets_per_shard: CALLERS,
            shards: 1,
            classes: 8,
            profiles: SKILLS.len(),
        });
        let now = floor.at(0);
        let mut plain = Plain::new(classes(), OPERATORS, now);
        let operators = (0..OPERATORS).map(|number| {
            let has = SKILLS[number % SKILLS.len()];
            plain.configure(number, skills(has), now);
            let name = OperatorName::new(format!("o{number}"));
            let told = floor.board.operator(&name, &at_place(has, number), now);
            told.unwrap().0
        });
        let operators = operators.collect();
        let matches = floor.board.use_strategies(Strategy::ALL, now);
        assert_eq!(matches, []);
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
        let operator = self.operator_of(matched.claim);
        let call = usize::try_from(matched.call.to_bits()).unwrap();
        assert!(self.tickets.get(call).is_none_or(|t| *t == matched.ticket));
        Some((operator, call, self.floor.board.passed_over(&matched)))
    }

    fn told(&mut self, change: Change) -> Told {
        (change.state, change.changed, self.pair(change.matched))
    }

    fn operator_of(&self, claim: Claim) -> usize {
        let of = |operator: &OperatorId| *operator == claim.operator;
        self.operators.iter().position(of).unwrap()
    }

    fn claim(&self, back: usize) -> Option<(Claim, (usize, u32))> {
        let newest = self.claims.len().checked_sub(1)?;
        let claim = self.claims[newest - back % self.claims.len()];
        Some((claim, (self.operator_of(claim), claim.generation)))
    }

    fn call(&self, back: usize) -> Option<usize> {
        let newest = self.tickets.len().checked_sub(1)?;
        Some(newest - back % self.tickets.len())
    }

    fn take(&mut self, step: Step, seconds: u64) {
        self.now = self.floor.at(seconds);
        match step {
            Step::Enqueue {
                class,
                back,
                keeper,
            } => self.enqueue(class, (seconds, back), keeper),
            Step::Call(back, what) => {
                if let Some(call) = self.call(back) {
                    self.on_call(call, what);
                }
            }
            Step::Operator(operator, what) => self.on_operator(operator, what),
            Step::Claim(back, what) => {
                if let Some((claim, plain)) = self.claim(back) {
                    self.on_claim(claim, plain, what);
                }
            }
        }
    }

    fn enqueue(&mut self, class: usize, (seconds, back): (u64, u64), keeper: Option<usize>) {
        let here = |c: &&Caller| c.stage != Stage::Gone;
        if self.plain.callers.iter().filter(here).count() == CALLERS {
            return;
        }
        // No two of the same age: who comes back from elsewhere is between the others.
        let half = std::time::Duration::from_millis(seconds * 3);
        let age = self.floor.at(seconds.saturating_sub(back * 7)) + half;
        let count = u64::try_from(self.tickets.len()).unwrap();
        let call = CallKey::new(ShardId(0), count);
        let board = &self.floor.board;
        let queued = match keeper {
            Some(keeper) => {
                let keeper = self.operators[keeper];
                board.enqueue_for(call, self.classes[class], (age, keeper), self.now)
            }
            None => board.enqueue(call, self.classes[class], age, self.now),
        };
        let (ticket, matched) = queued.unwrap();
        self.tickets.push(ticket);
        let matched = self.pair(matched);
        let expected = self.plain.enqueue(class, (age, keeper), self.now);
        assert_eq!(matched, expected);
    }

    fn on_call(&mut self, call: usize, what: OnCall) {
        let (ticket, now) = (self.tickets[call], self.now);
        match what {
            OnCall::Reclass { class } => {
                let matched = self.floor.board.reclass(ticket, self.classes[class], now);
                let matched = self.pair(matched);
                assert_eq!(matched, self.plain.reclass(call, class, now));
            }
            OnCall::PutBack { shuns } => {
                let until = |seconds| now + std::time::Duration::from_secs(seconds);
                let plain = shuns.map(|(who, seconds)| (who, until(seconds)));
                let shuns = plain.map(|(who, until)| (self.operators[who], until));
                let matched = self.floor.board.put_back(ticket, shuns, now);
                let matched = self.pair(matched);
                assert_eq!(matched, self.plain.put_back(call, plain, now));
            }
            OnCall::Release => {
                let matched = self.floor.board.release(ticket, now);
                let matched = self.pair(matched);
                assert_eq!(matched, self.plain.release(call, now));
            }
            OnCall::Look => {
                let matched = self.floor.board.look(ticket, now);
                let matched = self.pair(matched);
                assert_eq!(matched, self.plain.look(call, now));
            }
            OnCall::OfferMore => {
                let matched = self.floor.board.offer_more(ticket, now);
                let matched = self.pair(matched);
                assert_eq!(matched, self.plain.offer_more(call, now));
            }
            OnCall::Abandon => {
                let abandoned = self.floor.board.abandon(ticket);
                assert_eq!(abandoned, self.plain.abandon(call));
            }
            OnCall::Done => {
                self.floor.board.done(ticket);
                self.plain.callers[call].stage = Stage::Gone;
            }
        }
    }

    fn on_operator(&mut self, operator: usize, what: OnOperator) {
        let (id, now) = (self.operators[operator], self.now);
        let (board, plain) = (&self.floor.board, &mut self.plain);
        let (change, expected) = match what {
            OnOperator::Ready => (board.ready(id, now), plain.ready(operator, now)),
            OnOperator::Pause => (
                board.pause(id, now),
                plain.stop(operator, OperatorState::Paused, now),
            ),
            OnOperator::LogOut => (
                board.log_out(id, now),
                plain.stop(operator, OperatorState::LoggedOut, now),
            ),
            OnOperator::Retire => (board.retire(id, now), plain.retire(operator, now)),
            OnOperator::Configure { has } => {
                let name = OperatorName::new(format!("o{operator}"));
                let (same, matches) = board
                    .operator(&name, &at_place(SKILLS[has], operator), now)
                    .unwrap();
                let expected = plain.configure(operator, skills(SKILLS[has]), now);
                assert_eq!((same, self.pair(matches.first().copied())), (id, expected));
                return;
            }
        };
        assert_eq!(self.told(change), expected);
    }

    fn on_claim(&mut self, claim: Claim, plain: (usize, u32), what: OnClaim) {
        let (now, board) = (self.now, &self.floor.board);
        let (change, expected) = match what {
            OnClaim::Answered => {
                let stands = board.answered(&claim, now);
                assert_eq!(stands, self.plain.answered(&plain, now));
                return;
            }
            OnClaim::Finished(then) => (
                board.finished(&claim, then, now),
                self.plain.finished(&plain, then, now),
            ),
            OnClaim::WrapUpOver => (
                board.wrap_up_over(&claim, now),
                self.plain.wrap_up_over(&plain, now),
            ),
        };
        assert_eq!(self.told(change), expected);
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
            let here = || {
                let waiting = plain.waiting();
                waiting.filter(|(_, c)| c.class == number && c.keeper.is_none())
            };
            assert_eq!(board.waiting_in(*id), here().count(), "class {number}");
            let oldest = here().map(|(_, caller)| caller.age).min();
            assert_eq!(board.oldest(*id), oldest, "class {number}");
            assert_eq!(board.census(*id), plain.census(number), "class {number}");
        }
        for (call, caller) in plain.waiting() {
            let ticket = self.tickets[call];
            assert_eq!(board.ahead(ticket), plain.ahead(call), "call {call}");
            let free = |(_, why): &(OperatorName, WhyNot)| *why == WhyNot::Nothing;
            let why = board.why(ticket, self.now);
            // Time alone has ended a shun: whoever waits looks again.
            let over = caller.shunned.is_some_and(|(_, until)| until <= self.now);
            assert!(over || !why.iter().any(free), "call {call} waits: {why:?}");
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
