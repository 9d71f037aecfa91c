//! A call centre: its queues, its people and the calls of a day, as numbers.

use exchange::dispatch::Strategy;

use crate::agenda::Moment;
use crate::draw::Draw;
use crate::skills::{Levels, SKILLS};

pub(crate) const SUPPORT: usize = 0;
pub(crate) const TECH: usize = 1;
pub(crate) const SALES: usize = 2;
pub(crate) const BILLING: usize = 3;
pub(crate) const RETENTION: usize = 4;
/// The first of the languages: Dutch, English, German, French.
const LANGUAGE: usize = 5;
pub(crate) const SKILL_NAMES: [&str; SKILLS] = [
    "support",
    "tech",
    "sales",
    "billing",
    "retention",
    "lang.nl",
    "lang.en",
    "lang.de",
    "lang.fr",
];
/// What callers speak, of 100.
const SPOKEN: [usize; 4] = [55, 30, 10, 5];
/// How well the operator should speak it, of some callers; others begin with what the
/// first come down to when they have waited, and so one class has callers of all ages.
pub(crate) const FLUENT: [u8; 3] = [4, 4, 2];

/// What happens to callers who wait long.
pub(crate) enum Step {
    /// A lower level in a skill; 0 drops it.
    Relax(usize, u8),
    /// The same for the caller's language.
    Language(u8),
    /// Operators with this may take the call too.
    Also(&'static [(usize, u8)]),
    Priority(i16),
}

/// What happens to an operator who did not answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missed {
    Pause,
    Stay,
}

pub(crate) struct Queue {
    pub(crate) name: &'static str,
    /// Of 100 calls.
    pub(crate) share: usize,
    pub(crate) requires: &'static [(usize, u8)],
    /// What some callers would like besides.
    pub(crate) prefers: (usize, u8),
    pub(crate) strategy: Strategy,
    pub(crate) priority: i16,
    /// Seconds, on average.
    pub(crate) talk: f64,
    pub(crate) patience: f64,
    /// Seconds; none at 0.
    pub(crate) wrap_up: u64,
    pub(crate) missed: Missed,
    /// After so many seconds.
    pub(crate) steps: &'static [(u64, Step)],
}

pub(crate) const QUEUES: [Queue; 6] = [
    Queue {
        name: "support",
        share: 36,
        requires: &[(SUPPORT, 3)],
        prefers: (TECH, 5),
        strategy: Strategy::LongestIdle,
        priority: 0,
        talk: 125.0,
        patience: 150.0,
        wrap_up: 12,
        missed: Missed::Pause,
        steps: &[
            (20, Step::Language(2)),
            (40, Step::Relax(SUPPORT, 1)),
            (60, Step::Also(&[(TECH, 5)])),
            (120, Step::Priority(10)),
        ],
    },
    Queue {
        name: "tech",
        share: 14,
        requires: &[(TECH, 5)],
        prefers: (SUPPORT, 5),
        strategy: Strategy::MostSkilled,
        priority: 0,
        talk: 170.0,
        patience: 240.0,
        wrap_up: 20,
        missed: Missed::Stay,
        steps: &[
            (30, Step::Relax(TECH, 3)),
            (60, Step::Also(&[(SUPPORT, 8)])),
            (90, Step::Priority(20)),
        ],
    },
    Queue {
        name: "sales",
        share: 18,
        requires: &[(SALES, 3)],
        prefers: (RETENTION, 5),
        strategy: Strategy::FewestCalls,
        priority: 5,
        talk: 110.0,
        patience: 90.0,
        wrap_up: 10,
        missed: Missed::Pause,
        steps: &[(30, Step::Language(2)), (45, Step::Also(&[(SUPPORT, 5)]))],
    },
    Queue {
        name: "billing",
        share: 18,
        requires: &[(BILLING, 2)],
        prefers: (SALES, 2),
        strategy: Strategy::RoundRobin,
        priority: 0,
        talk: 100.0,
        patience: 180.0,
        wrap_up: 8,
        missed: Missed::Stay,
        steps: &[
            (60, Step::Relax(BILLING, 1)),
            (90, Step::Also(&[(SALES, 5)])),
            (150, Step::Language(0)),
        ],
    },
    Queue {
        name: "retention",
        share: 6,
        requires: &[(RETENTION, 5)],
        prefers: (RETENTION, 9),
        strategy: Strategy::LeastSkilled,
        priority: 10,
        talk: 180.0,
        patience: 120.0,
        wrap_up: 30,
        missed: Missed::Pause,
        steps: &[
            (15, Step::Relax(RETENTION, 3)),
            (30, Step::Also(&[(SALES, 8)])),
        ],
    },
    Queue {
        name: "reception",
        share: 8,
        requires: &[],
        prefers: (SUPPORT, 2),
        strategy: Strategy::Ordered,
        priority: 0,
        talk: 45.0,
        patience: 60.0,
        wrap_up: 0,
        missed: Missed::Stay,
        steps: &[(30, Step::Language(0)), (60, Step::Priority(30))],
    },
];

