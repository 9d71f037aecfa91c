//! All transactions of one shard behind one door (RFC 3261 sections 8, 9, 17 and 18).
//!
//! ```text
//!  bytes ─► parse ─► ours? ─► transaction ─► Event ─► user
//!                     │no         ▲                     │
//!                     ▼           └─ timers             │ request, respond,
//!                  answered without state               ▼ cancel, acknowledge
//!                                              bytes ◄─ transaction
//! ```
//!
//! Invariants: a request is told once, however often it comes; each request of ours is
//! told one final answer or one failure (a fork that is answered twice tells each 2xx);
//! nothing is kept of a finished transaction after its timer D, I, J, K, L or M; what the
//! endpoint refuses by itself leaves no state behind.

mod clients;
mod endpoint;
mod glance;
mod receive;
mod refuse;
mod send;
mod servers;
mod shed;
mod words;

#[cfg(test)]
mod storm;
#[cfg(test)]
mod tests;

pub use endpoint::Endpoint;
pub use shed::{Refusal, TurnedAway};
pub use words::{ClientTx, Count, Event, Failure, Input, MethodLabel, Output, ServerTx, Settings};
