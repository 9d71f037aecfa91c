//! How many of several operators will have become free by when.
//!
//! With `n` callers ahead, the caller starts when an operator becomes free for the
//! `n + 1`th time. All of them are busy until then, so each becomes free by the rhythm of
//! its own calls alone, whoever the callers are: first at the end of the present call, then
//! after each further one. With `N(t)` for how often any of them did by `t`,
//!
//! ```text
//!   P(wait ≤ t)  =  P(N(t) ≥ n + 1),    N(t) = N₁(t) + … + N_c(t), independent
//! ```
//!
//! and each `Nᵢ` is a renewal process whose first call is a remainder (D. R. Cox, *Renewal
//! Theory*, 1962, sections 2.2 and 4). Mean and variance of `N(t)` are computed on a grid of
//! [`STEPS`] steps, which the renewal equation allows in one pass, and go on in straight
//! lines behind it, as they do in the limit. The probability is that of the binomial with
//! this mean and variance, or of the negative binomial where calls bunch: right for one
//! operator and one call, and for a thousand operators, where it is Poisson's.

/// Steps of the grid. With 32, halving them changes no wait by more than a few percent.
pub(super) const STEPS: usize = 32;

/// One value for the end of each step, and for the start.
pub(super) type Grid = [f64; STEPS + 1];

/// What is known of the handle times of the calls to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calls {
    pub(super) mean: f64,
    /// The square of the spread over that of the mean.
    pub(super) spread: f64,
    /// The same for the mean itself, which is known from few calls: what is off for one
    /// is off for all.
    pub(super) doubt: f64,
}

/// The moments of `N(t)`. All times are in seconds.
#[derive(Debug)]
pub(super) struct Departures {
    operators: f64,
    calls: Calls,
    step: f64,
    mean: Grid,
    variance: Grid,
    /// What the variance has in the middle of each step beyond that of its ends.
    bulge: Grid,
}

/// How the present calls end, over all operators.
#[derive(Debug)]
pub(super) struct Ends {
    /// How many are expected to end in each step.
    many: Grid,
    /// The sum of the squared probabilities to have ended by then.
    squares: Grid,
    /// The sum of the squared probabilities to end in this step.
    bulge: Grid,
}

impl Default for Ends {
    fn default() -> Self {
        Self {
            many: [0.0; STEPS + 1],
            squares: [0.0; STEPS + 1],
            bulge: [0.0; STEPS + 1],
        }
    }
}

impl Ends {
    /// So many operators whose call ends in each step with this probability.
    pub(super) fn add(&mut self, many: f64, ends: &Grid) {
        let mut by_then = 0.0;
        for (k, ends) in ends.iter().enumerate() {
            by_then += ends;
            self.many[k] += many * ends;
            self.squares[k] += many * by_then * by_then;
            self.bulge[k] += many * ends * ends;
        }
    }
}

impl Departures {
    /// After these present calls come others, and `handled` says how likely each is to last
    /// so many steps.
    pub(super) fn new(
        (operators, calls): (f64, Calls),
        step: f64,
        ends: &Ends,
        handled: &Grid,
    ) -> Self {
        let renewals = renewals(handled);
        let later = convolve(&ends.many, &renewals);
        let mut each = ends.many;
        for (each, later) in each.iter_mut().zip(&later) {
            *each += later;
        }
        // Pairs of one operator's departures: one now, another within the time since.
        let pairs = convolve(&each, &sums(&renewals));
        let (mean, first, later) = (sums(&each), sums(&ends.many), sums(&later));
        let mut variance = [0.0; STEPS + 1];
        for (k, variance) in variance.iter_mut().enumerate() {
            // Σ E(Nᵢ)², the later departures being alike for all.
            let later = later[k] / operators;
            let squared = ends.squares[k] + later * (2.0 * first[k] + later * operators);
            *variance = (2.0 * pairs[k] + mean[k] - squared).max(0.0);
        }
        Self {
            operators,
            calls,
            step,
            mean,
            variance,
            bulge: ends.bulge,
        }
    }

