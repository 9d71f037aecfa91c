//! How long somebody will wait, from what is known at this moment.
//!
//! ```text
//!   callers ahead, by queue ──┐
//!   last calls of each queue ─┼─► Outlook ──► likely (p50) … most (p80), or unknown
//!   operators: ready; on a ───┘
//!     call, or after, since when
//! ```
//!
//! The wait ends when an operator becomes free once more than there are callers ahead. How
//! likely that is by when, [`departures`](super::departures) calculates; here is what it
//! calculates from:
//!
//! - **What is left of the present calls.** A call that has lasted for so long is one of
//!   those remembered that lasted longer, each as likely as the others (W. Whitt,
//!   *Predicting Queueing Delays*, Management Science 45(6), 1999, which proposes this for
//!   call centres). To these comes one without memory, for the call that is longer than all
//!   that are remembered. A call may be of any queue that the operators serve, in
//!   proportion to how many each queue had.
//! - **What the callers ahead will take**: calls of their queues, as remembered.
//! - **That the mean is known from few calls only**, which makes long waits less certain.
//!
//! # Why
//! - **The law of the remainders, not their mean.** One of many operators becomes free
//!   later than the mean remainder over their number if calls are alike, and sooner if they
//!   differ much: what counts is how many end soon, not how long all of them still take. A
//!   gamma distribution with the moments of the remainders misses by half of the wait
//!   and more. `estimate_tests` says how often this one is right.
//! - **Not the last caller's wait** (the other usual way: R. Ibrahim and W. Whitt,
//!   *Real-Time Delay Estimation Based on Delay History*, 2009), which lags behind by a
//!   whole wait, and knows nothing of priorities.
//!
//! Not foreseen: callers ahead who hang up, callers of a higher priority yet to come,
//! operators who leave or come back. The ringing is in no handle time.
//!
//! # Cost
//! 5 to 10 µs with the calls of one queue, up to four times as much with those of many.
//! Nothing depends on how many wait; each operator costs some nanoseconds. One allocation,
//! for the remembered calls.

use std::time::Duration;

use super::departures::{Calls, Departures, Ends, Grid, STEPS, count, whole};
use super::handle_time::{HandleTime, REMEMBERED};
use crate::model::OperatorState;

/// With fewer calls remembered nothing is said.
const ENOUGH: usize = 10;
/// Calls that are looked at in all: with more than four queues, fewer of each.
const LOOKED_AT: usize = 4 * REMEMBERED;
/// Of each queue at least.
const OF_EACH: usize = 4;
/// The score of the normal distribution below which 80 % lie.
const EIGHTY_PERCENT: f64 = 0.841_6;
/// Operators whose calls began within so much of a mean handle time are taken together.
const TOGETHER: f64 = 0.1;
/// So many such groups; whoever has been on the call for longer is in the last.
const GROUPS: usize = 40;
/// Those who wrap up, by what is left of it.
const WRAP_UP_GROUPS: usize = 8;
/// The grid reaches to so many times the mean wait, and to no more than so many calls of
/// one operator: behind that a renewal process is as good as a straight line.
const REACH: f64 = 3.0;
const REACH_CALLS: f64 = 6.0;

/// How long somebody will wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Half wait for less (p50).
    pub likely: Duration,
    /// Four of five wait for less (p80).
    pub most: Duration,
}

/// A call that is remembered.
#[derive(Clone, Copy, Debug)]
struct Sample {
    seconds: f64,
    /// Its weight among the calls that go on.
    present: f64,
    /// Its weight among those of the callers ahead.
    next: f64,
}

/// What a weighted set of calls amounts to.
#[derive(Clone, Copy, Debug)]
struct Weighed {
    mean: f64,
    /// Variance over squared mean.
    spread: f64,
    /// How many calls of equal weight would say as much.
    size: f64,
}

impl Weighed {
    fn new(samples: &[Sample], weight: impl Fn(&Sample) -> f64) -> Self {
        let sum = |of: &dyn Fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>();
        let mean = sum(&|sample| weight(sample) * sample.seconds);
        let square = sum(&|sample| weight(sample) * sample.seconds * sample.seconds);
        Self {
            mean,
            spread: (square / (mean * mean) - 1.0).max(0.0),
            size: 1.0 / sum(&|sample| weight(sample) * weight(sample)),
        }
    }
}

