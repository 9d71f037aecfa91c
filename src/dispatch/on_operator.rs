//! What happens to an operator: `operator::MOVES`, done on the board.

use std::time::Instant;

use crate::model::OperatorState;

use super::board::{After, Board, Change, Claim, Match, OperatorId, PostId};
use super::post::Post;
use super::word::{Doing, Mark, OperatorWord};

impl Board {
    /// The operator takes calls from now on. An operator who is busy stays so; a mark for
    /// a pause or a log-out is taken back.
    pub fn ready(&self, operator: OperatorId, now: Instant) -> Change {
        if self.state(operator) == OperatorState::LoggedOut
            && let Some(person) = self.people.person(operator.0)
        {
            person.logged_in();
        }
        self.each_post(operator, |post| self.ready_post(post, now))
    }

    /// The operator takes no more calls. One who is busy is marked, and pauses when that
    /// is over.
    pub fn pause(&self, operator: OperatorId, now: Instant) -> Change {
        self.each_post(operator, |post| self.pause_post(post, now))
    }

    /// The operator is gone. One who is busy is marked, and goes when that is over.
    pub fn log_out(&self, operator: OperatorId, now: Instant) -> Change {
        self.each_post(operator, |post| self.log_out_post(post, now))
    }

    pub(super) fn ready_post(&self, id: PostId, now: Instant) -> Change {
        let Some(post) = self.post(id) else {
            return Change::nobody();
        };
        let mut word = post.word();
        loop {
            let next = match word.doing() {
                Doing::LoggedOut | Doing::Paused | Doing::WrapUp => {
                    if self.index.profile(word.profile()).is_none() {
                        return Change::none(word);
                    }
                    word.to(Doing::Claimed).marked(None)
                }
                Doing::Claimed | Doing::Offered | Doing::Talking if word.mark().is_some() => {
                    word.marked(None)
                }
                Doing::Claimed
                | Doing::Offered
                | Doing::Talking
                | Doing::Looking
                | Doing::Ready => return Change::none(word),
            };
            match post.swap(word, next) {
                // A mark on a claimed operator was told as if done, so taking it back is
                // to be told too.
                Ok(()) if word.doing() == Doing::Claimed => {
                    return Change {
                        changed: true,
                        ..Change::none(next)
                    };
                }
                Ok(()) if word.doing().seen() == next.doing().seen() => return Change::none(next),
                Ok(()) => return self.now_ready(id, post, word, now),
                Err(seen) => word = seen,
            }
        }
    }

    pub(super) fn pause_post(&self, post: PostId, now: Instant) -> Change {
        self.stop(post, Mark::Pause, now)
    }

    pub(super) fn log_out_post(&self, post: PostId, now: Instant) -> Change {
        self.stop(post, Mark::LogOut, now)
    }

    /// The operator answered the offer; whether the claim still stands.
    pub fn answered(&self, claim: &Claim, now: Instant) -> bool {
        let Some(post) = self.post(claim.post) else {
            return false;
        };
        let mut word = post.word();
        loop {
            if word.generation() != claim.generation || word.doing() != Doing::Offered {
                return false;
            }
            match post.swap(word, word.to(Doing::Talking)) {
                Ok(()) => {
                    self.count(word, Doing::Talking);
                    post.set_since(self.nanos(now));
                    if let Some(person) = self.people.person(post.person()) {
                        person.answered();
                    }
                    return true;
                }
                Err(seen) => word = seen,
            }
        }
    }

    /// The offer or the talk is over. A claim that is no longer the operator's changes
    /// nothing.
    pub fn finished(&self, claim: &Claim, then: After, now: Instant) -> Change {
        let Some(post) = self.post(claim.post) else {
            return Change::nobody();
        };
        let then = match then {
            After::Ready => Doing::Claimed,
            After::WrapUp => Doing::WrapUp,
            After::Paused => Doing::Paused,
            After::LoggedOut => Doing::LoggedOut,
        };
        let mut word = post.word();
        loop {
            let busy = matches!(word.doing(), Doing::Offered | Doing::Talking);
            if word.generation() != claim.generation || !busy {
                return Change::none(word);
            }
            let to = word.mark().map_or(then, |mark| mark.leads_to());
            match post.swap(word, word.to(to).marked(None)) {
                Ok(()) if to == Doing::Claimed => {
                    let change = self.now_ready(claim.post, post, word, now);
                    return self.of_all(claim.operator, change);
                }
                Ok(()) => {
                    let change = self.now_doing(post, word, to, now);
                    return self.of_all(claim.operator, change);
                }
                Err(seen) => word = seen,
            }
        }
    }

