//! `speech`: the command that turns text into sound.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::reader::Reader;
use crate::flow::source::Cursor;

const SECOND: Duration = Duration::from_secs(1);
/// A command line, not a script.
const WORDS: usize = 64;

/// `speech:`. What has no recording is spoken by a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speech {
    /// The program and its arguments, `{voice}` where the voice is named. It reads the
    /// text from its input and writes a WAV to its output; no shell looks at it.
    command: Vec<String>,
    /// The voice of each language; a language without one is named itself.
    voices: BTreeMap<String, String>,
    /// How long one text may take.
    pub timeout: Duration,
    /// Where sounds that were made are kept.
    pub cache: PathBuf,
}

impl Speech {
    /// The program and its arguments for a language.
    #[must_use]
    pub fn command(&self, language: &str) -> Vec<String> {
        let voice = self.voices.get(language).map_or(language, String::as_str);
        let words = self.command.iter();
        words.map(|word| word.replace("{voice}", voice)).collect()
    }
}

impl Reader<'_> {
    /// `None` when there is no such section, or it cannot be used.
    pub(super) fn speech(&mut self, section: Option<Cursor<'_>>, folder: &Path) -> Option<Speech> {
        let section = section?;
        section.map(self.diags)?;
        section.unknown_keys(&["command", "voices", "timeout", "cache"], self.diags);
        let command = self.command_line(section);
        let mut voices = BTreeMap::new();
        if let Some(map) = section.get("voices") {
            for (language, value) in map.map(self.diags).unwrap_or_default() {
                let voice = value.string(self.diags);
                voices.extend(voice.map(|voice| (language.to_owned(), voice.to_owned())));
            }
        }
        let timeout = self.duration(Some(section), "timeout", 10 * SECOND, SECOND..=60 * SECOND);
        let cache = section
            .get("cache")
            .and_then(|value| value.string(self.diags));
        Some(Speech {
            command: command?,
            voices,
            timeout,
            cache: folder.join(cache.unwrap_or("../var/speech")),
        })
    }

    fn command_line(&mut self, section: Cursor<'_>) -> Option<Vec<String>> {
        let value = section.require("command", self.diags)?;
        let words: Option<Vec<String>> = value
            .list(self.diags)?
            .into_iter()
            .map(|word| word.string(self.diags).map(str::to_owned))
            .collect();
        let words = words?;
        let named = words.first().is_some_and(|program| !program.is_empty());
        if !named || words.len() > WORDS {
            let problem = value.error(format!("`command` is a program and up to {WORDS} words"));
            let hint = "write [espeak-ng, -v, \"{voice}\", --stdin, --stdout]";
            self.diags.push(problem.hint(hint));
            return None;
        }
        Some(words)
    }
}
