//! The board under test, spoken to in numbers. Nothing else here calls it.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use exchange::dispatch::{
    Abandoned, Abilities, After, Board, Capacity, Change, Claim, ClassId, ClassKey, Full, Match,
    OperatorId, Strategy, TicketId, WhyNot,
};
use exchange::model::{
    CallKey, Census, Level, OperatorName, OperatorState, Overtake, QueueName, Requirement, ShardId,
    Skill, SkillSet,
};

use crate::agenda::Moment;
use crate::plain::Told;
use crate::skills::{Levels, Wants};

/// The strategies that this board follows; a queue with another one gets the first.
pub(crate) const STRATEGIES: &[Strategy] = &[
    Strategy::LongestIdle,
    Strategy::MostSkilled,
    Strategy::LeastSkilled,
    Strategy::FewestCalls,
    Strategy::RoundRobin,
    Strategy::Ordered,
];
/// Whether it puts those with preferred skills before the others.
pub(crate) const PREFERS: bool = true;
/// Whether it offers a call that was missed to others first.
pub(crate) const SHUNS: bool = true;
/// Whether it keeps a call for the operator whom the caller prefers.
pub(crate) const KEEPS: bool = true;
/// Whether ready operators keep their order however many get the same skills at once.
pub(crate) const MERGES: bool = true;
/// Whether a match says why it overtook somebody.
pub(crate) const TELLS_OVERTAKES: bool = true;

const SHARDS: u8 = 2;

/// An operator for a call, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Matched {
    pub(crate) claim: Claim,
    pub(crate) operator: usize,
    pub(crate) call: usize,
    pub(crate) possible_at: Moment,
    pub(crate) overtook: Option<Overtake>,
    /// Whether it names the ticket that the call has.
    pub(crate) of_this_ticket: bool,
}

pub(crate) struct Real {
    board: Board,
    epoch: Instant,
    tickets_per_shard: usize,
    classes: Vec<ClassId>,
    operators: Vec<OperatorId>,
    numbers: HashMap<OperatorId, usize>,
    /// By call. A call's own is filled in when it has been queued.
    tickets: Vec<Option<TicketId>>,
    ever: HashSet<TicketId>,
}