    /// By when an operator has become free for more than `ahead` times, with the
    /// probability that belongs to this `score` of the normal distribution. Within the
    /// first 2⁴⁰ grids; what takes longer takes that long.
    pub(super) fn when(&self, ahead: f64, score: f64) -> f64 {
        let late = |at: f64| {
            let (mean, variance) = self.moments(at);
            self::score(ahead + 1.0, mean, variance) < score
        };
        if !late(0.0) {
            return 0.0;
        }
        let (mut early, mut end) = (0.0, self.end());
        for _ in 0..40 {
            if !late(end) {
                break;
            }
            (early, end) = (end, end * 2.0);
        }
        // To a thousandth of the grid.
        for _ in 0..10 {
            let middle = f64::midpoint(early, end);
            if late(middle) {
                early = middle;
            } else {
                end = middle;
            }
        }
        end
    }

    fn end(&self) -> f64 {
        self.step * count(STEPS)
    }

    fn moments(&self, at: f64) -> (f64, f64) {
        let beyond = at - self.end();
        let (mean, variance) = if beyond >= 0.0 {
            let more = self.operators * beyond / self.calls.mean;
            (
                self.mean[STEPS] + more,
                self.variance[STEPS] + more * self.calls.spread,
            )
        } else {
            let steps = at / self.step;
            let k = whole(steps).min(STEPS - 1);
            let part = steps - count(k);
            let between = |grid: &Grid| grid[k] + part * (grid[k + 1] - grid[k]);
            // A call that ends in this step for certain may still have ended or not.
            let bulge = part * (1.0 - part) * self.bulge[k + 1];
            (between(&self.mean), between(&self.variance) + bulge)
        };
        (mean, variance + mean * mean * self.calls.doubt)
    }
}

/// The score of the normal distribution whose probability is that of counting at least
/// `turns`, where the count has this mean and variance.
///
/// Both binomials are incomplete beta functions of `turns` and another parameter; the
/// score is formula 26.5.21 of M. Abramowitz and I. A. Stegun, *Handbook of Mathematical
/// Functions*: Wilson and Hilferty's cube roots for either gamma variable that a beta
/// variable is made of. It is right to half a percent, and to one where both are small.
fn score(turns: f64, mean: f64, variance: f64) -> f64 {
    const NEVER: f64 = -9.0;
    if mean <= 0.0 {
        return NEVER;
    }
    // A beta variable has no parameter for exactly Poisson's, nor for no variance at all.
    let ratio = match variance / mean {
        ratio if (ratio - 1.0).abs() < 1e-3 => 1.0 - 1e-3,
        ratio => ratio.max(1e-9),
    };
    // The other parameter, and either parameter times the other's share of the beta variable.
    let (other, one_part, other_part) = if ratio < 1.0 {
        let other = mean / (1.0 - ratio) - (turns - 1.0);
        (other, turns * ratio, other * (1.0 - ratio))
    } else {
        (mean / (ratio - 1.0), turns / ratio, mean / ratio)
    };
    if other <= 0.0 {
        return NEVER;
    }
    let (one_root, other_root) = (one_part.cbrt(), other_part.cbrt());
    let above = other_root * (1.0 - 1.0 / (9.0 * other)) - one_root * (1.0 - 1.0 / (9.0 * turns));
    let spread = other_root * other_root / other + one_root * one_root / turns;
    3.0 * above / spread.sqrt()
}

/// How many departures to expect in each step after one in step 0, given how likely a call
/// is to last so many steps: each is the first, or the next after another.
fn renewals(handled: &Grid) -> Grid {
    let mut renewals = *handled;
    // A call of no length would be followed by others at once, without end.
    let at_once = 1.0 - handled[0].min(0.9);
    for k in 0..=STEPS {
        renewals[k] /= at_once;
        let (known, later) = renewals.split_at_mut(k + 1);
        for (later, next) in later.iter_mut().zip(&handled[1..]) {
            *later += known[k] * next;
        }
    }
    renewals
}

fn convolve(one: &Grid, other: &Grid) -> Grid {
    let mut both = [0.0; STEPS + 1];
    for (k, one) in one.iter().enumerate() {
        for (both, other) in both[k..].iter_mut().zip(other) {
            *both += one * other;
        }
    }
    both
}

