//! The whole exchange in made-up time: shards, phones, the network between them.
//!
//! ```text
//!  Phone ─ datagrams ─► Link (delay, loss) ─► Shard ─► events ─► records
//!    ▲                                          │ ▲
//!    └──────────────────────────────────────────┘ └─ reports ─ Booth (ports, sounds)
//! ```
//! Nothing here waits: time goes to the next thing that is due, so a day of calls takes
//! seconds. Everything that happens by chance comes from one seed, so what went wrong once
//! goes wrong again.
//!
//! # Why
//! Phones speak through the same `sip` room as the server, so what they say is SIP as it
//! is on the wire, byte for byte; streams are not simulated packet by packet, only what a
//! call hears of them: ports, the end of a sound, keys, silence.

mod backend;
mod booth;
mod carrier;
mod chance;
mod desk;
mod disk;
mod hearing;
mod look;
mod odd;
mod outside;
mod phone;
mod refer;
mod script;
mod stranger;
mod world;

pub use chance::Chance;
pub use phone::{Doing, Manner};
pub use script::Answer;
pub use world::{Link, PhoneId, World};
