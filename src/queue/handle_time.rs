//! How long calls of one queue take an operator, of late: the last ones, no lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// So many calls are remembered: some hours of a small queue, some minutes of a large one.
/// The mean then strays by about an eighth of one call's spread.
pub(super) const REMEMBERED: usize = 64;

/// No call is counted as longer: one that was forgotten on hold over night says nothing
/// of the next.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// A ring of the last calls. Whoever adds takes the next slot and writes it, so whoever
/// reads meanwhile may still find the call of a round ago there: as good a guess.
#[derive(Debug)]
pub(super) struct HandleTime {
    /// Milliseconds and one; 0 where no call was yet.
    slots: [AtomicU32; REMEMBERED],
    /// Calls that were ever added.
    calls: AtomicU64,
}

impl Default for HandleTime {
    fn default() -> Self {
        Self {
            slots: [(); REMEMBERED].map(|()| AtomicU32::new(0)),
            calls: AtomicU64::new(0),
        }
    }
}

impl HandleTime {
    /// One more call.
    pub(super) fn add(&self, took: Duration) {
        let millis = u32::try_from(took.min(LONGEST).as_millis()).unwrap_or(0);
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        self.slots[slot(call)].store(millis + 1, Ordering::Relaxed);
    }

    /// The mean of the calls that are remembered; `None` before the first.
    pub(super) fn mean(&self) -> Option<Duration> {
        let (mut sum, mut count) = (Duration::ZERO, 0);
        for took in self.recent() {
            sum += took;
            count += 1;
        }
        sum.checked_div(count)
    }

    /// The calls that are remembered, the last one first.
    pub(super) fn recent(&self) -> impl Iterator<Item = Duration> {
        let next = self.calls.load(Ordering::Relaxed);
        let slots = (1..=REMEMBERED).map(move |back| {
            let back = u64::try_from(back).unwrap_or(0);
            self.slots[slot(next.wrapping_sub(back))].load(Ordering::Relaxed)
        });
        let millis = slots.filter_map(|slot| slot.checked_sub(1));
        millis.map(|millis| Duration::from_millis(millis.into()))
    }

    /// How many calls there were since the start.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

fn slot(call: u64) -> usize {
    usize::try_from(call).unwrap_or(0) % REMEMBERED
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: impl IntoIterator<Item = u64>) -> HandleTime {
        let time = HandleTime::default();
        for second in seconds {
            time.add(Duration::from_secs(second));
        }
        time
    }

    #[test]
    fn the_last_calls_count_equally_and_those_before_no_more() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(after([]).mean(), None);
        assert_eq!(after([0]).mean(), seconds(0));
        assert_eq!(after([60]).mean(), seconds(60));
        assert_eq!(after([60, 120]).mean(), seconds(90));
        assert_eq!(after([60, 120, 240]).mean(), seconds(140));
        let once = after((0..=300).map(|n| if n < 300 { 60 } else { 380 }));
        assert_eq!(once.mean(), seconds(65));
        let changed = after((0..500).map(|n| if n < 300 { 60 } else { 600 }));
        assert_eq!(changed.mean(), seconds(600));
    }

    #[test]
    fn the_last_call_comes_first_and_only_so_many_are_kept() {
        let recent: Vec<_> = after(1..=3).recent().collect();
        assert_eq!(recent, [3, 2, 1].map(Duration::from_secs));
        let many = after(1..=100);
        let last = (37..=100).rev().map(Duration::from_secs);
        assert!(many.recent().eq(last));
        assert_eq!(many.calls(), 100);
    }

    #[test]
    fn a_forgotten_call_does_not_spoil_the_mean() {
        assert_eq!(after([u64::MAX / 2]).mean(), Some(LONGEST));
    }

    #[test]
    fn threads_that_add_at_once_lose_nothing() {
        let time = HandleTime::default();
        let add = |from: u64| {
            for second in from..from + 16 {
                time.add(Duration::from_secs(second));
            }
        };
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || add(thread * 16));
            }
        });
        let mut recent: Vec<_> = time.recent().collect();
        recent.sort_unstable();
        assert!(recent.into_iter().eq((0..64).map(Duration::from_secs)));
    }
}
