//! Which places of a lane are taken: a tree of bits, three levels high.
//!
//! ```text
//!   root   [ version:32 | one bit an inner word ]
//!   inner  [ version:32 | one bit a leaf word   ]  × 32
//!   leaf   [ one bit a place                    ]  × 1024
//! ```
//!
//! A bit is set from the leaf upwards, and each upper word that it passes gets a new
//! version. An upper bit is cleared only by whoever read that word's version *before* it
//! saw the word below empty: a bit that was set in the meantime changed the version, so
//! the clearing fails. An upper bit may therefore stand over nothing for a while (whoever
//! comes across it repairs it), but nothing ever stands under a cleared one.

use super::sync::{AtomicU64, Ordering};

const LEAF_BITS: usize = 64;
const INNER_BITS: usize = 32;
/// The largest bitmap that three levels reach.
pub(super) const CAPACITY_MAX: usize = INNER_BITS * INNER_BITS * LEAF_BITS;
const VERSION_ONE: u64 = 1 << 32;

#[derive(Debug)]
pub(super) struct Bitmap {
    root: AtomicU64,
    inner: Box<[AtomicU64]>,
    leaves: Box<[AtomicU64]>,
}

impl Bitmap {
    /// Room for `capacity` bits, at most [`CAPACITY_MAX`].
    pub(super) fn new(capacity: usize) -> Self {
        let leaves = capacity.clamp(1, CAPACITY_MAX).div_ceil(LEAF_BITS);
        let words = |count: usize| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self {
            root: AtomicU64::new(0),
            inner: words(leaves.div_ceil(INNER_BITS)),
            leaves: words(leaves),
        }
    }

    /// Sets a bit. When this returns, whoever looks afterwards finds it.
    pub(super) fn set(&self, place: usize) {
        let leaf = place / LEAF_BITS;
        self.leaves[leaf].fetch_or(1 << (place % LEAF_BITS), Ordering::AcqRel);
        raise(&self.inner[leaf / INNER_BITS], leaf % INNER_BITS);
        raise(&self.root, leaf / INNER_BITS);
    }

    /// Clears a bit.
    pub(super) fn clear(&self, place: usize) {
        let leaf = place / LEAF_BITS;
        let bit = 1 << (place % LEAF_BITS);
        let before = self.leaves[leaf].fetch_and(!bit, Ordering::AcqRel);
        if before & !bit == 0 {
            self.lower_leaf(leaf);
        }
    }

    /// Whether no bit is set.
    pub(super) fn is_empty(&self) -> bool {
        occupancy(self.root.load(Ordering::Acquire)) == 0
    }

    /// The first set bit at or after `from`, in a few steps however many are clear.
    pub(super) fn next(&self, from: usize) -> Option<usize> {
        let leaf = from / LEAF_BITS;
        let word = self.leaves.get(leaf)?.load(Ordering::Acquire);
        if let Some(bit) = first(word & (u64::MAX << (from % LEAF_BITS))) {
            return Some(leaf * LEAF_BITS + bit);
        }
        let mut leaf = leaf;
        loop {
            leaf = self.next_leaf(leaf + 1)?;
            let word = self.leaves.get(leaf)?.load(Ordering::Acquire);
            if let Some(bit) = first(word) {
                return Some(leaf * LEAF_BITS + bit);
            }
            self.lower_leaf(leaf);
        }
    }

    /// How many bits are set in `from..to`.
    pub(super) fn count(&self, from: usize, to: usize) -> usize {
        let mut total = 0;
        for (index, leaf) in self.leaves.iter().enumerate() {
            let start = index * LEAF_BITS;
            if start + LEAF_BITS <= from || start >= to {
                continue;
            }
            let mut word = leaf.load(Ordering::Acquire);
            if start < from {
                word &= u64::MAX << (from - start);
            }
            if start + LEAF_BITS > to {
                word &= !(u64::MAX << (to - start));
            }
            total += usize::try_from(word.count_ones()).unwrap_or(0);
        }
        total
    }

