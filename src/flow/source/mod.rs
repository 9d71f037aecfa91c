//! YAML with positions: structure and places as `saphyr-parser` tells them, and what a
//! word without quotes is as `serde_yaml` takes it.
//!
//! A test reads what is made at random by `serde_yaml` alone too, and sees the same tree.
//! What a file of ours has no use for, and what makes YAML dangerous, is refused at the
//! door: aliases (a small file can expand to gigabytes), tags, several documents, keys
//! written twice, depth and size over `model::limits`.

mod cursor;
mod document;
mod near;
mod read;
mod scalar;

pub use cursor::Cursor;
pub use document::{Document, Replace};
pub use near::{nearest, unknown};

#[cfg(test)]
mod tests;
