//! The `tests:` of a flow: calls that are made up, run with a clock that is made up.

mod expect;
mod read;
mod rehearsal;
mod story;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

pub(super) use read::Trial;
pub use rehearsal::{Moment, NoExit, Rehearsal, Stage, Wants};
pub use story::heard;

use super::hours::Calendar;
use super::load::Flow;
use crate::model::Diagnostic;

impl Flow {
    /// Runs the examples of `tests:`; `now` is any moment. A diagnostic for each thing
    /// that came out otherwise; the last of an example tells the call step by step.
    #[must_use]
    pub fn run_tests(
        self: &Arc<Self>,
        calendars: &Arc<BTreeMap<String, Calendar>>,
        now: Instant,
    ) -> Vec<Diagnostic> {
        self.tests
            .iter()
            .flat_map(|trial| trial.run(self, calendars, now))
            .collect()
    }
}
