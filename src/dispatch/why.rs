//! Why a call waits: of each operator, the reason why not.

use std::fmt;

use crate::model::{Level, OperatorName, OperatorState, Requirement, Skill, SkillSet};

use super::board::{Board, OperatorId, TicketId};
use super::index::Class;
use super::ticket::Ticket;

/// Why an operator does not have a waiting call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyNot {
    /// Lacks a skill, or is not good enough at it: the first such.
    Skill {
        /// Which.
        skill: Skill,
        /// What the operator has of it.
        has: Option<Level>,
        /// What the call asks for.
        wants: Level,
    },
    /// Does something else.
    Busy(OperatorState),
    /// Has just missed this call; another is to be tried first.
    Missed,
    /// The call is kept for another operator, whom its caller prefers.
    Kept,
    /// Nothing stands in the way: the match is being made at this moment.
    Nothing,
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skill { skill, has, wants } => {
                let has = has.map_or(0, u8::from);
                write!(f, "skill {skill} {has} < {}", u8::from(*wants))
            }
            Self::Busy(state) => write!(f, "{state}"),
            Self::Missed => f.write_str("has just missed this call"),
            Self::Kept => f.write_str("the call is kept for another operator"),
            Self::Nothing => f.write_str("nothing, the offer is being made"),
        }
    }
}

impl Board {
    /// Why each operator does not have this ticket's call, in order of configuration.
    #[must_use]
    pub fn why(&self, id: TicketId, now: std::time::Instant) -> Vec<(OperatorName, WhyNot)> {
        let Some((ticket, class)) = self.waiting_ticket(id) else {
            return Vec::new();
        };
        let now = self.nanos(now);
        let everybody = self.people.everybody();
        let rows = everybody.filter_map(|(operator, name)| {
            let why = self.why_not(operator, (ticket, class), now)?;
            Some((name.clone(), why))
        });
        rows.collect()
    }

    /// Why this operator does not have this ticket's call; `None` when there is no such
    /// ticket, or the operator is not configured any more.
    #[must_use]
    pub fn why_operator(
        &self,
        operator: OperatorId,
        id: TicketId,
        now: std::time::Instant,
    ) -> Option<WhyNot> {
        let of = self.waiting_ticket(id)?;
        self.why_not(operator, of, self.nanos(now))
    }

    fn waiting_ticket(&self, id: TicketId) -> Option<(&Ticket, &Class)> {
        let ticket = self.ticket(id)?;
        Some((ticket, self.index.class(ticket.class())?))
    }

    fn why_not(
        &self,
        operator: OperatorId,
        (ticket, class): (&Ticket, &Class),
        now: u64,
    ) -> Option<WhyNot> {
        let (_, post) = self.people.posts_of(operator).next()?;
        let profile = self.index.profile(post.word().profile())?;
        if !class.key.is_met_by(&profile.skills) {
            return missing(&class.key.requires, &profile.skills);
        }
        let ready = OperatorState::Ready;
        let mut posts = self.people.posts_of(operator);
        if !posts.any(|(_, post)| post.word().doing().seen() == ready) {
            return Some(WhyNot::Busy(self.state(operator)));
        }
        Some(match ticket.keeper() {
            Some(keeper) if keeper != operator.0 => WhyNot::Kept,
            Some(_) | None if ticket.shuns(operator.0, now) => WhyNot::Missed,
            Some(_) | None => WhyNot::Nothing,
        })
    }
}

/// The first skill that is not good enough.
fn missing(requires: &Requirement, skills: &SkillSet) -> Option<WhyNot> {
    requires.iter().find_map(|(skill, wants)| {
        let has = skills.level(skill);
        (has < Some(wants)).then(|| WhyNot::Skill {
            skill: skill.clone(),
            has,
            wants,
        })
    })
}
