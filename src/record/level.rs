//! The service level of one queue over the last hour.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MINUTES: usize = 60;

/// Counts of one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Minute {
    /// Which minute since 1970; a place of the ring is re-used an hour later.
    number: u64,
    within: u64,
    answered: u64,
    abandoned: u64,
}

/// A ring of sixty minutes: calls that were answered in time, late, or not at all.
///
/// The ratio is answered in time / (answered + abandoned); short abandons are not
/// counted, because who leaves at once did not wait.
#[derive(Clone, Debug)]
pub struct ServiceWindow {
    minutes: [Minute; MINUTES],
}

impl Default for ServiceWindow {
    fn default() -> Self {
        Self {
            minutes: [Minute::default(); MINUTES],
        }
    }
}

fn minute_of(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() / 60)
}

impl ServiceWindow {
    /// A call was answered after `waited`; `within` is the queue's promise.
    pub fn answered(&mut self, at: SystemTime, waited: Duration, within: Duration) {
        let minute = self.minute(at);
        minute.answered += 1;
        minute.within += u64::from(waited <= within);
    }

    /// A caller gave up after having waited.
    pub fn abandoned(&mut self, at: SystemTime) {
        self.minute(at).abandoned += 1;
    }

    fn minute(&mut self, at: SystemTime) -> &mut Minute {
        let number = minute_of(at);
        // Modulo the length, so the place is always there.
        let place = usize::try_from(number % 60).unwrap_or(0) % MINUTES;
        let minute = &mut self.minutes[place];
        if minute.number != number {
            *minute = Minute {
                number,
                ..Minute::default()
            };
        }
        minute
    }

    /// Answered in time, answered, and abandoned, in the hour before `now`.
    #[must_use]
    pub fn counts(&self, now: SystemTime) -> (u64, u64, u64) {
        let this = minute_of(now);
        self.minutes
            .iter()
            .filter(|minute| minute.number <= this && this - minute.number < 60)
            .fold((0, 0, 0), |(within, answered, abandoned), minute| {
                (
                    within + minute.within,
                    answered + minute.answered,
                    abandoned + minute.abandoned,
                )
            })
    }

    /// 0 to 1; `None` while no call counts.
    #[must_use]
    pub fn ratio(&self, now: SystemTime) -> Option<f64> {
        let (within, answered, abandoned) = self.counts(now);
        let all = answered + abandoned;
        // Counts of an hour are far below 2^32, where f64 is exact.
        let exact = |count: u64| u32::try_from(count).map_or(f64::MAX, f64::from);
        (all > 0).then(|| exact(within) / exact(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(20);

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000_000 + seconds)
    }

    #[test]
    fn no_calls_have_no_level() {
        assert_eq!(ServiceWindow::default().ratio(at(0)), None);
    }

    #[test]
    fn in_time_late_and_abandoned_make_the_ratio() {
        let mut window = ServiceWindow::default();
        window.answered(at(0), WITHIN, WITHIN);
        window.answered(at(1), WITHIN + Duration::from_millis(1), WITHIN);
        window.answered(at(2), Duration::ZERO, WITHIN);
        window.abandoned(at(3));
        assert_eq!(window.ratio(at(4)), Some(0.5));
    }

    #[test]
    fn after_an_hour_it_is_forgotten() {
        let mut window = ServiceWindow::default();
        window.abandoned(at(0));
        window.answered(at(1800), Duration::ZERO, WITHIN);
        assert_eq!(window.ratio(at(1801)), Some(0.5));
        assert_eq!(window.ratio(at(3700)), Some(1.0));
        assert_eq!(window.ratio(at(7200)), None);
        // The same place of the ring, an hour later.
        window.abandoned(at(3600));
        assert_eq!(window.counts(at(3600)), (1, 1, 1));
    }
}
