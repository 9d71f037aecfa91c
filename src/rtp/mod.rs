//! Packets of sound: RTP (RFC 3550) and keys (RFC 4733).
//!
//! Packets are read and rewritten in place: nothing here allocates.

mod keys;
mod packet;
mod stats;

pub use keys::{EVENT_BYTES, KeyReader, event_payload, key_of};
pub use packet::{HEADER_BYTES, Header, rewrite, write_header};
pub use stats::{Reception, opinion_score};
