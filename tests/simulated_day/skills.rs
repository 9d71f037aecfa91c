//! Skills as numbers: what is asked for, what is there, and whether it is enough.

use exchange::dispatch::Strategy;

/// How many skills there are in the centre: see [`crate::centre`].
pub(crate) const SKILLS: usize = 9;

/// A level for each skill; 0 is to lack it, or not to ask for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Levels(pub(crate) [u8; SKILLS]);

impl Levels {
    pub(crate) fn of(pairs: &[(usize, u8)]) -> Self {
        let mut levels = Self::default();
        for (skill, level) in pairs {
            levels.0[*skill] = *level;
        }
        levels
    }

    /// Whether someone with these levels may take who wants those.
    pub(crate) fn meet(&self, wants: &Self) -> bool {
        let both = self.0.iter().zip(&wants.0);
        both.into_iter().all(|(has, least)| has >= least)
    }

    /// How many of the skills that are asked for are not good enough.
    pub(crate) fn missing(&self, wants: &Self) -> usize {
        if *wants == Self::default() {
            return 0;
        }
        let both = self.0.iter().zip(&wants.0);
        both.filter(|(has, least)| has < least).count()
    }

    /// The sum of the levels in the skills that are asked for.
    pub(crate) fn sum_in(&self, wants: &Self) -> i64 {
        let both = self.0.iter().zip(&wants.0);
        let asked = both.filter(|(_, least)| **least > 0);
        asked.map(|(has, _)| i64::from(*has)).sum()
    }

    /// The level in one skill at most this.
    pub(crate) fn lower(&mut self, skill: usize, level: u8) {
        self.0[skill] = self.0[skill].min(level);
    }
}

/// What callers of one class ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wants {
    pub(crate) queue: usize,
    pub(crate) requires: Levels,
    pub(crate) also: Vec<Levels>,
    pub(crate) prefer: Levels,
    pub(crate) strategy: Strategy,
    pub(crate) priority: i16,
}

impl Wants {
    pub(crate) fn are_met_by(&self, skills: &Levels) -> bool {
        skills.meet(&self.requires) || self.also.iter().any(|also| skills.meet(also))
    }
}
