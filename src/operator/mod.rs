//! What one operator is doing.

mod settings;

pub use settings::{LogIn, Role, Secret, Settings};
