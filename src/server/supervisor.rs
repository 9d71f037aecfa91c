//! What a supervisor reaches from outside the shards: the board, and the shards' inboxes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use exchange::call::{Callback, Doing, Pending, Shared, Waiter};
use exchange::dispatch::WhyNot;
use exchange::model::{
    CallId, CallbackResult, Event, OperatorName, OperatorState, ShardId, Telephone,
};
use exchange::shard::{self, Foreign, Input, Order, Output, Refused, Standing};

use crate::server::clock;

/// Where goes what comes of an order.
pub(crate) trait Wires: Send + Sync {
    /// To a shard.
    fn send(&self, shard: ShardId, input: Input);
    /// To whoever reads events.
    fn tell(&self, event: Event);
}

/// A supervisor's hands. Everything is done at once and in any thread, but what needs the
/// call's own shard.
#[derive(Clone)]
pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    wires: Arc<dyn Wires>,
}

/// One waiting call that an operator does not have.
#[derive(Clone, Debug)]
pub(crate) struct Missing {
    pub(crate) call: CallId,
    pub(crate) waited: Duration,
    pub(crate) why: WhyNot,
}

impl Supervisor {
    pub(crate) fn new(shared: Arc<Shared>, wires: Arc<dyn Wires>) -> Self {
        Self { shared, wires }
    }

    /// Asks for another priority of a call's own; `false` when it does not wait.
    pub(crate) fn prioritize(&self, call: &str, priority: i16) -> bool {
        let Some(Waiter { key, .. }) = self.shared.waiting.find(call) else {
            return false;
        };
        let call = key;
        let input = Input::Prioritize { call, priority };
        self.wires.send(key.shard(), input);
        true
    }

    /// Every callback that is pending, in order of age.
    pub(crate) fn callbacks(&self) -> Vec<Pending> {
        self.shared.callbacks.all()
    }

    /// Cancels a callback; what it was doing. `None` when there is none of that id.
    pub(crate) fn cancel(&self, id: &str) -> Option<Doing> {
        let all = self.shared.callbacks.all().into_iter();
        let mut found = all.filter(|pending| pending.callback.id.as_str() == id);
        let Pending {
            callback,
            home,
            doing,
            ..
        } = found.next()?;
        let key = callback.key();
        let id = callback.id;
        self.wires.send(home, Input::CancelCallback { key, id });
        Some(doing)
    }

    /// Takes every promise to a number out of the book; those that were pending. A customer
    /// who is being dialled at that moment may be reached by it, and is dialled no more.
    pub(crate) fn forget(&self, number: &Telephone) -> Vec<Callback> {
        let callbacks = &self.shared.callbacks;
        callbacks.forget(number);
        self.shared.comebacks.forget(number);
        let all = callbacks.all().into_iter();
        let mine = all.filter(|pending| number.is(&pending.callback.number));
        let gone = mine.filter_map(|pending| {
            let removed = callbacks.remove(&pending.callback.key(), &pending.callback.id)?;
            if let Doing::Waits(call) = removed.doing {
                let withdraw = Input::Foreign(Foreign::Withdraw(call));
                self.wires.send(call.shard(), withdraw);
            }
            let callback = removed.callback;
            self.wires.tell(Event::CallbackEnded {
                callback: callback.id.clone(),
                queue: callback.queue.clone(),
                result: CallbackResult::Cancelled,
                attempts: callback.attempts,
            });
            Some(callback)
        });
        gone.collect()
    }

    /// Orders something of an operator.
    ///
    /// # Errors
    /// When the operator cannot obey.
    pub(crate) fn order(&self, operator: &OperatorName, order: Order) -> Result<Standing, Refused> {
        let mut out = Vec::new();
        let done = shard::order(&self.shared, operator, order, clock::now(), &mut out);
        for output in out {
            match output {
                Output::Event(event) => self.wires.tell(event),
                Output::Match(matched) => {
                    let shard = matched.call.shard();
                    self.wires.send(shard, Input::Match(matched));
                }
                Output::Transmit { .. }
                | Output::Refusal(_)
                | Output::Count(_)
                | Output::Media(_)
                | Output::Foreign(..)
                | Output::Keep { .. }
                | Output::Trusted(_)
                | Output::Expected(..)
                | Output::Dropped(_)
                | Output::Ask { .. }
                | Output::Resolve { .. } => {}
            }
        }
        done
    }

    /// What follows the operator's call, if something was asked for.
    pub(crate) fn pending(&self, operator: &OperatorName) -> Option<OperatorState> {
        let board = &self.shared.board;
        board.pending(board.find(operator)?)
    }

    /// How many calls wait or are offered.
    pub(crate) fn tickets(&self) -> usize {
        self.shared.board.tickets()
    }

    /// When that was on the wall clock.
    pub(crate) fn wall(&self, standing: &Standing) -> SystemTime {
        self.shared.epoch.wall_at(standing.since)
    }

    /// How much longer an extended wrap-up lasts.
    pub(crate) fn left(&self, standing: &Standing) -> Option<Duration> {
        let until = standing.wrap_up_until?;
        Some(until.saturating_duration_since(clock::now()))
    }

    /// Why each operator does not have this call; `None` when it does not wait. As costly
    /// as there are operators.
    pub(crate) fn why(&self, call: &str) -> Option<Vec<(OperatorName, WhyNot)>> {
        let waiter = self.shared.waiting.find(call)?;
        Some(self.shared.board.why(waiter.ticket, clock::now()))
    }

    /// Why an operator does not have each of the calls that have waited for longest, `most`
    /// of them, and how many wait in all.
    pub(crate) fn why_operator(
        &self,
        operator: &OperatorName,
        most: usize,
    ) -> (Vec<Missing>, usize) {
        let now = clock::now();
        let board = &self.shared.board;
        let operator = board.find(operator);
        let waiters = self.shared.waiting.oldest(most).into_iter();
        let missing = waiters.filter_map(|(call, waiter)| {
            let why = board.why_operator(operator?, waiter.ticket, now)?;
            let waited = now.saturating_duration_since(waiter.since);
            Some(Missing { call, waited, why })
        });
        (missing.collect(), self.shared.waiting.len())
    }
}
