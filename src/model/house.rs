//! What the house says to its own people.

/// The language of the house's own flows.
pub const LANGUAGE: &str = "en";
/// The prompt that says that a code was understood: two short tones, or the file of this name.
pub const DONE: &str = "internal/done";
