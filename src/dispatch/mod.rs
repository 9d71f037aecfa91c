//! Who gets whom: the board that all shards share.
//!
//! Callers who ask for the same (in one queue, with one priority) are a **class**;
//! operators with the same skills are a **profile**. A class keeps its waiting tickets in
//! order of age, a profile its ready operators in each order that a strategy wants, both in
//! trees whose root names the first. A freed operator looks at the roots of the classes
//! that its profile serves, a new ticket at the roots of the profiles that serve its class,
//! so a decision costs as much with 100,000 waiting as with one.
//!
//! ```text
//!             enqueue                                   ready, finished
//!                │                                            │
//!   ticket ──► show in tree of class            look at classes ◄── operator
//!                │                                │ nobody
//!                ▼                                ▼
//!          look at profiles                 show in trees of profile, look again
//!                └──────► operator's word, then ticket's, by compare-and-swap ◄──┘
//! ```
//!
//! Invariants, each with a test: an operator has at most one offer a post; a ticket is
//! given to at most one operator, but where all ring; when all is quiet no ticket waits
//! while an operator who may take it is ready; within a class the order is priority, then
//! age; abandon wins or loses cleanly; nobody is passed over without a reason.
//!
//! # Words
//! What an operator's post does, and a ticket, is one word each; these are all changes.
//!
//! | an operator's word | becomes | by | when |
//! | --- | --- | --- | --- |
//! | `LoggedOut`, `Paused`, `WrapUp` | `Claimed` | anyone | says ready; wrap-up is over |
//! | `LoggedOut`, `Paused`, `WrapUp` | each other's | anyone | pauses, logs out |
//! | `Claimed` | `Looking` | who claimed | shown, nobody was found |
//! | `Claimed` | `Offered` | who claimed | has a ticket in hand |
//! | `Claimed` | `Paused`, `LoggedOut` | who claimed | a mark was left meanwhile |
//! | `Looking` | `Ready` | who claimed | the second look found nobody |
//! | `Looking` | `Claimed` | who claimed | the second look found somebody |
//! | `Looking` | told to look again | anyone | a ticket came by |
//! | `Looking`, `Ready` | `Claimed` | anyone | pauses, logs out, has other skills |
//! | `Ready` | `Claimed` | anyone | a ticket wants the operator |
//! | `Offered` | `Talking` | who has the claim | answers |
//! | `Offered`, `Talking` | `Claimed`, `WrapUp`, `Paused`, `LoggedOut` | who has the claim | is over |
//! | `Claimed`, `Offered`, `Talking` | with a mark | anyone | pauses, logs out, when this is over |
//!
//! | a ticket's word | becomes | by | when |
//! | --- | --- | --- | --- |
//! | `Free` | `Held` | its shard | a call is queued |
//! | `Held` | `Waiting` | its shard | shown |
//! | `Waiting` | `Held` | its shard | changes class, is kept no more, leaves |
//! | `Waiting` | `Matched` | anyone who holds an operator | given |
//! | `Matched` | `Waiting` | its shard | the offer came to nothing |
//! | `Matched` | `Held` | its shard | answered, or left while it rang |
//! | `Held` | `Free` | its shard | gone; the next call has the next generation |
//!
//! # Why
//! - **Words are the truth, trees are an index.** A leaf is shown and hidden only by the
//!   thread that holds the word of who stands there (`Claimed`, or the ticket's `Held` and
//!   `Matched`). A search may come across a leaf that is no longer true; it reads the word
//!   and goes on. There are at most as many of these as threads.
//! - **Publish, then look, then settle.** An operator is shown as `Looking` first, looks,
//!   and becomes `Ready` only if nobody came meanwhile: a ticket that finds a `Looking`
//!   operator does not take it but tells its looker to look again. So an operator never
//!   goes to who came last while who came first is overlooked.
//! - **No lock, no allocation, no epoch on the way of a call.** A preempted thread holds up
//!   only the operator and the ticket that it has in its hands. What is met for the first
//!   time (a skill set, a requirement) is interned under a lock, into lists that only grow.
//! - **A caller who is kept for somebody stands with that operator**, not with the class:
//!   nobody else comes across the call, however many are kept.
//! - **An operator with several calls at once is several posts** that share a name, so that
//!   each call has a word of its own.
//! - **Why somebody was passed over is found after the match** ([`Board::passed_over`]): it
//!   is a look at every class around, which the decision itself does not need.
//!
//! # Proof
//! `model_tests` holds the board against a plain one, step by step; `stress_tests` lets
//! threads do everything at once for a minute; `tests/simulated_day` lives days of calls
//! beside a plain model; `loom_tests` runs every interleaving of two or three threads with
//! up to four preemptions. Each protection was taken out once, and this is what then fails
//! (`tests/protections` does it again):
//!
//! | without | fails |
//! | --- | --- |
//! | the fence of `sync::publish_before_look` | a caller and an operator who come at once, and six more |
//! | the version in `Tree::refresh` | who goes and comes back is found beside one who goes |
//! | the second attempt of `Tree::put` | two who are shown at once are both found, and five more |
//! | `sync::one_order` | places that are taken and left at once keep everyone |
//! | the version read before the leaves, in `Tree::refresh` | two who are shown at once, and six more |
//! | looking further below what is hidden, in `Tree::first_below` | who stands behind one who goes is never overlooked |
//! | the second look of `Board::watch` | who learns a skill meets who just called, and five more |
//! | being told to look again, in `Board::idle` | a caller who escalates meets who just came, and five more |
//! | serving on after a lost ticket, in `Board::seek` | who loses a caller to another is ready again |
//! | the ticket's compare-and-swap in `Board::take_best` | abandon races a match and one wins, and two more |
//! | the operator's in `Board::take_idle` | a pause races an offer and one wins |
//! | the generation in `Board::finished` | an offer that two end at once ends once |
//! | the mark in `Board::serve` | who logs out while a call ends and nobody waits is gone |
//! | the mark in `Board::finished` | who logs out while a call ends is gone at once or after one more |
//!
//! ```text
//! cargo test --lib dispatch::
//! RUSTFLAGS="--cfg loom" CARGO_PROFILE_RELEASE_LTO=off \
//!     cargo test --lib --release --target-dir target/loom dispatch::
//! ```
//!
//! `LOOM_MAX_PREEMPTIONS=5` looks further. `cargo bench --bench dispatch` says what a
//! decision costs, beside three plain ways to make it; docs/performance.md has the table.

mod board;
mod forest;
mod free_list;
mod index;
mod look;
mod on_operator;
mod on_ticket;
mod passed_over;
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
pub use why::WhyNot;
