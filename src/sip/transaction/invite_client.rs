//! Our INVITE (RFC 3261 section 17.1.1, figure 5, as changed by RFC 6026).
//!
//! ```text
//!             1xx              2xx
//!  Calling ─────────► Proceeding ─────► Accepted ──M──► over
//!     │ A: resend        │  3xx–6xx: ACK
//!     │ B: timed out     └─────────────► Completed ──D──► over
//! ```

use std::time::Instant;

use super::timers::{GIVE_UP, Resend, TIMER_D, earlier};

/// What may happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InviteClientInput {
    /// A 1xx came.
    Provisional,
    /// A 2xx came.
    Success,
    /// A 3xx to 6xx came.
    Failure,
    /// We sent a CANCEL.
    Cancelled,
    /// Time passed.
    Tick,
}

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InviteClientEffect {
    /// Nothing.
    Nothing,
    /// Send the INVITE again.
    Resend,
    /// Hand the response to the user.
    Report,
    /// Send an ACK and hand the response to the user.
    AckAndReport,
    /// Send the ACK for a failure again.
    AckAgain,
    /// One more 2xx: the first again, or another branch of a fork.
    AnotherSuccess,
    /// Nobody answered.
    TimedOut,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Calling {
        resend: Option<Resend>,
        give_up: Instant,
    },
    /// `give_up` is set by a CANCEL: a callee who ignores it is given 64 × T1
    /// (RFC 3261 section 9.1). Without one it may ring for as long as the user likes.
    Proceeding {
        give_up: Option<Instant>,
    },
    Completed {
        until: Instant,
    },
    Accepted {
        until: Instant,
    },
    Terminated,
}

/// The machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InviteClient {
    reliable: bool,
    state: State,
}

impl InviteClient {
    /// The INVITE has been sent once; `reliable` on a stream.
    pub(crate) fn new(reliable: bool, now: Instant) -> Self {
        let resend = (!reliable).then(|| Resend::start(now));
        let give_up = now + GIVE_UP;
        Self {
            reliable,
            state: State::Calling { resend, give_up },
        }
    }

    /// Whether a CANCEL may be sent: only after a 1xx and before a final answer.
    pub(crate) fn may_cancel(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// Whether nothing has come back yet.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self.state, State::Calling { .. })
    }

