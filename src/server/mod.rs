//! The building: everything that touches the world, and nothing that decides.

pub(crate) mod store;
pub(crate) mod http;
