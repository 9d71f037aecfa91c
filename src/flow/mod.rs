//! Flows: YAML to a checked graph to an interpreter.

pub mod source;
