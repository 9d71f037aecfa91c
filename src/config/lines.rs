//! `lines`: where a call is escalated to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::outside::{Divert, Outside};
use super::reader::{Reader, check_name};
use super::types::Line;
use crate::flow::source::Cursor;
use crate::model::{LineName, QueueName, TrunkName};

const SECOND: Duration = Duration::from_secs(1);
/// Addresses of one line.
const TARGETS: usize = 8;

const FIELDS: &[&str] = &[
    "queue",
    "uri",
    "max_calls",
    "trunk",
    "try_for",
    "probe",
    "divert",
];

/// Names that lines refer to.
pub(super) struct Known<'a> {
    pub(super) queues: &'a BTreeSet<QueueName>,
    pub(super) trunks: &'a BTreeSet<TrunkName>,
}

impl Reader<'_> {
    pub(super) fn lines(
        &mut self,
        section: Option<Cursor<'_>>,
        known: &Known<'_>,
    ) -> BTreeMap<LineName, Line> {
        let mut lines = BTreeMap::new();
        let entries = section.and_then(|section| section.map(self.diags));
        for (name, value) in entries.unwrap_or_default() {
            check_name(value, name, self.diags);
            if value.map(self.diags).is_none() {
                continue;
            }
            value.unknown_keys(FIELDS, self.diags);
            if let Some(line) = self.line(value, known) {
                lines.insert(LineName::from(name), line);
            }
        }
        lines
    }

    fn line(&mut self, value: Cursor<'_>, known: &Known<'_>) -> Option<Line> {
        match (value.get("queue"), value.get("uri")) {
            (Some(queue), None) => {
                if let Some(value) = value.get("max_calls") {
                    self.diags
                        .push(value.warning("a queue has its own `max_waiting`"));
                }
                for key in ["trunk", "try_for", "probe", "divert"] {
                    if let Some(value) = value.get(key) {
                        self.diags
                            .push(value.warning(format!("`{key}` is for addresses")));
                    }
                }
                let queues = known.queues.iter().map(QueueName::as_str);
                let queue = self.one_of(queue, "queue", queues)?;
                Some(Line::Queue(QueueName::from(queue)))
            }
            (None, Some(uri)) => {
                let line = self.line_outside(value, uri, known)?;
                Some(Line::Outside(Arc::new(line)))
            }
            (Some(_), Some(_)) | (None, None) => {
                let problem = value.key_error("a line is a queue or an address");
                self.diags
                    .push(problem.hint("write `queue: …` or `uri: \"sip:…\"`"));
                None
            }
        }
    }

    fn line_outside(
        &mut self,
        value: Cursor<'_>,
        uri: Cursor<'_>,
        known: &Known<'_>,
    ) -> Option<Outside> {
        let items = uri.one_or_many();
        if items.is_empty() || items.len() > TARGETS {
            let problem = uri.error(format!("a line has 1 to {TARGETS} addresses"));
            self.diags
                .push(problem.hint("write \"sip:name@host:5060\", or a list"));
        }
        let mut targets = Vec::new();
        for item in items.into_iter().take(TARGETS) {
            targets.extend(self.outside(item));
        }
        let trunk = value.get("trunk").and_then(|trunk| {
            let trunks = known.trunks.iter().map(TrunkName::as_str);
            self.one_of(trunk, "trunk", trunks)
        });
        let words = [
            ("off", Divert::Off),
            ("history-info", Divert::HistoryInfo),
            ("diversion", Divert::Diversion),
            ("both", Divert::Both),
        ];
        let usual = 4 * SECOND;
        let outside = Outside {
            targets,
            max_calls: self.count(value, "max_calls"),
            trunk: trunk.map(TrunkName::from),
            try_for: self.duration(Some(value), "try_for", usual, SECOND..=32 * SECOND),
            probe: self.probe(value),
            divert: self.word(value, "divert", &words).unwrap_or_default(),
        };
        (!outside.targets.is_empty()).then_some(outside)
    }
}
