//! Where messages come from and go to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// How bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// Streams.
    Tcp,
}

impl Transport {
    /// Whether the transport itself resends (RFC 3261 section 17: timers I, J, K zero).
    #[must_use]
    pub fn is_reliable(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp => true,
        }
    }

    /// As in a Via: `UDP`, `TCP`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    /// As in the `transport` parameter of a URI: `udp`, `tcp`.
    #[must_use]
    pub fn as_param(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
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

    /// By an open stream.
    #[must_use]
    pub fn tcp(remote: SocketAddr, connection: ConnectionId) -> Self {
        Self {
            transport: Transport::Tcp,
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
    /// The port for datagrams.
    pub udp: u16,
    /// The port for streams; the one for datagrams when there is none.
    pub tcp: Option<u16>,
}

impl Advertise {
    /// Our address, as a peer at `remote` can reach it: one on this machine is spoken to
    /// by the loopback address that it uses itself.
    #[must_use]
    pub fn ip_for(&self, remote: IpAddr) -> IpAddr {
        match (self.fixed, remote.to_canonical()) {
            (Some(fixed), _) => fixed,
            (None, IpAddr::V4(ip)) if ip.is_loopback() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            (None, IpAddr::V6(ip)) if ip.is_loopback() => IpAddr::V6(ip),
            (None, IpAddr::V4(_) | IpAddr::V6(_)) => self.primary,
        }
    }

    /// Our address and port for a peer.
    #[must_use]
    pub fn address(&self, peer: Peer) -> SocketAddr {
        let port = match peer.transport {
            Transport::Udp => self.udp,
            Transport::Tcp => self.tcp.unwrap_or(self.udp),
        };
        SocketAddr::new(self.ip_for(peer.remote.ip()), port)
    }

    /// The URI for a Contact of ours, without angle brackets.
    #[must_use]
    pub fn contact(&self, peer: Peer) -> String {
        let address = self.address(peer);
        match peer.transport {
            Transport::Udp => format!("sip:{address}"),
            Transport::Tcp => format!("sip:{address};transport=tcp"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_peer_is_told_an_address_that_it_can_reach() {
        let auto = Advertise {
            fixed: None,
            primary: "192.0.2.1".parse().unwrap(),
            udp: 5060,
            tcp: Some(5062),
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
        assert_eq!(fixed.contact(udp("127.0.0.1:7")), "sip:203.0.113.9:5060");
    }
}
