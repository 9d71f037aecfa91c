//! One thread is stopped in the middle of whatever it does, as a busy machine does it: what
//! does the other one notice? Another process stops it (`ptrace`), so that the rest of this
//! one runs on.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::ptrace;
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, gettid};

use crate::floor::{Floor, Size};
use crate::run::{Figures, Pace, figures, lap, pin};

/// The argument that makes this program the one that stops.
pub(crate) const COMMAND: &str = "--stop-a-thread";

const STOPPED: Duration = Duration::from_millis(50);
const BETWEEN: Duration = Duration::from_millis(30);

/// What the thread that runs on measures, while the other is stopped so many times.
pub(crate) fn run<F: Floor>(size: Size, times: u32) -> anyhow::Result<Figures> {
    let floor = F::new(size, Instant::now())?;
    let (tid, stop) = (AtomicI32::new(0), AtomicBool::new(false));
    let mut child = Err(anyhow::anyhow!("the thread did not start"));
    let measured = std::thread::scope(|scope| {
        let stopped = || stop.load(Ordering::Relaxed);
        let (floor, tid) = (&floor, &tid);
        scope.spawn(move || {
            pin(1);
            tid.store(gettid().as_raw(), Ordering::Release);
            lap(floor, (1, 2, size), Pace::Closed, stopped);
        });
        let free = scope.spawn(move || {
            pin(0);
            // Slow enough to leave room for both on two cores that others use too.
            lap(floor, (0, 2, size), Pace::PerSecond(100_000), stopped)
        });
        while tid.load(Ordering::Acquire) == 0 {
            std::hint::spin_loop();
        }
        child = stop_it(tid.load(Ordering::Acquire), times);
        stop.store(true, Ordering::Relaxed);
        free.join().ok()
    });
    child?;
    Ok(figures(measured.into_iter().collect()))
}

fn stop_it(tid: i32, times: u32) -> anyhow::Result<()> {
    let status = Command::new(std::env::current_exe()?)
        .args([COMMAND, &tid.to_string(), &times.to_string()])
        .status()?;
    if !status.success() {
        bail!("this system does not let one process stop another's thread");
    }
    Ok(())
}

/// The other process.
pub(crate) fn child(arguments: &[String]) -> anyhow::Result<()> {
    let number = |at: usize| -> anyhow::Result<i32> {
        let text = arguments.get(at).context("too few arguments")?;
        Ok(text.parse()?)
    };
    let thread = Pid::from_raw(number(0)?);
    ptrace::seize(thread, ptrace::Options::empty())?;
    for _ in 0..number(1)? {
        std::thread::sleep(BETWEEN);
        ptrace::interrupt(thread)?;
        waitpid(thread, None)?;
        std::thread::sleep(STOPPED);
        ptrace::cont(thread, None)?;
    }
    Ok(())
}
