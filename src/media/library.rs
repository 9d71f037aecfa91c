//! Every sound of the process, encoded once and shared by all who hear it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::media::Sound;
use crate::media::wav::{RATE, encode};
use crate::model::house;

/// The longest silence that a flow can ask for in one piece.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);
/// What digital silence is in each law.
const SILENCE: (u8, u8) = (0xff, 0xd5);

/// Prompts and music by language and name; music is of language `music`.
#[derive(Debug)]
pub struct Library {
    sounds: BTreeMap<String, BTreeMap<String, Arc<Sound>>>,
    ringing: Arc<Sound>,
    tone: Arc<Sound>,
    attention: Arc<Sound>,
}

impl Default for Library {
    fn default() -> Self {
        Self {
            sounds: BTreeMap::new(),
            ringing: Arc::new(ringing()),
            tone: Arc::new(beep()),
            attention: Arc::new(attention()),
        }
    }
}

impl Library {
    /// Adds a sound; one of the same name gives way.
    pub fn insert(&mut self, language: &str, name: &str, sound: Arc<Sound>) {
        let names = self.sounds.entry(language.to_owned()).or_default();
        names.insert(name.to_owned(), sound);
    }

    /// A sound. What the house says to its own people is there when no file says it.
    #[must_use]
    pub fn sound(&self, language: &str, name: &str) -> Option<Arc<Sound>> {
        let sound = self.sounds.get(language).and_then(|names| names.get(name));
        let house = || (name == house::DONE).then(|| self.attention());
        sound.cloned().or_else(house)
    }

    /// Nothing, for a while; at most a minute.
    #[must_use]
    pub fn silence(&self, time: Duration) -> Arc<Sound> {
        let millis = time.min(LONGEST_SILENCE).as_millis();
        let samples = usize::try_from(millis * u128::from(RATE) / 1000).unwrap_or(0);
        Arc::new(Sound {
            pcmu: Bytes::from(vec![SILENCE.0; samples]),
            pcma: Bytes::from(vec![SILENCE.1; samples]),
        })
    }

    /// What a caller hears while a phone rings elsewhere: 425 Hz, one second on and four
    /// off (ETSI TR 101 041-2).
    #[must_use]
    pub fn ringing(&self) -> Arc<Sound> {
        Arc::clone(&self.ringing)
    }

    /// After what callers speak when they leave a message: 1000 Hz for 300 ms.
    #[must_use]
    pub fn tone(&self) -> Arc<Sound> {
        Arc::clone(&self.tone)
    }

    /// What an operator hears who is there before the customer: two short tones.
    #[must_use]
    pub fn attention(&self) -> Arc<Sound> {
        Arc::clone(&self.attention)
    }

    /// How many sounds there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sounds.values().map(BTreeMap::len).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sounds.is_empty()
    }
}

fn ringing() -> Sound {
    let tone = |n| if n < RATE { tone(n, 425.0) } else { 0.0 };
    encode(&(0..5 * RATE).map(tone).collect::<Vec<_>>())
}

fn attention() -> Sound {
    let short = RATE / 8;
    let tone = |n: u32| {
        let sounds = (n / short).is_multiple_of(2);
        if sounds { tone(n, 850.0) } else { 0.0 }
    };
    encode(&(0..4 * short).map(tone).collect::<Vec<_>>())
}

fn beep() -> Sound {
    let samples = 0..RATE * 3 / 10;
    encode(&samples.map(|n| tone(n, 1_000.0)).collect::<Vec<_>>())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "some seconds of samples are exact in f32"
)]
fn tone(n: u32, hertz: f32) -> f32 {
    let phase = std::f32::consts::TAU * hertz * n as f32 / RATE as f32;
    phase.sin() * 6_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_gives_what_was_put_in() {
        let mut library = Library::default();
        let one = library.silence(Duration::from_millis(20));
        assert_eq!((one.pcmu.len(), one.pcma.len()), (160, 160));
        library.insert("en", "number/1", Arc::clone(&one));
        assert_eq!(library.sound("en", "number/1"), Some(one));
        assert_eq!(library.sound("nl", "number/1"), None);
        assert_eq!(library.len(), 1);
        assert_eq!(library.ringing().duration(), Duration::from_secs(5));
        assert_eq!(library.attention().duration(), Duration::from_millis(500));
        assert_eq!(
            library.silence(Duration::from_secs(9999)).duration(),
            LONGEST_SILENCE
        );
    }
}
