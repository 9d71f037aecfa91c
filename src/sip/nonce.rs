//! Nonces of digest challenges, and which of their counts were used (RFC 7616 sections
//! 3.3 and 3.4).
//!
//! A nonce carries the time it was made, a number, and a hash over both and over the address
//! that it goes to, with a key of the process: nothing is kept for a stranger who never
//! answers. Of one that was answered rightly it is kept which counts it was answered with, so
//! that whoever listened on the way cannot say the same again.
//!
//! # Why
//! Whoever answers a nonce from the address that it went to receives there; a datagram alone
//! shows nothing, for anybody can write any address on it. The port is left out: NAT may give
//! a phone another between challenge and answer.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use sha2::{Digest as _, Sha256};

use crate::model::limits::NONCES_USED;
use crate::sip::digest::{Credentials, same};

/// How long a nonce may be answered.
pub const NONCE_TIME: Duration = Duration::from_secs(300);

/// What a nonce is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Given to this address, and young enough.
    Fresh,
    /// It looks like ours, and is too old or used up, or was given to another address or by
    /// an earlier process: the peer may try again without asking its user.
    Stale,
    /// Not ours.
    Forged,
}

/// Makes nonces and recognises them.
///
/// # Why
/// What was used is bounded. When there is no room the oldest gives way, and with it every
/// nonce made before it that nobody has answered yet: both count as stale, so that a peer
/// asks once more and nobody gets in twice.
pub struct Nonces {
    key: [u8; 32],
    made: AtomicU64,
    used: DashMap<u64, Counts>,
    /// What is in `used`, in the order of its first use, with the second it was made.
    order: Mutex<VecDeque<(u64, u64)>>,
    /// Nonces up to this number that are not in `used` are stale.
    forgotten: AtomicU64,
    most: usize,
}

/// The counts that a nonce was used with.
#[derive(Clone, Copy, Debug)]
enum Counts {
    /// The highest, and which of those before it: the lowest bit is the highest count.
    Some { highest: u32, before: u64 },
    /// It is good for nothing more.
    All,
}

/// A nonce, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts {
    second: u64,
    number: u64,
}

/// A hash of a nonce, in hexadecimal.
type Seal = [u8; 32];

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces(…)")
    }
}

impl Nonces {
    /// The key is random, and the same for all shards of the process.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self::with_room_for(key, NONCES_USED)
    }

    fn with_room_for(key: [u8; 32], most: usize) -> Self {
        Self {
            key,
            made: AtomicU64::new(0),
            used: DashMap::new(),
            order: Mutex::new(VecDeque::new()),
            forgotten: AtomicU64::new(0),
            most,
        }
    }

    /// A nonce for whoever is at `source`, made `at` (any clock of the process, from any
    /// start). None comes twice.
    #[must_use]
    pub fn issue(&self, source: IpAddr, at: Duration) -> String {
        let parts = Parts {
            second: at.as_secs(),
            number: self.made.fetch_add(1, Ordering::Relaxed) + 1,
        };
        let Parts { second, number } = parts;
        let seal = self.seal(parts, source);
        format!("{second:x}.{number:x}.{}", String::from_utf8_lossy(&seal))
    }

    /// What a nonce is worth from `source` `at` a time, whatever it was counted with. It
    /// costs one hash at the most, and no allocation.
    #[must_use]
    pub fn check(&self, nonce: &str, source: IpAddr, at: Duration) -> Freshness {
        let Some((parts, seal)) = read(nonce) else {
            return Freshness::Forged;
        };
        let age = at.as_secs().checked_sub(parts.second);
        let young = age.is_some_and(|age| age <= NONCE_TIME.as_secs());
        let ours = young && same(seal.as_bytes(), &self.seal(parts, source));
        let used_up = || {
            let counts = self.used.get(&parts.number);
            counts.is_some_and(|counts| matches!(*counts, Counts::All))
        };
        if ours && !used_up() {
            Freshness::Fresh
        } else {
            Freshness::Stale
        }
    }

    /// Uses up the count of credentials that are right. One that was used before is stale
    /// (RFC 7616 section 3.4), and so is a nonce that was ever answered without a count.
    #[must_use]
    pub fn spend(&self, credentials: &Credentials, source: IpAddr, at: Duration) -> Freshness {
        let fresh = self.check(&credentials.nonce, source, at);
        let (Freshness::Fresh, Some((Parts { second, number }, _))) =
            (fresh, read(&credentials.nonce))
        else {
            return fresh;
        };
        let count = match &credentials.qop {
            None => None,
            Some(_) => match read_count(&credentials.nc) {
                Some(count) => Some(count),
                None => return Freshness::Forged,
            },
        };
        match self.used.entry(number) {
            Entry::Occupied(mut counts) => return counts.get_mut().take(count),
            Entry::Vacant(_) if number <= self.forgotten.load(Ordering::SeqCst) => {
                return Freshness::Stale;
            }
            Entry::Vacant(place) => drop(place.insert(Counts::first(count))),
        }
        self.remember(second, number, at);
        Freshness::Fresh
    }

    /// Uses up a nonce that was found fresh: it was answered wrongly.
    pub fn spoil(&self, nonce: &str, at: Duration) {
        let Some((Parts { second, number }, _)) = read(nonce) else {
            return;
        };
        if self.used.insert(number, Counts::All).is_none() {
            self.remember(second, number, at);
        }
    }

    /// Makes room behind one that is new.
    fn remember(&self, second: u64, number: u64, at: Duration) {
        let mut gone = Vec::new();
        {
            let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            order.push_back((second, number));
            let now = at.as_secs();
            let old = |second: u64| second.saturating_add(NONCE_TIME.as_secs()) < now;
            while let Some((second, number)) = order.front().copied() {
                if !old(second) && order.len() <= self.most {
                    break;
                }
                // Before it is gone: whoever does not find it finds this.
                self.forgotten.fetch_max(number, Ordering::SeqCst);
                gone.push(number);
                order.pop_front();
            }
        }
        for number in gone {
            self.used.remove(&number);
        }
    }

    fn seal(&self, Parts { second, number }: Parts, source: IpAddr) -> Seal {
        let source = match source.to_canonical() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        // Key, contents, key: a length extension of the inner hash forges nothing.
        let contents: [&[u8]; 5] = [
            &self.key,
            &second.to_be_bytes(),
            &number.to_be_bytes(),
            &source.octets(),
            &self.key,
        ];
        let mut hash = Sha256::new();
        for part in contents {
            hash.update(part);
        }
        let mut seal = Seal::default();
        for (digits, byte) in seal.chunks_exact_mut(2).zip(hash.finalize()) {
            digits.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        seal
    }
}

