//! Name and address: From, To, Contact, Route (RFC 3261 section 20.10).

use crate::sip::{HeaderError, Name, Uri};

/// Parameters after a value, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, Option<String>)>);

impl Params {
    /// Reads `a=1;b;c="x;y"`; `None` for an empty part or an open quote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut list = Vec::new();
        if text.trim().is_empty() {
            return Some(Self(list));
        }
        for part in split_outside(text, b';')? {
            let part = part.trim();
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => {
                    (name.trim(), Some(value.trim().trim_matches('"').to_owned()))
                }
                None => (part, None),
            };
            if name.is_empty() {
                return None;
            }
            list.push((name.to_ascii_lowercase(), value));
        }
        Some(Self(list))
    }

    /// A parameter's value, `Some("")` for one without; `name` in lower case.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_deref().unwrap_or(""))
    }

    /// The value of a parameter that must stand once; `None` when it is missing, stands
    /// twice, or has no value.
    pub(crate) fn sole(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(key, _)| key == name);
        let (_, value) = values.next()?;
        let sole = values.next().is_none();
        value.as_deref().filter(|value| sole && !value.is_empty())
    }
}

/// A display name, an address, and parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// The name to show, unquoted.
    pub display: Option<String>,
    /// The address.
    pub uri: Uri,
    /// Parameters of the header, not of the address.
    pub params: Params,
}

impl NameAddr {
    /// Reads one value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let open = split_outside(text, b'<')?
            .first()
            .map_or(0, |head| head.len());
        let Some(rest) = text.get(open..).and_then(|rest| rest.strip_prefix('<')) else {
            // Without brackets every parameter is the header's.
            let (uri, params) = text.split_once(';').unwrap_or((text, ""));
            let uri = Uri::parse(uri.trim()).ok()?;
            // RFC 3261 section 20.10: an address with a question mark needs brackets.
            let bare = !uri.as_str().contains(['?', ',']);
            return bare.then_some(Self {
                display: None,
                uri,
                params: Params::parse(params)?,
            });
        };
        let (uri, tail) = rest.split_once('>')?;
        let tail = tail.trim();
        let params = if tail.is_empty() {
            ""
        } else {
            tail.strip_prefix(';')?
        };
        Some(Self {
            display: display(text.get(..open)?)?,
            uri: Uri::parse(uri.trim()).ok()?,
            params: Params::parse(params)?,
        })
    }

    /// The dialog's half at this end.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.params.value("tag").filter(|tag| !tag.is_empty())
    }
}

/// What a REGISTER or INVITE says of where the peer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contacts {
    /// `*`: all of them, to be removed.
    Star,
    /// In order, perhaps none.
    List(Vec<NameAddr>),
}

impl Contacts {
    /// Reads every Contact value of a message.
    ///
    /// # Errors
    /// When one cannot be read, or `*` is not alone.
    pub fn read(values: impl Iterator<Item = impl AsRef<str>>) -> Result<Self, HeaderError> {
        let bad = HeaderError::Malformed(Name::Contact);
        let mut list = Vec::new();
        let mut star = false;
        for value in values {
            for part in split_outside(value.as_ref(), b',').ok_or_else(|| bad.clone())? {
                if part.trim() == "*" {
                    star = true;
                } else {
                    list.push(NameAddr::parse(part).ok_or_else(|| bad.clone())?);
                }
            }
        }
        match (star, list.is_empty()) {
            (true, true) => Ok(Self::Star),
            (true, false) => Err(bad),
            (false, _) => Ok(Self::List(list)),
        }
    }
}

/// Splits at a byte that stands neither in quotes nor in angle brackets; `None` when a
/// quote stays open.
pub(crate) fn split_outside(text: &str, at: u8) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut quoted, mut escaped, mut inside, mut start) = (false, false, false, 0);
    for (index, byte) in text.bytes().enumerate() {
        if escaped {
            escaped = false;
        } else if quoted {
            escaped = byte == b'\\';
            quoted = byte != b'"';
        } else if byte == at && !inside {
            parts.push(text.get(start..index)?);
            start = index + 1;
        } else {
            match byte {
                b'"' => quoted = true,
                b'<' => inside = true,
                b'>' => inside = false,
                _ => {}
            }
        }
    }
    parts.push(text.get(start..)?);
    (!quoted).then_some(parts)
}

fn display(text: &str) -> Option<Option<String>> {
    let text = text.trim();
    let Some(rest) = text.strip_prefix('"') else {
        // RFC 4475 section 3.1.2.15: outside quotes a name is tokens.
        let tokens = !text.contains(['"', ',', ';', ':', '@', '<', '>']);
        return tokens.then(|| (!text.is_empty()).then(|| text.to_owned()));
    };
    let inner = rest.strip_suffix('"')?;
    let mut name = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => name.push(letters.next()?),
            '"' => return None,
            other => name.push(other),
        }
    }
    Some(Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_read() {
        let cases = [
            ("sip:a@b;tag=x", None, "sip:a@b", Some("x")),
            ("<sip:a@b;lr>;tag=x", None, "sip:a@b;lr", Some("x")),
            (
                r#""A, \"B\" <c>;d" <sip:a@b> ; TAG = x"#,
                Some(r#"A, "B" <c>;d"#),
                "sip:a@b",
                Some("x"),
            ),
            (
                "Anna Jansen <tel:+31>",
                Some("Anna Jansen"),
                "tel:+31",
                None,
            ),
            ("caller<sip:a@b>", Some("caller"), "sip:a@b", None),
        ];
        for (text, name, uri, tag) in cases {
            let read = NameAddr::parse(text).unwrap();
            assert_eq!(
                (read.display.as_deref(), read.uri.as_str(), read.tag()),
                (name, uri, tag),
                "{text}"
            );
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for text in [
            "",
            r#""open <sip:a@b>"#,
            "Bell, Alexander <sip:a@b>",
            "<sip:a@b",
            "<sip:a@b> x",
            "sip:a@b?x=y",
            "\"a\"b\" <sip:a@b>",
        ] {
            assert_eq!(NameAddr::parse(text), None, "{text}");
        }
    }

    #[test]
    fn contacts_split_outside_quotes_and_brackets() {
        let read = |text: &'static str| Contacts::read([text].into_iter());
        assert_eq!(read(" * "), Ok(Contacts::Star));
        assert!(read("*, <sip:a@b>").is_err());
        let Ok(Contacts::List(list)) = read(r#""a,b" <sip:a,x@b>;q=1, sip:c@d;expires=5"#) else {
            panic!("a list")
        };
        assert_eq!(list.len(), 2);
        assert_eq!(list[1].params.value("expires"), Some("5"));
    }
}
