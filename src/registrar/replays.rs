//! Answers to challenges that came before (RFC 7616 section 5.12).

use std::time::Duration;

use dashmap::DashMap;

use crate::sip::digest::{Credentials, NONCE_TIME};

/// Nonces that are remembered; more than were answered in their lifetime at any rate of
/// calls that we take.
const NONCES: usize = 262_144;

/// How far each answered nonce has been counted. Only what was proven is kept, so a
/// stranger fills nothing.
#[derive(Debug, Default)]
pub struct Replays(DashMap<String, (u32, Duration)>);

impl Replays {
    /// Whether these credentials, which are right, were not used before: the count of their
    /// nonce is higher than any that came. Without a count a nonce is good for once.
    /// `now` is the clock of the nonces.
    #[must_use]
    pub fn is_new(&self, credentials: &Credentials, now: Duration) -> bool {
        let count = match &credentials.qop {
            None => 1,
            Some(_) => u32::from_str_radix(&credentials.nc, 16).unwrap_or(0),
        };
        if self.0.len() >= NONCES {
            self.forget(now);
            if self.0.len() >= NONCES {
                return false;
            }
        }
        let mut seen = self.0.entry(credentials.nonce.clone()).or_insert((0, now));
        let new = count > seen.0;
        if new {
            seen.0 = count;
        }
        new
    }

    /// Forgets nonces that are too old to be answered.
    pub fn forget(&self, now: Duration) {
        self.0
            .retain(|_, (_, first)| now.saturating_sub(*first) <= NONCE_TIME);
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(nonce: &str, more: &str) -> Credentials {
        Credentials::parse(&format!(
            "Digest username=\"u\", realm=\"r\", uri=\"sip:x\", response=\"0\", nonce=\"{nonce}\"{more}"
        ))
        .unwrap()
    }

    #[test]
    fn a_count_that_came_is_not_new_again() {
        let replays = Replays::default();
        let now = Duration::from_secs(1_000);
        let counted = |nonce, nc: &str| credentials(nonce, &format!(", qop=auth, nc={nc}"));
        for (nonce, nc, new) in [
            ("a", "00000001", true),
            ("a", "00000001", false),
            ("a", "00000003", true),
            ("a", "00000002", false),
            ("b", "00000001", true),
            ("a", "0000000a", true),
            ("c", "nonsense", false),
            ("d", "00000000", false),
        ] {
            assert_eq!(
                replays.is_new(&counted(nonce, nc), now),
                new,
                "{nonce} {nc}"
            );
        }
        assert!(replays.is_new(&credentials("old", ""), now));
        assert!(!replays.is_new(&credentials("old", ""), now));
        replays.forget(now + NONCE_TIME);
        assert_eq!(replays.len(), 5);
        replays.forget(now + NONCE_TIME + Duration::from_secs(1));
        assert!(replays.is_empty());
    }
}
