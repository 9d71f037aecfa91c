//! How numbers and waits are said: names of sounds, by each language's own grammar.

use std::time::Duration;

use super::prompt::Spoken;

/// The languages whose numbers can be said.
pub const LANGUAGES: &[&str] = &["en", "nl"];
/// Larger numbers are said digit by digit.
const LARGEST: u32 = 9_999;
/// Longer waits are "more than an hour".
const HOUR_MINUTES: u64 = 60;

const YOU_ARE_NUMBER: &str = "queue/you-are-number";
const IN_LINE: &str = "queue/in-line";
const ESTIMATED_WAIT: &str = "queue/estimated-wait";
const MINUTE: &str = "queue/minute";
const MINUTES: &str = "queue/minutes";
const LESS_THAN_A_MINUTE: &str = "queue/less-than-a-minute";
const MORE_THAN_AN_HOUR: &str = "queue/more-than-an-hour";

/// The sounds of a whole number: `number/3`, `number/hundred`, … A language that is
/// not known, and a number above 9999, is said digit by digit.
#[must_use]
pub fn number(n: u32, language: &str) -> Vec<String> {
    let mut words = Vec::new();
    match language {
        "en" if n <= LARGEST => english(n, &mut words),
        "nl" if n <= LARGEST => dutch(n, &mut words),
        _ => words.extend(n.to_string().chars().map(String::from)),
    }
    words
        .into_iter()
        .map(|word| format!("number/{word}"))
        .collect()
}

/// Two thousand three hundred and forty-five.
fn english(n: u32, words: &mut Vec<String>) {
    if n == 0 {
        words.push("0".into());
    }
    if n >= 1000 {
        words.push((n / 1000).to_string());
        words.push("thousand".into());
    }
    let (hundreds, rest) = (n / 100 % 10, n % 100);
    if hundreds > 0 {
        words.push(hundreds.to_string());
        words.push("hundred".into());
    }
    if rest == 0 {
        return;
    }
    if n >= 100 {
        words.push("and".into());
    }
    if rest <= 20 {
        words.push(rest.to_string());
        return;
    }
    words.push((rest / 10 * 10).to_string());
    if rest % 10 > 0 {
        words.push((rest % 10).to_string());
    }
}

/// Tweeduizend driehonderd vijf-en-veertig; honderd and duizend have no "een" before them.
fn dutch(n: u32, words: &mut Vec<String>) {
    if n == 0 {
        words.push("0".into());
    }
    for (count, word) in [(n / 1000, "thousand"), (n / 100 % 10, "hundred")] {
        if count > 1 {
            words.push(count.to_string());
        }
        if count > 0 {
            words.push(word.into());
        }
    }
    let rest = n % 100;
    if rest > 20 && !rest.is_multiple_of(10) {
        words.push((rest % 10).to_string());
        words.push("and".into());
        words.push((rest / 10 * 10).to_string());
    } else if rest > 0 {
        words.push(rest.to_string());
    }
}

/// Every sound that [`number`] may name.
#[must_use]
pub fn number_sounds(language: &str) -> Vec<String> {
    let spoken = LANGUAGES.contains(&language);
    let teens = (10..=20).chain((30..=90).step_by(10)).filter(|_| spoken);
    let mut words: Vec<String> = (0..=9)
        .chain(teens)
        .map(|n: u32| format!("number/{n}"))
        .collect();
    if spoken {
        words.extend(["hundred", "thousand", "and"].map(|word| format!("number/{word}")));
    }
    words
}

/// "You are number N in line"; `place` counts from 1.
#[must_use]
pub fn position(place: u32, language: &str) -> Vec<Spoken> {
    let mut spoken = vec![Spoken::sound(language, YOU_ARE_NUMBER)];
    spoken.extend(
        number(place, language)
            .iter()
            .map(|name| Spoken::sound(language, name)),
    );
    spoken.push(Spoken::sound(language, IN_LINE));
    spoken
}

