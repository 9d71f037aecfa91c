//! What can be asked of the present.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::model::{CallId, CallState, Census, FlowName, Number};
use crate::record::call_record::seconds;
use crate::record::live::{Call, Live, Operator, Queue};
use crate::record::{CallView, OperatorView, QueueSettingsView, QueueView, ServiceLevelView};

impl Live {
    /// Every queue, by name.
    #[must_use]
    pub fn queues(&self, now: SystemTime) -> Vec<QueueView> {
        self.queues
            .values()
            .map(|queue| self.show_queue(queue, now))
            .collect()
    }

    /// One queue.
    #[must_use]
    pub fn queue(&self, name: &str, now: SystemTime) -> Option<QueueView> {
        let queue = self.queues.get(name)?;
        Some(self.show_queue(queue, now))
    }

    fn show_queue(&self, queue: &Queue, now: SystemTime) -> QueueView {
        let settings = &queue.settings;
        let mut operators = Census::default();
        for name in &queue.serving {
            if let Some(operator) = self.operators.get(name) {
                operators.add(operator.state, 1);
            }
        }
        let longest = queue.waiting.first().map_or(Duration::ZERO, |(since, _)| {
            now.duration_since(*since).unwrap_or_default()
        });
        let (_, answered, abandoned) = queue.level.counts(now);
        QueueView {
            name: settings.name.clone(),
            waiting: queue.waiting.len(),
            longest_wait_s: seconds::of(longest),
            operators,
            service_level: ServiceLevelView {
                ratio: queue.level.ratio(now),
                target: settings.service_level.target,
                within_s: seconds::of(settings.service_level.within),
                answered,
                abandoned,
            },
            settings: QueueSettingsView {
                requires: settings.requires.clone(),
                strategy: settings.strategy.as_str(),
                priority: settings.priority,
                offer_timeout_s: seconds::of(settings.offer_timeout),
                wrap_up_s: seconds::of(settings.wrap_up),
                max_waiting: settings.max_waiting,
                max_wait_s: seconds::of(settings.max_wait),
            },
        }
    }

    /// Every operator, by login name.
    #[must_use]
    pub fn operators(&self) -> Vec<OperatorView> {
        self.operators.values().map(Operator::show).collect()
    }

    /// One operator.
    #[must_use]
    pub fn operator(&self, name: &str) -> Option<OperatorView> {
        self.operators.get(name).map(Operator::show)
    }

    /// Who called, of a live call.
    #[must_use]
    pub fn caller(&self, id: &CallId) -> Option<&Number> {
        self.calls.get(id).map(|call| &call.from)
    }

    /// The first `most` live calls, by id.
    #[must_use]
    pub fn calls(&self, most: usize, now: SystemTime) -> Vec<CallView> {
        self.calls
            .iter()
            .take(most)
            .map(|(id, call)| call.show(id, now))
            .collect()
    }

    /// One live call.
    #[must_use]
    pub fn call(&self, id: &str, now: SystemTime) -> Option<CallView> {
        let (id, call) = self.calls.get_key_value(id)?;
        Some(call.show(id, now))
    }

    /// How many calls are in each state, every state but `ended`.
    #[must_use]
    pub fn calls_by_state(&self) -> BTreeMap<CallState, usize> {
        let mut counts: BTreeMap<CallState, usize> = CallState::ALL
            .iter()
            .filter(|state| **state != CallState::Ended)
            .map(|state| (*state, 0))
            .collect();
        for call in self.calls.values() {
            *counts.entry(call.state).or_default() += 1;
        }
        counts
    }

    /// How many live calls began in each flow that has some.
    #[must_use]
    pub fn calls_by_flow(&self) -> BTreeMap<FlowName, usize> {
        let mut counts = BTreeMap::new();
        for call in self.calls.values() {
            *counts.entry(call.flow.clone()).or_default() += 1;
        }
        counts
    }

    /// Registered phones of all operators.
    #[must_use]
    pub fn registrations(&self) -> usize {
        self.registrations
    }
}

impl Operator {
    fn show(&self) -> OperatorView {
        OperatorView {
            name: self.settings.name.clone(),
            display: self.settings.display.clone(),
            state: self.state,
            reason: self.reason.clone(),
            since: self.since,
            queue: self.queue.clone(),
            call: self.call.clone(),
            skills: self.settings.skills.clone(),
            contacts: self.contacts.iter().cloned().collect(),
        }
    }
}

impl Call {
    fn show(&self, id: &CallId, now: SystemTime) -> CallView {
        let waiting = self.queued_at.map_or(Duration::ZERO, |since| {
            now.duration_since(since).unwrap_or_default()
        });
        CallView {
            id: id.clone(),
            state: self.state,
            from: self.from.clone(),
            to: self.to.clone(),
            flow: self.flow.clone(),
            queue: self.queue.clone(),
            operator: self.operator.clone(),
            waited_s: seconds::of(self.waited + waiting),
            priority: self.priority,
            tags: self.tags.clone(),
            vars: self.vars.clone(),
            recording: match self.recordings.values().min() {
                Some(false) => Some("on"),
                Some(true) => Some("paused"),
                None => None,
            },
            started: self.started,
        }
    }
}
