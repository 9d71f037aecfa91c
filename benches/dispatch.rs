//! One decision of the dispatcher, on the board and on two plain ones in the same run:
//! ordered maps behind a mutex, and lists that are searched from end to end.
//!
//! Operators have sixteen different sets of skills; every second one may take the calls.
//! With nobody waiting a turn is: a call comes, goes to the operator who has been ready for
//! longest, ends, and the operator is ready again. With callers waiting: an operator
//! becomes ready, takes the caller who has waited for longest of those whom the operator
//! may serve, ends the call, pauses, and another caller queues. So the next turn finds what
//! this one found. Half of those who wait, the older half, want a skill that nobody has.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use divan::Bencher;
use exchange::dispatch::{
    Abilities, After, Board, Capacity, ClassId, ClassKey, Match, OperatorId, Strategy,
};
use exchange::model::{
    CallKey, Level, OperatorName, QueueName, Requirement, ShardId, Skill, SkillSet,
};

fn main() {
    divan::main();
}

#[derive(Clone, Copy)]
struct Size {
    operators: usize,
    waiting: usize,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} operators, {} waiting", self.operators, self.waiting)
    }
}

const fn size(operators: usize, waiting: usize) -> Size {
    Size { operators, waiting }
}

const SIZES: [Size; 4] = [
    size(100, 0),
    size(10_000, 0),
    size(100, 10_000),
    size(10_000, 10_000),
];

/// A turn, on each of the boards.
#[divan::bench(types = [OnBoard, InMaps, InLists], args = SIZES, threads = [1, 2])]
fn turn<F: Floor>(bencher: Bencher<'_, '_>, size: Size) {
    let Some(floor) = F::new(size) else { return };
    let clock = Clock::new();
    for number in 0..size.waiting {
        let wants = if number < size.waiting / 2 {
            Wants::Billing
        } else {
            Wants::Support
        };
        floor.waits(clock.next(), wants);
    }
    let turn = || {
        let (now, count) = clock.next();
        if size.waiting == 0 {
            floor.comes((now, count))
        } else {
            // Every second one may take the calls.
            floor.frees(count * 2 % size.operators, now) && {
                floor.waits((now, count), Wants::Support);
                true
            }
        }
    };
    assert!(turn(), "nobody was matched");
    bencher.bench(turn);
}

/// A moment, and how many there were before.
type Tick = (Instant, usize);

struct Clock {
    start: Instant,
    count: AtomicUsize,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn new() -> Self {
        Self {
            start: Instant::now(),
            count: AtomicUsize::new(0),
        }
    }

    fn next(&self) -> Tick {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(count).unwrap_or(u64::MAX);
        (self.start + Duration::from_micros(micros), count)
    }
}

#[derive(Clone, Copy, Debug)]
enum Wants {
    Support,
    Billing,
}

trait Floor: Sized + Sync {
    /// All operators are ready when nobody waits, else paused.
    fn new(size: Size) -> Option<Self>;
    /// A call comes and is answered and over; whether anybody took it.
    fn comes(&self, tick: Tick) -> bool;
    /// An operator is free, takes a call and pauses after it; whether there was one.
    fn frees(&self, operator: usize, now: Instant) -> bool;
    /// A call comes and waits.
    fn waits(&self, tick: Tick, wants: Wants);
}

fn skills(operator: usize) -> SkillSet {
    let can = if operator.is_multiple_of(2) {
        "support"
    } else {
        "sales"
    };
    let variant = operator / 2 % 8 + 1;
    [(can, 5), ("variant", variant)]
        .into_iter()
        .filter_map(|(skill, level)| Some((Skill::new(skill), level_of(level)?)))
        .collect()
}

fn level_of(level: usize) -> Option<Level> {
    Level::new(u8::try_from(level).ok()?)
}

/// What each of [`Wants`] is.
struct Wanted {
    support: Requirement,
    billing: Requirement,
}

impl Wanted {
    fn new() -> Self {
        let one = |skill: &str| {
            let pair = level_of(3).map(|level| (Skill::new(skill), level));
            pair.into_iter().collect()
        };
        Self {
            support: one("support"),
            billing: one("billing"),
        }
    }

    fn of(&self, wants: Wants) -> &Requirement {
        match wants {
            Wants::Support => &self.support,
            Wants::Billing => &self.billing,
        }
    }
}

/// The one that Centrale uses.
struct OnBoard {
    board: Board,
    support: ClassId,
    billing: ClassId,
    operators: Vec<OperatorId>,
}

impl OnBoard {
    fn over(&self, matched: Option<Match>, then: After, now: Instant) -> bool {
        let Some(matched) = matched else { return false };
        self.board.done(matched.ticket);
        self.board.finished(&matched.claim, then, now).changed
    }

    fn enqueue(&self, (now, count): Tick, wants: Wants) -> Option<Match> {
        let class = match wants {
            Wants::Support => self.support,
            Wants::Billing => self.billing,
        };
        let count = u64::try_from(count).unwrap_or(0);
        let call = CallKey::new(ShardId(0), count);
        let queued = self.board.enqueue(call, class, now, now);
        queued.ok().and_then(|(_, matched)| matched)
    }
}

