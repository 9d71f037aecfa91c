//! Who failed again and again is left in peace for a while.
//!
//! A server that is down would cost each caller the whole timeout. After some failures in a
//! row it is asked by one call at a time only, and the others go on at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use exchange::flow::Origin;

/// Failures in a row.
const FAILURES: u32 = 5;
/// Between two calls that ask all the same.
const REST: Duration = Duration::from_secs(5);

/// Who failed. There are no more than there are places that may be asked.
#[derive(Debug, Default)]
pub(super) struct Rests(Mutex<HashMap<Origin, Failing>>);

#[derive(Debug)]
struct Failing {
    failures: u32,
    until: Instant,
}

impl Rests {
    /// Whether this one is asked. When a rest is over, whoever asks first begins the next.
    pub(super) fn may_ask(&self, origin: &Origin, now: Instant) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(failing) = all.get_mut(origin).filter(|of| of.failures >= FAILURES) else {
            return true;
        };
        let over = now >= failing.until;
        if over {
            failing.until = now + REST;
        }
        over
    }

    /// How it went. Whether a rest begins by it.
    pub(super) fn told(&self, origin: &Origin, good: bool, now: Instant) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if good {
            all.remove(origin);
            return false;
        }
        let failing = all.entry(origin.clone()).or_insert(Failing {
            failures: 0,
            until: now,
        });
        failing.failures = failing.failures.saturating_add(1);
        failing.until = now + REST;
        failing.failures == FAILURES
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;

    #[test]
    fn who_fails_rests_and_is_tried_by_one() {
        let rests = Rests::default();
        let (origin, now) = (Origin::parse("api.example.org").unwrap(), Instant::now());
        for failure in 1..=FAILURES {
            assert!(rests.may_ask(&origin, now));
            assert_eq!(rests.told(&origin, false, now), failure == FAILURES);
        }
        assert!(!rests.may_ask(&origin, now + REST / 2));
        assert!(rests.may_ask(&origin, now + REST));
        assert!(!rests.may_ask(&origin, now + REST), "one at a time");
        rests.told(&origin, false, now + REST);
        assert!(!rests.may_ask(&origin, now + REST + REST / 2));
        rests.told(&origin, true, now + REST);
        assert!(rests.may_ask(&origin, now + REST));
        assert!(rests.may_ask(&Origin::parse("b.example.org").unwrap(), now));
    }
}
