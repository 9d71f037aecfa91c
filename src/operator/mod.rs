//! What one operator is doing.
//!
//! The states are `model::OperatorState`, the moves between them are [`MOVES`]; the
//! board of `dispatch` holds each operator's state in one word and makes the moves.

mod moves;
mod settings;

pub use moves::{MOVES, allowed};
pub use settings::{LogIn, Role, Secret, Settings};
