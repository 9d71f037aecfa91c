//! CSeq (RFC 3261 section 20.16).

use crate::sip::Method;
use crate::sip::text::before;
use crate::sip::uri::digits;

/// A request's number and method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2^31.
    pub number: u32,
    /// The method.
    pub method: Method,
}

impl CSeq {
    /// Reads `4711 INVITE`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_ascii();
        let number = before(text, b' ', b'\t');
        let method = text.get(number.len()..)?.trim_ascii();
        let (number, method) = (digits::<u32>(number)?, Method::parse(method)?);
        (number < 1 << 31).then_some(Self { number, method })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 section 8.1.1.
    #[test]
    fn numbers_stay_below_two_to_the_31() {
        assert_eq!(
            CSeq::parse("0009  INVITE"),
            Some(CSeq {
                number: 9,
                method: Method::Invite
            })
        );
        for text in [
            "36893488147419103232 REGISTER",
            "2147483648 BYE",
            "+1 BYE",
            "1",
            "BYE",
            "1 ",
        ] {
            assert_eq!(CSeq::parse(text), None, "{text}");
        }
    }
}
