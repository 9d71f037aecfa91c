//! Codes that operators dial to say what they do: `*10` log in, `*11` log out, `*12` pause,
//! `*13` ready, `*14` end of the wrap-up.
//!
//! # Why
//! - A code is a call: every phone can make one, and its tone says that it was understood.
//!   What cannot be obeyed is refused before that, with a code that phones show.
//! - Who becomes ready does so when that call is over. At once, the phone would be offered
//!   somebody while it hears the tone, say that it is busy, and the operator would be paused.

use std::time::Instant;

use crate::model::{CallKey, Number, OperatorName, OperatorState, PauseReason, RejectReason};
use crate::shard::admission::{Guest, HOUSE, Refusal};
use crate::shard::order::{Order, order};
use crate::shard::shard::Shard;
use crate::shard::words::Output;
use crate::sip::{Peer, Request, ServerTx};

/// What a code asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Ready,
    LogOut,
    Pause(Option<PauseReason>),
    EndWrapUp,
}

impl Code {
    /// Reads what was dialled. The digits after `*12` are the reason.
    pub(super) fn read(dialled: &str) -> Option<Self> {
        let digits = dialled.strip_prefix('*')?;
        match digits {
            "10" | "13" => Some(Self::Ready),
            "11" => Some(Self::LogOut),
            "14" => Some(Self::EndWrapUp),
            _ => {
                let reason = digits.strip_prefix("12")?;
                let code =
                    reason.bytes().all(|byte| byte.is_ascii_digit()) && reason.len() <= REASON;
                code.then(|| Self::Pause((!reason.is_empty()).then(|| PauseReason::new(reason))))
            }
        }
    }
}

/// Digits of a reason.
const REASON: usize = 8;

impl Shard {
    /// An operator, who has proven to be one, dials a code.
    pub(super) fn dial_code(
        &mut self,
        (operator, code): (OperatorName, Code),
        (tx, request, peer): (ServerTx, &Request, Peer),
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let guest = self.dialler(&operator, &code, request, now);
        if let Some(caller) = self.welcome(guest, (tx, request, peer), now) {
            self.obey(caller.key, operator, code, now, out);
            self.begin(caller, now, out);
        }
    }

    /// An operator as the caller of a code that can be obeyed.
    fn dialler(
        &self,
        operator: &OperatorName,
        code: &Code,
        request: &Request,
        now: Instant,
    ) -> Result<Guest, Refusal> {
        let no_phone = || self.shared.registrar.contacts(operator, now).is_empty();
        let refused = match code {
            Code::LogOut => false,
            Code::Ready | Code::Pause(_) => no_phone(),
            Code::EndWrapUp => {
                let board = &self.shared.board;
                let id = board.find(operator);
                id.map(|id| board.state(id)) != Some(OperatorState::WrapUp)
            }
        };
        if refused {
            return Err(Refusal::new(403, RejectReason::Unsupported));
        }
        let flow = self.snapshot.config.house.done.clone();
        let unknown = || Refusal::new(404, RejectReason::UnknownNumber);
        Ok(Guest {
            trunk: HOUSE.into(),
            from: Number::new(operator.as_str()),
            display: None,
            to: Number::new(request.uri.user.clone().unwrap_or_default()),
            number: Number::from(HOUSE),
            flow: flow.ok_or_else(unknown)?,
            language: None,
            project: None,
            made_by: None,
        })
    }

    fn obey(
        &mut self,
        call: CallKey,
        operator: OperatorName,
        code: Code,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let order_now = match code {
            Code::Ready | Code::EndWrapUp => {
                self.ready_after.insert(call, operator);
                return;
            }
            Code::LogOut => Order::LogOut,
            Code::Pause(reason) => Order::Pause(reason),
        };
        // It was looked at whether it can be obeyed.
        order(&self.shared, &operator, order_now, now, out).ok();
    }

    /// A call is gone: whoever made it to be ready is.
    pub(super) fn ready_after(&mut self, call: CallKey, now: Instant) {
        if let Some(operator) = self.ready_after.remove(&call) {
            // Whose phone left meanwhile was logged out by that.
            order(&self.shared, &operator, Order::Ready, now, &mut self.wishes).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_star_and_what_is_meant() {
        let pause = |reason: &str| Some(Code::Pause(Some(PauseReason::new(reason))));
        for (dialled, code) in [
            ("*10", Some(Code::Ready)),
            ("*13", Some(Code::Ready)),
            ("*11", Some(Code::LogOut)),
            ("*14", Some(Code::EndWrapUp)),
            ("*12", Some(Code::Pause(None))),
            ("*127", pause("7")),
            ("*12345", pause("345")),
            ("*1212345678", pause("12345678")),
            ("*12123456789", None),
            ("*12lunch", None),
            ("*1", None),
            ("*100", None),
            ("*", None),
            ("12", None),
            ("", None),
        ] {
            assert_eq!(Code::read(dialled), code, "{dialled}");
        }
    }
}
