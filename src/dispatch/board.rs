//! The board itself, and the words in which one speaks to it.

use std::time::{Duration, Instant};

use crate::model::{CallKey, OperatorState};

use super::index::{ClassKey, Index};
use super::people::People;
use super::post::Post;
use super::ticket::{Ticket, Tickets};

/// How much a board holds. It is given at the start and never grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Operators that were ever configured, by name.
    pub operators: usize,
    /// Calls that operators may have beyond one each.
    pub more_calls: usize,
    /// Calls that wait at once in one shard.
    pub tickets_per_shard: usize,
    /// Shards.
    pub shards: usize,
    /// Different [`ClassKey`]s.
    pub classes: usize,
    /// Different skill sets; at most 65,535.
    pub profiles: usize,
}

/// What there is no more room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// No more operators.
    #[error("the board has no room for another operator")]
    Operators,
    /// No more skill sets.
    #[error("the board has no room for another set of skills")]
    Profiles,
    /// No more classes.
    #[error("the board has no room for another combination of queue, requirement and priority")]
    Classes,
    /// No more waiting calls in this shard or class.
    #[error("the board has no room for another waiting call")]
    Tickets,
}

/// An operator, for the life of the process: the same name has the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperatorId(pub(super) u32);

/// Room for one call of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostId(pub(super) u32);

/// A class, for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub(super) u32);

/// One call's wait. The generation is in it, so one from before names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketId(u64);

impl TicketId {
    pub(super) fn new(index: u32, generation: u32) -> Self {
        Self(u64::from(generation) << 32 | u64::from(index))
    }

    pub(super) fn index(self) -> u32 {
        u32::try_from(self.0 & u64::from(u32::MAX)).unwrap_or(u32::MAX)
    }

    pub(super) fn generation(self) -> u32 {
        u32::try_from(self.0 >> 32).unwrap_or(0)
    }
}

/// One offer of one operator. A claim that is over names nobody: what is done with it
/// then does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// Who.
    pub operator: OperatorId,
    /// Which of the operator's posts, of those who may have several calls at once.
    pub post: PostId,
    /// Which of the offers there.
    pub generation: u32,
}

/// A caller and an operator for each other. Whoever gets one hands it to the shard of
/// `call`, which offers the call, or gives both back: [`Board::finished`] and
/// [`Board::put_back`] or [`Board::done`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Match {
    /// The operator, who is now `offered`.
    pub claim: Claim,
    /// The call's wait.
    pub ticket: TicketId,
    /// The call.
    pub call: CallKey,
    /// When the match became possible.
    pub possible_at: Instant,
}

/// What came of a request to change an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Change {
    /// What the operator does now.
    pub state: OperatorState,
    /// Whether that is a change, to be told. It is not when the operator was busy and only
    /// got a mark, or when the request came too late or twice.
    pub changed: bool,
    /// What goes on where the call was, of an operator who may have several: what `state`
    /// says, of everybody else.
    pub here: OperatorState,
    /// The caller that the operator got by it; the operator is `offered` then.
    pub matched: Option<Match>,
    /// Further callers, of an operator who may have several calls at once.
    pub more: Vec<Match>,
}

impl Change {
    /// Every caller that the operator got.
    pub fn matches(&self) -> impl Iterator<Item = Match> {
        self.matched.into_iter().chain(self.more.iter().copied())
    }
}

/// What an operator does after a call or an offer. A mark for a pause or a log-out that
/// was left meanwhile goes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The next call.
    Ready,
    /// Wrap-up; end it with [`Board::wrap_up_over`].
    WrapUp,
    /// A pause: the missed offer.
    Paused,
    /// Nothing: the phone is gone.
    LoggedOut,
}

/// Whether a caller who leaves was still waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Abandoned {
    /// Yes; the ticket is gone, nobody will be offered it.
    Won,
    /// No: a [`Match`] for it is held or on its way to the owner, who then gives the
    /// operator back with [`Board::finished`] and the ticket with [`Board::done`].
    TooLate,
}

/// Who waits and who is ready, shared by all shards. See the room's own page.
#[derive(Debug)]
pub struct Board {
    epoch: Instant,
    pub(super) index: Index,
    pub(super) people: People,
    pub(super) tickets: Tickets,
}

impl Board {
    /// An empty board. No time that it is given later is before `epoch`; one that is
    /// counts as `epoch`.
    #[must_use]
    pub fn new(capacity: Capacity, epoch: Instant) -> Self {
        Self {
            epoch,
            index: Index::new(capacity.classes, capacity.profiles),
            people: People::new(capacity.operators, capacity.more_calls),
            tickets: Tickets::new(capacity.tickets_per_shard, capacity.shards),
        }
    }

    /// The class of callers like this. One that is known is found without a lock.
    ///
    /// # Errors
    /// [`Full::Classes`].
    pub fn class(&self, key: &ClassKey) -> Result<ClassId, Full> {
        self.index.intern_class(key)
    }

    pub(super) fn post(&self, post: PostId) -> Option<&Post> {
        self.people.post(post.0)
    }

    /// The ticket, if the id is not from before.
    pub(super) fn ticket(&self, id: TicketId) -> Option<&Ticket> {
        let ticket = self.tickets.get(id.index())?;
        (ticket.word().generation() == id.generation()).then_some(ticket)
    }

    pub(super) fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.epoch);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    pub(super) fn instant(&self, nanos: u64) -> Instant {
        self.epoch
            .checked_add(Duration::from_nanos(nanos))
            .unwrap_or(self.epoch)
    }
}
