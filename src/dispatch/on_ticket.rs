//! What happens to a caller's ticket. Each of these is called by the shard that owns the
//! call, so by one thread at a time for one ticket; operators look from all of them.

use std::time::Instant;

use crate::model::CallKey;

use super::board::{Abandoned, Board, ClassId, Full, Match, TicketId};
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
        let lanes = &self.index.class(class.0).ok_or(Full::Classes)?.lanes;
        let (index, ticket) = self.tickets.take(call).ok_or(Full::Tickets)?;
        let age = self.nanos(age);
        ticket.begin(call, age);
        let Some(place) = lanes.reserve(index, age) else {
            self.tickets.give_back(index, ticket);
            return Err(Full::Tickets);
        };
        ticket.stand(class.0, Some(place));
        lanes.show(place);
        let word = ticket.word().to(Stage::Waiting);
        ticket.set(word);
        let id = TicketId::new(index, word.generation());
        Ok((id, self.seek(id, ticket, self.nanos(now))))
    }

    /// The call asks for something else: escalation. Its age is kept. A call that is just
    /// being offered changes when it is put back. When the class has no room the call
    /// stays where it was.
    pub fn reclass(&self, id: TicketId, class: ClassId, now: Instant) -> Option<Match> {
        let ticket = self.ticket(id)?;
        loop {
            let word = ticket.word();
            match word.stage() {
                Stage::Matched => {
                    ticket.wanted.store(class.0, Ordering::Relaxed);
                    return None;
                }
                Stage::Waiting if ticket.swap(word, word.to(Stage::Held)) => {
                    self.hide_ticket(ticket);
                    self.move_to(id, ticket, class.0);
                    return self.wait_again(id, ticket, ticket.word(), now);
                }
                Stage::Waiting => {}
                Stage::Free | Stage::Held => return None,
            }
        }
    }

    /// The offer came to nothing: the call waits again, in the place that it had.
    pub fn put_back(&self, id: TicketId, now: Instant) -> Option<Match> {
        let ticket = self.ticket(id)?;
        let word = ticket.word();
        if word.stage() != Stage::Matched {
            return None;
        }
        let wanted = ticket.wanted.swap(NONE, Ordering::Relaxed);
        if wanted != NONE {
            self.move_to(id, ticket, wanted);
        }
        self.wait_again(id, ticket, word, now)
    }

    /// The caller leaves. Whoever is not waiting any more has not left in time; a ticket
    /// that is gone is gone.
    pub fn abandon(&self, id: TicketId) -> Abandoned {
        let Some(ticket) = self.ticket(id) else {
            return Abandoned::Won;
        };
        loop {
            let word = ticket.word();
            match word.stage() {
                Stage::Waiting if ticket.swap(word, word.to(Stage::Held)) => {
                    self.discard(id, ticket);
                    return Abandoned::Won;
                }
                Stage::Waiting => {}
                Stage::Matched => return Abandoned::TooLate,
                Stage::Free | Stage::Held => return Abandoned::Won,
            }
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

    /// Shows a ticket that is ours, and looks.
    fn wait_again(
        &self,
        id: TicketId,
        ticket: &Ticket,
        word: TicketWord,
        now: Instant,
    ) -> Option<Match> {
        let class = self.index.class(ticket.class())?;
        class.lanes.show(ticket.place()?);
        ticket.set(word.to(Stage::Waiting));
        self.seek(id, ticket, self.nanos(now))
    }

    /// Moves a ticket that is ours and hidden to the lanes of another class, if they have
    /// room.
    fn move_to(&self, id: TicketId, ticket: &Ticket, class: u32) {
        if class == ticket.class() {
            return;
        }
        let Some(to) = self.index.class(class) else {
            return;
        };
        let Some(place) = to.lanes.reserve(id.index(), ticket.age()) else {
            return;
        };
        self.vacate_ticket(ticket);
        ticket.stand(class, Some(place));
    }

    fn vacate_ticket(&self, ticket: &Ticket) {
        if let Some(place) = ticket.place()
            && let Some(class) = self.index.class(ticket.class())
        {
            class.lanes.release(place);
        }
    }

    fn discard(&self, id: TicketId, ticket: &Ticket) {
        self.hide_ticket(ticket);
        self.vacate_ticket(ticket);
        ticket.stand(NONE, None);
        self.tickets.give_back(id.index(), ticket);
    }
}
