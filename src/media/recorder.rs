//! What a leg says and hears, as one recording.
//!
//! ```text
//!  heard ──► left  ┐  placed by timestamp    a second at a time
//!  sent  ──► right ┴──► window of 2 s ─────────────────────────► Write::Samples
//! ```
//! Invariant: sample n of a recording is what sounded n/8000 s after it began. What was
//! lost, came too late, or is not for the recording is silence there.
//!
//! # Why
//! - Both sides are taken at the caller's leg, what was sent to it and what came from it:
//!   then a recording goes through flow, queue, hold and transfer without being told of
//!   any of them, and holds what the caller heard.
//! - A packet's place follows from its timestamp, so jitter does not tear words apart; from
//!   its arrival only at the beginning of a stream, or when the two have drifted apart.

use std::time::{Duration, Instant};

use crate::media::codec::g711;
use crate::media::command::{Record, Sides, Write};
use crate::model::{Codec, LegId};
use crate::rtp::Header;

/// Samples a second, of one side.
const RATE: u64 = 8_000;
/// What is written at once.
const CHUNK: u64 = RATE;
/// So long a late packet still finds its place.
const SLACK: u64 = RATE * 3 / 10;
/// What is kept in memory: a chunk, its slack, and the time between two looks.
const WINDOW: u64 = 2 * RATE;
/// Further ahead of its arrival no packet belongs.
const AHEAD: i64 = 1_600;
/// Above this mean of its samples a packet is no silence: some −44 dB below full scale,
/// well over the noise of a line and well under a quiet voice.
const LOUD: u64 = 160;
/// What is left of the silence after the last word of a message.
const REST: u64 = RATE / 2;

/// Recordings that one leg may have at once: of the call, and of a message in it.
pub(crate) const AT_ONCE: usize = 2;

/// Which side of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Heard,
    Sent,
}

/// Where the timestamps of a stream lie in the recording.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    ssrc: u32,
    timestamp: u32,
    place: u64,
}

/// Whether sound is let in.
#[derive(Clone, Copy, Debug)]
enum Gate {
    Open,
    Shut,
    /// Opens by itself.
    ShutUntil(Instant),
}

/// One recording of one leg.
#[derive(Debug)]
pub(crate) struct Recorder {
    wish: Record,
    began: Instant,
    gate: Gate,
    anchors: [Option<Anchor>; 2],
    /// Interleaved; its first sample has the place `base`.
    window: Vec<i16>,
    base: u64,
    /// Where the last sound that is no silence ended.
    loud_until: u64,
}

impl Recorder {
    pub(crate) fn new(wish: Record, now: Instant) -> Self {
        let samples = usize::try_from(WINDOW).unwrap_or(0) * wish.sides.channels();
        Self {
            wish,
            began: now,
            gate: Gate::Open,
            anchors: [None, None],
            window: vec![0; samples],
            base: 0,
            loud_until: 0,
        }
    }

    pub(crate) fn number(&self) -> u8 {
        self.wish.number
    }

    pub(crate) fn pause(&mut self) {
        self.gate = Gate::Shut;
    }

    /// Goes on at a time, which may have come.
    pub(crate) fn resume(&mut self, at: Instant) {
        self.gate = Gate::ShutUntil(at);
    }

    /// Takes a packet of sound.
    pub(crate) fn take(
        &mut self,
        side: Side,
        header: &Header,
        (codec, payload): (Codec, &[u8]),
        now: Instant,
    ) {
        let channel = match (side, self.wish.sides) {
            (Side::Heard, _) => 0,
            (Side::Sent, Sides::Both) => 1,
            (Side::Sent, Sides::Caller) => return,
        };
        let place = self.place(side, header, now);
        if !self.is_open(now) {
            return;
        }
        let table = match codec {
            Codec::Pcmu => &g711::ULAW,
            Codec::Pcma => &g711::ALAW,
        };
        let channels = self.wish.sides.channels();
        let Some(from) = place.checked_sub(self.base) else {
            return;
        };
        let start = usize::try_from(from).unwrap_or(usize::MAX);
        let rest = start
            .checked_mul(channels)
            .and_then(|start| self.window.get_mut(start..))
            .unwrap_or_default();
        let mut level: u64 = 0;
        for (frame, byte) in rest.chunks_exact_mut(channels).zip(payload) {
            let sample = table.get(usize::from(*byte)).copied().unwrap_or(0);
            level += u64::from(sample.unsigned_abs());
            if let Some(slot) = frame.get_mut(channel) {
                *slot = sample;
            }
        }
        let length = u64::try_from(payload.len()).unwrap_or(0);
        if side == Side::Heard && level > LOUD * length {
            self.loud_until = self.loud_until.max(place + length);
        }
    }

