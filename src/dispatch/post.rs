//! An operator and the operator's posts: one for each call that one may have at once.

use std::sync::OnceLock;

use crate::model::{OperatorName, limits};

use super::forest::{Forest, Place};
use super::free_list::NONE;
use super::strategy::{ORDERS, Order, Standing};
use super::sync::{AtomicU32, AtomicU64, Count, Hint, Ordering};
use super::word::OperatorWord;

/// The profile of an operator who is no longer configured: nobody's.
pub(super) const RETIRED: u16 = u16::MAX;

/// Posts of one operator at most.
const POSTS: usize = limits::CALLS_PER_OPERATOR as usize;

/// Room for one call. Places and home are written only by who holds the word as `Claimed`.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Post {
    word: AtomicU64,
    /// Nanoseconds since the board's epoch of the last change that the world sees.
    since: Hint,
    /// Where in its profile's forests, one for each order.
    places: [AtomicU32; ORDERS],
    /// The profile whose forests those are.
    home: AtomicU32,
    /// Whose it is; written once.
    person: Count,
}

impl Post {
    pub(super) fn new(person: Option<u32>) -> Self {
        Self {
            word: AtomicU64::new(OperatorWord::new(RETIRED).0),
            since: Hint::new(0),
            places: [(); ORDERS].map(|()| AtomicU32::new(Place::to_bits(None))),
            home: AtomicU32::new(u32::from(RETIRED)),
            person: Count::new(person.unwrap_or(NONE)),
        }
    }

    pub(super) fn word(&self) -> OperatorWord {
        OperatorWord(self.word.load(Ordering::Acquire))
    }

    /// Takes the word from `seen` to `next`; what it is, when it is not as seen.
    pub(super) fn swap(&self, seen: OperatorWord, next: OperatorWord) -> Result<(), OperatorWord> {
        self.word
            .compare_exchange(seen.0, next.0, Ordering::AcqRel, Ordering::Acquire)
            .map(|_| ())
            .map_err(OperatorWord)
    }

    pub(super) fn person(&self) -> u32 {
        self.person.load(Ordering::Relaxed)
    }

    pub(super) fn give_to(&self, person: u32) {
        self.person.store(person, Ordering::Relaxed);
    }

    pub(super) fn home(&self) -> Option<u16> {
        u16::try_from(self.home.load(Ordering::Relaxed)).ok()
    }

    pub(super) fn set_home(&self, profile: u16) {
        self.home.store(u32::from(profile), Ordering::Relaxed);
    }

    pub(super) fn place(&self, order: Order) -> Option<Place> {
        Place::from_bits(self.places[order.index()].load(Ordering::Relaxed))
    }

    pub(super) fn stand(&self, order: Order, place: Option<Place>) {
        self.places[order.index()].store(Place::to_bits(place), Ordering::Relaxed);
    }

    pub(super) fn since(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }

    pub(super) fn set_since(&self, now: u64) {
        self.since.store(now, Ordering::Relaxed);
    }
}

/// One operator.
#[derive(Debug)]
pub(super) struct Person {
    name: OnceLock<OperatorName>,
    /// The post that is there from the start.
    first: u32,
    /// Those of an operator who may have several calls at once.
    more: OnceLock<Box<[Count; POSTS - 1]>>,
    place: Count,
    calls: Count,
    offered_at: Hint,
    /// Calls that are kept for this operator.
    kept: OnceLock<Box<Forest>>,
}

impl Person {
    pub(super) fn new(post: u32) -> Self {
        let person = Self {
            name: OnceLock::new(),
            first: post,
            more: OnceLock::new(),
            place: Count::new(0),
            calls: Count::new(0),
            offered_at: Hint::new(0),
            kept: OnceLock::new(),
        };
        // What a lock of the standard library publishes is unknown to loom.
        if cfg!(loom) {
            person.keep();
        }
        person
    }

    pub(super) fn name(&self) -> Option<&OperatorName> {
        self.name.get()
    }

    pub(super) fn call_it(&self, name: &OperatorName) {
        self.name.get_or_init(|| name.clone());
    }

    /// The numbers of the operator's posts.
    pub(super) fn posts(&self) -> impl Iterator<Item = u32> {
        let more = self.more.get().into_iter().flat_map(|more| more.iter());
        let more = more.map(|post| post.load(Ordering::Acquire));
        std::iter::once(self.first).chain(more.take_while(|post| *post != NONE))
    }

    /// The post of this place among the operator's, taken from `spare` when it is the first
    /// time. Only whoever holds the lock of the names does.
    pub(super) fn post(&self, at: usize, spare: impl FnOnce() -> Option<u32>) -> Option<u32> {
        let Some(at) = at.checked_sub(1) else {
            return Some(self.first);
        };
        let none = || Box::new([(); POSTS - 1].map(|()| Count::new(NONE)));
        let post = self.more.get_or_init(none).get(at)?;
        let known = post.load(Ordering::Acquire);
        if known != NONE {
            return Some(known);
        }
        let taken = spare()?;
        post.store(taken, Ordering::Release);
        Some(taken)
    }

    pub(super) fn kept(&self) -> Option<&Forest> {
        self.kept.get().map(Box::as_ref)
    }

    pub(super) fn keep(&self) -> &Forest {
        self.kept.get_or_init(|| Box::new(Forest::small()))
    }

    pub(super) fn set_place(&self, place: u32) -> u32 {
        self.place.swap(place, Ordering::Relaxed)
    }

    pub(super) fn offered(&self, now: u64) {
        self.offered_at.fetch_max(now, Ordering::Relaxed);
    }

    pub(super) fn answered(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn logged_in(&self) {
        self.calls.store(0, Ordering::Relaxed);
    }

    /// Where the operator stands in each order, free since then.
    pub(super) fn standing(&self, idle_since: u64) -> Standing {
        Standing {
            idle_since,
            calls: self.calls.load(Ordering::Relaxed),
            offered_at: self.offered_at.load(Ordering::Relaxed),
            place: self.place.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_small() {
        assert!(size_of::<Post>() <= 64, "{}", size_of::<Post>());
        assert!(size_of::<Person>() <= 80, "{}", size_of::<Person>());
    }
}
