//! Sound in frames of 20 ms: players, bridges, recordings, keys. Does not know why.

pub mod codec;
mod command;
mod leg;
mod library;
mod press;
mod recorder;
pub mod wav;
mod worker;

pub use command::{Agreed, Command, Record, Report, Sides, Sound, Write};
pub use library::Library;
pub use worker::{FRAME_TIME, PACKET_BYTES, Sink, Worker};