    /// The wrap-up after this claim is over; nothing, if the operator moved on since.
    pub fn wrap_up_over(&self, claim: &Claim, now: Instant) -> Change {
        let Some(post) = self.post(claim.post) else {
            return Change::nobody();
        };
        let word = post.word();
        if word.generation() != claim.generation || word.doing() != Doing::WrapUp {
            return Change::none(word);
        }
        match post.swap(word, word.to(Doing::Claimed)) {
            Ok(()) => {
                let change = self.now_ready(claim.post, post, word, now);
                self.of_all(claim.operator, change)
            }
            // Whoever was faster decided what comes after the wrap-up, or gave the
            // operator other skills; the latter leaves the wrap-up to its own end.
            Err(seen) if seen.doing() == Doing::WrapUp => self.wrap_up_over(claim, now),
            Err(seen) => Change::none(seen),
        }
    }

    /// A change at one post as one of the operator, who may have others.
    fn of_all(&self, operator: OperatorId, change: Change) -> Change {
        if self.people.posts_of(operator).nth(1).is_none() {
            return change;
        }
        Change {
            state: self.state(operator),
            ..change
        }
    }

    fn stop(&self, id: PostId, mark: Mark, now: Instant) -> Change {
        let Some(post) = self.post(id) else {
            return Change::nobody();
        };
        let to = mark.leads_to();
        let mut word = post.word();
        loop {
            let next = match word.doing() {
                doing if doing == to => return Change::none(word),
                Doing::LoggedOut | Doing::Paused | Doing::WrapUp => word.to(to).marked(None),
                Doing::Looking | Doing::Ready => word.to(Doing::Claimed),
                Doing::Claimed | Doing::Offered | Doing::Talking => word.marked(Some(mark)),
            };
            if let Err(seen) = post.swap(word, next) {
                word = seen;
                continue;
            }
            return match word.doing() {
                Doing::LoggedOut | Doing::Paused | Doing::WrapUp => {
                    self.now_doing(post, word, to, now)
                }
                Doing::Looking | Doing::Ready => {
                    let state = self.leave(post, to, self.nanos(now));
                    Change::to(state)
                }
                // In the hands of a thread that is about to read the mark: as good as done.
                // If it has a caller in hand already, that is one more call before.
                Doing::Claimed => Change {
                    changed: word.mark() != Some(mark),
                    ..Change::to(to.seen())
                },
                Doing::Offered | Doing::Talking => Change::none(next),
            };
        }
    }

    /// Gives a post other skills, whatever goes on there; with `moved` it is put where it
    /// belongs even if they are the same.
    pub(super) fn reprofile(
        &self,
        id: PostId,
        profile: u16,
        moved: bool,
        now: Instant,
    ) -> Option<Match> {
        let post = self.post(id)?;
        let mut word = post.word();
        loop {
            let ready = matches!(word.doing(), Doing::Looking | Doing::Ready);
            if word.profile() == profile && !(moved && ready) {
                return None;
            }
            let next = word.with_profile(profile);
            let next = if ready { next.to(Doing::Claimed) } else { next };
            if let Err(seen) = post.swap(word, next) {
                word = seen;
                continue;
            }
            let state = word.doing().seen();
            if let Some(profile) = self.index.profile(profile) {
                profile.arrive(state);
            }
            if let Some(profile) = self.index.profile(word.profile()) {
                profile.depart(state);
            }
            if !ready {
                return None;
            }
            self.vacate(post);
            return self.serve(id, self.nanos(now));
        }
    }

    /// The operator came from what `before` says and is ours: finds a caller, or waits.
    fn now_ready(&self, id: PostId, post: &Post, before: OperatorWord, now: Instant) -> Change {
        let now = self.nanos(now);
        self.count(before, Doing::Claimed);
        post.set_since(now);
        let matched = self.serve(id, now);
        let state = match matched {
            Some(_) => OperatorState::Offered,
            None => post.word().doing().seen(),
        };
        Change {
            matched,
            ..Change::to(state)
        }
    }

    fn now_doing(&self, post: &Post, before: OperatorWord, doing: Doing, now: Instant) -> Change {
        self.count(before, doing);
        post.set_since(self.nanos(now));
        Change::to(doing.seen())
    }
}

impl Change {
    /// The operator does something else now.
    fn to(state: OperatorState) -> Self {
        Self {
            state,
            changed: true,
            here: state,
            matched: None,
            more: Vec::new(),
        }
    }

    fn none(word: OperatorWord) -> Self {
        Self {
            changed: false,
            ..Self::to(word.doing().seen())
        }
    }

    /// For an id that the board never gave out.
    pub(super) fn nobody() -> Self {
        Self {
            changed: false,
            ..Self::to(OperatorState::LoggedOut)
        }
    }
}
