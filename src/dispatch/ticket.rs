//! Tickets: one a waiting call, from a free list of its shard.

use crate::model::CallKey;

use super::lanes::Place;
use super::sync::{AtomicU32, AtomicU64, Ordering};
use super::word::{Stage, TicketWord};

/// No class, or no ticket.
pub(super) const NONE: u32 = u32::MAX;

/// One call's wait. All but the word is written only by the ticket's owner while it holds
/// the word (`Free`, `Held` or `Matched`).
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Ticket {
    pub(super) word: AtomicU64,
    pub(super) class: AtomicU32,
    /// The class to go to when it waits again: an escalation while an operator rings.
    pub(super) wanted: AtomicU32,
    place: AtomicU64,
    age: AtomicU64,
    call: AtomicU64,
    next: AtomicU32,
}

impl Ticket {
    fn new(next: u32) -> Self {
        Self {
            word: AtomicU64::new(0),
            class: AtomicU32::new(NONE),
            wanted: AtomicU32::new(NONE),
            place: AtomicU64::new(Place::to_bits(None)),
            age: AtomicU64::new(0),
            call: AtomicU64::new(0),
            next: AtomicU32::new(next),
        }
    }

    pub(super) fn word(&self) -> TicketWord {
        TicketWord(self.word.load(Ordering::Acquire))
    }

    /// Takes the word from `seen` to `next`, if it still is as seen.
    pub(super) fn swap(&self, seen: TicketWord, next: TicketWord) -> bool {
        self.word
            .compare_exchange(seen.0, next.0, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// The same for whoever holds the word.
    pub(super) fn set(&self, next: TicketWord) {
        self.word.store(next.0, Ordering::Release);
    }

    pub(super) fn class(&self) -> u32 {
        self.class.load(Ordering::Relaxed)
    }

    pub(super) fn age(&self) -> u64 {
        self.age.load(Ordering::Relaxed)
    }

    pub(super) fn call(&self) -> CallKey {
        CallKey::from_bits(self.call.load(Ordering::Relaxed))
    }

    pub(super) fn place(&self) -> Option<Place> {
        Place::from_bits(self.place.load(Ordering::Relaxed))
    }

    pub(super) fn stand(&self, class: u32, place: Option<Place>) {
        self.class.store(class, Ordering::Relaxed);
        self.place.store(Place::to_bits(place), Ordering::Relaxed);
    }

    pub(super) fn begin(&self, call: CallKey, age: u64) {
        self.call.store(call.to_bits(), Ordering::Relaxed);
        self.age.store(age, Ordering::Relaxed);
        self.wanted.store(NONE, Ordering::Relaxed);
    }
}

/// Every ticket, in one stretch a shard.
#[derive(Debug)]
pub(super) struct Tickets {
    tickets: Box<[Ticket]>,
    /// The free list of each shard: a tag against ABA in the top half, the first below.
    free: Box<[AtomicU64]>,
}

impl Tickets {
    pub(super) fn new(per_shard: usize, shards: usize) -> Self {
        let (per_shard, shards) = (per_shard.max(1), shards.max(1));
        let id = |index: usize| u32::try_from(index).unwrap_or(NONE);
        let next = |index: usize| {
            let last = (index + 1).is_multiple_of(per_shard);
            if last { NONE } else { id(index + 1) }
        };
        Self {
            tickets: (0..per_shard * shards)
                .map(|index| Ticket::new(next(index)))
                .collect(),
            free: (0..shards)
                .map(|shard| AtomicU64::new(u64::from(id(shard * per_shard))))
                .collect(),
        }
    }

    pub(super) fn get(&self, id: u32) -> Option<&Ticket> {
        self.tickets.get(usize::try_from(id).ok()?)
    }

    /// A free ticket of the call's shard, held by the caller; `None` when all are taken.
    pub(super) fn take(&self, call: CallKey) -> Option<(u32, &Ticket)> {
        let list = self.list(call);
        let mut head = list.load(Ordering::Acquire);
        loop {
            let id = u32::try_from(head & u64::from(NONE)).unwrap_or(NONE);
            let ticket = self.get(id)?;
            let next = tagged(head, ticket.next.load(Ordering::Relaxed));
            match list.compare_exchange_weak(head, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    let word = ticket.word();
                    ticket.set(word.next_generation().to(Stage::Held));
                    return Some((id, ticket));
                }
                Err(now) => head = now,
            }
        }
    }

    /// Gives a held ticket back.
    pub(super) fn give_back(&self, id: u32, ticket: &Ticket) {
        ticket.set(ticket.word().to(Stage::Free));
        let list = self.list(ticket.call());
        let mut head = list.load(Ordering::Relaxed);
        loop {
            let first = u32::try_from(head & u64::from(NONE)).unwrap_or(NONE);
            ticket.next.store(first, Ordering::Relaxed);
            let next = tagged(head, id);
            match list.compare_exchange_weak(head, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    fn list(&self, call: CallKey) -> &AtomicU64 {
        &self.free[usize::from(call.shard().0) % self.free.len()]
    }
}

fn tagged(head: u64, id: u32) -> u64 {
    (head >> 32).wrapping_add(1) << 32 | u64::from(id)
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::model::ShardId;

    #[test]
    fn each_shard_has_its_own_tickets_and_no_more() {
        let tickets = Tickets::new(2, 2);
        let call = |shard| CallKey::new(ShardId(shard), 1);
        let take = |shard| tickets.take(call(shard)).map(|(id, _)| id);
        assert_eq!([take(1), take(1), take(1)], [Some(2), Some(3), None]);
        let (id, ticket) = tickets.take(call(0)).unwrap();
        let generation = ticket.word().generation();
        ticket.begin(call(0), 0);
        tickets.give_back(id, ticket);
        let (again, ticket) = tickets.take(call(0)).unwrap();
        assert_eq!(again, id);
        assert_eq!(ticket.word().generation(), generation + 1);
    }
}
