//! What happens to an operator: `operator::MOVES`, done on the board.

use std::time::Instant;

use crate::model::OperatorState;

use super::board::{After, Board, Change, Claim, Match, OperatorId};
use super::post::Post;
use super::word::{Doing, Mark, OperatorWord};

impl Board {
    /// The operator takes calls from now on. An operator who is busy stays so; a mark for
    /// a pause or a log-out is taken back.
    pub fn ready(&self, operator: OperatorId, now: Instant) -> Change {
        let Some(post) = self.post(operator) else {
            return nobody();
        };
        let mut word = post.word();
        loop {
            let next = match word.doing() {
                Doing::LoggedOut | Doing::Paused | Doing::WrapUp => {
                    if self.index.profile(word.profile()).is_none() {
                        return unchanged(word);
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
                | Doing::Ready => return unchanged(word),
            };
            match post.swap(word, next) {
                // A mark on a claimed operator was told as if done, so taking it back is
                // to be told too.
                Ok(()) if word.doing() == Doing::Claimed => return changed(next),
                Ok(()) if word.doing().seen() == next.doing().seen() => return unchanged(next),
                Ok(()) => return self.now_ready(operator, post, word, now),
                Err(seen) => word = seen,
            }
        }
    }

    /// The operator takes no more calls. One who is busy is marked, and pauses when that
    /// is over.
    pub fn pause(&self, operator: OperatorId, now: Instant) -> Change {
        self.stop(operator, Mark::Pause, now)
    }

    /// The operator is gone. One who is busy is marked, and goes when that is over.
    pub fn log_out(&self, operator: OperatorId, now: Instant) -> Change {
        self.stop(operator, Mark::LogOut, now)
    }

    /// The operator answered the offer; whether the claim still stands.
    pub fn answered(&self, claim: &Claim, now: Instant) -> bool {
        let Some(post) = self.post(claim.operator) else {
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
                    return true;
                }
                Err(seen) => word = seen,
            }
        }
    }

    /// The offer or the talk is over. A claim that is no longer the operator's changes
    /// nothing.
    pub fn finished(&self, claim: &Claim, then: After, now: Instant) -> Change {
        let Some(post) = self.post(claim.operator) else {
            return nobody();
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
                return unchanged(word);
            }
            let to = word.mark().map_or(then, |mark| mark.leads_to());
            match post.swap(word, word.to(to).marked(None)) {
                Ok(()) if to == Doing::Claimed => {
                    return self.now_ready(claim.operator, post, word, now);
                }
                Ok(()) => return self.now_doing(post, word, to, now),
                Err(seen) => word = seen,
            }
        }
    }

    /// The wrap-up after this claim is over; nothing, if the operator moved on since.
    pub fn wrap_up_over(&self, claim: &Claim, now: Instant) -> Change {
        let Some(post) = self.post(claim.operator) else {
            return nobody();
        };
        let word = post.word();
        if word.generation() != claim.generation || word.doing() != Doing::WrapUp {
            return unchanged(word);
        }
        match post.swap(word, word.to(Doing::Claimed)) {
            Ok(()) => self.now_ready(claim.operator, post, word, now),
            // Whoever was faster decided what comes after the wrap-up, or gave the
            // operator other skills; the latter leaves the wrap-up to its own end.
            Err(seen) if seen.doing() == Doing::WrapUp => self.wrap_up_over(claim, now),
            Err(seen) => unchanged(seen),
        }
    }

    /// What the operator does.
    #[must_use]
    pub fn state(&self, operator: OperatorId) -> OperatorState {
        let word = self.post(operator).map(Post::word);
        word.map_or(OperatorState::LoggedOut, |word| word.doing().seen())
    }

    /// Since when.
    #[must_use]
    pub fn since(&self, operator: OperatorId) -> Option<Instant> {
        Some(self.instant(self.post(operator)?.since()))
    }

    /// Where the operator goes when the call or the offer that goes on is over, if
    /// somebody asked for that.
    #[must_use]
    pub fn pending(&self, operator: OperatorId) -> Option<OperatorState> {
        let mark = self.post(operator)?.word().mark()?;
        Some(mark.leads_to().seen())
    }

    fn stop(&self, operator: OperatorId, mark: Mark, now: Instant) -> Change {
        let Some(post) = self.post(operator) else {
            return nobody();
        };
        let to = mark.leads_to();
        let mut word = post.word();
        loop {
            let next = match word.doing() {
                doing if doing == to => return unchanged(word),
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
                Doing::Looking | Doing::Ready => Change {
                    state: self.leave(post, to, self.nanos(now)),
                    changed: true,
                    matched: None,
                },
                // In the hands of a thread that is about to read the mark: as good as done.
                // If it has a caller in hand already, that is one more call before.
                Doing::Claimed => Change {
                    state: to.seen(),
                    changed: word.mark() != Some(mark),
                    matched: None,
                },
                Doing::Offered | Doing::Talking => unchanged(next),
            };
        }
    }

    /// Gives an operator other skills, whatever it does.
    pub(super) fn reprofile(&self, id: OperatorId, profile: u16, now: Instant) -> Option<Match> {
        let post = self.post(id)?;
        let mut word = post.word();
        loop {
            if word.profile() == profile {
                return None;
            }
            let ready = matches!(word.doing(), Doing::Looking | Doing::Ready);
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
    fn now_ready(&self, id: OperatorId, post: &Post, before: OperatorWord, now: Instant) -> Change {
        let now = self.nanos(now);
        self.count(before, Doing::Claimed);
        post.set_since(now);
        let matched = self.serve(id, now);
        Change {
            state: match matched {
                Some(_) => OperatorState::Offered,
                None => post.word().doing().seen(),
            },
            changed: true,
            matched,
        }
    }

    fn now_doing(&self, post: &Post, before: OperatorWord, doing: Doing, now: Instant) -> Change {
        self.count(before, doing);
        post.set_since(self.nanos(now));
        Change {
            state: doing.seen(),
            changed: true,
            matched: None,
        }
    }
}

fn changed(word: OperatorWord) -> Change {
    Change {
        changed: true,
        ..unchanged(word)
    }
}

fn unchanged(word: OperatorWord) -> Change {
    Change {
        state: word.doing().seen(),
        changed: false,
        matched: None,
    }
}

/// For an id that the board never gave out.
fn nobody() -> Change {
    Change {
        state: OperatorState::LoggedOut,
        changed: false,
        matched: None,
    }
}
