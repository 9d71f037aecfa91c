//! RSeq and RAck: provisional answers that are acknowledged (RFC 3262 section 7).

use crate::sip::header::CSeq;
use crate::sip::uri::digits;
use crate::sip::{HeaderError, Headers, Name};

/// Which provisional answer a PRACK acknowledges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RAck {
    /// Its RSeq.
    pub rseq: u32,
    /// Its CSeq: number and method of the request that it answers.
    pub cseq: CSeq,
}

impl RAck {
    /// Reads `776656 1 INVITE`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (rseq, cseq) = text.trim().split_once([' ', '\t'])?;
        Some(Self {
            rseq: number(rseq)?,
            cseq: CSeq::parse(cseq)?,
        })
    }
}

/// At least one: zero numbers no answer (RFC 3262 section 3).
fn number(text: &str) -> Option<u32> {
    digits(text).filter(|number| *number > 0)
}

impl Headers {
    /// RSeq of a provisional answer, when there: the answer is then to be acknowledged.
    ///
    /// # Errors
    /// When it is repeated or no number of 1 to 2^32 − 1.
    pub fn rseq(&self) -> Result<Option<u32>, HeaderError> {
        self.at_most_one(Name::RSeq, number)
    }

    /// RAck of a PRACK.
    ///
    /// # Errors
    /// When it is missing, repeated or unreadable.
    pub fn rack(&self) -> Result<RAck, HeaderError> {
        RAck::parse(&self.only(Name::RAck)?).ok_or(HeaderError::Malformed(Name::RAck))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Method;

    /// RFC 3262 section 7.
    #[test]
    fn an_answer_is_named_by_two_numbers_and_a_method() {
        let mut headers = Headers::default();
        assert_eq!(headers.rack(), Err(HeaderError::Missing(Name::RAck)));
        headers.push(Name::RAck, "4294967295 \t 2147483647  INVITE");
        let cseq = CSeq {
            number: 2_147_483_647,
            method: Method::Invite,
        };
        let rseq = u32::MAX;
        assert_eq!(headers.rack(), Ok(RAck { rseq, cseq }));
        for text in [
            "",
            "1",
            "1 2",
            "1 INVITE",
            "0 1 INVITE",
            "4294967296 1 INVITE",
            "+1 1 INVITE",
            "1 2147483648 INVITE",
            "1 1 IN VITE",
            "1,1 INVITE",
        ] {
            assert_eq!(RAck::parse(text), None, "{text}");
        }
    }

    /// RFC 3262 section 7.
    #[test]
    fn an_answer_is_numbered_from_one() {
        let read = |value: &'static str| {
            let mut headers = Headers::default();
            headers.push(Name::RSeq, value);
            headers.rseq()
        };
        assert_eq!(read("1"), Ok(Some(1)));
        for text in ["0", "-1", "4294967296", "", "1a", "1 2"] {
            assert_eq!(
                read(text),
                Err(HeaderError::Malformed(Name::RSeq)),
                "{text}"
            );
        }
        assert_eq!(Headers::default().rseq(), Ok(None));
    }
}