fn digit(value: u8) -> u8 {
    if value < 10 {
        b'0' + value
    } else {
        b'a' + value - 10
    }
}

/// What has the form of a nonce of ours: what it says, and its seal.
fn read(nonce: &str) -> Option<(Parts, &str)> {
    let (second, rest) = nonce.split_once('.')?;
    let (number, seal) = rest.split_once('.')?;
    let parts = Parts {
        second: hexadecimal(second)?,
        number: hexadecimal(number)?,
    };
    let sealed = seal.len() == size_of::<Seal>() && hexadecimal(seal.get(..16)?).is_some();
    let sealed = sealed && hexadecimal(seal.get(16..)?).is_some();
    sealed.then_some((parts, seal))
}

impl Counts {
    fn first(count: Option<u32>) -> Self {
        match count {
            Some(highest) => Self::Some { highest, before: 1 },
            None => Self::All,
        }
    }

    /// Takes a count, if it is still to be had. Requests that were sent together may come
    /// in another order.
    fn take(&mut self, count: Option<u32>) -> Freshness {
        let (Self::Some { highest, before }, Some(count)) = (*self, count) else {
            // Without a count a nonce is good once.
            return Freshness::Stale;
        };
        let next = if count > highest {
            let higher = count - highest;
            let before = before.checked_shl(higher).unwrap_or(0);
            Some((count, before | 1))
        } else {
            let bit = 1_u64.checked_shl(highest - count).unwrap_or(0);
            (bit != 0 && before & bit == 0).then_some((highest, before | bit))
        };
        match next {
            Some((highest, before)) => {
                *self = Self::Some { highest, before };
                Freshness::Fresh
            }
            None => Freshness::Stale,
        }
    }
}

/// Digits only: Rust's own parse takes a sign, and one nonce had many spellings.
fn hexadecimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

