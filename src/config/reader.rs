//! Small readers that sections share.

use std::time::Duration;

use crate::flow::source::{Cursor, unknown};
use crate::model::Diagnostic;

/// A section while it is read: the value, and where problems go.
pub(super) struct Reader<'a> {
    pub(super) diags: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    /// A duration within a range, or the default when the key is absent.
    pub(super) fn duration(
        &mut self,
        map: Option<Cursor<'_>>,
        key: &str,
        default: Duration,
        range: std::ops::RangeInclusive<Duration>,
    ) -> Duration {
        let Some(value) = map.and_then(|map| map.get(key)) else {
            return default;
        };
        let Some(duration) = value.duration(self.diags) else {
            return default;
        };
        if range.contains(&duration) {
            return duration;
        }
        let show = crate::model::show_duration;
        self.diags.push(value.error(format!(
            "`{key}` is between {} and {}",
            show(*range.start()),
            show(*range.end())
        )));
        default
    }

    /// A whole number within a range, or the default when the key is absent.
    pub(super) fn number(
        &mut self,
        map: Option<Cursor<'_>>,
        key: &str,
        default: i64,
        range: std::ops::RangeInclusive<i64>,
    ) -> i64 {
        map.and_then(|map| map.get(key))
            .and_then(|value| value.integer(range, self.diags))
            .unwrap_or(default)
    }

    /// A count, when the key is there.
    pub(super) fn count(&mut self, map: Cursor<'_>, key: &str) -> Option<u32> {
        let value = map.get(key)?.integer(1..=1_000_000, self.diags)?;
        u32::try_from(value).ok()
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(
        &mut self,
        map: Cursor<'_>,
        key: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let value = map.get(key)?;
        let text = value.word(self.diags)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let problem = value.error(format!("`{key}` cannot be `{text}`"));
            let known = words.iter().map(|(word, _)| *word);
            self.diags.push(unknown(problem, text, known));
        }
        found.map(|(_, value)| *value)
    }
}

/// Whether a name can stand in addresses, labels and paths.
pub(super) fn check_name(value: Cursor<'_>, name: &str, diags: &mut Vec<Diagnostic>) -> bool {
    let good = !name.is_empty()
        && name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if !good {
        let problem = value.key_error(format!("`{name}` is no name"));
        diags.push(problem.hint("a name has up to 64 letters, digits, `-`, `_` and `.`"));
    }
    good
}
