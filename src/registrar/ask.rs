//! What a REGISTER asks for (RFC 3261 section 10, RFC 3327, RFC 5626).

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::binding::{Binding, Refusal, Rules};
use crate::model::limits::{CONTACTS_PER_OPERATOR, PATH_BYTES, PATH_HOPS};
use crate::sip::{
    Contacts, Headers, Host, Name, NameAddr, Peer, Request, Scheme, Transport, Uri, digits,
    split_outside,
};

/// A registrar may refuse what is shorter than this, and nothing longer (section 10.3).
const ALWAYS_LONG_ENOUGH: Duration = Duration::from_secs(3600);
/// What an Expires that cannot be read means (sections 10.2.1.1 and 20.19).
const UNREADABLE: u32 = 3600;

/// What a REGISTER says of itself and of the way that it came.
#[derive(Debug)]
pub(super) struct Register<'a> {
    pub(super) call_id: &'a str,
    pub(super) cseq: u32,
    /// From where it came.
    pub(super) source: Peer,
    /// Where requests go.
    pub(super) peer: Peer,
    pub(super) path: Vec<String>,
    pub(super) now: Instant,
}

/// A contact as a REGISTER asks for it.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) uri: Uri,
    pub(super) instance: Option<String>,
    pub(super) reg_id: Option<u32>,
    /// `None` takes it away.
    pub(super) lasts: Option<Duration>,
}

impl Wanted {
    /// Whether a binding is this contact's: the same flow of the same device (RFC 5626
    /// section 6), whatever its address; without flows the same address or the same device.
    pub(super) fn means(&self, binding: &Binding) -> bool {
        let device = self.instance.is_some() && self.instance == binding.instance;
        match (self.reg_id, binding.reg_id) {
            (Some(one), Some(other)) => device && one == other,
            // A device that begins or ceases to number its flows.
            (Some(_), None) | (None, Some(_)) => device,
            (None, None) => device || is_same(&self.uri, &binding.uri),
        }
    }

    /// What its binding is called.
    pub(super) fn key(&self) -> String {
        match (&self.instance, self.reg_id) {
            (Some(instance), Some(reg_id)) => format!("{instance};reg-id={reg_id}"),
            (Some(_) | None, _) => self.uri.to_string(),
        }
    }
}

/// Whether two contacts are one (RFC 3261 section 19.1.4, as far as phones differ): the
/// same user, host, port and transport.
pub(super) fn is_same(one: &Uri, other: &Uri) -> bool {
    let transport = |uri: &Uri| uri.param("transport").map(str::to_ascii_lowercase);
    one.scheme == other.scheme
        && one.user == other.user
        && one.host == other.host
        && one.port == other.port
        && transport(one) == transport(other)
}

/// The contacts that a REGISTER asks for; `None` takes all away.
pub(super) fn read_contacts(
    headers: &Headers,
    rules: Rules,
) -> Result<Option<Vec<Wanted>>, Refusal> {
    let list = match headers.contacts().map_err(|_| Refusal::Malformed)? {
        Contacts::Star if headers.expires() == Some(0) => return Ok(None),
        Contacts::Star => return Err(Refusal::Malformed),
        Contacts::List(list) => list,
    };
    if list.len() > CONTACTS_PER_OPERATOR {
        return Err(Refusal::TooMany);
    }
    let usual = match headers.first(&Name::Expires) {
        Some(_) => seconds(headers.expires().unwrap_or(UNREADABLE)),
        None => rules.default_expires,
    };
    let read = list.into_iter().map(|contact| read(contact, usual, rules));
    read.collect::<Result<Vec<_>, _>>().map(Some)
}

fn read(contact: NameAddr, usual: Duration, rules: Rules) -> Result<Wanted, Refusal> {
    let asked = contact.params.value("expires").map_or(usual, |text| {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = plain.then(|| digits(text).unwrap_or(u32::MAX));
        seconds(number.unwrap_or(UNREADABLE))
    });
    let least = rules.min_expires.min(ALWAYS_LONG_ENOUGH);
    if !asked.is_zero() && asked < least {
        let min_expires = least.as_secs();
        return Err(Refusal::TooBrief { min_expires });
    }
    // It is written back in quotes.
    let instance = contact.params.value("+sip.instance");
    let instance = instance.filter(|text| !text.is_empty() && !text.contains(['"', '\\']));
    // RFC 5626 section 6: without a device there are no flows of it.
    let reg_id = contact.params.value("reg-id").and_then(digits::<u32>);
    Ok(Wanted {
        reg_id: reg_id.filter(|number| *number > 0 && instance.is_some()),
        instance: instance.map(String::from),
        lasts: (!asked.is_zero()).then(|| asked.min(rules.max_expires)),
        uri: contact.uri,
    })
}

