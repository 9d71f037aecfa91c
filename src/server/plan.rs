//! What a reload would change, as the server says it and the command line reads it.

use exchange::config::Change;
use exchange::model::OperatorState;
use serde::{Deserialize, Serialize};

/// The answer of `/api/v1/reload`.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) applied: bool,
    pub(crate) flows: Vec<Row>,
    pub(crate) numbers: Vec<Row>,
    pub(crate) queues: Vec<Row>,
    pub(crate) lines: Vec<Row>,
    pub(crate) operators: Vec<Row>,
    pub(crate) hours: Vec<Row>,
    pub(crate) projects: Vec<Row>,
    pub(crate) trunks: Vec<Row>,
    /// Other settings that change, by their names in the file.
    pub(crate) settings: Vec<String>,
    /// Settings that change with a restart only.
    pub(crate) restart: Vec<String>,
}

/// One thing that changes, with what goes on there.
#[derive(Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) change: Change,
    /// Live calls that began in this flow, and keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) calls: Option<usize>,
    /// Callers who wait in this queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waiting: Option<usize>,
    /// What this operator does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<OperatorState>,
}
