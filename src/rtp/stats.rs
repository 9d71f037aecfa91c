//! How a stream arrives: loss, jitter and what an ear would say of it.

use std::time::Duration;

use crate::rtp::Header;

/// Samples a second of every codec here.
const CLOCK: u64 = 8_000;

/// Counts one sender's packets (RFC 3550 appendix A).
#[derive(Clone, Copy, Debug, Default)]
pub struct Reception {
    received: u64,
    first: u64,
    highest: u64,
    ssrc: Option<u32>,
    /// Expected before the sender last changed.
    expected_before: u64,
    transit: Option<i64>,
    jitter_samples: f64,
}

impl Reception {
    /// Takes a packet that came `since` a fixed moment.
    pub fn take(&mut self, header: &Header, since: Duration) {
        self.received += 1;
        if self.ssrc != Some(header.ssrc) {
            self.expected_before = self.expected();
            self.ssrc = Some(header.ssrc);
            self.first = u64::from(header.sequence) + 65_536;
            self.highest = self.first;
            self.transit = None;
        } else {
            self.highest = self.highest.max(extended(self.highest, header.sequence));
        }
        self.note_jitter(header.timestamp, since);
    }

    fn note_jitter(&mut self, timestamp: u32, since: Duration) {
        let arrival = u64::try_from(since.as_micros())
            .unwrap_or(u64::MAX)
            .saturating_mul(CLOCK)
            / 1_000_000;
        // Both clocks wrap together; only differences of neighbours are used.
        let arrival = u32::try_from(arrival & u64::from(u32::MAX)).unwrap_or(0);
        let transit = i64::from(arrival.wrapping_sub(timestamp));
        if let Some(before) = self.transit {
            let change = (transit - before).unsigned_abs();
            // A jump of a second is a new talk spurt or a changed clock, not jitter.
            if let Ok(change) = u16::try_from(change)
                && u64::from(change) < CLOCK
            {
                self.jitter_samples += (f64::from(change) - self.jitter_samples) / 16.0;
            }
        }
        self.transit = Some(transit);
    }

    /// Packets that came.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Packets that never came.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    /// Interarrival jitter (RFC 3550 section 6.4.1).
    #[must_use]
    pub fn jitter(&self) -> Duration {
        Duration::from_secs_f64(self.jitter_samples / 8_000.0)
    }

    /// Mean opinion score of what came; `None` when nothing did.
    #[must_use]
    pub fn score(&self) -> Option<f32> {
        let expected = self.expected();
        let lost = u32::try_from(self.lost()).unwrap_or(u32::MAX);
        let all = u32::try_from(expected).unwrap_or(u32::MAX);
        (self.received > 0)
            .then(|| opinion_score(f64::from(lost) / f64::from(all.max(1)), self.jitter()))
    }

    fn expected(&self) -> u64 {
        self.expected_before + self.ssrc.map_or(0, |_| self.highest - self.first + 1)
    }
}

/// The sequence number nearest to the highest one, counted on over the wrap.
fn extended(highest: u64, sequence: u16) -> u64 {
    let low = u16::try_from(highest & 0xffff).unwrap_or(0);
    let ahead = sequence.wrapping_sub(low);
    if ahead < 0x8000 {
        highest + u64::from(ahead)
    } else {
        highest.saturating_sub(u64::from(low.wrapping_sub(sequence)))
    }
}

/// Mean opinion score, 1.0 to 4.5, by the E-model (ITU-T G.107) for G.711 with packet
/// loss concealment (G.113: Bpl 25.1) and a buffer of twice the jitter.
#[must_use]
pub fn opinion_score(loss: f64, jitter: Duration) -> f32 {
    let delay_ms = 20.0 + 2.0 * jitter.as_secs_f64() * 1000.0;
    let delay = 0.024 * delay_ms
        + if delay_ms > 177.3 {
            0.11 * (delay_ms - 177.3)
        } else {
            0.0
        };
    let percent = (loss * 100.0).clamp(0.0, 100.0);
    let equipment = 95.0 * percent / (percent + 25.1);
    let rating = (93.2 - delay - equipment).clamp(0.0, 100.0);
    let score = 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6;
    #[expect(clippy::cast_possible_truncation, reason = "a number from 1 to 4.5")]
    let score = score.clamp(1.0, 4.5) as f32;
    score
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(packets: impl Iterator<Item = (u16, u64)>) -> Reception {
        let mut reception = Reception::default();
        for (sequence, at_ms) in packets {
            let header = Header {
                marker: false,
                payload_type: 0,
                sequence,
                timestamp: u32::from(sequence).wrapping_mul(160),
                ssrc: 1,
            };
            reception.take(&header, Duration::from_millis(at_ms));
        }
        reception
    }

    #[test]
    fn a_steady_stream_over_the_wrap_loses_nothing() {
        let reception = run((0..200u16).map(|n| (65_500u16.wrapping_add(n), u64::from(n) * 20)));
        assert_eq!((reception.received(), reception.lost()), (200, 0));
        assert!(reception.score().unwrap() > 4.3);
    }

    #[test]
    fn what_never_came_is_lost_and_what_came_late_is_not() {
        let reception = run([(1, 0), (2, 20), (5, 80), (4, 81), (6, 100)].into_iter());
        assert_eq!((reception.received(), reception.lost()), (5, 1));
    }

    #[test]
    fn uneven_arrival_is_jitter() {
        let even = run((0..100).map(|n| (n, u64::from(n) * 20)));
        let uneven = run((0..100).map(|n| (n, u64::from(n) * 20 + u64::from(n % 2) * 10)));
        assert_eq!(even.jitter(), Duration::ZERO);
        assert!(
            (8..=10).contains(&uneven.jitter().as_millis()),
            "{:?}",
            uneven.jitter()
        );
    }

    #[test]
    fn loss_and_jitter_lower_the_score() {
        let none = Duration::ZERO;
        assert!(opinion_score(0.0, none) > opinion_score(0.02, none));
        assert!(opinion_score(0.02, none) > opinion_score(0.2, none));
        assert!(opinion_score(0.0, none) > opinion_score(0.0, Duration::from_millis(200)));
        assert!((opinion_score(1.0, none) - 1.0).abs() < 0.2);
    }
}
