//! How long calls of one queue take an operator, of late: one word, no lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A call counts for one part in so many. About 22 calls back lies half of the weight: an
/// hour of a small queue, some minutes of a large one; the mean then strays by about an
/// eighth of one call's spread.
const MEMORY: u64 = 32;

/// No call is counted as longer: one that was forgotten on hold over night says nothing
/// of the next.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

const SEEN_BITS: u32 = 8;
const SEEN_MASK: u64 = (1 << SEEN_BITS) - 1;

/// An exponentially weighted mean in a word: `[ mean in microseconds:56 | calls seen, up
/// to MEMORY:8 ]`. The first calls count equally, so that the very first is not believed
/// for long.
#[derive(Debug, Default)]
pub(super) struct HandleTime(AtomicU64);

impl HandleTime {
    /// One more call.
    pub(super) fn add(&self, took: Duration) {
        let took = took.min(LONGEST).as_micros();
        let took = u64::try_from(took).unwrap_or(0);
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let (mean, seen) = (word >> SEEN_BITS, (word & SEEN_MASK) + 1);
            let weight = seen.min(MEMORY);
            let mean = if took >= mean {
                mean + (took - mean) / weight
            } else {
                mean - (mean - took) / weight
            };
            let next = mean << SEEN_BITS | weight;
            match self
                .0
                .compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// The mean; `None` before the first call.
    pub(super) fn mean(&self) -> Option<Duration> {
        let word = self.0.load(Ordering::Relaxed);
        (word & SEEN_MASK > 0).then(|| Duration::from_micros(word >> SEEN_BITS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: impl IntoIterator<Item = u64>) -> Option<Duration> {
        let time = HandleTime::default();
        for second in seconds {
            time.add(Duration::from_secs(second));
        }
        time.mean()
    }

    #[test]
    fn the_first_calls_count_equally_and_old_ones_fade() {
        let seconds = Duration::from_secs;
        assert_eq!(after([]), None);
        assert_eq!(after([0]), Some(seconds(0)));
        assert_eq!(after([60]), Some(seconds(60)));
        assert_eq!(after([60, 120]), Some(seconds(90)));
        assert_eq!(after([60, 120, 240]), Some(seconds(140)));
        let changed = after((0..500).map(|n| if n < 300 { 60 } else { 600 })).unwrap();
        assert!(
            changed > seconds(595) && changed <= seconds(600),
            "{changed:?}"
        );
        let once = after((0..=300).map(|n| if n < 300 { 60 } else { 380 })).unwrap();
        assert_eq!(once, seconds(70));
    }

    #[test]
    fn a_forgotten_call_does_not_spoil_the_mean() {
        assert_eq!(after([u64::MAX / 2]), Some(LONGEST));
    }
}