impl Real {
    #[expect(
        clippy::disallowed_methods,
        reason = "any moment serves as the beginning of a day"
    )]
    pub(crate) fn new(operators: usize, tickets_per_shard: usize) -> Self {
        let epoch = Instant::now();
        let capacity = Capacity {
            operators,
            more_calls: 0,
            tickets_per_shard,
            shards: usize::from(SHARDS),
            classes: 2048,
            profiles: 1024,
        };
        let board = Board::new(capacity, epoch);
        let matches = board.use_strategies(STRATEGIES.iter().copied(), epoch);
        assert_eq!(matches, [], "nobody is there");
        Self {
            board,
            epoch,
            tickets_per_shard,
            classes: Vec::new(),
            operators: Vec::new(),
            numbers: HashMap::new(),
            tickets: Vec::new(),
            ever: HashSet::new(),
        }
    }

    fn at(&self, now: Moment) -> Instant {
        self.epoch + now
    }

    fn matched(&self, matched: Option<Match>) -> Option<Matched> {
        let matched = matched?;
        let call = matched.call.to_bits() & ((1 << 56) - 1);
        let call = usize::try_from(call).ok()?;
        let ticket = self.tickets.get(call).copied().flatten();
        Some(Matched {
            claim: matched.claim,
            operator: *self.numbers.get(&matched.claim.operator)?,
            call,
            possible_at: matched.possible_at - self.epoch,
            overtook: self.board.passed_over(&matched),
            of_this_ticket: ticket.is_none_or(|ticket| ticket == matched.ticket),
        })
    }

    fn told(&self, change: Change) -> Told<Matched> {
        assert_eq!(change.more, [], "an operator has one call");
        assert_eq!(change.here, change.state, "an operator has one call");
        Told {
            state: change.state,
            changed: change.changed,
            matched: self.matched(change.matched),
        }
    }

    /// The next class.
    pub(crate) fn add_class(&mut self, queue: &str, wants: &Wants) {
        let key = ClassKey {
            queue: QueueName::new(queue),
            requires: requirement(&wants.requires),
            also: wants.also.iter().map(requirement).collect(),
            prefer: requirement(&wants.prefer),
            strategy: wants.strategy,
            priority: wants.priority,
        };
        self.classes.push(self.board.class(&key).unwrap());
    }

    /// The operator's abilities from now on; one who is not known yet is the next.
    pub(crate) fn configure(
        &mut self,
        operator: usize,
        (skills, place): (&Levels, u32),
        now: Moment,
    ) -> Option<Matched> {
        let name = OperatorName::new(format!("operator-{operator}"));
        let abilities = Abilities {
            skills: pairs(skills).collect::<SkillSet>(),
            max_calls: 1,
            place,
        };
        let now = self.at(now);
        let (id, matches) = self.board.operator(&name, &abilities, now).unwrap();
        assert!(matches.len() < 2, "an operator has one call");
        match self.operators.get(operator) {
            Some(same) => assert_eq!(*same, id),
            None => {
                self.operators.push(id);
                self.numbers.insert(id, operator);
            }
        }
        assert_eq!(self.board.find(&name), Some(id));
        self.matched(matches.first().copied())
    }

    pub(crate) fn retire(&self, operator: usize, now: Moment) -> Told<Matched> {
        self.told(self.board.retire(self.operators[operator], self.at(now)))
    }

    pub(crate) fn ready(&self, operator: usize, now: Moment) -> Told<Matched> {
        self.told(self.board.ready(self.operators[operator], self.at(now)))
    }

    pub(crate) fn stop(&self, operator: usize, to: OperatorState, now: Moment) -> Told<Matched> {
        let (id, now) = (self.operators[operator], self.at(now));
        self.told(match to {
            OperatorState::Paused => self.board.pause(id, now),
            OperatorState::LoggedOut
            | OperatorState::Ready
            | OperatorState::Offered
            | OperatorState::Talking
            | OperatorState::WrapUp => self.board.log_out(id, now),
        })
    }

    pub(crate) fn answered(&self, claim: Claim, now: Moment) -> bool {
        self.board.answered(&claim, self.at(now))
    }

    pub(crate) fn finished(&self, claim: Claim, then: After, now: Moment) -> Told<Matched> {
        self.told(self.board.finished(&claim, then, self.at(now)))
    }

    pub(crate) fn wrap_up_over(&self, claim: Claim, now: Moment) -> Told<Matched> {
        self.told(self.board.wrap_up_over(&claim, self.at(now)))
    }

    /// Queues the next call, for anybody or for one operator only.
    pub(crate) fn enqueue(
        &mut self,
        class: usize,
        (age, keeper): (Moment, Option<usize>),
        now: Moment,
    ) -> Option<Matched> {
        let (class, call) = (self.classes[class], key_of(self.tickets.len()));
        let (age, now) = (self.at(age), self.at(now));
        let queued = match keeper {
            Some(keeper) => {
                let keeper = self.operators[keeper];
                self.board.enqueue_for(call, class, (age, keeper), now)
            }
            None => self.board.enqueue(call, class, age, now),
        };
        let (ticket, matched) = queued.unwrap();
        assert!(self.ever.insert(ticket), "{ticket:?} comes twice");
        self.tickets.push(Some(ticket));
        self.matched(matched)
    }

    pub(crate) fn reclass(&self, call: usize, class: usize, now: Moment) -> Option<Matched> {
        let (ticket, class) = (self.tickets[call]?, self.classes[class]);
        self.matched(self.board.reclass(ticket, class, self.at(now)))
    }

    pub(crate) fn put_back(
        &self,
        call: usize,
        shun: Option<(usize, Moment)>,
        now: Moment,
    ) -> Option<Matched> {
        let shun = shun.map(|(operator, until)| (self.operators[operator], self.at(until)));
        let ticket = self.tickets[call]?;
        self.matched(self.board.put_back(ticket, shun, self.at(now)))
    }

    pub(crate) fn release_hold(&self, call: usize, now: Moment) -> Option<Matched> {
        self.matched(self.board.release(self.tickets[call]?, self.at(now)))
    }

    pub(crate) fn is_kept(&self, call: usize) -> bool {
        self.tickets[call].is_some_and(|ticket| self.board.is_kept(ticket))
    }

    pub(crate) fn look(&self, call: usize, now: Moment) -> Option<Matched> {
        self.matched(self.board.look(self.tickets[call]?, self.at(now)))
    }

    pub(crate) fn abandon(&self, call: usize) -> Abandoned {
        self.tickets[call].map_or(Abandoned::Won, |ticket| self.board.abandon(ticket))
    }

    pub(crate) fn done(&self, call: usize) {
        if let Some(ticket) = self.tickets[call] {
            self.board.done(ticket);
        }
    }

    pub(crate) fn state(&self, operator: usize) -> OperatorState {
        self.board.state(self.operators[operator])
    }

    pub(crate) fn pending(&self, operator: usize) -> Option<OperatorState> {
        self.board.pending(self.operators[operator])
    }

    pub(crate) fn since(&self, operator: usize) -> Option<Moment> {
        let since = self.board.since(self.operators[operator])?;
        Some(since - self.epoch)
    }

    pub(crate) fn census(&self, class: usize) -> Census {
        self.board.census(self.classes[class])
    }

    pub(crate) fn waiting_in(&self, class: usize) -> usize {
        self.board.waiting_in(self.classes[class])
    }

    pub(crate) fn oldest(&self, class: usize) -> Option<Moment> {
        let oldest = self.board.oldest(self.classes[class])?;
        Some(oldest - self.epoch)
    }

    pub(crate) fn ahead(&self, call: usize) -> usize {
        self.tickets[call].map_or(0, |ticket| self.board.ahead(ticket))
    }

    /// Operators of whom the board says that nothing keeps them from this call.
    pub(crate) fn nothing_between(&self, call: usize, now: Moment) -> Vec<OperatorName> {
        let Some(ticket) = self.tickets[call] else {
            return Vec::new();
        };
        let why = self.board.why(ticket, self.at(now)).into_iter();
        why.filter(|(_, why)| *why == WhyNot::Nothing)
            .map(|(name, _)| name)
            .collect()
    }

    /// Takes every ticket of an empty board, and gives all back: none was lost.
    pub(crate) fn fill_and_empty(&self, now: Moment) {
        let (class, now) = (self.classes[0], self.at(now));
        let mut taken = Vec::new();
        for shard in 0..SHARDS {
            for number in 0..self.tickets_per_shard {
                let call = CallKey::new(ShardId(shard), u64::try_from(number).unwrap());
                let (ticket, matched) = self.board.enqueue(call, class, now, now).unwrap();
                assert_eq!(matched, None, "nobody is there");
                taken.push(ticket);
            }
            let call = CallKey::new(ShardId(shard), 0);
            let refused = self.board.enqueue(call, class, now, now);
            assert_eq!(refused, Err(Full::Tickets));
        }
        assert_eq!(self.board.waiting_in(class), taken.len());
        for ticket in taken {
            assert_eq!(self.board.abandon(ticket), Abandoned::Won);
        }
        assert_eq!(self.board.waiting_in(class), 0);
    }
}

fn key_of(call: usize) -> CallKey {
    let number = u64::try_from(call).unwrap();
    let shard = u8::try_from(number % u64::from(SHARDS)).unwrap();
    CallKey::new(ShardId(shard), number)
}

fn pairs(levels: &Levels) -> impl Iterator<Item = (Skill, Level)> {
    let named = levels.0.iter().enumerate();
    named.filter_map(|(skill, level)| {
        let name = Skill::new(crate::centre::SKILL_NAMES[skill]);
        Some((name, Level::new(*level)?))
    })
}

fn requirement(levels: &Levels) -> Requirement {
    pairs(levels).collect()
}

/// As long as it takes until one who missed a call may have it again.
pub(crate) const SHUNNED: Duration = Duration::from_secs(30);
