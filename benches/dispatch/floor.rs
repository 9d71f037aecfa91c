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

/// Different sets of skills: fifty operators have the same, at most.
pub(crate) fn profiles(size: Size) -> usize {
    (size.operators / 50).max(10)
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

/// Of every twenty classes one asks for what nobody on duty can do, as it is at some hour
/// with some language. Its callers are the oldest.
pub(crate) fn is_in_vain(class: usize) -> bool {
    class % 20 == 7
}

/// The classes of those who wait at the start, in the order in which they came.
pub(crate) fn first_callers(size: Size) -> impl Iterator<Item = usize> {
    let in_vain = (0..size.waiting).map(move |n| n % size.classes);
    let in_vain = in_vain.filter(|class| is_in_vain(*class));
    let mut random = Random(1);
    let others = (0..size.waiting).map(move |_| random.below(size.classes));
    let others = others.filter(|class| !is_in_vain(*class));
    in_vain.chain(others).take(size.waiting)
}

/// A xorshift generator.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0) % limit
    }
}

pub(crate) fn skills(profile: usize, size: Size) -> SkillSet {
    // The first level counts where a skill comes twice.
    levels(profile, size)
        .into_iter()
        .rev()
        .filter_map(|(skill, level)| Some((name(skill), Level::new(level)?)))
        .collect()
}

pub(crate) fn requirement(class: usize) -> Requirement {
    let (skill, level) = wants(class);
    if is_in_vain(class) {
        let level = Level::new(level).into_iter();
        return level.map(|level| (Skill::new("nobody's"), level)).collect();
    }
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
