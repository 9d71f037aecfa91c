//! What is answered outside, in the examples of a flow.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::ask::{Answer, Ask, Asked, Reply, Unanswered};
use super::json::Json;
use super::read::Reader;
use super::source::Cursor;
use crate::media::Sound;
use crate::model::{Customer, CustomerDraft, CustomerKey, NodeName};

/// What can be said of a customer of an example.
pub(super) const CUSTOMER: &[&str] = &[
    "number",
    "account",
    "name",
    "language",
    "project",
    "notes",
    "tags",
    "last_operator",
];

/// What one example is answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Replies {
    /// By the node that asks.
    says: BTreeMap<NodeName, Says>,
    /// The customer base.
    customers: Vec<Customer>,
}

#[derive(Clone, Debug)]
struct Says {
    status: u16,
    body: String,
}

impl Replies {
    /// `{node: {status: 200, json: …}}`.
    pub(super) fn read(map: Cursor<'_>, reader: &mut Reader<'_>) -> Self {
        let mut says = BTreeMap::new();
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
            let answer = Says {
                status: u16::try_from(status.unwrap_or(200)).unwrap_or(200),
                body: body.map(|body| body.to_string()).unwrap_or_default(),
            };
            says.insert(NodeName::from(node), answer);
        }
        Self {
            says,
            customers: Vec::new(),
        }
    }

    /// `[{number: …, name: …}]`.
    pub(super) fn read_customers(&mut self, list: Cursor<'_>, reader: &mut Reader<'_>) {
        for item in list.list(reader.diags).unwrap_or_default() {
            if item.map(reader.diags).is_none() {
                continue;
            }
            item.unknown_keys(CUSTOMER, reader.diags);
            let mut text = |key: &str| {
                let word = item.get(key).and_then(|value| value.word(reader.diags));
                word.map(str::to_owned)
            };
            let mut draft = CustomerDraft {
                number: text("number"),
                account: text("account"),
                name: text("name"),
                language: text("language"),
                project: text("project"),
                notes: text("notes"),
                last_operator: text("last_operator"),
                tags: None,
            };
            let tags = item.get("tags").map(|tags| tags.one_or_many());
            draft.tags = tags.map(|tags| {
                let words = tags.iter().filter_map(|tag| tag.word(reader.diags));
                words.map(str::to_owned).collect()
            });
            match draft.check() {
                Ok(customer) => self.customers.push(customer),
                Err(problems) => {
                    let problems = problems.into_iter().map(|problem| item.error(problem));
                    reader.diags.extend(problems);
                }
            }
        }
    }

    fn customer(&self, key: &CustomerKey) -> Option<&Customer> {
        self.customers.iter().find(|customer| match key {
            CustomerKey::Number(number) => customer.number == *number,
            CustomerKey::Account(account) => customer.account.as_ref() == Some(account),
        })
    }

    /// Nobody is outside for a node without an answer; whatever is to be spoken is spoken.
    pub(super) fn reply(&self, node: &NodeName, asked: &Asked) -> Reply {
        match &asked.ask {
            Ask::Http(request) => {
                let says = self.says.get(node).ok_or(Unanswered::Unreachable)?;
                let answer = request.answer(says.status, says.body.as_bytes())?;
                Ok(Answer::Http(answer))
            }
            Ask::Customer(key) => {
                let found = self.customer(key).cloned();
                Ok(Answer::Customer(found.map(Box::new)))
            }
            // What it says is of no matter here, and that it is said is.
            Ask::Speech(_) => Ok(Answer::Speech(Arc::new(Sound {
                pcmu: Bytes::new(),
                pcma: Bytes::new(),
            }))),
        }
    }
}
