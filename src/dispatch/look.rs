//! The decision: who gets whom, by compare-and-swap.
//!
//! Two searches meet here. An operator that a thread holds (`Claimed`) looks for the
//! best ticket ([`Board::serve`]); a ticket that is shown looks for the best operator
//! ([`Board::seek`]). Both end with the operator's word taken first and the ticket's
//! second; who loses the ticket has an operator in hand and goes on serving with it.

use crate::model::OperatorState;

use super::board::{Board, Claim, Match, OperatorId, TicketId};
use super::index::{Class, Profile};
use super::post::Post;
use super::strategy::{Candidate, longest_idle};
use super::sync::publish_before_look;
use super::ticket::Ticket;
use super::word::{Doing, OperatorWord, Stage, TicketWord};

/// A ticket at the head of a lane, as it was seen.
struct Found {
    index: u32,
    word: TicketWord,
    age: u64,
}

/// A ready operator at the head of a lane, as it was seen.
struct Idle {
    candidate: Candidate,
    word: OperatorWord,
}

/// How a shown operator's second look ended.
enum Watch {
    /// Nobody is there; it is `Ready`, and who comes next finds it.
    Settled,
    /// Somebody is there, and the operator is in our hands again.
    Claimed,
    /// Somebody else has taken the operator from under our eyes.
    Lost,
}

impl Board {
    /// Finds a caller for an operator that the calling thread holds, or shows it as ready.
    pub(super) fn serve(&self, id: OperatorId, now: u64) -> Option<Match> {
        let post = self.post(id)?;
        loop {
            let word = post.word();
            if let Some(mark) = word.mark() {
                self.leave(post, mark.leads_to(), now);
                return None;
            }
            let Some(profile) = self.index.profile(word.profile()) else {
                self.leave(post, Doing::LoggedOut, now);
                return None;
            };
            if let Some((index, ticket)) = self.take_best(profile) {
                return Some(self.offer(id, post, (index, ticket), now));
            }
            if !self.show(id, post, profile) {
                // No lane has room for as many operators as there are: cannot be, and
                // whoever is paused at least sees it.
                self.leave(post, Doing::Paused, now);
                return None;
            }
            let looking = word.to(Doing::Looking);
            if post.swap(word, looking).is_err() {
                self.hide(post);
                continue;
            }
            publish_before_look();
            match self.watch(post, looking, profile) {
                Watch::Settled | Watch::Lost => return None,
                Watch::Claimed => self.hide(post),
            }
        }
    }

    /// Finds an operator for a ticket that is shown and waiting. It may be another ticket
    /// that is matched: one that came between while ours was taken by someone else.
    pub(super) fn seek(&self, id: TicketId, ticket: &Ticket, now: u64) -> Option<Match> {
        publish_before_look();
        loop {
            let word = ticket.word();
            if word.stage() != Stage::Waiting || word.generation() != id.generation() {
                return None;
            }
            let class = self.index.class(ticket.class())?;
            let idle = self.best_operator(class)?;
            let operator = OperatorId(idle.candidate.operator);
            let post = self.post(operator)?;
            if post.swap(idle.word, idle.word.to(Doing::Claimed)).is_err() {
                continue;
            }
            self.hide(post);
            if !ticket.swap(word, word.to(Stage::Matched)) {
                return self.serve(operator, now);
            }
            self.hide_ticket(ticket);
            return Some(self.offer(operator, post, (id.index(), ticket), now));
        }
    }

    /// Looks once more after being shown, as often as one is told to.
    fn watch(&self, post: &Post, looking: OperatorWord, profile: &Profile) -> Watch {
        let mut word = looking;
        loop {
            let (next, end) = match self.best_ticket(profile) {
                Some(_) => (Doing::Claimed, Watch::Claimed),
                None => (Doing::Ready, Watch::Settled),
            };
            let Err(seen) = post.swap(word, word.to(next)) else {
                return end;
            };
            let calm = seen.to(Doing::Looking);
            if seen != word.told_again() || post.swap(seen, calm).is_err() {
                return Watch::Lost;
            }
            word = calm;
            publish_before_look();
        }
    }

    /// Takes the best waiting ticket that this profile serves.
    fn take_best(&self, profile: &Profile) -> Option<(u32, &Ticket)> {
        loop {
            let found = self.best_ticket(profile)?;
            let ticket = self.tickets.get(found.index)?;
            if ticket.swap(found.word, found.word.to(Stage::Matched)) {
                self.hide_ticket(ticket);
                return Some((found.index, ticket));
            }
        }
    }

    /// The oldest of the highest priority.
    fn best_ticket(&self, profile: &Profile) -> Option<Found> {
        let mut best: Option<(i16, Found)> = None;
        for serves in profile.serves.load().iter() {
            if best.as_ref().is_some_and(|(p, _)| *p > serves.priority) {
                break;
            }
            let Some(class) = self.index.class(serves.class) else {
                continue;
            };
            for lane in class.lanes.iter() {
                let Some(found) = lane.find(|index| self.waiting(index, class.id)) else {
                    continue;
                };
                if best.as_ref().is_none_or(|(_, b)| found.age < b.age) {
                    best = Some((serves.priority, found));
                }
            }
        }
        best.map(|(_, found)| found)
    }

