//! Simulated phones, links and clock around real shards.
