//! A call that an operator makes keeps the operator from being offered others.

use std::time::Duration;

use crate::call::call::Call;
use crate::call::floor::Floor;
use crate::dispatch::After;
use crate::model::{Event, OperatorState};

impl Call {
    /// Takes the operator who makes the call, if ready. One who talks already is busy
    /// anyway.
    pub(super) fn occupy(&mut self, floor: &mut Floor<'_>) {
        let Some((operator, _)) = &self.facts.made_by else {
            return;
        };
        let board = &floor.shared.board;
        let found = board.find(operator);
        let Some(claim) = found.and_then(|id| board.take(id, floor.now)) else {
            return;
        };
        self.busy = Some(claim);
        if board.answered(&claim, floor.now) {
            floor.tell(Event::OperatorChanged {
                operator: operator.clone(),
                state: OperatorState::Talking,
                reason: None,
                call: Some(self.facts.id.clone()),
            });
        }
    }

    /// The operator is ready again.
    pub(super) fn vacate(&mut self, floor: &mut Floor<'_>) {
        let maker = self
            .facts
            .made_by
            .as_ref()
            .map(|(operator, _)| operator.clone());
        if let Some((operator, claim)) = maker.zip(self.busy.take()) {
            self.release(&operator, claim, (After::Ready, Duration::ZERO), floor);
        }
    }
}
