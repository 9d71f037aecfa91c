//! An INVITE that we answer (RFC 3261 section 17.2.1, figure 7, as changed by RFC 6026).
//!
//! ```text
//!              2xx                ┌─ resend T1..T2 until acknowledged
//!  Proceeding ─────► Accepted ────┴──L──► over (no ACK: told)
//!      │ 3xx–6xx
//!      └───────────► Completed ──ACK──► Confirmed ──I──► over
//!                     │ G: resend
//!                     └─ H: over
//! ```
//!
//! # Why
//! RFC 3261 section 13.3.1.4 has the user of the transaction resend the 2xx; here the
//! transaction does, on every transport, so that a busy call cannot forget it.

use std::time::Instant;

use super::timers::{GIVE_UP, Resend, T2, T4, TRYING_AFTER, earlier};

/// What may happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InviteServerInput {
    /// The same INVITE came again.
    Invite,
    /// An ACK came that belongs to this transaction.
    Ack,
    /// The user answers 1xx.
    Provisional,
    /// The user answers 2xx.
    Success,
    /// The user answers 3xx to 6xx.
    Failure,
    /// Time passed.
    Tick,
}

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InviteServerEffect {
    /// Nothing.
    Nothing,
    /// Send the user's answer.
    Send,
    /// Send the last answer again, or the 100 when there is none.
    Resend,
    /// Send the 100: the user has been silent for 200 ms.
    Trying,
    /// Hand the ACK to the user: it is for the 2xx.
    Report,
    /// Nobody acknowledged the 2xx.
    NoAck,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Proceeding {
        trying_at: Option<Instant>,
    },
    Completed {
        resend: Option<Resend>,
        until: Instant,
    },
    Confirmed {
        until: Instant,
    },
    /// Without `resend` it has been acknowledged.
    Accepted {
        resend: Option<Resend>,
        until: Instant,
    },
    Terminated,
}

/// The machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InviteServer {
    reliable: bool,
    state: State,
}

impl InviteServer {
    /// An INVITE came for the first time; `reliable` on a stream.
    pub(crate) fn new(reliable: bool, now: Instant) -> Self {
        let trying_at = Some(now + TRYING_AFTER);
        Self {
            reliable,
            state: State::Proceeding { trying_at },
        }
    }

