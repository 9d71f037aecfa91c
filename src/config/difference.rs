//! What a reload would change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::types::Config;
use crate::model::{FlowName, LineName, Number, OperatorName, Project, QueueName, TrunkName};

/// What becomes of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was not there.
    Added,
    /// It is another.
    Changed,
    /// It will not be there.
    Removed,
}

impl Change {
    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// The difference between two configurations. What stays is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// By their text: calls that go on keep the flow that they began with.
    pub flows: BTreeMap<FlowName, Change>,
    /// What may be dialled.
    pub numbers: BTreeMap<Number, Change>,
    /// The queues.
    pub queues: BTreeMap<QueueName, Change>,
    /// The lines.
    pub lines: BTreeMap<LineName, Change>,
    /// The operators.
    pub operators: BTreeMap<OperatorName, Change>,
    /// Opening hours.
    pub hours: BTreeMap<String, Change>,
    /// The projects.
    pub projects: BTreeMap<Project, Change>,
    /// Who may call in.
    pub trunks: BTreeMap<TrunkName, Change>,
    /// Other settings that change, by their names in the file.
    pub settings: Vec<&'static str>,
    /// Settings that change with a restart only.
    pub restart: Vec<&'static str>,
}

impl Difference {
    /// What it takes to come from one to the other.
    #[must_use]
    pub fn between(before: &Config, after: &Config) -> Self {
        let numbers = |config: &Config| -> BTreeMap<_, _> {
            let entries = config.numbers.iter();
            entries
                .map(|(n, entry)| (n.clone(), entry.clone()))
                .collect()
        };
        Self {
            flows: maps(&before.flows, &after.flows, |one, other| {
                one.revision() == other.revision()
            }),
            numbers: maps(&numbers(before), &numbers(after), PartialEq::eq),
            queues: maps(&before.queues, &after.queues, PartialEq::eq),
            lines: maps(&before.lines, &after.lines, PartialEq::eq),
            operators: maps(&before.operators, &after.operators, PartialEq::eq),
            hours: maps(&before.calendars, &after.calendars, PartialEq::eq),
            projects: maps(&before.projects, &after.projects, PartialEq::eq),
            trunks: maps(&before.sip.trunks, &after.sip.trunks, PartialEq::eq),
            settings: settings(before, after),
            restart: restart(before, after),
        }
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn maps<K: Ord + Clone, V>(
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
    same: impl Fn(&V, &V) -> bool,
) -> BTreeMap<K, Change> {
    let mut changes = BTreeMap::new();
    for (name, old) in before {
        match after.get(name) {
            Some(new) if same(old, new) => {}
            Some(_) => {
                changes.insert(name.clone(), Change::Changed);
            }
            None => {
                changes.insert(name.clone(), Change::Removed);
            }
        }
    }
    let added = after.keys().filter(|name| !before.contains_key(*name));
    changes.extend(added.map(|name| (name.clone(), Change::Added)));
    changes
}

fn different(pairs: &[(&'static str, bool)]) -> Vec<&'static str> {
    let changed = pairs.iter().filter(|(_, same)| !same);
    changed.map(|(name, _)| *name).collect()
}

fn settings(before: &Config, after: &Config) -> Vec<&'static str> {
    let (one, other) = (before, after);
    different(&[
        ("domain", one.domain == other.domain),
        ("drain", one.drain == other.drain),
        ("limits", one.limits == other.limits),
        ("media.codecs", one.media.codecs == other.media.codecs),
        ("media.silence", one.media.silence == other.media.silence),
        ("paths", one.paths == other.paths),
        ("requests", one.requests == other.requests),
        ("sip.dns", one.sip.dns == other.sip.dns),
        ("sip.guard", one.sip.guard == other.sip.guard),
        (
            "sip.max_expires",
            one.sip.max_expires == other.sip.max_expires,
        ),
        (
            "sip.min_expires",
            one.sip.min_expires == other.sip.min_expires,
        ),
        (
            "sip.probe_every",
            one.sip.probe_every == other.sip.probe_every,
        ),
        ("sip.tls", one.sip.tls == other.sip.tls),
        ("sip.websocket", one.sip.origins == other.sip.origins),
        ("speech", one.speech == other.speech),
        ("webhooks", one.webhooks == other.webhooks),
    ])
}

fn restart(before: &Config, after: &Config) -> Vec<&'static str> {
    let (one, other) = (before, after);
    different(&[
        ("http", one.http == other.http),
        ("media.ports", one.media.ports == other.media.ports),
        (
            "paths.recordings",
            one.paths.recordings == other.paths.recordings,
        ),
        ("sip.advertise", one.sip.advertise == other.sip.advertise),
        ("sip.listen", one.sip.listen == other.sip.listen),
        ("storage", one.storage == other.storage),
    ])
}
