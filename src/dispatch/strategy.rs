//! Which of the free operators gets a call: orders, and nothing else.
//!
//! A strategy compares two things. The **rank** belongs to a class and a profile: how many
//! of the preferred skills the profile has, then, for the strategies by skill, its levels.
//! The **order** belongs to an operator: each profile keeps its ready operators in a forest
//! for every order that some queue uses, so that only the first of each is looked at.

use crate::model::{Requirement, SkillSet};

/// Which of the free operators who may take a call gets it. Whoever the caller prefers
/// goes before the others in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strategy {
    /// Who has been free for longest.
    #[default]
    LongestIdle,
    /// Whose levels in the required skills add up to most; among equals, free for longest.
    MostSkilled,
    /// Whose levels in the required skills add up to least, so that specialists stay free;
    /// among equals, free for longest.
    LeastSkilled,
    /// Who has answered the fewest calls since logging in; among equals, free for longest.
    FewestCalls,
    /// Whose last offer is the longest ago, however long the calls took.
    RoundRobin,
    /// Who stands first in `operators.yaml`.
    Ordered,
    /// Everybody at once; who answers first has the call.
    RingAll,
}

impl Strategy {
    /// Every one, in the order of the contract.
    pub const ALL: [Self; 7] = [
        Self::LongestIdle,
        Self::MostSkilled,
        Self::LeastSkilled,
        Self::FewestCalls,
        Self::RoundRobin,
        Self::Ordered,
        Self::RingAll,
    ];

    /// The word of `queues.yaml`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LongestIdle => "longest_idle",
            Self::MostSkilled => "most_skilled",
            Self::LeastSkilled => "least_skilled",
            Self::FewestCalls => "fewest_calls",
            Self::RoundRobin => "round_robin",
            Self::Ordered => "ordered",
            Self::RingAll => "ring_all",
        }
    }

    pub(super) fn order(self) -> Order {
        match self {
            Self::LongestIdle | Self::MostSkilled | Self::LeastSkilled | Self::RingAll => {
                Order::Idle
            }
            Self::FewestCalls => Order::Calls,
            Self::RoundRobin => Order::Offered,
            Self::Ordered => Order::Place,
        }
    }

    /// The rank of a profile for a class, the lowest first.
    pub(super) fn rank(self, wants: &Wants<'_>, skills: &SkillSet) -> u32 {
        let preferred = wants.prefer.iter();
        let met = preferred.filter(|(skill, least)| skills.level(skill) >= Some(*least));
        let missing = u16::try_from(wants.prefer.iter().count() - met.count());
        let levels = || {
            let levels = wants.requires.iter().map(|(skill, _)| skills.level(skill));
            let sum: u16 = levels.flatten().map(|l| u16::from(u8::from(l))).sum();
            sum
        };
        let by_skill = match self {
            Self::MostSkilled => u16::MAX - levels(),
            Self::LeastSkilled => levels(),
            Self::LongestIdle
            | Self::FewestCalls
            | Self::RoundRobin
            | Self::Ordered
            | Self::RingAll => 0,
        };
        u32::from(missing.unwrap_or(u16::MAX)) << 16 | u32::from(by_skill)
    }
}

/// What of a class makes ranks.
#[derive(Debug)]
pub(super) struct Wants<'a> {
    pub(super) requires: &'a Requirement,
    pub(super) prefer: &'a Requirement,
}

/// An order of ready operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Idle,
    Calls,
    Offered,
    Place,
}

/// How many orders there are.
pub(super) const ORDERS: usize = 4;

impl Order {
    pub(super) const ALL: [Self; ORDERS] = [Self::Idle, Self::Calls, Self::Offered, Self::Place];

    pub(super) fn index(self) -> usize {
        match self {
            Self::Idle => 0,
            Self::Calls => 1,
            Self::Offered => 2,
            Self::Place => 3,
        }
    }

    /// Among those in use, of which [`Order::Idle`] is always one.
    pub(super) fn is_in(self, used: u32) -> bool {
        self == Self::Idle || used & self.bit() != 0
    }

    pub(super) fn bit(self) -> u32 {
        1 << self.index()
    }

    /// Where someone stands in this order, the lowest first.
    pub(super) fn key(self, of: &Standing) -> u64 {
        match self {
            Self::Idle => of.idle_since,
            // Calls in 20 bits, then idleness in steps of 66 µs.
            Self::Calls => u64::from(of.calls.min(0xf_fffe)) << 44 | of.idle_since >> 16 & IDLE,
            // Who was never offered anything comes first, by place.
            Self::Offered if of.offered_at == 0 => u64::from(of.place),
            Self::Offered => of.offered_at.saturating_add(1 << 32),
            Self::Place => u64::from(of.place),
        }
    }
}

const IDLE: u64 = (1 << 44) - 1;

/// What the orders look at. Times are nanoseconds since the board's epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) idle_since: u64,
    pub(super) calls: u32,
    pub(super) offered_at: u64,
    pub(super) place: u32,
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::dispatch::tests::{requirement, skills};

    #[test]
    fn preferred_skills_rank_before_levels_and_levels_as_the_strategy_says() {
        let (requires, prefer) = (requirement("s:3 t:1"), requirement("nl:5 vip:1"));
        let wants = Wants {
            requires: &requires,
            prefer: &prefer,
        };
        let people = [
            "s:9 t:9",
            "s:3 t:1",
            "s:3 t:1 nl:5",
            "s:9 t:1 nl:9 vip:1",
            "s:4 t:1 nl:4",
        ];
        let order = |strategy: Strategy| {
            let mut ranked: Vec<_> = (0..people.len()).collect();
            ranked.sort_by_key(|n| (strategy.rank(&wants, &skills(people[*n])), *n));
            ranked
        };
        assert_eq!(order(Strategy::LongestIdle), [3, 2, 0, 1, 4]);
        assert_eq!(order(Strategy::MostSkilled), [3, 2, 0, 4, 1]);
        assert_eq!(order(Strategy::LeastSkilled), [3, 2, 1, 4, 0]);
    }

    #[test]
    fn fewer_calls_come_first_and_then_who_is_free_for_longer() {
        let key = |calls, idle_since| {
            let (offered_at, place) = (0, 0);
            let standing = Standing {
                idle_since,
                calls,
                offered_at,
                place,
            };
            Order::Calls.key(&standing)
        };
        assert!(key(0, 1 << 50) < key(1, 0));
        assert!(key(3, 100_000) < key(3, 200_000));
        assert!(key(u32::MAX, u64::MAX) < u64::MAX);
    }
}
