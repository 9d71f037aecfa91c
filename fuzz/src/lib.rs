//! The rooms that read what strangers send, and flows, and nothing else of the server: with
//! the sanitizer they build in a minute, the whole of it in many.
//!
//! A target that needs another room adds it here.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the rest of the server is not here"
)]

#[path = "../../src/flow/mod.rs"]
pub mod flow;
#[path = "../../src/media/mod.rs"]
pub mod media;
#[path = "../../src/model/mod.rs"]
pub mod model;
#[path = "../../src/rtp/mod.rs"]
pub mod rtp;
#[path = "../../src/sdp/mod.rs"]
pub mod sdp;
#[path = "../../src/sip/mod.rs"]
pub mod sip;

pub mod trial;
