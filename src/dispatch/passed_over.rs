//! Why somebody was served before a caller who had waited for longer. No part of the
//! decision: it is asked of a match that is made.

use crate::model::Overtake;

use super::board::{Board, Match};
use super::forest::Forest;
use super::index::{Class, Line};
use super::look::Looker;

/// More of those who are kept need not be looked at to say that somebody was passed over.
const KEPT_LOOKED_AT: u32 = 64;

impl Board {
    /// Why somebody who has waited for longer than the caller of a match was passed over, if
    /// anybody was: of the same queue, or of another that the operator serves. If there are
    /// several reasons it is the least expected. To be asked when the match is made; as
    /// costly as the queue has classes, and the operator serves.
    #[must_use]
    pub fn passed_over(&self, matched: &Match) -> Option<Overtake> {
        let ticket = self.ticket(matched.ticket)?;
        let profile = self.post(matched.claim.post)?.word().profile();
        let looker = Looker {
            profile: self.index.profile(profile)?,
            person: matched.claim.operator.0,
            now: self.nanos(matched.possible_at),
        };
        let class = self.index.class(ticket.class())?;
        let (age, line) = (ticket.age(), &class.line);
        let older = |forest: &Forest| forest.first_key().is_some_and(|key| key < age);
        let mut why = self.kept_before(line, class.key.priority, age, looker);
        for other in self.index.classes(line.classes.iter()) {
            if looker.profile.may_serve(other.id) || why >= Some(Overtake::Skills) {
                continue;
            }
            if older(&other.waiting) {
                why = Some(Overtake::Skills);
            }
        }
        for serves in looker.profile.serves() {
            let Some(other) = self.index.class(serves.class) else {
                continue;
            };
            if older(&other.waiting) {
                why = why.max(self.preceded(other, class.key.priority, age, looker));
            }
        }
        why
    }

    /// Why callers who are kept for somebody, and are older, were passed over.
    fn kept_before(
        &self,
        line: &Line,
        priority: i16,
        age: u64,
        looker: Looker<'_>,
    ) -> Option<Overtake> {
        let (mut why, mut looks) = (None, 0);
        line.kept.find(age, |index, _| {
            looks += 1;
            let older = self.tickets.get(index)?;
            let theirs = self.index.class(older.class())?.key.priority;
            why = why.max(Some(match older.keeper() == Some(looker.person) {
                false => Overtake::Preferred,
                true if theirs < priority => Overtake::Priority,
                true => Overtake::Race,
            }));
            (looks == KEPT_LOOKED_AT).then_some(())
        });
        why
    }

    /// Why the first of a class, who is older, was passed over by somebody who may serve it.
    fn preceded(
        &self,
        other: &Class,
        priority: i16,
        age: u64,
        looker: Looker<'_>,
    ) -> Option<Overtake> {
        let first = |index, _| self.waiting(index, other);
        let found = other.waiting.find(age, first)?;
        let older = self.tickets.get(found.index)?;
        Some(if found.priority < priority {
            Overtake::Priority
        } else if older.shuns(looker.person, looker.now) {
            Overtake::Missed
        } else {
            Overtake::Race
        })
    }
}
