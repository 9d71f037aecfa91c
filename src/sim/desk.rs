//! What supervisors ask of the exchange.

use crate::model::CallId;
use crate::shard::Input;
use crate::sim::World;

impl World {
    /// Every waiting call, the oldest first.
    #[must_use]
    pub fn waiting_calls(&self) -> Vec<CallId> {
        let all = self.shared.waiting.oldest(usize::MAX).into_iter();
        all.map(|(id, _)| id).collect()
    }

    /// Gives a call another priority of its own. `false` when it does not wait.
    pub fn prioritize(&mut self, call: &CallId, priority: i16) -> bool {
        let Some(waiter) = self.shared.waiting.find(call.as_str()) else {
            return false;
        };
        let call = waiter.key;
        let shard = usize::from(call.shard().0);
        self.handle(shard, Input::Prioritize { call, priority });
        self.go_on();
        true
    }
}
