//! Operators by name: who there is, with which abilities.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::model::{OperatorName, OperatorState, SkillSet};
use crate::operator;

use super::board::{Board, Change, Full, Match, OperatorId, PostId};
use super::post::{Person, Post, RETIRED};
use super::word::{Doing, OperatorWord};

/// What the board is told of an operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// What the operator can do.
    pub skills: SkillSet,
    /// Calls at once; none counts as one.
    pub max_calls: u8,
    /// The place in [`Strategy::Ordered`](super::Strategy::Ordered).
    pub place: u32,
}

impl From<&operator::Settings> for Abilities {
    fn from(settings: &operator::Settings) -> Self {
        Self {
            skills: settings.skills.clone(),
            max_calls: settings.max_calls,
            place: settings.place,
        }
    }
}

/// Every operator and every post.
#[derive(Debug)]
pub(super) struct People {
    persons: Box<[Person]>,
    /// First one for each operator, then those beyond.
    posts: Box<[Post]>,
    names: Mutex<Names>,
}

#[derive(Debug, Default)]
struct Names {
    /// In order of name. Four bytes an operator; they come and go with configurations only.
    ids: Vec<OperatorId>,
    /// Posts that were taken beyond the first ones.
    more: usize,
}

impl People {
    pub(super) fn new(operators: usize, more: usize) -> Self {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let owner = |n: usize| (n < operators).then(|| number(n));
        Self {
            persons: (0..operators).map(|n| Person::new(number(n))).collect(),
            posts: (0..operators + more).map(|n| Post::new(owner(n))).collect(),
            names: Mutex::default(),
        }
    }

    pub(super) fn post(&self, post: u32) -> Option<&Post> {
        self.posts.get(usize::try_from(post).ok()?)
    }

    pub(super) fn person(&self, operator: u32) -> Option<&Person> {
        self.persons.get(usize::try_from(operator).ok()?)
    }

    /// The posts of an operator.
    pub(super) fn posts_of(&self, operator: OperatorId) -> impl Iterator<Item = (PostId, &Post)> {
        let posts = self.person(operator.0).into_iter().flat_map(Person::posts);
        posts.filter_map(|post| Some((PostId(post), self.post(post)?)))
    }

    /// All who were ever configured, in that order.
    pub(super) fn everybody(&self) -> impl Iterator<Item = (OperatorId, &OperatorName)> {
        let named = self.persons.iter().map_while(Person::name);
        (0..).map(OperatorId).zip(named)
    }

    /// All posts that were ever taken.
    pub(super) fn all_posts(&self) -> impl Iterator<Item = (PostId, &Post)> {
        (0..).map(PostId).zip(self.posts.iter())
    }

    /// Where a name stands among the names, or would.
    fn search(&self, names: &Names, name: &OperatorName) -> Result<usize, usize> {
        let of = |id: &OperatorId| self.person(id.0).and_then(Person::name);
        names.ids.binary_search_by(|id| of(id).cmp(&Some(name)))
    }

    fn spare_post(&self, names: &mut Names, owner: u32) -> Option<u32> {
        let at = self.persons.len() + names.more;
        self.posts.get(at)?.give_to(owner);
        names.more += 1;
        u32::try_from(at).ok()
    }
}

impl Board {
    /// The operator of this name, with these abilities from now on. An operator who is
    /// ready moves to where they belong by them, and may find callers there.
    ///
    /// # Errors
    /// [`Full::Operators`], [`Full::Profiles`]; the operator is then as before.
    pub fn operator(
        &self,
        name: &OperatorName,
        abilities: &Abilities,
        now: Instant,
    ) -> Result<(OperatorId, Vec<Match>), Full> {
        let mut names = self
            .people
            .names
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let profile = self.index.intern_profile(&abilities.skills)?;
        let known = self.people.search(&names, name);
        let next = u32::try_from(names.ids.len()).map_err(|_| Full::Operators)?;
        let id = known.ok().and_then(|at| names.ids.get(at));
        let id = id.map_or(next, |id| id.0);
        let person = self.people.person(id).ok_or(Full::Operators)?;
        let max_calls = usize::from(abilities.max_calls.max(1));
        let mut posts = Vec::with_capacity(max_calls);
        for at in 0..max_calls {
            let spare = || self.people.spare_post(&mut names, id);
            posts.push(person.post(at, spare).ok_or(Full::Operators)?);
        }
        person.call_it(name);
        if let Err(at) = known {
            names.ids.insert(at, OperatorId(id));
        }
        let moved = person.set_place(abilities.place) != abilities.place;
        let mut matches = Vec::new();
        for post in &posts {
            matches.extend(self.reprofile(PostId(*post), profile, moved, now));
        }
        for post in person.posts().filter(|post| !posts.contains(post)) {
            matches.extend(self.retire_post(PostId(post), now).matches());
        }
        for post in posts.iter().skip(1) {
            matches.extend(self.follow(PostId(*post), OperatorId(id), now));
        }
        Ok((OperatorId(id), matches))
    }

