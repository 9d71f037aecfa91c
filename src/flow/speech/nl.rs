//! Dutch: "tweeduizend driehonderd vijfenveertig", "twee maart". Numbers below a hundred
//! are one piece each, since "vijfenveertig" is one word.

use super::grammar::Grammar;
use super::moment::DateParts;
use super::words::{Form, Gender, THOUSAND, Unit, Words, groups};

pub(super) struct Dutch;

/// What is said in the singular after any number: "vijf euro", "drie uur".
const INVARIABLE: &[&str] = &[
    "unit/hour",
    "money/euro",
    "money/cent",
    "money/dollar",
    "money/pound",
    "money/rouble",
    "money/kopeck",
    "money/franc",
    "money/rappen",
];

/// Below a thousand; honderd has no "een" before it.
fn small(n: u64, words: &mut Words) {
    if n >= 200 {
        words.of("number", n / 100);
    }
    if n >= 100 {
        words.push("number/hundred");
    }
    if !n.is_multiple_of(100) {
        words.of("number", n % 100);
    }
}

/// Years of the Middle Ages to 1999: negentienhonderd vijfentachtig.
pub(super) fn year(grammar: &dyn Grammar, year: u64, words: &mut Words) {
    if !(1_100..2_000).contains(&year) {
        return grammar.number(year, Gender::Alone, words);
    }
    words.of("number", year / 100);
    words.push("number/hundred");
    if !year.is_multiple_of(100) {
        words.of("number", year % 100);
    }
}

impl Grammar for Dutch {
    fn number(&self, n: u64, _: Gender, words: &mut Words) {
        if n == 0 {
            words.push("number/0");
        }
        for (group, scale) in groups(n) {
            let alone = group == 1 && scale == Some(THOUSAND);
            if !alone {
                small(group, words);
            }
            if let Some(scale) = scale {
                words.push(scale.one);
            }
        }
    }

    /// The last part takes the ending: driehonderd-vijfenveertigste.
    fn ordinal(&self, n: u32, words: &mut Words) {
        let rest = n % 100;
        let mut before = |n: u32| {
            if n > 0 {
                self.number(u64::from(n), Gender::Alone, words);
            }
        };
        if rest > 0 {
            before(n - rest);
            if rest > 20 && !rest.is_multiple_of(10) {
                words.of("ordinal", format_args!("{}-and", rest % 10));
                words.of("ordinal", rest / 10 * 10);
            } else {
                words.of("ordinal", rest);
            }
        } else if n.is_multiple_of(1_000) {
            before(n / 1_000 * u32::from(n > 1_000));
            words.push("ordinal/thousand");
        } else {
            before(n / 1_000 * 1_000);
            let hundreds = n / 100 % 10;
            before(hundreds * u32::from(hundreds > 1));
            words.push("ordinal/hundred");
        }
    }

    fn form(&self, n: u64, unit: Unit) -> Form {
        if n == 1 || unit.is_any(INVARIABLE) {
            Form::One
        } else {
            Form::Many
        }
    }

    fn gender(&self, _: Unit) -> Gender {
        Gender::Alone
    }

    fn joint(&self) -> Option<&'static str> {
        Some("number/and")
    }

    fn time(&self, hour: u8, minute: u8, words: &mut Words) {
        words.of("number", hour);
        words.push("time/hour");
        if minute > 0 {
            words.of("number", minute);
        }
    }

    fn date(&self, date: DateParts, words: &mut Words) {
        words.of("number", date.day);
        words.of("month", date.month);
        year(self, u64::from(date.year), words);
    }
}
