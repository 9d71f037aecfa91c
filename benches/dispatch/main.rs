//! What a decision of the dispatcher costs, beside three plain ways to make it, in one run.
//!
//! `cargo bench --bench dispatch` prints the table of docs/performance.md: assignments a
//! second with all threads busy, the time from an operator's becoming free to the decision
//! (in a closed loop, at 2,000 events a second, and while a thread of the other core is
//! stopped in the middle of what it does), and memory. Threads are pinned to cores.
//!
//! `-- --test` runs everything once, shortly: whether it works, not how fast; `-- --board`
//! leaves the plain ways out.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench reads the clock and prints what it measured"
)]

mod board;
mod floor;
mod list;
mod map;
mod memory;
mod polled;
mod run;
mod stop;

use std::time::Duration;

use board::OnBoard;
use floor::{Floor, Size};
use list::InList;
use map::InMap;
use run::{Figures, Pace};

/// How long each measurement lasts.
#[derive(Clone, Copy)]
struct Lengths {
    closed: Duration,
    paced: Duration,
    stops: u32,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|a| a == stop::COMMAND) {
        return stop::child(arguments.get(at + 1..).unwrap_or_default());
    }
    if let Some(at) = arguments.iter().position(|a| a == memory::COMMAND) {
        return memory::child(arguments.get(at + 1..).unwrap_or_default());
    }
    let short = arguments.iter().any(|a| a == "--test");
    let lengths = if short {
        Lengths {
            closed: Duration::from_millis(200),
            paced: Duration::from_millis(200),
            stops: 1,
        }
    } else {
        Lengths {
            closed: Duration::from_secs(5),
            paced: Duration::from_secs(10),
            stops: 40,
        }
    };
    let sizes = [
        Size {
            operators: 100,
            waiting: 1_000,
            classes: 10,
        },
        Size {
            operators: 10_000,
            waiting: 100_000,
            classes: 1_000,
        },
    ];
    println!(
        "One assignment: an operator is free, gets the best caller, answers; another caller comes.\n\
         Assignments a second, and nanoseconds from free to assigned. Of every twenty classes\n\
         one asks for what nobody on duty can do.\n"
    );
    for size in sizes {
        println!(
            "{} operators, {} waiting in {} classes",
            size.operators, size.waiting, size.classes
        );
        println!(
            "{:<34} {:>12} {:>9} {:>9} {:>9} {:>11}",
            "", "per second", "p50", "p99", "p99.9", "most"
        );
        three::<OnBoard>("the board", size, lengths)?;
        if arguments.iter().any(|a| a == "--board") {
            continue;
        }
        three::<InMap>("a mutex and a BTreeMap", size, lengths)?;
        three::<InList>("a lock and linear scans", size, lengths)?;
        let polled = polled::run(size);
        println!(
            "{:<34} {:>12} {:>8.1}s {:>8.1}s {:>8.1}s {:>10.1}s",
            "each caller polls once a second", "-", polled[0], polled[1], polled[2], polled[3]
        );
        println!();
    }
    memory::print();
    Ok(())
}

fn three<F: Floor>(name: &str, size: Size, lengths: Lengths) -> anyhow::Result<()> {
    for threads in [1, 2] {
        let figures = run::run::<F>(size, threads, Pace::Closed, lengths.closed)?;
        show(&format!("{name}, {threads} threads"), &figures);
    }
    let paced = run::run::<F>(size, 2, Pace::PerSecond(2_000), lengths.paced)?;
    show("  2,000 events a second", &paced);
    match stop::run::<F>(size, lengths.stops) {
        Ok(figures) => show("  the other thread stopped, 50 ms", &figures),
        Err(error) => println!(
            "{:<34} not measured: {error:#}",
            "  the other thread stopped"
        ),
    }
    Ok(())
}

fn show(name: &str, figures: &Figures) {
    println!(
        "{name:<34} {:>12.0} {:>9} {:>9} {:>9} {:>11}",
        figures.per_second, figures.p50, figures.p99, figures.p999, figures.most
    );
}
