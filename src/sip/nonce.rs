//! Nonces of digest challenges, and which of their counts were used (RFC 7616 sections
//! 3.3 and 3.4).
//!
//! A nonce carries the time it was made, a number, and a hash over both with a key of the
//! process: nothing is kept for a stranger who never answers. Of one that was answered
//! rightly it is kept which counts it was answered with, so that whoever listened on the
//! way cannot say the same again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use crate::model::limits::NONCES_USED;
use crate::sip::digest::{Algorithm, Credentials, same};

/// How long a nonce may be answered.
pub const NONCE_TIME: Duration = Duration::from_secs(300);

/// What a nonce is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Ours, and young enough.
    Fresh,
    /// Ours, and too old: the peer may try again without asking its user.
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

    /// A nonce made `at` (any clock of the process, from any start). None comes twice.
    #[must_use]
    pub fn issue(&self, at: Duration) -> String {
        let parts = Parts {
            second: at.as_secs(),
            number: self.made.fetch_add(1, Ordering::Relaxed) + 1,
        };
        let Parts { second, number } = parts;
        format!("{second:x}.{number:x}.{}", self.seal(parts))
    }

    /// What a nonce is worth `at` a time, whatever it was used for.
    #[must_use]
    pub fn check(&self, nonce: &str, at: Duration) -> Freshness {
        let Some(Parts { second, .. }) = self.read(nonce) else {
            return Freshness::Forged;
        };
        let age = at.as_secs().checked_sub(second);
        if age.is_some_and(|age| age <= NONCE_TIME.as_secs()) {
            Freshness::Fresh
        } else {
            Freshness::Stale
        }
    }

    /// Uses up the count of credentials that are right. One that was used before is stale
    /// (RFC 7616 section 3.4), and so is a nonce that was ever answered without a count.
    #[must_use]
    pub fn spend(&self, credentials: &Credentials, at: Duration) -> Freshness {
        let fresh = self.check(&credentials.nonce, at);
        let (Freshness::Fresh, Some(Parts { second, number })) =
            (fresh, self.read(&credentials.nonce))
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

    fn read(&self, nonce: &str) -> Option<Parts> {
        let (second, rest) = nonce.split_once('.')?;
        let (number, seal) = rest.split_once('.')?;
        let parts = Parts {
            second: hexadecimal(second)?,
            number: hexadecimal(number)?,
        };
        same(seal, &self.seal(parts)).then_some(parts)
    }

    fn seal(&self, Parts { second, number }: Parts) -> String {
        // Key, contents, key: a length extension of the inner hash forges nothing.
        let contents: [&[u8]; 4] = [
            &self.key,
            &second.to_be_bytes(),
            &number.to_be_bytes(),
            &self.key,
        ];
        let mut seal = Algorithm::Sha256.hash(&contents);
        seal.truncate(32);
        seal
    }
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

    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn spend(nonces: &Nonces, nonce: &str, count: &str, at: Duration) -> Freshness {
        let qop = if count.is_empty() { "" } else { ", qop=auth" };
        let text = format!(
            "Digest username=\"a\", realm=\"r\", nonce=\"{nonce}\", uri=\"u\", response=\"0\", nc={count}{qop}"
        );
        nonces.spend(&Credentials::parse(&text).unwrap(), at)
    }

    /// RFC 7616 section 3.3.
    #[test]
    fn a_nonce_grows_old_and_cannot_be_made_up() {
        let nonces = Nonces::new([7; 32]);
        let nonce = nonces.issue(NOW);
        assert_ne!(nonce, nonces.issue(NOW));
        assert_eq!(nonces.check(&nonce, NOW + NONCE_TIME), Fresh);
        let late = NOW + NONCE_TIME + Duration::from_secs(1);
        assert_eq!(nonces.check(&nonce, late), Stale);
        assert_eq!(spend(&nonces, &nonce, "00000001", late), Stale);
        assert_eq!(Nonces::new([8; 32]).check(&nonce, NOW), Forged);
        let older = nonce.replacen("3e8", "3e9", 1);
        let other = nonce.replacen(".1.", ".2.", 1);
        let signed = format!("+{nonce}");
        for forged in [
            "", "3e8", "3e8.", "3e8.1.", "zz.1.00", &older, &other, &signed,
        ] {
            assert_eq!(nonces.check(forged, NOW), Forged, "{forged}");
        }
    }

    /// RFC 7616 section 3.4.
    #[test]
    fn each_count_is_good_once_in_any_order_within_a_window() {
        let nonces = Nonces::new([7; 32]);
        let nonce = nonces.issue(NOW);
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
        let nonce = nonces.issue(NOW);
        assert_eq!(spend(&nonces, &nonce, "", NOW), Fresh);
        assert_eq!(spend(&nonces, &nonce, "", NOW), Stale);
        assert_eq!(spend(&nonces, &nonce, "00000001", NOW), Stale);
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_gave_way_is_stale() {
        let nonces = Nonces::with_room_for([7; 32], 3);
        let made: Vec<String> = (0..10).map(|_| nonces.issue(NOW)).collect();
        for nonce in made.iter().skip(2) {
            assert_eq!(spend(&nonces, nonce, "00000001", NOW), Fresh);
        }
        assert_eq!(nonces.used.len(), 3);
        for nonce in &made {
            assert_eq!(spend(&nonces, nonce, "00000001", NOW), Stale);
        }
        let late = NOW + NONCE_TIME * 2;
        let last = nonces.issue(late);
        assert_eq!(spend(&nonces, &last, "00000001", late), Fresh);
        assert_eq!(nonces.used.len(), 1, "what is old is forgotten");
    }
}
