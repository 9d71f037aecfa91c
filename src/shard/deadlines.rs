//! What is due when.

use std::collections::BTreeMap;
use std::time::Instant;

/// One thing that is due, to be taken back by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot(Instant, u64);

/// Things that are due, in order of time, and of their coming at the same time.
#[derive(Debug)]
pub(super) struct Deadlines<T> {
    due: BTreeMap<Slot, T>,
    count: u64,
}

impl<T> Default for Deadlines<T> {
    fn default() -> Self {
        Self {
            due: BTreeMap::new(),
            count: 0,
        }
    }
}

impl<T> Deadlines<T> {
    pub(super) fn add(&mut self, at: Instant, what: T) -> Slot {
        self.count += 1;
        let slot = Slot(at, self.count);
        self.due.insert(slot, what);
        slot
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        self.due.remove(&slot);
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first_key_value().map(|(Slot(at, _), _)| *at)
    }

    pub(super) fn pop(&mut self, now: Instant) -> Option<T> {
        let due = self.next().is_some_and(|at| at <= now);
        due.then(|| self.due.pop_first().map(|(_, what)| what))
            .flatten()
    }
}

impl Slot {
    pub(super) fn at(self) -> Instant {
        self.0
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_due_comes_in_order_and_once() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut deadlines = Deadlines::default();
        deadlines.add(at(2), "c");
        deadlines.add(at(1), "a");
        let gone = deadlines.add(at(1), "gone");
        deadlines.add(at(1), "b");
        deadlines.remove(gone);
        assert_eq!(deadlines.next(), Some(at(1)));
        assert_eq!(deadlines.pop(at(0)), None);
        assert_eq!(deadlines.pop(at(1)), Some("a"));
        assert_eq!(deadlines.pop(at(5)), Some("b"));
        assert_eq!(deadlines.pop(at(5)), Some("c"));
        assert_eq!(deadlines.pop(at(5)), None);
    }
}
