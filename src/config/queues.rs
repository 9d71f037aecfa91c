//! `queues`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::reader::{Reader, check_name};
use crate::dispatch::Strategy;
use crate::flow::source::Cursor;
use crate::flow::steps::{requirement, steps};
use crate::model::{LineName, NodeName, QueueName, limits};
use crate::queue::{Announce, MissedOffer, ServiceLevel, Settings};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);
const FIELDS: &[&str] = &[
    "requires",
    "strategy",
    "priority",
    "offer_timeout",
    "missed_offer",
    "wrap_up",
    "service_level",
    "max_waiting",
    "max_wait",
    "music",
    "announce",
    "escalate",
    "empty",
    "full",
    "timeout",
    "all_paused",
    "callback",
];

/// What a queue may refer to.
pub(super) struct Around<'a> {
    pub(super) lines: &'a BTreeSet<LineName>,
    pub(super) sounds: &'a BTreeSet<(String, String)>,
}

impl Reader<'_> {
    pub(super) fn queues(
        &mut self,
        section: Option<Cursor<'_>>,
        around: &Around<'_>,
    ) -> BTreeMap<QueueName, Arc<Settings>> {
        let mut queues = BTreeMap::new();
        let entries = section.and_then(|section| section.map(self.diags));
        for (name, value) in entries.unwrap_or_default() {
            check_name(value, name, self.diags);
            let settings = self.queue(QueueName::from(name), value, around);
            queues.insert(settings.name.clone(), Arc::new(settings));
        }
        queues
    }

    fn queue(&mut self, name: QueueName, value: Cursor<'_>, around: &Around<'_>) -> Settings {
        let usual = Settings::named(name.clone());
        if !value.is_nothing() {
            value.map(self.diags);
        }
        value.unknown_keys(FIELDS, self.diags);
        let here = Some(value);
        let strategies = Strategy::ALL.map(|strategy| (strategy.as_str(), strategy));
        let missed = [("pause", MissedOffer::Pause), ("stay", MissedOffer::Stay)];
        let max = i64::try_from(limits::WAITING_PER_QUEUE).unwrap_or(i64::MAX);
        let waiting = self.number(here, "max_waiting", 200, 1..=max);
        let (lowest, highest) = limits::PRIORITY.into_inner();
        let priorities = i64::from(lowest)..=i64::from(highest);
        let priority = self.number(here, "priority", 0, priorities);
        Settings {
            requires: value
                .get("requires")
                .map(|value| requirement(value, self.diags))
                .unwrap_or_default(),
            strategy: self
                .word(value, "strategy", &strategies)
                .unwrap_or_default(),
            priority: i16::try_from(priority).unwrap_or(0),
            offer_timeout: self.duration(
                here,
                "offer_timeout",
                usual.offer_timeout,
                SECOND..=180 * SECOND,
            ),
            missed_offer: self
                .word(value, "missed_offer", &missed)
                .unwrap_or_default(),
            wrap_up: self.duration(here, "wrap_up", usual.wrap_up, Duration::ZERO..=DAY),
            service_level: self.service_level(value, usual.service_level),
            max_waiting: usize::try_from(waiting).unwrap_or(200),
            max_wait: self.duration(here, "max_wait", usual.max_wait, SECOND..=DAY),
            music: self.music(value, around),
            announce: self.announce(value),
            escalate: value
                .get("escalate")
                .map(|value| steps(value, around.lines, self.diags))
                .unwrap_or_default(),
            empty: self.target(value, "empty"),
            full: self.target(value, "full"),
            timeout: self.target(value, "timeout"),
            all_paused: self.target(value, "all_paused"),
            callback: value.get("callback").and_then(|value| self.callback(value)),
            name,
        }
    }

    fn service_level(&mut self, queue: Cursor<'_>, usual: ServiceLevel) -> ServiceLevel {
        let Some(value) = queue.get("service_level") else {
            return usual;
        };
        value.map(self.diags);
        value.unknown_keys(&["within", "target"], self.diags);
        let within = self.duration(Some(value), "within", usual.within, SECOND..=DAY);
        let target = value.get("target").and_then(|value| {
            let text = value.word(self.diags)?;
            let digits = text.strip_suffix('%').unwrap_or("");
            let percent = digits.parse::<u8>().ok().filter(|p| (1..=100).contains(p));
            if percent.is_none() {
                let problem = value.error(format!("`{text}` is no percentage"));
                self.diags.push(problem.hint("write 80%"));
            }
            percent
        });
        ServiceLevel {
            within,
            target: target.map_or(usual.target, |percent| f64::from(percent) / 100.0),
        }
    }

    fn music(&mut self, queue: Cursor<'_>, around: &Around<'_>) -> Option<String> {
        let value = queue.get("music")?;
        let name = value.string(self.diags)?;
        if !around
            .sounds
            .contains(&("music".to_owned(), name.to_owned()))
        {
            let problem = value.error(format!("there is no music `{name}`"));
            self.diags
                .push(problem.hint(format!("put {name}.wav into prompts/music/")));
        }
        Some(name.to_owned())
    }

    fn announce(&mut self, queue: Cursor<'_>) -> Announce {
        let Some(value) = queue.get("announce") else {
            return Announce::default();
        };
        value.map(self.diags);
        value.unknown_keys(&["position", "estimated_wait", "every"], self.diags);
        let mut flag = |key| {
            value
                .get(key)
                .and_then(|value| value.bool(self.diags))
                .unwrap_or(false)
        };
        let (position, estimated_wait) = (flag("position"), flag("estimated_wait"));
        let every = value.get("every").map(|_| {
            self.duration(
                Some(value),
                "every",
                30 * SECOND,
                10 * SECOND..=3600 * SECOND,
            )
        });
        Announce {
            position,
            estimated_wait,
            every,
        }
    }

    /// A node of every flow that leaves this exit to the queue; there it is looked for.
    fn target(&mut self, queue: Cursor<'_>, key: &str) -> Option<NodeName> {
        let value = queue.get(key)?;
        value.map(self.diags)?;
        value.unknown_keys(&["to"], self.diags);
        let to = value.require("to", self.diags)?.word(self.diags)?;
        Some(NodeName::from(to))
    }
}
