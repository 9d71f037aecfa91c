//! What flows ask of the world outside, asked: so much at a time, and each with its end.
//!
//! Invariant: every ask has exactly one reply, no later than it is wanted; one for which
//! there is no place is replied to at once.

mod gate;
mod http;
mod rests;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use exchange::flow::{Answer, Ask, AskId, Asked, CustomerKey, Reply, Unanswered};
use exchange::metric;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::server::clock;
use crate::server::store::Store;

pub(crate) use self::gate::Gate;
pub(crate) use self::http::{Client, client};

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
            looks: Arc::new(Semaphore::new(LOOKS)),
            store,
            runtime: Handle::current(),
        }
    }

    /// Asks that come from now on are asked by this one.
    pub(crate) fn configure(&self, client: Client) {
        self.client.store(Arc::new(client));
    }

    /// Asks, and tells the reply.
    pub(crate) fn ask(&self, asked: Asked, reply: impl FnOnce(AskId, Reply) + Send + 'static) {
        let Asked {
            number,
            within,
            flow,
            ask,
        } = asked;
        let request = match ask {
            Ask::Http(request) => request,
            Ask::Customer(key) => return self.look_up(key, within, (number, reply)),
        };
        let began = clock::now();
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let busy = Err(Unanswered::Busy);
            metric::asked(&flow, &busy, Duration::ZERO);
            return reply(number, busy);
        };
        let client = self.client.load_full();
        self.runtime.spawn(async move {
            let answered = client.ask(&request, began + within).await;
            drop(place);
            let took = clock::now().saturating_duration_since(began);
            metric::asked(&flow, &answered, took);
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
