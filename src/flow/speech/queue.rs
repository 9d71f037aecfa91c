//! What a queue tells its callers.

use std::time::Duration;

use super::grammar::{self, Kind, number};
use super::pieces;
use super::words::{MINUTE, Words};
use crate::flow::prompt::Spoken;

/// Longer waits are "more than an hour".
const HOUR_MINUTES: u64 = 60;

const YOU_ARE_NUMBER: &str = "queue/you-are-number";
const IN_LINE: &str = "queue/in-line";
const ESTIMATED_WAIT: &str = "queue/estimated-wait";
const LESS_THAN_A_MINUTE: &str = "queue/less-than-a-minute";
const MORE_THAN_AN_HOUR: &str = "queue/more-than-an-hour";
const BETWEEN: &str = "queue/between";
const AND: &str = "queue/and";
const LONGER: &str = "queue/longer-than-we-said";

fn spoken(language: &str, names: &[String]) -> Vec<Spoken> {
    let sounds = names.iter().map(|name| Spoken::sound(language, name));
    sounds.collect()
}

fn minutes(wait: Duration) -> u64 {
    wait.as_secs().div_ceil(60)
}

/// "You are number N in line"; `place` counts from 1.
#[must_use]
pub fn position(place: u32, language: &str) -> Vec<Spoken> {
    let mut names = vec![YOU_ARE_NUMBER.to_owned()];
    names.extend(number(i64::from(place), language));
    // Russian has said it all before the number.
    if pieces::text(language, IN_LINE).is_some() {
        names.push(IN_LINE.to_owned());
    }
    spoken(language, &names)
}

/// "The estimated wait is N minutes", rounded up.
#[must_use]
pub fn estimated_wait(wait: Duration, language: &str) -> Vec<Spoken> {
    let mut words = Words::default();
    words.push(ESTIMATED_WAIT);
    let minutes = minutes(wait);
    if wait < Duration::from_secs(60) {
        words.push(LESS_THAN_A_MINUTE);
    } else if minutes > HOUR_MINUTES {
        words.push(MORE_THAN_AN_HOUR);
    } else if let Some(grammar) = grammar::of(language) {
        grammar.count(minutes, MINUTE, &mut words);
    }
    spoken(language, &words.take())
}

/// "The estimated wait is between N and M minutes", both rounded up; as
/// [`estimated_wait`] of the longer when both come to the same, or to more than an hour.
#[must_use]
pub fn wait_between(least: Duration, most: Duration, language: &str) -> Vec<Spoken> {
    let (from, to) = (minutes(least).max(1), minutes(most));
    let Some(grammar) = grammar::of(language) else {
        return estimated_wait(most, language);
    };
    if from >= to || to > HOUR_MINUTES {
        return estimated_wait(most, language);
    }
    let mut words = Words::default();
    words.push(ESTIMATED_WAIT);
    // In Russian the two numbers stand side by side, with nothing: «пять — десять минут».
    let if_any = |piece, words: &mut Words| {
        if pieces::text(language, piece).is_some() {
            words.push(piece);
        }
    };
    if_any(BETWEEN, &mut words);
    grammar.number(from, grammar.gender(MINUTE), &mut words);
    if_any(AND, &mut words);
    grammar.count(to, MINUTE, &mut words);
    spoken(language, &words.take())
}

/// "It takes longer than we said": goes before an estimate that is worse than the last.
#[must_use]
pub fn waiting_longer(language: &str) -> Vec<Spoken> {
    vec![Spoken::sound(language, LONGER)]
}

/// Every sound that these may name.
#[must_use]
pub fn announcement_sounds(language: &str) -> Vec<String> {
    pieces::needed(Kind::Queue, language)
}
