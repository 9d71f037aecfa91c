//! Trees of growing size that together keep one order: made when they are needed, so that a
//! class for ten callers is small and one for a hundred thousand is possible.

use std::sync::OnceLock;

use super::tree::{FAN, Rank, Tree};

/// Trees of one forest. From three levels of eight upwards they have room for 299,520.
const TREES: usize = 4;

/// The height of the first tree, as a rule: room for 512, so that a look is at one tree.
const FIRST: u32 = if cfg!(loom) { 1 } else { 3 };
/// The height of the first tree of a small forest: room for 64.
const SMALL: u32 = if cfg!(loom) { 1 } else { 2 };

/// Where someone stands: the tree in the top 8 bits, the leaf below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Place {
    const LEAF_BITS: u32 = 24;
    const NOWHERE: u32 = u32::MAX;

    fn new(tree: usize, leaf: u32) -> Self {
        let tree = u32::try_from(tree).unwrap_or(0);
        Self(tree << Self::LEAF_BITS | leaf)
    }

    fn tree(self) -> usize {
        usize::try_from(self.0 >> Self::LEAF_BITS).unwrap_or(usize::MAX)
    }

    fn leaf(self) -> u32 {
        self.0 & ((1 << Self::LEAF_BITS) - 1)
    }

    /// As one word for an atomic.
    pub(super) fn to_bits(place: Option<Self>) -> u32 {
        place.map_or(Self::NOWHERE, |place| place.0)
    }

    /// From [`Self::to_bits`].
    pub(super) fn from_bits(bits: u32) -> Option<Self> {
        (bits != Self::NOWHERE).then_some(Self(bits))
    }
}

/// An ordered set of ids.
#[derive(Debug)]
pub(super) struct Forest {
    /// The height of the first tree.
    height: u32,
    first: OnceLock<Tree>,
    more: [OnceLock<Box<Tree>>; TREES - 1],
}

impl Default for Forest {
    fn default() -> Self {
        Self::new(FIRST)
    }
}

impl Forest {
    /// For operators with the same skills, of whom there are some dozens, and for callers
    /// who are kept for somebody.
    pub(super) fn small() -> Self {
        Self::new(SMALL)
    }

    fn new(height: u32) -> Self {
        let forest = Self {
            height,
            first: OnceLock::new(),
            more: [const { OnceLock::new() }; TREES - 1],
        };
        // What a lock of the standard library publishes is unknown to loom.
        if cfg!(loom) {
            forest.open(0);
        }
        forest
    }

    /// A place for `id`, hidden; `None` when all are taken.
    pub(super) fn reserve(&self, id: u32) -> Option<Place> {
        (0..TREES).find_map(|number| {
            let leaf = self.open(number)?.reserve(id)?;
            Some(Place::new(number, leaf))
        })
    }

    /// Gives the place back. It must be hidden.
    pub(super) fn release(&self, place: Place) {
        if let Some(tree) = self.tree(place) {
            tree.release(place.leaf());
        }
    }

    /// Lets searches find the place.
    pub(super) fn show(&self, place: Place, key: u64) {
        if let Some(tree) = self.tree(place) {
            tree.show(place.leaf(), key);
        }
    }

    /// Hides the place from searches, keeping it.
    pub(super) fn hide(&self, place: Place) {
        if let Some(tree) = self.tree(place) {
            tree.hide(place.leaf());
        }
    }

    /// The smallest key.
    pub(super) fn first_key(&self) -> Option<u64> {
        self.first(None).map(|(key, _)| key)
    }

    /// The first in order that `pick` takes, of those whose key is below `limit`. `pick`
    /// sees only ids that are, or a moment ago were, here. Each that it does not take
    /// costs a few steps more.
    pub(super) fn find<T>(
        &self,
        limit: u64,
        mut pick: impl FnMut(u32, u64) -> Option<T>,
    ) -> Option<T> {
        let mut after = None;
        loop {
            let (rank, tree) = self.next(after)?;
            let (key, leaf) = rank;
            if key >= limit {
                return None;
            }
            if let Some(picked) = pick(tree.id(leaf), key) {
                return Some(picked);
            }
            after = Some(rank);
        }
    }

