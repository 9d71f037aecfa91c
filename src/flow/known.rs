//! What a flow can be read with: the names of the configuration around it.

use std::collections::{BTreeMap, BTreeSet};

use super::origin::Origin;
use crate::model::{LineName, NodeName, OperatorName, Project, QueueName, Skill};

/// Names of the configuration that a flow may refer to.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Every queue.
    pub queues: &'a BTreeSet<QueueName>,
    /// Every queue that calls back.
    pub callbacks: &'a BTreeSet<QueueName>,
    /// The nodes that queues lead to by exits that a flow leaves open, by the flow's word
    /// for the exit.
    pub fallbacks: &'a BTreeMap<(QueueName, &'static str), NodeName>,
    /// Every line.
    pub lines: &'a BTreeSet<LineName>,
    /// Every operator.
    pub operators: &'a BTreeSet<OperatorName>,
    /// Every skill of an operator or a queue.
    pub skills: &'a BTreeSet<Skill>,
    /// Every calendar of `hours`.
    pub calendars: &'a BTreeSet<String>,
    /// Every project.
    pub projects: &'a BTreeSet<Project>,
    /// Whether `prompts/<language>/<name>.wav` is there; music is of language `music`.
    pub sounds: &'a dyn Fn(&str, &str) -> bool,
    /// Where requests may go.
    pub origins: &'a BTreeSet<Origin>,
    /// Whether there is a secret to sign requests with.
    pub signs: bool,
    /// Why an address cannot be dialled: what to write instead.
    pub addresses: &'a dyn Fn(&str) -> Option<&'static str>,
    /// Whether a text without a recording can be spoken.
    pub speaks: bool,
}

impl std::fmt::Debug for Known<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known")
            .field("queues", &self.queues)
            .field("fallbacks", &self.fallbacks)
            .field("lines", &self.lines)
            .field("operators", &self.operators)
            .field("skills", &self.skills)
            .field("calendars", &self.calendars)
            .finish_non_exhaustive()
    }
}

impl Known<'_> {
    /// A configuration with no name, no sound, no secret and no voice in it, whose house
    /// can dial any address. What a reader has of its own it writes over this.
    pub const fn nothing() -> Self {
        Self {
            queues: const { &BTreeSet::new() },
            callbacks: const { &BTreeSet::new() },
            fallbacks: const { &BTreeMap::new() },
            lines: const { &BTreeSet::new() },
            operators: const { &BTreeSet::new() },
            skills: const { &BTreeSet::new() },
            calendars: const { &BTreeSet::new() },
            projects: const { &BTreeSet::new() },
            sounds: &|_, _| false,
            origins: const { &BTreeSet::new() },
            signs: false,
            addresses: &|_| None,
            speaks: false,
        }
    }
}
