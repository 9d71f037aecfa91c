//! A tree: who is shown, in order of a key, and the first of them at its root.
//!
//! ```text
//!   root    [ version:40 | leaf:24 ]     the first of all
//!   nodes   [ version:40 | leaf:24 ]     each the first of the eight below it
//!   leaves  key, id                      a key of VACANT is nobody
//! ```
//!
//! A leaf is *reserved* once and *released* once; in between it is *shown* under a key and
//! *hidden* as often as one likes. All four belong to whoever holds the ticket's or the
//! operator's word at that moment; only searches run beside them.
//!
//! # Why
//! - **Any key, in order.** Callers come back older than those who wait, and a lane that is
//!   in order of arrival can only guess where they belong. Here the order is exact, and a
//!   search reads one word however many stand there.
//! - **It is an f-array** (Jayanti, PODC 2002): whoever changes a leaf refreshes each node
//!   above it, twice if the first attempt fails. An attempt reads the node, then what is
//!   below it, and writes if the node's version is as it was. If both fail, somebody else's
//!   succeeded that began after the leaf was written, and has seen it. So a change takes
//!   as many steps as the tree is high, whatever others do: nobody waits for a thread that
//!   does not run.
//! - **What is hidden may still be named above** until its owner has passed there. Whoever
//!   meets that looks further down instead: what stands beside it is never overlooked.

use super::free_list::FreeList;
use super::sync::{AtomicU32, AtomicU64, Count, ONE_ORDER, Ordering, one_order};

/// Below a node: a line of the cache.
pub(super) const FAN: usize = if cfg!(loom) { 2 } else { 8 };

/// The key of a leaf that is not shown.
const VACANT: u64 = u64::MAX;

/// Levels at most, the root's left out.
const HEIGHT: usize = 7;

/// Leaves at most, one less than a word's part can name.
const LEAF_BITS: u32 = 24;
const NOBODY: u64 = (1 << LEAF_BITS) - 1;

/// A place in the order: the key, and the leaf to tell equals apart.
pub(super) type Rank = (u64, u32);

#[derive(Debug)]
pub(super) struct Tree {
    /// Beside what leads to its key, so that a look at the first costs two lines of the
    /// cache.
    root: AtomicU64,
    keys: Box<[AtomicU64]>,
    /// The number of the first leaf, so that numbers differ between trees.
    base: u32,
    height: usize,
    ids: Box<[AtomicU32]>,
    /// Level by level from the leaves upwards, the root left out.
    nodes: Box<[AtomicU64]>,
    /// Where each level begins.
    levels: [usize; HEIGHT],
    free: FreeList,
    shown: Count,
}

impl Tree {
    /// A tree of `FAN` to the power of `height` leaves, which are numbered from `base`.
    pub(super) fn new(base: u32, height: u32) -> Self {
        let height = height.clamp(1, 7);
        let size = FAN.pow(height);
        let mut levels = [0; HEIGHT];
        let (mut width, mut count) = (size / FAN, 0);
        for start in &mut levels {
            *start = count;
            if width > 1 {
                count += width;
            }
            width /= FAN;
        }
        Self {
            root: AtomicU64::new(NOBODY),
            keys: (0..size).map(|_| AtomicU64::new(VACANT)).collect(),
            base,
            height: usize::try_from(height).unwrap_or(1),
            ids: (0..size).map(|_| AtomicU32::new(0)).collect(),
            nodes: (0..count).map(|_| AtomicU64::new(NOBODY)).collect(),
            levels,
            free: FreeList::new(base, u32::try_from(size).unwrap_or(0)),
            shown: Count::new(0),
        }
    }

    /// A leaf for `id`; `None` when all are reserved.
    pub(super) fn reserve(&self, id: u32) -> Option<u32> {
        let leaf = self.free.take()?;
        self.ids[self.index(leaf)].store(id, Ordering::Release);
        Some(leaf)
    }

    /// Gives the leaf back. It must be hidden.
    pub(super) fn release(&self, leaf: u32) {
        self.free.give_back(leaf);
    }

    /// Lets searches find the leaf. When this returns, whoever looks afterwards finds it.
    pub(super) fn show(&self, leaf: u32, key: u64) {
        self.shown.fetch_add(1, Ordering::Relaxed);
        self.put(leaf, key.min(VACANT - 1));
    }

    /// Hides the leaf from searches, keeping it. Nothing, if it is hidden.
    pub(super) fn hide(&self, leaf: u32) {
        if self.keys[self.index(leaf)].load(ONE_ORDER) != VACANT {
            self.shown.fetch_sub(1, Ordering::Relaxed);
            self.put(leaf, VACANT);
        }
    }

    /// The first that is shown after `after`, or of all.
    pub(super) fn first(&self, after: Option<Rank>) -> Option<Rank> {
        let (key, leaf) = self.first_below(self.height, 0, after)?;
        Some((key, self.base + u32::try_from(leaf).ok()?))
    }

    /// Who stands at a leaf, or stood there a moment ago.
    pub(super) fn id(&self, leaf: u32) -> u32 {
        self.ids[self.index(leaf)].load(Ordering::Acquire)
    }

    /// How many are shown. Threads that show and hide at once may count out of order, so
    /// it can be short for a moment.
    pub(super) fn len(&self) -> usize {
        let count = self.shown.load(Ordering::Relaxed);
        i32::try_from(count).map_or(0, |count| usize::try_from(count).unwrap_or(0))
    }

