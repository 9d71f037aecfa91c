//! A panic ends one call.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs something that may have a fault in it; `None` when it had.
///
/// What it was changing is then in no known state, and its owner ends it.
pub(super) fn contain<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
