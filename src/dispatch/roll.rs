//! A list that only grows: written under a lock, read without waiting.

use std::sync::OnceLock;

use super::sync::{Count, Hint, Ordering};

/// Chunks double from eight entries on: more than there can be profiles or classes.
const CHUNKS: usize = 16;
const FIRST: usize = 8;

/// What was entered, in order.
#[derive(Debug, Default)]
pub(super) struct Roll {
    len: Count,
    chunks: [OnceLock<Box<[Hint]>>; CHUNKS],
}

impl Roll {
    /// Enters one more. Only whoever holds the lock of the index does.
    pub(super) fn push(&self, entry: u64) {
        let len = self.len.load(Ordering::Relaxed);
        let index = usize::try_from(len).unwrap_or(usize::MAX);
        let (chunk, at) = place(index);
        let words = || (0..FIRST << chunk).map(|_| Hint::new(0)).collect();
        let Some(chunk) = self.chunks.get(chunk) else {
            return;
        };
        if let Some(word) = chunk.get_or_init(words).get(at) {
            word.store(entry, Ordering::Relaxed);
            self.len.store(len + 1, Ordering::Release);
        }
    }

    /// Everything that was entered.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        let mut left = usize::try_from(self.len.load(Ordering::Acquire)).unwrap_or(0);
        let chunks = self.chunks.iter().map_while(move |chunk| {
            let words = chunk.get().filter(|_| left > 0)?;
            let here = words.get(..left.min(words.len())).unwrap_or_default();
            left -= here.len();
            Some(here)
        });
        chunks.flatten().map(|word| word.load(Ordering::Relaxed))
    }
}

/// The chunk of an entry, and where in it.
fn place(index: usize) -> (usize, usize) {
    let mut start = 0;
    for chunk in 0..CHUNKS {
        let size = FIRST << chunk;
        if index < start + size {
            return (chunk, index - start);
        }
        start += size;
    }
    (CHUNKS, 0)
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_everything_in_order() {
        let roll = Roll::default();
        assert_eq!(roll.iter().count(), 0);
        (0..5000).for_each(|entry| roll.push(entry * 3));
        assert!(roll.iter().eq((0..5000).map(|entry| entry * 3)));
    }
}
