//! Sound in frames of 20 ms: players, bridges, keys. Does not know why.

pub mod codec;
mod command;
mod leg;
mod library;
pub mod wav;
mod worker;

pub use command::{Agreed, Command, Report, Sound};
pub use library::Library;
pub use worker::{FRAME_TIME, PACKET_BYTES, Sink, Worker};
