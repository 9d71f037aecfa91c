//! The lanes of one class or one profile: together they keep the order of age.
//!
//! One lane keeps the order in which its people came. Escalation brings callers who are
//! older than the last in the lane; they go to the next lane, whose last is older still.
//! Each lane is then in order, the oldest of all is at the head of one of them, and a
//! search costs a glance at each head. The same move takes what does not fit: lanes
//! double in size, and are made when they are needed.

use std::sync::OnceLock;

use super::lane::Lane;

/// As many sources of different age (first queueing, each step of escalation) keep an
/// exact order. Doubling from 512, they have room for 130,560.
const LANES: usize = 8;

/// Clocks of different threads are read at different moments: whoever is less than this
/// older than the last in a lane counts as of the same age.
const SAME_AGE: u64 = 1_000_000;

/// Where someone stands: the lane in the top 8 bits, the position below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u64);

impl Place {
    const POSITION_BITS: u32 = 56;
    const NOWHERE: u64 = u64::MAX;

    fn new(lane: usize, position: u64) -> Self {
        let lane = u64::try_from(lane).unwrap_or(0);
        Self((lane << Self::POSITION_BITS) | (position & ((1 << Self::POSITION_BITS) - 1)))
    }

    fn lane(self) -> usize {
        usize::try_from(self.0 >> Self::POSITION_BITS).unwrap_or(usize::MAX)
    }

    fn position(self) -> u64 {
        self.0 & ((1 << Self::POSITION_BITS) - 1)
    }

    /// As one word for an atomic.
    pub(super) fn to_bits(place: Option<Self>) -> u64 {
        place.map_or(Self::NOWHERE, |place| place.0)
    }

    /// From [`Self::to_bits`].
    pub(super) fn from_bits(bits: u64) -> Option<Self> {
        (bits != Self::NOWHERE).then_some(Self(bits))
    }
}

#[derive(Debug)]
pub(super) struct Lanes {
    lanes: [OnceLock<Lane>; LANES],
    base: usize,
}

impl Lanes {
    /// With a first lane of `base` places.
    pub(super) fn new(base: usize) -> Self {
        let lanes = Self {
            lanes: [const { OnceLock::new() }; LANES],
            base,
        };
        lanes.open(0);
        lanes
    }

    /// Those in use.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter().map_while(OnceLock::get)
    }

    /// A place in order of `age`; `None` when all is full.
    pub(super) fn reserve(&self, id: u32, age: u64) -> Option<Place> {
        let mut full = [false; LANES];
        while let Some(number) = self.choose(age, full) {
            let place = self.lanes[number].get().and_then(|l| l.reserve(id, age));
            if let Some(position) = place {
                return Some(Place::new(number, position));
            }
            full[number] = true;
        }
        // More sources than lanes, or someone at the head of each for very long: nearly
        // in order beats not at all.
        let lanes = || self.iter().enumerate();
        let place = |(number, position)| Place::new(number, position);
        lanes()
            .find_map(|(number, lane)| Some((number, lane.reserve(id, age)?)))
            .or_else(|| lanes().find_map(|(number, lane)| Some((number, lane.squeeze(id)?))))
            .map(place)
    }

    pub(super) fn release(&self, place: Place) {
        if let Some(lane) = self.lane(place) {
            lane.release(place.position());
        }
    }

    pub(super) fn show(&self, place: Place) {
        if let Some(lane) = self.lane(place) {
            lane.show(place.position());
        }
    }

    pub(super) fn hide(&self, place: Place) {
        if let Some(lane) = self.lane(place) {
            lane.hide(place.position());
        }
    }

    /// How many are shown.
    pub(super) fn len(&self) -> usize {
        self.iter().map(Lane::len).sum()
    }

    /// The lane whose last is the youngest of those not younger than `age`, so that the
    /// other lanes stay open to the older; else a further one.
    fn choose(&self, age: u64, full: [bool; LANES]) -> Option<usize> {
        let limit = age.saturating_add(SAME_AGE);
        let fitting = self
            .iter()
            .enumerate()
            .filter(|(number, _)| !full[*number])
            .map(|(number, lane)| (lane.tail(), number))
            .filter(|(tail, _)| *tail <= limit)
            .max_by_key(|(tail, number)| (*tail, std::cmp::Reverse(*number)));
        if let Some((_, number)) = fitting {
            return Some(number);
        }
        let number = self.iter().count();
        (number < LANES).then(|| self.open(number))
    }

    fn open(&self, number: usize) -> usize {
        self.lanes[number].get_or_init(|| Lane::new(self.base << number));
        number
    }

    fn lane(&self, place: Place) -> Option<&Lane> {
        self.lanes.get(place.lane())?.get()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Ids in the order in which a looker with these ages would take them.
    fn drain(lanes: &Lanes, ages: &[u64]) -> Vec<u32> {
        let mut heads: Vec<Vec<u32>> = Vec::new();
        for lane in lanes.iter() {
            let mut ids = Vec::new();
            lane.find(|id| {
                ids.push(id);
                None::<()>
            });
            ids.reverse();
            heads.push(ids);
        }
        let mut order = Vec::new();
        let age = |id: u32| ages[id as usize];
        while let Some(lane) = heads
            .iter_mut()
            .filter(|lane| !lane.is_empty())
            .min_by_key(|lane| age(*lane.last().unwrap()))
        {
            order.extend(lane.pop());
        }
        order
    }

    #[test]
    fn callers_escalated_from_elsewhere_keep_their_age() {
        let lanes = Lanes::new(4);
        // Two sources: those who come now, and those who come 30 s later from another class.
        let ages: Vec<u64> = [50, 20, 51, 21, 52, 22, 60, 30, 61, 31]
            .map(|s| s * 1000 * MS)
            .to_vec();
        for (id, age) in ages.iter().enumerate() {
            let place = lanes.reserve(u32::try_from(id).unwrap(), *age).unwrap();
            lanes.show(place);
        }
        assert_eq!(drain(&lanes, &ages), [1, 3, 5, 7, 9, 0, 2, 4, 6, 8]);
    }

    #[test]
    fn what_does_not_fit_goes_to_a_larger_lane_in_order() {
        let lanes = Lanes::new(2);
        let ages: Vec<u64> = (0..200).map(|n| n * 2 * MS).collect();
        for (id, age) in ages.iter().enumerate() {
            let place = lanes.reserve(u32::try_from(id).unwrap(), *age).unwrap();
            lanes.show(place);
        }
        assert_eq!(drain(&lanes, &ages), (0..200).collect::<Vec<_>>());
        assert_eq!(lanes.len(), 200);
    }

    #[test]
    fn all_lanes_full_is_full() {
        let lanes = Lanes::new(1);
        for id in 0..255 {
            assert!(lanes.reserve(id, 0).is_some(), "{id}");
        }
        assert_eq!(lanes.reserve(255, 0), None);
    }
}
