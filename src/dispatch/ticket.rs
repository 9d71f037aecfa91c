//! Tickets: one a waiting call, from a free list of its shard.

use crate::model::CallKey;

use super::forest::Place;
use super::free_list::FreeList;
pub(super) use super::free_list::NONE;
use super::sync::{AtomicU32, AtomicU64, Ordering};
use super::word::{Stage, TicketWord};

/// One call's wait. All but the word is written only by the ticket's owner while it holds
/// the word (`Free`, `Held` or `Matched`).
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Ticket {
    pub(super) word: AtomicU64,
    class: AtomicU32,
    /// The class to go to when it waits again: an escalation while an operator rings.
    pub(super) wanted: AtomicU32,
    place: AtomicU32,
    /// The operator for whom the call is kept, and its place among those kept.
    keeper: AtomicU32,
    kept_place: AtomicU32,
    /// The operator who missed the call last, and until when it is not offered again.
    shunned: AtomicU32,
    shunned_until: AtomicU64,
    age: AtomicU64,
    call: AtomicU64,
}

impl Ticket {
    fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
            class: AtomicU32::new(NONE),
            wanted: AtomicU32::new(NONE),
            place: AtomicU32::new(Place::to_bits(None)),
            keeper: AtomicU32::new(NONE),
            kept_place: AtomicU32::new(Place::to_bits(None)),
            shunned: AtomicU32::new(NONE),
            shunned_until: AtomicU64::new(0),
            age: AtomicU64::new(0),
            call: AtomicU64::new(0),
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

    /// For whom the call is kept: an operator's number.
    pub(super) fn keeper(&self) -> Option<u32> {
        Some(self.keeper.load(Ordering::Relaxed)).filter(|keeper| *keeper != NONE)
    }

    pub(super) fn kept_place(&self) -> Option<Place> {
        Place::from_bits(self.kept_place.load(Ordering::Relaxed))
    }

    pub(super) fn keep(&self, keeper: Option<u32>, place: Option<Place>) {
        self.keeper.store(keeper.unwrap_or(NONE), Ordering::Relaxed);
        self.kept_place
            .store(Place::to_bits(place), Ordering::Relaxed);
    }

    /// Not for this operator before then, or before another had it.
    pub(super) fn shun(&self, operator: u32, until: u64) {
        self.shunned.store(operator, Ordering::Relaxed);
        self.shunned_until.store(until, Ordering::Relaxed);
    }

    pub(super) fn shuns(&self, operator: u32, now: u64) -> bool {
        self.shunned.load(Ordering::Relaxed) == operator
            && now < self.shunned_until.load(Ordering::Relaxed)
    }

    fn begin(&self, call: CallKey, age: u64) {
        self.call.store(call.to_bits(), Ordering::Relaxed);
        self.age.store(age, Ordering::Relaxed);
        self.wanted.store(NONE, Ordering::Relaxed);
        self.shunned.store(NONE, Ordering::Relaxed);
    }
}

/// Every ticket, in one stretch a shard.
#[derive(Debug)]
pub(super) struct Tickets {
    tickets: Box<[Ticket]>,
    /// The free ones of each shard.
    free: Box<[FreeList]>,
}

impl Tickets {
    pub(super) fn new(per_shard: usize, shards: usize) -> Self {
        let (per_shard, shards) = (per_shard.max(1), shards.max(1));
        let id = |index: usize| u32::try_from(index).unwrap_or(NONE);
        let free = |shard| FreeList::new(id(shard * per_shard), id(per_shard));
        Self {
            tickets: (0..per_shard * shards).map(|_| Ticket::new()).collect(),
            free: (0..shards).map(free).collect(),
        }
    }

    pub(super) fn get(&self, id: u32) -> Option<&Ticket> {
        self.tickets.get(usize::try_from(id).ok()?)
    }

    /// A free ticket of the call's shard, held by whoever asks; `None` when all are taken.
    pub(super) fn take(&self, call: CallKey, age: u64) -> Option<(u32, &Ticket)> {
        let id = self.list(call).take()?;
        let ticket = self.get(id)?;
        ticket.set(ticket.word().next_generation().to(Stage::Held));
        ticket.begin(call, age);
        Some((id, ticket))
    }

    /// Gives a held ticket back.
    pub(super) fn give_back(&self, id: u32, ticket: &Ticket) {
        ticket.set(ticket.word().to(Stage::Free));
        self.list(ticket.call()).give_back(id);
    }

    /// How many are not free. Looks at every ticket.
    pub(super) fn taken(&self) -> usize {
        let taken = |ticket: &&Ticket| ticket.word().stage() != Stage::Free;
        self.tickets.iter().filter(taken).count()
    }

    fn list(&self, call: CallKey) -> &FreeList {
        &self.free[usize::from(call.shard().0) % self.free.len()]
    }
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
        let take = |shard| tickets.take(call(shard), 0).map(|(id, _)| id);
        assert_eq!([take(1), take(1), take(1)], [Some(2), Some(3), None]);
        assert_eq!(tickets.taken(), 2);
        let (id, ticket) = tickets.take(call(0), 0).unwrap();
        let generation = ticket.word().generation();
        assert_eq!(tickets.taken(), 3);
        tickets.give_back(id, ticket);
        assert_eq!(tickets.taken(), 2);
        let (again, ticket) = tickets.take(call(0), 0).unwrap();
        assert_eq!(again, id);
        assert_eq!(ticket.word().generation(), generation + 1);
    }

    #[test]
    fn a_ticket_is_two_lines_of_the_cache_at_most() {
        assert!(size_of::<Ticket>() <= 128);
    }
}
