//! The grammars, and what is the same in all of them.

use std::time::Duration;

use super::moment::{Amount, DateParts};
use super::words::{
    CENT, DAY, DOLLAR, EURO, FRANC, Form, Gender, HOUR, KOPECK, MINUTE, PENNY, POUND, RAPPEN,
    ROUBLE, SECOND, Unit, Words,
};
use super::{de, en, nl, ru};

/// The languages that have a grammar.
pub const LANGUAGES: &[&str] = &["en", "nl", "de", "ru"];
/// Larger numbers are said digit by digit.
pub const LARGEST: u64 = 999_999_999_999;
/// Larger ordinals are said as numbers.
const LARGEST_ORDINAL: i64 = 9_999;

/// What one language does in its own way.
pub(super) trait Grammar: Sync {
    /// A whole number, up to [`LARGEST`].
    fn number(&self, n: u64, gender: Gender, words: &mut Words);

    /// First, second, …: from 1 to 9999.
    fn ordinal(&self, n: u32, words: &mut Words);

    /// Which form of a unit follows a number.
    fn form(&self, n: u64, unit: Unit) -> Form;

    /// What a number before a unit agrees with.
    fn gender(&self, unit: Unit) -> Gender;

    /// What stands before the last of several parts: "and".
    fn joint(&self) -> Option<&'static str>;

    /// A time of day: hours below 24, minutes below 60.
    fn time(&self, hour: u8, minute: u8, words: &mut Words);

    /// A date, without its weekday.
    fn date(&self, date: DateParts, words: &mut Words);

    /// A number and what it counts.
    fn count(&self, n: u64, unit: Unit, words: &mut Words) {
        self.number(n, self.gender(unit), words);
        words.push(unit.piece(self.form(n, unit)));
    }
}

/// A language's grammar; `None` when it has none.
pub(super) fn of(language: &str) -> Option<&'static dyn Grammar> {
    match language {
        "en" => Some(&en::English),
        "nl" => Some(&nl::Dutch),
        "de" => Some(&de::German),
        "ru" => Some(&ru::Russian),
        _ => None,
    }
}

/// An item of a prompt that is said with pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Number,
    /// One digit after another.
    Digits,
    /// First, second.
    Ordinal,
    /// Hours and minutes.
    Duration,
    /// A time of day.
    Time,
    /// A date.
    Date {
        /// Whether the day of the week goes before it.
        weekday: bool,
    },
    /// An amount.
    Money(Currency),
    /// What a queue announces.
    Queue,
}

/// Money that can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Currency {
    /// Euro.
    Eur,
    /// Dollar of the United States.
    Usd,
    /// Pound sterling.
    Gbp,
    /// Rouble.
    Rub,
    /// Swiss franc.
    Chf,
}

