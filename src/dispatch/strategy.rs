//! Which of the free operators gets a call: an ordering, and nothing else.

use std::cmp::Ordering;

/// A free operator, as a strategy sees one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Nanoseconds since the board's epoch when the operator became ready.
    pub(super) idle_since: u64,
    /// The operator, to break a tie the same way each time.
    pub(super) operator: u32,
}

/// Who has been free for longest comes first. A profile's lane is in this order, so only
/// its head is a candidate.
pub(super) fn longest_idle(a: &Candidate, b: &Candidate) -> Ordering {
    (a.idle_since, a.operator).cmp(&(b.idle_since, b.operator))
}
