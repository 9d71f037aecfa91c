//! What a caller hears at a node: a list of recordings, spoken values and silences.

use std::sync::Arc;
use std::time::Duration;

use super::ask::Utterance;
use super::expression::{Expression, Values};
use super::read::Reader;
use super::say::{self, Said};
use super::source::{Cursor, unknown};
use super::speech::{self, Currency, Kind};
use super::value::Scalar;
use crate::model::{limits, parse_duration};

/// Longest `{silence: …}`.
const SILENCE: Duration = Duration::from_secs(60);
/// What a map in a prompt may be, and what goes with it.
const KINDS: [(&str, &[&str]); 9] = [
    ("say", &[]),
    ("number", &[]),
    ("digits", &[]),
    ("ordinal", &[]),
    ("duration", &["round"]),
    ("time", &[]),
    ("date", &["weekday"]),
    ("money", &["currency"]),
    ("silence", &[]),
];
/// A `duration` is said to the second unless it says otherwise.
const ROUND: Duration = Duration::from_secs(1);
/// Coarser than a day a duration is not rounded.
const ROUND_MOST: Duration = Duration::from_secs(24 * 3600);
/// What a `confirm: true` says around the digits.
const YOU_ENTERED: &str = "collect/you-entered";
const CONFIRM: &str = "collect/confirm";

/// One thing to play.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spoken {
    /// The file `prompts/<language>/<name>.wav`.
    Sound {
        /// The folder.
        language: Arc<str>,
        /// The file, without `.wav`; may have folders in it.
        name: Arc<str>,
    },
    /// A text that is known only now; it has to be spoken first.
    Said(Utterance),
    /// Nothing for so long.
    Silence(Duration),
    /// The tone after which a caller speaks.
    Tone,
}

impl Spoken {
    pub(super) fn sound(language: &str, name: &str) -> Self {
        Self::Sound {
            language: language.into(),
            name: name.into(),
        }
    }
}

/// A prompt, as written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prompt(Vec<Item>);

#[derive(Clone, Debug)]
enum Item {
    Name(Arc<str>),
    Say(say::Texts),
    Silence(Duration),
    Value(Value),
}

/// Something that is said by a language's grammar.
#[derive(Clone, Debug)]
struct Value {
    kind: Kind,
    of: Expression,
    /// Of a duration.
    round: Duration,
}

impl Prompt {
    /// One sound.
    pub(super) fn named(name: &str) -> Self {
        Self(vec![Item::Name(name.into())])
    }

    /// "You entered …; if that is right, press 1; to enter it again, press 2". Without a
    /// variable nothing is said back.
    pub(super) fn confirmation(
        cursor: Cursor<'_>,
        variable: Option<&str>,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        let mut items = Vec::new();
        if let Some(name) = variable {
            reader.sound_in_each_language(cursor, YOU_ENTERED);
            reader.sounds_of_speech(cursor, Kind::Digits);
            let source = format!("vars[{}]", serde_json::Value::from(name));
            let of = reader.compiled(cursor, &source)?;
            let said = Value {
                kind: Kind::Digits,
                of,
                round: ROUND,
            };
            items.extend([Item::Name(YOU_ENTERED.into()), Item::Value(said)]);
        }
        reader.sound_in_each_language(cursor, CONFIRM);
        items.push(Item::Name(CONFIRM.into()));
        Some(Self(items))
    }

    pub(super) fn read(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Self {
        let items = cursor.one_or_many();
        if items.is_empty() {
            let empty = cursor.error("the prompt is empty");
            reader
                .diags
                .push(empty.hint("name a sound, or leave `prompt` out"));
        }
        if items.len() > limits::PROMPT_SOUNDS {
            let message = format!("a prompt has at most {} items", limits::PROMPT_SOUNDS);
            reader.diags.push(cursor.error(message));
        }
        Self(
            items
                .into_iter()
                .take(limits::PROMPT_SOUNDS)
                .filter_map(|item| Item::read(item, reader))
                .collect(),
        )
    }

    /// A prompt that is played while nothing can be spoken first: to those who wait.
    pub(super) fn read_fixed(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Self {
        let prompt = Self::read(cursor, reader);
        let depends = prompt.0.iter().any(|item| match item {
            Item::Say(texts) => texts.values().any(|said| said.fixed().is_none()),
            Item::Name(_) | Item::Silence(_) | Item::Value(_) => false,
        });
        if depends {
            let problem = cursor.error("a text with `${…}` cannot be said to those who wait");
            let hint = "say the value by an item of its own, such as {number: …}";
            reader.diags.push(problem.hint(hint));
        }
        prompt
    }

    /// What to play in a language; `None` in the place of what has no usable value.
    pub(super) fn speak(&self, language: &str, values: &dyn Values) -> Vec<Option<Spoken>> {
        let mut spoken = Vec::new();
        for item in &self.0 {
            let value = match item {
                Item::Name(name) => {
                    spoken.push(Some(Spoken::sound(language, name)));
                    continue;
                }
                Item::Say(texts) => {
                    let said = texts.get(language);
                    spoken.push(said.and_then(|said| said.speak(language, values)));
                    continue;
                }
                Item::Silence(length) => {
                    spoken.push(Some(Spoken::Silence(*length)));
                    continue;
                }
                Item::Value(value) => value,
            };
            match value.speak(language, values) {
                Some(names) => {
                    spoken.extend(names.iter().map(|name| Some(Spoken::sound(language, name))));
                }
                None => spoken.push(None),
            }
        }
        spoken.truncate(limits::PROMPT_SOUNDS);
        spoken
    }

    /// Every sound that it may need, in one language.
    pub(super) fn names(&self, language: &str) -> Vec<String> {
        let mut names = Vec::new();
        for item in &self.0 {
            match item {
                Item::Name(name) => names.push(name.to_string()),
                Item::Say(texts) => {
                    let fixed = texts.get(language).and_then(Said::fixed);
                    names.extend(fixed.map(|(name, _)| name.to_owned()));
                }
                Item::Value(value) => names.extend(speech::needed(value.kind, language)),
                Item::Silence(_) => {}
            }
        }
        names
    }

    /// Names and texts of what it says in one language.
    pub(super) fn texts(&self, language: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(move |item| match item {
            Item::Say(texts) => texts.get(language).and_then(Said::fixed),
            Item::Name(_) | Item::Silence(_) | Item::Value(_) => None,
        })
    }
}

impl Value {
    /// The pieces; `None` when there is no usable value.
    fn speak(&self, language: &str, values: &dyn Values) -> Option<Vec<String>> {
        let value = self.of.evaluate(values)?.shown()?;
        let text = value.to_string();
        let pieces = match self.kind {
            Kind::Number => Some(speech::number(whole(&value)?, language)),
            Kind::Ordinal => Some(speech::ordinal(whole(&value)?, language)),
            Kind::Digits => Some(speech::digits(&text)),
            Kind::Duration => speech::duration(length(&value)?, self.round, language),
            Kind::Time => speech::time(speech::time_of_day(&text)?, language),
            Kind::Date { weekday } => speech::date(speech::day(&text)?, weekday, language),
            Kind::Money(currency) => {
                speech::money(speech::Amount::parse(&text)?, currency, language)
            }
            Kind::Queue => None,
        };
        pieces.filter(|pieces| !pieces.is_empty())
    }
}

/// A whole number, as such or in digits.
fn whole(value: &Scalar) -> Option<i64> {
    match value {
        Scalar::Number(number) => Some(*number),
        Scalar::Text(text) => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let plain = digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| text.parse().ok()).flatten()
        }
        Scalar::Nothing | Scalar::Truth(_) | Scalar::Texts(_) => None,
    }
}