impl Floor for OnBoard {
    fn new(size: Size) -> Option<Self> {
        let capacity = Capacity {
            operators: size.operators,
            more_calls: 0,
            tickets_per_shard: size.waiting + 16,
            shards: 1,
            classes: 8,
            profiles: 32,
        };
        let (now, _) = Clock::new().next();
        let board = Board::new(capacity, now);
        let wanted = Wanted::new();
        let class = |wants| {
            board.class(&ClassKey {
                queue: QueueName::new("queue"),
                requires: wanted.of(wants).clone(),
                also: Vec::new(),
                prefer: Requirement::default(),
                strategy: Strategy::default(),
                priority: 0,
            })
        };
        let (support, billing) = (class(Wants::Support).ok()?, class(Wants::Billing).ok()?);
        let mut operators = Vec::new();
        for number in 0..size.operators {
            let name = OperatorName::new(format!("operator{number}"));
            let abilities = Abilities {
                skills: skills(number),
                ..Abilities::default()
            };
            let (id, _) = board.operator(&name, &abilities, now).ok()?;
            let change = if size.waiting == 0 {
                board.ready(id, now)
            } else {
                board.pause(id, now)
            };
            operators.push(change.changed.then_some(id)?);
        }
        Some(Self {
            board,
            support,
            billing,
            operators,
        })
    }

    fn comes(&self, tick: Tick) -> bool {
        let matched = self.enqueue(tick, Wants::Support);
        self.over(matched, After::Ready, tick.0)
    }

    fn frees(&self, operator: usize, now: Instant) -> bool {
        let operator = self.operators.get(operator).copied();
        let matched = operator.and_then(|o| self.board.ready(o, now).matched);
        self.over(matched, After::Paused, now)
    }

    fn waits(&self, tick: Tick, wants: Wants) {
        assert!(self.enqueue(tick, wants).is_none(), "nobody is ready");
    }
}

/// Priority, age, and the number to tell equals apart.
type Rank = (Reverse<i16>, Instant, usize);

/// Ordered maps behind a mutex.
struct InMaps {
    skills: Vec<SkillSet>,
    wanted: Wanted,
    maps: Mutex<Maps>,
}

#[derive(Default)]
struct Maps {
    /// By priority and age.
    waiting: BTreeMap<Rank, Wants>,
    /// By idleness.
    ready: BTreeMap<(Instant, usize), ()>,
}

impl InMaps {
    fn maps(&self) -> MutexGuard<'_, Maps> {
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn can(&self, operator: usize, wants: Wants) -> bool {
        let wanted = self.wanted.of(wants);
        self.skills
            .get(operator)
            .is_some_and(|s| wanted.is_met_by(s))
    }
}

impl Floor for InMaps {
    fn new(size: Size) -> Option<Self> {
        let (now, _) = Clock::new().next();
        let mut maps = Maps::default();
        if size.waiting == 0 {
            maps.ready = (0..size.operators).map(|n| ((now, n), ())).collect();
        }
        Some(Self {
            skills: (0..size.operators).map(skills).collect(),
            wanted: Wanted::new(),
            maps: Mutex::new(maps),
        })
    }

    fn comes(&self, (now, _): Tick) -> bool {
        let key = {
            let mut maps = self.maps();
            let mut all = maps.ready.keys();
            let Some(key) = all.find(|key| self.can(key.1, Wants::Support)).copied() else {
                return false;
            };
            maps.ready.remove(&key);
            key
        };
        self.maps().ready.insert((now, key.1), ());
        true
    }

    fn frees(&self, operator: usize, _: Instant) -> bool {
        let mut maps = self.maps();
        let mut all = maps.waiting.iter();
        let found = all.find(|(_, wants)| self.can(operator, **wants));
        let Some(key) = found.map(|(key, _)| *key) else {
            return false;
        };
        maps.waiting.remove(&key).is_some()
    }

    fn waits(&self, (now, count): Tick, wants: Wants) {
        let key = (Reverse(0), now, count);
        self.maps().waiting.insert(key, wants);
    }
}

/// Lists behind a mutex, each searched from end to end.
struct InLists {
    skills: Vec<SkillSet>,
    wanted: Wanted,
    lists: Mutex<Lists>,
}

struct Lists {
    waiting: Vec<(Rank, Wants)>,
    /// Since when, for those who are ready.
    ready: Vec<Option<Instant>>,
}

impl InLists {
    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Floor for InLists {
    fn new(size: Size) -> Option<Self> {
        let (now, _) = Clock::new().next();
        Some(Self {
            skills: (0..size.operators).map(skills).collect(),
            wanted: Wanted::new(),
            lists: Mutex::new(Lists {
                waiting: Vec::new(),
                ready: vec![(size.waiting == 0).then_some(now); size.operators],
            }),
        })
    }

    fn comes(&self, (now, _): Tick) -> bool {
        let mut lists = self.lists();
        let best = self
            .skills
            .iter()
            .zip(&lists.ready)
            .enumerate()
            .filter_map(|(number, (skills, since))| Some((since.as_ref()?, number, skills)))
            .filter(|(_, _, skills)| self.wanted.support.is_met_by(skills))
            .min_by_key(|(since, number, _)| (**since, *number))
            .map(|(_, number, _)| number);
        let Some(since) = best.and_then(|number| lists.ready.get_mut(number)) else {
            return false;
        };
        *since = Some(now);
        true
    }

    fn frees(&self, operator: usize, _: Instant) -> bool {
        let mut lists = self.lists();
        let Some(skills) = self.skills.get(operator) else {
            return false;
        };
        let all = lists.waiting.iter().enumerate();
        let best = all
            .filter(|(_, (_, wants))| self.wanted.of(*wants).is_met_by(skills))
            .min_by_key(|(_, (key, _))| *key);
        let Some(best) = best.map(|(number, _)| number) else {
            return false;
        };
        lists.waiting.remove(best);
        true
    }

    fn waits(&self, (now, count): Tick, wants: Wants) {
        let key = (Reverse(0), now, count);
        self.lists().waiting.push((key, wants));
    }
}
