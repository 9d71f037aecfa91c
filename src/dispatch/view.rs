//! What the board can tell: how many do what, who is ahead, and why nobody comes.

use std::time::Instant;

use crate::model::{OperatorName, OperatorState, QueueName};

use super::board::{Board, ClassId, TicketId};
use super::ticket::Ticket;
use super::word::Stage;

/// Operators who may serve a class, by what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Free for the next offer.
    pub ready: usize,
    /// The phone rings.
    pub offered: usize,
    /// On a call.
    pub talking: usize,
    /// After a call.
    pub wrap_up: usize,
    /// Logged in but taking no calls.
    pub paused: usize,
    /// Logged out.
    pub logged_out: usize,
}

impl Census {
    /// Whether anybody is logged in.
    #[must_use]
    pub fn staffed(&self) -> bool {
        self.working() + self.paused > 0
    }

    /// Those who take calls, now or when they are done with what they do.
    #[must_use]
    pub fn working(&self) -> usize {
        self.ready + self.offered + self.talking + self.wrap_up
    }
}

/// Why an operator does not have a waiting call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyNot {
    /// Lacks a skill, or is not good enough at it.
    Skills,
    /// Does something else.
    Busy(OperatorState),
    /// Nothing stands in the way: the match is being made at this moment.
    Nothing,
}

impl Board {
    /// How many of the operators who may serve this class do what. As costly as there are
    /// skill sets among them.
    #[must_use]
    pub fn census(&self, class: ClassId) -> Census {
        let mut census = Census::default();
        let Some(class) = self.index.class(class.0) else {
            return census;
        };
        for id in class.served_by.load().iter() {
            let Some(profile) = self.index.profile(*id) else {
                continue;
            };
            census.ready += profile.count(OperatorState::Ready);
            census.offered += profile.count(OperatorState::Offered);
            census.talking += profile.count(OperatorState::Talking);
            census.wrap_up += profile.count(OperatorState::WrapUp);
            census.paused += profile.count(OperatorState::Paused);
            census.logged_out += profile.count(OperatorState::LoggedOut);
        }
        census
    }

    /// How many wait in this class.
    #[must_use]
    pub fn waiting_in(&self, class: ClassId) -> usize {
        self.index.class(class.0).map_or(0, |c| c.lanes.len())
    }

    /// How many of the same queue come before this ticket: a higher priority, or the same
    /// and longer waiting. Looks at each of those of the same priority, so it is for
    /// announcements, not for decisions.
    #[must_use]
    pub fn ahead(&self, id: TicketId) -> usize {
        let Some((ticket, class)) = self
            .ticket(id)
            .and_then(|ticket| Some((ticket, self.index.class(ticket.class())?)))
        else {
            return 0;
        };
        let siblings = self.index.siblings(&class.key.queue);
        let others = siblings.iter().filter_map(|id| self.index.class(*id));
        others
            .map(|other| match other.key.priority.cmp(&class.key.priority) {
                std::cmp::Ordering::Less => 0,
                std::cmp::Ordering::Greater => other.lanes.len(),
                std::cmp::Ordering::Equal => {
                    let older = |other: &Ticket| other.age() < ticket.age();
                    let lanes = other.lanes.iter();
                    lanes.map(|lane| self.count_while(lane, older)).sum()
                }
            })
            .sum()
    }

    /// Why each operator does not have this ticket's call, in order of configuration.
    #[must_use]
    pub fn why(&self, id: TicketId) -> Vec<(OperatorName, WhyNot)> {
        let class = self.ticket(id).map(Ticket::class);
        let Some(class) = class.and_then(|class| self.index.class(class)) else {
            return Vec::new();
        };
        let served_by = class.served_by.load();
        let named = self.posts.iter().map_while(|p| Some((p.name()?, p.word())));
        named
            .filter(|(_, word)| self.index.profile(word.profile()).is_some())
            .map(|(name, word)| {
                let why = match word.doing().seen() {
                    _ if !served_by.contains(&word.profile()) => WhyNot::Skills,
                    OperatorState::Ready => WhyNot::Nothing,
                    busy @ (OperatorState::LoggedOut
                    | OperatorState::Offered
                    | OperatorState::Talking
                    | OperatorState::WrapUp
                    | OperatorState::Paused) => WhyNot::Busy(busy),
                };
                (name.clone(), why)
            })
            .collect()
    }

    /// When the oldest of this class was first queued; `None` when nobody waits.
    #[must_use]
    pub fn oldest(&self, class: ClassId) -> Option<Instant> {
        let class = self.index.class(class.0)?;
        let heads = class.lanes.iter().filter_map(|lane| {
            lane.find(|index| {
                let ticket = self.tickets.get(index)?;
                (ticket.word().stage() == Stage::Waiting).then(|| ticket.age())
            })
        });
        heads.min().map(|age| self.instant(age))
    }

    /// The same for all classes of a queue. As costly as it has classes.
    #[must_use]
    pub fn oldest_in(&self, queue: &QueueName) -> Option<Instant> {
        let classes = self.index.siblings(queue).into_iter();
        classes.filter_map(|id| self.oldest(ClassId(id))).min()
    }

    /// How many stand in a lane before the first who is not `older`.
    fn count_while(&self, lane: &super::lane::Lane, older: impl Fn(&Ticket) -> bool) -> usize {
        let mut count = 0;
        lane.find(|index| {
            let ticket = self.tickets.get(index)?;
            if !older(ticket) {
                return Some(());
            }
            count += 1;
            None
        });
        count
    }
}
