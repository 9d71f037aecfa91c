//! YAML with positions: the values as `serde_yaml` reads them, each with its place in
//! the file as `saphyr-parser` tells it.
//!
//! Both read the text; the two results are joined into one tree. What a file of ours
//! has no use for, and what makes YAML dangerous, is refused at the door: aliases
//! (a small file can expand to gigabytes), tags, several documents, keys written
//! twice, depth and size over `model::limits`.

mod cursor;
mod document;
mod near;
mod read;

pub use cursor::Cursor;
pub use document::{Document, Replace};
pub use near::{nearest, unknown};

#[cfg(test)]
mod tests;
