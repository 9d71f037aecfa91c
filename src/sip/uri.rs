//! Addresses: `sip:`, `sips:`, `tel:` and whatever else stands before a colon.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;

use crate::sip::Text;
use crate::sip::text::{before, cut};

/// What stands before the colon.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip`
    Sip,
    /// `sips`
    Sips,
    /// `tel` (RFC 3966)
    Tel,
    /// Anything else, in lower case.
    Other(String),
}

/// Where an address points.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A literal address; IPv6 in brackets on the wire.
    Address(IpAddr),
    /// A name, in lower case.
    Name(Text),
}

impl Host {
    /// Reads a host without port.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        RawHost::read(text).map(|host| host.own(None))
    }
}

/// A host as it stands in a text, checked and not yet copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawHost<'a> {
    Address(IpAddr),
    Name(&'a str),
}

impl<'a> RawHost<'a> {
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            // RFC 5118 section 4.10: three colons came from an error in the grammar.
            let inner = inner.strip_suffix(']')?;
            let address: Ipv6Addr = if inner.contains(":::") {
                inner.replacen(":::", "::", 1).parse().ok()?
            } else {
                inner.parse().ok()?
            };
            return Some(Self::Address(IpAddr::V6(address)));
        }
        (marks(text) & NOT_HOST == 0)
            .then(|| Self::plain(text))
            .flatten()
    }

    /// A host without brackets, of whose bytes each may stand in a name.
    fn plain(text: &'a str) -> Option<Self> {
        if text.as_bytes().last()?.is_ascii_digit()
            && let Ok(address) = text.parse::<Ipv4Addr>()
        {
            return Some(Self::Address(IpAddr::V4(address)));
        }
        (text.len() <= 255).then_some(Self::Name(text))
    }

    /// Reads `host:port` at the start of a text, and says what follows it. Brackets protect
    /// the colons of IPv6.
    pub(crate) fn lead(text: &'a str) -> Option<(Self, Option<u16>, &'a str)> {
        let (host, rest) = if text.starts_with('[') {
            let (host, rest) = text.split_at_checked(text.find(']')? + 1)?;
            (Self::read(host)?, rest)
        } else {
            let end = end_of(text, |byte| mark(byte) & NOT_HOST == 0);
            let (host, rest) = text.split_at_checked(end)?;
            (Self::plain(host)?, rest)
        };
        let Some(rest) = rest.strip_prefix(':') else {
            return Some((host, None, rest));
        };
        let (port, rest) = rest.split_at_checked(end_of(rest, |byte| byte.is_ascii_digit()))?;
        Some((host, Some(digits(port)?), rest))
    }

    /// `whole` is the bytes that the text is a part of, to share them.
    pub(crate) fn own(self, whole: Option<&Bytes>) -> Host {
        match self {
            Self::Address(address) => Host::Address(address),
            Self::Name(name) if name.bytes().any(|b| b.is_ascii_uppercase()) => {
                Host::Name(name.to_ascii_lowercase().into())
            }
            Self::Name(name) => Host::Name(Text::slice(whole, name)),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// An address that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address of the form scheme:user@host:port")]
pub struct UriError;

/// An address, with the text that it was read from, which is what is echoed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Uri {
    text: Text,
    /// What stands before the colon.
    pub scheme: Scheme,
    /// Before the `@`, percent-decoded, without a password; the number of a `tel:`.
    pub user: Option<String>,
    /// Where to; `None` for schemes that have no host.
    pub host: Option<Host>,
    /// The port, when written.
    pub port: Option<u16>,
}

/// An address as it stands in a text, checked and not yet copied.
#[derive(Clone, Debug)]
pub(crate) struct RawUri<'a> {
    pub(crate) text: &'a str,
    scheme: &'a str,
    user: Option<Cow<'a, str>>,
    host: Option<RawHost<'a>>,
    port: Option<u16>,
}

/// No byte of an address: controls and what ends it.
const BAD: u8 = 1;
/// `@`
const AT: u8 = 2;
/// `%`
const PERCENT: u8 = 4;
/// `:`
const COLON: u8 = 8;
/// No byte of a name of a host.
const NOT_HOST: u8 = 16;

/// What each byte is in an address. Beyond ASCII anything goes.
static MARKS: [u8; 256] = {
    let mut table = [NOT_HOST; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        let mut mark = match byte {
            ..=b' ' | 0x7f | b'"' | b'<' | b'>' => BAD,
            b'@' => AT,
            b'%' => PERCENT,
            b':' => COLON,
            _ => 0,
        };
        if !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'.' | b'_') {
            mark |= NOT_HOST;
        }
        table[byte as usize] = mark;
        byte += 1;
    }
    table
};

fn mark(byte: u8) -> u8 {
    MARKS[usize::from(byte)]
}

/// The marks of all bytes together. It looks at every one, which is quicker than to stop at
/// the first bad one: there is none.
fn marks(text: &str) -> u8 {
    text.bytes().fold(0, |marks, byte| marks | mark(byte))
}

