//! A waiting call is to be served sooner, or later.

use crate::call::call::Call;
use crate::call::floor::Floor;
use crate::model::Event;

impl Call {
    /// Takes another priority of its own, at once; the queue's, and what escalation added,
    /// stay. A call that does not wait has none to change.
    pub(super) fn prioritize(&mut self, priority: i16, floor: &mut Floor<'_>) {
        let Some(queue) = self.queued() else { return };
        let before = queue.wait.priority();
        queue.wait.prioritize(priority);
        // While a phone rings the board keeps this for when the call waits again.
        let moved = self.reclass(floor);
        let Some(queue) = self.queued() else { return };
        if !moved {
            return queue.wait.prioritize(before);
        }
        let (name, priority) = (queue.name.clone(), queue.wait.class().priority);
        queue.priority = priority;
        floor.tell(Event::Prioritized {
            call: self.facts.id.clone(),
            queue: name,
            priority,
        });
    }
}