/// Seconds, or a text such as `90s`.
fn length(value: &Scalar) -> Option<Duration> {
    let seconds = whole(value).and_then(|seconds| u64::try_from(seconds).ok());
    seconds
        .map(Duration::from_secs)
        .or_else(|| parse_duration(&value.to_string()).ok())
}

impl Item {
    fn read(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        if !cursor.is_map() {
            let name = cursor.string(reader.diags)?;
            reader.sound_in_each_language(cursor, name);
            return Some(Self::Name(name.into()));
        }
        let known = |key: &str| KINDS.iter().find(|(kind, _)| *kind == key);
        let written = cursor.entries().find(|(key, _)| known(key).is_some());
        let Some((kind, value)) = written else {
            let extra = |key: &str| KINDS.iter().any(|(_, more)| more.contains(&key));
            let unknown_kind = cursor.entries().find(|(key, _)| !extra(key));
            let (key, value) = unknown_kind.or_else(|| cursor.entries().next())?;
            let problem = value.key_error(format!("unknown item `{key}`"));
            let kinds = KINDS.iter().map(|(kind, _)| *kind);
            reader.diags.push(unknown(problem, key, kinds));
            return None;
        };
        let allowed = known(kind).map_or(&[][..], |(_, more)| *more);
        for (extra, other) in cursor.entries() {
            if extra != kind && !allowed.contains(&extra) {
                let message = format!("`{extra}` does not go with `{kind}`");
                let problem = other.key_error(message);
                reader.diags.push(match allowed {
                    [] => problem.hint("one kind for each item of a prompt"),
                    _ => unknown(problem, extra, allowed.iter().copied()),
                });
            }
        }
        match kind {
            "say" => return say::read(value, reader).map(Self::Say),
            "silence" => return Self::silence(value, reader),
            _ => {}
        }
        let kind = kind_of(kind, cursor, reader)?;
        let of = reader.expression(value);
        reader.sounds_of_speech(value, kind);
        let round = reader.duration(cursor, "round", ROUND);
        if let Some(written) = cursor.get("round")
            && (!(ROUND..=ROUND_MOST).contains(&round) || round.subsec_millis() > 0)
        {
            let problem = written.error("`round` is whole seconds, between 1s and 1d");
            reader.diags.push(problem);
        }
        Some(Self::Value(Value {
            kind,
            of: of?,
            round,
        }))
    }

    fn silence(value: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let length = value.duration(reader.diags)?;
        if length > SILENCE {
            reader
                .diags
                .push(value.error("a silence is at most 60s long"));
        }
        Some(Self::Silence(length.min(SILENCE)))
    }
}

fn kind_of(word: &str, item: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Kind> {
    match word {
        "number" => Some(Kind::Number),
        "digits" => Some(Kind::Digits),
        "ordinal" => Some(Kind::Ordinal),
        "duration" => Some(Kind::Duration),
        "time" => Some(Kind::Time),
        "date" => Some(Kind::Date {
            weekday: reader.flag(item, "weekday", false),
        }),
        "money" => {
            let codes = || Currency::ALL.iter().map(|(code, _)| *code);
            let Some(written) = item.get("currency") else {
                let known: Vec<&str> = codes().collect();
                let problem = item.error("this money has no `currency`");
                reader
                    .diags
                    .push(problem.hint(format!("add `currency:` {}", known.join(", "))));
                return None;
            };
            let code = written.string(reader.diags)?;
            let found = Currency::ALL.iter().find(|(known, _)| *known == code);
            if found.is_none() {
                let problem = written.error(format!("`{code}` is no money that can be said"));
                reader.diags.push(unknown(problem, code, codes()));
            }
            found.map(|(_, currency)| Kind::Money(*currency))
        }
        _ => None,
    }
}
