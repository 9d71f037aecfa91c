//! What is answered outside, in the examples of a flow.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::ask::{Answer, Ask, Asked, Reply, Unanswered};
use super::json::Json;
use super::read::Reader;
use super::source::Cursor;
use crate::media::Sound;
use crate::model::NodeName;

/// The answers of one example, by the node that asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Replies(BTreeMap<NodeName, Says>);

#[derive(Clone, Debug)]
struct Says {
    status: u16,
    body: String,
}

impl Replies {
    /// `{node: {status: 200, json: …}}`.
    pub(super) fn read(map: Cursor<'_>, reader: &mut Reader<'_>) -> Self {
        let mut replies = BTreeMap::new();
        for (node, value) in map.map(reader.diags).unwrap_or_default() {
            if !reader.nodes.contains_key(node) {
                let problem = value.key_error(format!("there is no node `{node}`"));
                reader.diags.push(problem);
            }
            if value.map(reader.diags).is_none() {
                continue;
            }
            value.unknown_keys(&["status", "json"], reader.diags);
            let status = value
                .get("status")
                .and_then(|status| status.integer(200..=599, reader.diags));
            let body = value.get("json").and_then(|json| {
                let fixed = Json::read(json, reader)?.fixed();
                if fixed.is_none() {
                    let problem = json.error("an answer is written as it is, without `${…}`");
                    reader.diags.push(problem);
                }
                fixed
            });
            let says = Says {
                status: u16::try_from(status.unwrap_or(200)).unwrap_or(200),
                body: body.map(|body| body.to_string()).unwrap_or_default(),
            };
            replies.insert(NodeName::from(node), says);
        }
        Self(replies)
    }

    /// Nobody is outside for a node without an answer; whatever is to be spoken is spoken.
    pub(super) fn reply(&self, node: &NodeName, asked: &Asked) -> Reply {
        match &asked.ask {
            Ask::Http(request) => {
                let says = self.0.get(node).ok_or(Unanswered::Unreachable)?;
                let answer = request.answer(says.status, says.body.as_bytes())?;
                Ok(Answer::Http(answer))
            }
            // The base is empty.
            Ask::Customer(_) => Ok(Answer::Customer(None)),
            // What it says is of no matter here, and that it is said is.
            Ask::Speech(_) => Ok(Answer::Speech(Arc::new(Sound {
                pcmu: Bytes::new(),
                pcma: Bytes::new(),
            }))),
        }
    }
}
