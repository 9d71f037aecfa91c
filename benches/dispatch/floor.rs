//! The floor that all ways of deciding are measured on: who can do what, who wants what.

use std::time::Instant;

use exchange::model::{Level, Requirement, Skill, SkillSet};

/// How large.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) operators: usize,
    pub(crate) waiting: usize,
    /// Ten levels of each skill.
    pub(crate) classes: usize,
}

/// A way of deciding. Each operator belongs to one thread; callers to all.
pub(crate) trait Floor: Send + Sync + Sized {
    /// Everybody talks, and so many wait.
    fn new(size: Size, start: Instant) -> anyhow::Result<Self>;
    /// An operator's call is over: the decision. What the next call will want, if somebody
    /// was assigned.
    fn free(&self, operator: usize, now: Instant) -> Option<Assigned>;
    /// The operator answers.
    fn answer(&self, assigned: &Assigned, now: Instant);
    /// A caller comes and waits, as nobody is free.
    fn enqueue(&self, class: usize, now: Instant);
}

/// Who was assigned.
pub(crate) struct Assigned {
    pub(crate) operator: usize,
    pub(crate) class: usize,
    pub(crate) matched: Option<exchange::dispatch::Match>,
}

/// Different sets of skills: ten operators have the same.
pub(crate) fn profiles(size: Size) -> usize {
    (size.operators / 10).max(1)
}

pub(crate) fn profile_of(operator: usize, size: Size) -> usize {
    operator % profiles(size)
}

/// Three skills of a profile, each with a level, spread over all there are.
pub(crate) fn levels(profile: usize, size: Size) -> [(usize, u8); 3] {
    let skills = (size.classes / 10).max(1);
    let word = |n: usize| {
        let mut word = (profile * 3 + n) as u64 ^ 0x9e37_79b9_7f4a_7c15;
        for _ in 0..3 {
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
        }
        usize::try_from(word >> 8).unwrap_or(0)
    };
    // The first skill by turns, so that each is somebody's.
    let skill = |n: usize| {
        if n == 0 {
            profile % skills
        } else {
            word(n) % skills
        }
    };
    let level = |n: usize| u8::try_from(word(n + 7) % 10).unwrap_or(0) + 1;
    // Somebody of each skill is good at all of it.
    let first = if profile < skills { 10 } else { level(0) };
    [
        (skill(0), first),
        (skill(1), level(1)),
        (skill(2), level(2)),
    ]
}

/// What a class asks for.
pub(crate) fn wants(class: usize) -> (usize, u8) {
    (class / 10, u8::try_from(class % 10).unwrap_or(0) + 1)
}

pub(crate) fn skills(profile: usize, size: Size) -> SkillSet {
    levels(profile, size)
        .into_iter()
        .filter_map(|(skill, level)| Some((name(skill), Level::new(level)?)))
        .collect()
}

pub(crate) fn requirement(class: usize) -> Requirement {
    let (skill, level) = wants(class);
    let pair = Level::new(level).map(|level| (name(skill), level));
    pair.into_iter().collect()
}

fn name(skill: usize) -> Skill {
    Skill::new(format!("s{skill}"))
}

/// Which classes each profile may serve, a bit each: what the plain ways look up.
pub(crate) struct Able(Vec<Vec<u64>>);

impl Able {
    pub(crate) fn new(size: Size) -> Self {
        let of = |profile| {
            let mut bits = vec![0; size.classes.div_ceil(64)];
            let has = skills(profile, size);
            for class in (0..size.classes).filter(|class| requirement(*class).is_met_by(&has)) {
                if let Some(word) = bits.get_mut(class / 64) {
                    *word |= 1 << (class % 64);
                }
            }
            bits
        };
        Self((0..profiles(size)).map(of).collect())
    }

    pub(crate) fn may(&self, profile: usize, class: usize) -> bool {
        let word = self.0.get(profile).and_then(|bits| bits.get(class / 64));
        word.is_some_and(|word| word >> (class % 64) & 1 == 1)
    }
}
