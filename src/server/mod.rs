//! The building: everything that touches the world, and nothing that decides.

pub mod store;
pub mod http;
