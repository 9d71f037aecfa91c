//! Centrale: an inbound call centre server.

fn main() {}
