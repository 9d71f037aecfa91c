//! Transactions (RFC 3261 section 17, RFC 6026): one request and its answers, with
//! the timers that make a datagram dependable.
//!
//! The four machines know only kinds of messages and the time. What is sent, and to
//! whom, is the endpoint's affair; so each machine is a table that can be read beside
//! the figures of the RFC. A finished machine says [`is_over`](InviteClient::is_over),
//! and the endpoint forgets it.

mod client;
mod deadlines;
mod invite_client;
mod invite_server;
pub(crate) mod key;
mod server;
mod table;
pub(crate) mod timers;

#[cfg(test)]
mod machine_tests;

pub(crate) use client::{Client, ClientEffect, ClientInput};
pub(crate) use deadlines::Deadlines;
pub(crate) use invite_client::{InviteClient, InviteClientEffect, InviteClientInput};
pub(crate) use invite_server::{InviteServer, InviteServerEffect, InviteServerInput};
pub(crate) use server::{Server, ServerEffect, ServerInput};
pub(crate) use table::Table;
