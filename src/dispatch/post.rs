//! A post: what the board keeps of one operator.

use std::sync::OnceLock;

use crate::model::OperatorName;

use super::lanes::Place;
use super::sync::{AtomicU32, AtomicU64, Hint, Ordering};
use super::word::OperatorWord;

/// The profile of an operator who is no longer configured: nobody's.
pub(super) const RETIRED: u16 = u16::MAX;

/// One operator. Place and home are written only by who holds the word as `Claimed`.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Post {
    word: AtomicU64,
    /// Where in its profile's lanes, when shown.
    place: AtomicU64,
    /// The profile whose lanes those are.
    home: AtomicU32,
    /// Nanoseconds since the board's epoch of the last change that the world sees.
    since: Hint,
    name: OnceLock<OperatorName>,
}

impl Post {
    pub(super) fn new() -> Self {
        Self {
            word: AtomicU64::new(OperatorWord::new(RETIRED).0),
            place: AtomicU64::new(Place::to_bits(None)),
            home: AtomicU32::new(0),
            since: Hint::new(0),
            name: OnceLock::new(),
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

    pub(super) fn place(&self) -> Option<(u16, Place)> {
        let place = Place::from_bits(self.place.load(Ordering::Relaxed))?;
        let home = u16::try_from(self.home.load(Ordering::Relaxed)).ok()?;
        Some((home, place))
    }

    pub(super) fn stand(&self, at: Option<(u16, Place)>) {
        if let Some((home, _)) = at {
            self.home.store(u32::from(home), Ordering::Relaxed);
        }
        let place = at.map(|(_, place)| place);
        self.place.store(Place::to_bits(place), Ordering::Relaxed);
    }

    pub(super) fn since(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }

    pub(super) fn set_since(&self, now: u64) {
        self.since.store(now, Ordering::Relaxed);
    }

    pub(super) fn name(&self) -> Option<&OperatorName> {
        self.name.get()
    }

    pub(super) fn call_it(&self, name: &OperatorName) {
        self.name.get_or_init(|| name.clone());
    }
}
