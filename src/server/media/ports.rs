//! The UDP ports of one media thread.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// A port is left alone this long, so that packets of the last call on it find nobody.
const REST: Duration = Duration::from_secs(60);
/// When all others are in use, the one that has rested the longest may go before, if it
/// rested this long; the stream's filter on address and SSRC keeps strays out then.
const SHORT_REST: Duration = Duration::from_secs(2);
/// Ports tried for one stream, when others than us use them.
pub(super) const TRIES: usize = 16;

/// Even ports, each with the odd one above it for RTCP (RFC 3550 section 11). First in,
/// first out.
#[derive(Debug)]
pub(super) struct Ports {
    fresh: VecDeque<u16>,
    rested: VecDeque<(Instant, u16)>,
}

impl Ports {
    /// The share of `index` among `count` threads.
    pub(super) fn slice(range: &RangeInclusive<u16>, index: usize, count: usize) -> Self {
        let even = range.clone().filter(|port| port.is_multiple_of(2));
        let whole = even.filter(|port| range.contains(&(port.saturating_add(1))));
        let fresh = whole.skip(index).step_by(count.max(1)).collect();
        Self {
            fresh,
            rested: VecDeque::new(),
        }
    }

    /// A port that has rested.
    pub(super) fn take(&mut self, now: Instant) -> Option<u16> {
        let rested = |time| {
            let oldest = self.rested.front();
            oldest.is_some_and(|(at, _)| now.saturating_duration_since(*at) >= time)
        };
        if !rested(REST)
            && let Some(port) = self.fresh.pop_front()
        {
            return Some(port);
        }
        if !rested(SHORT_REST) {
            return None;
        }
        self.rested.pop_front().map(|(_, port)| port)
    }

    /// A port is free again.
    pub(super) fn give_back(&mut self, port: u16, now: Instant) {
        self.rested.push_back((now, port));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::clock;

    #[test]
    fn ports_are_even_and_shared_out() {
        let range = 10_001..=10_010;
        let all = |index, count| {
            let mut ports = Ports::slice(&range, index, count);
            std::iter::from_fn(move || ports.take(clock::now())).collect::<Vec<_>>()
        };
        assert_eq!(all(0, 1), [10_002, 10_004, 10_006, 10_008]);
        assert_eq!(all(0, 2), [10_002, 10_006]);
        assert_eq!(all(1, 2), [10_004, 10_008]);
    }

    #[test]
    fn a_port_rests_before_it_is_used_again() {
        let start = clock::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut ports = Ports::slice(&(2000..=2003), 0, 1);
        let first = ports.take(at(0)).unwrap();
        ports.give_back(first, at(0));
        let second = ports.take(at(1)).unwrap();
        assert_ne!(first, second);
        assert_eq!(ports.take(at(1)), None, "it has hardly rested");
        assert_eq!(ports.take(at(2)), Some(first), "there is no other");
        ports.give_back(second, at(3));
        ports.give_back(first, at(4));
        assert_eq!(ports.take(at(70)), Some(second), "first in, first out");
    }
}
