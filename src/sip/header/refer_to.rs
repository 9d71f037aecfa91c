//! Refer-To and Referred-By (RFC 3515 section 2.1, RFC 3892 section 3).

use crate::sip::{HeaderError, Headers, Name, NameAddr};

impl Headers {
    /// Refer-To: whom to call. Headers of the new request stand in its address, to be
    /// read by [`Uri::header`](crate::sip::Uri::header).
    ///
    /// # Errors
    /// When there is not exactly one, or it cannot be read: RFC 3515 section 2.4.2 wants
    /// 400 for each.
    pub fn refer_to(&self) -> Result<NameAddr, HeaderError> {
        self.address(Name::ReferTo)
    }

    /// Referred-By: who asked for it, when there.
    ///
    /// # Errors
    /// When it is repeated or unreadable.
    pub fn referred_by(&self) -> Result<Option<NameAddr>, HeaderError> {
        self.at_most_one(Name::ReferredBy, NameAddr::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refer(values: &[&'static str]) -> Headers {
        let mut headers = Headers::default();
        for value in values {
            headers.push(Name::ReferTo, *value);
            headers.push(Name::ReferredBy, *value);
        }
        headers
    }

    /// RFC 3515 section 2.1.
    #[test]
    fn there_is_one_target() {
        let attended = "<sip:b@h?Replaces=c%40d%3Bto-tag%3D1%3Bfrom-tag%3D2>";
        let target = refer(&[attended]).refer_to().unwrap();
        assert_eq!(
            target.uri.header("Replaces"),
            Ok(Some("c@d;to-tag=1;from-tag=2".into()))
        );
        for (values, target) in [
            (&["sip:b@h"][..], Ok("sip:b@h")),
            (&["\"B\" <tel:+31201234567>;x=y"], Ok("tel:+31201234567")),
            (&[], Err(HeaderError::Missing(Name::ReferTo))),
            (
                &["sip:b@h", "sip:c@h"],
                Err(HeaderError::Repeated(Name::ReferTo)),
            ),
            (
                &["<sip:b@h>, <sip:c@h>"],
                Err(HeaderError::Malformed(Name::ReferTo)),
            ),
            (
                &["sip:b@h, sip:c@h"],
                Err(HeaderError::Malformed(Name::ReferTo)),
            ),
            (
                &["sip:b@h?Replaces=x"],
                Err(HeaderError::Malformed(Name::ReferTo)),
            ),
        ] {
            let read = refer(values).refer_to().map(|read| read.uri.to_string());
            assert_eq!(read, target.map(String::from), "{values:?}");
        }
    }

    #[test]
    fn who_asked_need_not_be_said() {
        assert_eq!(refer(&[]).referred_by(), Ok(None));
        let said = refer(&["<sip:a@h>;cid=\"x@y\""]).referred_by();
        assert!(said.is_ok_and(|by| by.is_some_and(|by| by.uri.as_str() == "sip:a@h")));
        assert!(refer(&["sip:a@h", "sip:a@h"]).referred_by().is_err());
    }
}
