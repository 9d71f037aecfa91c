//! What happens to a caller's ticket. Each of these is called by the shard that owns the
//! call, so by one thread at a time for one ticket; operators look from all of them.

use std::time::Instant;

use crate::model::{CallKey, OperatorState};

use super::board::{Abandoned, Board, ClassId, Full, Match, OperatorId, TicketId};
use super::forest::Forest;
use super::index::Class;
use super::sync::Ordering;
use super::ticket::{NONE, Ticket};
use super::word::{Stage, TicketWord};

impl Board {
    /// A call waits from now on, in order of `age`: when it was first queued.
    ///
    /// # Errors
    /// [`Full::Tickets`] when the shard or the class has no room for it.
    pub fn enqueue(
        &self,
        call: CallKey,
        class: ClassId,
        age: Instant,
        now: Instant,
    ) -> Result<(TicketId, Option<Match>), Full> {
        let class = self.index.class(class.0).ok_or(Full::Classes)?;
        let (index, ticket) = self
            .tickets
            .take(call, self.nanos(age))
            .ok_or(Full::Tickets)?;
        let Some(place) = class.waiting.reserve(index) else {
            self.tickets.give_back(index, ticket);
            return Err(Full::Tickets);
        };
        ticket.stand(class.id, Some(place));
        let id = TicketId::new(index, ticket.word().generation());
        Ok((id, self.wait_again(id, ticket, ticket.word(), now)))
    }

    /// The same for a call that is kept for one operator until [`Board::release`]: nobody
    /// else is offered it. It is not kept if that operator may not serve it or takes no
    /// calls; [`Board::is_kept`] says which.
    ///
    /// # Errors
    /// As [`Board::enqueue`].
    pub fn enqueue_for(
        &self,
        call: CallKey,
        class: ClassId,
        (age, keeper): (Instant, OperatorId),
        now: Instant,
    ) -> Result<(TicketId, Option<Match>), Full> {
        let of = self.index.class(class.0).ok_or(Full::Classes)?;
        if !self.takes_calls_of(keeper, of) {
            return self.enqueue(call, class, age, now);
        }
        let age = self.nanos(age);
        let (index, ticket) = self.tickets.take(call, age).ok_or(Full::Tickets)?;
        let kept = self.people.person(keeper.0).map(super::post::Person::keep);
        let place = kept.and_then(|kept| kept.reserve(index));
        let Some((place, in_line)) = place.zip(of.line.kept.reserve(index)) else {
            if let Some((kept, place)) = kept.zip(place) {
                kept.release(place);
            }
            self.tickets.give_back(index, ticket);
            return Err(Full::Tickets);
        };
        ticket.keep(Some(keeper.0), Some(in_line));
        ticket.stand(of.id, Some(place));
        let id = TicketId::new(index, ticket.word().generation());
        Ok((id, self.wait_again(id, ticket, ticket.word(), now)))
    }

    /// Whether the call is kept for the operator whom its caller prefers.
    #[must_use]
    pub fn is_kept(&self, id: TicketId) -> bool {
        self.ticket(id).is_some_and(|t| t.keeper().is_some())
    }

    /// The call is kept for nobody any more. Nothing, if it was not, or has been offered.
    pub fn release(&self, id: TicketId, now: Instant) -> Option<Match> {
        let ticket = self.ticket(id)?;
        let word = self.hold_if(ticket, |ticket| ticket.keeper().is_some())?;
        self.move_to(id, ticket, ticket.class());
        self.wait_again(id, ticket, word, now)
    }

    /// The call asks for something else: escalation. Its age is kept. A call that is just
    /// being offered changes when it is put back, one that is kept for an operator when it
    /// is released. When the class has no room the call stays where it was.
    pub fn reclass(&self, id: TicketId, class: ClassId, now: Instant) -> Option<Match> {
        let ticket = self.ticket(id)?;
        if let Some(word) = self.hold_if(ticket, |_| true) {
            match ticket.keeper() {
                None => self.move_to(id, ticket, class.0),
                Some(_) => self.recast(ticket, class.0),
            }
            return self.wait_again(id, ticket, word, now);
        }
        if ticket.word().stage() == Stage::Matched {
            ticket.wanted.store(class.0, Ordering::Relaxed);
        }
        None
    }

