//! Texts that are known only during the call: they are spoken before anything of their
//! prompt is played, so that a sentence is not torn apart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::call::Call;
use crate::call::floor::Floor;
use crate::flow::{Answer, Ask, AskId, Asked, Reply, Spoken, Utterance};
use crate::media::Sound;

/// A caller who hears nothing believes after this that the line is dead.
const PATIENCE: Duration = Duration::from_secs(5);

/// A sound's language and name.
type Name = (Arc<str>, Arc<str>);

/// A prompt that waits for its texts.
#[derive(Debug)]
pub(super) struct Speaking {
    prompt: Vec<Spoken>,
    asked: BTreeMap<AskId, Name>,
    said: BTreeMap<Name, Arc<Sound>>,
    until: Instant,
}

impl Speaking {
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// What was spoken for this prompt.
    pub(super) fn sound(&self, language: &Arc<str>, name: &Arc<str>) -> Option<Arc<Sound>> {
        let name = (Arc::clone(language), Arc::clone(name));
        self.said.get(&name).cloned()
    }
}

impl Call {
    /// Asks for what nobody has spoken yet; then the prompt is played when all of it is
    /// there, or after a while without the rest. `false` when nothing is missing.
    pub(super) fn speak_first(&mut self, prompt: &[Spoken], floor: &mut Floor<'_>) -> bool {
        let library = &self.facts.snapshot.sounds;
        let missing: BTreeSet<(Name, Arc<str>)> = prompt
            .iter()
            .filter_map(|item| match item {
                Spoken::Said(Utterance {
                    language,
                    name,
                    text,
                }) => {
                    let known = library.sound(language, name).is_some();
                    let name = (Arc::clone(language), Arc::clone(name));
                    (!known).then(|| (name, Arc::clone(text)))
                }
                Spoken::Sound { .. } | Spoken::Silence(_) | Spoken::Tone => None,
            })
            .collect();
        if missing.is_empty() {
            return false;
        }
        let mut asked = BTreeMap::new();
        for ((language, name), text) in missing {
            let number = self.run.next_ask();
            asked.insert(number, (Arc::clone(&language), Arc::clone(&name)));
            let ask = Ask::Speech(Box::new(Utterance {
                language,
                name,
                text,
            }));
            let within = PATIENCE;
            floor.out.push(super::Output::Ask {
                call: self.facts.key,
                asked: Asked {
                    number,
                    within,
                    flow: self.facts.flow.clone(),
                    ask,
                },
            });
        }
        self.speaking = Some(Box::new(Speaking {
            prompt: prompt.to_vec(),
            asked,
            said: BTreeMap::new(),
            until: floor.now + PATIENCE,
        }));
        true
    }

    /// Whether a reply is for a prompt that waits; it is played when it was the last.
    pub(super) fn spoke(&mut self, number: AskId, reply: &Reply, floor: &mut Floor<'_>) -> bool {
        let Some(speaking) = &mut self.speaking else {
            return false;
        };
        let Some(name) = speaking.asked.remove(&number) else {
            return false;
        };
        if let Ok(Answer::Speech(sound)) = reply {
            speaking.said.insert(name, Arc::clone(sound));
        }
        if speaking.asked.is_empty() {
            self.play_spoken(floor);
        }
        true
    }

    /// Waits no longer for a prompt that is late.
    pub(super) fn tick_speaking(&mut self, floor: &mut Floor<'_>) {
        let late = |speaking: &Speaking| speaking.until <= floor.now;
        if self.speaking.as_deref().is_some_and(late) {
            self.play_spoken(floor);
        }
    }

    /// What is still missing is left out, and told.
    fn play_spoken(&mut self, floor: &mut Floor<'_>) {
        let Some(speaking) = &mut self.speaking else {
            return;
        };
        let prompt = std::mem::take(&mut speaking.prompt);
        let sounds = self.sounds(&prompt, floor);
        self.speaking = None;
        self.play_sounds(sounds, floor);
    }
}