    fn waiting(&self, index: u32, class: u32) -> Option<Found> {
        let ticket = self.tickets.get(index)?;
        let word = ticket.word();
        // What is read after the word belongs to it if the word can still be swapped.
        (word.stage() == Stage::Waiting && ticket.class() == class).then(|| Found {
            index,
            word,
            age: ticket.age(),
        })
    }

    /// The operator who gets a ticket of this class.
    fn best_operator(&self, class: &Class) -> Option<Idle> {
        let mut best: Option<Idle> = None;
        for id in class.served_by.load().iter() {
            let Some(profile) = self.index.profile(*id) else {
                continue;
            };
            for lane in profile.lanes.iter() {
                let Some(idle) = lane.find(|operator| self.idle(operator, *id)) else {
                    continue;
                };
                let better = |b: &Idle| longest_idle(&idle.candidate, &b.candidate).is_lt();
                if best.as_ref().is_none_or(better) {
                    best = Some(idle);
                }
            }
        }
        best
    }

    /// The operator, if ready. One who is being looked for is told to look again: the
    /// ticket on whose behalf this is asked is already to be seen.
    fn idle(&self, operator: u32, profile: u16) -> Option<Idle> {
        let post = self.post(OperatorId(operator))?;
        let mut word = post.word();
        if word.doing() == Doing::Looking {
            let told = word.told_again();
            word = match post.swap(word, told) {
                Ok(()) => told,
                Err(seen) => seen,
            };
        }
        (word.doing() == Doing::Ready && word.profile() == profile).then(|| Idle {
            candidate: Candidate {
                idle_since: post.since(),
                operator,
            },
            word,
        })
    }

    /// Gives a ticket that is ours to an operator that is ours.
    fn offer(&self, id: OperatorId, post: &Post, to: (u32, &Ticket), now: u64) -> Match {
        self.vacate(post);
        let mut word = post.word();
        let offered = loop {
            let next = word.to(Doing::Offered).next_generation();
            match post.swap(word, next) {
                Ok(()) => break next,
                Err(seen) => word = seen,
            }
        };
        self.count(word, Doing::Offered);
        post.set_since(now);
        let (index, ticket) = to;
        Match {
            claim: Claim {
                operator: id,
                generation: offered.generation(),
            },
            ticket: TicketId::new(index, ticket.word().generation()),
            call: ticket.call(),
            possible_at: self.instant(now),
            overtook: None,
        }
    }

    /// Takes an operator that is ours out of the ready ones. A mark left meanwhile says
    /// where to; else it is `to`.
    pub(super) fn leave(&self, post: &Post, to: Doing, now: u64) -> OperatorState {
        self.vacate(post);
        let mut word = post.word();
        loop {
            let to = word.mark().map_or(to, |mark| mark.leads_to());
            match post.swap(word, word.to(to).marked(None)) {
                Ok(()) => {
                    self.count(word, to);
                    post.set_since(now);
                    return to.seen();
                }
                Err(seen) => word = seen,
            }
        }
    }

    /// Shows an operator that is ours in the lanes of its profile, where it stood before
    /// if it has a place there; whether there was room.
    fn show(&self, id: OperatorId, post: &Post, profile: &Profile) -> bool {
        let kept = post.place().filter(|(home, _)| *home == profile.id);
        let place = match kept {
            Some((_, place)) => place,
            None => {
                self.vacate(post);
                let Some(place) = profile.lanes.reserve(id.0, post.since()) else {
                    return false;
                };
                post.stand(Some((profile.id, place)));
                place
            }
        };
        profile.lanes.show(place);
        true
    }

    pub(super) fn hide(&self, post: &Post) {
        if let Some((home, place)) = post.place()
            && let Some(profile) = self.index.profile(home)
        {
            profile.lanes.hide(place);
        }
    }

    /// Gives back the place of an operator that is ours.
    pub(super) fn vacate(&self, post: &Post) {
        if let Some((home, place)) = post.place()
            && let Some(profile) = self.index.profile(home)
        {
            profile.lanes.hide(place);
            profile.lanes.release(place);
            post.stand(None);
        }
    }

    pub(super) fn hide_ticket(&self, ticket: &Ticket) {
        if let Some(place) = ticket.place()
            && let Some(class) = self.index.class(ticket.class())
        {
            class.lanes.hide(place);
        }
    }

    /// Counts an operator's change from what `word` says to `doing`.
    pub(super) fn count(&self, word: OperatorWord, doing: Doing) {
        let (from, to) = (word.doing().seen(), doing.seen());
        if from != to
            && let Some(profile) = self.index.profile(word.profile())
        {
            profile.arrive(to);
            profile.depart(from);
        }
    }
}
