//! `say`: a text in place of a recording.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::read::Reader;
use super::source::{Cursor, unknown};

/// Characters of one text: two minutes of speech.
const CHARS: usize = 2_000;
/// Bytes of the hash in a name: no two of a house's texts come to the same.
const HASH: usize = 8;
const COMMAND: &str = "`speech: { command: [espeak-ng, -v, \"{voice}\", --stdin, --stdout] }`";

/// For each language the sound's name and its text.
pub(super) type Texts = BTreeMap<Arc<str>, (Arc<str>, Arc<str>)>;

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
        let text = checked(cursor, reader)?;
        let mut texts = Texts::new();
        for language in languages {
            spoken(cursor, (&language, text), reader);
            texts.insert(language, (name(text).into(), text.into()));
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
        let Some(text) = checked(value, reader) else {
            continue;
        };
        spoken(value, (language, text), reader);
        texts.insert(Arc::clone(language), (name(text).into(), text.into()));
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

fn checked<'a>(cursor: Cursor<'a>, reader: &mut Reader<'_>) -> Option<&'a str> {
    let text = cursor.string(reader.diags)?;
    if text.contains("${") {
        let problem = cursor.error("a text with `${…}` is not available in this version");
        let hint = "say the value by an item of its own, such as {number: …} or {money: …}";
        reader.diags.push(problem.hint(hint));
        return None;
    }
    if text.trim().is_empty() || text.chars().count() > CHARS {
        let message = format!("a text has between 1 and {CHARS} characters");
        reader.diags.push(cursor.error(message));
        return None;
    }
    Some(text)
}

/// Says when nobody can speak a text and it was not recorded.
fn spoken(cursor: Cursor<'_>, (language, text): (&str, &str), reader: &mut Reader<'_>) {
    let name = name(text);
    if reader.known.speaks || (reader.known.sounds)(language, &name) {
        return;
    }
    let problem = cursor.error(format!("nobody can say this in `{language}`"));
    let hint =
        format!("write {COMMAND} in the configuration, or record prompts/{language}/{name}.wav");
    reader.diags.push(problem.hint(hint));
}
