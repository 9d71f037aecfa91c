//! Centrale: an inbound call centre server.

mod server;

fn main() {}