/// Calls in each half hour from [`OPENS`]: a morning peak, lunch, an afternoon peak.
const CURVE: [f64; 28] = [
    400.0, 700.0, 1200.0, 1900.0, 2800.0, 3600.0, 4100.0, 4200.0, 3900.0, 3500.0, 2900.0, 2500.0,
    2400.0, 2700.0, 3300.0, 3900.0, 4100.0, 3800.0, 3200.0, 2700.0, 2300.0, 1900.0, 1600.0, 1300.0,
    1000.0, 800.0, 600.0, 400.0,
];
const HALF_HOUR: u64 = 1800;
pub(crate) const OPENS: Moment = Moment::from_secs(7 * 3600);
/// Everybody goes home; no more calls have come for a while.
pub(crate) const CLOSES: Moment = Moment::from_secs(21 * 3600 + 2700);

/// Calls a second that are expected at this moment, of a whole centre.
pub(crate) fn rate(at: Moment) -> f64 {
    let since = at.saturating_sub(OPENS).as_secs() / HALF_HOUR;
    let half_hour = usize::try_from(since).unwrap_or(usize::MAX);
    CURVE.get(half_hour).copied().unwrap_or(0.0) / HALF_HOUR as f64
}

/// The highest that [`rate`] ever is.
pub(crate) fn peak() -> f64 {
    CURVE.iter().copied().fold(0.0, f64::max) / HALF_HOUR as f64
}

pub(crate) fn queue_of_a_call(draw: &mut Draw) -> usize {
    draw.weighted(&QUEUES.each_ref().map(|queue| queue.share))
}

/// The skill that is the caller's language.
pub(crate) fn language(draw: &mut Draw) -> usize {
    LANGUAGE + draw.weighted(&SPOKEN)
}

/// What somebody has learned: the work of a team, perhaps of a second one, and languages.
/// Levels are few, as in real centres, so that many operators have the same skills.
pub(crate) fn training(draw: &mut Draw) -> Levels {
    const LEVELS: [u8; 4] = [2, 5, 8, 9];
    const TEAMS: [usize; 5] = [38, 14, 20, 20, 8];
    let mut skills = Levels::default();
    let team = draw.weighted(&TEAMS);
    skills.0[team] = *draw.pick(&LEVELS[1..]);
    if draw.percent(45) {
        let second = draw.weighted(&TEAMS);
        skills.0[second] = skills.0[second].max(*draw.pick(&LEVELS));
    }
    for (at, of_100) in [85, 75, 25, 15].into_iter().enumerate() {
        if draw.percent(of_100) {
            skills.0[LANGUAGE + at] = *draw.pick(&LEVELS);
        }
    }
    if skills.0[LANGUAGE..] == [0; 4] {
        skills.0[LANGUAGE] = 9;
    }
    skills
}

/// When somebody comes and goes.
pub(crate) fn shift(draw: &mut Draw) -> (Moment, Moment) {
    const STARTS: [f64; 5] = [6.9, 8.0, 9.0, 11.0, 12.9];
    let start = STARTS[draw.weighted(&[18, 27, 22, 15, 18])] * 3600.0;
    let late = draw.between(0.0, 360.0);
    let hours = if draw.percent(12) { 4.0 } else { 8.5 };
    let start = Moment::from_secs_f64(start) + late;
    (start, start + Moment::from_secs_f64(hours * 3600.0))
}