/// "The estimated wait is N minutes", rounded up.
#[must_use]
pub fn estimated_wait(wait: Duration, language: &str) -> Vec<Spoken> {
    let mut spoken = vec![Spoken::sound(language, ESTIMATED_WAIT)];
    let minutes = wait.as_secs().div_ceil(60);
    if wait < Duration::from_secs(60) {
        spoken.push(Spoken::sound(language, LESS_THAN_A_MINUTE));
    } else if minutes > HOUR_MINUTES {
        spoken.push(Spoken::sound(language, MORE_THAN_AN_HOUR));
    } else {
        let count = u32::try_from(minutes).unwrap_or(u32::MAX);
        spoken.extend(
            number(count, language)
                .iter()
                .map(|name| Spoken::sound(language, name)),
        );
        let unit = if minutes == 1 { MINUTE } else { MINUTES };
        spoken.push(Spoken::sound(language, unit));
    }
    spoken
}

/// Every sound that [`position`] and [`estimated_wait`] may name.
#[must_use]
pub fn announcement_sounds(language: &str) -> Vec<String> {
    let mut names = number_sounds(language);
    let fixed = [
        YOU_ARE_NUMBER,
        IN_LINE,
        ESTIMATED_WAIT,
        MINUTE,
        MINUTES,
        LESS_THAN_A_MINUTE,
        MORE_THAN_AN_HOUR,
    ];
    names.extend(fixed.map(String::from));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_by_each_languages_grammar() {
        for (n, en, nl) in [
            (0, "0", "0"),
            (1, "1", "1"),
            (13, "13", "13"),
            (20, "20", "20"),
            (21, "20 1", "1 and 20"),
            (40, "40", "40"),
            (99, "90 9", "9 and 90"),
            (100, "1 hundred", "hundred"),
            (101, "1 hundred and 1", "hundred 1"),
            (245, "2 hundred and 40 5", "2 hundred 5 and 40"),
            (1000, "1 thousand", "thousand"),
            (1007, "1 thousand and 7", "thousand 7"),
            (
                9999,
                "9 thousand 9 hundred and 90 9",
                "9 thousand 9 hundred 9 and 90",
            ),
            (10_245, "1 0 2 4 5", "1 0 2 4 5"),
        ] {
            for (language, expected) in [("en", en), ("nl", nl)] {
                let said = number(n, language).join(" ").replace("number/", "");
                assert_eq!(said, expected, "{n} in {language}");
            }
        }
    }

    #[test]
    fn every_word_of_every_number_has_a_sound() {
        for language in LANGUAGES {
            let sounds = number_sounds(language);
            for n in 0..=10_000 {
                for word in number(n, language) {
                    assert!(sounds.contains(&word), "{n} in {language}: {word}");
                }
            }
        }
    }

    #[test]
    fn a_wait_is_rounded_up_to_minutes() {
        for (seconds, expected) in [
            (0, "less-than-a-minute"),
            (59, "less-than-a-minute"),
            (60, "1 minute"),
            (61, "2 minutes"),
            (3600, "60 minutes"),
            (3601, "more-than-an-hour"),
        ] {
            let said: Vec<_> = estimated_wait(Duration::from_secs(seconds), "en")
                .into_iter()
                .skip(1)
                .map(|spoken| match spoken {
                    Spoken::Sound { name, .. } => name.rsplit('/').next().unwrap().to_owned(),
                    Spoken::Silence(_) | Spoken::Tone => "silence".into(),
                })
                .collect();
            assert_eq!(said.join(" "), expected, "{seconds} s");
        }
    }

    #[test]
    fn a_place_in_line_is_said() {
        assert_eq!(position(2, "nl").len(), 3);
        assert_eq!(
            position(2, "nl").first(),
            Some(&Spoken::sound("nl", YOU_ARE_NUMBER))
        );
    }
}
