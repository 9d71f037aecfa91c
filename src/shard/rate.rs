//! How many calls a second may begin.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How far calls may come before their time: a burst of a quarter of a second's calls.
const BURST: Duration = Duration::from_millis(250);

/// A limit on calls a second that all shards share: the generic cell rate algorithm
/// (ITU-T I.371), one word that holds the time at which the next call is expected.
#[derive(Debug)]
pub struct Rate {
    epoch: Instant,
    /// Nanoseconds since `epoch`.
    expected: AtomicU64,
}

impl Rate {
    /// A limit that nothing was counted against. No time that it is given is before
    /// `epoch`.
    #[must_use]
    pub fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            expected: AtomicU64::new(0),
        }
    }

    /// Whether none may begin now.
    #[must_use]
    pub fn is_full(&self, most: u32, now: Instant) -> bool {
        let (now, _, burst) = self.measures(most, now);
        self.expected.load(Ordering::Acquire).saturating_sub(now) >= burst
    }

    /// Whether one more may begin now, at `most` a second.
    #[must_use]
    pub fn admit(&self, most: u32, now: Instant) -> bool {
        let (now, interval, burst) = self.measures(most, now);
        self.expected
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |expected| {
                let expected = expected.max(now);
                (expected - now < burst).then(|| expected.saturating_add(interval))
            })
            .is_ok()
    }

    /// In nanoseconds: the time, between two calls, and how far ahead calls may come.
    fn measures(&self, most: u32, now: Instant) -> (u64, u64, u64) {
        let since = now.saturating_duration_since(self.epoch);
        let now = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let interval = 1_000_000_000 / u64::from(most.max(1));
        let burst = u64::try_from(BURST.as_nanos()).unwrap_or(0).max(interval);
        (now, interval, burst)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;

    #[test]
    fn calls_come_at_the_rate_and_a_burst_before_it() {
        let start = Instant::now();
        for (most, burst) in [(1, 1), (4, 1), (100, 25), (500, 125)] {
            let rate = Rate::new(start);
            assert!(!rate.is_full(most, start));
            let at_once = (0..1000).filter(|_| rate.admit(most, start)).count();
            assert!(rate.is_full(most, start));
            assert_eq!(at_once, burst, "{most} a second");
            let mut later = 0;
            for millisecond in 1..=10_000 {
                let now = start + Duration::from_millis(millisecond);
                later += u32::from(rate.admit(most, now));
            }
            assert!(later.abs_diff(most * 10) <= 1, "{later} in 10 s at {most}");
        }
    }
}
