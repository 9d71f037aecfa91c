//! Whose call an earlier process took along: who calls again soon goes on waiting where the
//! line was cut.
//!
//! Invariant: a place is taken back once, and by a call from the same number for the same
//! queue.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dashmap::DashMap;

use crate::call::CallbackKey;
use crate::call::promise::millis;
use crate::model::Telephone;

/// A caller whom an earlier process lost. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comeback {
    /// The queue that the caller was in last, and the number that called.
    pub key: CallbackKey,
    /// When the caller was first queued.
    pub since_ms: u64,
    /// When the call was lost.
    pub lost_ms: u64,
}

/// How long after the loss a caller has the old place.
const KEPT: Duration = Duration::from_secs(15 * 60);

#[derive(Debug)]
struct Lost {
    age: Instant,
    until_ms: u64,
}

/// Those who have not called again yet. Bounded by the calls that one process can have.
#[derive(Debug, Default)]
pub struct Comebacks {
    lost: DashMap<CallbackKey, Lost>,
    /// Nobody has a place for longer: 0 when nobody has any.
    until_ms: AtomicU64,
}

impl Comebacks {
    /// Keeps a place of this age; the oldest come first.
    pub fn keep(&self, comeback: Comeback, age: Instant) {
        let until_ms = comeback.lost_ms.saturating_add(millis(KEPT));
        self.until_ms.fetch_max(until_ms, Ordering::Relaxed);
        // Of two from one number the older counts, which is kept first.
        let lost = Lost { age, until_ms };
        self.lost.entry(comeback.key).or_insert(lost);
    }

    /// Takes the place back that is kept, if it is not too late.
    pub(super) fn take(&self, key: &CallbackKey, now_ms: u64) -> Option<Instant> {
        let until_ms = self.until_ms.load(Ordering::Relaxed);
        if until_ms == 0 {
            return None;
        }
        if now_ms >= until_ms {
            self.until_ms.store(0, Ordering::Relaxed);
            self.lost.clear();
            return None;
        }
        let (_, lost) = self.lost.remove(key)?;
        (now_ms < lost.until_ms).then_some(lost.age)
    }

    /// Nobody with this number was here.
    pub fn forget(&self, number: &Telephone) {
        self.lost.retain(|key, _| !number.is(&key.number));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;

    const MINUTE: u64 = 60_000;

    fn key(queue: &str, number: &str) -> CallbackKey {
        CallbackKey {
            queue: queue.into(),
            number: number.into(),
        }
    }

    fn lost(comebacks: &Comebacks, number: &str, lost_ms: u64) -> Instant {
        let age = Instant::now();
        let comeback = Comeback {
            key: key("help", number),
            since_ms: 0,
            lost_ms,
        };
        comebacks.keep(comeback, age);
        age
    }

    #[test]
    fn a_place_is_taken_back_once_in_its_queue_and_in_time() {
        let comebacks = Comebacks::default();
        assert_eq!(comebacks.take(&key("help", "0612345678"), 0), None);
        let age = lost(&comebacks, "0612345678", MINUTE);
        lost(&comebacks, "0687654321", 10 * MINUTE);
        for (queue, number, at, expected) in [
            ("sales", "0612345678", 2, None),
            ("help", "0600000000", 2, None),
            ("help", "0612345678", 15, Some(age)),
            ("help", "0612345678", 15, None),
            ("help", "0687654321", 25, None),
        ] {
            let taken = comebacks.take(&key(queue, number), at * MINUTE);
            assert_eq!(taken, expected, "{queue} {number} {at}");
        }
        assert!(comebacks.lost.is_empty(), "nobody comes after so long");
        lost(&comebacks, "0612345678", MINUTE);
        assert_eq!(
            comebacks.take(&key("help", "0612345678"), 16 * MINUTE),
            None
        );
    }

    #[test]
    fn who_is_forgotten_has_no_place() {
        let comebacks = Comebacks::default();
        lost(&comebacks, "+31612345678", 0);
        lost(&comebacks, "0687654321", 0);
        comebacks.forget(&Telephone::read("0031612345678").unwrap());
        assert_eq!(comebacks.take(&key("help", "+31612345678"), 0), None);
        assert!(comebacks.take(&key("help", "0687654321"), 0).is_some());
    }
}
