//! What flows ask of the world outside, asked: so much at a time, and each with its end.
//!
//! Invariant: every ask has exactly one reply, no later than it is wanted; one for which
//! there is no place is replied to at once.

mod gate;
mod http;
mod rests;
mod speech;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use exchange::config::Speech;
use exchange::flow::{Answer, Ask, AskId, Asked, CustomerKey, Reply, Unanswered};
use exchange::metric;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::server::clock;
use crate::server::store::Store;

pub(crate) use self::gate::Gate;
pub(crate) use self::http::{Client, client};
use self::speech::Speaker;

/// Asks at a time. A call has one at most, and each may keep a connection and a body.
const PLACES: usize = 1_024;
/// Look-ups in the customer base at a time; others wait for theirs, a millisecond at most
/// while all is well.
const LOOKS: usize = 4;

/// Who asks for all calls.
#[derive(Debug)]
pub(crate) struct Clerk {
    places: Arc<Semaphore>,
    client: ArcSwap<Client>,
    speaker: Speaker,
    looks: Arc<Semaphore>,
    store: Arc<Store>,
    runtime: Handle,
}

impl Clerk {
    /// Asks from the runtime that it is made in.
    pub(crate) fn new(client: Client, store: Arc<Store>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(PLACES)),
            client: ArcSwap::from_pointee(client),
            speaker: Speaker::default(),
            looks: Arc::new(Semaphore::new(LOOKS)),
            store,
            runtime: Handle::current(),
        }
    }

    /// Asks that come from now on are asked by this one.
    pub(crate) fn configure(&self, client: Client) {
        self.client.store(Arc::new(client));
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
            flow,
            ask,
        } = asked;
        if let Ask::Customer(key) = ask {
            return self.look_up(key, within, (number, reply));
        }
        let began = clock::now();
        // What is told of flows' requests does not count what is only spoken.
        let is_request = matches!(ask, Ask::Http(_));
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let busy = Err(Unanswered::Busy);
            if is_request {
                metric::asked(&flow, &busy, Duration::ZERO);
            }
            return reply(number, busy);
        };
        let client = self.client.load_full();
        let speaker = self.speaker.clone();
        self.runtime.spawn(async move {
            let until = began + within;
            let answered = match ask {
                Ask::Http(request) => client.ask(&request, until).await,
                Ask::Speech(utterance) => speaker.ask(*utterance, until).await,
                // It was looked up before.
                Ask::Customer(_) => Err(Unanswered::Unusable),
            };
            drop(place);
            let took = clock::now().saturating_duration_since(began);
            if is_request {
                metric::asked(&flow, &answered, took);
            }
            reply(number, answered);
        });
    }

    /// Looks a customer up; what the database does not tell in time is not waited for, but
    /// keeps its turn until it has told.
    fn look_up(
        &self,
        key: CustomerKey,
        within: Duration,
        (number, reply): (AskId, impl FnOnce(AskId, Reply) + Send + 'static),
    ) {
        let (looks, store) = (Arc::clone(&self.looks), Arc::clone(&self.store));
        self.runtime.spawn(async move {
            let look = async {
                let turn = looks.acquire_owned().await.ok()?;
                let look = move || {
                    let found = store.customer(&key);
                    drop(turn);
                    found
                };
                tokio::task::spawn_blocking(look).await.ok()
            };
            let told = match tokio::time::timeout(within, look).await {
                Ok(Some(Ok(found))) => Ok(Answer::Customer(found.map(Box::new))),
                Ok(Some(Err(error))) => {
                    tracing::warn!(%error, "the customer base cannot be asked");
                    Err(Unanswered::Unreachable)
                }
                Ok(None) => Err(Unanswered::Unreachable),
                Err(_) => Err(Unanswered::TimedOut),
            };
            reply(number, told);
        });
    }
}
