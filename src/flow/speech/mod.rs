//! How numbers, times, dates, money and waits are said, by each language's own grammar.
//!
//! ```text
//!  value ──► grammar of the language ──► names of pieces ──► sounds, one after another
//!            (en, nl, de, ru)            number/2, unit/minutes
//! ```
//!
//! A piece is a short recording: a word or a few. Its name is the same in every language,
//! its text stands in `ivr-flows/prompts/pieces/<language>.txt`, from which the sounds are
//! made too. Invariant: a grammar names only pieces of its language's list.

mod de;
mod en;
mod grammar;
mod moment;
mod nl;
mod pieces;
mod queue;
mod ru;
#[cfg(test)]
mod tests;
mod words;

pub use grammar::{
    Currency, Kind, LANGUAGES, LARGEST, date, digits, duration, money, number, ordinal, time,
};
pub use moment::{Amount, DateParts, day, time_of_day};
pub use pieces::{all as pieces, needed, text};
pub use queue::{announcement_sounds, estimated_wait, position, wait_between, waiting_longer};
