//! Which calls wait, so that one that is asked about is found.

use std::sync::Arc;
use std::time::Instant;

use dashmap::DashMap;

use crate::dispatch::TicketId;
use crate::model::{CallId, CallKey};

/// A call that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// The call, and in it the shard that it is told by.
    pub key: CallKey,
    /// Its place on the board.
    pub ticket: TicketId,
    /// When it was first queued.
    pub since: Instant,
}

type Waiters = DashMap<CallId, Waiter>;

/// Every call that waits, those included whose offer rings. As large as the queues are
/// allowed to be.
#[derive(Debug, Default)]
pub struct Waiting(Arc<Waiters>);

impl Waiting {
    /// The call waits, for as long as the place is kept.
    pub fn enter(&self, call: &CallId, waiter: Waiter) -> Place {
        self.0.insert(call.clone(), waiter);
        Place {
            waiters: Arc::clone(&self.0),
            call: call.clone(),
            ticket: waiter.ticket,
        }
    }

    /// The call of this id, if it waits.
    #[must_use]
    pub fn find(&self, call: &str) -> Option<Waiter> {
        self.0.get(call).map(|waiter| *waiter)
    }

    /// Those who have waited for longest, in order, `most` at most. Looks at all.
    #[must_use]
    pub fn oldest(&self, most: usize) -> Vec<(CallId, Waiter)> {
        let all = self.0.iter();
        let mut all: Vec<_> = all.map(|entry| (entry.key().clone(), *entry)).collect();
        all.sort_unstable_by(|(a, one), (b, other)| (one.since, a).cmp(&(other.since, b)));
        all.truncate(most);
        all
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One call among those that wait. Dropping it is leaving, so a call that ends by a panic
/// leaves too.
#[derive(Debug)]
#[must_use]
pub struct Place {
    waiters: Arc<Waiters>,
    call: CallId,
    ticket: TicketId,
}

impl Drop for Place {
    fn drop(&mut self) {
        // A call that moves to another queue is entered there before it leaves this one.
        let ticket = self.ticket;
        self.waiters
            .remove_if(&self.call, |_, waiter| waiter.ticket == ticket);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use std::time::Duration;

    use super::*;
    use crate::dispatch::{Board, Capacity};
    use crate::model::ShardId;
    use crate::queue::{Asked, Settings, Wait};

    /// Some waiters; the first came last.
    fn waiters(count: u64) -> Vec<Waiter> {
        let now = Instant::now();
        let capacity = Capacity {
            operators: 1,
            more_calls: 0,
            tickets_per_shard: 8,
            shards: 1,
            classes: 1,
            profiles: 1,
        };
        let board = Board::new(capacity, now);
        let settings = Arc::new(Settings::named("support".into()));
        let class = Wait::new(settings, Asked::default(), now).class();
        let class = board.class(&class).unwrap();
        let waiter = |n| {
            let key = CallKey::new(ShardId(0), n);
            let since = now + Duration::from_secs(count - n);
            let (ticket, _nobody) = board.enqueue(key, class, since, now).unwrap();
            Waiter { key, ticket, since }
        };
        (0..count).map(waiter).collect()
    }

    #[test]
    fn a_call_is_found_while_it_keeps_its_place() {
        let waiting = Waiting::default();
        let [one, other] = waiters(2).try_into().unwrap();
        let place = waiting.enter(&"c1".into(), one);
        assert_eq!(waiting.find("c1"), Some(one));
        let next = waiting.enter(&"c1".into(), other);
        drop(place);
        assert_eq!(waiting.find("c1"), Some(other), "it is in the next queue");
        drop(next);
        assert_eq!(waiting.find("c1"), None);
        assert!(waiting.is_empty());
    }

    #[test]
    fn the_oldest_come_first() {
        let waiting = Waiting::default();
        let names = ["c0", "c1", "c2"];
        let enter = |(name, waiter): (&&str, Waiter)| waiting.enter(&CallId::from(*name), waiter);
        let _places: Vec<Place> = names.iter().zip(waiters(3)).map(enter).collect();
        let ids = |most| -> Vec<String> {
            let oldest = waiting.oldest(most).into_iter();
            oldest.map(|(id, _)| id.to_string()).collect()
        };
        assert_eq!(ids(2), ["c2", "c1"]);
        assert_eq!(ids(9).len(), waiting.len());
    }
}
