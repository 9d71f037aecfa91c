//! Which of the free operators gets a call: an ordering, and nothing else.

use std::cmp::Ordering;

/// Which of the free operators who may take a call gets it. Whoever the caller prefers
/// goes before the others in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strategy {
    /// Who has been free for longest.
    #[default]
    LongestIdle,
    /// Whose levels in the required skills add up to most; among equals, free for longest.
    MostSkilled,
    /// Whose levels in the required skills add up to least, so that specialists stay free.
    LeastSkilled,
    /// Who has answered the fewest calls since logging in.
    FewestCalls,
    /// Whose last offer is the longest ago, however long the calls took.
    RoundRobin,
    /// Who stands first in `operators.yaml`.
    Ordered,
    /// Everybody at once; who answers first has the call.
    RingAll,
}

impl Strategy {
    /// Every one, in the order of the contract.
    pub const ALL: [Self; 7] = [
        Self::LongestIdle,
        Self::MostSkilled,
        Self::LeastSkilled,
        Self::FewestCalls,
        Self::RoundRobin,
        Self::Ordered,
        Self::RingAll,
    ];

    /// The word of `queues.yaml`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LongestIdle => "longest_idle",
            Self::MostSkilled => "most_skilled",
            Self::LeastSkilled => "least_skilled",
            Self::FewestCalls => "fewest_calls",
            Self::RoundRobin => "round_robin",
            Self::Ordered => "ordered",
            Self::RingAll => "ring_all",
        }
    }
}

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