    /// How many are shown.
    pub(super) fn len(&self) -> usize {
        self.open_ones().map(Tree::len).sum()
    }

    /// How many are shown under a smaller key: one look at each place.
    pub(super) fn before(&self, key: u64) -> usize {
        self.open_ones().map(|tree| tree.before(key)).sum()
    }

    fn first(&self, after: Option<Rank>) -> Option<Rank> {
        self.next(after).map(|(rank, _)| rank)
    }

    fn next(&self, after: Option<Rank>) -> Option<(Rank, &Tree)> {
        let mut least: Option<(Rank, &Tree)> = None;
        for tree in self.open_ones() {
            if let Some(rank) = tree.first(after)
                && least.is_none_or(|(least, _)| rank < least)
            {
                least = Some((rank, tree));
            }
        }
        least
    }

    fn open_ones(&self) -> impl Iterator<Item = &Tree> {
        let more = self.more.iter().map_while(OnceLock::get).map(Box::as_ref);
        self.first.get().into_iter().chain(more)
    }

    fn tree(&self, place: Place) -> Option<&Tree> {
        match place.tree().checked_sub(1) {
            None => self.first.get(),
            Some(at) => self.more.get(at)?.get().map(Box::as_ref),
        }
    }

    /// The tree of this number, made if need be. Its leaves are numbered after those of the
    /// trees before it.
    fn open(&self, number: usize) -> Option<&Tree> {
        let make = || {
            let heights = (self.height..).take(number);
            let base = heights.map(|height| FAN.pow(height)).sum::<usize>();
            let height = self.height + u32::try_from(number).unwrap_or(0);
            Tree::new(u32::try_from(base).unwrap_or(0), height)
        };
        match number.checked_sub(1) {
            None => Some(self.first.get_or_init(make)),
            Some(at) => Some(self.more.get(at)?.get_or_init(|| Box::new(make()))),
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn all(forest: &Forest) -> Vec<u32> {
        let mut ids = Vec::new();
        forest.find(u64::MAX, |id, _| {
            ids.push(id);
            None::<()>
        });
        ids
    }

    #[test]
    fn the_order_is_that_of_the_keys_whenever_somebody_came() {
        let forest = Forest::default();
        // As many as fill the first tree and the second, in no order of age.
        let keys: Vec<u64> = (0..700).map(|n| n * 389 % 701).collect();
        for (id, key) in keys.iter().enumerate() {
            let place = forest.reserve(u32::try_from(id).unwrap()).unwrap();
            forest.show(place, *key);
        }
        let mut expected: Vec<_> = (0..700_u32).collect();
        expected.sort_by_key(|id| keys[*id as usize]);
        assert_eq!(all(&forest), expected);
        // The one key that nobody has is 312.
        assert_eq!((forest.len(), forest.before(350)), (700, 349));
        assert_eq!(forest.first_key(), Some(0));
    }

    #[test]
    fn equal_keys_of_different_trees_are_all_found() {
        let forest = Forest::default();
        let places: Vec<_> = (0..100).map(|id| forest.reserve(id).unwrap()).collect();
        for place in &places {
            forest.show(*place, 5);
        }
        assert_eq!(all(&forest), (0..100).collect::<Vec<_>>());
        assert_eq!(forest.find(5, |_, _| Some(())), None);
    }

    #[test]
    fn who_is_shown_again_stands_where_the_key_says() {
        let forest = Forest::default();
        let [a, b, c] = [1, 2, 3].map(|id| forest.reserve(id).unwrap());
        for (place, key) in [(a, 1), (b, 2), (c, 3)] {
            forest.show(place, key);
        }
        forest.hide(a);
        forest.hide(a);
        assert_eq!(all(&forest), [2, 3]);
        forest.show(a, 9);
        assert_eq!(all(&forest), [2, 3, 1]);
        forest.hide(b);
        forest.release(b);
        let again = forest.reserve(4).unwrap();
        assert_eq!(again, b);
        forest.show(again, 0);
        assert_eq!(all(&forest), [4, 3, 1]);
        assert_eq!(forest.len(), 3);
    }
}
