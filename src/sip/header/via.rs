//! Via (RFC 3261 section 20.42, RFC 3581).

use std::net::IpAddr;

use crate::sip::header::Params;
use crate::sip::uri::split_port;
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

impl Via {
    /// Reads one value; spaces around `/` and `:` are allowed. Any version is read, so
    /// that a peer of another one can be told so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (head, params) = text.split_once(';').unwrap_or((text, ""));
        let mut parts = head.splitn(3, '/');
        let protocol = parts.next()?.trim();
        let version = parts.next()?.trim();
        if !protocol.eq_ignore_ascii_case("SIP")
            || !version.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        {
            return None;
        }
        let (transport, sent_by) = parts.next()?.trim().split_once([' ', '\t'])?;
        let sent_by: String = sent_by.split_whitespace().collect();
        let (host, port) = split_port(&sent_by)?;
        Some(Self {
            transport: transport.to_ascii_uppercase(),
            host: Host::parse(host)?,
            port,
            params: Params::parse(params)?,
        })
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
