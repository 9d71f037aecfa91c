//! The timers of RFC 3261 section 17.1.1.1 and table 4, under their letters.
//!
//! | letter | is | here |
//! | --- | --- | --- |
//! | A, E, G | resend over UDP, doubling; E and G stop at T2 | [`Resend`] |
//! | B, F, H, L, M | give up, or stop absorbing, after 64 × T1 | [`GIVE_UP`] |
//! | D | absorb repeated failures over UDP | [`TIMER_D`] |
//! | I, K | absorb stragglers over UDP for T4 | [`T4`] |
//! | J | absorb repeated requests over UDP for 64 × T1 | [`GIVE_UP`] |

use std::time::{Duration, Instant};

/// The estimated round trip.
pub(crate) const T1: Duration = Duration::from_millis(500);
/// The longest time between two sendings of a request other than INVITE, or of a
/// response to INVITE.
pub(crate) const T2: Duration = Duration::from_secs(4);
/// The longest that a message stays in the network.
pub(crate) const T4: Duration = Duration::from_secs(5);
/// 64 × T1: timers B, F, H, J, L and M.
pub(crate) const GIVE_UP: Duration = Duration::from_secs(32);
/// Timer D: at least 32 s over UDP.
pub(crate) const TIMER_D: Duration = Duration::from_secs(32);
/// A caller who has heard nothing by this time gets a 100 (RFC 3261 section 17.2.1).
pub(crate) const TRYING_AFTER: Duration = Duration::from_millis(200);

/// A message that is sent again and again, each time after twice as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resend {
    at: Instant,
    every: Duration,
}

impl Resend {
    /// First again after T1.
    pub(crate) fn start(now: Instant) -> Self {
        Self {
            at: now + T1,
            every: T1,
        }
    }

    /// When it is due.
    pub(crate) fn at(self) -> Instant {
        self.at
    }

    /// Whether it is due; if so, the next one is twice as far, at most `longest`.
    ///
    /// It is counted from `now`, so a shard that fell behind does not send a burst.
    pub(crate) fn fire(&mut self, now: Instant, longest: Duration) -> bool {
        if now < self.at {
            return false;
        }
        self.every = (self.every * 2).min(longest);
        self.at = now + self.every;
        true
    }

    /// Sends every `every` from now on (timer E in Proceeding).
    pub(crate) fn slow_down(&mut self, every: Duration) {
        self.every = every;
    }
}

/// The earlier of a resend and an end.
pub(crate) fn earlier(resend: Option<Resend>, end: Instant) -> Instant {
    resend.map_or(end, |resend| resend.at().min(end))
}
