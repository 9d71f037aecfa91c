//! Who was promised to be called back, and how far that is.
//!
//! ```text
//!  promise ─► Rests ─begin─► Waits ─dial─► Dials ─ answered ─► gone
//!               ▲              │ withdrawn   │ not reached
//!               └──────────────┴─────────────┘
//! ```
//! Invariants: one promise for one number in one queue; only one that waits is dialled,
//! and dialled by one call; the customer's age never changes. Whoever removes a promise
//! that waits tells its call, which then finds that nothing is left to dial.

use std::time::{Duration, Instant};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use serde::{Deserialize, Serialize};

use crate::model::{CallId, CallKey, Number, Project, QueueName, Requirement, ShardId, Telephone};
use crate::queue::CallbackSettings;

const HOUR: Duration = Duration::from_secs(3600);
/// Numbers whose promises of the last hour are counted, before those of older ones are
/// cleared.
const COUNTED: usize = 8_192;

/// Whom a promise is for: what it is found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallbackKey {
    /// The queue that the customer waited in.
    pub queue: QueueName,
    /// The number to dial.
    pub number: Number,
}

/// A promise, as it outlives the process. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// Its name.
    pub id: CallId,
    /// The queue that it keeps a place in.
    pub queue: QueueName,
    /// The number to dial.
    pub number: Number,
    /// What the customer dialled.
    pub called: Number,
    /// The project of that.
    pub project: Option<Project>,
    /// What an operator needs, beside what the queue asks for.
    pub require: Requirement,
    /// Who has these goes before who has not.
    pub prefer: Requirement,
    /// The call's own priority.
    pub priority: i16,
    /// When the customer was first queued.
    pub since_ms: u64,
    /// When it was promised.
    pub promised_ms: u64,
    /// Not before this is it the customer's turn.
    pub next_ms: u64,
    /// How often the customer was dialled.
    pub attempts: u32,
}

impl Callback {
    /// What it is found by.
    #[must_use]
    pub fn key(&self) -> CallbackKey {
        CallbackKey {
            queue: self.queue.clone(),
            number: self.number.clone(),
        }
    }
}

/// What is kept of a promise for the next process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is pending, and so far.
    Pending(Callback),
    /// It is over.
    Over(Callback),
}

/// What a promise is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Until its next attempt.
    Rests,
    /// This call waits in the queue for it.
    Waits(CallKey),
    /// An operator is there, and this call dials the customer.
    Dials(CallKey),
}

/// One promise, as it is found.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The promise.
    pub callback: Callback,
    /// When the customer was first queued: the place among all who wait.
    pub age: Instant,
    /// The shard that sees to it.
    pub home: ShardId,
    /// What it is doing.
    pub doing: Doing,
}

/// What came of a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Promised {
    /// It is made.
    Made,
    /// The number was promised one already: it is the same.
    Known(CallId),
}

/// Why no promise is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    /// The queue has as many as it may have.
    #[error("the queue has as many callbacks as it may have")]
    Queue,
    /// The number had as many within the last hour.
    #[error("the number was promised as many callbacks as one may have in an hour")]
    Number,
}

/// Every promise. As many as the queues are allowed to have.
#[derive(Debug, Default)]
pub struct Callbacks {
    pending: DashMap<CallbackKey, Pending>,
    /// When numbers were promised something, for an hour.
    recent: DashMap<Number, Vec<u64>>,
}

