//! German: "zweitausenddreihundertfünfundvierzig", "zweiten März". Numbers below a hundred
//! are one piece each, since "fünfundvierzig" is one word.

use super::grammar::Grammar;
use super::moment::DateParts;
use super::nl;
use super::words::{Form, Gender, THOUSAND, Unit, Words, groups};

pub(super) struct German;

/// What is said in the singular after any number: "fünf Euro".
const INVARIABLE: &[&str] = &[
    "money/euro",
    "money/cent",
    "money/dollar",
    "money/pound",
    "money/rouble",
    "money/franc",
    "money/rappen",
];
const FEMININE: &[&str] = &[
    "unit/hour",
    "unit/minute",
    "unit/second",
    "money/kopeck",
    "number/million",
    "number/billion",
];

fn one(gender: Gender) -> &'static str {
    match gender {
        Gender::Alone => "number/1",
        Gender::Masculine => "number/1-m",
        Gender::Feminine => "number/1-f",
    }
}

/// Below a thousand. A one at the end agrees with what follows: einhundertein-tausend.
fn small(n: u64, gender: Gender, words: &mut Words) {
    match n / 100 {
        0 => {}
        1 => words.push("number/1-m"),
        hundreds => words.of("number", hundreds),
    }
    if n >= 100 {
        words.push("number/hundred");
    }
    match n % 100 {
        0 => {}
        1 => words.push(one(gender)),
        rest => words.of("number", rest),
    }
}

impl Grammar for German {
    fn number(&self, n: u64, gender: Gender, words: &mut Words) {
        match n {
            0 => words.push("number/0"),
            1 => return words.push(one(gender)),
            _ => {}
        }
        for (group, scale) in groups(n) {
            let Some(scale) = scale else {
                small(group, Gender::Alone, words);
                continue;
            };
            small(group, self.gender(scale), words);
            words.push(scale.piece(self.form(group, scale)));
        }
    }

    /// The last part takes the ending: dreihundertfünfundvierzigste.
    fn ordinal(&self, n: u32, words: &mut Words) {
        let rest = n % 100;
        let mut before = |n: u32| match n {
            0 => {}
            1 => words.push("number/1-m"),
            _ => self.number(u64::from(n), Gender::Alone, words),
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
            before(n / 1_000);
            words.push("ordinal/thousand");
        } else {
            before(n / 1_000 * 1_000);
            before(n / 100 % 10);
            words.push("ordinal/hundred");
        }
    }

    fn form(&self, n: u64, unit: Unit) -> Form {
        if n == 1 || unit == THOUSAND || unit.is_any(INVARIABLE) {
            Form::One
        } else {
            Form::Many
        }
    }

    fn gender(&self, unit: Unit) -> Gender {
        if unit.is_any(FEMININE) {
            Gender::Feminine
        } else {
            Gender::Masculine
        }
    }

    fn joint(&self) -> Option<&'static str> {
        Some("number/and")
    }

    fn time(&self, hour: u8, minute: u8, words: &mut Words) {
        self.number(u64::from(hour), Gender::Masculine, words);
        words.push("time/hour");
        if minute > 0 {
            self.number(u64::from(minute), Gender::Alone, words);
        }
    }

    fn date(&self, date: DateParts, words: &mut Words) {
        words.of("date", date.day);
        words.of("month", date.month);
        nl::year(self, u64::from(date.year), words);
    }
}
