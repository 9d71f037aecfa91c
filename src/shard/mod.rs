//! One thread's exchange: who gets this input, and what becomes of it.
//!
//! ```text
//!  bytes ─► endpoint ─► request outside a dialog ─► admission ─► a new call
//!                    │                           └► registration
//!                    └► anything else ─► address ─► the call that it belongs to
//!  media report, match ─────────────────────────────►┘        │
//!  time ─► deadlines ────────────────────────────────►┘        ▼
//!                                    bytes, media commands, events, matches
//! ```
//! A shard owns its calls, in order, without a lock: what other shards share with it
//! stands in [`Shared`](crate::call::Shared) and [`Doors`]. No room above knows that
//! there are other calls.
//!
//! # Why
//! A panic in a call ends that call and no other (`fence`): one caller's bad luck is not
//! a thousand callers' silence.

mod address;
mod admission;
mod callbacks;
mod carriers;
mod codes;
mod configure;
mod deadlines;
mod fence;
mod guard;
mod house;
mod identity;
mod intake;
mod options;
mod order;
mod outside;
mod probe;
mod rate;
mod reach;
mod registration;
mod restore;
mod shard;
mod words;

pub use carriers::OUTSIDE;
pub use configure::configure;
pub use guard::Sources;
pub use house::Foreign;
pub use intake::{Arrival, Mark, Parcel};
pub use order::{Order, Refused, Standing, order};
pub use outside::Asker;
pub use rate::Rate;
pub use reach::Watched;
pub use restore::{Remembered, restore, restore_waits};
pub use shard::Shard;
pub use words::{Doors, Input, Output, Settings};
