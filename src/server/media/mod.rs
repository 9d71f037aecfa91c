//! Media threads: the sockets of streams, and the 20 ms tick.

mod load;
mod ports;
mod thread;

pub(crate) use load::load_library;
pub(crate) use thread::{Settings, Workers, start};
