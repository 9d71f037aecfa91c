//! Classes and profiles: who may serve whom.
//!
//! Both are interned for the life of the process: a class is what a call asks for, a
//! profile what an operator can do, and whether one meets the other never changes. So
//! the table of who serves whom only grows: it is added to under a lock when something is
//! met for the first time, and read without waiting.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;

use crate::model::{OperatorState, QueueName, Requirement, SkillSet};

use super::forest::Forest;
use super::roll::Roll;
use super::strategy::{ORDERS, Order, Strategy, Wants};
use super::sync::{Count, Hint, Ordering};
use super::{ClassId, Full};

/// What makes callers alike: they wait in one order, for the same operators.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassKey {
    /// The queue they wait in.
    pub queue: QueueName,
    /// What an operator needs.
    pub requires: Requirement,
    /// Operators who meet one of these may serve them too.
    pub also: Vec<Requirement>,
    /// Operators who have more of these go before the others.
    pub prefer: Requirement,
    /// How one of the operators is chosen.
    pub strategy: Strategy,
    /// Higher is served first.
    pub priority: i16,
}

impl ClassKey {
    /// Whether someone with these skills may serve them.
    #[must_use]
    pub fn is_met_by(&self, skills: &SkillSet) -> bool {
        self.requires.is_met_by(skills) || self.also.iter().any(|r| r.is_met_by(skills))
    }
}

/// What the classes of one queue share.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Its classes.
    pub(super) classes: Roll,
    /// Callers who are kept for somebody, by age.
    pub(super) kept: Forest,
}

#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Class {
    /// Who waits, by age. First, as every search looks here.
    pub(super) waiting: Forest,
    pub(super) id: u32,
    pub(super) key: Arc<ClassKey>,
    pub(super) line: Arc<Line>,
    served_by: Roll,
}

/// A profile that may serve a class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    /// The lowest goes first, whatever the order.
    pub(super) rank: u32,
    pub(super) profile: u16,
}

impl Class {
    /// The profiles that may serve it.
    pub(super) fn servers(&self) -> impl Iterator<Item = Server> {
        self.served_by.iter().map(|word| Server {
            rank: u32::try_from(word >> 16).unwrap_or(u32::MAX),
            profile: u16::try_from(word & 0xffff).unwrap_or(u16::MAX),
        })
    }

    fn add_server(&self, profile: &Profile) {
        let wants = Wants {
            requires: &self.key.requires,
            prefer: &self.key.prefer,
        };
        let rank = self.key.strategy.rank(&wants, &profile.skills);
        self.served_by
            .push(u64::from(rank) << 16 | u64::from(profile.id));
    }
}

/// One class that a profile serves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Serves {
    pub(super) priority: i16,
    pub(super) class: u32,
}

#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Profile {
    pub(super) id: u16,
    pub(super) skills: SkillSet,
    /// Who is ready, by idleness.
    idle: Forest,
    /// The same in the other orders, if they are in use.
    others: [OnceLock<Box<Forest>>; ORDERS - 1],
    serves: Roll,
    /// The same as a bit each.
    served: Box<[Hint]>,
    counts: [Count; 6],
}

impl Profile {
    /// The classes that it serves.
    pub(super) fn serves(&self) -> impl Iterator<Item = Serves> {
        self.serves.iter().map(|word| Serves {
            priority: i16::try_from(word >> 32).unwrap_or(0) - PRIORITY_ZERO,
            class: u32::try_from(word & u64::from(u32::MAX)).unwrap_or(u32::MAX),
        })
    }

    fn add_class(&self, class: &Class) {
        // Seen from the lowest, so that the word has no sign.
        let priority = class.key.priority.clamp(-PRIORITY_ZERO, PRIORITY_ZERO) + PRIORITY_ZERO;
        let priority = u64::try_from(priority).unwrap_or(0);
        let (word, bit) = bit_of(class.id);
        if let Some(word) = self.served.get(word) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
        self.serves.push(priority << 32 | u64::from(class.id));
    }

    /// Whether it serves a class.
    pub(super) fn may_serve(&self, class: u32) -> bool {
        let (word, bit) = bit_of(class);
        let word = self.served.get(word);
        word.is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
    }

    pub(super) fn ready(&self, order: Order) -> &Forest {
        let make = || Box::new(Forest::small());
        let other = order.index().checked_sub(1).map(|at| &self.others[at]);
        other.map_or(&self.idle, |other| other.get_or_init(make))
    }

