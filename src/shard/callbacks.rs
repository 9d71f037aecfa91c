//! Whose turn it is to be called back, and when it is over.
//!
//! A promise is looked at by the shard in which it was made: when it is due, when its call
//! is over, and every minute besides, so that nothing that went wrong keeps it for ever.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::{self, Call, Callback, CallbackKey, Customer, Doing, Pending};
use crate::model::{CallId, CallKey, CallbackResult};
use crate::queue::CallbackSettings;
use crate::shard::deadlines::Slot;
use crate::shard::house::Foreign;
use crate::shard::shard::{Due, Shard};
use crate::shard::words::Output;

/// So often each promise is looked at.
const LOOK: Duration = Duration::from_secs(60);
/// A queue that has no room is asked again.
const FULL: Duration = Duration::from_secs(10);

/// When each promise of the shard is looked at next.
#[derive(Debug, Default)]
pub(super) struct Looks(BTreeMap<CallbackKey, Slot>);

/// What a look finds.
enum Found {
    /// Nothing to do before this.
    Later(Duration),
    /// Its turn.
    Turn,
    /// Its call shall leave the queue, which is closed.
    Closed(CallKey),
    /// It is over.
    Over(CallbackResult),
}

impl Shard {
    /// A promise is to be looked at then, or before.
    pub(super) fn plan_look(&mut self, key: CallbackKey, at: Instant) {
        if let Some(slot) = self.looks.0.get(&key).copied() {
            if slot.at() <= at {
                return;
            }
            self.deadlines.remove(slot);
        }
        let slot = self.deadlines.add(at, Due::Callback(key.clone()));
        self.looks.0.insert(key, slot);
    }

    /// Promises that an earlier process made are looked at.
    pub fn resume_callbacks(&mut self, now: Instant) {
        for pending in self.shared.callbacks.all() {
            if pending.home == self.id {
                self.plan_look(pending.callback.key(), now);
            }
        }
    }

    /// A look at a promise.
    pub(super) fn look_at(&mut self, key: CallbackKey, now: Instant, out: &mut Vec<Output>) {
        self.looks.0.remove(&key);
        let Some(pending) = self.shared.callbacks.find(&key) else {
            return;
        };
        let next = match self.judge_callback(&pending, now) {
            Found::Later(wait) => wait,
            Found::Closed(call) => {
                self.tell(call, call::Input::Withdraw, now, out);
                LOOK
            }
            Found::Over(result) => return self.callback_over(&pending, result, now, out),
            Found::Turn => match self.call_back(&key, now, out) {
                Some(()) => LOOK,
                None => FULL,
            },
        };
        self.plan_look(key, now + next);
    }

    fn judge_callback(&mut self, pending: &Pending, now: Instant) -> Found {
        let callback = &pending.callback;
        let snapshot = Arc::clone(&self.snapshot);
        let queue = snapshot.config.queues.get(&callback.queue);
        let Some(settings) = queue.and_then(|queue| queue.callback.as_ref()) else {
            return match pending.doing {
                Doing::Dials(call) if self.has(call) => Found::Later(LOOK),
                Doing::Rests | Doing::Waits(_) | Doing::Dials(_) => {
                    Found::Over(CallbackResult::Cancelled)
                }
            };
        };
        let wall_ms = call::wall_ms(self.shared.epoch.wall_at(now));
        let open = self.is_open(settings, now);
        match pending.doing {
            Doing::Dials(call) if self.has(call) => Found::Later(LOOK),
            Doing::Waits(call) if self.has(call) => match over(callback, settings, wall_ms) {
                Some(result) => Found::Over(result),
                None if !open => Found::Closed(call),
                None => Found::Later(LOOK),
            },
            // Its call had a fault.
            Doing::Dials(call) | Doing::Waits(call) => {
                let callbacks = &self.shared.callbacks;
                callbacks.let_go(&callback.key(), call, None);
                Found::Later(Duration::ZERO)
            }
            Doing::Rests => match over(callback, settings, wall_ms) {
                Some(result) => Found::Over(result),
                None if self.draining || !open => Found::Later(LOOK),
                None => match callback.next_ms.checked_sub(wall_ms) {
                    None | Some(0) => Found::Turn,
                    Some(wait_ms) => Found::Later(Duration::from_millis(wait_ms).min(LOOK)),
                },
            },
        }
    }

