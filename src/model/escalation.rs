//! Steps of escalation, as a queue lists them or a flow puts in their place.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Level, LineName, Requirement, Skill};

/// One step of escalation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How long after the call came into the queue.
    pub after: Duration,
    /// What it does.
    pub action: Action,
}

/// What a step of escalation does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Lower levels; `None` drops the skill.
    Relax(BTreeMap<Skill, Option<Level>>),
    /// Operators who meet this may take the call too.
    Also(Requirement),
    /// Added to the call's priority.
    Priority(i16),
    /// The call leaves the queue for a line.
    Line(LineName),
}
