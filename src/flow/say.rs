//! `say`: a text in place of a recording.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::ask::Utterance;
use super::expression::Values;
use super::prompt::Spoken;
use super::read::Reader;
use super::source::{Cursor, unknown};
use super::template::Template;

/// Characters of one text: two minutes of speech.
const CHARS: usize = 2_000;
/// Bytes of the hash in a name: no two of a house's texts come to the same.
const HASH: usize = 8;
const COMMAND: &str = "`speech: { command: [espeak-ng, -v, \"{voice}\", --stdin, --stdout] }`";

/// What is said in each language.
pub(super) type Texts = BTreeMap<Arc<str>, Said>;

/// A text.
#[derive(Clone, Debug)]
pub(super) enum Said {
    /// One that is spoken when the flow is loaded: its sound's name, and the text.
    Fixed(Arc<str>, Arc<str>),
    /// One that depends on the call.
    Filled(Template),
}

impl Said {
    /// Name and text, when they do not depend on the call.
    pub(super) fn fixed(&self) -> Option<(&str, &str)> {
        match self {
            Self::Fixed(name, text) => Some((name, text)),
            Self::Filled(_) => None,
        }
    }

    /// `None` when there is no usable value.
    pub(super) fn speak(&self, language: &str, values: &dyn Values) -> Option<Spoken> {
        let template = match self {
            Self::Fixed(name, _) => return Some(Spoken::sound(language, name)),
            Self::Filled(template) => template,
        };
        let text = template.evaluate(values)?.shown()?.to_string();
        (!text.trim().is_empty()).then(|| {
            Spoken::Said(Utterance {
                language: language.into(),
                name: name(&text).into(),
                text: text.into(),
            })
        })
    }
}

/// The name of a text's sound: `say/` and the beginning of its SHA-256. A recording of that
/// name takes the place of the voice.
pub(super) fn name(text: &str) -> String {
    let mut name = "say/".to_owned();
    for byte in Sha256::digest(text).iter().take(HASH) {
        // Writing to a String cannot fail.
        write!(name, "{byte:02x}").ok();
    }
    name
}

/// Reads one text for all languages, or one for each.
pub(super) fn read(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Texts> {
    let languages = reader.languages.clone();
    if !cursor.is_map() {
        let said = checked(cursor, reader)?;
        let mut texts = Texts::new();
        for language in languages {
            spoken(cursor, (&language, &said), reader);
            texts.insert(language, said.clone());
        }
        return Some(texts);
    }
    let mut texts = Texts::new();
    for (key, value) in cursor.entries() {
        let Some(language) = languages.iter().find(|language| &***language == key) else {
            let problem = value.key_error(format!("the flow does not speak `{key}`"));
            let known = languages.iter().map(|language| &**language);
            reader.diags.push(unknown(problem, key, known));
            continue;
        };
        let Some(said) = checked(value, reader) else {
            continue;
        };
        spoken(value, (language, &said), reader);
        texts.insert(Arc::clone(language), said);
    }
    for language in languages {
        if cursor.get(&language).is_none() {
            let problem = cursor.key_error(format!("`say` has no text in `{language}`"));
            let hint = format!("add `{language}: …`");
            reader.diags.push(problem.hint(hint));
        }
    }
    Some(texts)
}

fn checked(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Said> {
    let text = cursor.string(reader.diags)?;
    if text.trim().is_empty() || text.chars().count() > CHARS {
        let message = format!("a text has between 1 and {CHARS} characters");
        reader.diags.push(cursor.error(message));
        return None;
    }
    if text.contains("${") {
        return reader.template(cursor, text).map(Said::Filled);
    }
    Some(Said::Fixed(name(text).into(), text.into()))
}

/// Says when nobody can speak a text and it was not recorded.
fn spoken(cursor: Cursor<'_>, (language, said): (&str, &Said), reader: &mut Reader<'_>) {
    if reader.known.speaks {
        return;
    }
    let problem = cursor.error(format!("nobody can say this in `{language}`"));
    let hint = format!("write {COMMAND} in the configuration");
    match said.fixed() {
        Some((name, _)) if (reader.known.sounds)(language, name) => {}
        Some((name, _)) => {
            let hint = format!("{hint}, or record prompts/{language}/{name}.wav");
            reader.diags.push(problem.hint(hint));
        }
        None => reader.diags.push(problem.hint(hint)),
    }
}
