//! Our request other than INVITE (RFC 3261 section 17.1.2, figure 6).
//!
//! ```text
//!            1xx               final
//!  Trying ─────────► Proceeding ─────► Completed ──K──► over
//!     │ E: resend       │ E: resend every T2
//!     └─ F: timed out ──┘
//! ```

use std::time::Instant;

use super::timers::{GIVE_UP, Resend, T2, T4, earlier};

/// What may happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientInput {
    /// A 1xx came.
    Provisional,
    /// A final answer came.
    Final,
    /// Time passed.
    Tick,
}

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientEffect {
    /// Nothing.
    Nothing,
    /// Send the request again.
    Resend,
    /// Hand the response to the user.
    Report,
    /// Nobody answered.
    TimedOut,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Trying and Proceeding differ only in how fast `resend` is.
    Open {
        resend: Option<Resend>,
        give_up: Instant,
    },
    Completed {
        until: Instant,
    },
    Terminated,
}

/// The machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    reliable: bool,
    state: State,
}

impl Client {
    /// The request has been sent once; `reliable` on a stream.
    pub(crate) fn new(reliable: bool, now: Instant) -> Self {
        let resend = (!reliable).then(|| Resend::start(now));
        let give_up = now + GIVE_UP;
        Self {
            reliable,
            state: State::Open { resend, give_up },
        }
    }

    /// Whether a final answer is still awaited.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Whether it can be forgotten.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// When it wants a tick.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Open { resend, give_up } => Some(earlier(resend, give_up)),
            State::Completed { until } => Some(until),
            State::Terminated => None,
        }
    }

    /// One step.
    pub(crate) fn handle(&mut self, input: ClientInput, now: Instant) -> ClientEffect {
        match (&mut self.state, input) {
            (State::Open { resend, .. }, ClientInput::Provisional) => {
                if let Some(resend) = resend {
                    resend.slow_down(T2);
                }
                ClientEffect::Report
            }
            (State::Open { .. }, ClientInput::Final) => {
                // Timer K is zero on a stream.
                self.state = if self.reliable {
                    State::Terminated
                } else {
                    State::Completed { until: now + T4 }
                };
                ClientEffect::Report
            }
            (State::Open { give_up, .. }, ClientInput::Tick) if now >= *give_up => {
                self.state = State::Terminated;
                ClientEffect::TimedOut
            }
            (State::Open { resend, .. }, ClientInput::Tick) => {
                if resend.as_mut().is_some_and(|e| e.fire(now, T2)) {
                    ClientEffect::Resend
                } else {
                    ClientEffect::Nothing
                }
            }
            (State::Completed { until }, ClientInput::Tick) => {
                if now >= *until {
                    self.state = State::Terminated;
                }
                ClientEffect::Nothing
            }
            (State::Completed { .. }, ClientInput::Provisional | ClientInput::Final)
            | (
                State::Terminated,
                ClientInput::Provisional | ClientInput::Final | ClientInput::Tick,
            ) => ClientEffect::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]
    #![expect(clippy::wildcard_enum_match_arm, reason = "any other is a failure")]

    use super::super::timers::T1;
    use super::*;
    use ClientEffect as Effect;
    use ClientInput as Input;

    fn resends(machine: &mut Client, start: Instant) -> Vec<u128> {
        let mut resent = Vec::new();
        while let Some(at) = machine.deadline() {
            match machine.handle(Input::Tick, at) {
                Effect::Resend => resent.push((at - start).as_millis()),
                effect => assert_eq!((effect, at), (Effect::TimedOut, start + T1 * 64)),
            }
        }
        resent
    }

    /// RFC 3261 section 17.1.2.
    #[test]
    fn over_udp_it_is_sent_eleven_times_and_times_out_after_64_t1() {
        let start = Instant::now();
        let mut machine = Client::new(false, start);
        assert_eq!(
            resends(&mut machine, start),
            [
                500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500
            ]
        );
    }

    /// RFC 3261 section 17.1.2.
    #[test]
    fn a_provisional_slows_it_down_and_timer_f_still_ends_it() {
        let start = Instant::now();
        let mut machine = Client::new(false, start);
        assert_eq!(machine.handle(Input::Provisional, start), Effect::Report);
        assert_eq!(
            resends(&mut machine, start),
            [500, 4500, 8500, 12500, 16500, 20500, 24500, 28500]
        );
    }

    /// RFC 3261 section 17.1.2.
    #[test]
    fn a_final_answer_is_reported_once_and_absorbed_for_t4() {
        let start = Instant::now();
        let mut machine = Client::new(false, start);
        assert_eq!(machine.handle(Input::Final, start), Effect::Report);
        assert_eq!(machine.handle(Input::Final, start), Effect::Nothing);
        assert_eq!(machine.handle(Input::Provisional, start), Effect::Nothing);
        assert_eq!(machine.deadline(), Some(start + T4));
        machine.handle(Input::Tick, start + T4);
        assert!(machine.is_over());

        let mut machine = Client::new(true, start);
        assert_eq!(machine.handle(Input::Final, start), Effect::Report);
        assert!(machine.is_over(), "timer K is zero on a stream");
    }
}
