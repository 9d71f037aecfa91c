//! What all shards share of the queues: how many wait where, and how long calls take.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::estimate::{Estimate, Outlook};
use super::handle_time::HandleTime;
use crate::dispatch::{Board, ClassId, TicketId};
use crate::model::{QueueName, limits};

/// The counters of one queue.
#[derive(Debug, Default)]
struct Room {
    waiting: AtomicUsize,
    handle_time: HandleTime,
}

type Rooms = BTreeMap<QueueName, Arc<Room>>;

/// One caller's place in a queue's count. Dropping it leaves the queue, so a call that
/// ends by a panic leaves too.
#[derive(Debug)]
#[must_use]
pub struct Seat(Arc<Room>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// For whom an estimate is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A caller who waits.
    Ticket(TicketId),
    /// One who would join this class now.
    Class(ClassId),
}

/// The queues of the whole process, shared by all shards. No lock: a count is an atomic,
/// and the map of queues is published whole.
#[derive(Debug)]
pub struct Hall {
    board: Arc<Board>,
    rooms: ArcSwap<Rooms>,
}

impl Hall {
    /// An empty hall; [`Hall::configure`] names the queues.
    #[must_use]
    pub fn new(board: Arc<Board>) -> Self {
        Self {
            board,
            rooms: ArcSwap::default(),
        }
    }

    /// These are the queues from now on. One that stays keeps its counts; one that goes is
    /// kept while somebody sits in it.
    pub fn configure(&self, queues: &BTreeSet<QueueName>) {
        self.rooms.rcu(|rooms| {
            let mut next = Rooms::new();
            for (queue, room) in rooms.iter() {
                if queues.contains(queue) || room.waiting.load(Ordering::Relaxed) > 0 {
                    next.insert(queue.clone(), Arc::clone(room));
                }
            }
            for queue in queues {
                next.entry(queue.clone()).or_default();
            }
            next
        });
    }

    /// Takes a seat, unless `max` (or [`limits::WAITING_PER_QUEUE`]) wait already. A queue
    /// that was not named is opened: a call keeps the configuration that it began with.
    #[must_use]
    pub fn enter(&self, queue: &QueueName, max: usize) -> Option<Seat> {
        let max = max.min(limits::WAITING_PER_QUEUE);
        let room = self.room(queue).unwrap_or_else(|| self.open(queue));
        room.waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
                (waiting < max).then_some(waiting + 1)
            })
            .ok()?;
        Some(Seat(room))
    }

    /// How many wait; those who are being offered to an operator too.
    #[must_use]
    pub fn waiting(&self, queue: &QueueName) -> usize {
        self.room(queue)
            .map_or(0, |room| room.waiting.load(Ordering::Relaxed))
    }

    /// How long the first of those whom no operator is being offered has waited; nothing
    /// when there is none. Reads the heads of the queue's lanes, so it costs as much as the
    /// queue has classes, however many wait.
    #[must_use]
    pub fn longest_wait(&self, queue: &QueueName, now: Instant) -> Duration {
        self.board
            .oldest_in(queue)
            .map_or(Duration::ZERO, |oldest| {
                now.saturating_duration_since(oldest)
            })
    }

    /// A call of this queue kept an operator busy for so long: talk and wrap-up.
    pub fn handled(&self, queue: &QueueName, took: Duration) {
        if let Some(room) = self.room(queue) {
            room.handle_time.add(took);
        }
    }

    /// How long calls of this queue keep an operator busy, of late: the mean.
    #[must_use]
    pub fn handle_time(&self, queue: &QueueName) -> Option<Duration> {
        self.room(queue)?.handle_time.mean()
    }

    /// How long somebody will wait, from now on, where a wrap-up takes so long. `None` when
    /// too few calls of the queues that the same operators serve are remembered, or nobody
    /// works. Looks at every operator, and at the places of those who wait with the same
    /// priority: for announcements and whoever begins to wait, not for decisions.
    #[must_use]
    pub fn estimate(&self, whose: Whose, wrap_up: Duration, now: Instant) -> Option<Estimate> {
        let turn = match whose {
            Whose::Ticket(ticket) => self.board.turn(ticket)?,
            Whose::Class(class) => self.board.turn_of_next(class)?,
        };
        let rooms = self.rooms.load();
        let queues = turn.ahead.iter().filter_map(|(queue, ahead)| {
            let room = rooms.get(queue)?;
            Some((*ahead, &room.handle_time))
        });
        let mut outlook = Outlook::new(&queues.collect::<Vec<_>>(), wrap_up)?;
        self.board.each_server(&turn, now, |state, since| {
            outlook.operator(state, since);
        });
        outlook.estimate()
    }

    fn room(&self, queue: &QueueName) -> Option<Arc<Room>> {
        self.rooms.load().get(queue).map(Arc::clone)
    }

    fn open(&self, queue: &QueueName) -> Arc<Room> {
        let room = Arc::<Room>::default();
        self.rooms.rcu(|rooms| {
            let mut next = Rooms::clone(rooms);
            next.entry(queue.clone())
                .or_insert_with(|| Arc::clone(&room));
            next
        });
        // Another shard may have been faster with its own.
        self.room(queue).unwrap_or(room)
    }
}

#[cfg(test)]
#[path = "hall_tests.rs"]
mod tests;
