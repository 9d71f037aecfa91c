//! What the API shows of the present, with the names of the contract in JSON.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;

use crate::model::{
    CallId, CallState, Census, FlowName, Number, OperatorName, OperatorState, PauseReason,
    QueueName, Requirement, SkillSet,
};
use crate::record::call_record::moment;

/// The service level of the last hour beside what was promised.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ServiceLevelView {
    /// 0 to 1; absent while no call counts.
    pub ratio: Option<f64>,
    /// The promised share, 0 to 1.
    pub target: f64,
    /// The promised time, in seconds.
    pub within_s: f64,
    /// Calls answered in the last hour.
    pub answered: u64,
    /// Calls abandoned in the last hour, short ones left out.
    pub abandoned: u64,
}

/// What the configuration says of a queue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QueueSettingsView {
    /// Lowest level in each skill.
    pub requires: Requirement,
    /// Who of the free operators gets a call.
    pub strategy: &'static str,
    /// Added to each call's own priority.
    pub priority: i16,
    /// How long an offer rings, in seconds.
    pub offer_timeout_s: f64,
    /// Time after a call, in seconds.
    pub wrap_up_s: f64,
    /// More than these do not come in.
    pub max_waiting: usize,
    /// Longer than this nobody waits, in seconds.
    pub max_wait_s: f64,
}

/// One queue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QueueView {
    /// Its name.
    pub name: QueueName,
    /// Callers who wait, those included whose offer rings.
    pub waiting: usize,
    /// How long the first of them waits, in seconds; 0 without any.
    pub longest_wait_s: f64,
    /// Operators whose skills meet the queue's requirement, by state.
    pub operators: Census,
    /// The last hour.
    pub service_level: ServiceLevelView,
    /// As configured.
    pub settings: QueueSettingsView,
}

/// One operator.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OperatorView {
    /// The login name.
    pub name: OperatorName,
    /// The name to show.
    pub display: String,
    /// What the operator is doing.
    pub state: OperatorState,
    /// Why, when paused.
    pub reason: Option<PauseReason>,
    /// Since when.
    #[serde(serialize_with = "moment::serialize")]
    pub since: SystemTime,
    /// The queue of the call.
    pub queue: Option<QueueName>,
    /// The call, when offered, talking or wrapping up.
    pub call: Option<CallId>,
    /// Levels by skill.
    pub skills: SkillSet,
    /// Registered phones.
    pub contacts: Vec<Arc<str>>,
}

/// One live call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallView {
    /// The call.
    pub id: CallId,
    /// Where it is.
    pub state: CallState,
    /// Who dialled.
    pub from: Number,
    /// What was dialled.
    pub to: Number,
    /// The flow it began with.
    pub flow: FlowName,
    /// The queue it waits in or came from.
    pub queue: Option<QueueName>,
    /// Who is offered it, or talks.
    pub operator: Option<OperatorName>,
    /// Time in queues until now, in seconds.
    pub waited_s: f64,
    /// Its place among others of its queue; higher first.
    pub priority: i16,
    /// Marks that the flow set.
    pub tags: Vec<Arc<str>>,
    /// Variables of the flow, but for those typed in secret.
    pub vars: BTreeMap<Arc<str>, Arc<str>>,
    /// Whether it is recorded, or a message in it: `on` or `paused`.
    pub recording: Option<&'static str>,
    /// When it came.
    #[serde(serialize_with = "moment::serialize")]
    pub started: SystemTime,
}
