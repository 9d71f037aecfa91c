//! The next hop of a request: to whom it goes, and what if it cannot go there.
//!
//! # Why
//! RFC 3261 sends a request inside a dialog to its first Route, or to the Contact (section
//! 12.2.1.1), and leaves it to whoever has a phone behind a router to stay with its flow (RFC
//! 5626). So a phone of ours is never reached by what its Contact says, and a carrier always
//! is, unless nobody could be reached there.
//!
//! A name in a Contact is not looked up: behind a carrier stands anybody, and nobody outside
//! is to have us ask DNS servers of theirs in the midst of a call. What was heard by datagrams
//! is then answered to where it came from.

use std::net::{IpAddr, SocketAddr};

use super::{Host, Peer, Transport, Uri};

/// Where a request goes, and whether it may go another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// This way alone. A phone behind a router is reached by the flow that it opened itself,
    /// and by nothing else (RFC 5626, RFC 3581).
    Flow(Peer),
    /// Somebody who listens at this address: by datagrams, and by TCP for what is too large
    /// for one (RFC 3261 sections 18.1.1 and 18.2.1).
    Listener(Peer),
    /// Somebody who listens at this address, for the transport that they named.
    Only(Peer),
    /// A stream that is open, and when it is gone another that is opened to where its peer
    /// listens.
    Stream {
        /// The open one.
        open: Peer,
        /// Where the peer listens.
        listens: SocketAddr,
    },
}

impl Hop {
    /// The way to an address that `uri` names, which may name the transport too. A stream to
    /// it that is gone is opened again.
    #[must_use]
    pub fn named(uri: &Uri, peer: Peer) -> Self {
        let connection = None;
        match (peer.transport, uri.param("transport")) {
            (Transport::Udp, Some(_)) => Self::Only(peer),
            (Transport::Udp, None) => Self::Listener(peer),
            (Transport::Tcp | Transport::Tls, _) => Self::Only(Peer { connection, ..peer }),
            (Transport::Ws | Transport::Wss, _) => Self::Flow(peer),
        }
    }

    /// Whoever is no phone of ours, where they were heard from. A stream that they opened says
    /// nothing of the port at which they listen, so that is the usual one.
    #[must_use]
    pub fn heard(peer: Peer) -> Self {
        let port = peer.transport.default_port();
        match peer.transport {
            Transport::Udp => Self::Listener(peer),
            Transport::Tcp | Transport::Tls => Self::Stream {
                open: peer,
                listens: SocketAddr::new(peer.remote.ip(), port),
            },
            // RFC 7118 section 5: nobody can be dialled there.
            Transport::Ws | Transport::Wss => Self::Flow(peer),
        }
    }

    /// Who is at its end.
    #[must_use]
    pub fn peer(self) -> Peer {
        match self {
            Self::Flow(peer) | Self::Listener(peer) | Self::Only(peer) => peer,
            Self::Stream { open, .. } => open,
        }
    }

    /// Who is to be dialled when its stream is gone.
    #[must_use]
    pub fn or_else(self) -> Option<Peer> {
        match self {
            Self::Flow(_) | Self::Listener(_) | Self::Only(_) => None,
            Self::Stream { open, listens } => Some(Peer {
                transport: open.transport,
                remote: listens,
                connection: None,
            }),
        }
    }

    /// The same, heard from there: who was dialled listens where they were dialled.
    #[must_use]
    pub fn at(self, peer: Peer) -> Self {
        let known = match self {
            Self::Flow(_) => return Self::Flow(peer),
            Self::Listener(known) | Self::Only(known) => known.remote,
            Self::Stream { listens, .. } => listens,
        };
        let heard = Self::heard(peer);
        match heard {
            Self::Stream { open, .. } if known.ip() == peer.remote.ip() => Self::Stream {
                open,
                listens: known,
            },
            Self::Flow(_) | Self::Listener(_) | Self::Only(_) | Self::Stream { .. } => heard,
        }
    }

    /// Whether an answer comes from where the question went.
    #[must_use]
    pub fn leads_to(self, from: Peer) -> bool {
        let by = |transport| from.transport == transport;
        let peer = self.peer();
        let large = match self {
            Self::Listener(_) => peer.transport == Transport::Udp && by(Transport::Tcp),
            Self::Flow(_) | Self::Only(_) | Self::Stream { .. } => false,
        };
        let dialled = self.or_else().is_some_and(|to| to.remote == from.remote);
        (from.remote == peer.remote || dialled) && (by(peer.transport) || large)
    }
}

