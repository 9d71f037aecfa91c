//! What goes wrong with recordings, counted where it does.

/// A file could not be made.
pub const OPEN: &str = "open";
/// The disk is full, or does not take what is written.
pub const WRITE: &str = "write";
/// The disk was too slow: a second of a recording is silence.
pub const BACKLOG: &str = "backlog";
/// A file could not be closed under its name.
pub const CLOSE: &str = "close";

/// Each of them.
pub const RECORDING_ERRORS: &[&str] = &[OPEN, WRITE, BACKLOG, CLOSE];
