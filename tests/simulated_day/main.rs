//! A day of calls through the dispatcher, in made-up time, held against a plain model.
//!
//! ```text
//!   agenda ─► day, staff ─► both ─► board (the real one)      the same answer?
//!   (what       (callers,     │
//!    happens     operators)   └───► plain + choice (by sorting and searching)
//!    next)                                    └─► ledger, check, tally
//! ```
//!
//! One thread and a seed: the same seed is the same day. Each step is compared when it is
//! taken, so the first difference is where the fault is. [`theory`] drives the same board
//! with the queues of the textbooks, whose answers are known by formula.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may stop at surprises, tells what it found, and how long it took"
)]

mod agenda;
mod board;
mod both;
mod centre;
mod check;
mod choice;
mod day;
mod draw;
mod erlang;
mod plain;
mod skills;
mod staff;
mod tally;
mod theory;

use std::time::Instant;

use day::{Day, House};
use draw::Draw;

const SMALL: House = House {
    operators: 40,
    load: 1.0,
};

fn live_and_tell(seed: u64, house: House) {
    println!("seed {seed}, {house:?}");
    let start = Instant::now();
    let over = Day::live(seed, house);
    let took = start.elapsed().as_secs_f64();
    println!("{}", over.tally.table());
    let (events, digest) = (over.events, over.digest);
    println!("{events} events in {took:.1} s, {digest:?}");
    let total = over.tally.total();
    assert_eq!(total.calls, total.answered + total.abandoned);
}

#[test]
fn a_day_goes_as_the_plain_model_says() {
    live_and_tell(1, House::FULL);
}

#[test]
fn a_day_that_nobody_has_seen_goes_as_the_plain_model_says() {
    live_and_tell(Draw::fresh_seed(), House::FULL);
}

/// Where everybody is busy and hundreds wait, order is harder to keep than where somebody
/// is always free.
#[test]
fn a_day_with_far_too_many_calls_goes_as_the_plain_model_says() {
    for (seed, load) in [(2, 1.5), (3, 2.5)] {
        let operators = 60;
        live_and_tell(seed, House { operators, load });
    }
}

#[test]
fn small_days_of_many_seeds_go_as_the_plain_model_says() {
    let fresh = Draw::fresh_seed();
    for seed in (10..14).chain(fresh..fresh + 4) {
        println!("seed {seed}");
        Day::live(seed, SMALL);
    }
}

#[test]
fn the_same_seed_is_the_same_day() {
    let digest = |seed| Day::live(seed, SMALL).digest;
    assert_eq!(digest(7), digest(7));
    assert_ne!(digest(7), digest(8));
}