fn sums(grid: &Grid) -> Grid {
    let mut sum = 0.0;
    grid.map(|value| {
        sum += value;
        sum
    })
}

/// So many, as a number to calculate with.
pub(super) fn count(many: usize) -> f64 {
    u32::try_from(many).map_or(f64::MAX, f64::from)
}

/// The whole part; 0 of what is below it, or no number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what does not fit becomes the nearest that does"
)]
pub(super) fn whole(number: f64) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The chance of at least `turns` of `trials` that each succeed so often.
    fn binomial(trials: u32, chance: f64, turns: u32) -> f64 {
        let mut term = (1.0 - chance).powi(i32::try_from(trials).unwrap());
        let mut below = 0.0;
        for k in 0..turns {
            below += term;
            term *= f64::from(trials - k) / f64::from(k + 1) * chance / (1.0 - chance);
        }
        1.0 - below
    }

    fn poisson(mean: f64, turns: u32) -> f64 {
        let mut term = (-mean).exp();
        let mut below = 0.0;
        for k in 0..turns {
            below += term;
            term *= mean / f64::from(k + 1);
        }
        1.0 - below
    }

    /// The chance that belongs to a score, to 1e-5: the same handbook, 26.2.16.
    fn chance(score: f64) -> f64 {
        let t = 1.0 / (1.0 + 0.33267 * score.abs());
        let sum = t * (0.436_183_6 + t * (-0.120_167_6 + t * 0.937_298));
        let tail = (-score * score / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * sum;
        if score > 0.0 { 1.0 - tail } else { tail }
    }

    #[test]
    fn the_score_is_that_of_counts_whose_chances_are_known() {
        for (trials, p, turns) in [
            (1, 0.5, 1),
            (1, 0.8, 1),
            (2, 0.3, 1),
            (3, 0.6, 2),
            (5, 0.5, 3),
            (20, 0.1, 2),
            (100, 0.3, 30),
            (1000, 0.01, 12),
        ] {
            let mean = f64::from(trials) * p;
            let got = chance(score(f64::from(turns), mean, mean * (1.0 - p)));
            let exact = binomial(trials, p, turns);
            assert!(
                (got - exact).abs() < 0.01,
                "{turns} of {trials} at {p}: {got:.3}, not {exact:.3}"
            );
        }
        for (mean, turns) in [(0.7, 1), (1.6, 1), (2.7, 3), (10.0, 8), (300.0, 310)] {
            let got = chance(score(f64::from(turns), mean, mean));
            let exact = poisson(mean, turns);
            assert!(
                (got - exact).abs() < 0.01,
                "{turns} at {mean}: {got:.3}, not {exact:.3}"
            );
        }
    }

    #[test]
    fn who_leaves_and_comes_without_memory_is_counted_by_poisson() {
        // Four operators; a call lasts for eight steps.
        let mean = 8.0_f64;
        let stays = |steps: f64| (-steps.max(0.0) / mean).exp();
        let (mut ends_in, mut lasts) = ([0.0; STEPS + 1], [0.0; STEPS + 1]);
        for k in 0..=STEPS {
            let k_steps = count(k);
            ends_in[k] = stays(k_steps - 1.0) - stays(k_steps);
            lasts[k] = stays(k_steps - 0.5) - stays(k_steps + 0.5);
        }
        let mut ends = Ends::default();
        ends.add(4.0, &ends_in);
        let calls = Calls {
            mean,
            spread: 1.0,
            doubt: 0.0,
        };
        let departures = Departures::new((4.0, calls), 1.0, &ends, &lasts);
        for at in [2.0, 10.0, 30.0, 100.0] {
            let (count, variance) = departures.moments(at);
            let expected = 4.0 * at / mean;
            assert!((count / expected - 1.0).abs() < 0.03, "{at}: {count}");
            assert!((variance / expected - 1.0).abs() < 0.03, "{at}: {variance}");
        }
        // The median of a gamma distribution of shape 10 is 9.669.
        let median = departures.when(9.0, 0.0);
        assert!((median - 9.669 * mean / 4.0).abs() < 0.8, "{median}");
    }
}
