//! Phones and operators as an earlier process left them.

use std::time::Instant;

use crate::call::{Shared, Snapshot};
use crate::model::{Event, OperatorName, OperatorState, PauseReason};
use crate::operator::LogIn;
use crate::registrar::Kept;
use crate::shard::{Order, Output, order};

/// An operator as an earlier process left them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Who.
    pub operator: OperatorName,
    /// What the operator did last of what can be gone on with: ready, paused or logged out.
    pub state: Option<OperatorState>,
    /// Why, when paused.
    pub reason: Option<PauseReason>,
    /// Their phones.
    pub phones: Vec<Kept>,
}

/// Puts back what was known of operators who are still configured, before any shard
/// starts. Whoever has no phone left is logged out.
pub fn restore(
    shared: &Shared,
    snapshot: &Snapshot,
    remembered: Vec<Remembered>,
    now: Instant,
    out: &mut Vec<Output>,
) {
    for Remembered {
        operator,
        state,
        reason,
        phones,
    } in remembered
    {
        let Some(settings) = snapshot.config.operators.get(&operator) else {
            continue;
        };
        let bindings = phones
            .into_iter()
            .filter_map(|kept| kept.binding(shared.epoch));
        for binding in bindings.filter(|binding| binding.expires_at > now) {
            out.push(Output::Event(Event::Registered {
                operator: operator.clone(),
                contact: binding.label().into(),
                remote: binding.peer.remote,
                refresh: false,
            }));
            shared.registrar.restore(&operator, binding);
        }
        let wanted = match state {
            Some(OperatorState::Paused) => Some(Order::Pause(reason)),
            Some(OperatorState::LoggedOut) => None,
            Some(
                OperatorState::Ready
                | OperatorState::Offered
                | OperatorState::Talking
                | OperatorState::WrapUp,
            ) => Some(Order::Ready),
            None => (settings.log_in == LogIn::OnRegister).then_some(Order::Ready),
        };
        if let Some(wanted) = wanted {
            // Without a phone that is still good there is nothing to go on with.
            order(shared, &operator, wanted, now, out).ok();
        }
    }
}
