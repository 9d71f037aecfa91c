//! The addresses that are known to be friends, and those that are shut out: shared by all
//! shards, read for messages of strangers alone.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use dashmap::DashMap;

/// Addresses of either kind; one for each phone is enough, and a flood fills no more.
const MOST: usize = 65_536;
/// How often old friends are looked for.
const SWEEP: Duration = Duration::from_secs(60);

/// Friends and foes by address.
#[derive(Debug, Default)]
pub struct Sources {
    friends: DashMap<IpAddr, Instant>,
    shut: DashMap<IpAddr, Instant>,
    swept: std::sync::OnceLock<Instant>,
}

/// Who counts as one: an IPv4 address, or a network of IPv6 that one customer gets.
pub(super) fn source_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
    }
}

impl Sources {
    /// Whoever is there has shown who they are; a friend until `until`.
    pub fn befriend(&self, ip: IpAddr, until: Instant) {
        let source = source_of(ip);
        if self.friends.len() < MOST || self.friends.contains_key(&source) {
            let mut known = self.friends.entry(source).or_insert(until);
            *known = until.max(*known);
        }
    }

    /// Whether a phone is registered from there.
    pub(super) fn is_friend(&self, source: IpAddr, now: Instant) -> bool {
        self.friends.get(&source).is_some_and(|until| *until > now)
    }

    /// Shuts a source out; `false` when it was before.
    pub(super) fn shut_out(&self, source: IpAddr, until: Instant, now: Instant) -> bool {
        if self.shut.len() >= MOST && !self.shut.contains_key(&source) {
            return false;
        }
        let before = self.shut.insert(source, until);
        before.is_none_or(|until| until <= now)
    }

    /// Whether nothing from there is heard.
    pub(super) fn is_shut_out(&self, source: IpAddr, now: Instant) -> bool {
        self.shut.get(&source).is_some_and(|until| *until > now)
    }

    /// Forgets whose time is over; those who were shut out and are heard from now on.
    pub(in crate::shard) fn sweep(&self, now: Instant) -> Vec<IpAddr> {
        let begun = *self.swept.get_or_init(|| now);
        let since = now.saturating_duration_since(begun).as_secs();
        if since.is_multiple_of(SWEEP.as_secs()) {
            self.friends.retain(|_, until| *until > now);
        }
        let mut heard = Vec::new();
        if !self.shut.is_empty() {
            self.shut.retain(|source, until| {
                let over = *until <= now;
                if over {
                    heard.push(*source);
                }
                !over
            });
        }
        heard.sort_unstable();
        heard
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_is_an_address_or_a_network_of_one_customer() {
        for (address, source) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            assert_eq!(source_of(ip(address)), ip(source));
        }
    }

    #[test]
    fn each_is_what_it_is_for_its_time() {
        let (sources, now) = (Sources::default(), Instant::now());
        let second = Duration::from_secs(1);
        let (friend, foe) = (ip("192.0.2.7"), ip("192.0.2.8"));
        sources.befriend(friend, now + 9 * second);
        sources.befriend(friend, now + second);
        assert!(sources.shut_out(foe, now + 5 * second, now));
        assert!(!sources.shut_out(foe, now + 5 * second, now));
        assert!(sources.is_friend(friend, now + 8 * second));
        assert!(!sources.is_friend(friend, now + 9 * second));
        assert!(sources.is_shut_out(foe, now + 4 * second));
        assert!(sources.sweep(now + 4 * second).is_empty());
        assert_eq!(sources.sweep(now + 5 * second), [foe]);
        assert!(sources.sweep(now + 6 * second).is_empty());
        assert!(!sources.is_shut_out(foe, now + 5 * second));
    }

    #[test]
    fn neither_list_grows_without_end() {
        let (sources, now) = (Sources::default(), Instant::now());
        let later = now + Duration::from_secs(60);
        for number in 0..70_000_u32 {
            let ip = IpAddr::V4(number.into());
            sources.befriend(ip, later);
            sources.shut_out(ip, later, now);
        }
        assert_eq!((sources.friends.len(), sources.shut.len()), (MOST, MOST));
        // Whoever is in already stays so.
        sources.befriend(IpAddr::V4(1.into()), later + Duration::from_secs(9));
        assert!(sources.is_friend(IpAddr::V4(1.into()), later));
    }
}
