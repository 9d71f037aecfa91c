//! What `queues.yaml` says of one queue, as meant.

use std::time::Duration;

use crate::dispatch::Strategy;
use crate::model::{NodeName, QueueName, Requirement, Step};
use crate::queue::CallbackSettings;

/// What happens to an operator who let an offer ring out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedOffer {
    /// Paused with the reason `missed_offer`, until the operator says ready.
    #[default]
    Pause,
    /// Ready again, at the end of the line of idle operators.
    Stay,
}

/// A share of calls to be answered within a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServiceLevel {
    /// The time.
    pub within: Duration,
    /// The share, 0 to 1.
    pub target: f64,
}

/// What a waiting caller is told, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announce {
    /// "You are number N".
    pub position: bool,
    /// "The estimated wait is N minutes".
    pub estimated_wait: bool,
    /// How often; `None` tells once, at the start.
    pub every: Option<Duration>,
}

/// One queue, as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Its name.
    pub name: QueueName,
    /// What an operator needs.
    pub requires: Requirement,
    /// Who gets a call.
    pub strategy: Strategy,
    /// Added to each call's own, −100..=100.
    pub priority: i16,
    /// How long an offer rings.
    pub offer_timeout: Duration,
    /// What a missed offer does to the operator.
    pub missed_offer: MissedOffer,
    /// After a call, before the operator's next offer.
    pub wrap_up: Duration,
    /// What the queue is measured by.
    pub service_level: ServiceLevel,
    /// More than these do not come in.
    pub max_waiting: usize,
    /// Longer than this nobody waits.
    pub max_wait: Duration,
    /// The sound to wait with: a file of `prompts/music/`.
    pub music: Option<String>,
    /// What is told while waiting.
    pub announce: Announce,
    /// In order of `after`.
    pub escalate: Vec<Step>,
    /// Node of the flow for `empty: {to: …}`, when the flow's own node writes no exit
    /// `no_operators`.
    pub empty: Option<NodeName>,
    /// The same for `full`.
    pub full: Option<NodeName>,
    /// The same for `timeout`.
    pub timeout: Option<NodeName>,
    /// The same for `all_paused`.
    pub all_paused: Option<NodeName>,
    /// How its callers are called back; `None` when they are not.
    pub callback: Option<CallbackSettings>,
}

impl Settings {
    /// A queue with nothing but its name written: the defaults of the contract.
    #[must_use]
    pub fn named(name: QueueName) -> Self {
        Self {
            name,
            requires: Requirement::default(),
            strategy: Strategy::default(),
            priority: 0,
            offer_timeout: Duration::from_secs(15),
            missed_offer: MissedOffer::default(),
            wrap_up: Duration::from_secs(10),
            service_level: ServiceLevel {
                within: Duration::from_secs(20),
                target: 0.8,
            },
            max_waiting: 200,
            max_wait: Duration::from_secs(600),
            music: None,
            announce: Announce::default(),
            escalate: Vec::new(),
            empty: None,
            full: None,
            timeout: None,
            all_paused: None,
            callback: None,
        }
    }
}
