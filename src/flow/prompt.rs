//! What a caller hears at a node: a list of recordings, numbers and silences.

use std::sync::Arc;
use std::time::Duration;

use super::expression::{Expression, Values};
use super::read::Reader;
use super::source::Cursor;
use super::speech;
use super::value::Scalar;
use crate::model::limits;

/// Longest `{silence: …}`.
const SILENCE: Duration = Duration::from_secs(60);
const NOT_YET: &[&str] = &["ordinal", "duration", "time", "date", "money"];

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
    Number(Expression),
    Digits(Expression),
    Silence(Duration),
}

impl Prompt {
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
                .filter_map(|item| Item::read(item, reader))
                .collect(),
        )
    }

    /// What to play in a language; `None` in the place of what has no usable value.
    pub(super) fn speak(&self, language: &str, values: &dyn Values) -> Vec<Option<Spoken>> {
        let mut spoken = Vec::new();
        for item in &self.0 {
            let names = match item {
                Item::Name(name) => {
                    spoken.push(Some(Spoken::sound(language, name)));
                    continue;
                }
                Item::Silence(length) => {
                    spoken.push(Some(Spoken::Silence(*length)));
                    continue;
                }
                Item::Number(of) => of
                    .evaluate(values)
                    .and_then(|held| as_number(&held.shown()?, language)),
                Item::Digits(of) => of
                    .evaluate(values)
                    .and_then(|held| as_digits(&held.shown()?)),
            };
            match names {
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
                Item::Number(_) => names.extend(speech::number_sounds(language)),
                Item::Digits(_) => names.extend((0..=9).map(|n| format!("number/{n}"))),
                Item::Silence(_) => {}
            }
        }
        names
    }
}

fn as_number(value: &Scalar, language: &str) -> Option<Vec<String>> {
    let number = match value {
        Scalar::Number(number) => u32::try_from(*number).ok()?,
        Scalar::Text(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok()?,
        Scalar::Text(_) | Scalar::Nothing | Scalar::Truth(_) => return None,
    };
    Some(speech::number(number, language))
}

/// One after another; what is no digit, such as the `+` of a number, is passed over.
fn as_digits(value: &Scalar) -> Option<Vec<String>> {
    let text = value.to_string();
    let digits = text.chars().filter(char::is_ascii_digit);
    let names: Vec<String> = digits.map(|digit| format!("number/{digit}")).collect();
    (!names.is_empty()).then_some(names)
}

impl Item {
    fn read(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        if !cursor.is_map() {
            let name = cursor.string(reader.diags)?;
            reader.sound_in_each_language(cursor, name);
            return Some(Self::Name(name.into()));
        }
        let (kind, value) = cursor.entries().next()?;
        for (extra, other) in cursor.entries().skip(1) {
            let message = format!("`{extra}` does not go with `{kind}`");
            reader.diags.push(
                other
                    .key_error(message)
                    .hint("one kind for each item of a prompt"),
            );
        }
        match kind {
            "number" => {
                let of = reader.expression(value)?;
                reader.spoken_numbers(value);
                Some(Self::Number(of))
            }
            "digits" => {
                let of = reader.expression(value)?;
                reader.spoken_numbers(value);
                Some(Self::Digits(of))
            }
            "silence" => {
                let length = value.duration(reader.diags)?;
                if length > SILENCE {
                    reader
                        .diags
                        .push(value.error("a silence is at most 60s long"));
                }
                Some(Self::Silence(length.min(SILENCE)))
            }
            "say" => {
                let message = "there is no text-to-speech in this version";
                let hint = "record prompts/<language>/<name>.wav and write its name";
                reader.diags.push(value.key_error(message).hint(hint));
                None
            }
            _ if NOT_YET.contains(&kind) => {
                let message = format!("the item `{kind}` is not available in this version");
                reader.diags.push(value.key_error(message));
                None
            }
            _ => {
                let problem = value.key_error(format!("unknown item `{kind}`"));
                let known = ["number", "digits", "silence"];
                reader
                    .diags
                    .push(super::source::unknown(problem, kind, known.into_iter()));
                None
            }
        }
    }
}
