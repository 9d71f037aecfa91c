//! What grammars write into, and the words that they agree with.

use std::fmt::Display;

/// Names of pieces, in the order in which they are heard.
#[derive(Debug, Default)]
pub(super) struct Words(Vec<String>);

impl Words {
    pub(super) fn push(&mut self, piece: &str) {
        self.0.push(piece.to_owned());
    }

    /// `number/3`, `month/12`.
    pub(super) fn of(&mut self, folder: &str, name: impl Display) {
        self.0.push(format!("{folder}/{name}"));
    }

    pub(super) fn take(self) -> Vec<String> {
        self.0
    }
}

/// What a number agrees with in languages that care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gender {
    /// Nothing follows the number: `eins`, `один`.
    Alone,
    /// `ein Euro`, `один рубль`.
    Masculine,
    /// `eine Minute`, `одна минута`.
    Feminine,
}

/// Which form of a unit follows a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `minute`.
    One,
    /// Two to four in Slavic languages: `минуты`.
    Few,
    /// `minutes`.
    Many,
}

/// Something that is counted: the pieces of its forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) one: &'static str,
    pub(super) few: &'static str,
    pub(super) many: &'static str,
}

impl Unit {
    pub(super) fn piece(self, form: Form) -> &'static str {
        match form {
            Form::One => self.one,
            Form::Few => self.few,
            Form::Many => self.many,
        }
    }

    /// Whether it is one of these, by the pieces of their first forms.
    pub(super) fn is_any(self, of: &[&str]) -> bool {
        of.contains(&self.one)
    }
}

macro_rules! unit {
    ($name:ident, $one:literal, $many:literal) => {
        pub(super) const $name: Unit = Unit {
            one: $one,
            few: concat!($many, "-few"),
            many: $many,
        };
    };
}

unit!(DAY, "unit/day", "unit/days");
unit!(HOUR, "unit/hour", "unit/hours");
unit!(MINUTE, "unit/minute", "unit/minutes");
unit!(SECOND, "unit/second", "unit/seconds");
unit!(EURO, "money/euro", "money/euros");
unit!(CENT, "money/cent", "money/cents");
unit!(DOLLAR, "money/dollar", "money/dollars");
unit!(POUND, "money/pound", "money/pounds");
unit!(PENNY, "money/penny", "money/pence");
unit!(ROUBLE, "money/rouble", "money/roubles");
unit!(KOPECK, "money/kopeck", "money/kopecks");
unit!(FRANC, "money/franc", "money/francs");
unit!(RAPPEN, "money/rappen", "money/rappens");
unit!(THOUSAND, "number/thousand", "number/thousands");
unit!(MILLION, "number/million", "number/millions");
unit!(BILLION, "number/billion", "number/billions");

/// A number in groups of three digits, the highest first, without those that are 0; each
/// with what it counts.
pub(super) fn groups(n: u64) -> impl Iterator<Item = (u64, Option<Unit>)> {
    let scales = [
        (1_000_000_000, Some(BILLION)),
        (1_000_000, Some(MILLION)),
        (1_000, Some(THOUSAND)),
        (1, None),
    ];
    scales
        .into_iter()
        .map(move |(size, scale)| (n / size % 1_000, scale))
        .filter(|(group, _)| *group > 0)
}
