//! Skills and levels: what an operator can do, and what a call asks for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A capability of an operator, such as `support` or `lang.nl`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Skill(Arc<str>);

impl Skill {
    /// Takes the text as it is.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Skill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Skill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How well: 1 (just) to 10 (best).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Level(u8);

impl Level {
    /// `None` outside 1..=10.
    #[must_use]
    pub fn new(level: u8) -> Option<Self> {
        (1..=10).contains(&level).then_some(Self(level))
    }
}

impl TryFrom<u8> for Level {
    type Error = &'static str;

    fn try_from(level: u8) -> Result<Self, Self::Error> {
        Self::new(level).ok_or("a level is a whole number from 1 to 10")
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level.0
    }
}

/// What an operator can do.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SkillSet(BTreeMap<Skill, Level>);

impl SkillSet {
    /// The level in a skill, if any.
    #[must_use]
    pub fn level(&self, skill: &Skill) -> Option<Level> {
        self.0.get(skill).copied()
    }

    /// Every skill with its level, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&Skill, Level)> {
        self.0.iter().map(|(skill, level)| (skill, *level))
    }

    /// How many skills.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Skill, Level)> for SkillSet {
    fn from_iter<I: IntoIterator<Item = (Skill, Level)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// The lowest level that a call asks for in each skill. A skill that is not named is
/// not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Requirement(BTreeMap<Skill, Level>);

impl Requirement {
    /// Every skill that is asked for with its lowest level, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&Skill, Level)> {
        self.0.iter().map(|(skill, level)| (skill, *level))
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether someone with these skills may take the call.
    #[must_use]
    pub fn is_met_by(&self, skills: &SkillSet) -> bool {
        self.0
            .iter()
            .all(|(skill, least)| skills.level(skill).is_some_and(|has| has >= *least))
    }

    /// Both together: the higher level where both name a skill.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut sum = self.0.clone();
        for (skill, level) in &other.0 {
            let least = sum.entry(skill.clone()).or_insert(*level);
            *least = (*least).max(*level);
        }
        Self(sum)
    }

    /// Sets the named skills to other levels; `None` drops the skill. Escalation's `relax`.
    #[must_use]
    pub fn relaxed(&self, changes: &BTreeMap<Skill, Option<Level>>) -> Self {
        let mut rest = self.0.clone();
        for (skill, level) in changes {
            match level {
                Some(level) => {
                    if let Some(least) = rest.get_mut(skill) {
                        *least = (*least).min(*level);
                    }
                }
                None => {
                    rest.remove(skill);
                }
            }
        }
        Self(rest)
    }
}

impl FromIterator<(Skill, Level)> for Requirement {
    fn from_iter<I: IntoIterator<Item = (Skill, Level)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(pairs: &[(&str, u8)]) -> Requirement {
        pairs
            .iter()
            .map(|(s, l)| (Skill::new(*s), Level::new(*l).unwrap()))
            .collect()
    }

    fn skills(pairs: &[(&str, u8)]) -> SkillSet {
        pairs
            .iter()
            .map(|(s, l)| (Skill::new(*s), Level::new(*l).unwrap()))
            .collect()
    }

    #[test]
    fn a_requirement_wants_every_skill_at_its_level() {
        let wanted = requirement(&[("support", 3), ("lang.nl", 5)]);
        assert!(wanted.is_met_by(&skills(&[("support", 3), ("lang.nl", 9), ("sales", 1)])));
        assert!(!wanted.is_met_by(&skills(&[("support", 2), ("lang.nl", 9)])));
        assert!(!wanted.is_met_by(&skills(&[("support", 9)])));
        assert!(requirement(&[]).is_met_by(&skills(&[])));
    }

    #[test]
    fn together_the_higher_level_counts() {
        let both = requirement(&[("a", 3)]).and(&requirement(&[("a", 2), ("b", 4)]));
        assert_eq!(both, requirement(&[("a", 3), ("b", 4)]));
    }

    #[test]
    fn relaxing_lowers_or_drops_and_never_raises() {
        let wanted = requirement(&[("a", 5), ("b", 5)]);
        let change = |l: Option<u8>| {
            BTreeMap::from([
                (Skill::new("a"), l.and_then(Level::new)),
                (Skill::new("z"), Level::new(1)),
            ])
        };
        assert_eq!(
            wanted.relaxed(&change(Some(2))),
            requirement(&[("a", 2), ("b", 5)])
        );
        assert_eq!(wanted.relaxed(&change(Some(9))), wanted);
        assert_eq!(wanted.relaxed(&change(None)), requirement(&[("b", 5)]));
    }
}