/// Operators in groups, by some time that does not differ much within one.
#[derive(Debug)]
struct Groups<const N: usize> {
    width: f64,
    /// How many, and the sum of their times.
    groups: [(f64, f64); N],
}

impl<const N: usize> Groups<N> {
    fn new(width: f64) -> Self {
        Self {
            width,
            groups: [(0.0, 0.0); N],
        }
    }

    fn add(&mut self, time: f64) {
        let group = whole(time / self.width).min(N - 1);
        self.groups[group].0 += 1.0;
        self.groups[group].1 += time;
    }

    /// Each group that has somebody: how many, and their mean.
    fn iter(&self) -> impl Iterator<Item = (f64, f64)> {
        let present = self.groups.iter().filter(|(many, _)| *many > 0.0);
        present.map(|(many, sum)| (*many, sum / many))
    }

    fn count(&self) -> f64 {
        self.groups.iter().map(|(many, _)| many).sum()
    }
}

/// What one caller has before it.
#[derive(Debug)]
pub(super) struct Outlook {
    samples: Vec<Sample>,
    present: Weighed,
    next: Weighed,
    ahead: f64,
    wrap_up: Duration,
    ready: f64,
    on_calls: Groups<GROUPS>,
    wrapping_up: Groups<WRAP_UP_GROUPS>,
}

impl Outlook {
    /// Behind so many callers of these queues, which the same operators serve; parts of
    /// callers are fine, and none. `None` when too few calls are remembered.
    pub(super) fn new(queues: &[(f64, &HandleTime)], wrap_up: Duration) -> Option<Self> {
        let of_each = LOOKED_AT / queues.len().max(1);
        let of_each = of_each.clamp(OF_EACH, REMEMBERED);
        let mut samples = Vec::with_capacity(of_each * queues.len());
        for (ahead, handle_time) in queues {
            let from = samples.len();
            samples.extend(handle_time.recent().take(of_each).map(|took| Sample {
                // What took no time at all would be followed by others without end.
                seconds: took.as_secs_f64().max(0.001),
                present: exact(handle_time.calls()),
                next: *ahead,
            }));
            let same = count(samples.len() - from);
            for sample in samples.iter_mut().skip(from) {
                sample.present /= same;
                sample.next /= same;
            }
        }
        if samples.len() < ENOUGH {
            return None;
        }
        normalize(&mut samples);
        let present = Weighed::new(&samples, |sample| sample.present);
        Some(Self {
            present,
            next: Weighed::new(&samples, |sample| sample.next),
            samples,
            ahead: queues.iter().map(|(ahead, _)| ahead).sum(),
            wrap_up,
            ready: 0.0,
            on_calls: Groups::new(TOGETHER * present.mean),
            wrapping_up: Groups::new(wrap_up.as_secs_f64() / count(WRAP_UP_GROUPS)),
        })
    }

    /// One operator who may serve the caller, and since when it does what.
    pub(super) fn operator(&mut self, state: OperatorState, since: Duration) {
        match state {
            OperatorState::Ready => self.ready += 1.0,
            OperatorState::Offered => self.on_calls.add(0.0),
            OperatorState::Talking => self.on_calls.add(since.as_secs_f64()),
            OperatorState::WrapUp => {
                let left = self.wrap_up.saturating_sub(since);
                self.wrapping_up.add(left.as_secs_f64());
            }
            OperatorState::Paused | OperatorState::LoggedOut => {}
        }
    }