impl Callbacks {
    /// Makes a promise. One that the number has in this queue is the same, with the older
    /// of both ages.
    ///
    /// # Errors
    /// When the queue, or the number, has as many as it may.
    pub fn promise(
        &self,
        pending: Pending,
        settings: &CallbackSettings,
    ) -> Result<Promised, TooMany> {
        let callback = &pending.callback;
        let queue = &callback.queue;
        let count = self.pending.iter().filter(|p| p.key().queue == *queue);
        let full = count.count() >= settings.max_pending;
        let (number, now_ms) = (callback.number.clone(), callback.promised_ms);
        match self.pending.entry(callback.key()) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.age = known.age.min(pending.age);
                known.callback.since_ms = known.callback.since_ms.min(callback.since_ms);
                Ok(Promised::Known(known.callback.id.clone()))
            }
            Entry::Vacant(_) if full => Err(TooMany::Queue),
            Entry::Vacant(place) => {
                if !self.count(&number, now_ms, settings.per_hour) {
                    return Err(TooMany::Number);
                }
                place.insert(pending);
                Ok(Promised::Made)
            }
        }
    }

    /// Counts one more promise of a number, if it may have one more.
    fn count(&self, number: &Number, now_ms: u64, most: usize) -> bool {
        let hour = u64::try_from(HOUR.as_millis()).unwrap_or(u64::MAX);
        let recent = |at: &u64| now_ms.saturating_sub(*at) < hour;
        if self.recent.len() >= COUNTED {
            self.recent.retain(|_, times| times.iter().any(recent));
        }
        let mut times = self.recent.entry(number.clone()).or_default();
        times.retain(recent);
        let fits = times.len() < most;
        if fits {
            times.push(now_ms);
        }
        fits
    }

    /// Puts back what an earlier process promised.
    pub fn restore(&self, pending: Pending) {
        self.remember(&pending.callback.number, pending.callback.promised_ms);
        self.pending.insert(pending.callback.key(), pending);
    }

    /// Counts a promise that an earlier process made.
    pub fn remember(&self, number: &Number, promised_ms: u64) {
        let mut times = self.recent.entry(number.clone()).or_default();
        times.push(promised_ms);
    }

    /// A number is to be forgotten: its promises of the last hour count no more.
    pub fn forget(&self, number: &Telephone) {
        self.recent.retain(|known, _| !number.is(known));
    }

    /// The promise for somebody.
    #[must_use]
    pub fn find(&self, key: &CallbackKey) -> Option<Pending> {
        self.pending.get(key).map(|pending| pending.clone())
    }

    /// Every promise, in order of age.
    #[must_use]
    pub fn all(&self) -> Vec<Pending> {
        let mut all: Vec<Pending> = self.pending.iter().map(|p| p.clone()).collect();
        all.sort_by(|one, other| (one.age, &one.callback.id).cmp(&(other.age, &other.callback.id)));
        all
    }

    /// A call waits for it from now on. `None` when it does not rest.
    pub fn begin(&self, key: &CallbackKey, call: CallKey) -> Option<Pending> {
        let mut pending = self.pending.get_mut(key)?;
        if pending.doing != Doing::Rests {
            return None;
        }
        pending.doing = Doing::Waits(call);
        Some(pending.clone())
    }

    /// Whether this call waits for it.
    #[must_use]
    pub fn waits(&self, key: &CallbackKey, call: CallKey) -> bool {
        let pending = self.pending.get(key);
        pending.is_some_and(|pending| pending.doing == Doing::Waits(call))
    }

    /// The call that waits for it dials from now on, which is one attempt more; the next one
    /// is not before `next_ms`. `None` when it is gone, or another's.
    pub fn dial(&self, key: &CallbackKey, call: CallKey, next_ms: u64) -> Option<Callback> {
        let mut pending = self.pending.get_mut(key)?;
        if pending.doing != Doing::Waits(call) {
            return None;
        }
        pending.doing = Doing::Dials(call);
        pending.callback.attempts = pending.callback.attempts.saturating_add(1);
        pending.callback.next_ms = next_ms;
        Some(pending.callback.clone())
    }

    /// The call did not dial after all.
    pub fn not_dialled(&self, key: &CallbackKey, call: CallKey) -> Option<Callback> {
        let mut pending = self.pending.get_mut(key)?;
        if pending.doing != Doing::Dials(call) {
            return None;
        }
        pending.doing = Doing::Rests;
        pending.callback.attempts = pending.callback.attempts.saturating_sub(1);
        Some(pending.callback.clone())
    }

    /// The call is over; if it was to try for nothing, not before `next_ms` again.
    pub fn let_go(&self, key: &CallbackKey, call: CallKey, next_ms: Option<u64>) {
        if let Some(mut pending) = self.pending.get_mut(key)
            && matches!(pending.doing, Doing::Waits(by) | Doing::Dials(by) if by == call)
        {
            pending.doing = Doing::Rests;
            let next = next_ms.unwrap_or_default();
            pending.callback.next_ms = pending.callback.next_ms.max(next);
        }
    }

    /// It is over.
    pub fn remove(&self, key: &CallbackKey, id: &CallId) -> Option<Pending> {
        let removed = self.pending.remove_if(key, |_, p| p.callback.id == *id);
        removed.map(|(_, pending)| pending)
    }

    /// The customer called and waits, or somebody cancels it: it is over, unless the
    /// customer is being dialled.
    pub fn take(&self, key: &CallbackKey) -> Option<Pending> {
        if self.pending.is_empty() {
            return None;
        }
        let taken = self.pending.remove_if(key, |_, pending| {
            matches!(pending.doing, Doing::Rests | Doing::Waits(_))
        });
        taken.map(|(_, pending)| pending)
    }
}

#[cfg(test)]
#[path = "callbacks_tests.rs"]
mod tests;
