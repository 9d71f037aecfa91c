//! All timers of an endpoint in one heap.
//!
//! A deadline that moves later leaves its entry where it is: the entry gives a spare
//! tick and is set anew. One that moves earlier adds an entry and leaves a stale one,
//! which is dropped when it surfaces. So a timer costs O(log n), and when more entries
//! are stale than alive the heap is cleaned, so that memory follows what is alive.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Entries that may be stale before cleaning is worth its while.
const SLACK: usize = 1024;

/// The heap. `K` names whose deadline it is; the owner keeps, beside each `K`, the
/// moment for which its live entry stands.
#[derive(Debug)]
pub(crate) struct Deadlines<K> {
    heap: BinaryHeap<Reverse<(Instant, K)>>,
}

impl<K: Ord + Copy> Deadlines<K> {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
        }
    }

    /// Makes sure that `key` surfaces no later than `wanted`; `scheduled` is its live
    /// entry, kept by the owner.
    pub(crate) fn schedule(
        &mut self,
        key: K,
        wanted: Option<Instant>,
        scheduled: &mut Option<Instant>,
    ) {
        let Some(wanted) = wanted else { return };
        if scheduled.is_none_or(|at| wanted < at) {
            *scheduled = Some(wanted);
            self.heap.push(Reverse((wanted, key)));
        }
    }

    /// The earliest entry; it may be stale.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out the earliest entry that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(Instant, K)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// Drops what `is_live` does not know any more, if that may be more than half.
    pub(crate) fn clean(&mut self, alive: usize, is_live: impl Fn(Instant, K) -> bool) {
        if self.heap.len() > 2 * alive + SLACK {
            self.heap.retain(|Reverse((at, key))| is_live(*at, *key));
            self.heap.shrink_to(2 * alive + SLACK);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;
    use std::time::Duration;

    #[test]
    fn only_an_earlier_deadline_adds_an_entry() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut deadlines = Deadlines::new();
        let mut scheduled = None;
        deadlines.schedule(1_u64, Some(start + second * 2), &mut scheduled);
        deadlines.schedule(1, Some(start + second * 3), &mut scheduled);
        deadlines.schedule(1, None, &mut scheduled);
        assert_eq!(deadlines.len(), 1);
        deadlines.schedule(1, Some(start + second), &mut scheduled);
        assert_eq!(deadlines.next(), Some(start + second));
        assert_eq!(deadlines.pop_due(start), None);
        assert_eq!(deadlines.pop_due(start + second), Some((start + second, 1)));
    }

    #[test]
    fn stale_entries_do_not_pile_up() {
        let start = Instant::now();
        let mut deadlines = Deadlines::new();
        for key in 0..100_000_u64 {
            deadlines.schedule(key, Some(start), &mut None);
            deadlines.clean(0, |_, _| false);
        }
        assert!(deadlines.len() <= SLACK + 1);
    }
}