    /// Looks once more for an operator: whoever missed the call may have it again.
    pub fn look(&self, id: TicketId, now: Instant) -> Option<Match> {
        let ticket = self.ticket(id)?;
        self.seek(id, ticket, self.nanos(now))
    }

    /// The offer came to nothing: the call waits again, in the place that it had. Who is
    /// `shunned` does not get it again before that time, unless another had it meanwhile.
    pub fn put_back(
        &self,
        id: TicketId,
        shunned: Option<(OperatorId, Instant)>,
        now: Instant,
    ) -> Option<Match> {
        let ticket = self.ticket(id)?;
        let word = ticket.word();
        if word.stage() != Stage::Matched {
            return None;
        }
        let (operator, until) = shunned.map_or((NONE, now), |(operator, at)| (operator.0, at));
        ticket.shun(operator, self.nanos(until));
        let wanted = ticket.wanted.swap(NONE, Ordering::Relaxed);
        let class = if wanted == NONE {
            ticket.class()
        } else {
            wanted
        };
        self.move_to(id, ticket, class);
        self.wait_again(id, ticket, word, now)
    }

    /// One more operator for a call that is being offered: [`Strategy::RingAll`]. `None`
    /// when nobody else is ready, or the call is kept for the one who rings.
    ///
    /// [`Strategy::RingAll`]: super::Strategy::RingAll
    pub fn offer_more(&self, id: TicketId, now: Instant) -> Option<Match> {
        let ticket = self.ticket(id)?;
        let for_all = ticket.word().stage() == Stage::Matched && ticket.keeper().is_none();
        for_all.then(|| self.take_another(id, ticket, self.nanos(now)))?
    }

    /// The caller leaves. Whoever is not waiting any more has not left in time; a ticket
    /// that is gone is gone.
    pub fn abandon(&self, id: TicketId) -> Abandoned {
        let Some(ticket) = self.ticket(id) else {
            return Abandoned::Won;
        };
        if self.hold_if(ticket, |_| true).is_some() {
            self.discard(id, ticket);
            return Abandoned::Won;
        }
        match ticket.word().stage() {
            Stage::Matched => Abandoned::TooLate,
            Stage::Free | Stage::Held | Stage::Waiting => Abandoned::Won,
        }
    }

    /// The call needs its ticket no more: it was answered, or left while it was offered.
    pub fn done(&self, id: TicketId) {
        let Some(ticket) = self.ticket(id) else {
            return;
        };
        loop {
            let word = ticket.word();
            match word.stage() {
                Stage::Waiting | Stage::Matched => {
                    if ticket.swap(word, word.to(Stage::Held)) {
                        return self.discard(id, ticket);
                    }
                }
                Stage::Free | Stage::Held => return,
            }
        }
    }

    fn takes_calls_of(&self, operator: OperatorId, class: &Class) -> bool {
        let on_duty = match self.state(operator) {
            OperatorState::LoggedOut | OperatorState::Paused => false,
            OperatorState::Ready
            | OperatorState::Offered
            | OperatorState::Talking
            | OperatorState::WrapUp => true,
        };
        let mut words = self.people.posts_of(operator).map(|(_, post)| post.word());
        let profile = words.next().map(super::word::OperatorWord::profile);
        on_duty && class.servers().any(|s| Some(s.profile) == profile)
    }

    /// Takes a waiting ticket into our hands and hides it: the word to go on from. `None`
    /// when it does not wait, or is not as it should be.
    fn hold_if(&self, ticket: &Ticket, so: impl Fn(&Ticket) -> bool) -> Option<TicketWord> {
        loop {
            let word = ticket.word();
            if word.stage() != Stage::Waiting || !so(ticket) {
                return None;
            }
            let held = word.to(Stage::Held);
            if ticket.swap(word, held) {
                self.hide_ticket(ticket);
                return Some(held);
            }
        }
    }