impl From<Peer> for Hop {
    fn from(peer: Peer) -> Self {
        Self::Flow(peer)
    }
}

/// Where a request goes whose first Route, or else its target, is `next`, to somebody who was
/// last heard from at `heard`. `known` is a name that leads to there.
pub(super) fn next(next: &Uri, heard: Hop, known: Option<&Host>) -> Hop {
    let from = heard.peer();
    if matches!(heard, Hop::Flow(_)) {
        return heard;
    }
    let Some((transport, ip)) = named(next, from, known) else {
        return stay(next, heard);
    };
    let port = next.port.unwrap_or_else(|| transport.default_port());
    let to = Peer {
        transport,
        remote: SocketAddr::new(ip, port),
        connection: None,
    };
    // The stream that a host opened to us leads there as long as it is open (RFC 3261 section
    // 18): its port there is one of the moment. One that we opened leads to that port alone.
    if let Hop::Stream { open, listens } = heard
        && transport == open.transport
        && ip == open.remote.ip()
        && (open.remote != listens || open.remote == to.remote)
    {
        return stay(next, heard);
    }
    Hop::named(next, to)
}

/// The address of a URI that needs no look-up.
pub(super) fn literal(uri: &Uri) -> Option<SocketAddr> {
    let Some(Host::Address(address)) = &uri.host else {
        return None;
    };
    Some(SocketAddr::new(*address, uri.port.unwrap_or(5060)))
}

/// How somebody can be reached by what they name, if they can.
fn named(next: &Uri, from: Peer, known: Option<&Host>) -> Option<(Transport, IpAddr)> {
    let heard = from.remote.ip();
    let ip = match next.host.as_ref()? {
        Host::Address(ip) => *ip,
        // The port of a name without one would have to be asked for.
        name if known == Some(name) && next.port.is_some() => heard,
        Host::Name(_) => return None,
    };
    let transport = Transport::of(next).filter(|transport| !transport.is_websocket())?;
    let says = next.param("transport").is_some();
    // What nobody could read so far, nobody is to read from here on.
    if from.transport.is_secure() && !transport.is_secure() {
        return None;
    }
    // Who says nothing of the transport goes on with that of their stream.
    let transport = if !says && ip == heard && !transport.is_secure() {
        from.transport
    } else {
        transport
    };
    (next.port != Some(0) && is_reached(ip, heard)).then_some((transport, ip))
}

/// To where they were heard from. By datagrams nothing is known of who listens there; when a
/// stream is gone, one is opened to the port that they name, if they name one for it.
fn stay(next: &Uri, heard: Hop) -> Hop {
    match heard {
        Hop::Flow(peer) | Hop::Listener(peer) | Hop::Only(peer) => Hop::Flow(peer),
        Hop::Stream { open, listens } => {
            let fits = !open.transport.is_secure() || Transport::of(next) == Some(Transport::Tls);
            let port = next.port.filter(|port| *port != 0 && fits);
            let port = port.unwrap_or_else(|| listens.port());
            let listens = SocketAddr::new(listens.ip(), port);
            Hop::Stream { open, listens }
        }
    }
}

/// How far an address is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Machine,
    Link,
    /// RFC 1918, RFC 4193.
    Site,
    /// RFC 6598: a provider's own network, in which sites are.
    Provider,
    World,
}

/// Whether somebody heard from one address can be reached at the other: it is that of one
/// machine, in the same family, and no less widely known. A private one of somebody who is
/// heard from a public one is behind a router, and would lead us to a stranger in our own
/// network.
fn is_reached(ip: IpAddr, heard: IpAddr) -> bool {
    let (ip, heard) = (ip.to_canonical(), heard.to_canonical());
    let many = match ip {
        IpAddr::V4(ip) => ip.octets()[0] == 0 || ip.octets()[0] >= 224,
        IpAddr::V6(ip) => ip.is_multicast() || ip.is_unspecified(),
    };
    !many && ip.is_ipv4() == heard.is_ipv4() && reach(ip) >= reach(heard)
}

