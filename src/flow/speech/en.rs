//! English: "two thousand three hundred and forty-five", "the second of March".

use super::grammar::Grammar;
use super::moment::DateParts;
use super::words::{Form, Gender, Unit, Words, groups};

pub(super) struct English;

/// Below a thousand.
fn small(n: u64, words: &mut Words) {
    if n >= 100 {
        words.of("number", n / 100);
        words.push("number/hundred");
    }
    if n > 100 && !n.is_multiple_of(100) {
        words.push("number/and");
    }
    tens(n % 100, words);
}

/// Below a hundred; 0 is not said.
fn tens(n: u64, words: &mut Words) {
    if n > 20 && !n.is_multiple_of(10) {
        words.of("number", n / 10 * 10);
        words.of("number", n % 10);
    } else if n > 0 {
        words.of("number", n);
    }
}

impl Grammar for English {
    fn number(&self, n: u64, _: Gender, words: &mut Words) {
        if n == 0 {
            words.push("number/0");
        }
        for (group, scale) in groups(n) {
            if scale.is_none() && group < 100 && n > group {
                words.push("number/and");
            }
            small(group, words);
            if let Some(scale) = scale {
                words.push(scale.one);
            }
        }
    }

    fn ordinal(&self, n: u32, words: &mut Words) {
        let rest = n % 100;
        let before = u64::from(n - rest);
        if rest > 0 {
            if before > 0 {
                self.number(before, Gender::Alone, words);
                words.push("number/and");
            }
            if rest > 20 && !rest.is_multiple_of(10) {
                words.of("number", rest / 10 * 10);
                words.of("ordinal", rest % 10);
            } else {
                words.of("ordinal", rest);
            }
        } else if n.is_multiple_of(1_000) {
            words.of("number", n / 1_000);
            words.push("ordinal/thousand");
        } else {
            if n > 1_000 {
                self.number(before / 1_000 * 1_000, Gender::Alone, words);
            }
            words.of("number", n / 100 % 10);
            words.push("ordinal/hundred");
        }
    }

    fn form(&self, n: u64, _: Unit) -> Form {
        if n == 1 { Form::One } else { Form::Many }
    }

    fn gender(&self, _: Unit) -> Gender {
        Gender::Alone
    }

    fn joint(&self) -> Option<&'static str> {
        Some("number/and")
    }

    fn time(&self, hour: u8, minute: u8, words: &mut Words) {
        match (hour, minute) {
            (0, 0) => return words.push("time/midnight"),
            (12, 0) => return words.push("time/noon"),
            _ => {}
        }
        words.of(
            "number",
            if hour.is_multiple_of(12) {
                12
            } else {
                hour % 12
            },
        );
        if (1..10).contains(&minute) {
            words.push("number/oh");
        }
        tens(u64::from(minute), words);
        words.push(if hour < 12 { "time/am" } else { "time/pm" });
    }

    fn date(&self, date: DateParts, words: &mut Words) {
        words.push("date/the");
        self.ordinal(u32::from(date.day), words);
        words.push("date/of");
        words.of("month", date.month);
        let year = u64::from(date.year);
        let (century, rest) = (year / 100, year % 100);
        // Two thousand and five; but nineteen hundred, nineteen oh five, twenty twenty-six.
        if year % 1_000 < 10 {
            return self.number(year, Gender::Alone, words);
        }
        tens(century, words);
        match rest {
            0 => words.push("number/hundred"),
            1..10 => words.push("number/oh"),
            _ => {}
        }
        tens(rest, words);
    }
}