    /// Whether it can be forgotten.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// When it wants a tick.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Calling { resend, give_up } => Some(earlier(resend, give_up)),
            State::Proceeding { give_up } => give_up,
            State::Completed { until } | State::Accepted { until } => Some(until),
            State::Terminated => None,
        }
    }

    /// One step.
    pub(crate) fn handle(&mut self, input: InviteClientInput, now: Instant) -> InviteClientEffect {
        match input {
            InviteClientInput::Provisional => self.provisional(),
            InviteClientInput::Success => self.success(now),
            InviteClientInput::Failure => self.failure(now),
            InviteClientInput::Cancelled => {
                if let State::Proceeding { give_up } = &mut self.state {
                    give_up.get_or_insert(now + GIVE_UP);
                }
                InviteClientEffect::Nothing
            }
            InviteClientInput::Tick => self.tick(now),
        }
    }

    fn provisional(&mut self) -> InviteClientEffect {
        match self.state {
            State::Calling { .. } => {
                self.state = State::Proceeding { give_up: None };
                InviteClientEffect::Report
            }
            State::Proceeding { .. } => InviteClientEffect::Report,
            State::Completed { .. } | State::Accepted { .. } | State::Terminated => {
                InviteClientEffect::Nothing
            }
        }
    }

    fn success(&mut self, now: Instant) -> InviteClientEffect {
        match self.state {
            State::Calling { .. } | State::Proceeding { .. } => {
                self.state = State::Accepted {
                    until: now + GIVE_UP,
                };
                InviteClientEffect::Report
            }
            State::Accepted { .. } => InviteClientEffect::AnotherSuccess,
            State::Completed { .. } | State::Terminated => InviteClientEffect::Nothing,
        }
    }

    fn failure(&mut self, now: Instant) -> InviteClientEffect {
        match self.state {
            State::Calling { .. } | State::Proceeding { .. } => {
                // Timer D is zero on a stream.
                self.state = if self.reliable {
                    State::Terminated
                } else {
                    State::Completed {
                        until: now + TIMER_D,
                    }
                };
                InviteClientEffect::AckAndReport
            }
            State::Completed { .. } => InviteClientEffect::AckAgain,
            State::Accepted { .. } | State::Terminated => InviteClientEffect::Nothing,
        }
    }

    fn tick(&mut self, now: Instant) -> InviteClientEffect {
        match &mut self.state {
            State::Calling { resend, give_up } => {
                if now >= *give_up {
                    self.state = State::Terminated;
                    return InviteClientEffect::TimedOut;
                }
                // Timer A has no longest step; 64 × T1 ends it.
                if resend.as_mut().is_some_and(|a| a.fire(now, GIVE_UP)) {
                    return InviteClientEffect::Resend;
                }
            }
            State::Proceeding { give_up } => {
                if give_up.is_some_and(|at| now >= at) {
                    self.state = State::Terminated;
                    return InviteClientEffect::TimedOut;
                }
            }
            State::Completed { until } | State::Accepted { until } => {
                if now >= *until {
                    self.state = State::Terminated;
                }
            }
            State::Terminated => {}
        }
        InviteClientEffect::Nothing
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]
    #![expect(clippy::wildcard_enum_match_arm, reason = "any other is a failure")]

    use super::super::timers::T1;
    use super::*;
    use InviteClientEffect as Effect;
    use InviteClientInput as Input;

    /// RFC 3261 section 17.1.1.
    #[test]
    fn over_udp_it_is_sent_seven_times_and_times_out_after_64_t1() {
        let start = Instant::now();
        let mut machine = InviteClient::new(false, start);
        let mut resent = Vec::new();
        while let Some(at) = machine.deadline() {
            match machine.handle(Input::Tick, at) {
                Effect::Resend => resent.push((at - start).as_millis()),
                effect => assert_eq!((effect, at), (Effect::TimedOut, start + T1 * 64)),
            }
        }
        assert_eq!(resent, [500, 1500, 3500, 7500, 15500, 31500]);
        assert!(machine.is_over());
    }

    /// RFC 3261 section 17.1.1.
    #[test]
    fn on_a_stream_it_is_sent_once() {
        let start = Instant::now();
        let mut machine = InviteClient::new(true, start);
        assert_eq!(machine.deadline(), Some(start + GIVE_UP));
        assert_eq!(
            machine.handle(Input::Tick, start + GIVE_UP),
            Effect::TimedOut
        );
        assert!(machine.is_over());
    }

    /// RFC 3261 section 17.1.1.
    #[test]
    fn ringing_never_ends_by_itself_but_a_cancelled_one_does() {
        let start = Instant::now();
        let mut machine = InviteClient::new(false, start);
        assert_eq!(machine.handle(Input::Provisional, start), Effect::Report);
        assert_eq!(machine.deadline(), None);
        assert_eq!(machine.handle(Input::Cancelled, start), Effect::Nothing);
        let later = start + T1;
        assert_eq!(machine.handle(Input::Cancelled, later), Effect::Nothing);
        assert_eq!(machine.deadline(), Some(start + GIVE_UP));
        assert_eq!(
            machine.handle(Input::Tick, start + GIVE_UP),
            Effect::TimedOut
        );
    }

    /// RFC 3261 section 17.1.1.
    #[test]
    fn each_repeated_failure_is_acknowledged_until_timer_d() {
        let start = Instant::now();
        let mut machine = InviteClient::new(false, start);
        assert_eq!(machine.handle(Input::Failure, start), Effect::AckAndReport);
        assert_eq!(machine.handle(Input::Failure, start), Effect::AckAgain);
        assert_eq!(machine.handle(Input::Success, start), Effect::Nothing);
        assert_eq!(machine.handle(Input::Provisional, start), Effect::Nothing);
        assert_eq!(
            machine.handle(Input::Tick, start + TIMER_D),
            Effect::Nothing
        );
        assert!(machine.is_over());

        let mut machine = InviteClient::new(true, start);
        assert_eq!(machine.handle(Input::Failure, start), Effect::AckAndReport);
        assert!(machine.is_over(), "timer D is zero on a stream");
    }

    /// RFC 6026 section 7.2.
    #[test]
    fn after_a_2xx_further_ones_are_told_apart_until_timer_m() {
        let start = Instant::now();
        let mut machine = InviteClient::new(true, start);
        assert_eq!(machine.handle(Input::Success, start), Effect::Report);
        assert_eq!(
            machine.handle(Input::Success, start),
            Effect::AnotherSuccess
        );
        assert_eq!(machine.handle(Input::Failure, start), Effect::Nothing);
        assert_eq!(
            machine.handle(Input::Tick, start + GIVE_UP - T1),
            Effect::Nothing
        );
        assert!(!machine.is_over());
        machine.handle(Input::Tick, start + GIVE_UP);
        assert!(machine.is_over());
    }
}
