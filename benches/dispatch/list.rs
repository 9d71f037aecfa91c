//! Lists behind one lock, searched from end to end, as OpenSIPS does: a free operator walks
//! the waiting callers, a new caller looks at every operator.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::floor::{Able, Assigned, Floor, Size, profile_of};

pub(crate) struct InList {
    size: Size,
    able: Able,
    lists: Mutex<Lists>,
}

struct Lists {
    waiting: VecDeque<usize>,
    /// Since when, for those who are ready.
    ready: Vec<Option<Instant>>,
}

impl InList {
    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Floor for InList {
    fn new(size: Size, _: Instant) -> anyhow::Result<Self> {
        let waiting = (0..size.waiting).map(|number| number % size.classes);
        Ok(Self {
            size,
            able: Able::new(size),
            lists: Mutex::new(Lists {
                waiting: waiting.collect(),
                ready: vec![None; size.operators],
            }),
        })
    }

    fn free(&self, operator: usize, now: Instant) -> Option<Assigned> {
        let profile = profile_of(operator, self.size);
        let mut lists = self.lists();
        let mut all = lists.waiting.iter();
        let found = all.position(|class| self.able.may(profile, *class));
        let taken = found.and_then(|at| lists.waiting.remove(at));
        let Some(class) = taken else {
            if let Some(ready) = lists.ready.get_mut(operator) {
                *ready = Some(now);
            }
            return None;
        };
        Some(Assigned {
            operator,
            class,
            matched: None,
        })
    }

    fn answer(&self, _: &Assigned, _: Instant) {}

    fn enqueue(&self, class: usize, _: Instant) {
        let mut lists = self.lists();
        let all = lists.ready.iter().enumerate();
        let idle = all.filter_map(|(number, since)| Some(((*since)?, number)));
        let able = |number: usize| self.able.may(profile_of(number, self.size), class);
        let best = idle.filter(|(_, number)| able(*number)).min();
        match best.and_then(|(_, number)| lists.ready.get_mut(number)) {
            Some(ready) => *ready = None,
            None => lists.waiting.push_back(class),
        }
    }
}
