//! Addresses: `sip:`, `sips:`, `tel:` and whatever else stands before a colon.

use std::fmt;
use std::net::IpAddr;

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
    Name(String),
}

impl Host {
    /// Reads a host without port.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            // RFC 5118 section 4.10: three colons came from an error in the grammar.
            let address = inner
                .strip_suffix(']')?
                .replacen(":::", "::", 1)
                .parse()
                .ok()?;
            return Some(Self::Address(IpAddr::V6(address)));
        }
        if let Ok(address) = text.parse() {
            return Some(Self::Address(IpAddr::V4(address)));
        }
        let named = !text.is_empty()
            && text.len() <= 255
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        named.then(|| Self::Name(text.to_ascii_lowercase()))
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
    text: String,
    /// What stands before the colon.
    pub scheme: Scheme,
    /// Before the `@`, percent-decoded, without a password; the number of a `tel:`.
    pub user: Option<String>,
    /// Where to; `None` for schemes that have no host.
    pub host: Option<Host>,
    /// The port, when written.
    pub port: Option<u16>,
}

impl Uri {
    /// Reads an address.
    ///
    /// # Errors
    /// When there is no scheme, or a `sip:` has no usable host or port.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        if text
            .bytes()
            .any(|b| b.is_ascii_control() || b == b' ' || b == b'<' || b == b'>')
        {
            return Err(UriError);
        }
        let (scheme, rest) = text.split_once(':').ok_or(UriError)?;
        let letters = scheme
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic());
        if !letters
            || !scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        {
            return Err(UriError);
        }
        let mut uri = Self {
            text: text.to_owned(),
            scheme: Scheme::Sip,
            user: None,
            host: None,
            port: None,
        };
        match scheme.to_ascii_lowercase().as_str() {
            "sip" => uri.read_sip(rest)?,
            "sips" => {
                uri.scheme = Scheme::Sips;
                uri.read_sip(rest)?;
            }
            "tel" => {
                uri.scheme = Scheme::Tel;
                uri.user = rest.split(';').next().map(str::to_owned);
            }
            other => uri.scheme = Scheme::Other(other.to_owned()),
        }
        Ok(uri)
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
            text,
            scheme: Scheme::Sip,
            user: user.map(str::to_owned),
            host: Some(host.clone()),
            port,
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
            .map_or(self.text.as_str(), |(_, tail)| tail);
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
            found = Some(unescape(value).ok_or(UriError)?);
        }
        Ok(found)
    }

    fn read_sip(&mut self, rest: &str) -> Result<(), UriError> {
        let (user, tail) = match rest.rsplit_once('@') {
            Some((user, tail)) => (Some(user), tail),
            None => (None, rest),
        };
        if let Some(user) = user {
            let name = user.split(':').next().unwrap_or(user);
            if name.is_empty() || name.contains('@') {
                return Err(UriError);
            }
            self.user = Some(unescape(name).ok_or(UriError)?);
        }
        let host_port = tail.split([';', '?']).next().unwrap_or(tail);
        let (host, port) = split_port(host_port).ok_or(UriError)?;
        self.host = Some(Host::parse(host).ok_or(UriError)?);
        self.port = port;
        Ok(())
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Splits `host:port`; brackets protect the colons of IPv6. `None` for a bad port.
pub(crate) fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let host_end = if text.starts_with('[') {
        text.find(']')? + 1
    } else {
        text.find(':').unwrap_or(text.len())
    };
    let (host, rest) = text.split_at_checked(host_end)?;
    match rest.strip_prefix(':') {
        Some(port) => Some((host, Some(digits(port)?))),
        None => rest.is_empty().then_some((host, None)),
    }
}

/// A number of digits only: Rust's own parse takes a sign.
pub(crate) fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn unescape(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
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
    Some(String::from_utf8_lossy(&bytes).into_owned())
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
        ] {
            assert_eq!(Uri::parse(text), Err(UriError), "{text}");
        }
    }

    #[test]
    fn parameters_are_read_after_the_host() {
        let uri = Uri::parse("sip:a;lr=user@host;LR;transport=TCP?subject=x;y=z").unwrap();
        assert_eq!(uri.param("lr"), Some(""));
        assert_eq!(uri.param("transport"), Some("TCP"));
        assert_eq!(uri.param("y"), None);
    }

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
