//! Where transactions live: a slab whose keys are never used twice.

/// Values by a key of generation and place, so that a late key finds nothing instead of
/// a stranger. Insert, look-up and removal cost the same however many there are.
#[derive(Debug)]
pub(crate) struct Table<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Table<T> {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Takes a value in and says its key.
    pub(crate) fn insert(&mut self, value: T) -> u64 {
        if let Some(place) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(place as usize)
        {
            slot.value = Some(value);
            return join(slot.generation, place);
        }
        // Four thousand million values do not fit into memory.
        let place = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.push(Slot {
            generation: 0,
            value: Some(value),
        });
        join(0, place)
    }

    /// The value, to change.
    pub(crate) fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        let (generation, place) = split(key)?;
        let slot = self.slots.get_mut(place as usize)?;
        (slot.generation == generation)
            .then_some(slot.value.as_mut())
            .flatten()
    }

    /// The value, to read.
    pub(crate) fn get(&self, key: u64) -> Option<&T> {
        let (generation, place) = split(key)?;
        let slot = self.slots.get(place as usize)?;
        (slot.generation == generation)
            .then_some(slot.value.as_ref())
            .flatten()
    }

    /// Takes the value out.
    pub(crate) fn remove(&mut self, key: u64) -> Option<T> {
        let (generation, place) = split(key)?;
        let slot = self.slots.get_mut(place as usize)?;
        if slot.generation != generation {
            return None;
        }
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(place);
        Some(value)
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

fn join(generation: u32, place: u32) -> u64 {
    (u64::from(generation) << 32) | u64::from(place)
}

fn split(key: u64) -> Option<(u32, u32)> {
    let place = u32::try_from(key & u64::from(u32::MAX)).ok()?;
    Some((u32::try_from(key >> 32).ok()?, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_finds_its_value_and_never_another() {
        let mut table = Table::new();
        let a = table.insert("a");
        let b = table.insert("b");
        assert_eq!(table.remove(a), Some("a"));
        assert_eq!(table.remove(a), None);
        let c = table.insert("c");
        assert_eq!(table.get(a), None);
        assert_eq!(table.get_mut(c).copied(), Some("c"));
        assert_eq!(table.get(b).copied(), Some("b"));
        assert_eq!(table.len(), 2);
    }
}
