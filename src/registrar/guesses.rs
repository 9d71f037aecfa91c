//! How often a password may be guessed, whoever guesses from wherever.
//!
//! # Why
//! The guard leaves friends alone, and a phone that is registered makes a friend of everybody
//! behind its address. So wrong answers are counted by the account that they are for. While
//! there were too many, credentials are not looked at, right or wrong, unless they come from
//! where the right ones came from before: guessing finds nothing, and locks nobody out who
//! is in. What is kept has a bound, and is kept of names that do not exist too, so that
//! nobody learns from it which do.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, Hash};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::sip::nonce::Freshness;

/// Wrong answers at once, for one account.
const BURST: u32 = 10;
/// One more after so long.
const INTERVAL: Duration = Duration::from_secs(2);
/// What a log line tells of.
const MINUTE: Duration = Duration::from_secs(60);
/// What is kept of either kind; the half that was not asked for longest makes room.
const MOST: usize = 16_384;

/// Whose password it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// An operator's.
    Operator,
    /// A trunk's.
    Trunk,
}

/// Whom credentials name, and from where they come.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Of what kind the account is.
    pub role: Role,
    /// The name that the credentials give.
    pub user: &'a str,
    /// From where.
    pub remote: SocketAddr,
    /// What the nonce is worth that they answer: what answers a fresh one is counted apart
    /// from what anybody can forge.
    pub freshness: Freshness,
}

/// Wrong passwords for an account that exists, in a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guessed {
    /// `operator alice`, `trunk pbx`.
    pub account: String,
    /// Where the last came from.
    pub source: IpAddr,
    /// How many.
    pub count: u32,
}

/// The wrong passwords of all shards. Times are those of any clock that never goes back.
#[derive(Default)]
pub struct Guesses {
    seeds: RandomState,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// When each account's next wrong answer is expected.
    accounts: Recent<Duration>,
    /// Who gave a right answer, and from where.
    holders: Recent<()>,
    /// What is not told yet, and since when.
    told: BTreeMap<String, (Duration, Guessed)>,
}

/// What was asked for last, in two halves of which the older is forgotten.
struct Recent<V> {
    young: HashMap<u64, V>,
    old: HashMap<u64, V>,
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }
}

impl<V> Recent<V> {
    fn get(&self, key: u64) -> Option<&V> {
        self.young.get(&key).or_else(|| self.old.get(&key))
    }

    fn put(&mut self, key: u64, value: V) {
        if self.young.len() >= MOST / 2 && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

impl std::fmt::Debug for Guesses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guesses(…)")
    }
}

impl Guesses {
    /// Whether credentials are looked at: not too many were wrong, or those that came from
    /// there were right.
    #[must_use]
    pub fn may_try(&self, claim: Claim<'_>, now: Duration) -> bool {
        let (account, holder) = (self.account(claim), self.holder(claim));
        let kept = self.kept();
        let expected = kept.accounts.get(account).copied().unwrap_or_default();
        expected.saturating_sub(now) <= INTERVAL * (BURST - 1) || kept.holders.get(holder).is_some()
    }

    /// They were right.
    pub fn right(&self, claim: Claim<'_>) {
        let holder = self.holder(claim);
        let mut kept = self.kept();
        if !kept.holders.young.contains_key(&holder) {
            kept.holders.put(holder, ());
        }
    }

    /// They were wrong; the account may be nobody's.
    pub fn wrong(&self, claim: Claim<'_>, exists: bool, now: Duration) {
        let account = self.account(claim);
        let source = claim.remote.ip().to_canonical();
        let name = match claim.role {
            Role::Operator => format!("operator {}", claim.user),
            Role::Trunk => format!("trunk {}", claim.user),
        };
        let mut kept = self.kept();
        let expected = kept.accounts.get(account).copied().unwrap_or_default();
        kept.accounts.put(account, expected.max(now) + INTERVAL);
        if exists && claim.freshness == Freshness::Fresh {
            let (_, guessed) = kept.told.entry(name).or_insert_with_key(|name| {
                let guessed = Guessed {
                    account: name.clone(),
                    source,
                    count: 0,
                };
                (now, guessed)
            });
            guessed.count = guessed.count.saturating_add(1);
            guessed.source = source;
        }
    }

    /// What is to be told by now.
    #[must_use]
    pub fn news(&self, now: Duration) -> Vec<Guessed> {
        let mut kept = self.kept();
        let mut news = Vec::new();
        kept.told.retain(|_, (since, guessed)| {
            let due = now.saturating_sub(*since) >= MINUTE;
            if due {
                news.push(guessed.clone());
            }
            !due
        });
        news
    }

