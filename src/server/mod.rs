//! The building: everything that touches the world, and nothing that decides.

pub(crate) mod archive;
pub(crate) mod cli;
pub(crate) mod clerk;
pub(crate) mod clock;
pub(crate) mod customers;
pub(crate) mod descriptors;
pub(crate) mod entropy;
pub(crate) mod floor;
pub(crate) mod files;
pub(crate) mod http;
mod journal;
pub(crate) mod log;
pub(crate) mod media;
pub(crate) mod net;
pub(crate) mod observer;
mod plan;
pub(crate) mod post;
pub(crate) mod quiet;
pub(crate) mod reload;
pub(crate) mod runner;
pub(crate) mod serve;
pub(crate) mod sign;
pub(crate) mod store;
pub(crate) mod supervisor;
mod voice;
mod whereabouts;
