//! A request other than INVITE that we answer (RFC 3261 section 17.2.2, figure 8).
//!
//! ```text
//!              final
//!  Trying ────────────► Completed ──J──► over
//!     └─ 64 × T1: over, for the peer gave up by then (RFC 4320 section 3.2)
//! ```

use std::time::Instant;

use super::timers::GIVE_UP;

/// What may happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerInput {
    /// The same request came again.
    Request,
    /// The user answers 1xx.
    Provisional,
    /// The user answers finally.
    Final,
    /// Time passed.
    Tick,
}

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerEffect {
    /// Nothing.
    Nothing,
    /// Send the user's answer.
    Send,
    /// Send the last answer again, if there is one.
    Resend,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Trying and Proceeding: what is resent is the endpoint's to know.
    Open {
        until: Instant,
    },
    Completed {
        until: Instant,
    },
    Terminated,
}

/// The machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server {
    reliable: bool,
    state: State,
}

impl Server {
    /// A request came for the first time; `reliable` on a stream.
    pub(crate) fn new(reliable: bool, now: Instant) -> Self {
        let until = now + GIVE_UP;
        Self {
            reliable,
            state: State::Open { until },
        }
    }

    /// Whether it can be forgotten.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// When it wants a tick.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Open { until } | State::Completed { until } => Some(until),
            State::Terminated => None,
        }
    }

    /// One step.
    pub(crate) fn handle(&mut self, input: ServerInput, now: Instant) -> ServerEffect {
        match (self.state, input) {
            (State::Open { .. } | State::Completed { .. }, ServerInput::Request) => {
                ServerEffect::Resend
            }
            (State::Open { .. }, ServerInput::Provisional) => ServerEffect::Send,
            (State::Open { .. }, ServerInput::Final) => {
                // Timer J is zero on a stream.
                self.state = if self.reliable {
                    State::Terminated
                } else {
                    State::Completed {
                        until: now + GIVE_UP,
                    }
                };
                ServerEffect::Send
            }
            (State::Open { until } | State::Completed { until }, ServerInput::Tick) => {
                if now >= until {
                    self.state = State::Terminated;
                }
                ServerEffect::Nothing
            }
            (State::Completed { .. }, ServerInput::Provisional | ServerInput::Final)
            | (
                State::Terminated,
                ServerInput::Request
                | ServerInput::Provisional
                | ServerInput::Final
                | ServerInput::Tick,
            ) => ServerEffect::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;
    use ServerEffect as Effect;
    use ServerInput as Input;

    /// RFC 3261 section 17.2.2.
    #[test]
    fn a_repeated_request_gets_the_answer_again_until_timer_j() {
        let start = Instant::now();
        let mut machine = Server::new(false, start);
        assert_eq!(machine.handle(Input::Final, start), Effect::Send);
        assert_eq!(machine.handle(Input::Final, start), Effect::Nothing);
        assert_eq!(machine.handle(Input::Request, start), Effect::Resend);
        assert_eq!(machine.deadline(), Some(start + GIVE_UP));
        machine.handle(Input::Tick, start + GIVE_UP);
        assert!(machine.is_over());
        assert_eq!(machine.handle(Input::Request, start), Effect::Nothing);
    }

    /// RFC 3261 section 17.2.2.
    #[test]
    fn on_a_stream_it_ends_with_its_answer() {
        let start = Instant::now();
        let mut machine = Server::new(true, start);
        assert_eq!(machine.handle(Input::Provisional, start), Effect::Send);
        assert_eq!(machine.handle(Input::Final, start), Effect::Send);
        assert!(machine.is_over());
    }

    /// RFC 4320 section 3.2.
    #[test]
    fn one_that_nobody_answers_does_not_stay() {
        let start = Instant::now();
        let mut machine = Server::new(true, start);
        machine.handle(Input::Tick, start + GIVE_UP);
        assert!(machine.is_over());
    }
}
