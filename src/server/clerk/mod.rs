//! What flows ask of the world outside, asked: so much at a time, and each with its end.
//!
//! Invariant: every ask has exactly one reply, no later than it is wanted; one for which
//! there is no place is replied to at once.

mod http;
mod speech;

use std::sync::Arc;

use exchange::config::Speech;
use exchange::flow::{Ask, AskId, Asked, Reply, Unanswered};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::http::Client;
use self::speech::Speaker;

/// Asks at a time. A call has one at most, and each may keep a connection and a body.
const PLACES: usize = 1_024;

/// Who asks for all calls.
#[derive(Debug)]
pub(crate) struct Clerk {
    places: Arc<Semaphore>,
    http: Client,
    speaker: Speaker,
    runtime: Handle,
}

impl Clerk {
    /// # Errors
    /// When no client can be made.
    pub(crate) fn new(runtime: Handle) -> anyhow::Result<Self> {
        Ok(Self {
            places: Arc::new(Semaphore::new(PLACES)),
            http: Client::new()?,
            speaker: Speaker::default(),
            runtime,
        })
    }

    /// From now on texts are spoken as this says; by nobody when it is `None`.
    pub(crate) fn speak_by(&self, speech: Option<Speech>) {
        self.speaker.speak_by(speech);
    }

    /// Asks, and tells the reply.
    pub(crate) fn ask(&self, asked: Asked, reply: impl FnOnce(AskId, Reply) + Send + 'static) {
        let Asked {
            number,
            within,
            ask,
        } = asked;
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return reply(number, Err(Unanswered::Busy));
        };
        let (http, speaker) = (self.http.clone(), self.speaker.clone());
        self.runtime.spawn(async move {
            let answered = timeout(within, async {
                match ask {
                    Ask::Http(request) => http.ask(&request).await,
                    Ask::Speech(utterance) => speaker.ask(*utterance).await,
                }
            });
            let answered = answered.await.unwrap_or(Err(Unanswered::TimedOut));
            drop(place);
            reply(number, answered);
        });
    }
}
