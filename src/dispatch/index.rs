//! Classes and profiles: who may serve whom.
//!
//! Both are interned for the life of the process: a class is what a call asks for, a
//! profile what an operator can do, and whether one meets the other never changes. So
//! the table of who serves whom only grows. It is made under a lock when something is
//! met for the first time, published whole, and read without waiting.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;

use crate::model::{OperatorState, QueueName, Requirement, SkillSet};

use super::lanes::Lanes;
use super::strategy::Strategy;
use super::sync::{Count, Ordering};
use super::{ClassId, Full};

/// Places in the first lane of a class or a profile; further lanes double.
const FIRST_LANE: usize = if cfg!(loom) { 2 } else { 512 };

/// What makes callers alike: they wait in one order, for the same operators.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassKey {
    /// The queue they wait in: positions count within it.
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

#[derive(Debug)]
pub(super) struct Class {
    pub(super) id: u32,
    pub(super) key: Arc<ClassKey>,
    pub(super) lanes: Lanes,
    /// Profiles that may serve it.
    pub(super) served_by: ArcSwap<Vec<u16>>,
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
    pub(super) lanes: Lanes,
    /// Classes that it serves, the highest priority first.
    pub(super) serves: ArcSwap<Vec<Serves>>,
    counts: [Count; 6],
}

impl Profile {
    pub(super) fn arrive(&self, state: OperatorState) {
        self.counts[slot(state)].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn depart(&self, state: OperatorState) {
        self.counts[slot(state)].fetch_sub(1, Ordering::Relaxed);
    }

    /// How many of its operators do this. Two threads that move the same operator may
    /// count out of order, so a count can be short for a moment; never below nothing.
    pub(super) fn count(&self, state: OperatorState) -> usize {
        let count = self.counts[slot(state)].load(Ordering::Relaxed);
        i32::try_from(count).map_or(0, |count| usize::try_from(count).unwrap_or(0))
    }
}

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
    by_queue: ArcSwap<BTreeMap<QueueName, Vec<u32>>>,
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
            by_queue: ArcSwap::default(),
            by_skills: Mutex::default(),
        }
    }

    pub(super) fn class(&self, id: u32) -> Option<&Class> {
        self.classes.get(usize::try_from(id).ok()?)?.get()
    }

    pub(super) fn profile(&self, id: u16) -> Option<&Profile> {
        self.profiles.get(usize::from(id))?.get()
    }

    /// The classes of a queue.
    pub(super) fn siblings(&self, queue: &QueueName) -> Vec<u32> {
        self.by_queue.load().get(queue).cloned().unwrap_or_default()
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
        let serving = profiles
            .values()
            .filter_map(|profile| self.profile(*profile))
            .filter(|profile| key.is_met_by(&profile.skills));
        let class = Class {
            id,
            key: Arc::new(key.clone()),
            lanes: Lanes::new(FIRST_LANE),
            served_by: ArcSwap::from_pointee(serving.clone().map(|p| p.id).collect()),
        };
        let class = slot.get_or_init(|| class);
        for profile in serving {
            let mut serves = Vec::clone(&profile.serves.load());
            serves.push(Serves {
                priority: key.priority,
                class: id,
            });
            sort(&mut serves);
            profile.serves.store(Arc::new(serves));
        }
        let mut queues = BTreeMap::clone(&self.by_queue.load());
        queues.entry(key.queue.clone()).or_default().push(id);
        self.by_queue.store(Arc::new(queues));
        let mut keys = HashMap::clone(&self.by_key.load());
        keys.insert(Arc::clone(&class.key), ClassId(id));
        self.by_key.store(Arc::new(keys));
        Ok(ClassId(id))
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
        let served = self.classes.iter().map_while(OnceLock::get);
        let served = served.filter(|class| class.key.is_met_by(skills));
        let mut serves: Vec<_> = served
            .clone()
            .map(|class| Serves {
                priority: class.key.priority,
                class: class.id,
            })
            .collect();
        sort(&mut serves);
        let profile = Profile {
            id,
            skills: skills.clone(),
            lanes: Lanes::new(FIRST_LANE),
            serves: ArcSwap::from_pointee(serves),
            counts: Default::default(),
        };
        slot.get_or_init(|| profile);
        for class in served {
            let mut by = Vec::clone(&class.served_by.load());
            by.push(id);
            class.served_by.store(Arc::new(by));
        }
        profiles.insert(skills.clone(), id);
        Ok(id)
    }
}

fn sort(serves: &mut [Serves]) {
    serves.sort_by_key(|serves| (std::cmp::Reverse(serves.priority), serves.class));
}