    /// Shows a ticket that is ours, and looks.
    fn wait_again(
        &self,
        id: TicketId,
        ticket: &Ticket,
        word: TicketWord,
        now: Instant,
    ) -> Option<Match> {
        let class = self.index.class(ticket.class())?;
        let place = ticket.place()?;
        match self.kept_with(ticket) {
            Some(kept) => {
                kept.show(place, kept_key(class.key.priority, ticket.age()));
                if let Some(in_line) = ticket.kept_place() {
                    class.line.kept.show(in_line, ticket.age());
                }
            }
            None => class.waiting.show(place, ticket.age()),
        }
        ticket.set(word.to(Stage::Waiting));
        self.seek(id, ticket, self.nanos(now))
    }

    /// Moves a ticket that is ours and hidden to another class, kept for nobody, if that
    /// has room.
    fn move_to(&self, id: TicketId, ticket: &Ticket, class: u32) {
        if class == ticket.class() && ticket.keeper().is_none() {
            return;
        }
        let Some(to) = self.index.class(class) else {
            return;
        };
        let Some(place) = to.waiting.reserve(id.index()) else {
            return;
        };
        self.vacate_ticket(ticket);
        ticket.stand(class, Some(place));
    }

    /// Gives a ticket that is kept, ours and hidden another class to be released to.
    fn recast(&self, ticket: &Ticket, class: u32) {
        let same_line = |a: &Class, b: &Class| std::ptr::eq(&raw const *a.line, &raw const *b.line);
        let classes = self
            .index
            .class(ticket.class())
            .zip(self.index.class(class));
        if classes.is_some_and(|(from, to)| same_line(from, to)) {
            ticket.stand(class, ticket.place());
        }
    }

    /// The calls that are kept for the same operator as this one.
    fn kept_with(&self, ticket: &Ticket) -> Option<&Forest> {
        self.people.person(ticket.keeper()?)?.kept()
    }

    pub(super) fn hide_ticket(&self, ticket: &Ticket) {
        let (Some(class), Some(place)) = (self.index.class(ticket.class()), ticket.place()) else {
            return;
        };
        match self.kept_with(ticket) {
            Some(kept) => {
                kept.hide(place);
                if let Some(in_line) = ticket.kept_place() {
                    class.line.kept.hide(in_line);
                }
            }
            None => class.waiting.hide(place),
        }
    }

    fn vacate_ticket(&self, ticket: &Ticket) {
        let (Some(class), Some(place)) = (self.index.class(ticket.class()), ticket.place()) else {
            return;
        };
        match self.kept_with(ticket) {
            Some(kept) => {
                kept.release(place);
                if let Some(in_line) = ticket.kept_place() {
                    class.line.kept.release(in_line);
                }
                ticket.keep(None, None);
            }
            None => class.waiting.release(place),
        }
    }

    fn discard(&self, id: TicketId, ticket: &Ticket) {
        self.hide_ticket(ticket);
        self.vacate_ticket(ticket);
        ticket.stand(NONE, None);
        self.tickets.give_back(id.index(), ticket);
    }
}

/// The order of those kept for one operator: priority, then age, in one word. 56 bits of
/// nanoseconds are two years.
fn kept_key(priority: i16, age: u64) -> u64 {
    let below_most = u64::try_from(100 - priority.clamp(-100, 100)).unwrap_or(0);
    below_most << 56 | age & ((1 << 56) - 1)
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn who_is_kept_stands_by_priority_and_then_by_age() {
        assert!(kept_key(1, u64::MAX) < kept_key(0, 0));
        assert!(kept_key(0, 1) < kept_key(0, 2));
        assert!(kept_key(-100, 1 << 55) < u64::MAX - 1);
    }
}
