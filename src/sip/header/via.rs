//! Via (RFC 3261 section 20.42, RFC 3581).

use std::borrow::Cow;
use std::net::IpAddr;

use crate::model::limits;
use crate::sip::header::{Params, RawParams};
use crate::sip::text::{before, cut};
use crate::sip::uri::RawHost;
use crate::sip::{Host, Uri};

/// One hop of a message's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// `UDP`, `TCP`, …, in upper case.
    pub transport: String,
    /// Who sent it.
    pub host: Host,
    /// Its port, when written.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport`, …
    pub params: Params,
}

/// A hop as it stands in a text, checked and not yet copied.
#[derive(Clone, Debug)]
pub(crate) struct RawVia<'a> {
    transport: &'a str,
    sent_by: Cow<'a, str>,
    pub(crate) port: Option<u16>,
    params: RawParams<'a>,
}

impl<'a> RawVia<'a> {
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        if text.len() > limits::VIA_BYTES {
            return None;
        }
        let (head, params) = cut(text, b';').unwrap_or((text, ""));
        let (protocol, rest) = cut(head, b'/')?;
        let (version, rest) = cut(rest, b'/')?;
        let (protocol, version, rest) = (
            protocol.trim_ascii(),
            version.trim_ascii(),
            rest.trim_ascii(),
        );
        if !protocol.eq_ignore_ascii_case("SIP")
            || !version.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        {
            return None;
        }
        let transport = before(rest, b' ', b'\t');
        let sent_by = rest.get(transport.len() + 1..)?.trim_ascii();
        let sent_by = if sent_by.bytes().any(|b| !b.is_ascii_graphic()) {
            Cow::Owned(sent_by.split_whitespace().collect())
        } else {
            Cow::Borrowed(sent_by)
        };
        let (_, port, rest) = RawHost::lead(&sent_by)?;
        if !rest.is_empty() {
            return None;
        }
        Some(Self {
            transport,
            port,
            params: RawParams::read(params)?,
            sent_by,
        })
    }

    pub(crate) fn host(&self) -> Option<RawHost<'_>> {
        RawHost::lead(&self.sent_by).map(|(host, ..)| host)
    }

    /// The host; an address in one spelling, whichever it came in.
    pub(crate) fn host_text(&self) -> Cow<'_, str> {
        match self.host() {
            Some(RawHost::Name(name)) => Cow::Borrowed(name),
            // An IPv4 address has only one.
            Some(RawHost::Address(IpAddr::V4(_))) => {
                Cow::Borrowed(before(&self.sent_by, b':', b':'))
            }
            Some(RawHost::Address(address)) => Cow::Owned(address.to_string()),
            None => Cow::Borrowed(""),
        }
    }

    /// As [`Via::branch`].
    pub(crate) fn branch(&self) -> Option<&'a str> {
        self.params
            .value("branch")
            .filter(|branch| !branch.is_empty())
    }

    /// As [`Via::wants_rport`].
    pub(crate) fn wants_rport(&self) -> bool {
        self.params.value("rport").is_some()
    }

    pub(crate) fn own(self) -> Option<Via> {
        Some(Via {
            transport: self.transport.to_ascii_uppercase(),
            host: self.host()?.own(None),
            port: self.port,
            params: self.params.own(),
        })
    }
}

impl Via {
    /// Reads one value; spaces around `/` and `:` are allowed. Any version is read, so
    /// that a peer of another one can be told so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        RawVia::read(text)?.own()
    }

    /// The transaction's name; `None` when there is none, as before RFC 3261.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.params
            .value("branch")
            .filter(|branch| !branch.is_empty())
    }

    /// Where the receiver saw it come from; with or without brackets (RFC 5118 section 4.5).
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.value("received")?;
        text.trim_start_matches('[')
            .trim_end_matches(']')
            .parse()
            .ok()
    }

    /// Whether the sender asks for answers to its source port (RFC 3581).
    #[must_use]
    pub fn wants_rport(&self) -> bool {
        self.params.value("rport").is_some()
    }

    /// `sip:` address of the sender.
    #[must_use]
    pub fn uri(&self) -> Uri {
        Uri::sip(None, &self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hop_reads_with_spaces_and_brackets() {
        let via = Via::parse("SIP  / 2.0\t/ udp  [2001:db8::9:1] : 5070 ;received=[2001:db8::9:255];branch=z9hG4bKas3;rport").unwrap();
        assert_eq!((via.transport.as_str(), via.port), ("UDP", Some(5070)));
        assert_eq!(via.branch(), Some("z9hG4bKas3"));
        assert_eq!(via.received(), "2001:db8::9:255".parse().ok());
        assert!(via.wants_rport());
    }

    #[test]
    fn nonsense_is_no_hop() {
        for text in [
            "",
            "SIP/2.0/UDP",
            "SIP/x/UDP host",
            "HTTP/2.0/UDP host",
            "SIP/2.0/UDP host:x",
            "SIP/2.0/UDP ho st:1:2",
        ] {
            assert_eq!(Via::parse(text), None, "{text}");
        }
    }
}
