//! Why a call is ended, in the telephone network's numbers.

use serde::{Deserialize, Serialize};

/// A cause value of ITU-T Q.850, 1 to 127.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cause(u8);

/// Those that a flow may write as a word.
const WORDS: &[(&str, u8)] = &[
    ("unallocated", 1),
    ("normal", 16),
    ("busy", 17),
    ("no_response", 18),
    ("no_answer", 19),
    ("absent", 20),
    ("rejected", 21),
    ("changed", 22),
    ("out_of_order", 27),
    ("unavailable", 31),
    ("congestion", 34),
    ("temporary", 41),
    ("barred", 55),
];

/// Why a peer ends a call or refuses one, as it says itself (RFC 3326): with what it does not
/// say, nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// A status code of SIP; 200 with a CANCEL: somebody else took the call.
    pub sip: Option<u16>,
    /// The telephone network's cause.
    pub q850: Option<Cause>,
}

impl Cause {
    /// `None` when no cause has this number.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        (1..=127).contains(&number).then_some(Self(number))
    }

    /// The cause of a word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        let found = WORDS.iter().find(|(known, _)| *known == word);
        found.map(|(_, number)| Self(*number))
    }

    /// Every word.
    pub fn words() -> impl Iterator<Item = &'static str> + Clone {
        WORDS.iter().map(|(word, _)| *word)
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// The status code that refuses an INVITE for it (RFC 3398 section 7.2.4.1).
    #[must_use]
    pub fn status(self) -> u16 {
        match self.0 {
            1..=3 | 26 => 404,
            17 => 486,
            18 => 408,
            21 | 55 | 57 | 87 => 403,
            22 | 23 => 410,
            27 => 502,
            28 => 484,
            29 | 79 => 501,
            34 | 38 | 41 | 42 | 47 | 58 | 88 => 503,
            65 | 70 => 488,
            102 => 504,
            111 | 127 => 500,
            _ => 480,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_a_cause_and_every_cause_refuses() {
        for word in Cause::words() {
            assert!(Cause::named(word).is_some(), "{word}");
        }
        assert_eq!((Cause::new(0), Cause::new(128)), (None, None));
        for number in 1..=127 {
            let status = Cause::new(number).unwrap().status();
            assert!((400..600).contains(&status), "{number}");
        }
        assert_eq!(Cause::named("busy").map(Cause::status), Some(486));
    }
}
