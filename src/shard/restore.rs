//! Phones, operators and promises as an earlier process left them.

use std::time::{Duration, Instant};

use crate::call::{Callback, Doing, Pending, Shared, Snapshot};
use crate::model::{Event, OperatorName, OperatorState, PauseReason, ShardId};
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

/// Puts back what an earlier process promised, before any shard starts: in the same order,
/// and before whoever calls from now on. The first shard sees to all of them.
pub fn restore_callbacks(shared: &Shared, mut callbacks: Vec<Callback>) {
    callbacks.sort_by(|one, other| (one.since_ms, &one.id).cmp(&(other.since_ms, &other.id)));
    // No clock of this process reaches back to when they called: an order is enough.
    for (order, callback) in (0_u64..).zip(callbacks) {
        shared.callbacks.restore(Pending {
            callback,
            age: shared.epoch.instant + Duration::from_nanos(order),
            home: ShardId(0),
            doing: Doing::Rests,
        });
    }
}