    /// Where a packet belongs; its stream is anchored anew where that cannot be.
    fn place(&mut self, side: Side, header: &Header, now: Instant) -> u64 {
        let arrival = self.samples(now);
        let index = match side {
            Side::Heard => 0,
            Side::Sent => 1,
        };
        let Some(slot) = self.anchors.get_mut(index) else {
            return arrival;
        };
        // What we send begins anew with each play and each bridge.
        let fresh = side == Side::Sent && header.marker;
        let known = slot.filter(|anchor| anchor.ssrc == header.ssrc && !fresh);
        let expected = known.and_then(|anchor| {
            let since = header
                .timestamp
                .wrapping_sub(anchor.timestamp)
                .cast_signed();
            let place = anchor.place.checked_add_signed(i64::from(since))?;
            let ahead = place.cast_signed() - arrival.cast_signed();
            (place >= self.base && ahead <= AHEAD).then_some(place)
        });
        if let Some(place) = expected {
            return place;
        }
        *slot = Some(Anchor {
            ssrc: header.ssrc,
            timestamp: header.timestamp,
            place: arrival,
        });
        arrival
    }

    fn is_open(&mut self, now: Instant) -> bool {
        if let Gate::ShutUntil(at) = self.gate
            && at <= now
        {
            self.gate = Gate::Open;
        }
        matches!(self.gate, Gate::Open)
    }

    /// Hands over what is whole; `true` when the recording is to end.
    pub(crate) fn look(
        &mut self,
        leg: LegId,
        now: Instant,
        write: &mut dyn FnMut(Write<'_>),
    ) -> bool {
        let until = self.samples(now).min(self.longest());
        while self.base + CHUNK + SLACK <= until {
            self.hand_over(leg, CHUNK, write);
        }
        let quiet = self.wish.silence.is_some_and(|silence| {
            let since = until.saturating_sub(self.loud_until);
            since >= samples(silence)
        });
        quiet || until >= self.longest()
    }

    /// Hands over what is left, and says how much of all of it is to be kept.
    pub(crate) fn end(mut self, leg: LegId, now: Instant, write: &mut dyn FnMut(Write<'_>)) {
        let mut frames = self.samples(now).min(self.longest());
        while self.base < frames {
            let left = frames - self.base;
            self.hand_over(leg, left.min(CHUNK), write);
        }
        if self.wish.sides == Sides::Caller {
            frames = frames.min(self.loud_until + REST);
            if self.loud_until < samples(self.wish.shortest) {
                frames = 0;
            }
        }
        write(Write::End {
            leg,
            number: self.wish.number,
            frames,
        });
    }

    fn hand_over(&mut self, leg: LegId, frames: u64, write: &mut dyn FnMut(Write<'_>)) {
        let count = usize::try_from(frames).unwrap_or(0) * self.wish.sides.channels();
        if let Some(samples) = self.window.get(..count) {
            write(Write::Samples {
                leg,
                number: self.wish.number,
                at: self.base,
                samples,
            });
        }
        self.base += frames;
        self.window.copy_within(count.., 0);
        let kept = self.window.len().saturating_sub(count);
        if let Some(free) = self.window.get_mut(kept..) {
            free.fill(0);
        }
    }

    fn samples(&self, now: Instant) -> u64 {
        samples(now.saturating_duration_since(self.began))
    }

    fn longest(&self) -> u64 {
        samples(self.wish.longest)
    }
}

fn samples(time: Duration) -> u64 {
    u64::try_from(time.as_micros() / 125).unwrap_or(u64::MAX)
}
