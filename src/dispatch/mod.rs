//! Who gets whom: the board that all shards share.
//!
//! Callers who ask for the same (in one queue, with one priority) are a **class**;
//! operators with the same skills are a **profile**. A class has lanes of waiting
//! tickets in order of age, a profile lanes of ready operators in order of idleness. A
//! freed operator looks at the heads of the classes that its profile serves, a new
//! ticket at the heads of the profiles that serve its class, so a decision costs as much
//! with 100,000 waiting as with one.
//!
//! ```text
//!             enqueue                                   ready, finished
//!                │                                            │
//!   ticket ──► show in lane of class            look at classes ◄── operator
//!                │                                │ nobody
//!                ▼                                ▼
//!          look at profiles                 show in lane of profile, look again
//!                └──────► operator's word, then ticket's, by compare-and-swap ◄──┘
//! ```
//!
//! Invariants, each with a test: an operator has at most one offer; a ticket is given to
//! at most one operator; when all is quiet no ticket waits while an operator who may
//! take it is ready; within a class the order is priority, then age; abandon wins or
//! loses cleanly.
//!
//! # Why
//! - **Words are the truth, lanes are an index.** A bit of a lane is set and cleared only
//!   by the thread that holds the word of who stands there (`Claimed`, or the ticket's
//!   `Held` and `Matched`). A search may come across a bit that is no longer true; it
//!   reads the word and goes on. There are at most as many of these as threads.
//! - **Publish, then look, then settle.** An operator is shown as `Looking` first, looks,
//!   and becomes `Ready` only if nobody came meanwhile: a ticket that finds a `Looking`
//!   operator does not take it but tells its looker to look again. So an operator never
//!   goes to who came last while who came first is overlooked.
//! - **No mutex on the way of a call.** A preempted thread holds up only the operator and
//!   the ticket that it has in its hands. What is met for the first time (a skill set, a
//!   requirement) is interned under a lock.
//!
//! # Proof
//! `model_tests` holds the board against a plain one, step by step; `stress_tests` lets
//! threads do everything at once; `loom_tests` runs every interleaving of two or three
//! threads with up to three preemptions. Without the fence of `sync`, the version of
//! `bitmap` or the second look of `look`, loom finds a caller who waits beside a free
//! operator. A change to this room runs all three:
//!
//! ```text
//! cargo test --lib dispatch::
//! RUSTFLAGS="--cfg loom" CARGO_PROFILE_RELEASE_LTO=off \
//!     cargo test --lib --release --target-dir target/loom dispatch::
//! ```
//!
//! `LOOM_MAX_PREEMPTIONS=5` looks further. `cargo bench --bench dispatch` says what a
//! decision costs, beside two plain boards.

mod board;
mod forest;
mod free_list;
mod index;
mod look;
mod on_operator;
mod on_ticket;
mod people;
mod post;
mod roll;
mod strategy;
mod sync;
mod ticket;
mod tree;
mod view;
mod why;
mod word;

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(test)]
#[cfg(not(loom))]
mod model_tests;
#[cfg(test)]
#[cfg(not(loom))]
mod plain;
#[cfg(test)]
#[cfg(not(loom))]
mod stress_tests;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;

pub use board::{
    Abandoned, After, Board, Capacity, Change, Claim, ClassId, Full, Match, OperatorId, PostId,
    TicketId,
};
pub use index::ClassKey;
pub use people::Abilities;
pub use strategy::Strategy;
pub use view::Census;
pub use why::WhyNot;
