//! Names of carriers and lines to addresses (RFC 3263): NAPTR, SRV, A and AAAA.
//!
//! Everything that may be needed is asked for at once, and what ranks first is taken: a
//! caller waits for the slowest answer, not for the sum of them. The resolver keeps answers
//! for their TTL.
//!
//! # Why
//! When no answer comes at all, the last good one is used (RFC 8767): a carrier seldom
//! moves, and a resolver that is down is no reason to lose calls.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use exchange::config::Dns;
use exchange::sip::{Peer, Service, Transport, Uri, Way, by_weight, way};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use tokio::time::timeout;

use crate::server::entropy;
use crate::server::net::last::Last;
use crate::server::net::tls::Tls;

/// A whole look-up ends within this.
const LOOK_UP: Duration = Duration::from_secs(2);
/// One of its two or three steps ends within this.
const STEP: Duration = Duration::from_millis(650);
/// Responses that are kept.
const CACHE: u64 = 1_024;
/// Services of one name that are followed.
const SERVICES: usize = 8;
/// Addresses of one name that are used.
const HOPS: usize = 16;

/// Which addresses our sockets can send to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Families {
    pub(crate) v4: bool,
    pub(crate) v6: bool,
}

/// The resolver of configured names.
pub(crate) struct Names {
    resolver: TokioResolver,
    families: Families,
    last: Mutex<Last>,
    tls: Arc<Tls>,
}

