//! What has to be spoken because nobody recorded it.

use std::collections::{BTreeMap, BTreeSet};

use super::load::Files;
use super::types::Config;
use crate::flow::Flow;
use crate::flow::source::Cursor;
use crate::flow::speech::{self, Kind};
use crate::model::Diagnostic;

impl Config {
    /// The texts of all sounds that flows and queues may play and whose texts are known, by
    /// (language, name): the whole of them, recorded or not.
    #[must_use]
    pub fn texts(&self) -> BTreeMap<(String, String), String> {
        let mut texts = BTreeMap::new();
        let house = self.house.queues.values();
        for flow in self.flows.values().chain(house) {
            for (language, name, text) in flow.texts() {
                texts.insert((language.to_owned(), name.to_owned()), text.to_owned());
            }
            for (language, name) in self.sounds(flow) {
                if let Some(text) = speech::text(&language, &name) {
                    texts.insert((language, name), text.to_owned());
                }
            }
        }
        texts
    }

    /// What a flow may play itself, and what queues may announce in its languages.
    fn sounds(&self, flow: &Flow) -> BTreeSet<(String, String)> {
        let mut sounds = flow.sounds();
        let mut queues = self.queues.values();
        if queues.any(|queue| queue.announce.position || queue.announce.estimated_wait) {
            for language in flow.languages() {
                let pieces = speech::needed(Kind::Queue, language);
                sounds.extend(pieces.into_iter().map(|name| (language.to_string(), name)));
            }
        }
        sounds
    }
}

/// Says where queues announce in a language that lacks sounds for it. A warning, since a
/// flow may have announcements of its own: what is missing is left out, and counted.
pub(super) fn announcements(
    config: &Config,
    files: &Files,
    section: Option<Cursor<'_>>,
    diags: &mut Vec<Diagnostic>,
) {
    let queues = section.into_iter().flat_map(|section| section.entries());
    let announce = queues.filter_map(|(name, queue)| {
        let settings = config.queues.get(name)?;
        let announces = settings.announce.position || settings.announce.estimated_wait;
        queue.get("announce").filter(|_| announces)
    });
    // One place is enough: all need the same sounds.
    let Some(place) = announce.into_iter().next() else {
        return;
    };
    let flows = config.flows.values();
    let spoken: BTreeSet<&str> = flows
        .flat_map(|flow| flow.languages())
        .map(|language| &**language)
        .collect();
    for language in spoken {
        let mut needed = speech::needed(Kind::Queue, language);
        let any = !needed.is_empty();
        let recorded = |name: &String| files.sounds.contains(&(language.to_owned(), name.clone()));
        needed.retain(|name| config.speech.is_none() && !recorded(name));
        let problem = match needed.first() {
            Some(first) => {
                let message = format!(
                    "{} sounds that announcements need are missing in `{language}`",
                    needed.len()
                );
                let hint = format!(
                    "record prompts/{language}/{first}.wav and the others, or configure `speech`"
                );
                place.warning(message).hint(hint)
            }
            None if any => continue,
            None => {
                let message = format!("a queue cannot announce anything in `{language}`");
                let hint = format!("it can in {}", speech::LANGUAGES.join(", "));
                place.warning(message).hint(hint)
            }
        };
        diags.push(problem);
    }
}
