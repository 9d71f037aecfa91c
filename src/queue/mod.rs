//! Who waits, and what happens to them while they wait.
//!
//! ```text
//!   call ── enter ──► Hall ── Seat ──►  the call keeps it for as long as it waits
//!    │                  ▲
//!    ├── Tick ──► Wait  │ handled, waiting, longest wait, estimate
//!    │             │
//!    ▼             ▼
//!  dispatch ◄── class: queue ∧ caller, as escalated so far
//! ```
//!
//! [`Wait`] is one caller's wait, a machine in the call's own shard: the ladder of
//! escalation, the announcements, the end of patience. [`Hall`] is what all shards share:
//! how many wait where, and how long calls take; from which an [`Estimate`] of somebody's
//! wait is made. Who gets whom is `dispatch`'s.
//!
//! Invariants: each step of escalation happens once and in order of time, whether or not
//! an operator's phone rings; a caller's age never changes; whoever took a seat gives it
//! back, however the call ends.

mod callback;
mod departures;
mod estimate;
mod hall;
mod handle_time;
mod settings;
mod wait;

pub use callback::{CallbackSettings, Pattern};
pub use estimate::Estimate;
pub use hall::{Hall, Seat, Whose};
pub use settings::{Announce, MissedOffer, ServiceLevel, Settings};
pub use wait::{Asked, Pace, Wait, WaitOutput};
