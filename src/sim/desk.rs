//! What supervisors ask of the exchange.

use crate::model::{CallId, OperatorName};
use crate::shard::{self, Input, Order, Refused, Standing};
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

    /// Orders something of an operator.
    ///
    /// # Errors
    /// As the exchange refuses it.
    pub fn order(&mut self, operator: &str, order: Order) -> Result<Standing, Refused> {
        let mut out = Vec::new();
        let operator = OperatorName::from(operator);
        let done = shard::order(&self.shared, &operator, order, self.now, &mut out);
        self.perform(out);
        self.go_on();
        done
    }
}
