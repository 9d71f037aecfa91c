//! What outlives the exchange: promises, as they were kept last.

use std::collections::BTreeMap;

use crate::call::{Callback, Comeback, Doing, Keep};
use crate::model::{CallId, ShardId};
use crate::shard::{self, Input};
use crate::sim::World;

/// A disk that can be broken.
#[derive(Debug, Default)]
pub(super) struct Disk {
    broken: bool,
    pending: BTreeMap<CallId, Callback>,
}

impl World {
    pub(super) fn keep(&mut self, keep: Keep) -> bool {
        if self.disk.broken {
            return false;
        }
        match keep {
            Keep::Pending(callback) => {
                self.disk.pending.insert(callback.id.clone(), callback);
            }
            Keep::Over(callback) => {
                self.disk.pending.remove(&callback.id);
            }
        }
        true
    }

    /// Nothing can be kept from now on, or again.
    pub fn break_disk(&mut self, broken: bool) {
        self.disk.broken = broken;
    }

    /// The promises that another process would find.
    #[must_use]
    pub fn kept(&self) -> Vec<Callback> {
        self.disk.pending.values().cloned().collect()
    }

    /// An earlier process left these.
    pub fn remember(&mut self, callbacks: Vec<Callback>) {
        for callback in &callbacks {
            let id = callback.id.clone();
            self.disk.pending.insert(id, callback.clone());
        }
        shard::restore_waits(&self.shared, callbacks, Vec::new());
        if let Some(first) = self.shards.first_mut() {
            first.resume_callbacks(self.now);
        }
    }

    /// An earlier process took these calls along.
    pub fn lost(&mut self, comebacks: Vec<Comeback>) {
        shard::restore_waits(&self.shared, Vec::new(), comebacks);
    }

    /// The promises, and whether a call waits for each, in order of age.
    #[must_use]
    pub fn callbacks(&self) -> Vec<(Callback, Doing)> {
        let all = self.shared.callbacks.all().into_iter();
        all.map(|pending| (pending.callback, pending.doing))
            .collect()
    }

    /// Cancels the promise of this place in the list.
    pub fn cancel_callback(&mut self, at: usize) {
        let found = self.shared.callbacks.all().into_iter().nth(at);
        if let Some(pending) = found {
            let ShardId(home) = pending.home;
            let (key, id) = (pending.callback.key(), pending.callback.id);
            self.handle(usize::from(home), Input::CancelCallback { key, id });
            self.go_on();
        }
    }
}
