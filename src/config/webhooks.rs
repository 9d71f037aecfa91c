//! `webhooks`: who is told of events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::reader::{Reader, check_name};
use super::requests::Key;
use super::types::Config;
use crate::flow::Origin;
use crate::flow::source::{Cursor, unknown};
use crate::model::{Diagnostic, Event};

/// Webhooks that can be named.
const HOOKS: usize = 64;
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
/// What flows tell is of this kind, and after a `.` comes what the flow calls it.
const TOLD: &str = "notified";

/// By their names.
pub type Webhooks = BTreeMap<String, Arc<Webhook>>;

/// One of `webhooks:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where events are sent. It may hold a token, and is not shown.
    pub url: String,
    /// What is sent.
    pub events: Vec<Wanted>,
    /// What is signed with.
    pub secret: Key,
    /// What no one took for so long is given up.
    pub max_age: Duration,
}

/// What a webhook is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Every event of this kind.
    Kind(&'static str),
    /// What flows tell by this name.
    Told(String),
}

impl Webhook {
    /// Whether it is told of this.
    #[must_use]
    pub fn wants(&self, event: &Event) -> bool {
        self.events.iter().any(|wanted| match (wanted, event) {
            (Wanted::Kind(kind), event) => *kind == event.kind(),
            (Wanted::Told(wanted), Event::Notified { name, .. }) => **wanted == **name,
            (Wanted::Told(_), _) => false,
        })
    }
}

impl Reader<'_> {
    pub(super) fn webhooks(&mut self, section: Option<Cursor<'_>>) -> Webhooks {
        let mut hooks = BTreeMap::new();
        let entries = section.and_then(|section| section.map(self.diags));
        let entries = entries.unwrap_or_default();
        if let Some((_, value)) = entries.get(HOOKS) {
            let problem = value.key_error(format!("at most {HOOKS} webhooks can be named"));
            self.diags.push(problem);
        }
        for (name, value) in entries {
            if check_name(value, name, self.diags)
                && let Some(hook) = self.webhook(value)
            {
                hooks.insert(name.to_owned(), Arc::new(hook));
            }
        }
        hooks
    }

    fn webhook(&mut self, value: Cursor<'_>) -> Option<Webhook> {
        value.map(self.diags)?;
        value.unknown_keys(&["url", "events", "secret", "max_age"], self.diags);
        let url = value.require("url", self.diags).and_then(|value| {
            let url = value.string(self.diags)?;
            if Origin::of(url).is_none() {
                let problem = value.error("this is no address of a webhook");
                let hint = "write https://crm.example.org/centrale";
                self.diags.push(problem.hint(hint));
            }
            Some(url.to_owned())
        });
        let events = value
            .require("events", self.diags)
            .map(|list| self.wanted(list));
        value.require("secret", self.diags);
        let secret = self.key(value, "secret");
        Some(Webhook {
            url: url?,
            events: events?,
            secret: secret?,
            max_age: self.duration(Some(value), "max_age", DAY, MINUTE..=7 * DAY),
        })
    }

    fn wanted(&mut self, list: Cursor<'_>) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for item in list.one_or_many() {
            let Some(text) = item.string(self.diags) else {
                continue;
            };
            let kind = Event::KINDS.iter().find(|kind| **kind == text);
            match (kind, told(text)) {
                (Some(kind), _) => wanted.push(Wanted::Kind(kind)),
                (None, Some(name)) => wanted.push(Wanted::Told(name.to_owned())),
                (None, None) => {
                    let problem = item.error(format!("there is no event `{text}`"));
                    let problem = unknown(problem, text, Event::KINDS.iter().copied());
                    self.diags.push(problem);
                }
            }
        }
        wanted
    }
}

fn told(text: &str) -> Option<&str> {
    text.strip_prefix(TOLD)?.strip_prefix('.')
}

/// Says which events no flow tells.
pub(super) fn unheard(config: &Config, section: Option<Cursor<'_>>, diags: &mut Vec<Diagnostic>) {
    let flows = config.flows.values();
    let names: BTreeSet<&str> = flows.flat_map(|flow| flow.tells()).collect();
    let hooks = section.into_iter().flat_map(|section| section.entries());
    let lists = hooks.filter_map(|(_, hook)| hook.get("events"));
    for item in lists.flat_map(|list| list.one_or_many()) {
        let Some(name) = item.raw().and_then(told) else {
            continue;
        };
        if !names.contains(name) {
            let problem = item.error(format!("no flow tells `{name}`"));
            diags.push(unknown(problem, name, names.iter().copied()));
        }
    }
}
