//! A lane: places in order, each for one ticket or one idle operator.
//!
//! A place is *reserved* once and *released* once; in between it is *shown* and *hidden*
//! as often as one likes, and whoever is shown again stands where they stood before. A
//! hidden place costs a search nothing, so there are no tombstones. All four belong to
//! whoever holds the ticket's or the operator's word at that moment; only searches run
//! beside them.
//!
//! Positions are handed out by a counter and live at `position % capacity`. A position
//! that would lap the oldest reserved one is refused, so that the circle read from the
//! oldest is the order of arrival.

use super::bitmap::Bitmap;
use super::sync::{AtomicU32, AtomicU64, Hint, Ordering, publish_before_look};

const VACANT: u32 = 0;

#[derive(Debug)]
pub(super) struct Lane {
    shown: Bitmap,
    /// `id + 1` of who has reserved the place, or [`VACANT`].
    slots: Box<[AtomicU32]>,
    /// The next position.
    next: AtomicU64,
    /// No reserved position is older.
    oldest: AtomicU64,
    /// The age of who came last. A hint only: it chooses between lanes.
    tail: Hint,
}

impl Lane {
    /// A lane of at least `capacity` places: a power of two, at most 65,536.
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity
            .min(super::bitmap::CAPACITY_MAX)
            .next_power_of_two();
        Self {
            shown: Bitmap::new(capacity),
            slots: (0..capacity).map(|_| AtomicU32::new(VACANT)).collect(),
            next: AtomicU64::new(0),
            oldest: AtomicU64::new(0),
            tail: Hint::new(0),
        }
    }

    /// The age that someone must not be younger than to keep the order at the end of this
    /// lane: that of the last one in it, or 0 when nobody is.
    pub(super) fn tail(&self) -> u64 {
        // A few steps only: a lane that stands empty is found out in time.
        let _all = (0..4).all(|_| self.advance());
        if self.next.load(Ordering::Relaxed) == self.oldest.load(Ordering::Relaxed) {
            return 0;
        }
        self.tail.load(Ordering::Relaxed)
    }

    /// A place at the end; `None` when it would lap the oldest.
    pub(super) fn reserve(&self, id: u32, age: u64) -> Option<u64> {
        // Two steps for each position: the oldest catches up, at a constant price.
        let _more = self.advance() && self.advance();
        loop {
            let span = self.next.load(Ordering::Relaxed);
            let span = span.saturating_sub(self.oldest.load(Ordering::Relaxed));
            if span >= self.capacity() {
                if !self.advance() {
                    return None;
                }
                continue;
            }
            if let Some(position) = self.reserve_next(id) {
                if span == 0 {
                    self.tail.store(age, Ordering::Relaxed);
                } else {
                    self.tail.fetch_max(age, Ordering::Relaxed);
                }
                return Some(position);
            }
        }
    }

    /// Any free place, order or not; `None` when there is none.
    pub(super) fn squeeze(&self, id: u32) -> Option<u64> {
        (0..self.capacity()).find_map(|_| self.reserve_next(id))
    }

    /// Gives the place back. It must be hidden.
    pub(super) fn release(&self, position: u64) {
        self.slots[self.index(position)].store(VACANT, Ordering::Release);
    }

    /// Lets searches find the place.
    pub(super) fn show(&self, position: u64) {
        self.shown.set(self.index(position));
    }

    /// Hides the place from searches, keeping it.
    pub(super) fn hide(&self, position: u64) {
        self.shown.clear(self.index(position));
    }

    /// The first of those shown, in order, that `pick` takes. `pick` sees only ids that
    /// are, or a moment ago were, in the lane.
    pub(super) fn find<T>(&self, mut pick: impl FnMut(u32) -> Option<T>) -> Option<T> {
        if self.shown.is_empty() {
            return None;
        }
        let start = self.index(self.oldest.load(Ordering::Acquire));
        self.find_between(start, self.slots.len(), &mut pick)
            .or_else(|| self.find_between(0, start, &mut pick))
    }

    /// How many are shown.
    pub(super) fn len(&self) -> usize {
        self.shown.count(0, self.slots.len())
    }

    fn find_between<T>(
        &self,
        mut from: usize,
        to: usize,
        pick: &mut impl FnMut(u32) -> Option<T>,
    ) -> Option<T> {
        while from < to {
            let index = self.shown.next(from).filter(|index| *index < to)?;
            let id = self.slots[index].load(Ordering::Acquire).checked_sub(1);
            if let Some(picked) = id.and_then(&mut *pick) {
                return Some(picked);
            }
            from = index + 1;
        }
        None
    }

    fn reserve_next(&self, id: u32) -> Option<u64> {
        let position = self.next.fetch_add(1, Ordering::Relaxed);
        self.slots[self.index(position)]
            .compare_exchange(
                VACANT,
                id.wrapping_add(1),
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
            .ok()?;
        // Someone may have counted this place as free and moved the oldest past it.
        publish_before_look();
        if self.oldest.load(Ordering::Relaxed) > position {
            self.oldest.fetch_min(position, Ordering::Relaxed);
        }
        Some(position)
    }

    /// Moves the oldest one step on if nobody is there; whether it did.
    fn advance(&self) -> bool {
        let oldest = self.oldest.load(Ordering::Relaxed);
        let slot = &self.slots[self.index(oldest)];
        if oldest >= self.next.load(Ordering::Relaxed)
            || slot.load(Ordering::Relaxed) != VACANT
            || self
                .oldest
                .compare_exchange(oldest, oldest + 1, Ordering::Relaxed, Ordering::Relaxed)
                .is_err()
        {
            return false;
        }
        publish_before_look();
        if slot.load(Ordering::Relaxed) == VACANT {
            return true;
        }
        self.oldest.fetch_min(oldest, Ordering::Relaxed);
        false
    }

    fn capacity(&self) -> u64 {
        u64::try_from(self.slots.len()).unwrap_or(u64::MAX)
    }

    fn index(&self, position: u64) -> usize {
        usize::try_from(position % self.capacity()).unwrap_or(0)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn order(lane: &Lane) -> Vec<u32> {
        let mut ids = Vec::new();
        lane.find(|id| {
            ids.push(id);
            None::<()>
        });
        ids
    }

    fn push(lane: &Lane, id: u32) -> u64 {
        let place = lane.reserve(id, 0).unwrap();
        lane.show(place);
        place
    }

    #[test]
    fn who_is_shown_again_stands_where_they_stood() {
        let lane = Lane::new(8);
        let first = push(&lane, 1);
        push(&lane, 2);
        lane.hide(first);
        push(&lane, 3);
        assert_eq!(order(&lane), [2, 3]);
        lane.show(first);
        assert_eq!(order(&lane), [1, 2, 3]);
    }

    #[test]
    fn the_order_survives_many_laps() {
        let lane = Lane::new(8);
        let mut places = std::collections::VecDeque::new();
        for id in 0..1000 {
            places.push_back(push(&lane, id));
            if places.len() == 5 {
                let place = places.pop_front().unwrap();
                lane.hide(place);
                lane.release(place);
                assert_eq!(order(&lane), [id - 3, id - 2, id - 1, id]);
            }
        }
    }

    #[test]
    fn nobody_laps_a_place_that_is_kept_while_hidden() {
        let lane = Lane::new(4);
        let kept = push(&lane, 0);
        lane.hide(kept);
        for id in 1..4 {
            let place = push(&lane, id);
            lane.hide(place);
            lane.release(place);
        }
        assert_eq!(lane.reserve(9, 0), None);
        assert!(lane.squeeze(9).is_some());
        lane.show(kept);
        assert_eq!(order(&lane), [0]);
    }

    #[test]
    fn a_full_lane_refuses_even_a_squeeze() {
        let lane = Lane::new(2);
        push(&lane, 0);
        push(&lane, 1);
        assert_eq!(lane.reserve(2, 0), None);
        assert_eq!(lane.squeeze(2), None);
    }
}
