//! The world that flows ask: it replies what a test says.

use std::collections::VecDeque;
use std::time::Duration;

use crate::flow::{Asked, Reply};
use crate::model::CallKey;
use crate::sim::World;
use crate::sim::world::Packet;

/// Who replies, and what was asked.
#[derive(Debug, Default)]
pub(super) struct Backend {
    replies: VecDeque<(Duration, Reply)>,
    asked: Vec<Asked>,
}

impl World {
    /// The next ask that has no reply yet gets this one, so much later. An ask for which
    /// there is none is never answered.
    pub fn reply(&mut self, after: Duration, reply: Reply) {
        self.backend.replies.push_back((after, reply));
    }

    /// What flows asked.
    #[must_use]
    pub fn asked(&self) -> &[Asked] {
        &self.backend.asked
    }

    pub(super) fn ask(&mut self, call: CallKey, asked: Asked) {
        let number = asked.number;
        self.backend.asked.push(asked);
        if let Some((after, reply)) = self.backend.replies.pop_front() {
            self.deliver(after, Packet::Reply(call, number, reply));
        }
    }
}
