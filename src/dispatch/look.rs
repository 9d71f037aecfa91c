//! The decision: who gets whom, by compare-and-swap.
//!
//! Two searches meet here. An operator that a thread holds (`Claimed`) looks for the
//! best ticket ([`Board::serve`]); a ticket that is shown looks for the best operator
//! ([`Board::seek`]). Both end with the operator's word taken first and the ticket's
//! second; who loses the ticket has an operator in hand and goes on serving with it.

use std::cmp::Reverse;

use crate::model::OperatorState;

use super::board::{Board, Claim, Match, OperatorId, PostId, TicketId};
use super::index::{Class, Profile};
use super::post::Post;
use super::strategy::Order;
use super::sync::publish_before_look;
use super::ticket::Ticket;
use super::word::{Doing, OperatorWord, Stage, TicketWord};

/// No limit to a search: no key is as large.
const ALL: u64 = u64::MAX;

/// A ticket that is first of its class, as it was seen.
pub(super) struct Found {
    pub(super) index: u32,
    word: TicketWord,
    age: u64,
    pub(super) priority: i16,
}

/// A ready operator who is first of a profile, as it was seen.
struct Idle {
    rank: u32,
    key: u64,
    post: PostId,
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

/// What an operator's search goes by.
#[derive(Clone, Copy)]
pub(super) struct Looker<'a> {
    pub(super) profile: &'a Profile,
    pub(super) person: u32,
    pub(super) now: u64,
}

impl Board {
    /// Finds a caller for an operator that the calling thread holds, or shows it as ready.
    pub(super) fn serve(&self, id: PostId, now: u64) -> Option<Match> {
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
            let person = post.person();
            let looker = Looker {
                profile,
                person,
                now,
            };
            if let Some((index, ticket)) = self.take_best(looker) {
                return Some(self.offer(id, post, (index, ticket), now));
            }
            let orders = self.index.orders();
            if !self.show(id, post, profile) {
                // No forest has room for as many operators as there are: cannot be, and
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
            match self.watch(post, looking, looker) {
                Watch::Settled => {
                    // Another order came into use: we see it, or it sees us.
                    publish_before_look();
                    if self.index.orders() == orders || !self.take_in_hand(post) {
                        return None;
                    }
                }
                Watch::Lost => return None,
                Watch::Claimed => self.hide(post),
            }
        }
    }

    /// Takes a ready operator into our hands, hidden; whether there was one to take.
    fn take_in_hand(&self, post: &Post) -> bool {
        let word = post.word();
        let ready = matches!(word.doing(), Doing::Ready | Doing::Looking);
        let taken = ready && post.swap(word, word.to(Doing::Claimed)).is_ok();
        if taken {
            self.hide(post);
        }
        taken
    }

