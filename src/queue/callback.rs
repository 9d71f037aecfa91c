//! How a queue calls its callers back: through which line, whom, how often.

use std::time::Duration;

use crate::model::{LineName, Number};

/// A number that is dialled has at least so many digits, and at most as many as E.164 has.
const DIGITS: std::ops::RangeInclusive<usize> = 3..=15;

/// One number, or all that begin with the same digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    digits: String,
    open: bool,
}

impl Pattern {
    /// Reads `+31201234567`, or `+31*` for every number that begins so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (digits, open) = match text.strip_suffix('*') {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        let plain = digits.strip_prefix('+').unwrap_or(digits);
        let only_digits = plain.bytes().all(|byte| byte.is_ascii_digit());
        (only_digits && !plain.is_empty()).then(|| Self {
            digits: digits.to_owned(),
            open,
        })
    }

    fn fits(&self, number: &str) -> bool {
        if self.open {
            number.starts_with(&self.digits)
        } else {
            number == self.digits
        }
    }
}

/// `callback:` of a queue.
///
/// A caller decides which number is dialled at our cost, so nothing is dialled that is not
/// allowed here by name or by its first digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackSettings {
    /// The line outside by which customers are dialled.
    pub line: LineName,
    /// Which numbers are.
    pub allow: Vec<Pattern>,
    /// Which of those are not.
    pub deny: Vec<Pattern>,
    /// The number that a customer sees; `None` for the one that the customer dialled.
    pub show: Option<Number>,
    /// How often a customer is dialled before it is reported that nobody answers.
    pub attempts: u32,
    /// Between two attempts.
    pub every: Duration,
    /// Later than this after the promise nobody is dialled any more.
    pub within: Duration,
    /// How long a customer's phone rings.
    pub ring: Duration,
    /// The calendar outside of whose opening hours nobody is dialled.
    pub hours: Option<String>,
    /// Callbacks of the queue that may be pending at once.
    pub max_pending: usize,
    /// Callbacks that one number is promised within an hour.
    pub per_hour: usize,
}

impl CallbackSettings {
    /// With nothing but the line written: nobody is called back until numbers are allowed.
    #[must_use]
    pub fn by(line: LineName) -> Self {
        Self {
            line,
            allow: Vec::new(),
            deny: Vec::new(),
            show: None,
            attempts: 3,
            every: Duration::from_secs(600),
            within: Duration::from_secs(7200),
            ring: Duration::from_secs(30),
            hours: None,
            max_pending: 100,
            per_hour: 2,
        }
    }

    /// Whether this number may be dialled: an optional `+` and 3 to 15 digits, allowed and
    /// not denied.
    #[must_use]
    pub fn allows(&self, number: &str) -> bool {
        let digits = number.strip_prefix('+').unwrap_or(number);
        let real =
            DIGITS.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let fits = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.fits(number));
        real && fits(&self.allow) && !fits(&self.deny)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_allowed_and_not_denied_is_dialled() {
        let patterns = |texts: &[&str]| texts.iter().filter_map(|t| Pattern::parse(t)).collect();
        let settings = CallbackSettings {
            allow: patterns(&["+31*", "0*", "112233"]),
            deny: patterns(&["+31900*", "0900*", "00*"]),
            ..CallbackSettings::by("out".into())
        };
        for (number, allowed) in [
            ("+31612345678", true),
            ("0612345678", true),
            ("112233", true),
            ("1122334", false),
            ("+319001234", false),
            ("09001234", false),
            ("0031612345678", false),
            ("+4930123456", false),
            ("anonymous", false),
            ("0612345678;ext=1", false),
            ("06*21", false),
            ("06#", false),
            ("", false),
            ("+", false),
            ("06", false),
            ("0612345678901234", false),
        ] {
            assert_eq!(settings.allows(number), allowed, "{number}");
        }
        for (text, good) in [
            ("+31*", true),
            ("0", true),
            ("*", false),
            ("+*", false),
            ("", false),
            ("3x*", false),
            ("3**", false),
        ] {
            assert_eq!(Pattern::parse(text).is_some(), good, "{text}");
        }
    }
}
