//! The only clock.

use std::time::{Instant, SystemTime};

/// What the wall clock shows.
#[expect(clippy::disallowed_methods, reason = "the only place that reads it")]
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

/// What the monotonic clock shows.
#[expect(clippy::disallowed_methods, reason = "the only place that reads it")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
