//! The flows of calls that operators make: nobody writes them, there is one for each queue,
//! line and operator that can be dialled by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::types::Config;
use crate::flow::source::Document;
use crate::flow::{self, Flow, Known};
use crate::model::house::{DONE, LANGUAGE};
use crate::model::{LineName, OperatorName, QueueName};

/// Who calls a colleague waits for nobody else, and for so long.
const PATIENCE: &str = "60s";

/// What operators reach by name.
#[derive(Clone, Debug, Default)]
pub struct House {
    /// Into a queue, like a caller.
    pub queues: BTreeMap<QueueName, Arc<Flow>>,
    /// To a line.
    pub lines: BTreeMap<LineName, Arc<Flow>>,
    /// To one operator, through a queue that the operator serves. Who serves none is not
    /// reached.
    pub operators: BTreeMap<OperatorName, (QueueName, Arc<Flow>)>,
    /// Where a code leads that was obeyed: a tone, and the end.
    pub done: Option<Arc<Flow>>,
}

impl House {
    /// The flows for what is configured.
    pub(super) fn build(config: &Config, known: &Known<'_>) -> Self {
        let queues = config.queues.keys().filter_map(|queue| {
            let flow = to_queue(queue, "", known)?;
            Some((queue.clone(), flow))
        });
        let lines = config.lines.keys().filter_map(|line| {
            let node = format!(
                "{{ type: line, line: {}, answered: end, busy: end, no_answer: end, error: end }}",
                quoted(line.as_str())
            );
            Some((line.clone(), read(&node, known)?))
        });
        let operators = config.operators.values().filter_map(|operator| {
            let mut queues = config.queues.values();
            let serves = queues.find(|queue| queue.requires.is_met_by(&operator.skills))?;
            let name = quoted(operator.name.as_str());
            let only = format!(
                "preferred_operator: {{ id: {name}, hold_for: {PATIENCE} }}, max_wait: {PATIENCE}, escalate: [], "
            );
            let flow = to_queue(&serves.name, &only, known)?;
            Some((operator.name.clone(), (serves.name.clone(), flow)))
        });
        Self {
            queues: queues.collect(),
            lines: lines.collect(),
            operators: operators.collect(),
            done: done(known),
        }
    }
}

fn to_queue(queue: &QueueName, more: &str, known: &Known<'_>) -> Option<Arc<Flow>> {
    let queue = quoted(queue.as_str());
    let node = format!(
        "{{ type: queue, queue: {queue}, {more}answered: end, timeout: end, full: end, no_operators: end, error: end }}"
    );
    read(&node, known)
}

fn done(known: &Known<'_>) -> Option<Arc<Flow>> {
    let known = Known {
        sounds: &|_, name| name == DONE,
        ..*known
    };
    read(
        &format!("{{ type: play, prompt: {DONE}, next: end }}"),
        &known,
    )
}

/// A name as YAML: a JSON string is one.
fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

fn read(node: &str, known: &Known<'_>) -> Option<Arc<Flow>> {
    let text = format!(
        "version: 1\nflow: internal\nstart: go\nlanguages: [{LANGUAGE}]\nnodes:\n  go: {node}\n  end: {{ type: hangup }}\n"
    );
    let document = Document::parse("internal", &text).ok()?;
    let flow = flow::load(&document, known, &mut Vec::new())?;
    Some(Arc::new(flow))
}