/// Eight hexadecimal digits, from 1 (RFC 7616 section 3.4).
fn read_count(text: &str) -> Option<u32> {
    let count = hexadecimal(text).filter(|_| text.len() == 8)?;
    u32::try_from(count).ok().filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use Freshness::{Forged, Fresh, Stale};

    use std::net::Ipv4Addr;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);
    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

    fn spend(nonces: &Nonces, nonce: &str, count: &str, at: Duration) -> Freshness {
        let qop = if count.is_empty() { "" } else { ", qop=auth" };
        let text = format!(
            "Digest username=\"a\", realm=\"r\", nonce=\"{nonce}\", uri=\"u\", response=\"0\", nc={count}{qop}"
        );
        nonces.spend(&Credentials::parse(&text).unwrap(), HERE, at)
    }

    /// RFC 7616 section 3.3.
    #[test]
    fn a_nonce_grows_old_and_cannot_be_made_up() {
        let nonces = Nonces::new([7; 32]);
        let nonce = nonces.issue(HERE, NOW);
        assert_ne!(nonce, nonces.issue(HERE, NOW));
        assert_eq!(nonces.check(&nonce, HERE, NOW + NONCE_TIME), Fresh);
        let late = NOW + NONCE_TIME + Duration::from_secs(1);
        assert_eq!(nonces.check(&nonce, HERE, late), Stale);
        assert_eq!(spend(&nonces, &nonce, "00000001", late), Stale);
        let older = nonce.replacen("3e8", "3e9", 1);
        let other = nonce.replacen(".1.", ".2.", 1);
        let mut nobody = nonce.clone();
        nobody.pop();
        nobody.push('g');
        for stale in [
            &older,
            &other,
            &nonce.to_uppercase(),
            &Nonces::new([8; 32]).issue(HERE, NOW),
        ] {
            assert_eq!(nonces.check(stale, HERE, NOW), Stale, "{stale}");
        }
        let signed = format!("+{nonce}");
        for forged in ["", "3e8", "3e8.", "3e8.1.", "zz.1.00", &signed, &nobody] {
            assert_eq!(nonces.check(forged, HERE, NOW), Forged, "{forged}");
        }
    }

    #[test]
    fn a_nonce_is_good_at_the_address_that_it_went_to() {
        let nonces = Nonces::new([7; 32]);
        for (given, answered, freshness) in [
            ("192.0.2.7", "192.0.2.7", Fresh),
            ("192.0.2.7", "::ffff:192.0.2.7", Fresh),
            ("192.0.2.7", "192.0.2.8", Stale),
            ("2001:db8::1", "2001:db8::1", Fresh),
            ("2001:db8::1", "2001:db8::2", Stale),
        ] {
            let nonce = nonces.issue(given.parse().unwrap(), NOW);
            let found = nonces.check(&nonce, answered.parse().unwrap(), NOW);
            assert_eq!(found, freshness, "{given} {answered}");
        }
    }

    /// RFC 7616 section 3.4.
    #[test]
    fn each_count_is_good_once_in_any_order_within_a_window() {
        let nonces = Nonces::new([7; 32]);
        let nonce = nonces.issue(HERE, NOW);
        for (count, freshness) in [
            ("00000002", Fresh),
            ("00000002", Stale),
            ("00000001", Fresh),
            ("00000001", Stale),
            ("00000041", Fresh),
            ("00000002", Stale),
            ("00000003", Fresh),
            ("00000003", Stale),
            // Too far back to be known.
            ("00000101", Fresh),
            ("00000042", Stale),
            ("FFFFFFFF", Fresh),
            ("ffffffff", Stale),
            // Without a count, after one.
            ("", Stale),
            // No count at all.
            ("00000000", Forged),
            ("1", Forged),
            ("+0000001", Forged),
        ] {
            assert_eq!(spend(&nonces, &nonce, count, NOW), freshness, "{count}");
        }
    }

    /// RFC 7616 section 3.4.
    #[test]
    fn without_a_count_a_nonce_is_good_once() {
        let nonces = Nonces::new([7; 32]);
        let nonce = nonces.issue(HERE, NOW);
        assert_eq!(spend(&nonces, &nonce, "", NOW), Fresh);
        assert_eq!(spend(&nonces, &nonce, "", NOW), Stale);
        assert_eq!(spend(&nonces, &nonce, "00000001", NOW), Stale);
    }

    #[test]
    fn a_nonce_that_is_spoilt_is_good_for_nothing_more() {
        let nonces = Nonces::with_room_for([7; 32], 3);
        for answered in [false, true] {
            let nonce = nonces.issue(HERE, NOW);
            if answered {
                assert_eq!(spend(&nonces, &nonce, "00000001", NOW), Fresh);
            }
            nonces.spoil(&nonce, NOW);
            assert_eq!(nonces.check(&nonce, HERE, NOW), Stale);
            assert_eq!(spend(&nonces, &nonce, "00000002", NOW), Stale);
        }
        for _ in 0..10 {
            nonces.spoil(&nonces.issue(HERE, NOW), NOW);
        }
        assert_eq!(nonces.used.len(), 3);
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_gave_way_is_stale() {
        let nonces = Nonces::with_room_for([7; 32], 3);
        let made: Vec<String> = (0..10).map(|_| nonces.issue(HERE, NOW)).collect();
        for nonce in made.iter().skip(2) {
            assert_eq!(spend(&nonces, nonce, "00000001", NOW), Fresh);
        }
        assert_eq!(nonces.used.len(), 3);
        for nonce in &made {
            assert_eq!(spend(&nonces, nonce, "00000001", NOW), Stale);
        }
        let late = NOW + NONCE_TIME * 2;
        let last = nonces.issue(HERE, late);
        assert_eq!(spend(&nonces, &last, "00000001", late), Fresh);
        assert_eq!(nonces.used.len(), 1, "what is old is forgotten");
    }
}
