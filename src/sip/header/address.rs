//! Name and address: From, To, Contact, Route (RFC 3261 section 20.10).

use std::borrow::Cow;

use crate::model::limits;
use crate::sip::text::cut;
use crate::sip::uri::RawUri;
use crate::sip::{HeaderError, Name, Uri};

/// Parameters after a value, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, Option<String>)>);

/// Parameters as they stand in a text, checked and not yet copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawParams<'a>(&'a str);

impl<'a> RawParams<'a> {
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        Self::read_each(text, |_, _| {})
    }

    /// As [`Self::read`]; shows each name and value on the way.
    pub(crate) fn read_each(
        text: &'a str,
        mut see: impl FnMut(&'a str, Option<&'a str>),
    ) -> Option<Self> {
        let params = Self(text.trim_ascii());
        for (count, param) in params.iter().enumerate() {
            let (name, value) = param.filter(|_| count < limits::PARAMETERS)?;
            see(name, value);
        }
        Some(params)
    }

    /// As [`Params::value`]; `name` in any case.
    pub(crate) fn value(&self, name: &str) -> Option<&'a str> {
        self.iter()
            .flatten()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.unwrap_or(""))
    }

    pub(crate) fn own(self) -> Params {
        let own = |(name, value): (&str, Option<&str>)| {
            (name.to_ascii_lowercase(), value.map(str::to_owned))
        };
        Params(self.iter().flatten().map(own).collect())
    }

    /// `None` for one without a name, and in the end for an open quote.
    fn iter(&self) -> impl Iterator<Item = Option<(&'a str, Option<&'a str>)>> + use<'a> {
        let mut list = parts(self.0, b';');
        if self.0.is_empty() {
            list.rest = None;
        }
        list.map(|part| {
            let part = part?.trim_ascii();
            let (name, value) = match cut(part, b'=') {
                Some((name, value)) => (name.trim_ascii_end(), Some(unquoted(value))),
                None => (part, None),
            };
            (!name.is_empty()).then_some((name, value))
        })
    }
}

fn unquoted(value: &str) -> &str {
    let value = value.trim_ascii();
    let bytes = value.as_bytes();
    if bytes.first() == Some(&b'"') || bytes.last() == Some(&b'"') {
        value.trim_matches('"')
    } else {
        value
    }
}

impl Params {
    /// Reads `a=1;b;c="x;y"`; `None` for an empty part, an open quote, or too many.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        RawParams::read(text).map(RawParams::own)
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

/// A name and address as they stand in a text, checked and not yet copied.
#[derive(Clone, Debug)]
pub(crate) struct RawNameAddr<'a> {
    display: Option<Cow<'a, str>>,
    uri: RawUri<'a>,
    params: RawParams<'a>,
}

impl<'a> RawNameAddr<'a> {
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let text = text.trim_ascii();
        if text.len() > limits::ADDRESS_BYTES {
            return None;
        }
        // Most addresses have no name before them.
        let open = if text.starts_with('<') {
            0
        } else {
            parts(text, b'<').next()??.len()
        };
        let Some(rest) = text.get(open..).and_then(|rest| rest.strip_prefix('<')) else {
            // Without brackets every parameter is the header's.
            let (uri, params) = cut(text, b';').unwrap_or((text, ""));
            let uri = RawUri::read(uri.trim_ascii())?;
            // RFC 3261 section 20.10: an address with a question mark needs brackets.
            let bare = memchr::memchr2(b'?', b',', uri.text.as_bytes()).is_none();
            return bare.then_some(Self {
                display: None,
                uri,
                params: RawParams::read(params)?,
            });
        };
        let close = memchr::memchr(b'>', rest.as_bytes())?;
        let (uri, tail) = (rest.get(..close)?, rest.get(close + 1..)?.trim_ascii());
        let params = if tail.is_empty() {
            ""
        } else {
            tail.strip_prefix(';')?
        };
        Some(Self {
            display: display(text.get(..open)?)?,
            uri: RawUri::read(uri.trim_ascii())?,
            params: RawParams::read(params)?,
        })
    }

    /// As [`NameAddr::tag`].
    pub(crate) fn tag(&self) -> Option<&'a str> {
        self.params.value("tag").filter(|tag| !tag.is_empty())
    }

    fn own(self) -> NameAddr {
        NameAddr {
            display: self.display.map(Cow::into_owned),
            uri: self.uri.own(None),
            params: self.params.own(),
        }
    }
}

