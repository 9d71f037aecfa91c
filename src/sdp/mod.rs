//! Descriptions of streams (RFC 8866) and their negotiation (RFC 3264).
//!
//! One audio stream is negotiated; every other `m=` line is answered with port 0. What
//! comes out is [`Agreed`]: all that a media worker needs to know.

mod negotiate;
mod parse;

pub use negotiate::{Agreed, Direction, Local, Refusal, agree, answer, propose, propose_again};
pub use parse::{Description, Media, SdpError, legible};
