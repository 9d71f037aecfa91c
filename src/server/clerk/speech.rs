//! Texts that a call wants spoken.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwapOption;
use exchange::config::Speech;
use exchange::flow::{Answer, Reply, Unanswered, Utterance};
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use crate::server::voice;

/// Programs that speak at once for calls; the others wait for their turn.
const VOICES: usize = 4;

/// Who speaks for calls. All clones are one.
#[derive(Clone, Debug)]
pub(super) struct Speaker {
    speech: Arc<ArcSwapOption<Speech>>,
    voices: Arc<Semaphore>,
}

impl Default for Speaker {
    fn default() -> Self {
        Self {
            speech: Arc::new(ArcSwapOption::empty()),
            voices: Arc::new(Semaphore::new(VOICES)),
        }
    }
}

impl Speaker {
    pub(super) fn speak_by(&self, speech: Option<Speech>) {
        self.speech.store(speech.map(Arc::new));
    }

    /// No later than it is wanted.
    pub(super) async fn ask(&self, utterance: Utterance, until: Instant) -> Reply {
        let spoken = timeout_at(until.into(), self.speak(utterance)).await;
        spoken.unwrap_or(Err(Unanswered::TimedOut))
    }

    async fn speak(&self, utterance: Utterance) -> Reply {
        let speech = self.speech.load_full().ok_or(Unanswered::Refused)?;
        let turn = Arc::clone(&self.voices).acquire_owned().await;
        let turn = turn.map_err(|_| Unanswered::Busy)?;
        // A program goes on when nobody waits for it any more, and keeps its turn so long.
        let speaking = tokio::task::spawn_blocking(move || {
            let sound = voice::say(&speech, utterance);
            drop(turn);
            sound
        });
        match speaking.await {
            Ok(Ok(sound)) => Ok(Answer::Speech(Arc::new(sound))),
            Ok(Err(why)) => {
                tracing::warn!(why, "a text could not be spoken during a call");
                Err(Unanswered::Unusable)
            }
            Err(_) => Err(Unanswered::Unreachable),
        }
    }
}
