//! Where messages come from and go to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Scheme, Uri};

/// How bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// Streams.
    Tcp,
    /// Encrypted streams.
    Tls,
    /// WebSocket (RFC 7118).
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss];

    /// Whether the transport itself resends (RFC 3261 section 17: timers I, J, K zero).
    #[must_use]
    pub fn is_reliable(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp | Self::Tls | Self::Ws | Self::Wss => true,
        }
    }

    /// Whether nobody on the way can read along.
    #[must_use]
    pub fn is_secure(self) -> bool {
        match self {
            Self::Udp | Self::Tcp | Self::Ws => false,
            Self::Tls | Self::Wss => true,
        }
    }

    /// Whether it begins with an HTTP request. Nobody can be dialled by it (RFC 7118
    /// section 5: only the phone opens the connection).
    #[must_use]
    pub fn is_websocket(self) -> bool {
        match self {
            Self::Udp | Self::Tcp | Self::Tls => false,
            Self::Ws | Self::Wss => true,
        }
    }

    /// As in a Via: `UDP`, `TCP`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// As a listener's scheme and a metric's label: `udp`, `tcp`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// What a URI asks for: its scheme and its `transport` parameter (RFC 3261 section
    /// 19.1.1, RFC 7118 section 5.2). `None` for a transport that we do not speak.
    #[must_use]
    pub fn of(uri: &Uri) -> Option<Self> {
        let secure = uri.scheme == Scheme::Sips;
        let Some(name) = uri.param("transport") else {
            return Some(if secure { Self::Tls } else { Self::Udp });
        };
        let is = |word: &str| name.eq_ignore_ascii_case(word);
        // A `sips` URI over `tcp` means TLS over TCP (section 26.2.2).
        if is("tls") || (secure && is("tcp")) {
            return Some(Self::Tls);
        }
        if secure {
            return is("ws").then_some(Self::Wss);
        }
        let plain = [Self::Udp, Self::Tcp, Self::Ws];
        plain.into_iter().find(|known| is(known.label()))
    }

    /// The port that a URI without one means (RFC 3261 section 19.1.2).
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One stream connection, unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// The other end of a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// How.
    pub transport: Transport,
    /// The address that packets come from and go to.
    pub remote: SocketAddr,
    /// The connection, on a stream; `None` asks for one to be opened.
    pub connection: Option<ConnectionId>,
}

impl Peer {
    /// By datagrams.
    #[must_use]
    pub fn udp(remote: SocketAddr) -> Self {
        Self {
            transport: Transport::Udp,
            remote,
            connection: None,
        }
    }

    /// By an open stream of TCP.
    #[must_use]
    pub fn tcp(remote: SocketAddr, connection: ConnectionId) -> Self {
        Self::stream(Transport::Tcp, remote, connection)
    }

    /// By an open stream.
    #[must_use]
    pub fn stream(transport: Transport, remote: SocketAddr, connection: ConnectionId) -> Self {
        Self {
            transport,
            remote,
            connection: Some(connection),
        }
    }
}

/// What we say of where we are: in Via, Contact and descriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertise {
    /// The same address for everybody, if one is configured.
    pub fixed: Option<IpAddr>,
    /// The address by which the world reaches us, if none is configured.
    pub primary: IpAddr,
    /// The one of the other family, if we listen on both.
    pub other: Option<IpAddr>,
    /// The port for datagrams.
    pub udp: u16,
    /// The port for streams; the one for datagrams when there is none.
    pub tcp: Option<u16>,
    /// The port for TLS.
    pub tls: Option<u16>,
    /// The port for WebSocket.
    pub ws: Option<u16>,
    /// The port for WebSocket over TLS.
    pub wss: Option<u16>,
}

