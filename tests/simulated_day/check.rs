//! Everything that can be asked, asked of the board and of the plain model. Slow.

use exchange::model::{Census, OperatorState};

use crate::both::Both;
use crate::plain::Stage;

impl Both {
    /// How many of those who may serve a class do what, agreed by both.
    pub(crate) fn census(&self, class: usize) -> Census {
        let census = self.plain.census(class);
        assert_eq!(
            self.real.census(class),
            census,
            "class {class} at {:?}",
            self.now
        );
        census
    }

    /// Every operator, every class in which somebody waits and every `nth` of the others;
    /// nobody waits beside a free operator, and the youngest in every `nth` line is where
    /// the board says.
    pub(crate) fn compare_all(&self, nth: usize) {
        for number in 0..self.plain.operators.len() {
            self.compare_operator(number);
            let operator = &self.plain.operators[number];
            assert_eq!(
                self.real.since(number),
                Some(operator.since),
                "operator {number}"
            );
        }
        let empty = self.steps % nth;
        for class in 0..self.plain.classes.len() {
            let crowded = self.plain.crowded.contains(&class);
            if crowded || class % nth == empty {
                self.compare_class(class);
                self.census(class);
            }
        }
        let crowded = self.plain.crowded.iter().skip(empty).step_by(nth);
        let last = crowded.filter_map(|class| self.plain.waiting[*class].last());
        for (_, call) in last {
            assert_eq!(
                self.real.ahead(*call),
                self.plain.ahead(*call),
                "call {call}"
            );
            let idle = self.real.nothing_between(*call, self.now);
            assert!(idle.is_empty(), "call {call} waits beside {idle:?}");
        }
        let overlooked = self.plain.overlooked(self.now);
        assert_eq!(overlooked, None, "somebody waits beside a free operator");
    }

    /// All went home: nothing is left of anything.
    pub(crate) fn close(&self) {
        self.compare_all(1);
        for (number, operator) in self.plain.operators.iter().enumerate() {
            let state = (operator.state, operator.mark);
            assert_eq!(state, (OperatorState::LoggedOut, None), "operator {number}");
        }
        for (call, caller) in self.plain.callers.iter().enumerate() {
            assert_eq!(caller.stage, Stage::Gone, "call {call}");
        }
        for class in 0..self.plain.classes.len() {
            let census = self.census(class);
            assert!(!census.staffed(), "class {class}: {census:?}");
        }
        self.real.fill_and_empty(self.now);
        self.real.fill_and_empty(self.now);
    }
}
