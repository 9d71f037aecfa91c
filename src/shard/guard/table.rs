//! What is kept of so many sources and no more: who was not seen for longest makes room.

/// Slots that one source may be in: it is looked for in these alone.
const WAYS: usize = 8;

/// A table of a fixed size, all of it there from the start. A set of slots gives the next
/// place to who was not seen since the last look at it (a clock).
#[derive(Debug)]
pub(super) struct Table<V> {
    slots: Box<[Slot<V>]>,
    sets: u64,
}

#[derive(Clone, Debug)]
struct Slot<V> {
    /// The source; 0 for nobody.
    key: u64,
    seen: bool,
    value: V,
}

impl<V: Clone + Default> Table<V> {
    /// A table of `size` slots, a power of two.
    pub(super) fn new(size: usize) -> Self {
        let size = size.next_power_of_two().max(WAYS);
        let vacant = Slot {
            key: 0,
            seen: false,
            value: V::default(),
        };
        Self {
            slots: vec![vacant; size].into_boxed_slice(),
            sets: u64::try_from(size / WAYS).unwrap_or(1),
        }
    }

    /// What is kept of a source, made anew if nothing is. The key is a hash that nobody
    /// outside can foresee.
    pub(super) fn entry(&mut self, key: u64) -> Option<&mut V> {
        let key = key.max(1);
        let set = usize::try_from(key % self.sets).ok()? * WAYS;
        let slots = self.slots.get_mut(set..set + WAYS)?;
        let known = slots.iter().position(|slot| slot.key == key);
        let place = known.unwrap_or_else(|| place(slots));
        let slot = slots.get_mut(place)?;
        if known.is_none() {
            slot.key = key;
            slot.value = V::default();
        }
        slot.seen = true;
        Some(&mut slot.value)
    }
}

/// The slot to give away: a vacant one, or the first that was not seen; when all were,
/// none of them is remembered as seen.
fn place<V>(slots: &mut [Slot<V>]) -> usize {
    let unseen = |slot: &Slot<V>| slot.key == 0 || !slot.seen;
    slots.iter().position(unseen).unwrap_or_else(|| {
        for slot in slots.iter_mut() {
            slot.seen = false;
        }
        0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_sources_does_not_grow_it_and_the_busy_stay() {
        let mut table: Table<u32> = Table::new(1024);
        for round in 0..100_000_u64 {
            // Spread as hashes are.
            let key = round.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            *table.entry(key).unwrap() += 1;
            if round % 64 == 0 {
                *table.entry(7).unwrap() += 1;
            }
        }
        assert_eq!(table.slots.len(), 1024);
        assert!(*table.entry(7).unwrap() > 1500, "{:?}", table.entry(7));
    }

    #[test]
    fn a_stranger_begins_with_nothing() {
        let mut table: Table<u32> = Table::new(8);
        for key in 1..=50 {
            let value = table.entry(key).unwrap();
            assert_eq!(*value, 0, "{key}");
            *value = 9;
        }
        assert_eq!(table.entry(50), Some(&mut 9));
    }
}
