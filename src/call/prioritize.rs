//! A waiting call is to be served sooner, or later.

use crate::call::call::Call;
use crate::call::floor::Floor;
use crate::model::Event;

impl Call {
    /// Takes another priority of its own, at once; the queue's, and what escalation added,
    /// stay. A call that does not wait has none to change.
    pub(super) fn prioritize(&mut self, priority: i16, floor: &mut Floor<'_>) {
        let call = self.facts.id.clone();
        let Some(queue) = self.queued() else { return };
        let before = queue.wait.priority();
        queue.wait.prioritize(priority);
        let wanted = queue.wait.class();
        let board = &floor.shared.board;
        let Ok(class) = board.class(&wanted) else {
            queue.wait.prioritize(before);
            return floor.tell(Event::Fault {
                call: Some(call),
                what: "no room for another class",
            });
        };
        queue.priority = wanted.priority;
        // While a phone rings the board keeps this for when the call waits again.
        let matched = board.reclass(queue.ticket, class, floor.now);
        floor.tell(Event::Prioritized {
            call,
            queue: queue.name.clone(),
            priority: wanted.priority,
        });
        floor.matched(matched);
    }
}
