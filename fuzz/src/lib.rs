//! The rooms that read what strangers send, and flows, and nothing else of the server: with
//! the sanitizer they build in a minute, the whole of it in many.
//!
//! A target that needs another room adds it here.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "the rest of the server is not here"
)]

#[path = "../../src/flow/mod.rs"]
pub mod flow;
#[path = "../../src/model/mod.rs"]
pub mod model;
#[path = "../../src/sdp/mod.rs"]
pub mod sdp;
#[path = "../../src/sip/mod.rs"]
pub mod sip;

pub mod trial;
