//! Numbers that are free to be taken: a stack without a lock (Treiber, IBM RJ 5118, 1986),
//! with a tag in its head against ABA.

use super::sync::{AtomicU32, AtomicU64, Ordering};

/// No number.
pub(super) const NONE: u32 = u32::MAX;

/// Numbers from a first one on, each free or taken.
#[derive(Debug)]
pub(super) struct FreeList {
    first: u32,
    /// A tag in the top half, the top of the stack below.
    head: AtomicU64,
    /// What lies below each.
    next: Box<[AtomicU32]>,
}

impl FreeList {
    /// All of `first..first + count` are free, the lowest on top.
    pub(super) fn new(first: u32, count: u32) -> Self {
        let end = first.saturating_add(count);
        let below = |number: u32| if number + 1 == end { NONE } else { number + 1 };
        Self {
            first,
            head: AtomicU64::new(u64::from(if count == 0 { NONE } else { first })),
            next: (first..end).map(|n| AtomicU32::new(below(n))).collect(),
        }
    }

    /// Takes one; `None` when all are taken.
    pub(super) fn take(&self) -> Option<u32> {
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            let top = u32::try_from(head & u64::from(NONE)).unwrap_or(NONE);
            let below = self.below(top)?.load(Ordering::Relaxed);
            match self.swap(head, below) {
                Ok(_) => return Some(top),
                Err(now) => head = now,
            }
        }
    }

    /// Gives one back. What was written before is seen by who takes it.
    pub(super) fn give_back(&self, number: u32) {
        let Some(below) = self.below(number) else {
            return;
        };
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            let top = u32::try_from(head & u64::from(NONE)).unwrap_or(NONE);
            below.store(top, Ordering::Relaxed);
            match self.swap(head, number) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    fn below(&self, number: u32) -> Option<&AtomicU32> {
        let index = number.checked_sub(self.first)?;
        self.next.get(usize::try_from(index).ok()?)
    }

    fn swap(&self, head: u64, top: u32) -> Result<u64, u64> {
        let next = (head >> 32).wrapping_add(1) << 32 | u64::from(top);
        self.head
            .compare_exchange_weak(head, next, Ordering::AcqRel, Ordering::Acquire)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_taken_once_and_comes_back() {
        let list = FreeList::new(10, 2);
        assert_eq!(
            [list.take(), list.take(), list.take()],
            [Some(10), Some(11), None]
        );
        list.give_back(10);
        assert_eq!([list.take(), list.take()], [Some(10), None]);
        assert_eq!(FreeList::new(0, 0).take(), None);
    }

    #[test]
    fn threads_share_the_numbers_out() {
        let list = FreeList::new(0, 8);
        let turn = |_| {
            let mine: Vec<_> = (0..2).filter_map(|_| list.take()).collect();
            assert_eq!(mine.len(), 2, "four threads take eight at most");
            mine.into_iter().for_each(|number| list.give_back(number));
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..20_000).for_each(turn));
            }
        });
        let mut all: Vec<_> = std::iter::from_fn(|| list.take()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..8).collect::<Vec<_>>());
    }
}