/// Where the bytes at the start of a text end that are `good`.
fn end_of(text: &str, good: impl Fn(u8) -> bool) -> usize {
    let end = text.bytes().position(|byte| !good(byte));
    end.unwrap_or(text.len())
}

impl<'a> RawUri<'a> {
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let marks = marks(text);
        if marks & BAD != 0 {
            return None;
        }
        let (scheme, rest) = cut(text, b':')?;
        let mut uri = Self {
            text,
            scheme,
            user: None,
            host: None,
            port: None,
        };
        if scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips") {
            uri.read_sip(rest, marks)?;
        } else if scheme.eq_ignore_ascii_case("tel") {
            uri.user = Some(Cow::Borrowed(before(rest, b';', b';')));
        } else {
            let letter = scheme.bytes().next()?.is_ascii_alphabetic();
            let good = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
            if !letter || !scheme.bytes().all(good) {
                return None;
            }
        }
        Some(uri)
    }

    fn read_sip(&mut self, rest: &'a str, marks: u8) -> Option<()> {
        let mut tail = rest;
        if marks & AT != 0 {
            let user = rest.get(..end_of(rest, |byte| mark(byte) & (AT | COLON) == 0))?;
            if user.is_empty() {
                return None;
            }
            let at = if rest.as_bytes().get(user.len()) == Some(&b'@') {
                user.len()
            } else {
                // An `@` in the password is nobody's business.
                rest.rfind('@')?
            };
            tail = rest.get(at + 1..)?;
            self.user = Some(if marks & PERCENT != 0 {
                unescape(user)?
            } else {
                Cow::Borrowed(user)
            });
        }
        let (host, port, rest) = RawHost::lead(tail)?;
        // One behind the host is: the address could mean two things.
        let ends = rest.is_empty() || rest.starts_with([';', '?']);
        if !ends || rest.bytes().any(|byte| byte == b'@') {
            return None;
        }
        self.host = Some(host);
        self.port = port;
        Some(())
    }

    /// `whole` is the bytes that the text is a part of, to share them.
    pub(crate) fn own(self, whole: Option<&Bytes>) -> Uri {
        let scheme = if self.scheme.eq_ignore_ascii_case("sip") {
            Scheme::Sip
        } else if self.scheme.eq_ignore_ascii_case("sips") {
            Scheme::Sips
        } else if self.scheme.eq_ignore_ascii_case("tel") {
            Scheme::Tel
        } else {
            Scheme::Other(self.scheme.to_ascii_lowercase())
        };
        Uri {
            text: Text::slice(whole, self.text),
            scheme,
            user: self.user.map(Cow::into_owned),
            host: self.host.map(|host| host.own(whole)),
            port: self.port,
        }
    }
}