impl NameAddr {
    /// Reads one value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        RawNameAddr::read(text).map(RawNameAddr::own)
    }

    /// The values of a line, as they stand in it; none after an open quote.
    pub(crate) fn split(line: &str) -> impl Iterator<Item = &str> {
        parts(line, b',').map_while(|part| part.map(str::trim_ascii))
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
    /// When one cannot be read, `*` is not alone, or there are too many.
    pub fn read(values: impl Iterator<Item = impl AsRef<str>>) -> Result<Self, HeaderError> {
        let mut list = Vec::new();
        let star = each_contact(values, |contact| list.push(contact.own()))?;
        Ok(if star { Self::Star } else { Self::List(list) })
    }

    /// Whether [`Self::read`] would succeed, without copying anything.
    pub(crate) fn check(values: impl Iterator<Item = impl AsRef<str>>) -> Result<(), HeaderError> {
        each_contact(values, |_| {}).map(|_| ())
    }
}

/// Whether it is `*` and nothing else.
fn each_contact(
    values: impl Iterator<Item = impl AsRef<str>>,
    mut see: impl FnMut(RawNameAddr<'_>),
) -> Result<bool, HeaderError> {
    let bad = || HeaderError::Malformed(Name::Contact);
    let (mut star, mut any, mut seen) = (false, false, 0);
    for value in values {
        for part in parts(value.as_ref(), b',') {
            let part = part.ok_or_else(bad)?;
            seen += 1;
            if seen > limits::CONTACTS {
                return Err(HeaderError::Repeated(Name::Contact));
            } else if part.trim_ascii() == "*" {
                star = true;
            } else {
                any = true;
                see(RawNameAddr::read(part).ok_or_else(bad)?);
            }
        }
    }
    if star && any { Err(bad()) } else { Ok(star) }
}

/// The parts of a text between a byte that stands neither in quotes nor in angle
/// brackets; the last is `None` when a quote stays open.
pub(crate) fn parts(text: &str, at: u8) -> Parts<'_> {
    Parts {
        rest: Some(text),
        at,
    }
}

/// See [`parts`].
#[derive(Clone, Debug)]
pub(crate) struct Parts<'a> {
    rest: Option<&'a str>,
    at: u8,
}

impl<'a> Iterator for Parts<'a> {
    type Item = Option<&'a str>;

    fn next(&mut self) -> Option<Option<&'a str>> {
        let text = self.rest.take()?;
        let bytes = text.as_bytes();
        // Most texts hold none of the three, or the one that is sought before the others.
        let Some(first) = memchr::memchr3(self.at, b'"', b'<', bytes) else {
            return Some(Some(text));
        };
        let mut inside = false;
        let mut index = first;
        if self.at != b'<' && bytes.get(first) == Some(&b'<') {
            // An address is passed over at once; a second one is not, for of a text made of
            // brackets each search would cost more than it saves.
            inside = true;
            index += 1;
            let rest = bytes.get(index..).unwrap_or_default();
            match memchr::memchr2(b'"', b'>', rest) {
                Some(more) => index += more,
                None => return Some(Some(text)),
            }
        }
        while let Some(byte) = bytes.get(index) {
            match byte {
                b'"' => match closing_quote(bytes, index + 1) {
                    Some(close) => index = close,
                    None => return Some(None),
                },
                byte if *byte == self.at && !inside => {
                    self.rest = text.get(index + 1..);
                    return Some(text.get(..index));
                }
                b'<' => inside = true,
                b'>' => inside = false,
                _ => {}
            }
            index += 1;
        }
        Some(Some(text))
    }
}

/// Where a quote closes of which `from` is the first byte inside.
fn closing_quote(bytes: &[u8], from: usize) -> Option<usize> {
    let mut escaped = false;
    let inner = bytes.get(from..)?;
    let close = inner.iter().position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    })?;
    Some(from + close)
}

/// Whether every quote is closed.
pub(crate) fn is_closed(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut open = memchr::memchr(b'"', bytes);
    while let Some(at) = open {
        let Some(close) = closing_quote(bytes, at + 1) else {
            return false;
        };
        let rest = bytes.get(close + 1..).unwrap_or_default();
        let next = rest.iter().position(|byte| *byte == b'"');
        open = next.map(|next| close + 1 + next);
    }
    true
}

/// All [`parts`] at once; `None` when a quote stays open.
pub(crate) fn split_outside(text: &str, at: u8) -> Option<Vec<&str>> {
    parts(text, at).collect()
}

/// The name before an address, without its quotes.
fn display(text: &str) -> Option<Option<Cow<'_, str>>> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Some(None);
    }
    let Some(rest) = text.strip_prefix('"') else {
        // RFC 4475 section 3.1.2.15: outside quotes a name is tokens.
        let tokens = !text.contains(['"', ',', ';', ':', '@', '<', '>']);
        return tokens.then_some(Some(Cow::Borrowed(text)));
    };
    let inner = rest.strip_suffix('"')?;
    if memchr::memchr2(b'\\', b'"', inner.as_bytes()).is_none() {
        return Some(Some(Cow::Borrowed(inner)));
    }
    let mut name = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => name.push(letters.next()?),
            '"' => return None,
            other => name.push(other),
        }
    }
    Some(Some(name.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 section 20.
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

    /// RFC 3261 section 20.
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
