//! The only randomness.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

/// 64 bits that nobody can guess: the standard library's hash keys, which come from the
/// system's random source.
pub(crate) fn word() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(0);
    hasher.finish()
}

/// From half of a time to the whole of it, so that many who wait do not come together.
pub(crate) fn jittered(time: Duration) -> Duration {
    let part = u32::try_from(word() % 1_000).unwrap_or(0);
    time / 2 + time / 2_000 * part
}

/// 32 random bytes.
pub(crate) fn key() -> [u8; 32] {
    let mut key = [0; 32];
    for chunk in key.chunks_mut(8) {
        chunk.copy_from_slice(&word().to_le_bytes());
    }
    key
}