impl Names {
    /// With the resolvers that are configured, or those of the system.
    ///
    /// # Errors
    /// When no resolver can be made of that.
    pub(crate) fn new(dns: &Dns, families: Families, tls: Arc<Tls>) -> anyhow::Result<Arc<Self>> {
        let servers = dns.servers.iter().map(|server| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
            let connections = connections.map(|mut connection| {
                connection.port = server.port();
                connection
            });
            NameServerConfig::new(server.ip(), true, connections.into())
        });
        let own = ResolverConfig::from_name_servers(servers.collect());
        let provider = TokioRuntimeProvider::default;
        let mut builder = if dns.servers.is_empty() {
            TokioResolver::builder_tokio().unwrap_or_else(|error| {
                tracing::warn!(%error, "the system has no resolver: only addresses are reached");
                TokioResolver::builder_with_config(own, provider())
            })
        } else {
            TokioResolver::builder_with_config(own, provider())
        };
        adapt(builder.options_mut(), families);
        Ok(Arc::new(Self {
            resolver: builder.build()?,
            families,
            last: Mutex::default(),
            tls,
        }))
    }

    /// Where addresses lead: for each its hops, nearest first.
    pub(crate) async fn routes(self: &Arc<Self>, uris: Vec<Uri>) -> Vec<Vec<Peer>> {
        let asked: Vec<_> = uris
            .into_iter()
            .map(|uri| {
                let names = Arc::clone(self);
                tokio::spawn(async move { names.route(&uri).await })
            })
            .collect();
        let mut routes = Vec::with_capacity(asked.len());
        for task in asked {
            routes.push(task.await.unwrap_or_default());
        }
        routes
    }

    /// The addresses of a host.
    pub(crate) async fn ips(&self, name: &str) -> Vec<IpAddr> {
        let found = self.addresses(name, 0, Transport::Tcp).await;
        found.into_iter().map(|hop| hop.remote.ip()).collect()
    }

    /// The hops to one address. Who answers there by TLS must be who the address names
    /// (RFC 5922 section 7.2).
    async fn route(&self, uri: &Uri) -> Vec<Peer> {
        let hops = self.hops(uri).await;
        for hop in hops.iter().filter(|hop| hop.transport == Transport::Tls) {
            self.tls.expect(hop.remote, uri);
        }
        hops
    }

    async fn hops(&self, uri: &Uri) -> Vec<Peer> {
        let Some(way) = way(uri) else {
            return Vec::new();
        };
        if let Way::Straight(peer) = way {
            return vec![peer];
        }
        let mut hops = timeout(LOOK_UP, self.find(way.clone()))
            .await
            .unwrap_or_default();
        hops.truncate(HOPS);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if !hops.is_empty() {
            last.note(way, hops.clone());
            return hops;
        }
        let known = last.of(&way);
        tracing::warn!(%uri, known = known.is_some(), "the host cannot be found");
        known.unwrap_or_default()
    }

    async fn find(&self, way: Way) -> Vec<Peer> {
        match way {
            Way::Straight(peer) => vec![peer],
            Way::Addresses {
                name,
                port,
                transport,
            } => self.addresses(&name, port, transport).await,
            Way::Services { name, transport } => {
                let service = service_name(&name, transport);
                let (services, plain) = tokio::join!(
                    self.services(&service),
                    self.addresses(&name, transport.default_port(), transport)
                );
                match services.is_empty() {
                    true => plain,
                    false => self.hosts(services, transport).await,
                }
            }
            Way::Open { name, secure } => self.open(&name, secure).await,
        }
    }

    /// RFC 3263 section 4.1: what NAPTR says, else SRV of the transports that we have, else
    /// the addresses by the first of them. To a secure address only TLS leads.
    async fn open(&self, name: &str, secure: bool) -> Vec<Peer> {
        let (first, other) = if secure {
            (Transport::Tls, None)
        } else {
            (Transport::Udp, Some(Transport::Tcp))
        };
        let (by_first, by_other) = (
            service_name(name, first),
            other.map(|other| service_name(name, other)),
        );
        let (pointers, one, two, plain) = tokio::join!(
            self.pointers(name),
            self.services(&by_first),
            async {
                match &by_other {
                    Some(service) => self.services(service).await,
                    None => Vec::new(),
                }
            },
            self.addresses(name, first.default_port(), first)
        );
        let mut hops = Vec::new();
        for (transport, service) in pointers {
            if secure && !transport.is_secure() {
                continue;
            }
            let services = if service == by_first {
                one.clone()
            } else if Some(&service) == by_other.as_ref() {
                two.clone()
            } else {
                self.services(&service).await
            };
            hops.extend(self.hosts(services, transport).await);
        }
        if hops.is_empty() {
            hops.extend(self.hosts(one, first).await);
            if let Some(other) = other {
                hops.extend(self.hosts(two, other).await);
            }
        }
        if hops.is_empty() { plain } else { hops }
    }

    /// NAPTR: which services of ours a domain has, best first.
    async fn pointers(&self, name: &str) -> Vec<(Transport, String)> {
        let mut found = Vec::new();
        for data in self.ask(name, RecordType::NAPTR).await {
            let RData::NAPTR(naptr) = data else { continue };
            let service = String::from_utf8_lossy(&naptr.services).to_ascii_uppercase();
            let transport = match service.as_str() {
                "SIP+D2U" => Transport::Udp,
                "SIP+D2T" => Transport::Tcp,
                "SIPS+D2T" => Transport::Tls,
                _ => continue,
            };
            if !naptr.flags.eq_ignore_ascii_case(b"s") {
                continue;
            }
            let to = naptr.replacement.to_ascii();
            let to = to.trim_end_matches('.').to_ascii_lowercase();
            found.push((naptr.order, naptr.preference, transport, to));
        }
        found.sort_by_key(|(order, preference, ..)| (*order, *preference));
        let best = found.into_iter().take(SERVICES);
        best.map(|(_, _, transport, to)| (transport, to)).collect()
    }

    /// SRV, in the order in which they are tried.
    async fn services(&self, name: &str) -> Vec<Service> {
        let mut found = Vec::new();
        for data in self.ask(name, RecordType::SRV).await {
            let RData::SRV(srv) = data else { continue };
            let host = srv.target.to_ascii();
            let host = host.trim_end_matches('.').to_owned();
            // RFC 2782: a target of `.` says that there is no such service.
            if !host.is_empty() {
                found.push(Service {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    host,
                });
            }
        }
        let mut below = |end: u64| entropy::word().checked_rem(end).unwrap_or(0);
        let mut ordered = by_weight(found, &mut below);
        ordered.truncate(SERVICES);
        ordered
    }

    async fn hosts(&self, services: Vec<Service>, transport: Transport) -> Vec<Peer> {
        let mut hops = Vec::new();
        for service in services {
            let found = self.addresses(&service.host, service.port, transport).await;
            hops.extend(found);
        }
        hops
    }

    async fn addresses(&self, name: &str, port: u16, transport: Transport) -> Vec<Peer> {
        let asked = timeout(STEP, self.resolver.lookup_ip(dotted(name))).await;
        let Ok(Ok(found)) = asked else {
            return Vec::new();
        };
        let families = self.families;
        let ours = move |ip: &IpAddr| {
            if ip.is_ipv4() {
                families.v4
            } else {
                families.v6
            }
        };
        let ips = found.iter().filter(ours);
        ips.map(|ip| Peer {
            transport,
            remote: SocketAddr::new(ip, port),
            connection: None,
        })
        .collect()
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Vec<RData> {
        match timeout(STEP, self.resolver.lookup(dotted(name), kind)).await {
            Ok(Ok(found)) => {
                let answers = found.answers().iter();
                answers.map(|record| record.data.clone()).collect()
            }
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    }
}

fn adapt(options: &mut ResolverOpts, families: Families) {
    options.timeout = STEP;
    options.attempts = 1;
    options.cache_size = CACHE;
    options.ip_strategy = match (families.v4, families.v6) {
        (true, true) => LookupIpStrategy::Ipv4AndIpv6,
        (false, true) => LookupIpStrategy::Ipv6Only,
        (true | false, false) => LookupIpStrategy::Ipv4Only,
    };
}

/// A whole name: no search list is put behind it.
fn dotted(name: &str) -> String {
    if name.contains('.') && !name.ends_with('.') {
        format!("{name}.")
    } else {
        name.to_owned()
    }
}

fn service_name(name: &str, transport: Transport) -> String {
    match transport {
        Transport::Tls => format!("_sips._tcp.{name}"),
        Transport::Udp | Transport::Tcp | Transport::Ws | Transport::Wss => {
            format!("_sip._{}.{name}", transport.label())
        }
    }
}