    pub(super) fn arrive(&self, state: OperatorState) {
        self.counts[slot(state)].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn depart(&self, state: OperatorState) {
        self.counts[slot(state)].fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether any of its operators is logged in.
    pub(super) fn is_staffed(&self) -> bool {
        let away = OperatorState::LoggedOut;
        let mut states = OperatorState::ALL.iter().filter(|state| **state != away);
        states.any(|state| self.count(*state) > 0)
    }

    /// How many of its operators do this. Two threads that move the same operator may
    /// count out of order, so a count can be short for a moment; never below nothing.
    pub(super) fn count(&self, state: OperatorState) -> usize {
        let count = self.counts[slot(state)].load(Ordering::Relaxed);
        i32::try_from(count).map_or(0, |count| usize::try_from(count).unwrap_or(0))
    }
}

fn bit_of(class: u32) -> (usize, u64) {
    let word = usize::try_from(class / 64).unwrap_or(usize::MAX);
    (word, 1 << (class % 64))
}

/// Far above any priority of the contract, and half of what fits.
const PRIORITY_ZERO: i16 = i16::MAX / 2;

fn slot(state: OperatorState) -> usize {
    match state {
        OperatorState::LoggedOut => 0,
        OperatorState::Ready => 1,
        OperatorState::Offered => 2,
        OperatorState::Talking => 3,
        OperatorState::WrapUp => 4,
        OperatorState::Paused => 5,
    }
}

#[derive(Debug)]
pub(super) struct Index {
    classes: Box<[OnceLock<Class>]>,
    profiles: Box<[OnceLock<Profile>]>,
    by_key: ArcSwap<HashMap<Arc<ClassKey>, ClassId>>,
    lines: ArcSwap<BTreeMap<QueueName, Arc<Line>>>,
    /// The orders that some queue uses, a bit each.
    orders: Count,
    /// Held while something is interned; what it guards is only needed then.
    by_skills: Mutex<BTreeMap<SkillSet, u16>>,
}

impl Index {
    pub(super) fn new(classes: usize, profiles: usize) -> Self {
        Self {
            classes: (0..classes).map(|_| OnceLock::new()).collect(),
            // The highest number stands for nobody's profile.
            profiles: (0..profiles.min(usize::from(u16::MAX)))
                .map(|_| OnceLock::new())
                .collect(),
            by_key: ArcSwap::default(),
            lines: ArcSwap::default(),
            orders: Count::new(Order::Idle.bit()),
            by_skills: Mutex::default(),
        }
    }

    pub(super) fn class(&self, id: u32) -> Option<&Class> {
        self.classes.get(usize::try_from(id).ok()?)?.get()
    }

    pub(super) fn profile(&self, id: u16) -> Option<&Profile> {
        self.profiles.get(usize::from(id))?.get()
    }

    pub(super) fn orders(&self) -> u32 {
        self.orders.load(Ordering::Relaxed)
    }

    /// One more order is in use; whether it was not.
    pub(super) fn use_order(&self, order: Order) -> bool {
        self.orders.fetch_or(order.bit(), Ordering::SeqCst) & order.bit() == 0
    }

    /// The classes of a queue.
    pub(super) fn line(&self, queue: &QueueName) -> Option<Arc<Line>> {
        self.lines.load().get(queue).map(Arc::clone)
    }

    /// Of the classes with these numbers, those that there are.
    pub(super) fn classes<'a>(
        &'a self,
        numbers: impl Iterator<Item = u64> + 'a,
    ) -> impl Iterator<Item = &'a Class> + 'a {
        numbers.filter_map(|number| self.class(u32::try_from(number).ok()?))
    }

    pub(super) fn intern_class(&self, key: &ClassKey) -> Result<ClassId, Full> {
        if let Some(id) = self.by_key.load().get(key) {
            return Ok(*id);
        }
        let profiles = self
            .by_skills
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = self.by_key.load().get(key) {
            return Ok(*id);
        }
        let number = self.by_key.load().len();
        let (Some(slot), Ok(id)) = (self.classes.get(number), u32::try_from(number)) else {
            return Err(Full::Classes);
        };
        let class = slot.get_or_init(|| Class {
            id,
            key: Arc::new(key.clone()),
            line: self.open_line(&key.queue),
            waiting: Forest::default(),
            served_by: Roll::default(),
        });
        let profiles = profiles.values().filter_map(|id| self.profile(*id));
        for profile in profiles.filter(|profile| key.is_met_by(&profile.skills)) {
            class.add_server(profile);
            profile.add_class(class);
        }
        class.line.classes.push(u64::from(id));
        let mut keys = HashMap::clone(&self.by_key.load());
        keys.insert(Arc::clone(&class.key), ClassId(id));
        self.by_key.store(Arc::new(keys));
        Ok(ClassId(id))
    }

    /// The line of a queue, made if need be. Only whoever holds the lock does.
    fn open_line(&self, queue: &QueueName) -> Arc<Line> {
        let mut lines = BTreeMap::clone(&self.lines.load());
        let line = Arc::clone(lines.entry(queue.clone()).or_default());
        self.lines.store(Arc::new(lines));
        line
    }

    pub(super) fn intern_profile(&self, skills: &SkillSet) -> Result<u16, Full> {
        let mut profiles = self
            .by_skills
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = profiles.get(skills) {
            return Ok(*id);
        }
        let number = profiles.len();
        let (Some(slot), Ok(id)) = (self.profiles.get(number), u16::try_from(number)) else {
            return Err(Full::Profiles);
        };
        let profile = slot.get_or_init(|| Profile {
            id,
            skills: skills.clone(),
            idle: Forest::small(),
            others: [const { OnceLock::new() }; ORDERS - 1],
            serves: Roll::default(),
            served: (0..self.classes.len().div_ceil(64))
                .map(|_| Hint::new(0))
                .collect(),
            counts: Default::default(),
        });
        let classes = self.classes.iter().map_while(OnceLock::get);
        for class in classes.filter(|class| class.key.is_met_by(skills)) {
            profile.add_class(class);
            class.add_server(profile);
        }
        profiles.insert(skills.clone(), id);
        Ok(id)
    }
}
