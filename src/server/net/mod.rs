//! Sockets: datagrams and streams, to the shards and back.

pub(crate) mod batch;
pub(crate) mod dns;
mod last;
mod frames;
mod places;
mod stream;
pub(crate) mod streams;
pub(crate) mod tls;
pub(crate) mod udp;
mod websocket;
