//! What is said, in the pieces that are played and in the words that they spell.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use expect_test::Expect;
use proptest::prelude::*;

use super::*;
use crate::model::limits;

mod numbers;
mod values;

/// `value: pieces = words`, a line for each value.
fn table<T: Copy>(
    language: &str,
    rows: &[(&str, T)],
    say: impl Fn(T) -> Vec<String>,
    expected: &Expect,
) {
    let mut lines = String::new();
    for (shown, value) in rows {
        let pieces = say(*value);
        let words: Vec<&str> = pieces
            .iter()
            .map(|piece| text(language, piece).unwrap_or("???"))
            .collect();
        let pieces = pieces.join(" ").replace("number/", "");
        writeln!(lines, "{shown}: {pieces} = {}", words.join(" ")).unwrap();
    }
    expected.assert_eq(&lines);
}

#[test]
fn texts_that_stand_for_something_are_read_and_others_are_not() {
    for (text, expected) in [
        ("09:30", Some((9, 30))),
        ("9:30", Some((9, 30))),
        ("23:59:58", Some((23, 59))),
        ("2026-03-02T10:15:00+01:00", Some((10, 15))),
        ("2026-03-02T10:15:00.5Z", Some((10, 15))),
        ("2026-03-02 10:15", Some((10, 15))),
        ("24:00", None),
        ("12:60", None),
        ("1:5", None),
        ("12:345", None),
        ("12:30x", None),
        ("2026-13-02T10:15:00Z", None),
        ("", None),
    ] {
        assert_eq!(time_of_day(text), expected, "{text}");
    }
    for text in [
        "",
        "2026-3-2",
        "2026-02-29",
        "0999-01-01",
        "20260302",
        "+026-03-02",
    ] {
        assert_eq!(day(text), None, "{text}");
    }
    assert_eq!(day("2026-03-02T10:15:00Z").unwrap().weekday, 1);
    for text in [
        "",
        "-",
        ".5",
        "1.",
        "1.234",
        "1,50",
        "1e3",
        "--1",
        "1000000000000",
    ] {
        assert_eq!(Amount::parse(text), None, "{text}");
    }
}

/// Every piece that was said is one that the check asks for, and not too many.
fn sound(kind: Kind, language: &str, said: &[String]) {
    all_among(&needed(kind, language), said);
}

fn all_among(needed: &[String], said: &[String]) {
    assert!(!said.is_empty());
    assert!(said.len() <= limits::PROMPT_SOUNDS / 2, "{said:?}");
    for piece in said {
        assert!(needed.contains(piece), "{piece}");
    }
}

#[test]
fn small_numbers_use_no_other_pieces_than_the_check_asks_for() {
    for language in LANGUAGES {
        let [numbers, ordinals, times] =
            [Kind::Number, Kind::Ordinal, Kind::Time].map(|kind| needed(kind, language));
        for n in (0..=2_000).chain([2_999, 9_999, 10_000]) {
            all_among(&numbers, &number(n, language));
            all_among(&ordinals, &ordinal(n, language));
        }
        for minute in 0..24 * 60 {
            let at = (minute / 60, minute % 60);
            let at = (u8::try_from(at.0).unwrap(), u8::try_from(at.1).unwrap());
            all_among(&times, &time(at, language).unwrap());
        }
    }
}

#[test]
fn every_piece_of_a_list_is_used_and_written_once() {
    for language in LANGUAGES {
        let mut names = BTreeSet::new();
        for (name, text) in pieces::all(language) {
            assert!(names.insert(name), "{language} has {name} twice");
            assert!(!text.is_empty(), "{language} {name}");
        }
        let mut said = BTreeSet::new();
        let many = (0..=2_000).chain((0..=10_000).step_by(100));
        for n in many.chain([1_000_000, 2_000_000, 5_000_000, 1_000_000_000]) {
            said.extend(number(n, language));
            said.extend(number(-n * 1_000, language));
            said.extend(ordinal(n, language));
            let time = Duration::from_secs(n.unsigned_abs() * 1_741);
            said.extend(duration(time, Duration::from_secs(1), language).unwrap());
            for (_, currency) in Currency::ALL {
                let amount = Amount::parse(&format!("{n}.{:02}", n % 100)).unwrap();
                said.extend(money(amount, currency, language).unwrap());
            }
        }
        for minute in 0..60 {
            for hour in 0..24 {
                said.extend(time((hour, minute), language).unwrap());
            }
        }
        for year in 1_000..=2_999_u16 {
            let (month, day) = ((year % 12 + 1), (year % 31 + 1));
            let parts = DateParts {
                year,
                month: u8::try_from(month).unwrap(),
                day: u8::try_from(day).unwrap(),
                weekday: u8::try_from(year % 7 + 1).unwrap(),
            };
            said.extend(date(parts, true, language).unwrap());
        }
        said.extend(needed(Kind::Queue, language));
        let unused: Vec<_> = names.iter().filter(|name| !said.contains(**name)).collect();
        assert!(unused.is_empty(), "{language}: {unused:?}");
    }
}

fn language() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(LANGUAGES)
}

proptest! {
    #[test]
    fn any_value_is_said_in_pieces_that_are_there(
        language in language(),
        n in prop_oneof![any::<i64>(), -1_000_000_000_000_i64..=1_000_000_000_000],
        seconds in any::<u64>(),
        round in 1_u64..=86_400,
        hundredths in 0_u8..100,
        (year, month, dom) in (1_000_i16..=2_999, 1_i8..=12, 1_i8..=28),
    ) {
        sound(Kind::Number, language, &number(n, language));
        sound(Kind::Ordinal, language, &ordinal(n, language));
        sound(Kind::Digits, language, &digits(&n.to_string()));
        let [time, round] = [seconds, round].map(Duration::from_secs);
        sound(Kind::Duration, language, &duration(time, round, language).unwrap());
        if let Some(amount) = Amount::parse(&format!("{n}.{hundredths:02}")) {
            for (_, currency) in Currency::ALL {
                let said = money(amount, currency, language).unwrap();
                sound(Kind::Money(currency), language, &said);
            }
        }
        let parts = day(&format!("{year:04}-{month:02}-{dom:02}")).unwrap();
        for weekday in [false, true] {
            let said = date(parts, weekday, language).unwrap();
            sound(Kind::Date { weekday }, language, &said);
        }
    }

    #[test]
    fn no_text_is_too_odd_to_be_looked_at(text in "\\PC{0,40}") {
        let read = (time_of_day(&text), day(&text), Amount::parse(&text));
        prop_assert!(read.0.is_none_or(|(hour, minute)| hour < 24 && minute < 60));
        prop_assert!(read.1.is_none_or(|day| day.weekday >= 1));
        prop_assert!(read.2.is_none_or(|amount| amount.hundredths < 100));
        prop_assert!(digits(&text).len() <= text.len());
    }
}