    /// The estimate; `None` when nobody works.
    pub(super) fn estimate(&self) -> Option<Estimate> {
        let operators = self.ready + self.on_calls.count() + self.wrapping_up.count();
        if operators < 1.0 {
            return None;
        }
        // Each who is ready takes one of those ahead at once.
        let ahead = self.ahead - self.ready;
        if ahead < 0.0 {
            return Some(Estimate::default());
        }
        let mean = self.present.mean.max(self.next.mean);
        let reach = (REACH * (ahead + 1.0) / operators).min(REACH_CALLS) * mean;
        let mut departures = self.departures(operators, reach);
        let mut most = departures.when(ahead, EIGHTY_PERCENT);
        if most * REACH < reach {
            // The present calls end sooner than most do, and the grid is too coarse.
            departures = self.departures(operators, most * 1.5);
            most = departures.when(ahead, EIGHTY_PERCENT);
        }
        let likely = departures.when(ahead, 0.0);
        Some(Estimate {
            likely: Duration::try_from_secs_f64(likely).ok()?,
            most: Duration::try_from_secs_f64(most).ok()?,
        })
    }

    /// By the grid that reaches to so many seconds from now.
    fn departures(&self, operators: f64, reach: f64) -> Departures {
        let step = reach / count(STEPS);
        let mut ends = Ends::default();
        for (many, left) in self.wrapping_up.iter() {
            ends.add(many, &ends_after(left, step));
        }
        let forgetful = self.forgetful(step);
        for (many, elapsed) in self.on_calls.iter() {
            let remainder = self.remainder(elapsed, step, &forgetful, |sample| sample.present);
            ends.add(many, &remainder);
        }
        let begun = self.remainder(0.0, step, &forgetful, |sample| sample.next);
        ends.add(self.ready, &begun);
        let calls = Calls {
            mean: self.next.mean,
            spread: self.next.spread,
            doubt: self.next.spread / self.next.size,
        };
        Departures::new((operators, calls), step, &ends, &self.handled(step))
    }

    /// How likely a call that has lasted for `elapsed` is to end in each step.
    fn remainder(
        &self,
        elapsed: f64,
        step: f64,
        forgetful: &Grid,
        weight: impl Fn(&Sample) -> f64,
    ) -> Grid {
        let mut ends = *forgetful;
        let mut all = 1.0 / self.present.size;
        for sample in self.samples.iter().filter(|s| s.seconds > elapsed) {
            all += weight(sample);
            let end = whole((sample.seconds - elapsed) / step).saturating_add(1);
            if let Some(end) = ends.get_mut(end) {
                *end += weight(sample);
            }
        }
        ends.map(|weight| weight / all)
    }

    /// One more call beside those remembered, which ends as if it had just begun.
    fn forgetful(&self, step: f64) -> Grid {
        let stays = (-step / self.present.mean).exp();
        let mut left = 1.0 / self.present.size;
        let mut ends = [0.0; STEPS + 1];
        for ends in ends.iter_mut().skip(1) {
            *ends = left * (1.0 - stays);
            left *= stays;
        }
        ends
    }

    /// How likely a later call is to last so many steps. What ends within one counts for
    /// the step before and the step after by how near each is, so that the mean is kept.
    fn handled(&self, step: f64) -> Grid {
        let mut handled = [0.0; STEPS + 1];
        for sample in &self.samples {
            let steps = sample.seconds / step;
            let before = whole(steps);
            let part = steps - count(before);
            if let Some(handled) = handled.get_mut(before) {
                *handled += sample.next * (1.0 - part);
            }
            if let Some(handled) = handled.get_mut(before.saturating_add(1)) {
                *handled += sample.next * part;
            }
        }
        handled
    }
}

/// What is certain to end then.
fn ends_after(left: f64, step: f64) -> Grid {
    let mut ends = [0.0; STEPS + 1];
    if let Some(end) = ends.get_mut(whole((left / step).ceil())) {
        *end = 1.0;
    }
    ends
}

/// Makes either weight one in all. Without callers ahead whose calls are known, those to
/// come are as those that go on.
fn normalize(samples: &mut [Sample]) {
    let present: f64 = samples.iter().map(|sample| sample.present).sum();
    let next: f64 = samples.iter().map(|sample| sample.next).sum();
    for sample in samples {
        sample.present /= present;
        sample.next = if next > 0.0 {
            sample.next / next
        } else {
            sample.present
        };
    }
}

fn exact(calls: u64) -> f64 {
    u32::try_from(calls).map_or_else(|_| f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
#[path = "estimate_tests.rs"]
mod tests;
