//! Identifiers that nobody can guess without the seed, and anybody can repeat with it.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};

use crate::model::ShardId;

/// The source of every branch, tag and Call-ID of an endpoint: a keyed hash of a
/// counter. A plain generator such as splitmix64 would not do, for whoever sees one of
/// its words can work out the next, and with them the tags of other people's calls.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    seed: u64,
    count: u64,
}

impl Random {
    /// `seed` comes from the server's entropy, or from a simulation.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }

    /// The next 64 bits.
    pub(crate) fn word(&mut self) -> u64 {
        self.count = self.count.wrapping_add(1);
        let mut hash = DefaultHasher::new();
        hash.write_u64(self.seed);
        hash.write_u64(self.count);
        hash.finish()
    }
}

/// `c`, the shard in two hexadecimal digits, and 16 digits of `word`: a tag, and what
/// follows the cookie in a branch. By it answers come home to their shard.
pub(crate) fn shard_token(shard: ShardId, word: u64) -> String {
    let mut token = String::with_capacity(19);
    // Writing to a String cannot fail.
    write!(token, "c{:02x}{word:016x}", shard.0).ok();
    token
}

/// The word of a [`shard_token`], if it is one of this shard's.
pub(crate) fn read_shard_token(shard: ShardId, token: &str) -> Option<u64> {
    let digits = token.strip_prefix('c')?;
    let (number, word) = digits.split_at_checked(2)?;
    let lower = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    if word.len() != 16 || !lower(digits) || u8::from_str_radix(number, 16) != Ok(shard.0) {
        return None;
    }
    u64::from_str_radix(word, 16).ok()
}

/// The shard of a [`shard_token`].
pub(crate) fn shard_of_token(token: &str) -> Option<ShardId> {
    let number = token.strip_prefix('c')?.get(..2)?;
    let shard = ShardId(u8::from_str_radix(number, 16).ok()?);
    read_shard_token(shard, token).map(|_| shard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_its_shard_and_its_word() {
        let token = shard_token(ShardId(0x2a), 7);
        assert_eq!(token, "c2a0000000000000007");
        assert_eq!(read_shard_token(ShardId(0x2a), &token), Some(7));
        assert_eq!(read_shard_token(ShardId(1), &token), None);
        for foreign in [
            "",
            "c",
            "c2a",
            "C2a0000000000000007",
            "c2a000000000000000G",
            "c2a+000000000000007",
            "né2a",
        ] {
            assert_eq!(read_shard_token(ShardId(0x2a), foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_same_seed_tells_the_same_story() {
        let words = |seed| {
            let mut random = Random::new(seed);
            [random.word(), random.word(), random.word()]
        };
        assert_eq!(words(1), words(1));
        assert_ne!(words(1), words(2));
    }
}
