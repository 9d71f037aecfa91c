//! Sockets: datagrams and streams, to the shards and back.

pub(crate) mod dns;
pub(crate) mod tcp;
pub(crate) mod udp;
