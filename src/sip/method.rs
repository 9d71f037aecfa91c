//! Methods of requests.

use std::fmt;
use std::sync::Arc;

macro_rules! methods {
    ($($(#[$meta:meta])* $method:ident = $text:literal,)*) => {
        /// A request's method. Case matters (RFC 3261 section 7.1).
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Method {
            $($(#[$meta])* $method,)*
            /// Any other token.
            Other(Arc<str>),
        }

        /// A method as a label: what a stranger invents is one word.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum MethodLabel {
            $($(#[$meta])* $method,)*
            /// Any other.
            Other,
        }

        impl Method {
            const KNOWN: &[Self] = &[$(Self::$method),*];

            /// As on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$method => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl MethodLabel {
            /// The label's text.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$method => $text,)*
                    Self::Other => "other",
                }
            }
        }

        impl From<&Method> for MethodLabel {
            fn from(method: &Method) -> Self {
                match method {
                    $(Method::$method => Self::$method,)*
                    Method::Other(_) => Self::Other,
                }
            }
        }
    };
}

methods! {
    /// Begin or change a dialog.
    Invite = "INVITE",
    /// Acknowledge a final answer to INVITE.
    Ack = "ACK",
    /// End a dialog.
    Bye = "BYE",
    /// Take back an INVITE.
    Cancel = "CANCEL",
    /// Tell where a phone is.
    Register = "REGISTER",
    /// Ask what a peer can do, or whether it lives.
    Options = "OPTIONS",
    /// Mid-dialog information (RFC 6086).
    Info = "INFO",
    /// Change a dialog before its final answer (RFC 3311).
    Update = "UPDATE",
    /// Acknowledge a provisional answer (RFC 3262).
    Prack = "PRACK",
    /// Ask a peer to call somebody (RFC 3515).
    Refer = "REFER",
    /// Tell a subscriber (RFC 6665).
    Notify = "NOTIFY",
    /// Ask to be told (RFC 6665).
    Subscribe = "SUBSCRIBE",
    /// A text (RFC 3428).
    Message = "MESSAGE",
    /// Publish a state (RFC 3903).
    Publish = "PUBLISH",
}

impl Method {
    /// Reads a token; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(known) = Self::KNOWN.iter().find(|known| known.as_str() == text) {
            return Some(known.clone());
        }
        let token = !text.is_empty() && text.len() <= 64 && text.bytes().all(is_token_byte);
        token.then(|| Self::Other(text.into()))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The bytes of a token (RFC 3261 section 25.1).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

static TOKEN: [bool; 256] = {
    let others = b"-.!%*_+`'~";
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 section 7.1.
    #[test]
    fn methods_are_tokens_and_case_matters() {
        assert_eq!(Method::parse("INVITE"), Some(Method::Invite));
        assert_eq!(
            Method::parse("invite"),
            Some(Method::Other("invite".into()))
        );
        assert_eq!(
            Method::parse("!interesting-Method0123456789_*+`.%indeed'~")
                .map(|m| m.to_string())
                .as_deref(),
            Some("!interesting-Method0123456789_*+`.%indeed'~")
        );
        assert_eq!(Method::parse("IN VITE"), None);
        assert_eq!(Method::parse(""), None);
    }
}
