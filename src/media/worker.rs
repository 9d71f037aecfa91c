//! One media worker's legs: packets in, packets out, reports.
//!
//! ```text
//!  Command ──► ┌────────────┐ ──► Report            (to the call)
//!   packet ──► │   Worker   │ ──► send(leg, packet) (to the socket)
//!     tick ──► └────────────┘
//! ```
//! Pure: the thread that owns the sockets hands packets in, mutable, and sends what comes
//! out before it returns; nothing is allocated for a packet, recorded or not. Both legs of a bridge live
//! on one worker.
//!
//! # Why
//! A leg latches once, to the first source that has the address of its description; a
//! silent peer never re-opens it, so packets cannot be injected. The same address may
//! change its port with the same SSRC, as a rebinding NAT does. Only the very address and
//! port of the description may come later than another port of that host, once: a gateway
//! sends what is left of an earlier call to the port that this one was given.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::media::leg::{FRAME, Leg, Sent};
use crate::media::recorder::{Recorder, Side};
use crate::media::{Command, Record, Report, Write};
use crate::model::LegId;
use crate::rtp::Header;

/// A packet of 20 ms is 172 bytes; a phone that packs 60 ms sends 492. Longer ones are
/// dropped, so whoever reads a socket has to read at least a byte more.
pub const PACKET_BYTES: usize = 1500;

/// Where what a worker decides goes.
pub trait Sink {
    /// Sends a packet from a leg's RTP socket.
    fn send(&mut self, leg: LegId, to: SocketAddr, packet: &[u8]);
    /// Tells the call.
    fn report(&mut self, report: Report);
    /// Writes a recording.
    fn write(&mut self, write: Write<'_>);
}

/// The legs of one worker.
#[derive(Debug)]
pub struct Worker {
    started: Instant,
    legs: BTreeMap<LegId, Leg>,
    /// Legs that play, by the millisecond of the frame at which their packets leave.
    slots: Vec<Vec<LegId>>,
    /// The next slot to be played is due at `started` plus this many milliseconds.
    next_ms: u64,
    /// When it is looked next who fell silent.
    look_at: Instant,
    /// Whether any leg is to be looked at.
    watching: bool,
    seed: u64,
    scratch: Box<[u8; PACKET_BYTES]>,
}

const SLOTS: u64 = 20;
/// Silence is measured in seconds; all legs are looked at this often, not each tick.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// After a stall at most three frames are caught up; older ones are skipped.
const CATCH_UP_MS: u64 = 3 * SLOTS;

impl Worker {
    /// An empty worker; `seed` makes its SSRCs.
    #[must_use]
    pub fn new(now: Instant, seed: u64) -> Self {
        Self {
            started: now,
            legs: BTreeMap::new(),
            slots: vec![Vec::new(); 20],
            next_ms: 0,
            look_at: now,
            watching: false,
            seed,
            scratch: Box::new([0; PACKET_BYTES]),
        }
    }

    /// How many legs are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.legs.len()
    }