impl Currency {
    /// Each with its code (ISO 4217).
    pub const ALL: [(&'static str, Self); 5] = [
        ("EUR", Self::Eur),
        ("USD", Self::Usd),
        ("GBP", Self::Gbp),
        ("RUB", Self::Rub),
        ("CHF", Self::Chf),
    ];

    /// The whole and its hundredth.
    pub(super) fn units(self) -> (Unit, Unit) {
        match self {
            Self::Eur => (EURO, CENT),
            Self::Usd => (DOLLAR, CENT),
            Self::Gbp => (POUND, PENNY),
            Self::Rub => (ROUBLE, KOPECK),
            Self::Chf => (FRANC, RAPPEN),
        }
    }
}

/// The pieces of a whole number: `number/3`, `number/hundred`, … A language without a
/// grammar, and a number beyond [`LARGEST`], is said digit by digit.
#[must_use]
pub fn number(n: i64, language: &str) -> Vec<String> {
    let mut words = Words::default();
    if n < 0 {
        words.push("number/minus");
    }
    let size = n.unsigned_abs();
    match of(language) {
        Some(grammar) if size <= LARGEST => grammar.number(size, Gender::Alone, &mut words),
        Some(_) | None => {
            for digit in size.to_string().chars() {
                words.of("number", digit);
            }
        }
    }
    words.take()
}

/// Each digit of a text; what is no digit, such as the `+` of a number, is passed over.
#[must_use]
pub fn digits(text: &str) -> Vec<String> {
    let digits = text.chars().filter(char::is_ascii_digit);
    digits.map(|digit| format!("number/{digit}")).collect()
}

/// First, second, third; what is not from 1 to 9999 is said as a number.
#[must_use]
pub fn ordinal(n: i64, language: &str) -> Vec<String> {
    let small = (1..=LARGEST_ORDINAL).contains(&n);
    let small = small.then(|| u32::try_from(n).ok()).flatten();
    let (Some(n), Some(grammar)) = (small, of(language)) else {
        return number(n, language);
    };
    let mut words = Words::default();
    grammar.ordinal(n, &mut words);
    words.take()
}

/// Days, hours, minutes and seconds, without those that are 0: rounded to the nearest
/// `round`, and to one of it at the least when there is anything at all. `None` in a
/// language without a grammar, here and below.
#[must_use]
pub fn duration(time: Duration, round: Duration, language: &str) -> Option<Vec<String>> {
    let step = round.as_secs().max(1);
    let seconds = time.as_secs() + u64::from(time.subsec_millis() >= 500);
    let steps = seconds.saturating_add(step / 2) / step;
    let steps = if time.is_zero() { 0 } else { steps.max(1) };
    let seconds = steps.saturating_mul(step).min(LARGEST);
    let parts = [
        (seconds / 86_400, DAY),
        (seconds / 3_600 % 24, HOUR),
        (seconds / 60 % 60, MINUTE),
        (seconds % 60, SECOND),
    ];
    let mut parts: Vec<(u64, Unit)> = parts.into_iter().filter(|(n, _)| *n > 0).collect();
    if parts.is_empty() {
        parts.push((0, if step < 60 { SECOND } else { MINUTE }));
    }
    Some(counted(&parts, Words::default(), of(language)?))
}

/// "Twelve euros and fifty cents"; whole ones alone when there are no hundredths, and
/// hundredths alone below one.
#[must_use]
pub fn money(amount: Amount, currency: Currency, language: &str) -> Option<Vec<String>> {
    let (whole, hundredth) = currency.units();
    let mut words = Words::default();
    if amount.below_zero {
        words.push("number/minus");
    }
    let mut parts = vec![
        (amount.whole, whole),
        (u64::from(amount.hundredths), hundredth),
    ];
    parts.retain(|(n, _)| *n > 0);
    if parts.is_empty() {
        parts.push((0, whole));
    }
    Some(counted(&parts, words, of(language)?))
}

/// Parts that belong together: "two hours and five minutes".
fn counted(parts: &[(u64, Unit)], mut words: Words, grammar: &dyn Grammar) -> Vec<String> {
    for (place, (n, unit)) in parts.iter().enumerate() {
        let last = place > 0 && place + 1 == parts.len();
        if let Some(joint) = grammar.joint().filter(|_| last) {
            words.push(joint);
        }
        grammar.count(*n, *unit, &mut words);
    }
    words.take()
}

/// A time of day: "nine thirty a.m.", "negen uur dertig".
#[must_use]
pub fn time((hour, minute): (u8, u8), language: &str) -> Option<Vec<String>> {
    let mut words = Words::default();
    of(language)?.time(hour % 24, minute % 60, &mut words);
    Some(words.take())
}

/// A date: "the second of March, twenty twenty-six". German and Russian in the form that
/// says when: "zweiten März", «второго марта».
#[must_use]
pub fn date(date: DateParts, weekday: bool, language: &str) -> Option<Vec<String>> {
    let mut words = Words::default();
    if weekday {
        words.of("weekday", date.weekday);
    }
    of(language)?.date(date, &mut words);
    Some(words.take())
}
