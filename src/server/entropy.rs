//! The only randomness.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

/// 64 bits that nobody can guess: the standard library's hash keys, which come from the
/// system's random source.
pub(crate) fn word() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(0);
    hasher.finish()
}

/// 32 random bytes.
pub(crate) fn key() -> [u8; 32] {
    let mut key = [0; 32];
    for chunk in key.chunks_mut(8) {
        chunk.copy_from_slice(&word().to_le_bytes());
    }
    key
}