/// Step 7 of section 10.3 takes what a call could go to. An address that is none (`tel:`,
/// `mailto:`), that means many hosts or nobody, or that asks for a secure way on one that is
/// not (section 26.2.2), would make an operator ready whom nothing can reach. What is taken
/// away may be anything.
pub(super) fn check_places(wanted: &[Wanted], transport: Transport) -> Result<(), Refusal> {
    let mut stays = wanted.iter().filter(|contact| contact.lasts.is_some());
    if stays.all(|contact| is_place(&contact.uri, transport)) {
        Ok(())
    } else {
        Err(Refusal::Unreachable)
    }
}

fn is_place(uri: &Uri, transport: Transport) -> bool {
    let way = match uri.scheme {
        Scheme::Sip => true,
        Scheme::Sips => transport.is_secure(),
        Scheme::Tel | Scheme::Other(_) => false,
    };
    let host = match &uri.host {
        Some(Host::Address(ip)) => is_one_host(*ip),
        Some(Host::Name(_)) => true,
        None => false,
    };
    way && host && uri.port != Some(0)
}

fn is_one_host(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    !(ip.is_unspecified() || ip.is_multicast() || broadcast)
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}

/// Settles whether flows are kept apart (RFC 5626 section 6), with the path that the
/// request came by. Whether the 200 is to say that they are.
pub(super) fn settle_flows(
    wanted: &mut [Wanted],
    request: &Request,
    path: &[String],
) -> Result<bool, Refusal> {
    if wanted.iter().all(|contact| contact.reg_id.is_none()) {
        return Ok(false);
    }
    let supported = request.headers.tokens(&Name::Supported);
    let asked = supported.iter().any(|tag| tag == "outbound");
    // The proxy next to the phone is the last on the way to it.
    let edge = path.last().and_then(|hop| NameAddr::parse(hop));
    let keeps = match edge {
        Some(edge) => edge.uri.param("ob").is_some(),
        None => is_direct(&request.headers),
    };
    if !keeps {
        if asked {
            return Err(Refusal::FirstHop);
        }
        for contact in wanted {
            contact.reg_id = None;
        }
        return Ok(false);
    }
    // One REGISTER is one flow.
    let stays = wanted.iter().filter(|contact| contact.lasts.is_some());
    let flows = stays.clone().any(|contact| contact.reg_id.is_some());
    if flows && stays.count() > 1 {
        return Err(Refusal::Malformed);
    }
    Ok(asked)
}

/// Whether no proxy stands between us and the sender.
fn is_direct(headers: &Headers) -> bool {
    let lines = headers.all(&Name::Via);
    let count = lines.map(|line| split_outside(&line, b',').map_or(usize::MAX, |v| v.len()));
    count.fold(0_usize, usize::saturating_add) <= 1
}

/// The values of Path, each as it was written (RFC 3327 section 5.3).
pub(super) fn read_path(headers: &Headers) -> Result<Vec<String>, Refusal> {
    let mut path = Vec::new();
    let mut bytes = 0_usize;
    for line in headers.all(&Name::Path) {
        for hop in split_outside(&line, b',').ok_or(Refusal::Malformed)? {
            let hop = hop.trim();
            bytes = bytes.saturating_add(hop.len());
            let address = NameAddr::parse(hop).ok_or(Refusal::Malformed)?;
            let usable = matches!(address.uri.scheme, Scheme::Sip | Scheme::Sips)
                && address.uri.param("lr").is_some();
            if !usable || bytes > PATH_BYTES || path.len() >= PATH_HOPS {
                return Err(Refusal::Malformed);
            }
            path.push(hop.to_owned());
        }
    }
    let supported = headers.tokens(&Name::Supported);
    if path.is_empty() || supported.iter().any(|tag| tag == "path") {
        Ok(path)
    } else {
        Err(Refusal::PathUnknown)
    }
}

/// Where requests to a contact go. A proxy that gives its address is reached there; no
/// name is looked up for somebody else, and any other goes back the way that its REGISTER
/// came.
pub(super) fn first_hop(path: &[String], source: Peer) -> Peer {
    let hop = path.first().and_then(|hop| NameAddr::parse(hop));
    let Some(uri) = hop.map(|hop| hop.uri) else {
        return source;
    };
    let (Scheme::Sip, Some(Host::Address(ip))) = (&uri.scheme, &uri.host) else {
        return source;
    };
    let transport = match uri.param("transport") {
        None => Transport::Udp,
        Some(name) if name.eq_ignore_ascii_case("udp") => Transport::Udp,
        Some(name) if name.eq_ignore_ascii_case("tcp") => Transport::Tcp,
        Some(_) => return source,
    };
    if !is_one_host(*ip) || uri.port == Some(0) {
        return source;
    }
    Peer {
        transport,
        remote: SocketAddr::new(*ip, uri.port.unwrap_or(5060)),
        connection: None,
    }
}
