//! The wait for a reply from the world outside, for every verb that asks.

use std::time::{Duration, Instant};

use super::kind::{Next, Wait};
use crate::flow::ask::{Ask, AskId, Reply, Unanswered};
use crate::flow::port::{Input, Returned};
use crate::flow::turn::Turn;

/// An ask that has no reply yet.
#[derive(Debug)]
pub(crate) struct Asking {
    number: AskId,
    pub(super) until: Instant,
}

impl Asking {
    /// Asks, and waits no longer than that for the reply.
    pub(super) fn begin(ask: Ask, within: Duration, turn: &mut Turn<'_>) -> Next {
        Next::Stay(Wait::Reply(Self {
            number: turn.ask(ask, within),
            until: turn.now + within,
        }))
    }

    /// The reply, when this input is it or it is too late for one; else the wait goes on.
    /// Keys are kept for the node that listens next.
    pub(super) fn hear(wait: Wait, input: Input, turn: &mut Turn<'_>) -> Result<Reply, Wait> {
        let Wait::Reply(asking) = &wait else {
            return Err(wait);
        };
        match input {
            Input::Returned(Returned::Reply(number, reply)) if number == asking.number => {
                return Ok(reply);
            }
            Input::Tick if turn.now >= asking.until => return Ok(Err(Unanswered::TimedOut)),
            Input::Key(key) => turn.core.ahead.push(key),
            Input::Begin
            | Input::Answered
            | Input::Played
            | Input::Tick
            | Input::Returned(
                Returned::Queue(_)
                | Returned::Line(_)
                | Returned::Message(_)
                | Returned::Callback(_)
                | Returned::Reply(..),
            ) => {}
        }
        Err(wait)
    }
}
