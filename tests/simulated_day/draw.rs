//! Random draws from a seed: how long things take, and who is who.

use std::f64::consts::TAU;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use exchange::sim::Chance;

/// One stream of draws. Each purpose has its own, so that a longer talk does not change
/// who calls next.
pub(crate) struct Draw(Chance);

impl Draw {
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        // Seeds that are alike must not give streams that are alike.
        let mixed = Chance::new(seed).word() ^ Chance::new(purpose).word();
        Self(Chance::new(mixed))
    }

    /// A seed that nobody has chosen.
    pub(crate) fn fresh_seed() -> u64 {
        RandomState::new().hash_one("a day") >> 32
    }

    /// Above 0 and at most 1.
    pub(crate) fn unit(&mut self) -> f64 {
        let bits = self.0.word() >> 11;
        (bits + 1) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn percent(&mut self, of_100: u64) -> bool {
        self.0.percent(of_100)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        usize::try_from(self.0.below(end)).unwrap_or(0)
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// The place of one of `weights`, each as likely as it weighs.
    pub(crate) fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (at, weight) in weights.iter().enumerate() {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return at,
            }
        }
        0
    }

    pub(crate) fn between(&mut self, least: f64, most: f64) -> Duration {
        Duration::from_secs_f64(least + (most - least) * self.unit())
    }

    /// Without memory: arrivals, and callers' patience.
    pub(crate) fn exponential(&mut self, mean: f64) -> Duration {
        Duration::from_secs_f64(-mean * self.unit().ln())
    }

    /// Talks: many short ones and some that are very long. `spread` is the standard
    /// deviation over the mean.
    pub(crate) fn lognormal(&mut self, mean: f64, spread: f64) -> Duration {
        let variance = (1.0 + spread * spread).ln();
        let location = mean.ln() - variance / 2.0;
        let normal = (-2.0 * self.unit().ln()).sqrt() * (TAU * self.unit()).cos();
        Duration::from_secs_f64((location + variance.sqrt() * normal).exp())
    }
}

#[test]
fn draws_have_the_means_that_they_are_asked_for() {
    let mut draw = Draw::new(1, 1);
    let mut mean = |one: &mut dyn FnMut(&mut Draw) -> Duration| {
        let total: Duration = (0..20_000).map(|_| one(&mut draw)).sum();
        total.as_secs_f64() / 20_000.0
    };
    for (mean, asked) in [
        (mean(&mut |draw| draw.exponential(90.0)), 90.0),
        (mean(&mut |draw| draw.lognormal(120.0, 0.9)), 120.0),
        (mean(&mut |draw| draw.between(10.0, 30.0)), 20.0),
    ] {
        assert!((mean / asked - 1.0).abs() < 0.03, "{mean} of {asked}");
    }
}
