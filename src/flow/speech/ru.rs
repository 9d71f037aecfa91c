//! Russian: «две тысячи триста сорок пять», «второго марта». Numbers agree in gender with
//! what they count, and what they count stands in one of three forms: одна минута, две
//! минуты, пять минут.

use super::grammar::Grammar;
use super::moment::DateParts;
use super::words::{Form, Gender, HOUR, MINUTE, Unit, Words, groups};

pub(super) struct Russian;

const FEMININE: &[&str] = &[
    "unit/minute",
    "unit/second",
    "money/kopeck",
    "number/thousand",
];
/// What has one form for all numbers.
const INVARIABLE: &[&str] = &["money/euro"];

/// Below a thousand.
fn small(n: u64, gender: Gender, words: &mut Words) {
    if n >= 100 {
        words.of("number", n / 100 * 100);
    }
    let mut rest = n % 100;
    if rest > 20 {
        words.of("number", rest / 10 * 10);
        rest %= 10;
    }
    match (rest, gender) {
        (0, _) => {}
        (1 | 2, Gender::Feminine) => words.of("number", format_args!("{rest}-f")),
        (_, Gender::Alone | Gender::Masculine | Gender::Feminine) => words.of("number", rest),
    }
}

/// Below a hundred, in pieces that decline: 1 to 20 and the tens.
fn declined(folder: &str, n: u64, words: &mut Words) {
    if n > 20 && !n.is_multiple_of(10) {
        words.of("number", n / 10 * 10);
        words.of(folder, n % 10);
    } else {
        words.of(folder, n);
    }
}

impl Grammar for Russian {
    fn number(&self, n: u64, gender: Gender, words: &mut Words) {
        if n == 0 {
            words.push("number/0");
        }
        for (group, scale) in groups(n) {
            let Some(scale) = scale else {
                small(group, gender, words);
                continue;
            };
            small(group, self.gender(scale), words);
            words.push(scale.piece(self.form(group, scale)));
        }
    }

    /// Only the last part declines: триста сорок пятый.
    fn ordinal(&self, n: u32, words: &mut Words) {
        let n = u64::from(n);
        let (rest, hundreds) = (n % 100, n % 1_000 / 100 * 100);
        let mut before = |n: u64| {
            if n > 0 {
                self.number(n, Gender::Alone, words);
            }
        };
        if rest > 0 {
            before(n - rest);
            declined("ordinal", rest, words);
        } else if hundreds > 0 {
            before(n - hundreds);
            words.of("ordinal", hundreds);
        } else {
            words.of("ordinal", n);
        }
    }

    fn form(&self, n: u64, unit: Unit) -> Form {
        if unit.is_any(INVARIABLE) {
            return Form::One;
        }
        match (n % 10, n % 100) {
            (_, 11..=14) => Form::Many,
            (1, _) => Form::One,
            (2..=4, _) => Form::Few,
            _ => Form::Many,
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
        None
    }

    fn time(&self, hour: u8, minute: u8, words: &mut Words) {
        self.count(u64::from(hour), HOUR, words);
        if minute > 0 {
            self.count(u64::from(minute), MINUTE, words);
        }
    }

    /// All in the genitive, which says when.
    fn date(&self, date: DateParts, words: &mut Words) {
        words.of("date", date.day);
        words.of("month", date.month);
        let year = u64::from(date.year);
        let (rest, hundreds) = (year % 100, year % 1_000 / 100 * 100);
        // Тысяча девятьсот, without «одна» before it.
        let mut before = |n: u64| {
            if n / 1_000 == 1 {
                words.push("number/thousand");
                if !n.is_multiple_of(1_000) {
                    small(n % 1_000, Gender::Alone, words);
                }
            } else {
                self.number(n, Gender::Alone, words);
            }
        };
        if rest > 0 {
            before(year - rest);
            declined("year", rest, words);
        } else if hundreds > 0 {
            before(year - hundreds);
            words.of("year", hundreds);
        } else {
            words.of("year", year);
        }
        words.push("year/year");
    }
}
