//! Where a request may go, whatever a name resolves to.
//!
//! # Why
//! A name that is allowed today may lead to our own network tomorrow, by mistake or on
//! purpose. So it is the address that is looked at, when the connection is made: between
//! the look and the connection there is no second look-up that could say something else.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::server::net::dns::Names;

/// What is not the public Internet (the IANA registry of special-purpose addresses, and
/// multicast), by its first address and the length of its prefix.
const SPECIAL_4: [([u8; 4], u8); 16] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 31, 196, 0], 24),
    ([192, 52, 193, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 3),
];
/// Of what is given out of IPv6 at all, 2000::/3, what is not the public Internet: tunnels
/// (2002::/16 and part of 2001::/23) lead to any IPv4 address.
const SPECIAL_6: [([u16; 8], u8); 4] = [
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];
const GLOBAL_6: ([u16; 8], u8) = ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// An address that no request may go to.
#[derive(Debug)]
pub(crate) struct Barred;

impl fmt::Display for Barred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads into a network that no request may go to")
    }
}

impl Error for Barred {}

/// A name that has no address.
#[derive(Debug)]
struct Nowhere;

impl fmt::Display for Nowhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name has no address")
    }
}

impl Error for Nowhere {}

/// Looks names up, and lets pass what may be reached.
pub(crate) struct Gate {
    private: Vec<IpNet>,
    names: Arc<Names>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("private", &self.private)
            .finish_non_exhaustive()
    }
}

impl Gate {
    /// Lets the Internet pass, and these networks.
    pub(crate) fn new(private: &[IpNet], names: Arc<Names>) -> Self {
        Self {
            private: private.to_vec(),
            names,
        }
    }

    /// Whether requests may go there. A host that is a name is looked at when it is
    /// looked up.
    pub(crate) fn admits_host(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.parse().map_or(true, |ip| admits(&self.private, ip))
    }
}

impl Resolve for Gate {
    fn resolve(&self, name: Name) -> Resolving {
        let (private, names) = (self.private.clone(), Arc::clone(&self.names));
        Box::pin(async move {
            let found = names.ips(name.as_str()).await;
            if found.is_empty() {
                return Err(Nowhere.into());
            }
            let open = found.into_iter().filter(|ip| admits(&private, *ip));
            // The client puts the port of the URL in place of 0.
            let open: Vec<_> = open.map(|ip| SocketAddr::new(ip, 0)).collect();
            if open.is_empty() {
                return Err(Barred.into());
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

fn admits(private: &[IpNet], ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    private.iter().any(|net| net.contains(&ip)) || is_public(ip)
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !SPECIAL_4.iter().any(|(first, length)| {
            let net = Ipv4Net::new_assert(Ipv4Addr::from(*first), *length);
            net.contains(&ip)
        }),
        IpAddr::V6(ip) => {
            let within = |(first, length): &([u16; 8], u8)| {
                Ipv6Net::new_assert(Ipv6Addr::from(*first), *length).contains(&ip)
            };
            within(&GLOBAL_6) && !SPECIAL_6.iter().any(within)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_internet_and_what_is_named_is_reached() {
        let private = [
            "10.1.0.0/16".parse().unwrap(),
            "fd00:1::/32".parse().unwrap(),
        ];
        for (ip, admitted) in [
            ("93.184.216.34", true),
            ("10.1.2.3", true),
            ("10.2.2.3", false),
            ("127.0.0.1", false),
            ("0.0.0.0", false),
            ("100.64.0.1", false),
            ("169.254.169.254", false),
            ("172.31.255.255", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:2800:220:1::1", true),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("fd00:1::5", true),
            ("fd00:2::5", false),
            ("fd00:ec2::254", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.1.2.3", true),
            ("64:ff9b::7f00:1", false),
            ("2002:7f00:1::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(admits(&private, ip.parse().unwrap()), admitted, "{ip}");
        }
    }
}