    /// Whether it has no final answer yet.
    pub(crate) fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// Whether it can be forgotten.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// When it wants a tick.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Proceeding { trying_at } => trying_at,
            State::Completed { resend, until } | State::Accepted { resend, until } => {
                Some(earlier(resend, until))
            }
            State::Confirmed { until } => Some(until),
            State::Terminated => None,
        }
    }

    /// The user has seen the ACK for the 2xx: it is not sent again.
    pub(crate) fn acknowledged(&mut self) {
        if let State::Accepted { resend, .. } = &mut self.state {
            *resend = None;
        }
    }

    /// One step.
    pub(crate) fn handle(&mut self, input: InviteServerInput, now: Instant) -> InviteServerEffect {
        match input {
            InviteServerInput::Invite => match self.state {
                State::Proceeding { .. } | State::Completed { .. } => InviteServerEffect::Resend,
                // RFC 6026 section 7.1: absorbed; the 2xx is resent by its timer.
                State::Accepted { .. } | State::Confirmed { .. } | State::Terminated => {
                    InviteServerEffect::Nothing
                }
            },
            InviteServerInput::Ack => self.ack(now),
            InviteServerInput::Provisional => match &mut self.state {
                State::Proceeding { trying_at } => {
                    *trying_at = None;
                    InviteServerEffect::Send
                }
                State::Completed { .. }
                | State::Confirmed { .. }
                | State::Accepted { .. }
                | State::Terminated => InviteServerEffect::Nothing,
            },
            InviteServerInput::Success => self.answer(State::Accepted {
                resend: Some(Resend::start(now)),
                until: now + GIVE_UP,
            }),
            InviteServerInput::Failure => self.answer(State::Completed {
                resend: (!self.reliable).then(|| Resend::start(now)),
                until: now + GIVE_UP,
            }),
            InviteServerInput::Tick => self.tick(now),
        }
    }

    fn answer(&mut self, next: State) -> InviteServerEffect {
        if self.is_proceeding() {
            self.state = next;
            InviteServerEffect::Send
        } else {
            InviteServerEffect::Nothing
        }
    }

    fn ack(&mut self, now: Instant) -> InviteServerEffect {
        match self.state {
            State::Completed { .. } => {
                // Timer I is zero on a stream.
                self.state = if self.reliable {
                    State::Terminated
                } else {
                    State::Confirmed { until: now + T4 }
                };
                InviteServerEffect::Nothing
            }
            // Some phones use the INVITE's branch for this ACK too.
            State::Accepted { .. } => InviteServerEffect::Report,
            State::Proceeding { .. } | State::Confirmed { .. } | State::Terminated => {
                InviteServerEffect::Nothing
            }
        }
    }

    fn tick(&mut self, now: Instant) -> InviteServerEffect {
        match &mut self.state {
            State::Proceeding { trying_at } => {
                if trying_at.is_some_and(|at| now >= at) {
                    *trying_at = None;
                    return InviteServerEffect::Trying;
                }
            }
            State::Completed { resend, until } | State::Accepted { resend, until }
                if now < *until =>
            {
                if resend.as_mut().is_some_and(|g| g.fire(now, T2)) {
                    return InviteServerEffect::Resend;
                }
            }
            State::Accepted { resend, .. } => {
                let heard = resend.is_none();
                self.state = State::Terminated;
                if !heard {
                    return InviteServerEffect::NoAck;
                }
            }
            State::Completed { .. } => self.state = State::Terminated,
            State::Confirmed { until } => {
                if now >= *until {
                    self.state = State::Terminated;
                }
            }
            State::Terminated => {}
        }
        InviteServerEffect::Nothing
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;
    use InviteServerEffect as Effect;
    use InviteServerInput as Input;

    fn run_out(machine: &mut InviteServer, start: Instant) -> (Vec<u128>, Effect) {
        let mut resent = Vec::new();
        let mut last = Effect::Nothing;
        while let Some(at) = machine.deadline() {
            last = machine.handle(Input::Tick, at);
            if last == Effect::Resend {
                resent.push((at - start).as_millis());
            }
        }
        (resent, last)
    }

    /// RFC 3261 section 13.3.1.4.
    #[test]
    fn a_2xx_is_resent_on_every_transport_until_64_t1_and_the_silence_is_told() {
        for reliable in [false, true] {
            let start = Instant::now();
            let mut machine = InviteServer::new(reliable, start);
            assert_eq!(machine.handle(Input::Success, start), Effect::Send);
            let (resent, last) = run_out(&mut machine, start);
            assert_eq!(
                resent,
                [
                    500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500
                ]
            );
            assert_eq!(last, Effect::NoAck);
            assert!(machine.is_over());
        }
    }

    /// RFC 6026 section 7.1.
    #[test]
    fn an_acknowledged_2xx_is_quiet_and_absorbs_until_timer_l() {
        let start = Instant::now();
        let mut machine = InviteServer::new(false, start);
        machine.handle(Input::Success, start);
        assert_eq!(machine.handle(Input::Invite, start), Effect::Nothing);
        assert_eq!(machine.handle(Input::Ack, start), Effect::Report);
        machine.acknowledged();
        assert_eq!(machine.deadline(), Some(start + GIVE_UP));
        assert_eq!(run_out(&mut machine, start), (Vec::new(), Effect::Nothing));
    }

    /// RFC 3261 section 17.2.1.
    #[test]
    fn a_failure_is_resent_over_udp_until_the_ack() {
        let start = Instant::now();
        let mut machine = InviteServer::new(false, start);
        assert_eq!(machine.handle(Input::Failure, start), Effect::Send);
        assert_eq!(machine.handle(Input::Invite, start), Effect::Resend);
        let later = machine.deadline().unwrap();
        assert_eq!(machine.handle(Input::Tick, later), Effect::Resend);
        assert_eq!(machine.handle(Input::Ack, later), Effect::Nothing);
        assert_eq!(machine.deadline(), Some(later + T4));
        assert_eq!(machine.handle(Input::Invite, later), Effect::Nothing);
        machine.handle(Input::Tick, later + T4);
        assert!(machine.is_over());

        let mut machine = InviteServer::new(true, start);
        machine.handle(Input::Failure, start);
        assert_eq!(machine.deadline(), Some(start + GIVE_UP));
        machine.handle(Input::Ack, start);
        assert!(machine.is_over(), "timer I is zero on a stream");
    }

    /// RFC 3261 section 17.2.1.
    #[test]
    fn a_failure_without_ack_ends_at_timer_h() {
        let start = Instant::now();
        let mut machine = InviteServer::new(false, start);
        machine.handle(Input::Failure, start);
        let (resent, last) = run_out(&mut machine, start);
        assert_eq!((resent.len(), last), (10, Effect::Nothing));
    }

    /// RFC 3261 section 17.2.1.
    #[test]
    fn a_silent_user_is_covered_by_a_100_and_a_final_answer_is_given_once() {
        let start = Instant::now();
        let mut machine = InviteServer::new(false, start);
        let due = start + TRYING_AFTER;
        assert_eq!(machine.deadline(), Some(due));
        assert_eq!(machine.handle(Input::Tick, start), Effect::Nothing);
        assert_eq!(machine.handle(Input::Tick, due), Effect::Trying);
        assert_eq!(machine.deadline(), None);
        assert_eq!(machine.handle(Input::Provisional, due), Effect::Send);
        assert_eq!(machine.handle(Input::Success, due), Effect::Send);
        assert_eq!(machine.handle(Input::Failure, due), Effect::Nothing);
        assert_eq!(machine.handle(Input::Provisional, due), Effect::Nothing);
    }
}