    /// These strategies are in use from now on: operators who are ready stand in their
    /// orders too. Until then a class with another strategy goes by who is free for
    /// longest.
    pub fn use_strategies(
        &self,
        strategies: impl IntoIterator<Item = super::Strategy>,
        now: std::time::Instant,
    ) -> Vec<Match> {
        let orders = strategies.into_iter().map(super::Strategy::order);
        if orders.filter(|order| self.index.use_order(*order)).count() == 0 {
            return Vec::new();
        }
        // Whoever is shown meanwhile sees the orders, or is seen here.
        publish_before_look();
        let posts = self.people.all_posts();
        let ready = posts.filter(|(_, post)| self.take_in_hand(post));
        let now = self.nanos(now);
        ready.filter_map(|(id, _)| self.serve(id, now)).collect()
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
            let idle = match ticket.keeper() {
                Some(keeper) => self.idle_keeper(keeper)?,
                None => self.best_operator(self.index.class(ticket.class())?, ticket, now)?,
            };
            let Some(post) = self.take_idle(&idle) else {
                continue;
            };
            if !ticket.swap(word, word.to(Stage::Matched)) {
                return self.serve(idle.post, now);
            }
            self.hide_ticket(ticket);
            return Some(self.offer(idle.post, post, (id.index(), ticket), now));
        }
    }

    /// One more operator for a ticket that is ours and matched.
    pub(super) fn take_another(&self, id: TicketId, ticket: &Ticket, now: u64) -> Option<Match> {
        publish_before_look();
        loop {
            let class = self.index.class(ticket.class())?;
            let idle = self.best_operator(class, ticket, now)?;
            if let Some(post) = self.take_idle(&idle) {
                return Some(self.offer(idle.post, post, (id.index(), ticket), now));
            }
        }
    }

    /// Takes an operator as it was seen, and hides it.
    fn take_idle(&self, idle: &Idle) -> Option<&Post> {
        let post = self.post(idle.post)?;
        post.swap(idle.word, idle.word.to(Doing::Claimed)).ok()?;
        self.hide(post);
        Some(post)
    }

    /// Looks once more after being shown, as often as one is told to.
    fn watch(&self, post: &Post, looking: OperatorWord, looker: Looker<'_>) -> Watch {
        let mut word = looking;
        loop {
            let (next, end) = match self.best_ticket(looker) {
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

    /// Takes the best waiting ticket that this operator may serve.
    fn take_best(&self, looker: Looker<'_>) -> Option<(u32, &Ticket)> {
        loop {
            let found = self.best_ticket(looker)?;
            let ticket = self.tickets.get(found.index)?;
            if ticket.swap(found.word, found.word.to(Stage::Matched)) {
                self.hide_ticket(ticket);
                return Some((found.index, ticket));
            }
        }
    }

    /// The oldest of the highest priority.
    fn best_ticket(&self, looker: Looker<'_>) -> Option<Found> {
        // As a rule whoever has the smallest key may be taken. All keys are read before any
        // ticket, so that no look waits for the one before it.
        let firsts = looker.profile.serves().filter_map(|serves| {
            let class = self.index.class(serves.class)?;
            let key = class.waiting.first_key()?;
            Some((Reverse(serves.priority), key, class))
        });
        let least = firsts.min_by_key(|(priority, key, _)| (*priority, *key));
        let Some((Reverse(priority), key, class)) = least else {
            return self.best_kept(looker.person);
        };
        let first = |index, _| Some(self.may_take(index, class, looker));
        match class.waiting.find(ALL, first).flatten() {
            Some(found) if found.age == key => {
                let kept = self.best_kept(looker.person);
                let rank = |found: &Found| (Reverse(found.priority), found.age);
                let before = kept.filter(|kept| rank(kept) < (Reverse(priority), key));
                Some(before.unwrap_or(found))
            }
            Some(_) | None => self.search_tickets(looker),
        }
    }

    /// The same where some may not be taken: one look at each class, and at each of those.
    fn search_tickets(&self, looker: Looker<'_>) -> Option<Found> {
        let mut best = self.best_kept(looker.person);
        for serves in looker.profile.serves() {
            let limit = match &best {
                Some(best) if best.priority > serves.priority => continue,
                Some(best) if best.priority == serves.priority => best.age,
                Some(_) | None => ALL,
            };
            let Some(class) = self.index.class(serves.class) else {
                continue;
            };
            let may_take = |index, _| self.may_take(index, class, looker);
            best = class.waiting.find(limit, may_take).or(best);
        }
        best
    }

    /// A ticket that waits, and that this operator has not just missed.
    fn may_take(&self, index: u32, class: &Class, looker: Looker<'_>) -> Option<Found> {
        let found = self.waiting(index, class)?;
        let ticket = self.tickets.get(index)?;
        (!ticket.shuns(looker.person, looker.now)).then_some(found)
    }

    /// The first of those who are kept for this operator.
    fn best_kept(&self, person: u32) -> Option<Found> {
        let kept = self.people.person(person)?.kept()?;
        kept.find(ALL, |index, _| {
            let ticket = self.tickets.get(index)?;
            let word = ticket.word();
            let class = self.index.class(ticket.class())?;
            let ours = word.stage() == Stage::Waiting && ticket.keeper() == Some(person);
            ours.then(|| Found {
                index,
                word,
                age: ticket.age(),
                priority: class.key.priority,
            })
        })
    }

    pub(super) fn waiting(&self, index: u32, class: &Class) -> Option<Found> {
        let ticket = self.tickets.get(index)?;
        let word = ticket.word();
        // What is read after the word belongs to it if the word can still be swapped.
        let ours = word.stage() == Stage::Waiting
            && ticket.class() == class.id
            && ticket.keeper().is_none();
        ours.then(|| Found {
            index,
            word,
            age: ticket.age(),
            priority: class.key.priority,
        })
    }

    /// The operator who gets a ticket of this class.
    fn best_operator(&self, class: &Class, ticket: &Ticket, now: u64) -> Option<Idle> {
        let wanted = class.key.strategy.order();
        let order = if wanted.is_in(self.index.orders()) {
            wanted
        } else {
            Order::Idle
        };
        let mut best: Option<Idle> = None;
        for server in class.servers() {
            let limit = match &best {
                Some(best) if best.rank < server.rank => continue,
                Some(best) if best.rank == server.rank => best.key,
                Some(_) | None => ALL,
            };
            let Some(profile) = self.index.profile(server.profile) else {
                continue;
            };
            let found = profile.ready(order).find(limit, |post, key| {
                let shunned = |post: &Post| ticket.shuns(post.person(), now);
                let word = self.idle(PostId(post), server.profile, shunned)?;
                Some(Idle {
                    rank: server.rank,
                    key,
                    post: PostId(post),
                    word,
                })
            });
            best = found.or(best);
        }
        best
    }

    /// The operator for whom a call is kept, if ready.
    fn idle_keeper(&self, keeper: u32) -> Option<Idle> {
        let mut posts = self.people.posts_of(OperatorId(keeper));
        posts.find_map(|(id, post)| {
            let profile = post.word().profile();
            let word = self.idle(id, profile, |_| false)?;
            Some(Idle {
                rank: 0,
                key: 0,
                post: id,
                word,
            })
        })
    }

    /// The operator's word, if ready. One who is being looked for is told to look again:
    /// the ticket on whose behalf this is asked is already to be seen.
    fn idle(
        &self,
        id: PostId,
        profile: u16,
        shunned: impl Fn(&Post) -> bool,
    ) -> Option<OperatorWord> {
        let post = self.post(id)?;
        if shunned(post) {
            return None;
        }
        let mut word = post.word();
        if word.doing() == Doing::Looking {
            let told = word.told_again();
            word = match post.swap(word, told) {
                Ok(()) => told,
                Err(seen) => seen,
            };
        }
        (word.doing() == Doing::Ready && word.profile() == profile).then_some(word)
    }

    /// Gives a ticket that is ours to an operator that is ours.
    fn offer(&self, id: PostId, post: &Post, to: (u32, &Ticket), now: u64) -> Match {
        let (index, ticket) = to;
        Match {
            claim: self.claim(id, post, now),
            ticket: TicketId::new(index, ticket.word().generation()),
            call: ticket.call(),
            possible_at: self.instant(now),
        }
    }

    /// Takes an operator who is ready out of the orders for a call that needs no choice:
    /// one that the operator makes. The operator is `offered` by it, until
    /// [`Board::answered`] or [`Board::finished`]. Nothing for one who is not ready.
    pub fn take(&self, operator: OperatorId, now: std::time::Instant) -> Option<Claim> {
        let now = self.nanos(now);
        let mut posts = self.people.posts_of(operator);
        posts.find_map(|(id, post)| self.take_in_hand(post).then(|| self.claim(id, post, now)))
    }

    /// An operator that the calling thread holds is busy from now on.
    fn claim(&self, id: PostId, post: &Post, now: u64) -> Claim {
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
        let operator = post.person();
        if let Some(person) = self.people.person(operator) {
            person.offered(now);
        }
        Claim {
            operator: OperatorId(operator),
            post: id,
            generation: offered.generation(),
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

    /// Shows an operator that is ours in the orders of its profile; whether there was
    /// room.
    fn show(&self, id: PostId, post: &Post, profile: &Profile) -> bool {
        if post.home() != Some(profile.id) {
            self.vacate(post);
            post.set_home(profile.id);
        }
        let Some(person) = self.people.person(post.person()) else {
            return false;
        };
        let standing = person.standing(post.since());
        let orders = self.index.orders();
        for order in Order::ALL.into_iter().filter(|order| order.is_in(orders)) {
            let forest = profile.ready(order);
            let Some(place) = post.place(order).or_else(|| forest.reserve(id.0)) else {
                return false;
            };
            post.stand(order, Some(place));
            forest.show(place, order.key(&standing));
        }
        true
    }

    pub(super) fn hide(&self, post: &Post) {
        let Some(profile) = post.home().and_then(|home| self.index.profile(home)) else {
            return;
        };
        for order in Order::ALL {
            if let Some(place) = post.place(order) {
                profile.ready(order).hide(place);
            }
        }
    }

    /// Gives back the places of an operator that is ours.
    pub(super) fn vacate(&self, post: &Post) {
        let Some(profile) = post.home().and_then(|home| self.index.profile(home)) else {
            return;
        };
        for order in Order::ALL {
            if let Some(place) = post.place(order) {
                profile.ready(order).hide(place);
                profile.ready(order).release(place);
                post.stand(order, None);
            }
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
