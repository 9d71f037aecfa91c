//! Sound in frames of 20 ms: players, bridges, keys. Does not know why.

pub mod codec;
mod command;

pub use command::{Agreed, Command, Report, Sound};