fn reach(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(ip) if ip.is_loopback() => Reach::Machine,
        IpAddr::V4(ip) if ip.is_link_local() => Reach::Link,
        IpAddr::V4(ip) if ip.is_private() => Reach::Site,
        IpAddr::V4(ip) if ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64 => Reach::Provider,
        IpAddr::V6(ip) if ip.is_loopback() => Reach::Machine,
        IpAddr::V6(ip) if ip.is_unicast_link_local() => Reach::Link,
        IpAddr::V6(ip) if ip.is_unique_local() => Reach::Site,
        IpAddr::V4(_) | IpAddr::V6(_) => Reach::World,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::ConnectionId;

    fn peer(transport: Transport, remote: &str) -> Peer {
        Peer {
            transport,
            remote: remote.parse().unwrap(),
            connection: (transport != Transport::Udp).then_some(ConnectionId(1)),
        }
    }

    fn shown(hop: Hop) -> String {
        let peer = hop.peer();
        let to = format!("{} {}", peer.transport, peer.remote);
        match hop {
            Hop::Flow(_) => format!("Flow {to}"),
            Hop::Listener(_) => format!("Listener {to}"),
            Hop::Only(_) => format!("Only {to}"),
            Hop::Stream { listens, .. } => format!("Stream {to} or {listens}"),
        }
    }

    /// Heard from there, naming that, reached thus.
    const REACHED: &str = "
        UDP 203.0.113.7:5070 | sip:203.0.113.7:5070 | Listener UDP 203.0.113.7:5070
        # Another port, another address, another transport.
        UDP 203.0.113.7:5070 | sip:a@203.0.113.7 | Listener UDP 203.0.113.7:5060
        UDP 203.0.113.7:5070 | sip:a@198.51.100.9:5080 | Listener UDP 198.51.100.9:5080
        UDP 203.0.113.7:5070 | sip:198.51.100.9;transport=udp | Only UDP 198.51.100.9:5060
        UDP 203.0.113.7:5070 | sip:198.51.100.9;transport=tcp | Only TCP 198.51.100.9:5060
        UDP 203.0.113.7:5070 | sips:198.51.100.9 | Only TLS 198.51.100.9:5061
        # Nobody to be reached: behind a router, many at once, no port, none of ours.
        UDP 203.0.113.7:5070 | sip:a@192.168.1.4:5060 | Flow UDP 203.0.113.7:5070
        UDP 203.0.113.7:5070 | sip:a@100.64.1.4 | Flow UDP 203.0.113.7:5070
        UDP 203.0.113.7:5070 | sip:a@169.254.1.4 | Flow UDP 203.0.113.7:5070
        UDP 203.0.113.7:5070 | sip:a@127.0.0.1 | Flow UDP 203.0.113.7:5070
        UDP 203.0.113.7:5070 | sip:a@0.0.0.0 | Flow UDP 203.0.113.7:5070
        UDP 203.0.113.7:5070 | sip:a@224.0.1.75 | Flow UDP 203.0.113.7:5070
        UDP 203.0.113.7:5070 | sip:a@255.255.255.255 | Flow UDP 203.0.113.7:5070
        UDP 203.0.113.7:5070 | sip:a@198.51.100.9:0 | Flow UDP 203.0.113.7:5070
        UDP 203.0.113.7:5070 | sip:a@[2001:db8::1] | Flow UDP 203.0.113.7:5070
        UDP 203.0.113.7:5070 | sip:a@198.51.100.9;transport=ws | Flow UDP 203.0.113.7:5070
        UDP 203.0.113.7:5070 | sip:a@198.51.100.9;transport=sctp | Flow UDP 203.0.113.7:5070
        UDP 203.0.113.7:5070 | tel:+31 | Flow UDP 203.0.113.7:5070
        # A name is looked up by nobody.
        UDP 203.0.113.7:5070 | sip:a@c.example:5080 | Flow UDP 203.0.113.7:5070
        # Within a network of one's own all can be reached.
        UDP 10.0.0.7:5070 | sip:a@192.168.1.4:5080 | Listener UDP 192.168.1.4:5080
        UDP 10.0.0.7:5070 | sip:a@198.51.100.9 | Listener UDP 198.51.100.9:5060
        UDP 10.0.0.7:5070 | sip:a@127.0.0.1 | Flow UDP 10.0.0.7:5070
        UDP 100.64.0.1:9 | sip:a@10.0.0.1 | Flow UDP 100.64.0.1:9
        UDP 127.0.0.1:9 | sip:127.0.0.8 | Listener UDP 127.0.0.8:5060
        UDP [2001:db8::7]:9 | sip:[fd00::1] | Flow UDP [2001:db8::7]:9
        UDP [2001:db8::7]:9 | sip:[ff0e::1] | Flow UDP [2001:db8::7]:9
        UDP [2001:db8::7]:9 | sip:[2001:db8::9] | Listener UDP [2001:db8::9]:5060
        # An open stream to the host is used as long as it is there.
        TCP 203.0.113.7:40001 | sip:203.0.113.7:5080;transport=tcp | Stream TCP 203.0.113.7:40001 or 203.0.113.7:5080
        TCP 203.0.113.7:40001 | sip:203.0.113.7:5080 | Stream TCP 203.0.113.7:40001 or 203.0.113.7:5080
        TCP 203.0.113.7:40001 | sip:a@c.example:5080 | Stream TCP 203.0.113.7:40001 or 203.0.113.7:5080
        TCP 203.0.113.7:40001 | sip:a@10.0.0.1 | Stream TCP 203.0.113.7:40001 or 203.0.113.7:5060
        TCP 203.0.113.7:40001 | sip:198.51.100.9;transport=tcp | Only TCP 198.51.100.9:5060
        TCP 203.0.113.7:40001 | sip:198.51.100.9 | Listener UDP 198.51.100.9:5060
        TCP 203.0.113.7:40001 | sip:203.0.113.7;transport=udp | Only UDP 203.0.113.7:5060
        # Nothing secure goes on in the open.
        TLS 203.0.113.7:40001 | sip:203.0.113.7:5080 | Stream TLS 203.0.113.7:40001 or 203.0.113.7:5061
        TLS 203.0.113.7:40001 | sip:198.51.100.9 | Stream TLS 203.0.113.7:40001 or 203.0.113.7:5061
        TLS 203.0.113.7:40001 | sips:203.0.113.7:5080 | Stream TLS 203.0.113.7:40001 or 203.0.113.7:5080
        TLS 203.0.113.7:40001 | sip:198.51.100.9;transport=tls | Only TLS 198.51.100.9:5061
        WSS 203.0.113.7:9 | sip:198.51.100.9 | Flow WSS 203.0.113.7:9
    ";

    /// RFC 3261 sections 12.2.1.1 and 18, for somebody who is no phone of ours.
    #[test]
    fn a_peer_is_reached_where_it_says_unless_nobody_could_be() {
        let lines = REACHED.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let parts: Vec<_> = line.split(" | ").collect();
            let (transport, remote) = parts[0].split_once(' ').unwrap();
            let mut all = Transport::ALL.into_iter();
            let transport = all.find(|known| known.as_str() == transport).unwrap();
            let heard = Hop::heard(peer(transport, remote));
            let uri = Uri::parse(parts[1]).unwrap();
            assert_eq!(shown(next(&uri, heard, None)), parts[2], "{line}");
        }
    }

    #[test]
    fn a_line_is_known_by_its_name_and_listens_where_it_was_dialled() {
        let dialled = Peer {
            connection: None,
            ..peer(Transport::Tcp, "203.0.113.7:5070")
        };
        let line = Uri::parse("sip:c.example:5070;transport=tcp").unwrap();
        let heard = Hop::named(&line, dialled).at(peer(Transport::Tcp, "203.0.113.7:5070"));
        let udp = Hop::heard(peer(Transport::Udp, "203.0.113.7:5070"));
        for (heard, next, goes) in [
            (
                heard,
                "sip:d.example",
                "Stream TCP 203.0.113.7:5070 or 203.0.113.7:5070",
            ),
            (
                heard,
                "sip:203.0.113.7:5070",
                "Stream TCP 203.0.113.7:5070 or 203.0.113.7:5070",
            ),
            (heard, "sip:203.0.113.7", "Only TCP 203.0.113.7:5060"),
            (heard, "sip:c.example:5080", "Only TCP 203.0.113.7:5080"),
            (udp, "sip:c.example", "Flow UDP 203.0.113.7:5070"),
            (udp, "sip:C.example:5080", "Listener UDP 203.0.113.7:5080"),
            (udp, "sip:d.example:5080", "Flow UDP 203.0.113.7:5070"),
        ] {
            let uri = Uri::parse(next).unwrap();
            assert_eq!(
                shown(super::next(&uri, heard, line.host.as_ref())),
                goes,
                "{next}"
            );
        }
        let phone = Hop::Flow(peer(Transport::Udp, "203.0.113.7:5070"));
        assert_eq!(next(&line, phone, line.host.as_ref()), phone);
    }
}
