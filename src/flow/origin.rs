//! Where requests of flows may go: scheme, host and port (RFC 6454).

use std::fmt;

use url::Url;

/// A scheme, a host and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    secure: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// That of a URL. `None` for what is no URL of HTTP, and for one that names a user.
    #[must_use]
    pub fn of(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let plain = url.username().is_empty() && url.password().is_none();
        plain.then_some(())?;
        Some(Self {
            secure,
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }

    /// As it is written in a list: `https://host:port`, or a host alone, which means
    /// `https` at its own port.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let whole = match text.contains("://") {
            true => text.to_owned(),
            false => format!("https://{text}"),
        };
        let url = Url::parse(&whole).ok()?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        bare.then(|| Self::of(&whole)).flatten()
    }

    /// Whether what goes there is encrypted.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host: a name in small letters, or an address, an IPv6 one in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for Origin {
    /// As it is written in a list, and no longer than it must be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.secure, self.port) {
            (true, 443) => f.write_str(&self.host),
            (true, port) => write!(f, "https://{}:{port}", self.host),
            (false, 80) => write!(f, "http://{}", self.host),
            (false, port) => write!(f, "http://{}:{port}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_read_and_shown() {
        for (text, shown) in [
            ("api.example.org", Some("api.example.org")),
            ("https://API.example.org/", Some("api.example.org")),
            (
                "https://api.example.org:8443",
                Some("https://api.example.org:8443"),
            ),
            ("http://[::1]:80", Some("http://[::1]")),
            ("http://127.0.0.1:8000", Some("http://127.0.0.1:8000")),
            ("http://0x7f.1", Some("http://127.0.0.1")),
            ("api.example.org/path", None),
            ("me@api.example.org", None),
            ("https://me:word@api.example.org", None),
            ("ftp://api.example.org", None),
            ("https://", None),
            ("", None),
        ] {
            let read = Origin::parse(text).map(|origin| origin.to_string());
            assert_eq!(read.as_deref(), shown, "{text}");
        }
    }
}
