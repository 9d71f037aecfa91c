//! `sip.guard`: what strangers may do.

use std::time::Duration;

use super::reader::Reader;
use super::types::{Guard, Scanners, ShutOut};
use crate::flow::source::Cursor;

const SECOND: Duration = Duration::from_secs(1);
/// What tools that look for open exchanges call themselves, in any case.
const SCANNERS: [&str; 9] = [
    "friendly-scanner",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sipsak",
    "sundayddr",
    "pplsip",
    "iWar",
    "VaxSIPUserAgent",
];
/// Scanners that can be named.
const NAMES: usize = 64;

impl Reader<'_> {
    /// `None` for `guard: off`.
    pub(super) fn guard(&mut self, sip: Option<Cursor<'_>>) -> Option<Guard> {
        let value = sip.and_then(|sip| sip.get("guard"));
        if value.is_some_and(is_off) {
            return None;
        }
        if let Some(value) = value {
            value.map(self.diags);
            let known = [
                "per_source",
                "burst",
                "all",
                "scanners",
                "user_agents",
                "shut_out",
            ];
            value.unknown_keys(&known, self.diags);
        }
        let mut count = |key, usual, most| {
            let number = self.number(value, key, usual, 1..=most);
            u32::try_from(number).unwrap_or(u32::MAX)
        };
        let (per_source, burst) = (count("per_source", 20, 10_000), count("burst", 60, 100_000));
        let all = count("all", 2_000, 1_000_000);
        let words = [("silence", Scanners::Silence), ("refuse", Scanners::Refuse)];
        let scanners = value.and_then(|value| self.word(value, "scanners", &words));
        Some(Guard {
            per_source,
            burst,
            all,
            scanners: scanners.unwrap_or(Scanners::Silence),
            user_agents: self.user_agents(value),
            shut_out: self.shut_out(value),
        })
    }

    fn user_agents(&mut self, guard: Option<Cursor<'_>>) -> Vec<String> {
        let Some(value) = guard.and_then(|guard| guard.get("user_agents")) else {
            return SCANNERS.map(str::to_owned).to_vec();
        };
        let mut names = Vec::new();
        for item in value.one_or_many() {
            let Some(name) = item.string(self.diags) else {
                continue;
            };
            if (3..=64).contains(&name.len()) {
                names.push(name.to_owned());
            } else {
                let problem = item.error("a part of a User-Agent has 3 to 64 letters");
                self.diags.push(problem.hint("write [friendly-scanner]"));
            }
        }
        if names.len() > NAMES {
            let problem = value.error(format!("at most {NAMES} names of scanners"));
            self.diags.push(problem);
            names.truncate(NAMES);
        }
        names
    }

    fn shut_out(&mut self, guard: Option<Cursor<'_>>) -> Option<ShutOut> {
        let value = guard.and_then(|guard| guard.get("shut_out"));
        if value.is_some_and(is_off) {
            return None;
        }
        if let Some(value) = value {
            value.map(self.diags);
            value.unknown_keys(&["after", "for"], self.diags);
        }
        let after = self.number(value, "after", 20, 1..=10_000);
        let range = SECOND..=86_400 * SECOND;
        Some(ShutOut {
            after: u32::try_from(after).unwrap_or(20),
            lasts: self.duration(value, "for", 600 * SECOND, range),
        })
    }
}

/// `off`, which some readers of YAML take for a truth value.
fn is_off(value: Cursor<'_>) -> bool {
    matches!(value.raw(), Some("off" | "false"))
}
