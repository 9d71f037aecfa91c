//! Threads on cores of their own that free operators, and what their decisions took.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::floor::{Floor, Random, Size};

/// How fast operators become free.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// As soon as the last is served.
    Closed,
    /// So many in a second, over all threads.
    PerSecond(u32),
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    /// Nanoseconds.
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) most: u64,
}

/// What one thread measured.
pub(crate) struct Lap {
    pub(crate) took: Vec<u64>,
    pub(crate) lasted: Duration,
}

/// Each thread frees its own operators, one after another.
pub(crate) fn run<F: Floor>(
    size: Size,
    threads: usize,
    pace: Pace,
    length: Duration,
) -> anyhow::Result<Figures> {
    let floor = F::new(size, Instant::now())?;
    let (barrier, stop) = (Barrier::new(threads), AtomicBool::new(false));
    let laps = std::thread::scope(|scope| {
        let spawn = |number| {
            let (floor, barrier, stop) = (&floor, &barrier, &stop);
            scope.spawn(move || {
                pin(number);
                barrier.wait();
                lap(floor, (number, threads, size), pace, || {
                    stop.load(Ordering::Relaxed)
                })
            })
        };
        let threads: Vec<_> = (0..threads).map(spawn).collect();
        std::thread::sleep(length);
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().filter_map(|t| t.join().ok()).collect()
    });
    Ok(figures(laps))
}

pub(crate) fn pin(number: usize) {
    let mut set = CpuSet::new();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // Where this is not allowed the figures are as the system has it.
    if set.set(number % cores).is_ok() {
        sched_setaffinity(Pid::from_raw(0), &set).ok();
    }
}

/// One thread's work until it is told to stop.
pub(crate) fn lap<F: Floor>(
    floor: &F,
    (number, threads, size): (usize, usize, Size),
    pace: Pace,
    stopped: impl Fn() -> bool,
) -> Lap {
    let mine: Vec<usize> = (0..size.operators)
        .filter(|o| o % threads == number)
        .collect();
    let began = Instant::now();
    let mut took = Vec::with_capacity(8 << 20);
    let mut due = began;
    let mut random = Random(number as u64 + 1);
    while !stopped() && took.len() < took.capacity() {
        let Some(operator) = mine.get(random.below(mine.len())) else {
            break;
        };
        if let Pace::PerSecond(events) = pace {
            let each = u32::try_from(threads).unwrap_or(1);
            due += Duration::from_secs(1) * each / events;
            while Instant::now() < due {
                std::hint::spin_loop();
            }
        }
        let before = Instant::now();
        let assigned = floor.free(*operator, before);
        let after = Instant::now();
        let nanos = after.duration_since(before).as_nanos();
        took.push(u64::try_from(nanos).unwrap_or(u64::MAX));
        if let Some(assigned) = assigned {
            floor.answer(&assigned, after);
            floor.enqueue(assigned.class, after);
        }
    }
    Lap {
        took,
        lasted: began.elapsed(),
    }
}

pub(crate) fn figures(laps: Vec<Lap>) -> Figures {
    let rate = |lap: &Lap| lap.took.len() as f64 / lap.lasted.as_secs_f64();
    let per_second = laps.iter().map(rate).sum();
    let mut all: Vec<u64> = laps.into_iter().flat_map(|lap| lap.took).collect();
    all.sort_unstable();
    let at = |thousandths: usize| {
        let index = (all.len() * thousandths / 1000).min(all.len().saturating_sub(1));
        all.get(index).copied().unwrap_or(0)
    };
    Figures {
        per_second,
        p50: at(500),
        p99: at(990),
        p999: at(999),
        most: at(1000),
    }
}
