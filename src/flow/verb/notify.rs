//! `notify`: tells the house and the world beyond.

use std::sync::Arc;

use serde_json::Value;

use super::kind::{Exit, Next, NodeIndex, Verb};
use crate::flow::json::Json;
use crate::flow::port::Output;
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;
use crate::model::FlowFault;

/// Of a name.
const NAME_CHARS: usize = 64;
/// Of what is told.
const DATA_BYTES: usize = 16 * 1024;

#[derive(Debug)]
pub(crate) struct Notify {
    event: Arc<str>,
    data: Option<Json>,
    next: NodeIndex,
}

impl Notify {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, &["event", "data", "next"]);
        let event = node
            .require("event", reader.diags)
            .and_then(|cursor| name(cursor, reader));
        let data = match node.get("data") {
            Some(cursor) => {
                cursor.map(reader.diags);
                Json::read(cursor, reader).map(Some)
            }
            None => Some(None),
        };
        let next = reader.exit(node, "next");
        Some(Self {
            event: event?,
            data: data?,
            next: next?,
        })
    }

    /// What is typed in secret is told nobody.
    fn data(&self, turn: &Turn<'_>) -> Result<Value, FlowFault> {
        let Some(json) = &self.data else {
            return Ok(Value::Object(serde_json::Map::new()));
        };
        let filled = json.fill(turn)?;
        if filled.sensitive {
            return Err(FlowFault::Sensitive);
        }
        let fits = filled.value.to_string().len() <= DATA_BYTES;
        fits.then_some(filled.value).ok_or(FlowFault::Expression)
    }
}

impl Verb for Notify {
    fn name(&self) -> &'static str {
        "notify"
    }

    fn exits(&self) -> Vec<Exit> {
        vec![Exit::instant("next", self.next)]
    }

    fn tells(&self) -> Option<&str> {
        Some(&self.event)
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        match self.data(turn) {
            Ok(data) => turn.out.push(Output::Notify {
                flow: turn.flow.name.clone(),
                node: turn.node.name.clone(),
                name: Arc::clone(&self.event),
                data,
            }),
            Err(fault) => turn.fault(fault),
        }
        Next::Go(self.next)
    }
}

fn name(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Arc<str>> {
    let text = cursor.string(reader.diags)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if text.is_empty() || text.len() > NAME_CHARS || !text.bytes().all(plain) {
        let problem = cursor.error(format!("`{text}` is no name of an event"));
        let hint = format!("up to {NAME_CHARS} letters, digits, `-`, `_` and `.`");
        reader.diags.push(problem.hint(hint));
    }
    Some(text.into())
}