impl Uri {
    /// Reads an address.
    ///
    /// # Errors
    /// When there is no scheme, or a `sip:` has no usable host or port.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        RawUri::read(text).map(|uri| uri.own(None)).ok_or(UriError)
    }

    /// `sip:user@host:port`, from parts that are known to be good.
    #[must_use]
    pub fn sip(user: Option<&str>, host: &Host, port: Option<u16>) -> Self {
        let mut text = String::from("sip:");
        if let Some(user) = user {
            text.push_str(&escape(user));
            text.push('@');
        }
        text.push_str(&host.to_string());
        if let Some(port) = port {
            text.push(':');
            text.push_str(&port.to_string());
        }
        Self {
            text: text.into(),
            scheme: Scheme::Sip,
            user: user.map(str::to_owned),
            host: Some(host.clone()),
            port,
        }
    }

    /// The same address with another user part. `None` for schemes without a host, and when
    /// nothing readable comes of it.
    #[must_use]
    pub fn with_user(&self, user: &str) -> Option<Self> {
        self.host.as_ref()?;
        let (scheme, rest) = self.text.split_once(':')?;
        let tail = rest.rsplit_once('@').map_or(rest, |(_, tail)| tail);
        Self::parse(&format!("{scheme}:{}@{tail}", escape(user))).ok()
    }

    /// The same address without the headers that a request to it is to carry: a
    /// Request-URI has none (RFC 3261 section 19.1.1, table 1).
    #[must_use]
    pub fn without_headers(self) -> Self {
        let host = self.text.rfind('@').map_or(0, |at| at + 1);
        let headers = self.text.get(host..).and_then(|tail| tail.find('?'));
        let kept = headers.filter(|_| self.host.is_some());
        match kept.and_then(|at| self.text.get(..host + at)) {
            Some(text) => Self {
                text: text.to_owned().into(),
                ..self
            },
            None => self,
        }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A parameter's value, `Some("")` for one without; names in any case.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        // A `;` before the `@` belongs to the user part.
        let tail = self
            .text
            .rsplit_once('@')
            .map_or(self.as_str(), |(_, tail)| tail);
        let tail = tail.split('?').next().unwrap_or(tail);
        tail.split(';').skip(1).find_map(|param| {
            let (key, value) = param.split_once('=').unwrap_or((param, ""));
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The value of a header that a request to this address is to carry, percent-decoded
    /// (RFC 3261 section 19.1.1): of `sip:a@b?Replaces=…`, Replaces. Names in any case.
    ///
    /// # Errors
    /// When it stands twice, or its escapes cannot be read.
    pub fn header(&self, name: &str) -> Result<Option<String>, UriError> {
        let tail = self.text.rsplit('@').next().unwrap_or_default();
        let Some((_, headers)) = tail.split_once('?') else {
            return Ok(None);
        };
        let mut found = None;
        for header in headers.split('&') {
            let (key, value) = header.split_once('=').unwrap_or((header, ""));
            if !unescape(key).is_some_and(|key| key.eq_ignore_ascii_case(name)) {
                continue;
            }
            if found.is_some() {
                return Err(UriError);
            }
            found = Some(unescape(value).ok_or(UriError)?.into_owned());
        }
        Ok(found)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A number of digits only: Rust's own parse takes a sign.
pub(crate) fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if memchr::memchr(b'%', text.as_bytes()).is_none() {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned().into())
}

fn escape(user: &str) -> String {
    let mut text = String::with_capacity(user.len());
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            for nibble in [byte >> 4, byte & 15] {
                text.extend(
                    char::from_digit(u32::from(nibble), 16).map(|c| c.to_ascii_uppercase()),
                );
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_its_headers_an_address_is_the_same() {
        for (whole, bare) in [
            ("sip:a@b;lr?Route=%3Csip:c%3E&x=y", "sip:a@b;lr"),
            ("sip:[2001:db8::1]:5070?x", "sip:[2001:db8::1]:5070"),
            ("sip:a?b@c", "sip:a?b@c"),
            ("sip:a?b@c?d", "sip:a?b@c"),
            ("tel:+31?x", "tel:+31?x"),
        ] {
            let uri = Uri::parse(whole).unwrap();
            let (user, host) = (uri.user.clone(), uri.host.clone());
            let uri = uri.without_headers();
            assert_eq!(uri.as_str(), bare);
            assert_eq!((uri.user, uri.host), (user, host));
        }
    }

    /// RFC 3261 section 19.1.1.
    #[test]
    fn addresses_fall_into_their_parts() {
        let cases = [
            ("sip:1000@pbx.example", Some("1000"), "pbx.example", None),
            (
                "sip:anna%20b@[2001:db8::1]:5070;transport=tcp",
                Some("anna b"),
                "[2001:db8::1]",
                Some(5070),
            ),
            ("SIPS:127.0.0.1", None, "127.0.0.1", None),
            (
                "sip:a;b=c:pw@Host.Example?x=y",
                Some("a;b=c"),
                "host.example",
                None,
            ),
        ];
        for (text, user, host, port) in cases {
            let uri = Uri::parse(text).unwrap();
            assert_eq!(
                (
                    uri.user.as_deref(),
                    uri.host.map(|h| h.to_string()).as_deref(),
                    uri.port
                ),
                (user, Some(host), port),
                "{text}"
            );
        }
        assert_eq!(
            Uri::parse("tel:+311234;phone-context=x")
                .unwrap()
                .user
                .as_deref(),
            Some("+311234")
        );
        assert_eq!(
            Uri::parse("news:comp.dcom").unwrap().scheme,
            Scheme::Other("news".into())
        );
    }

    /// RFC 3261 section 19.1.1.
    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "1000",
            "sip:",
            "sip:@host",
            "sip:a@",
            "sip:a@b:port",
            "sip:a@b:70000",
            "sip:a@[::1",
            "sip:a b@c",
            "sip:%zz@c",
            "<sip:a@b>",
            "sip:\"a\"@b",
        ] {
            assert_eq!(Uri::parse(text), Err(UriError), "{text}");
        }
    }

    /// RFC 3261 section 19.1.1.
    #[test]
    fn parameters_are_read_after_the_host() {
        let uri = Uri::parse("sip:a;lr=user@host;LR;transport=TCP?subject=x;y=z").unwrap();
        assert_eq!(uri.param("lr"), Some(""));
        assert_eq!(uri.param("transport"), Some("TCP"));
        assert_eq!(uri.param("y"), None);
    }

    /// RFC 3261 section 19.1.1.
    #[test]
    fn headers_are_read_from_behind_the_question_mark() {
        let uri = Uri::parse(
            "sip:b?x=1@h:5062;a=b?Replaces=c%40d%3Bto-tag%3D1%3bfrom-tag%3D2&subject=&x=%zz&y=1&Y=2",
        )
        .unwrap();
        for (name, value) in [
            ("replaces", Ok(Some("c@d;to-tag=1;from-tag=2".into()))),
            ("Subject", Ok(Some(String::new()))),
            ("a", Ok(None)),
            ("x", Err(UriError)),
            ("y", Err(UriError)),
        ] {
            assert_eq!(uri.header(name), value, "{name}");
        }
        assert_eq!(Uri::parse("sip:b@h").unwrap().header("x"), Ok(None));
    }

    #[test]
    fn a_built_address_reads_back() {
        let uri = Uri::sip(
            Some("a b@c"),
            &Host::parse("127.0.0.1").unwrap(),
            Some(5060),
        );
        assert_eq!(Uri::parse(uri.as_str()), Ok(uri));
    }
}
