//! How many operators do what.

use serde::Serialize;

use crate::model::OperatorState;

/// How many of some operators are in each state, with the names of the contract in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Census {
    /// Free for the next offer.
    pub ready: usize,
    /// The phone rings.
    pub offered: usize,
    /// On a call.
    pub talking: usize,
    /// After a call.
    pub wrap_up: usize,
    /// Logged in but taking no calls.
    pub paused: usize,
    /// No phone, or logged out.
    pub logged_out: usize,
}

impl Census {
    /// So many more in one state.
    pub fn add(&mut self, state: OperatorState, more: usize) {
        let count = match state {
            OperatorState::LoggedOut => &mut self.logged_out,
            OperatorState::Ready => &mut self.ready,
            OperatorState::Offered => &mut self.offered,
            OperatorState::Talking => &mut self.talking,
            OperatorState::WrapUp => &mut self.wrap_up,
            OperatorState::Paused => &mut self.paused,
        };
        *count += more;
    }

    /// The number in one state.
    #[must_use]
    pub fn of(&self, state: OperatorState) -> usize {
        match state {
            OperatorState::LoggedOut => self.logged_out,
            OperatorState::Ready => self.ready,
            OperatorState::Offered => self.offered,
            OperatorState::Talking => self.talking,
            OperatorState::WrapUp => self.wrap_up,
            OperatorState::Paused => self.paused,
        }
    }

    /// Whether anybody is logged in.
    #[must_use]
    pub fn staffed(&self) -> bool {
        self.working() + self.paused > 0
    }

    /// Those who take calls, now or when they are done with what they do.
    #[must_use]
    pub fn working(&self) -> usize {
        self.ready + self.offered + self.talking + self.wrap_up
    }
}
