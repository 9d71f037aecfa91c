//! The exchange: everything that Centrale decides, without touching the world.
//!
//! ```text
//!  bytes                                                                       bytes
//!    │  server::net                                              server::media   ▲
//!    ▼                                                                           │
//!   sip ─────► shard ─────► call ─────► flow              (what the caller hears) │
//!  (endpoint,  (who gets    (one call:  queue ─► dispatch (who waits, who is      │
//!   dialogs)    this input)  both legs)                    offered)               │
//!                              └─────────► media commands ───────────────────────►┘
//!  every room ──► Event ──► record │ metric │ HTTP │ log
//! ```
//!
//! The rooms, in reading order; a room names only rooms above it, and
//! `tests/tidy.rs` holds it to that. The binary's `server` is the only place with
//! sockets, files, clocks and threads.
//!
//! What each deliberately does not know: `sip` does not know what a queue is; `flow`
//! and `dispatch` do not know SIP; `media` does not know why it plays; no room below
//! `shard` knows that there are other calls.

pub mod model;
pub mod sip;
pub mod sdp;
pub mod rtp;
pub mod media;
pub mod operator;
pub mod registrar;
pub mod flow;
pub mod dispatch;
pub mod queue;
pub mod config;
pub mod call;
pub mod shard;
pub mod record;
pub mod metric;
pub mod sim;
