//! Codecs, one a file.

pub mod g711;