    fn next_leaf(&self, from: usize) -> Option<usize> {
        let mut group = from / INNER_BITS;
        let mut mask = u64::MAX << (from % INNER_BITS);
        loop {
            let word = self.inner.get(group)?.load(Ordering::Acquire);
            if let Some(bit) = first(occupancy(word) & mask) {
                return Some(group * INNER_BITS + bit);
            }
            if mask == u64::MAX {
                self.lower_group(group);
            }
            mask = u64::MAX;
            group = self.next_group(group + 1)?;
        }
    }

    fn next_group(&self, from: usize) -> Option<usize> {
        let word = occupancy(self.root.load(Ordering::Acquire));
        let mask = u64::MAX.checked_shl(u32::try_from(from).ok()?)?;
        first(word & mask)
    }

    /// Clears the bit over a leaf that is empty.
    fn lower_leaf(&self, leaf: usize) {
        let group = leaf / INNER_BITS;
        let (below, word) = (&self.leaves[leaf], &self.inner[group]);
        // The order of these two reads is the whole point: the version first.
        let seen = word.load(Ordering::Acquire);
        if below.load(Ordering::Acquire) == 0 && lower(word, seen, leaf % INNER_BITS) {
            self.lower_group(group);
        }
    }

    /// Clears the bit over an inner word that is empty.
    fn lower_group(&self, group: usize) {
        let seen = self.root.load(Ordering::Acquire);
        if occupancy(self.inner[group].load(Ordering::Acquire)) == 0 {
            lower(&self.root, seen, group);
        }
    }
}

fn occupancy(word: u64) -> u64 {
    word & (VERSION_ONE - 1)
}

fn first(word: u64) -> Option<usize> {
    if word == 0 {
        return None;
    }
    usize::try_from(word.trailing_zeros()).ok()
}

/// Sets an upper bit with a new version, even where it is set already: someone may just
/// have seen the word below empty.
fn raise(word: &AtomicU64, bit: usize) {
    let mut seen = word.load(Ordering::Relaxed);
    loop {
        let next = seen.wrapping_add(VERSION_ONE) | (1 << bit);
        match word.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => seen = now,
        }
    }
}

/// Clears an upper bit if its word is as `seen`; whether that emptied the word.
fn lower(word: &AtomicU64, seen: u64, bit: usize) -> bool {
    let next = seen & !(1 << bit);
    next != seen
        && word
            .compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
        && occupancy(next) == 0
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stale_upper_bit_is_repaired_by_who_finds_it() {
        let bitmap = Bitmap::new(CAPACITY_MAX);
        raise(&bitmap.inner[3], 7);
        raise(&bitmap.root, 3);
        assert!(!bitmap.is_empty());
        assert_eq!(bitmap.next(0), None);
        assert!(bitmap.is_empty());
    }

    #[test]
    fn a_repair_that_missed_a_push_does_not_erase_it() {
        let bitmap = Bitmap::new(64);
        bitmap.set(5);
        let seen = bitmap.inner[0].load(Ordering::Acquire);
        bitmap.set(6);
        assert!(!lower(&bitmap.inner[0], seen, 0));
        assert_eq!(bitmap.next(6), Some(6));
    }

    proptest! {
        #[test]
        fn it_finds_what_a_set_would(
            steps in prop::collection::vec((any::<bool>(), 0..5000_usize), 1..200),
            from in 0..5000_usize,
            to in 0..5000_usize,
        ) {
            let bitmap = Bitmap::new(5000);
            let mut set = BTreeSet::new();
            for (add, place) in steps {
                if add {
                    bitmap.set(place);
                    set.insert(place);
                } else {
                    bitmap.clear(place);
                    set.remove(&place);
                }
                prop_assert_eq!(bitmap.next(from), set.range(from..).next().copied());
                prop_assert_eq!(bitmap.is_empty(), set.is_empty());
            }
            let (from, to) = (from.min(to), from.max(to));
            prop_assert_eq!(bitmap.count(from, to), set.range(from..to).count());
        }
    }
}
