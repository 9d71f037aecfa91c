//! States and outcomes, named as in JSON, metrics and logs.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::words::words;

words! {
    /// Where a call is.
    CallState {
        /// The flow runs.
        Flow = "flow",
        /// Waiting in a queue.
        Queued = "queued",
        /// Waiting while an operator's phone rings.
        Offered = "offered",
        /// Caller and operator (or line) talk.
        Talking = "talking",
        /// On the way from one to another.
        Transferring = "transferring",
        /// Over.
        Ended = "ended",
    }
}

words! {
    /// What an operator is doing.
    OperatorState {
        /// No phone, or logged out.
        LoggedOut = "logged_out",
        /// Free for the next offer.
        Ready = "ready",
        /// The phone rings.
        Offered = "offered",
        /// On a call.
        Talking = "talking",
        /// After a call, before the next offer.
        WrapUp = "wrap_up",
        /// Logged in but taking no calls.
        Paused = "paused",
    }
}

words! {
    /// How a call ended.
    Outcome {
        /// An operator talked with the caller.
        Answered = "answered",
        /// Hung up while queued.
        Abandoned = "abandoned",
        /// Hung up while queued, within the first five seconds.
        ShortAbandon = "short_abandon",
        /// The flow ended the call, or the caller did during it.
        EndedInFlow = "ended_in_flow",
        /// A line took the call.
        Escalated = "escalated",
        /// Left a queue by one of its exits and met nobody after.
        Overflowed = "overflowed",
        /// Refused before it was answered.
        Rejected = "rejected",
        /// Ended by a fault.
        Failed = "failed",
        /// A customer who was called back and did not answer.
        NotReached = "not_reached",
    }
}

/// Why an operator takes no calls: `lunch`, `missed_offer`, …
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PauseReason(Arc<str>);

impl PauseReason {
    /// The reason the exchange gives after an offer that nobody answered.
    pub const MISSED_OFFER: &'static str = "missed_offer";

    /// Takes the text as it is.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PauseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_reads_back() {
        for state in OperatorState::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
        for outcome in Outcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(*outcome));
        }
        assert_eq!("on_fire".parse::<CallState>(), Err(()));
    }
}