    fn has(&mut self, call: CallKey) -> bool {
        let entry = self.calls.get_mut(call);
        entry.is_some_and(|entry| !entry.call.is_ending())
    }

    fn is_open(&self, settings: &CallbackSettings, now: Instant) -> bool {
        let wall = self.shared.epoch.wall_at(now);
        settings.hours.as_ref().is_none_or(|hours| {
            let calendar = self.snapshot.config.calendars.get(hours);
            calendar.is_some_and(|calendar| calendar.is_open_at(wall))
        })
    }

    /// A call begins to wait for an operator.
    fn call_back(&mut self, key: &CallbackKey, now: Instant, out: &mut Vec<Output>) -> Option<()> {
        self.pass_on(None, now, out);
        let snapshot = Arc::clone(&self.snapshot);
        let flow = Arc::clone(snapshot.config.house.queues.get(&key.queue)?);
        self.begun += 1;
        let call = CallKey::new(self.id, self.begun);
        let pending = self.shared.callbacks.begin(key, call)?;
        let customer = Customer {
            key: call,
            id: self.call_id(call),
            callback: pending.callback,
            age: pending.age,
            flow,
            snapshot,
        };
        let Some(begun) = self.floor(now, |floor| Call::call_back(customer, floor)) else {
            self.shared.callbacks.let_go(key, call, None);
            return None;
        };
        self.calls.insert(call, begun);
        self.pass_on(Some(call), now, out);
        self.schedule(call, now);
        Some(())
    }

    /// It is over: out of the book, and its call out of the queue.
    fn callback_over(
        &mut self,
        pending: &Pending,
        result: CallbackResult,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let key = pending.callback.key();
        let Some(removed) = self.shared.callbacks.remove(&key, &pending.callback.id) else {
            return;
        };
        self.floor(now, |floor| floor.callback_over(removed.callback, result));
        if let Doing::Waits(call) = removed.doing {
            self.withdraw(call, now, out);
        }
    }

    /// Somebody cancels it; too late while the customer's phone rings.
    pub(super) fn cancel_callback(
        &mut self,
        key: &CallbackKey,
        id: &CallId,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let found = self.shared.callbacks.find(key);
        let Some(pending) = found.filter(|pending| pending.callback.id == *id) else {
            return;
        };
        match pending.doing {
            Doing::Dials(_) => {}
            Doing::Rests | Doing::Waits(_) => {
                self.callback_over(&pending, CallbackResult::Cancelled, now, out);
            }
        }
    }

    /// Nobody waits for this call any more, in whichever shard it is.
    pub(super) fn withdraw(&mut self, call: CallKey, now: Instant, out: &mut Vec<Output>) {
        if call.shard() == self.id {
            self.tell(call, call::Input::Withdraw, now, out);
        } else {
            out.push(Output::Foreign(call.shard(), Foreign::Withdraw(call)));
        }
    }

    /// The server stops: who is not dialled yet waits for the next process.
    pub(super) fn leave_callbacks(&mut self, now: Instant, out: &mut Vec<Output>) {
        for pending in self.shared.callbacks.all() {
            if let Doing::Waits(call) = pending.doing
                && call.shard() == self.id
            {
                self.tell(call, call::Input::Withdraw, now, out);
            }
        }
    }
}

/// Why nobody is to be dialled any more.
fn over(callback: &Callback, settings: &CallbackSettings, wall_ms: u64) -> Option<CallbackResult> {
    if callback.attempts >= settings.attempts {
        return Some(CallbackResult::NotReached);
    }
    let since = Duration::from_millis(wall_ms.saturating_sub(callback.promised_ms));
    if since >= settings.within {
        return Some(CallbackResult::Expired);
    }
    None
}