    /// Whether no leg is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.legs.is_empty()
    }

    /// When it next wants [`Self::tick`]: `None` while nothing plays and nobody is watched.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let playing = self.slots.iter().any(|slot| !slot.is_empty());
        let frame = playing.then(|| self.started + Duration::from_millis(self.next_ms));
        let look = self.watching.then_some(self.look_at);
        frame.into_iter().chain(look).min()
    }

    /// Takes a leg whose socket is bound to `local`.
    pub fn opened(&mut self, leg: LegId, local: SocketAddr, sink: &mut impl Sink) {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(leg.0 | 1);
        self.legs.insert(leg, Leg::new(self.seed));
        sink.report(Report::Opened { leg, local });
    }

    /// Does what a call says; `Open` is the socket owner's, which calls [`Self::opened`].
    pub fn command(&mut self, command: Command, now: Instant, sink: &mut impl Sink) {
        match command {
            Command::Open { .. } => {}
            Command::Connect { leg, agreed } => self.with(leg, |leg| leg.connect(agreed)),
            Command::Play {
                leg,
                play,
                sounds,
                looped,
            } => {
                self.with(leg, |state| state.play(play, sounds, looped));
                self.join_wheel(leg, now);
            }
            Command::Key { leg, key } => {
                let taken = self.legs.get_mut(&leg).map(|state| state.press(key));
                if taken == Some(true) {
                    self.join_wheel(leg, now);
                }
            }
            Command::Stop { leg } => self.with(leg, Leg::stop),
            Command::Bridge { one, other } => {
                if one != other && self.legs.contains_key(&one) && self.legs.contains_key(&other) {
                    self.unbridge(one);
                    self.unbridge(other);
                    self.with(one, |leg| leg.bridge(Some(other)));
                    self.with(other, |leg| leg.bridge(Some(one)));
                }
            }
            Command::Unbridge { leg } => self.unbridge(leg),
            Command::Watch { leg, silence } => {
                self.with(leg, |leg| leg.watch(silence, now));
                self.watching |= silence.is_some();
            }
            Command::Record(wish) => self.record(wish, now, sink),
            Command::PauseRecording { leg, number } => self.with(leg, |leg| {
                leg.recorder(number).map(Recorder::pause);
            }),
            Command::ResumeRecording { leg, number, after } => self.with(leg, |leg| {
                if let Some(recorder) = leg.recorder(number) {
                    recorder.resume(now + after);
                }
            }),
            Command::EndRecording { leg, number } => {
                let ended = |state: &mut Leg| state.end_recording(number);
                if let Some(recorder) = self.legs.get_mut(&leg).and_then(ended) {
                    recorder.end(leg, now, &mut |write| sink.write(write));
                }
            }
            Command::Close { leg } => {
                self.unbridge(leg);
                if let Some(mut state) = self.legs.remove(&leg) {
                    for recorder in state.end_recordings() {
                        recorder.end(leg, now, &mut |write| sink.write(write));
                    }
                    sink.report(Report::Closed {
                        leg,
                        quality: state.quality(),
                    });
                }
            }
        }
    }

    /// Takes a packet that came to a leg's RTP socket from an address, and passes it on.
    pub fn packet(
        &mut self,
        (leg, from): (LegId, SocketAddr),
        packet: &mut [u8],
        now: Instant,
        sink: &mut impl Sink,
    ) {
        // No phone sends as much, and who gets it on the other side need not take it. Like
        // any other that does not come it is missed in the count of the lost.
        if packet.len() > PACKET_BYTES {
            return;
        }
        let since = now.saturating_duration_since(self.started);
        let Some(state) = self.legs.get_mut(&leg) else {
            return;
        };
        let Some((header, payload)) = Header::read(packet) else {
            return;
        };
        let Some(heard) = state.receive(&header, from, since, now) else {
            return;
        };
        if heard.first {
            sink.report(Report::FirstPacket { leg });
        }
        if heard.after_silence {
            sink.report(Report::Heard { leg });
        }
        let kind = state.kind_of(&header);
        state.record(Side::Heard, packet, now);
        if let Some(key) = state.key(&header, packet.get(payload.clone()).unwrap_or_default()) {
            sink.report(Report::Key { leg, key });
        }
        let Some(peer) = state.bridged() else { return };
        let Some(other) = self.legs.get_mut(&peer) else {
            return;
        };
        if let Some(to) = other.relay(kind, &header, packet, payload) {
            other.record(Side::Sent, packet, now);
            sink.send(peer, to, packet);
        }
    }

    /// Sends the frames that are due, and looks who fell silent.
    pub fn tick(&mut self, now: Instant, sink: &mut impl Sink) {
        let now_ms = self.millis(now);
        self.next_ms = self.next_ms.max(now_ms.saturating_sub(CATCH_UP_MS));
        while self.next_ms <= now_ms {
            let slot = usize::try_from(self.next_ms % SLOTS).unwrap_or(0);
            self.next_ms += 1;
            self.play_slot(slot, now, sink);
        }
        if self.watching && now >= self.look_at {
            self.look_at = now + LOOK_EVERY;
            self.watching = false;
            for (leg, state) in &mut self.legs {
                if state.fell_silent(now) {
                    sink.report(Report::Silent { leg: *leg });
                }
                state.look_at_recordings(*leg, now, &mut |write| sink.write(write));
                self.watching |= state.is_watched();
            }
        }
    }

    fn play_slot(&mut self, slot: usize, now: Instant, sink: &mut impl Sink) {
        let Self {
            legs,
            slots,
            scratch,
            ..
        } = self;
        let Some(members) = slots.get_mut(slot) else {
            return;
        };
        members.retain(|id| {
            let Some(leg) = legs.get_mut(id) else {
                return false;
            };
            match leg.frame(scratch.as_mut_slice()) {
                Sent::Packet { to, length } => {
                    if let (Some(to), Some(packet)) = (to, scratch.get(..length)) {
                        leg.record(Side::Sent, packet, now);
                        sink.send(*id, to, packet);
                    }
                    true
                }
                Sent::End { play } => {
                    leg.leave_wheel();
                    sink.report(Report::Played { leg: *id, play });
                    false
                }
                Sent::Nothing => {
                    leg.leave_wheel();
                    false
                }
            }
        });
    }

    /// Begins a recording, if the leg has room for one more.
    fn record(&mut self, wish: Record, now: Instant, sink: &mut impl Sink) {
        let Some(leg) = self.legs.get_mut(&wish.leg) else {
            return;
        };
        if leg.recorder(wish.number).is_some() {
            return;
        }
        sink.write(Write::Begin {
            leg: wish.leg,
            number: wish.number,
            name: &wish.name,
            channels: wish.sides.channels(),
        });
        let (id, recorder) = (wish.leg, Recorder::new(wish, now));
        if leg.may_record() {
            leg.begin_recording(recorder);
        } else {
            recorder.end(id, now, &mut |write| sink.write(write));
        }
        self.watching = true;
    }

    /// A leg goes to the emptiest slot, so that packets leave evenly.
    fn join_wheel(&mut self, id: LegId, now: Instant) {
        let idle = self.slots.iter().all(Vec::is_empty);
        if idle {
            self.next_ms = self.millis(now);
        }
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        if leg.enter_wheel()
            && let Some(slot) = self.slots.iter_mut().min_by_key(|slot| slot.len())
        {
            slot.push(id);
        }
    }

    fn unbridge(&mut self, leg: LegId) {
        let Some(peer) = self.legs.get_mut(&leg).and_then(|state| state.bridge(None)) else {
            return;
        };
        self.with(peer, |other| {
            other.bridge(None);
        });
    }

    fn with<R>(&mut self, leg: LegId, act: impl FnOnce(&mut Leg) -> R) {
        if let Some(state) = self.legs.get_mut(&leg) {
            act(state);
        }
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }
}

/// How long one packet of ours lasts.
pub const FRAME_TIME: Duration = Duration::from_millis(20);

const _: () = assert!(FRAME == 160, "20 ms at 8 kHz");

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod recorder_tests;
