//! A poll each second for each caller, as Asterisk does: a caller whose turn it is learns
//! of a free operator when it asks next. In made-up time, as it takes that long.

use crate::floor::{Able, Size, profile_of};

/// Assignments that are tried.
const TRIALS: usize = 20_000;

/// p50, p99, p99.9 and the longest time from free to assigned, in seconds.
pub(crate) fn run(size: Size) -> [f64; 4] {
    let able = Able::new(size);
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let mut waits: Vec<f64> = (0..TRIALS)
        .filter_map(|trial| {
            let profile = profile_of(trial % size.operators, size);
            // Only the caller whose turn it is, the first whom the operator may serve, is
            // given the operator; it asks at a moment of its own in each second.
            (0..size.classes).find(|class| able.may(profile, *class))?;
            Some((random() >> 11) as f64 / (1_u64 << 53) as f64)
        })
        .collect();
    waits.sort_by(f64::total_cmp);
    let at = |thousandths: usize| {
        let index = waits.len() * thousandths / 1000;
        let index = index.min(waits.len().saturating_sub(1));
        waits.get(index).copied().unwrap_or(0.0)
    };
    [at(500), at(990), at(999), at(1000)]
}
