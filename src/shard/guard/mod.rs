//! Who is heard, in which order, and who is not: decided before anything is parsed.
//!
//! ```text
//!  datagram ─► sniff ─► guard ─► room? ─► backlog ─► shard
//!                         │        │no      └► late: turned away unread
//!                         │        └► turned away at once, unread
//!                         └► dropped, and counted
//! ```
//! Trunks, lines and addresses from which a phone is registered are friends, and always
//! heard. Everybody else is a stranger: so many messages a second from each, and from all
//! of them together. A stranger who fails again and again is shut out for a while: wholly if
//! it has shown that it receives where it sends from, else softly.
//!
//! Invariants: what is kept of strangers has a bound that they cannot move; a friend is
//! never shut out, whatever is sent in its name; nothing that can be forged keeps anybody
//! from giving a right password.
//!
//! # Why
//! The address of a datagram can be forged, so nothing that a stranger does may cost a
//! friend anything; and a flood of strangers must not cost more than its datagrams. Whoever
//! is shut out softly may be somebody in whose name another failed: it is asked for its
//! password, a few times a second, and heard once it answers what it was asked.

mod backlog;
mod bucket;
mod keeper;
mod pairs;
mod sources;
mod table;

#[cfg(test)]
mod tests;

pub(super) use backlog::Rank;
pub(super) use backlog::{Backlog, Fate, Parked};
pub(super) use keeper::{Guard, Judgement, Proof, Sender};
pub(super) use pairs::Pairing;
pub use sources::Sources;
