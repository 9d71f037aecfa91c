//! What the board can tell: how many do what, and who is ahead.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::model::{OperatorState, QueueName};

use super::board::{Board, ClassId, TicketId};
use super::index::{Class, Profile};

/// Operators who may serve a class, by what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Free for the next offer.
    pub ready: usize,
    /// The phone rings.
    pub offered: usize,
    /// On a call.
    pub talking: usize,
    /// After a call.
    pub wrap_up: usize,
    /// Logged in but taking no calls.
    pub paused: usize,
    /// Logged out.
    pub logged_out: usize,
}

impl Census {
    /// Whether anybody is logged in.
    #[must_use]
    pub fn staffed(&self) -> bool {
        self.working() + self.paused > 0
    }

    /// Those who take calls, now or when they are done with what they do.
    #[must_use]
    pub fn working(&self) -> usize {
        self.ready + self.offered + self.talking + self.wrap_up
    }
}

impl Board {
    /// How many of the operators who may serve this class do what. As costly as there are
    /// skill sets among them.
    #[must_use]
    pub fn census(&self, class: ClassId) -> Census {
        let mut census = Census::default();
        let Some(class) = self.index.class(class.0) else {
            return census;
        };
        for server in class.servers() {
            let Some(profile) = self.index.profile(server.profile) else {
                continue;
            };
            census.ready += profile.count(OperatorState::Ready);
            census.offered += profile.count(OperatorState::Offered);
            census.talking += profile.count(OperatorState::Talking);
            census.wrap_up += profile.count(OperatorState::WrapUp);
            census.paused += profile.count(OperatorState::Paused);
            census.logged_out += profile.count(OperatorState::LoggedOut);
        }
        census
    }

    /// How many wait in this class.
    #[must_use]
    pub fn waiting_in(&self, class: ClassId) -> usize {
        self.index.class(class.0).map_or(0, |c| c.waiting.len())
    }

    /// How many of the same queue will be served before this ticket: those whom somebody who
    /// may serve it may serve too, of a higher priority, or of the same and longer waiting.
    /// Looks at each of those of the same priority, so it is for announcements, not for
    /// decisions.
    #[must_use]
    pub fn ahead(&self, id: TicketId) -> usize {
        let Some(ticket) = self.ticket(id) else {
            return 0;
        };
        let Some(class) = self.index.class(ticket.class()) else {
            return 0;
        };
        let rivals = self.rivals(class);
        let same = rivals.filter(|other| Arc::ptr_eq(&other.line, &class.line));
        same.map(|other| before(other, class, ticket.age())).sum()
    }

    /// The same over all queues: how many of each will be served before.
    #[must_use]
    pub fn ahead_by_queue(&self, id: TicketId) -> BTreeMap<QueueName, usize> {
        let mut sums = BTreeMap::new();
        let Some(ticket) = self.ticket(id) else {
            return sums;
        };
        let Some(class) = self.index.class(ticket.class()) else {
            return sums;
        };
        for other in self.rivals(class) {
            let ahead = before(other, class, ticket.age());
            if ahead > 0 {
                *sums.entry(other.key.queue.clone()).or_default() += ahead;
            }
        }
        sums
    }

    /// The classes that share somebody who is logged in with this one, itself included.
    fn rivals(&self, class: &Class) -> impl Iterator<Item = &Class> {
        let profiles = class
            .servers()
            .filter_map(|s| self.index.profile(s.profile));
        let mut classes: Vec<u32> = profiles
            .filter(|profile| profile.is_staffed())
            .flat_map(Profile::serves)
            .map(|serves| serves.class)
            .chain([class.id])
            .collect();
        classes.sort_unstable();
        classes.dedup();
        classes.into_iter().filter_map(|id| self.index.class(id))
    }

    /// When the oldest of this class was first queued; `None` when nobody waits.
    #[must_use]
    pub fn oldest(&self, class: ClassId) -> Option<Instant> {
        let class = self.index.class(class.0)?;
        let age = class.waiting.first_key()?;
        Some(self.instant(age))
    }

    /// The same for all classes of a queue, and those of its callers who are kept for an
    /// operator. As costly as it has classes.
    #[must_use]
    pub fn oldest_in(&self, queue: &QueueName) -> Option<Instant> {
        let line = self.index.line(queue)?;
        let classes = self.index.classes(line.classes.iter());
        let ages = classes.filter_map(|class| class.waiting.first_key());
        let oldest = ages.chain(line.kept.first_key()).min()?;
        Some(self.instant(oldest))
    }
}

/// How many of another class come before somebody of this one and this age.
fn before(other: &Class, class: &Class, age: u64) -> usize {
    match other.key.priority.cmp(&class.key.priority) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Greater => other.waiting.len(),
        std::cmp::Ordering::Equal => other.waiting.before(age),
    }
}
