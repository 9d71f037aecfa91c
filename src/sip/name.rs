//! Names of headers, with their compact forms.

use std::fmt;
use std::sync::Arc;

macro_rules! names {
    ($($(#[$meta:meta])* $variant:ident = $text:literal $(| $compact:literal)?,)*) => {
        /// A header's name; case does not matter (RFC 3261 section 7.3.1).
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Name {
            $(#[doc = $text] $variant,)*
            /// Any other token, as it was written.
            Other(Arc<str>),
        }

        impl Name {
            /// Reads a full or compact name.
            #[must_use]
            pub fn parse(text: &str) -> Self {
                match Known::read(text.as_bytes(), text.len()) {
                    Some(known) => known.name().clone(),
                    None => Self::Other(text.into()),
                }
            }

            /// The full name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }

            /// Whether both name the same header.
            #[must_use]
            pub fn is(&self, other: &Self) -> bool {
                match (self, other) {
                    (Self::Other(one), Self::Other(two)) => one.eq_ignore_ascii_case(two),
                    _ => self == other,
                }
            }
        }

        /// A name that has a variant of its own, as one byte.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Known {
            $($variant,)*
        }

        impl Known {
            /// How many there are.
            pub(crate) const COUNT: usize = [$(Self::$variant,)*].len();

            /// The same as a name.
            pub(crate) const fn name(self) -> &'static Name {
                match self {
                    $(Self::$variant => &Name::$variant,)*
                }
            }
        }

        impl Name {
            /// `None` for any other token.
            #[inline]
            pub(crate) const fn known(&self) -> Option<Known> {
                match self {
                    $(Self::$variant => Some(Known::$variant),)*
                    Self::Other(_) => None,
                }
            }
        }

        /// Every full and compact name.
        const TEXTS: &[(&str, Known)] = &[
            $(($text, Known::$variant), $(($compact, Known::$variant),)?)*
        ];
    };
}

names! {
    Via = "Via" | "v",
    From = "From" | "f",
    To = "To" | "t",
    CallId = "Call-ID" | "i",
    CSeq = "CSeq",
    Contact = "Contact" | "m",
    MaxForwards = "Max-Forwards",
    ContentLength = "Content-Length" | "l",
    ContentType = "Content-Type" | "c",
    ContentEncoding = "Content-Encoding" | "e",
    ContentDisposition = "Content-Disposition",
    Route = "Route",
    RecordRoute = "Record-Route",
    Expires = "Expires",
    MinExpires = "Min-Expires",
    Require = "Require",
    ProxyRequire = "Proxy-Require",
    Supported = "Supported" | "k",
    Unsupported = "Unsupported",
    Allow = "Allow",
    Accept = "Accept",
    AcceptEncoding = "Accept-Encoding",
    Warning = "Warning",
    Authorization = "Authorization",
    WwwAuthenticate = "WWW-Authenticate",
    ProxyAuthorization = "Proxy-Authorization",
    ProxyAuthenticate = "Proxy-Authenticate",
    RetryAfter = "Retry-After",
    Reason = "Reason",
    Server = "Server",
    UserAgent = "User-Agent",
    PAssertedIdentity = "P-Asserted-Identity",
    SessionExpires = "Session-Expires" | "x",
    MinSe = "Min-SE",
    RSeq = "RSeq",
    RAck = "RAck",
    ReferTo = "Refer-To" | "r",
    ReferredBy = "Referred-By" | "b",
    Replaces = "Replaces",
    Event = "Event" | "o",
    SubscriptionState = "Subscription-State",
    Diversion = "Diversion",
    HistoryInfo = "History-Info",
    Privacy = "Privacy",
    Path = "Path",
    Date = "Date",
}

impl Known {
    /// Below [`Self::COUNT`].
    #[inline]
    pub(crate) const fn number(self) -> usize {
        self as usize
    }

    /// One bit of a set of names.
    #[inline]
    pub(crate) const fn bit(self) -> u64 {
        1 << self.number()
    }

    /// The name that the first `length` bytes of a line are, full or compact and in any
    /// case: one look says which alone it can be, and one comparison whether it is.
    #[inline(always)]
    pub(crate) fn read(line: &[u8], length: usize) -> Option<Self> {
        let place = PLACES.get(slot(key(line, length), SPREAD))?;
        let (name, known) = TEXTS.get(usize::from(*place))?;
        let text = line.get(..length)?;
        let called = text == name.as_bytes() || text.eq_ignore_ascii_case(name.as_bytes());
        called.then_some(*known)
    }
}

const SLOTS: usize = 512;
const NOBODY: u8 = u8::MAX;

/// A factor that spreads the keys of all names over slots of their own, found by trying
/// while this is compiled.
const SPREAD: u64 = {
    let mut spread: u64 = 0xbf58_476d_1ce4_e5b9;
    let mut tries = 0;
    while places(spread).is_none() {
        assert!(tries < 1_000, "two names have the same key");
        spread = spread.wrapping_add(2);
        tries += 1;
    }
    spread
};

/// Which of [`TEXTS`] has a slot.
static PLACES: [u8; SLOTS] = match places(SPREAD) {
    Some(places) => places,
    None => [NOBODY; SLOTS],
};

/// `None` when two names would share a slot.
const fn places(spread: u64) -> Option<[u8; SLOTS]> {
    let mut places = [NOBODY; SLOTS];
    let mut at: u8 = 0;
    while (at as usize) < TEXTS.len() {
        let text = TEXTS[at as usize].0.as_bytes();
        let slot = slot(key(text, text.len()), spread);
        if places[slot] != NOBODY {
            return None;
        }
        places[slot] = at;
        at += 1;
    }
    Some(places)
}

/// The highest nine bits of the product, which each bit of the key has a say in.
const fn slot(key: u64, spread: u64) -> usize {
    let [high, low, ..] = key.wrapping_mul(spread).to_be_bytes();
    (u16::from_be_bytes([high, low]) >> 7) as usize
}

/// The length and the first seven bytes of a name in one word, whatever the case of their
/// letters. What follows the name in its line is shifted out, so that short names need no
/// loop.
const fn key(line: &[u8], length: usize) -> u64 {
    const ANY_CASE: u64 = 0x0020_2020_2020_2020;
    let first = if let Some(first) = line.first_chunk() {
        *first
    } else {
        let mut padded = [0; 8];
        let mut at = 0;
        while at < line.len() {
            padded[at] = line[at];
            at += 1;
        }
        padded
    };
    let letters = match length {
        0 => 0,
        1..7 => u64::from_be_bytes(first) >> (64 - 8 * length),
        7.. => u64::from_be_bytes(first) >> 8,
    };
    (length as u64) << 56 | letters | ANY_CASE
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 section 7.3.
    #[test]
    fn compact_and_full_names_are_one() {
        for (compact, full) in [
            ("v", "VIA"),
            ("f", "from"),
            ("i", "Call-Id"),
            ("m", "contact"),
            ("l", "content-length"),
            ("k", "Supported"),
            ("r", "Refer-To"),
            ("b", "Referred-By"),
            ("o", "Event"),
        ] {
            assert!(Name::parse(compact).is(&Name::parse(full)), "{compact}");
        }
        assert!(Name::parse("X-Own").is(&Name::parse("x-own")));
        assert!(!Name::parse("X-Own").is(&Name::Via));
    }
}
