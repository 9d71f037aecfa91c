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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Files, load};

    fn read(callback: &str) -> (Option<Config>, String) {
        let text = format!(
            "numbers: {{}}\nhours: {{ office: {{ zone: UTC, open: {{ mon: \"09:00-17:00\" }} }} }}\nlines: {{ out: {{ uri: \"sip:gw.example\" }}, more: {{ queue: help }} }}\nqueues: {{ help: {{ callback: {callback} }} }}\noperators: {{ ann: {{ secret: a }} }}\n"
        );
        let files = Files {
            config: vec![("c.yaml".to_owned(), text)],
            ..Files::default()
        };
        let (config, diags) = load(&files, &|_| None, Path::new("."));
        let told = diags.iter().map(|diag| {
            let hint = diag.hint.as_deref().unwrap_or_default();
            format!("{} | {hint}", diag.message)
        });
        (config, told.collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn a_queue_calls_back_as_written() {
        let (config, told) = read(
            "{ line: out, allow: [\"+31*\", 0*], deny: \"0900*\", show: \"+31201234567\", attempts: 5, every: 1m, within: 3d, ring: 20s, hours: office, max_pending: 7, per_hour: 1 }",
        );
        assert_eq!(told, "");
        let config = config.unwrap();
        let back = config.queues["help"].callback.clone().unwrap();
        assert!(back.allows("+31612345678") && back.allows("0612345678"));
        assert!(!back.allows("09001234") && !back.allows("+4930123456"));
        assert_eq!(back.show, Some("+31201234567".into()));
        assert_eq!((back.attempts, back.every), (5, 60 * SECOND));
        assert_eq!((back.within, back.ring), (72 * HOUR, 20 * SECOND));
        assert_eq!(back.hours.as_deref(), Some("office"));
        assert_eq!((back.max_pending, back.per_hour), (7, 1));
    }

    #[test]
    fn each_mistake_is_told_with_what_to_write() {
        let mut wrong = Vec::new();
        for (written, expected) in [
            ("yes", "`callback` wants a map, not text | "),
            (
                "{ allow: [\"0*\"] }",
                "`callback` has no `line` | add `line: …`",
            ),
            (
                "{ line: out }",
                "nobody says which numbers may be called back | write `allow: [\"+31*\"]`: numbers, or their first digits and `*`",
            ),
            (
                "{ line: out, allow: [\"*\"] }",
                "`*` is no number | write \"+31201234567\", or \"+31*\" for all that begin so",
            ),
            (
                "{ line: owt, allow: [\"0*\"] }",
                "there is no line `owt` | did you mean `out`?",
            ),
            (
                "{ line: more, allow: [\"0*\"] }",
                "line `more` is a queue: nobody is dialled by it | name a line with a `uri`",
            ),
            (
                "{ line: out, allow: [\"0*\"], hours: ofice }",
                "there is no calendar `ofice` | did you mean `office`?",
            ),
            (
                "{ line: out, allow: [\"0*\"], show: anna }",
                "`anna` is no number | write the number that customers shall see, \"+31201234567\"",
            ),
            (
                "{ line: out, allow: [\"0*\"], atempts: 2, ring: 1s }",
                "unknown key `atempts` | did you mean `attempts`?\n`ring` is between 5s and 2m | ",
            ),
        ] {
            let (config, told) = read(written);
            if config.is_some() || told != expected {
                wrong.push(format!("{written}\n{told}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