impl Advertise {
    /// One address and port for everything.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self {
            fixed: None,
            primary: address.ip(),
            other: None,
            udp: address.port(),
            tcp: None,
            tls: None,
            ws: None,
            wss: None,
        }
    }

    /// Our address, as a peer at `remote` can reach it: one on this machine is spoken to
    /// by the loopback address that it uses itself.
    #[must_use]
    pub fn ip_for(&self, remote: IpAddr) -> IpAddr {
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let remote = remote.to_canonical();
        match remote {
            IpAddr::V4(ip) if ip.is_loopback() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_loopback() => remote,
            IpAddr::V4(_) | IpAddr::V6(_) => self
                .other
                .filter(|other| other.is_ipv4() == remote.is_ipv4())
                .unwrap_or(self.primary),
        }
    }

    /// Our address and port for a peer.
    #[must_use]
    pub fn address(&self, peer: Peer) -> SocketAddr {
        let port = match peer.transport {
            Transport::Udp => None,
            Transport::Tcp => self.tcp,
            Transport::Tls => self.tls.or_else(|| Some(peer.transport.default_port())),
            Transport::Ws => self.ws,
            Transport::Wss => self.wss,
        };
        SocketAddr::new(self.ip_for(peer.remote.ip()), port.unwrap_or(self.udp))
    }

    /// The URI for a Contact of ours, without angle brackets.
    #[must_use]
    pub fn contact(&self, peer: Peer) -> String {
        let address = self.address(peer);
        match peer.transport {
            Transport::Udp => format!("sip:{address}"),
            Transport::Tcp => format!("sip:{address};transport=tcp"),
            Transport::Tls => format!("sip:{address};transport=tls"),
            // RFC 7118 section 5.2: `ws` for both.
            Transport::Ws | Transport::Wss => format!("sip:{address};transport=ws"),
        }
    }

    /// The same for a dialog begun by a `sips` URI, where it has to be one too (RFC 3261
    /// section 12.1.1).
    #[must_use]
    pub fn contact_for(&self, peer: Peer, is_sips: bool) -> String {
        if !is_sips || !peer.transport.is_secure() {
            return self.contact(peer);
        }
        let address = self.address(peer);
        match peer.transport {
            Transport::Wss => format!("sips:{address};transport=ws"),
            Transport::Udp | Transport::Tcp | Transport::Tls | Transport::Ws => {
                format!("sips:{address}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_peer_is_told_an_address_that_it_can_reach() {
        let auto = Advertise {
            tcp: Some(5062),
            tls: Some(5061),
            wss: Some(8443),
            other: "2001:db8::1".parse().ok(),
            ..Advertise::at("192.0.2.1:5060".parse().unwrap())
        };
        let fixed = Advertise {
            fixed: "203.0.113.9".parse().ok(),
            ..auto
        };
        let udp = |remote: &str| Peer::udp(remote.parse().unwrap());
        let tcp = Peer::tcp("198.51.100.7:1".parse().unwrap(), ConnectionId(1));
        assert_eq!(auto.contact(udp("127.0.9.9:7")), "sip:127.0.0.1:5060");
        assert_eq!(auto.contact(udp("[::1]:7")), "sip:[::1]:5060");
        assert_eq!(auto.contact(tcp), "sip:192.0.2.1:5062;transport=tcp");
        let far = |transport| Peer::stream(transport, tcp.remote, ConnectionId(1));
        for (transport, plain, secure) in [
            (
                Transport::Tls,
                "sip:192.0.2.1:5061;transport=tls",
                "sips:192.0.2.1:5061",
            ),
            (
                Transport::Ws,
                "sip:192.0.2.1:5060;transport=ws",
                "sip:192.0.2.1:5060;transport=ws",
            ),
            (
                Transport::Wss,
                "sip:192.0.2.1:8443;transport=ws",
                "sips:192.0.2.1:8443;transport=ws",
            ),
        ] {
            assert_eq!(auto.contact(far(transport)), plain);
            assert_eq!(auto.contact_for(far(transport), true), secure);
        }
        assert_eq!(
            auto.contact(udp("[2001:db8::7]:7")),
            "sip:[2001:db8::1]:5060"
        );
        assert_eq!(fixed.contact(udp("127.0.0.1:7")), "sip:203.0.113.9:5060");
    }

    /// RFC 3263 section 4.1.
    #[test]
    fn a_uri_says_how_it_is_reached() {
        for (uri, transport) in [
            ("sip:a@b", Some(Transport::Udp)),
            ("sip:a@b;transport=UDP", Some(Transport::Udp)),
            ("sip:a@b;transport=tcp", Some(Transport::Tcp)),
            ("sip:a@b;transport=tls", Some(Transport::Tls)),
            ("sip:a@b;transport=ws", Some(Transport::Ws)),
            ("sip:a@b;transport=sctp", None),
            ("sips:a@b", Some(Transport::Tls)),
            ("sips:a@b;transport=tcp", Some(Transport::Tls)),
            ("sips:a@b;transport=ws", Some(Transport::Wss)),
            ("sips:a@b;transport=udp", None),
        ] {
            assert_eq!(Transport::of(&Uri::parse(uri).unwrap()), transport, "{uri}");
        }
    }
}
