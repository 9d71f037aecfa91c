//! Where an address of ours leads (RFC 3263 section 4): what is known without asking, what
//! is to be asked, and in which order the answers are tried.
//!
//! Only addresses that are configured are looked up, never what a stranger wrote.

use std::net::SocketAddr;

use crate::sip::{Host, Peer, Scheme, Transport, Uri};

/// How the addresses behind a URI are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// They stand in it.
    Straight(Peer),
    /// A port is written: A and AAAA of the name, and nothing else.
    Addresses {
        /// The name.
        name: String,
        /// The port.
        port: u16,
        /// By what.
        transport: Transport,
    },
    /// A transport is written: SRV of `_sip._udp.name`; without any, addresses at
    /// its usual port.
    Services {
        /// The name.
        name: String,
        /// By what.
        transport: Transport,
    },
    /// Only a name: NAPTR, then SRV, then addresses at the usual port.
    Open {
        /// The name.
        name: String,
        /// Whether nobody on the way may read along (`sips:`).
        secure: bool,
    },
}

/// The way to a URI; `None` when this version has none to it.
#[must_use]
pub fn way(uri: &Uri) -> Option<Way> {
    let transport = Transport::of(uri).filter(|transport| !transport.is_websocket())?;
    let name = match uri.host.clone()? {
        Host::Address(ip) => {
            let port = uri.port.unwrap_or_else(|| transport.default_port());
            return Some(Way::Straight(Peer {
                transport,
                remote: SocketAddr::new(ip, port),
                connection: None,
            }));
        }
        Host::Name(name) => name.to_string(),
    };
    let written = uri.param("transport").is_some();
    Some(match uri.port {
        Some(port) => Way::Addresses {
            name,
            port,
            transport,
        },
        None if written => Way::Services { name, transport },
        None => Way::Open {
            name,
            secure: uri.scheme == Scheme::Sips,
        },
    })
}

/// One SRV record (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Lower is tried first.
    pub priority: u16,
    /// The share among equals.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host.
    pub host: String,
}

/// Puts services in the order in which they are tried: by priority, among equals by chance
/// in proportion to their weights. `below(n)` is a random number from 0 up to, and without,
/// `n`.
#[must_use]
pub fn by_weight(mut services: Vec<Service>, below: &mut dyn FnMut(u64) -> u64) -> Vec<Service> {
    // Those of weight 0 stand first among equals, as RFC 2782 has it, so that they have a
    // small chance too.
    services.sort_by_key(|service| (service.priority, service.weight));
    let mut ordered = Vec::with_capacity(services.len());
    while let Some(first) = services.first() {
        let priority = first.priority;
        let equals = services.iter().take_while(|s| s.priority == priority);
        let total: u64 = equals.map(|service| u64::from(service.weight)).sum();
        let drawn = below(total.saturating_add(1));
        let mut sum = 0_u64;
        let chosen = services.iter().position(|service| {
            sum += u64::from(service.weight);
            sum >= drawn
        });
        ordered.push(services.remove(chosen.unwrap_or(0)));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3263 section 4.1.
    #[test]
    fn an_address_tells_what_is_to_be_asked() {
        let straight = |transport, remote: &str| {
            Some(Way::Straight(Peer {
                transport,
                remote: remote.parse().unwrap(),
                connection: None,
            }))
        };
        let name = || "c.example".to_owned();
        let addresses = |port, transport| {
            Some(Way::Addresses {
                name: name(),
                port,
                transport,
            })
        };
        let services = |transport| {
            Some(Way::Services {
                name: name(),
                transport,
            })
        };
        let open = |secure| {
            Some(Way::Open {
                name: name(),
                secure,
            })
        };
        for (uri, expected) in [
            (
                "sip:a@192.0.2.1",
                straight(Transport::Udp, "192.0.2.1:5060"),
            ),
            (
                "sip:[2001:db8::1]:7;transport=TCP",
                straight(Transport::Tcp, "[2001:db8::1]:7"),
            ),
            ("sip:a@C.example:5070", addresses(5070, Transport::Udp)),
            (
                "sip:c.example:5060;transport=tcp",
                addresses(5060, Transport::Tcp),
            ),
            ("sip:c.example;transport=udp", services(Transport::Udp)),
            ("sip:c.example", open(false)),
            ("sips:c.example", open(true)),
            ("sip:c.example;transport=tls", services(Transport::Tls)),
            (
                "sip:c.example:7;transport=tls",
                addresses(7, Transport::Tls),
            ),
            (
                "sips:a@192.0.2.1",
                straight(Transport::Tls, "192.0.2.1:5061"),
            ),
            ("sip:c.example;transport=ws", None),
            ("sip:c.example;transport=sctp", None),
            ("tel:+31", None),
        ] {
            assert_eq!(way(&Uri::parse(uri).unwrap()), expected, "{uri}");
        }
    }

    fn service(priority: u16, weight: u16, host: &str) -> Service {
        Service {
            priority,
            weight,
            port: 5060,
            host: host.into(),
        }
    }

    /// RFC 3263 section 4.2.
    #[test]
    fn services_are_tried_by_priority_and_drawn_by_weight() {
        let services = vec![
            service(20, 100, "last"),
            service(10, 75, "often"),
            service(10, 25, "seldom"),
            service(10, 0, "hardly"),
        ];
        let mut first = std::collections::BTreeMap::<String, u32>::new();
        let mut state = 1_u64;
        let mut below = |end: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % end
        };
        for _ in 0..4_000 {
            let ordered = by_weight(services.clone(), &mut below);
            assert_eq!(ordered.len(), 4);
            assert_eq!(ordered[3].host, "last");
            *first.entry(ordered[0].host.clone()).or_default() += 1;
        }
        let share = |host: &str| first.get(host).copied().unwrap_or(0);
        assert!((2_800..3_200).contains(&share("often")), "{first:?}");
        assert!((800..1_200).contains(&share("seldom")), "{first:?}");
        assert!((1..150).contains(&share("hardly")), "{first:?}");
    }
}
