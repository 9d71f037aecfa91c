//! The steps of escalation of a call that waits. A phone that rings delays none of them.

use std::sync::Arc;

use crate::call::call::Call;
use crate::call::floor::Floor;
use crate::config::Line;
use crate::flow::QueueRequest;
use crate::model::{DequeueReason, Event, LineName};
use crate::queue::{Wait, WaitOutput};

impl Call {
    /// Takes a step that is due.
    pub(super) fn step(&mut self, number: usize, line: Option<LineName>, floor: &mut Floor<'_>) {
        match line {
            None => self.widen(number, floor),
            Some(line) => self.escalate(number, line, floor),
        }
    }

    /// A step that lets more operators take the call, or sooner.
    fn widen(&mut self, number: usize, floor: &mut Floor<'_>) {
        if !self.reclass(floor) {
            return;
        }
        let Some(queue) = self.queued() else { return };
        let (name, priority) = (queue.name.clone(), queue.wait.class().priority);
        let changed = std::mem::replace(&mut queue.priority, priority) != priority;
        floor.tell(Event::Escalated {
            call: self.facts.id.clone(),
            queue: name.clone(),
            step: number,
            line: None,
        });
        if changed {
            floor.tell(Event::Prioritized {
                call: self.facts.id.clone(),
                queue: name,
                priority,
            });
        }
    }

    /// Moves the call to the class that its wait says; whether there was room for one.
    pub(super) fn reclass(&mut self, floor: &mut Floor<'_>) -> bool {
        let Some(queue) = self.queued() else {
            return false;
        };
        let (ticket, key) = (queue.ticket, queue.wait.class());
        let board = &floor.shared.board;
        match board.class(&key) {
            Ok(class) => {
                let matched = board.reclass(ticket, class, floor.now);
                floor.matched(matched);
                true
            }
            Err(_) => {
                floor.tell(Event::Fault {
                    call: Some(self.facts.id.clone()),
                    what: "no room for another class",
                });
                false
            }
        }
    }

    /// A step to a line. A queue takes the call with its age; an address outside rings
    /// while the call keeps its place, and takes it when it answers. An operator who rings
    /// already rings on: whoever picks up first has the caller.
    fn escalate(&mut self, number: usize, line: LineName, floor: &mut Floor<'_>) {
        let Some(queue) = self.queued() else { return };
        let (from, age, waits) = (queue.name.clone(), queue.age, queue.waits);
        let (keys, whisper) = (queue.keys.clone(), queue.whisper.clone());
        let (asides, comfort) = (queue.asides.clone(), Arc::clone(&queue.comfort));
        let taken = match self.facts.snapshot.config.lines.get(&line) {
            Some(Line::Queue(to)) => {
                let request = QueueRequest {
                    keys,
                    asides,
                    comfort,
                    operator_announcement: whisper,
                    ..self.plain_request(to.clone())
                };
                self.enter_queue(request, (waits, age), floor).is_ok()
            }
            Some(Line::Outside { .. }) => self.dial_beside(&line, floor),
            None => false,
        };
        if taken {
            floor.tell(Event::Escalated {
                call: self.facts.id.clone(),
                queue: from,
                step: number,
                line: Some(line),
            });
        }
    }

    /// Rings a line outside while the call waits on; one that rings already makes room.
    fn dial_beside(&mut self, line: &LineName, floor: &mut Floor<'_>) -> bool {
        let Ok(dial) = self.dial(line, floor) else {
            return false;
        };
        let Some(queue) = self.queued() else {
            self.drop_dial(dial, floor);
            return false;
        };
        if let Some(before) = queue.dial.replace(dial) {
            self.drop_dial(before, floor);
        }
        true
    }

    /// A call that nobody who is logged in could take does not wait in vain: it takes its
    /// next steps now, until one reaches somebody.
    pub(super) fn hurry(&mut self, floor: &mut Floor<'_>) {
        // Each turn takes a step, and none comes twice.
        while let Some(queue) = self.queued() {
            let waits = queue.offers.is_empty() && queue.dial.is_none();
            if !waits || is_staffed(&queue.wait, floor) {
                return;
            }
            let told = std::mem::replace(&mut queue.uncoverable, true);
            let (name, step) = (queue.name.clone(), queue.wait.hurry());
            if !told {
                self.tell_uncoverable(&name, floor);
            }
            match step {
                Some(WaitOutput::Step { number, line }) => {
                    let usable = line.as_ref().is_none_or(|line| self.reaches(line, floor));
                    if usable {
                        self.step(number, line, floor);
                    }
                }
                Some(
                    WaitOutput::Announce { .. } | WaitOutput::Comfort { .. } | WaitOutput::TimedOut,
                )
                | None => return,
            }
        }
    }

    /// Why the call should not wait, if nobody could ever take it: not now, and not after
    /// any of its steps. With `leaves_paused` nobody is also who is paused.
    pub(super) fn nobody_for(
        &self,
        wait: &Wait,
        leaves_paused: bool,
        floor: &mut Floor<'_>,
    ) -> Option<DequeueReason> {
        let board = &floor.shared.board;
        let class = board.class(&wait.class()).ok()?;
        let census = board.census(class);
        if census.working() > 0 {
            return None;
        }
        if census.staffed() {
            return leaves_paused.then_some(DequeueReason::AllPaused);
        }
        let mut later = wait.clone();
        while let Some(WaitOutput::Step { line, .. }) = later.hurry() {
            let helps = match &line {
                Some(line) => self.reaches(line, floor),
                None => is_staffed(&later, floor),
            };
            if helps {
                return None;
            }
        }
        Some(DequeueReason::NoOperators)
    }

    pub(super) fn tell_uncoverable(&self, queue: &crate::model::QueueName, floor: &mut Floor<'_>) {
        floor.tell(Event::Uncoverable {
            call: self.facts.id.clone(),
            queue: queue.clone(),
        });
    }

    /// Whether a line leads to anybody: an address outside, or a queue with somebody who is
    /// logged in.
    fn reaches(&self, line: &LineName, floor: &Floor<'_>) -> bool {
        let config = &self.facts.snapshot.config;
        match config.lines.get(line) {
            Some(Line::Outside { .. }) => true,
            Some(Line::Queue(to)) => config.queues.get(to).is_some_and(|settings| {
                let asked = crate::queue::Asked::default();
                is_staffed(&Wait::new(Arc::clone(settings), asked, floor.now), floor)
            }),
            None => false,
        }
    }
}

/// Whether anybody who is logged in could take the call as it is.
fn is_staffed(wait: &Wait, floor: &Floor<'_>) -> bool {
    let board = &floor.shared.board;
    let class = board.class(&wait.class());
    class.is_ok_and(|class| board.census(class).staffed())
}
