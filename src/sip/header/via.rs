//! Via (RFC 3261 section 20.42, RFC 3581).

use std::borrow::Cow;
use std::net::IpAddr;

use crate::model::limits;
use crate::sip::header::{Params, RawParams};
use crate::sip::text::{before, cut};
use crate::sip::uri::{RawHost, digits};
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
    host: RawHost<'a>,
    /// The host as it was written.
    written: &'a str,
    pub(crate) port: Option<u16>,
    params: RawParams<'a>,
    branch: Option<&'a str>,
    wants_rport: bool,
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
        let (written, port) = sent_by(rest.get(transport.len() + 1..)?.trim_ascii())?;
        let host = RawHost::read(written)?;
        let (mut branch, mut wants_rport) = (None, false);
        let params = RawParams::read_each(params, |name, value| {
            if name.eq_ignore_ascii_case("branch") {
                branch = branch.or_else(|| value.or(Some("")));
            } else if name.eq_ignore_ascii_case("rport") {
                wants_rport = true;
            }
        })?;
        Some(Self {
            transport,
            host,
            written,
            port,
            params,
            branch,
            wants_rport,
        })
    }

    pub(crate) fn host(&self) -> RawHost<'a> {
        self.host
    }

    /// The host; an address in one spelling, whichever it came in.
    pub(crate) fn host_text(&self) -> Cow<'a, str> {
        match self.host {
            RawHost::Name(name) => Cow::Borrowed(name),
            // An IPv4 address has only one.
            RawHost::Address(IpAddr::V4(_)) => Cow::Borrowed(self.written),
            RawHost::Address(address) => Cow::Owned(address.to_string()),
        }
    }

    /// As [`Via::branch`].
    pub(crate) fn branch(&self) -> Option<&'a str> {
        self.branch.filter(|branch| !branch.is_empty())
    }

    /// As [`Via::wants_rport`].
    pub(crate) fn wants_rport(&self) -> bool {
        self.wants_rport
    }

    pub(crate) fn own(self) -> Via {
        Via {
            transport: self.transport.to_ascii_uppercase(),
            host: self.host.own(None),
            port: self.port,
            params: self.params.own(),
        }
    }
}

/// Host and port, around whose colon there may be spaces.
fn sent_by(text: &str) -> Option<(&str, Option<u16>)> {
    let colon = match text.strip_prefix('[') {
        Some(_) => {
            let end = text.find(']')? + 1;
            let rest = text.get(end..)?.trim_ascii_start();
            match rest.strip_prefix(':') {
                Some(_) => text.len() - rest.len(),
                None if rest.is_empty() => return Some((text, None)),
                None => return None,
            }
        }
        None => match text.bytes().position(|byte| byte == b':') {
            Some(colon) => colon,
            None => return Some((text, None)),
        },
    };
    let port = text.get(colon + 1..)?.trim_ascii_start();
    Some((text.get(..colon)?.trim_ascii_end(), Some(digits(port)?)))
}

impl Via {
    /// Reads one value; spaces around `/` and `:` are allowed. Any version is read, so
    /// that a peer of another one can be told so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        RawVia::read(text).map(RawVia::own)
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

    /// RFC 3261 section 20.
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
            "SIP/2.0/UDP ho st",
            "SIP/2.0/UDP h:50 60",
            "SIP/2.0/UDP h:",
            "SIP/2.0/UDP [::1] 5060",
        ] {
            assert_eq!(Via::parse(text), None, "{text}");
        }
    }
}
