//! Text that may be a slice of a datagram.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

/// Text that shares the bytes which it was read from, or has its own.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Text(Bytes);

impl Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Always text: it is made of nothing else.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// `part` without copying it, where `whole` is what it was cut from.
    pub(crate) fn slice(whole: Option<&Bytes>, part: &str) -> Self {
        match whole {
            Some(whole) => Self(whole.slice_ref(part.as_bytes())),
            None => part.into(),
        }
    }
}

/// As `str::split_once`, which is slow to begin, as is a search by many bytes at a time:
/// what is sought stands near.
pub(crate) fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let found = text.bytes().position(|byte| byte == at)?;
    Some((text.get(..found)?, text.get(found + 1..)?))
}

/// What stands before the first of two bytes, or all of it.
pub(crate) fn before(text: &str, one: u8, other: u8) -> &str {
    let found = text.bytes().position(|byte| byte == one || byte == other);
    found.and_then(|at| text.get(..at)).unwrap_or(text)
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}
