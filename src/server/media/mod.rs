//! Media threads: the sockets of streams, the 20 ms tick, and the files of recordings.

mod load;
mod ports;
pub(crate) mod recordings;
mod thread;
pub(crate) mod vault;
pub(crate) mod wav_file;

pub(crate) use load::load_library;
pub(crate) use thread::{Settings, Workers, start};
