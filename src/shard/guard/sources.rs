//! The addresses that are known to be friends, and those that are shut out: shared by all
//! shards, read for messages of strangers alone.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use dashmap::DashMap;

use crate::model::Shut;

/// Addresses of either kind; one for each phone is enough, and a flood fills no more.
const MOST: usize = 65_536;
/// How often old friends are looked for.
const SWEEP: Duration = Duration::from_secs(60);

/// Friends and foes by address.
#[derive(Debug, Default)]
pub struct Sources {
    friends: DashMap<IpAddr, Instant>,
    shut: DashMap<IpAddr, (Shut, Instant)>,
    swept: std::sync::OnceLock<Instant>,
}

/// Who counts as one: an IPv4 address, or a network of IPv6 that one customer gets.
pub(super) fn source_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
    }
}

/// What a source was before it was shut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Heard,
    Softly,
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

    /// Shuts a source out; what it was before, if that is news. Who is shut out wholly stays
    /// so.
    pub(super) fn shut_out(
        &self,
        source: IpAddr,
        (shut, until): (Shut, Instant),
        now: Instant,
    ) -> Option<Before> {
        if self.shut.len() >= MOST && !self.shut.contains_key(&source) {
            return None;
        }
        let mut entry = self.shut.entry(source).or_insert((shut, now));
        let (was, ends) = *entry;
        let before = match (was, shut) {
            _ if ends <= now => Some(Before::Heard),
            (Shut::Softly, Shut::Wholly) => Some(Before::Softly),
            (Shut::Softly, Shut::Softly) | (Shut::Wholly, Shut::Wholly) => None,
            (Shut::Wholly, Shut::Softly) => return None,
        };
        *entry = (shut, until);
        before
    }

    /// How a source is shut out, if it is.
    pub(super) fn shut(&self, source: IpAddr, now: Instant) -> Option<Shut> {
        let (shut, until) = *self.shut.get(&source)?;
        (until > now).then_some(shut)
    }

    /// Hears again who was shut out softly; its source if it was.
    pub(in crate::shard) fn forgive(&self, ip: IpAddr) -> Option<IpAddr> {
        let source = source_of(ip);
        let softly = |_: &IpAddr, (shut, _): &(Shut, Instant)| *shut == Shut::Softly;
        let forgiven = self.shut.remove_if(&source, softly);
        forgiven.map(|(source, _)| source)
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
            self.shut.retain(|source, (_, until)| {
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
        let shut_out = |shut| sources.shut_out(foe, (shut, now + 5 * second), now);
        for (shut, news, is) in [
            (Shut::Softly, Some(Before::Heard), Shut::Softly),
            (Shut::Softly, None, Shut::Softly),
            (Shut::Wholly, Some(Before::Softly), Shut::Wholly),
            (Shut::Softly, None, Shut::Wholly),
            (Shut::Wholly, None, Shut::Wholly),
        ] {
            assert_eq!(shut_out(shut), news);
            assert_eq!(sources.shut(foe, now + 4 * second), Some(is));
        }
        assert_eq!(sources.forgive(foe), None);
        assert!(sources.is_friend(friend, now + 8 * second));
        assert!(!sources.is_friend(friend, now + 9 * second));
        assert!(sources.sweep(now + 4 * second).is_empty());
        assert_eq!(sources.sweep(now + 5 * second), [foe]);
        assert!(sources.sweep(now + 6 * second).is_empty());
        assert_eq!(sources.shut(foe, now + 5 * second), None);
        assert_eq!(shut_out(Shut::Softly), Some(Before::Heard));
        assert_eq!(sources.forgive(foe), Some(foe));
        assert_eq!(sources.shut(foe, now), None);
    }

    #[test]
    fn neither_list_grows_without_end() {
        let (sources, now) = (Sources::default(), Instant::now());
        let later = now + Duration::from_secs(60);
        for number in 0..70_000_u32 {
            let ip = IpAddr::V4(number.into());
            sources.befriend(ip, later);
            sources.shut_out(ip, (Shut::Wholly, later), now);
        }
        assert_eq!((sources.friends.len(), sources.shut.len()), (MOST, MOST));
        // Whoever is in already stays so.
        sources.befriend(IpAddr::V4(1.into()), later + Duration::from_secs(9));
        assert!(sources.is_friend(IpAddr::V4(1.into()), later));
    }
}
