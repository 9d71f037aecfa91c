//! Phones, operators and promises as an earlier process left them.

use std::time::{Duration, Instant};

use crate::call::{Callback, Comeback, Doing, Pending, Shared, Snapshot};
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

/// Puts back who waited in an earlier process for a call that was promised, or on the line
/// until it was cut, before any shard starts: in the same order, and before whoever calls
/// from now on. The first shard sees to all promises.
pub fn restore_waits(shared: &Shared, callbacks: Vec<Callback>, comebacks: Vec<Comeback>) {
    let promised = callbacks.into_iter().map(Wait::Promised);
    let mut waits: Vec<Wait> = promised
        .chain(comebacks.into_iter().map(Wait::Cut))
        .collect();
    waits.sort_by(|one, other| one.rank().cmp(&other.rank()));
    // No clock of this process reaches back to when they called: an order is enough.
    for (order, wait) in (0_u64..).zip(waits) {
        let age = shared.epoch.instant + Duration::from_nanos(order);
        match wait {
            Wait::Promised(callback) => shared.callbacks.restore(Pending {
                callback,
                age,
                home: ShardId(0),
                doing: Doing::Rests,
            }),
            Wait::Cut(comeback) => shared.comebacks.keep(comeback, age),
        }
    }
}

enum Wait {
    Promised(Callback),
    Cut(Comeback),
}

impl Wait {
    fn rank(&self) -> (u64, &str) {
        match self {
            Self::Promised(callback) => (callback.since_ms, callback.id.as_str()),
            Self::Cut(comeback) => (comeback.since_ms, comeback.key.number.as_str()),
        }
    }
}
