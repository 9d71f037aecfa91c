//! A table whose memory follows the most that were in it at once, and not how many came.
//!
//! # Why
//! Whoever leaves a hash table leaves a mark where it stood, and once the marks have filled
//! it, a table that is more than half full doubles, if by then as many have left as there
//! are places for: minutes after its last newcomer in a busy hour, days in a quiet one. One
//! that is at most half full wipes the marks away instead. So this one doubles as soon as
//! it is half full, and never at any other time.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Deref;

/// A [`HashMap`] for those that come and go; it is read as one.
#[derive(Debug)]
pub struct Steady<K, V> {
    map: HashMap<K, V>,
    /// How many fit, without marks.
    room: usize,
}

impl<K, V> Default for Steady<K, V> {
    fn default() -> Self {
        Self {
            map: HashMap::new(),
            room: 0,
        }
    }
}

impl<K, V> Deref for Steady<K, V> {
    type Target = HashMap<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.map
    }
}

impl<K: Eq + Hash, V> Steady<K, V> {
    /// As [`HashMap::insert`].
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let len = self.map.len();
        if len >= self.room / 2 {
            self.map.reserve(self.room.saturating_sub(len) + 1);
            self.room = self.map.capacity();
        }
        self.map.insert(key, value)
    }

    /// As [`HashMap::get_mut`].
    pub fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.map.get_mut(key)
    }

    /// As [`HashMap::remove`].
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.map.remove(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_and_goes_takes_no_more_room_than_who_stays() {
        for population in [1, 7, 100, 600, 1_000, 5_000] {
            let mut table = Steady::default();
            for newcomer in 0..population {
                assert_eq!(table.insert(newcomer, ()), None);
            }
            let room = table.capacity();
            assert!(room >= 2 * population, "{room} for {population}");
            for newcomer in population..200 * population {
                assert_eq!(table.remove(&(newcomer - population)), Some(()));
                table.insert(newcomer, ());
                // What marks take is given back, and nothing is added.
                assert!(table.capacity() <= room, "{population}");
            }
            assert_eq!(table.len(), population);
            assert!(room <= 8 * population.max(2), "{room} for {population}");
        }
    }
}
