//! How many of something a second, and how many at once.

use std::time::Duration;

/// A limit: the generic cell rate algorithm (ITU-T I.371) in one word.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    /// When the next one is expected, in nanoseconds since any moment.
    expected: u64,
}

/// What a bucket is measured by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    interval: u64,
    ahead: u64,
}

impl Pace {
    /// `rate` a second, `burst` of them at once; neither less than one.
    pub(super) fn new(rate: u32, burst: u32) -> Self {
        let interval = 1_000_000_000 / u64::from(rate.max(1));
        Self {
            interval,
            ahead: interval.saturating_mul(u64::from(burst.max(1))),
        }
    }

    /// The same with `factor` times as many.
    pub(super) fn times(self, factor: u64) -> Self {
        Self {
            interval: self.interval / factor.max(1),
            ahead: self.ahead,
        }
    }
}

impl Bucket {
    /// Whether one more may come; it counts if so.
    pub(super) fn admit(&mut self, pace: Pace, now: Duration) -> bool {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let next = self.expected.max(now).saturating_add(pace.interval);
        let fits = next.saturating_sub(now) <= pace.ahead;
        if fits {
            self.expected = next;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        for (rate, burst) in [(1, 1), (20, 60), (2000, 2000), (100_000, 5)] {
            let (mut bucket, pace) = (Bucket::default(), Pace::new(rate, burst));
            let start = Duration::from_secs(5);
            let at_once = (0..100_000).filter(|_| bucket.admit(pace, start)).count();
            assert_eq!(at_once, usize::try_from(burst).unwrap());
            let mut later = 0;
            for tick in 1..=1_000_000 {
                let now = start + Duration::from_micros(tick * 10);
                later += u32::from(bucket.admit(pace, now));
            }
            assert!(later.abs_diff(rate * 10) <= 1, "{later} at {rate}");
        }
    }
}