    fn account(&self, claim: Claim<'_>) -> u64 {
        self.key((claim.role, claim.user, claim.freshness == Freshness::Fresh))
    }

    fn holder(&self, claim: Claim<'_>) -> u64 {
        self.key((claim.role, claim.user, claim.remote))
    }

    fn key(&self, what: impl Hash) -> u64 {
        self.seeds.hash_one(what)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn claim<'a>(user: &'a str, remote: &str) -> Claim<'a> {
        Claim {
            role: Role::Operator,
            user,
            remote: remote.parse().unwrap(),
            freshness: Freshness::Fresh,
        }
    }

    /// How many of so many wrong answers are looked at.
    fn looked_at(guesses: &Guesses, claim: Claim<'_>, count: u32, now: Duration) -> u32 {
        let looks = (0..count).filter(|_| {
            let looks = guesses.may_try(claim, now);
            if looks {
                guesses.wrong(claim, true, now);
            }
            looks
        });
        u32::try_from(looks.count()).unwrap()
    }

    #[test]
    fn so_many_wrong_answers_are_looked_at_wherever_they_come_from() {
        let guesses = Guesses::default();
        let now = 1_000_000 * SECOND;
        let (here, there) = ("192.0.2.7:5060", "192.0.2.8:5060");
        assert_eq!(looked_at(&guesses, claim("alice", here), 1000, now), 10);
        assert_eq!(looked_at(&guesses, claim("alice", there), 1000, now), 0);
        assert_eq!(looked_at(&guesses, claim("nobody", there), 1000, now), 10);
        let trunk = Claim {
            role: Role::Trunk,
            ..claim("alice", here)
        };
        assert_eq!(looked_at(&guesses, trunk, 1000, now), 10);
        let later = now + 20 * SECOND;
        let mut in_time = (1..=10).map(|tick| {
            let at = now + tick * 2 * SECOND;
            looked_at(&guesses, claim("alice", there), 100, at)
        });
        assert!(in_time.by_ref().all(|looks| looks == 1));
        assert_eq!(looked_at(&guesses, claim("nobody", here), 1000, later), 10);
    }

    #[test]
    fn who_is_in_stays_in_at_its_own_address() {
        let guesses = Guesses::default();
        let holder = claim("alice", "192.0.2.7:5060");
        guesses.right(holder);
        looked_at(&guesses, claim("alice", "192.0.2.8:5060"), 1000, SECOND);
        for (user, remote, may) in [
            ("alice", "192.0.2.7:5060", true),
            ("alice", "192.0.2.7:5061", false),
            ("alice", "192.0.2.8:5060", false),
            ("bob", "192.0.2.7:5060", true),
        ] {
            let found = guesses.may_try(claim(user, remote), SECOND);
            assert_eq!(found, may, "{user} {remote}");
        }
    }

    #[test]
    fn one_line_a_minute_tells_of_those_who_exist() {
        let guesses = Guesses::default();
        for tick in 0..57 {
            guesses.wrong(claim("alice", "203.0.113.8:5060"), true, tick * SECOND);
            guesses.wrong(claim("alibi", "203.0.113.8:5060"), false, tick * SECOND);
        }
        let forged = Claim {
            freshness: Freshness::Stale,
            ..claim("alice", "203.0.113.7:5060")
        };
        guesses.wrong(forged, true, 57 * SECOND);
        guesses.wrong(claim("alice", "[::ffff:203.0.113.9]:7"), true, 57 * SECOND);
        assert_eq!(guesses.news(59 * SECOND), []);
        let guessed = Guessed {
            account: "operator alice".to_owned(),
            source: "203.0.113.9".parse().unwrap(),
            count: 58,
        };
        assert_eq!(guesses.news(60 * SECOND), [guessed]);
        assert_eq!(guesses.news(600 * SECOND), []);
    }

    #[test]
    fn a_flood_of_names_takes_no_more_room() {
        let guesses = Guesses::default();
        for number in 0..100_000 {
            let name = number.to_string();
            let one = claim(&name, "192.0.2.7:5060");
            guesses.wrong(one, false, SECOND);
            guesses.right(one);
        }
        let kept = guesses.kept();
        assert!(kept.accounts.young.len() + kept.accounts.old.len() <= MOST);
        assert!(kept.holders.young.len() + kept.holders.old.len() <= MOST);
        assert!(kept.told.is_empty());
    }
}
