//! Ordered maps behind one mutex: callers by priority and age, operators by idleness. A
//! free operator walks the callers in order to the first whom the operator may serve.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::floor::{Able, Assigned, Floor, Size, first_callers, profile_of};

pub(crate) struct InMap {
    size: Size,
    able: Able,
    count: AtomicU64,
    maps: Mutex<Maps>,
}

#[derive(Default)]
struct Maps {
    /// By priority, age, and a number to tell equals apart.
    waiting: BTreeMap<(i16, Instant, u64), usize>,
    ready: BTreeMap<(Instant, usize), ()>,
}

impl InMap {
    fn maps(&self) -> MutexGuard<'_, Maps> {
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Floor for InMap {
    fn new(size: Size, start: Instant) -> anyhow::Result<Self> {
        let floor = Self {
            size,
            able: Able::new(size),
            count: AtomicU64::new(0),
            maps: Mutex::default(),
        };
        for (number, class) in first_callers(size).enumerate() {
            let number = u64::try_from(number).unwrap_or(0);
            floor.enqueue(class, start + Duration::from_nanos(number));
        }
        Ok(floor)
    }

    fn free(&self, operator: usize, now: Instant) -> Option<Assigned> {
        let profile = profile_of(operator, self.size);
        let mut maps = self.maps();
        let mut all = maps.waiting.iter();
        let found = all.find(|(_, class)| self.able.may(profile, **class));
        let Some((key, class)) = found.map(|(key, class)| (*key, *class)) else {
            maps.ready.insert((now, operator), ());
            return None;
        };
        maps.waiting.remove(&key);
        Some(Assigned {
            operator,
            class,
            matched: None,
        })
    }

    fn answer(&self, _: &Assigned, _: Instant) {}

    fn enqueue(&self, class: usize, now: Instant) {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut maps = self.maps();
        let mut ready = maps.ready.keys();
        let able = |operator: usize| self.able.may(profile_of(operator, self.size), class);
        match ready.find(|(_, operator)| able(*operator)).copied() {
            Some(key) => {
                maps.ready.remove(&key);
            }
            None => {
                maps.waiting.insert((0, now, count), class);
            }
        }
    }
}