    /// The operator is no longer configured: logged out, at once or when the call that
    /// goes on is over, and counted nowhere. The same name brings the same id back.
    pub fn retire(&self, operator: OperatorId, now: Instant) -> Change {
        self.each_post(operator, |post| self.retire_post(post, now))
    }

    fn retire_post(&self, post: PostId, now: Instant) -> Change {
        let change = self.log_out_post(post, now);
        // Whoever has no skills serves nobody, so no caller can come of it.
        let _nobody = self.reprofile(post, RETIRED, false, now);
        change
    }

    /// A further post does what the operator does.
    fn follow(&self, post: PostId, operator: OperatorId, now: Instant) -> Option<Match> {
        let first = self.people.posts_of(operator).next()?.1.word();
        let own = self.people.post(post.0)?.word();
        let change = match (first.doing().seen(), own.doing()) {
            (OperatorState::LoggedOut, _) => return None,
            (OperatorState::Paused, Doing::LoggedOut) => self.pause_post(post, now),
            (_, Doing::LoggedOut) if first.mark().is_none() => self.ready_post(post, now),
            _ => return None,
        };
        change.matched
    }

    /// The operator of this name, if ever configured.
    #[must_use]
    pub fn find(&self, name: &OperatorName) -> Option<OperatorId> {
        let names = self.people.names.lock();
        let names = names.unwrap_or_else(PoisonError::into_inner);
        let at = self.people.search(&names, name).ok()?;
        names.ids.get(at).copied()
    }

    /// An operator's name.
    #[must_use]
    pub fn name(&self, operator: OperatorId) -> Option<OperatorName> {
        self.people.person(operator.0)?.name().cloned()
    }

    /// Does something at each post of an operator, and says what came of it in all.
    pub(super) fn each_post(&self, operator: OperatorId, act: impl Fn(PostId) -> Change) -> Change {
        let before = self.state(operator);
        let mut posts = self.people.posts_of(operator);
        let Some((first, _)) = posts.next() else {
            return Change::nobody();
        };
        let mut change = act(first);
        let mut several = false;
        for (id, post) in posts {
            // Of an operator who may have fewer calls than before.
            if post.word().profile() == RETIRED && post.word().doing() == Doing::LoggedOut {
                continue;
            }
            several = true;
            change.more.extend(act(id).matches());
        }
        if several {
            change.state = self.state(operator);
            change.changed = change.state != before;
        }
        change
    }

    /// What the operator does: of several things the one that takes most of the person.
    #[must_use]
    pub fn state(&self, operator: OperatorId) -> OperatorState {
        let posts = self.people.posts_of(operator);
        let all = posts.filter(|(_, post)| post.word().profile() != RETIRED);
        let states = all.map(|(_, post)| post.word().doing().seen());
        states
            .max_by_key(|state| weight(*state))
            .unwrap_or_else(|| self.retired_state(operator))
    }

    /// Whoever is retired in the middle of a call is seen to end it.
    fn retired_state(&self, operator: OperatorId) -> OperatorState {
        let first = self.people.posts_of(operator).next();
        first.map_or(OperatorState::LoggedOut, |(_, post)| {
            post.word().doing().seen()
        })
    }

    /// Since when.
    #[must_use]
    pub fn since(&self, operator: OperatorId) -> Option<Instant> {
        let posts = self.people.posts_of(operator);
        let heaviest = posts.max_by_key(|(_, post)| weight(post.word().doing().seen()));
        Some(self.instant(heaviest?.1.since()))
    }

    /// Where the operator goes when the call or the offer that goes on is over, if
    /// somebody asked for that.
    #[must_use]
    pub fn pending(&self, operator: OperatorId) -> Option<OperatorState> {
        let words = self.people.posts_of(operator).map(|(_, post)| post.word());
        let mut marks = words.filter_map(OperatorWord::mark);
        Some(marks.next()?.leads_to().seen())
    }
}

fn weight(state: OperatorState) -> u8 {
    match state {
        OperatorState::LoggedOut => 0,
        OperatorState::Paused => 1,
        OperatorState::Ready => 2,
        OperatorState::WrapUp => 3,
        OperatorState::Offered => 4,
        OperatorState::Talking => 5,
    }
}
