//! Replaces (RFC 3891 section 6.1).

use crate::sip::header::Params;
use crate::sip::{HeaderError, Headers, Name};

/// The dialog whose place a new one is to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: String,
    /// The tag at the end of whoever reads the header: of an INVITE to us, our own.
    pub to_tag: String,
    /// The tag at the other end.
    pub from_tag: String,
    /// Only while the dialog is not answered yet.
    pub early_only: bool,
}

impl Replaces {
    /// Reads `call-id;to-tag=…;from-tag=…`, each of both tags exactly once.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (call_id, params) = text.split_once(';')?;
        let (call_id, params) = (call_id.trim(), Params::parse(params)?);
        let whole =
            !call_id.is_empty() && call_id.bytes().all(|b| b.is_ascii_graphic() && b != b',');
        whole.then_some(Self {
            call_id: call_id.to_owned(),
            to_tag: params.sole("to-tag")?.to_owned(),
            from_tag: params.sole("from-tag")?.to_owned(),
            early_only: params.value("early-only").is_some(),
        })
    }
}

impl Headers {
    /// Replaces, when there.
    ///
    /// # Errors
    /// When it is repeated or unreadable: both are answered 400 (RFC 3891 section 3).
    pub fn replaces(&self) -> Result<Option<Replaces>, HeaderError> {
        self.at_most_one(Name::Replaces, Replaces::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3891 section 6.1.
    #[test]
    fn a_dialog_is_named_by_three_values() {
        for (text, call_id, tags, early_only) in [
            (
                "98732@sip.example;from-tag=r33;to-tag=1_x",
                "98732@sip.example",
                ("1_x", "r33"),
                false,
            ),
            (
                "a ; To-Tag = 1; from-tag=2 ;early-only;x=y",
                "a",
                ("1", "2"),
                true,
            ),
        ] {
            let read = Replaces::parse(text).unwrap();
            assert_eq!(
                (
                    &*read.call_id,
                    (&*read.to_tag, &*read.from_tag),
                    read.early_only
                ),
                (call_id, tags, early_only),
                "{text}"
            );
        }
    }

    /// RFC 3891 section 6.1.
    #[test]
    fn what_names_no_dialog_or_two_is_refused() {
        for text in [
            "",
            "a",
            "a;to-tag=1",
            "a;from-tag=1",
            ";to-tag=1;from-tag=2",
            "a;to-tag=;from-tag=2",
            "a;to-tag;from-tag=2",
            "a;to-tag=1;to-tag=2;from-tag=3",
            "a;to-tag=1;from-tag=2;from-tag=2",
            "a b;to-tag=1;from-tag=2",
            "a;to-tag=1;from-tag=2,b;to-tag=1;from-tag=2",
            "a;to-tag=1;from-tag=2;",
        ] {
            assert_eq!(Replaces::parse(text), None, "{text}");
        }
        let mut headers = Headers::default();
        assert_eq!(headers.replaces(), Ok(None));
        headers.push(Name::Replaces, "a;to-tag=1;from-tag=2");
        assert!(headers.replaces().is_ok_and(|read| read.is_some()));
        headers.push(Name::Replaces, "a;to-tag=1;from-tag=2");
        assert_eq!(
            headers.replaces(),
            Err(HeaderError::Repeated(Name::Replaces))
        );
    }
}
