//! What a supervisor, or the operator at a desk, orders of an operator.

use std::time::{Duration, Instant};

use crate::call::Shared;
use crate::dispatch::OperatorId;
use crate::model::{Event, OperatorName, OperatorState, PauseReason};
use crate::shard::Output;

/// What an operator is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Take calls. Ends a pause and a wrap-up, and takes back what is pending.
    Ready,
    /// Take no more calls.
    Pause(Option<PauseReason>),
    /// Be gone.
    LogOut,
    /// Wrap up for so much longer.
    WrapUpLonger(Duration),
}

/// What the operator does once the order is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What.
    pub state: OperatorState,
    /// Why, when paused.
    pub reason: Option<PauseReason>,
    /// Since when.
    pub since: Instant,
    /// What follows when the call or the offer that goes on is over.
    pub pending: Option<OperatorState>,
    /// When the wrap-up ends, when it was extended.
    pub wrap_up_until: Option<Instant>,
}

/// Why an order is not obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody of this name was ever configured.
    #[error("there is no such operator")]
    Unknown,
    /// Nothing could ring.
    #[error("no phone of this operator is registered: register one, then ask again")]
    NoPhone,
    /// There is nothing to extend.
    #[error("this operator is not in wrap-up but {0}")]
    NoWrapUp(OperatorState),
}

/// Orders something of an operator, on the board at once. Who is busy finishes first and
/// is marked until then.
///
/// Of what comes out, matches are for the shards of their calls.
///
/// # Errors
/// When the operator cannot obey; nothing is changed then.
pub fn order(
    shared: &Shared,
    operator: &OperatorName,
    order: Order,
    now: Instant,
    out: &mut Vec<Output>,
) -> Result<Standing, Refused> {
    let board = &shared.board;
    let id = board.find(operator).ok_or(Refused::Unknown)?;
    let mut wrap_up_until = None;
    match order {
        Order::Ready => {
            needs_phone(shared, operator, now)?;
            let change = board.ready(id, now);
            shared.afresh(operator);
            out.extend(shared.changed(operator, &change, None).map(Output::Event));
            out.extend(change.matches().map(Output::Match));
        }
        Order::Pause(reason) => {
            needs_phone(shared, operator, now)?;
            pause(shared, (operator, id), reason, now, out);
            shared.wrap_ups.end(operator);
        }
        Order::LogOut => {
            let change = board.log_out(id, now);
            shared.afresh(operator);
            out.extend(shared.changed(operator, &change, None).map(Output::Event));
        }
        Order::WrapUpLonger(more) => {
            let until = shared.wrap_ups.extend(operator, more);
            wrap_up_until = Some(until.ok_or_else(|| Refused::NoWrapUp(board.state(id)))?);
        }
    }
    let state = board.state(id);
    let paused = state == OperatorState::Paused;
    Ok(Standing {
        state,
        reason: paused.then(|| shared.pauses.reason(operator)).flatten(),
        since: board.since(id).unwrap_or(now),
        pending: board.pending(id),
        wrap_up_until,
    })
}

/// A ready operator whom nothing can reach would miss every offer.
fn needs_phone(shared: &Shared, operator: &OperatorName, now: Instant) -> Result<(), Refused> {
    let phones = shared.registrar.contacts(operator, now);
    (!phones.is_empty()).then_some(()).ok_or(Refused::NoPhone)
}

fn pause(
    shared: &Shared,
    (operator, id): (&OperatorName, OperatorId),
    reason: Option<PauseReason>,
    now: Instant,
    out: &mut Vec<Output>,
) {
    // Before the mark: the shard that ends the call may find the mark at once.
    let news = shared.pauses.asked(operator, reason.clone());
    let change = shared.board.pause(id, now);
    let paused = change.state == OperatorState::Paused;
    if change.changed {
        // Whatever ended meanwhile may have taken the reason away.
        shared.pauses.asked(operator, reason.clone());
    }
    if paused && (change.changed || news) {
        out.push(Output::Event(Event::OperatorChanged {
            operator: operator.clone(),
            state: OperatorState::Paused,
            reason,
            call: None,
        }));
    }
}
