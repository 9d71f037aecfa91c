//! `queues: {…: {callback: …}}`: how callers are called back.

use std::time::Duration;

use super::reader::Reader;
use super::types::{Config, Line};
use crate::flow::source::{Cursor, unknown};
use crate::model::{Diagnostic, LineName, Number};
use crate::queue::{CallbackSettings, Pattern};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// Nobody remembers after a week what the call was about.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);
const ATTEMPTS: std::ops::RangeInclusive<i64> = 1..=20;
/// Callbacks of one queue that may be pending.
const PENDING: std::ops::RangeInclusive<i64> = 1..=2_000;
/// Numbers and beginnings of numbers in one list.
const PATTERNS: usize = 256;

const FIELDS: &[&str] = &[
    "line",
    "allow",
    "deny",
    "show",
    "attempts",
    "every",
    "within",
    "ring",
    "hours",
    "max_pending",
    "per_hour",
];

impl Reader<'_> {
    pub(super) fn callback(&mut self, value: Cursor<'_>) -> Option<CallbackSettings> {
        value.map(self.diags)?;
        value.unknown_keys(FIELDS, self.diags);
        let line = value.require("line", self.diags)?.word(self.diags)?;
        let usual = CallbackSettings::by(LineName::from(line));
        let here = Some(value);
        let allow = match value.get("allow") {
            Some(list) => self.patterns(list),
            None => {
                let problem = value.key_error("nobody says which numbers may be called back");
                let hint = "write `allow: [\"+31*\"]`: numbers, or their first digits and `*`";
                self.diags.push(problem.hint(hint));
                Vec::new()
            }
        };
        let deny = value.get("deny").map(|list| self.patterns(list));
        let attempts = self.number(here, "attempts", usual.attempts.into(), ATTEMPTS);
        let pending = self.number(here, "max_pending", 100, PENDING);
        let per_hour = self.number(here, "per_hour", 2, 1..=20);
        let show = value.get("show").and_then(|show| self.shown(show));
        let hours = value
            .get("hours")
            .and_then(|hours| hours.string(self.diags));
        Some(CallbackSettings {
            allow,
            deny: deny.unwrap_or_default(),
            show,
            attempts: u32::try_from(attempts).unwrap_or(usual.attempts),
            every: self.duration(here, "every", usual.every, 10 * SECOND..=24 * HOUR),
            within: self.duration(here, "within", usual.within, 60 * SECOND..=LONGEST),
            ring: self.duration(here, "ring", usual.ring, 5 * SECOND..=120 * SECOND),
            hours: hours.map(str::to_owned),
            max_pending: usize::try_from(pending).unwrap_or(usual.max_pending),
            per_hour: usize::try_from(per_hour).unwrap_or(usual.per_hour),
            ..usual
        })
    }

    fn patterns(&mut self, list: Cursor<'_>) -> Vec<Pattern> {
        let items = list.one_or_many();
        if items.len() > PATTERNS {
            let problem = list.error(format!("at most {PATTERNS} numbers"));
            self.diags
                .push(problem.hint("write the digits with which they begin, and `*`"));
        }
        let mut patterns = Vec::new();
        for item in items.into_iter().take(PATTERNS) {
            let Some(text) = item.word(self.diags) else {
                continue;
            };
            let pattern = Pattern::parse(text);
            if pattern.is_none() {
                let problem = item.error(format!("`{text}` is no number"));
                let hint = "write \"+31201234567\", or \"+31*\" for all that begin so";
                self.diags.push(problem.hint(hint));
            }
            patterns.extend(pattern);
        }
        patterns
    }

    fn shown(&mut self, value: Cursor<'_>) -> Option<Number> {
        let text = value.word(self.diags)?;
        if super::rewrites::is_number(text) {
            return Some(Number::from(text));
        }
        let problem = value.error(format!("`{text}` is no number"));
        self.diags
            .push(problem.hint("write the number that customers shall see, \"+31201234567\""));
        None
    }
}

/// Whether lines and calendars are there: they are read after the queues.
pub(super) fn check(config: &Config, section: Option<Cursor<'_>>, diags: &mut Vec<Diagnostic>) {
    for (name, value) in section.into_iter().flat_map(|section| section.entries()) {
        let settings = config.queues.get(name).and_then(|q| q.callback.as_ref());
        let written = settings.zip(value.get("callback"));
        let Some((settings, value)) = written else {
            continue;
        };
        if let Some(at) = value.get("line") {
            check_line(config, &settings.line, at, diags);
        }
        if let Some((hours, at)) = settings.hours.as_deref().zip(value.get("hours"))
            && !config.calendars.contains_key(hours)
        {
            let problem = at.error(format!("there is no calendar `{hours}`"));
            let known = config.calendars.keys().map(String::as_str);
            diags.push(unknown(problem, hours, known));
        }
    }
}

fn check_line(config: &Config, line: &LineName, at: Cursor<'_>, diags: &mut Vec<Diagnostic>) {
    match config.lines.get(line) {
        Some(Line::Outside(_)) => {}
        Some(Line::Queue(_)) => {
            let problem = at.error(format!("line `{line}` is a queue: nobody is dialled by it"));
            diags.push(problem.hint("name a line with a `uri`"));
        }
        None => {
            let outside = config.lines.iter().filter_map(|(name, line)| match line {
                Line::Outside(_) => Some(name.as_str()),
                Line::Queue(_) => None,
            });
            let problem = at.error(format!("there is no line `{line}`"));
            diags.push(unknown(problem, line.as_str(), outside));
        }
    }
}
