//! Where we are: what peers are told of it, and which families of addresses we can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use exchange::config::Config;
use exchange::sip::{Advertise, Transport};

use crate::server::net::dns::Families;

/// What we say of where we are.
pub(crate) fn advertise(config: &Config, listening: &[(Transport, SocketAddr)]) -> Advertise {
    let port = |wanted| {
        let found = listening.iter().find(|(transport, _)| *transport == wanted);
        found.map(|(_, address)| address.port())
    };
    let bound = listening.iter().map(|(_, address)| address.ip());
    // The address of one family, if we listen on it: the one bound, or the way out.
    let own = |v6: bool| {
        let family: Vec<IpAddr> = bound.clone().filter(|ip| ip.is_ipv6() == v6).collect();
        let named = family.iter().copied().find(|ip| !ip.is_unspecified());
        family.first().map(|_| named.unwrap_or_else(|| primary(v6)))
    };
    let (v4, v6) = (own(false), own(true));
    Advertise {
        fixed: config.sip.advertise,
        primary: v4.or(v6).unwrap_or_else(|| primary(false)),
        other: v4.and(v6),
        udp: port(Transport::Udp).unwrap_or(5060),
        tcp: port(Transport::Tcp),
        tls: port(Transport::Tls),
        ws: port(Transport::Ws),
        wss: port(Transport::Wss),
    }
}

/// The address of the interface by which the world is reached. Connecting a datagram
/// socket sends nothing; it only asks the system for the way.
fn primary(v6: bool) -> IpAddr {
    let (any, far, home) = if v6 {
        ("[::]:0", "[2001:db8::1]:9", IpAddr::V6(Ipv6Addr::LOCALHOST))
    } else {
        ("0.0.0.0:0", "192.0.2.1:9", IpAddr::V4(Ipv4Addr::LOCALHOST))
    };
    let way = || {
        let socket = UdpSocket::bind(any)?;
        socket.connect(far)?;
        socket.local_addr()
    };
    way().map_or(home, |address| address.ip())
}

/// Of which families of addresses we have a socket.
pub(crate) fn families(listening: &[(Transport, SocketAddr)]) -> Families {
    let udp = listening.iter().filter(|(t, _)| *t == Transport::Udp);
    Families {
        v4: udp.clone().any(|(_, address)| address.is_ipv4()),
        v6: udp.clone().any(|(_, address)| address.is_ipv6()),
    }
}