    /// How many are shown under a smaller key: one look at each leaf.
    pub(super) fn before(&self, key: u64) -> usize {
        let keys = self.keys.iter().map(|own| own.load(Ordering::Acquire));
        keys.filter(|own| *own < key).count()
    }

    fn put(&self, leaf: u32, key: u64) {
        let mut index = self.index(leaf);
        self.keys[index].store(key, ONE_ORDER);
        for level in 1..=self.height {
            index /= FAN;
            one_order();
            if !self.refresh(level, index) {
                self.refresh(level, index);
            }
        }
    }

    /// Writes what is below a node into it; whether nobody else did meanwhile.
    fn refresh(&self, level: usize, index: usize) -> bool {
        let node = self.node(level, index);
        // The order of these two reads is the whole point: the version first.
        let seen = node.load(ONE_ORDER);
        one_order();
        let first = self.search(level, index, None);
        let leaf = first.map_or(NOBODY, |(_, leaf)| u64::try_from(leaf).unwrap_or(NOBODY));
        let next = (seen >> LEAF_BITS).wrapping_add(1) << LEAF_BITS | leaf;
        node.compare_exchange(seen, next, ONE_ORDER, ONE_ORDER)
            .is_ok()
    }

    /// The first below something, by its word where that is still true.
    fn first_below(&self, level: usize, index: usize, after: Option<Rank>) -> Option<(u64, usize)> {
        if level == 0 {
            let key = self.keys[index].load(ONE_ORDER);
            return self.comes(key, index, after).then_some((key, index));
        }
        let word = self.node(level, index).load(ONE_ORDER) & NOBODY;
        if word == NOBODY {
            return None;
        }
        let leaf = usize::try_from(word).ok()?;
        let key = self.keys.get(leaf)?.load(ONE_ORDER);
        if self.comes(key, leaf, after) {
            return Some((key, leaf));
        }
        self.search(level, index, after)
    }

    /// The same by looking at everything directly below.
    fn search(&self, level: usize, index: usize, after: Option<Rank>) -> Option<(u64, usize)> {
        let mut first = None;
        for child in index * FAN..(index + 1) * FAN {
            let next = self.first_below(level - 1, child, after);
            // Of equals the lower leaf, which comes first.
            if next.is_some_and(|(key, _)| first.is_none_or(|(least, _)| key < least)) {
                first = next;
            }
        }
        first
    }

    fn comes(&self, key: u64, index: usize, after: Option<Rank>) -> bool {
        let leaf = || self.base + u32::try_from(index).unwrap_or(0);
        key != VACANT && after.is_none_or(|after| (key, leaf()) > after)
    }

    fn node(&self, level: usize, index: usize) -> &AtomicU64 {
        if level == self.height {
            return &self.root;
        }
        &self.nodes[self.levels[level - 1] + index]
    }

    fn index(&self, leaf: u32) -> usize {
        usize::try_from(leaf - self.base).unwrap_or(0)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn order(tree: &Tree) -> Vec<u32> {
        let mut after = None;
        std::iter::from_fn(|| {
            after = Some(tree.first(after)?);
            after.map(|(_, leaf)| tree.id(leaf))
        })
        .collect()
    }

    #[test]
    fn what_is_hidden_but_named_above_hides_nobody() {
        let tree = Tree::new(0, 3);
        let leaves: Vec<_> = (0..3).map(|id| tree.reserve(id).unwrap()).collect();
        for leaf in &leaves {
            tree.show(*leaf, u64::from(*leaf));
        }
        // As a thread leaves it that has not come further yet.
        tree.keys[0].store(VACANT, Ordering::SeqCst);
        assert_eq!(order(&tree), [1, 2]);
        // Somebody else passes by, in another part.
        tree.refresh(3, 0);
        assert_eq!(order(&tree), [1, 2]);
    }

    #[test]
    fn a_refresh_that_missed_a_change_does_not_undo_it() {
        let tree = Tree::new(0, 1);
        let leaf = tree.reserve(7).unwrap();
        let seen = tree.root.load(Ordering::SeqCst);
        tree.show(leaf, 1);
        let late = tree
            .root
            .compare_exchange(seen, NOBODY, ONE_ORDER, ONE_ORDER);
        assert!(late.is_err());
        assert_eq!(order(&tree), [7]);
    }

    proptest! {
        #[test]
        fn it_finds_what_a_sorted_list_would(
            steps in prop::collection::vec((0..80_usize, prop::option::of(0..50_u64)), 1..300),
            base in 0..1000_u32,
        ) {
            let tree = Tree::new(base, 3);
            let leaves: Vec<_> = (0..80).map(|id| tree.reserve(id).unwrap()).collect();
            let mut shown = BTreeSet::new();
            for (who, key) in steps {
                let leaf = leaves[who];
                shown.retain(|(_, other)| *other != leaf);
                tree.hide(leaf);
                if let Some(key) = key {
                    tree.show(leaf, key);
                    shown.insert((key, leaf));
                }
                prop_assert_eq!(tree.first(None), shown.first().copied());
                prop_assert_eq!(tree.len(), shown.len());
            }
            let expected: Vec<_> = shown.iter().map(|(_, leaf)| leaf - base).collect();
            prop_assert_eq!(order(&tree), expected);
            prop_assert_eq!(tree.before(25), shown.iter().filter(|(key, _)| *key < 25).count());
        }
    }
}
