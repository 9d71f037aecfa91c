//! What is configured: texts in, a configuration or diagnostics out.
//!
//! ```text
//!  *.yaml ─► merge ─► sections ─► cross-references ─► Config
//!   flows ──────────────────────────────► checked ──►   │
//!                 every mistake: file:line:column, why, what to write instead
//! ```
//! [`load()`] gives a configuration only when there is no error at all, so a reload that
//! does not validate changes nothing. Warnings come with it.
//!
//! # Why
//! The folder's files are read by `server::files` and come here as texts: a test, the
//! simulator and `centrale check` read a configuration exactly as the server does.

mod difference;
mod guard;
mod callbacks;
mod house;
mod lines;
mod listen;
mod load;
mod merge;
mod operators;
mod outside;
mod places;
mod queues;
mod reader;
mod requests;
mod rewrites;
mod section;
mod speech;
mod spoken;
mod trunks;
mod types;
mod webhooks;

#[cfg(test)]
mod requests_tests;
#[cfg(test)]
mod speech_tests;
#[cfg(test)]
mod tests;

pub use difference::{Change, Difference};
pub use house::House;
pub use load::{Files, load, paths};
pub use outside::{Divert, Dns, Login, Outside, Register, Trunk};
pub use requests::{Key, Requests};
pub use rewrites::Rewrites;
pub use speech::Speech;
pub use types::{
    Config, Guard, Http, Identity, Limits, Line, Listen, Media, NumberEntry, Numbers, Paths,
    Recordings, Scanners, ShutOut, Sip, Storage, Tls,
};
pub use webhooks::{Wanted, Webhook, Webhooks};
