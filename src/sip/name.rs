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
                Self::known(text.as_bytes()).unwrap_or_else(|| Self::Other(text.into()))
            }

            /// A name that has a variant of its own.
            pub(crate) fn known(text: &[u8]) -> Option<Self> {
                if text.len() == 1 {
                    $($(
                        if text.eq_ignore_ascii_case($compact.as_bytes()) {
                            return Some(Self::$variant);
                        }
                    )?)*
                }
                let known = match key(text) {
                    $(keys::$variant => Self::$variant,)*
                    _ => return None,
                };
                let full = known.as_str().as_bytes();
                (text == full || text.eq_ignore_ascii_case(full)).then_some(known)
            }

            /// The full name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }

            /// Whether a header is called so: the full or the compact name, in any case.
            pub(crate) fn is_called(&self, text: &str) -> bool {
                match self {
                    $(Self::$variant => {
                        text.eq_ignore_ascii_case($text)
                            $(|| text.eq_ignore_ascii_case($compact))?
                    })*
                    Self::Other(name) => text.eq_ignore_ascii_case(name),
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

        #[expect(non_upper_case_globals, reason = "called as the names are")]
        mod keys {
            $(pub(super) const $variant: u64 = super::key($text.as_bytes());)*
        }
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

/// The length and the first seven bytes in one word, whatever the case of their letters:
/// one comparison finds the only name that can be meant. No two names share a key, or the
/// compiler would warn of an arm that is never reached.
const fn key(text: &[u8]) -> u64 {
    const ANY_CASE: u64 = 0x0020_2020_2020_2020;
    let mut letters = 0;
    if let Some(first) = text.first_chunk() {
        letters = u64::from_be_bytes(*first) >> 8;
    } else {
        let mut at = 0;
        while at < text.len() && at < 7 {
            letters = letters << 8 | text[at] as u64;
            at += 1;
        }
    }
    (text.len() as u64) << 56 | letters | ANY_CASE
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
