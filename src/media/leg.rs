//! One leg: what it plays, what it hears, how its packets are numbered.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::media::codec::g711;
use crate::media::press::{Frame, Presses};
use crate::media::recorder::{AT_ONCE, Recorder, Side};
use crate::media::{Agreed, Sound, Write};
use crate::model::{Codec, LegId, PlayId, StreamQuality};
use crate::rtp::{self, HEADER_BYTES, Header, KeyReader, Reception};

/// Samples, and bytes, of one packet.
pub(crate) const FRAME: usize = 160;
const FRAME_SAMPLES: u32 = 160;

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sound(Codec),
    Key,
    Other,
}

/// What a received packet means beyond its payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    pub(crate) first: bool,
    pub(crate) after_silence: bool,
}

/// What became of a frame that was due.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sent {
    Packet {
        to: Option<SocketAddr>,
        length: usize,
    },
    End {
        play: PlayId,
    },
    Nothing,
}

#[derive(Debug)]
struct Playing {
    play: PlayId,
    sounds: Arc<[Arc<Sound>]>,
    looped: bool,
    sound: usize,
    at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Watch {
    silence: Duration,
    from: Instant,
    told: bool,
}

/// Where the relayed stream's numbers map to ours.
#[derive(Clone, Copy, Debug)]
struct Mapping {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
}

/// One leg of a call.
#[derive(Debug)]
pub(crate) struct Leg {
    agreed: Option<Agreed>,
    latched: Option<(SocketAddr, u32)>,
    /// Whether it came from exactly where the description says, once.
    exact: bool,
    reception: Reception,
    keys: KeyReader,
    playing: Option<Playing>,
    on_wheel: bool,
    bridged: Option<LegId>,
    mapping: Option<Mapping>,
    watch: Option<Watch>,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// The next packet begins a talk spurt.
    mark: bool,
    sent: u64,
    recorders: Vec<Recorder>,
    presses: Presses,
}

impl Leg {
    pub(crate) fn new(seed: u64) -> Self {
        let [a, b, c, d, e, f, ..] = seed.to_be_bytes();
        Self {
            agreed: None,
            latched: None,
            exact: false,
            reception: Reception::default(),
            keys: KeyReader::default(),
            playing: None,
            on_wheel: false,
            bridged: None,
            mapping: None,
            watch: None,
            ssrc: u32::from_be_bytes([a, b, c, d]),
            sequence: u16::from_be_bytes([e, f]) & 0x7fff,
            timestamp: u32::from_be_bytes([d, c, b, a]),
            mark: true,
            sent: 0,
            recorders: Vec::new(),
            presses: Presses::default(),
        }
    }

    pub(crate) fn connect(&mut self, agreed: Agreed) {
        // A moved stream may come from elsewhere; an unchanged one stays latched.
        if self.agreed.and_then(|before| before.remote) != agreed.remote {
            self.latched = None;
            self.exact = false;
        }
        self.agreed = Some(agreed);
    }

    pub(crate) fn play(&mut self, play: PlayId, sounds: Arc<[Arc<Sound>]>, looped: bool) {
        let looped = looped && sounds.iter().any(|sound| !sound.pcmu.is_empty());
        self.playing = Some(Playing {
            play,
            sounds,
            looped,
            sound: 0,
            at: 0,
        });
        self.mark = true;
        self.mapping = None;
    }

    /// Takes a key that it is to hear; whether it can.
    pub(crate) fn press(&mut self, key: char) -> bool {
        let hears = self.agreed.is_some_and(|agreed| agreed.keys.is_some());
        let taken = hears && self.presses.take(key);
        if taken {
            // What its peer says meanwhile is left out; after it the numbers go on.
            self.mapping = None;
            self.mark = true;
        }
        taken
    }

    pub(crate) fn stop(&mut self) {
        self.playing = None;
        self.mark = true;
    }

    /// Sets whom it is bridged with; gives whom it was.
    pub(crate) fn bridge(&mut self, peer: Option<LegId>) -> Option<LegId> {
        self.mapping = None;
        self.mark = true;
        std::mem::replace(&mut self.bridged, peer)
    }

    pub(crate) fn bridged(&self) -> Option<LegId> {
        self.bridged
    }

    pub(crate) fn watch(&mut self, silence: Option<Duration>, now: Instant) {
        self.watch = silence.map(|silence| Watch {
            silence,
            from: now,
            told: false,
        });
    }

    /// Whether it is to be looked at now and then.
    pub(crate) fn is_watched(&self) -> bool {
        self.watch.is_some() || !self.recorders.is_empty()
    }

    /// Whether there is room for one more recording.
    pub(crate) fn may_record(&self) -> bool {
        self.recorders.len() < AT_ONCE
    }

    pub(crate) fn begin_recording(&mut self, recorder: Recorder) {
        self.recorders.push(recorder);
    }

    pub(crate) fn recorder(&mut self, number: u8) -> Option<&mut Recorder> {
        let mut recorders = self.recorders.iter_mut();
        recorders.find(|recorder| recorder.number() == number)
    }

    pub(crate) fn end_recording(&mut self, number: u8) -> Option<Recorder> {
        let mut recorders = self.recorders.iter();
        let at = recorders.position(|recorder| recorder.number() == number)?;
        Some(self.recorders.remove(at))
    }

    pub(crate) fn end_recordings(&mut self) -> Vec<Recorder> {
        std::mem::take(&mut self.recorders)
    }

    /// Takes a packet that it received or sends to its recordings.
    pub(crate) fn record(&mut self, side: Side, packet: &[u8], now: Instant) {
        if self.recorders.is_empty() {
            return;
        }
        let Some((header, payload)) = Header::read(packet) else {
            return;
        };
        let Kind::Sound(codec) = self.kind_of(&header) else {
            return;
        };
        let payload = packet.get(payload).unwrap_or_default();
        for recorder in &mut self.recorders {
            recorder.take(side, &header, (codec, payload), now);
        }
    }

    pub(crate) fn look_at_recordings(
        &mut self,
        leg: LegId,
        now: Instant,
        write: &mut dyn FnMut(Write<'_>),
    ) {
        let mut at = 0;
        while let Some(recorder) = self.recorders.get_mut(at) {
            if recorder.look(leg, now, write) {
                self.recorders.remove(at).end(leg, now, write);
            } else {
                at += 1;
            }
        }
    }

    fn silent_at(&self) -> Option<Instant> {
        self.watch
            .filter(|watch| !watch.told)
            .map(|watch| watch.from + watch.silence)
    }

    pub(crate) fn fell_silent(&mut self, now: Instant) -> bool {
        let due = self.silent_at().is_some_and(|at| at <= now);
        if let Some(watch) = self.watch.as_mut().filter(|_| due) {
            watch.told = true;
        }
        due
    }

    pub(crate) fn enter_wheel(&mut self) -> bool {
        !std::mem::replace(&mut self.on_wheel, true)
    }

    pub(crate) fn leave_wheel(&mut self) {
        self.on_wheel = false;
    }

    pub(crate) fn quality(&self) -> StreamQuality {
        StreamQuality {
            received: self.reception.received(),
            sent: self.sent,
            lost: self.reception.lost(),
            jitter: self.reception.jitter(),
            mos: self.reception.score(),
        }
    }

    /// Counts a packet of the peer; `None` for one from anybody else.
    pub(crate) fn receive(
        &mut self,
        header: &Header,
        from: SocketAddr,
        since: Duration,
        now: Instant,
    ) -> Option<Heard> {
        let signalled = self.agreed?.remote;
        let exact = signalled == Some(from);
        match self.latched {
            Some((source, _)) if source == from => {}
            // Who came first from the right host was the rest of another stream.
            Some(_) if exact && !self.exact => {}
            // The same host with the same stream from another port: its NAT was rebound.
            Some((source, ssrc)) if source.ip() == from.ip() && ssrc == header.ssrc => {}
            Some(_) => return None,
            None if signalled.is_some_and(|remote| remote.ip() == from.ip()) => {}
            None => return None,
        }
        self.exact |= exact;
        let first = self.reception.received() == 0;
        self.latched = Some((from, header.ssrc));
        self.reception.take(header, since);
        let mut after_silence = false;
        if let Some(watch) = &mut self.watch {
            watch.from = now;
            after_silence = std::mem::replace(&mut watch.told, false);
        }
        Some(Heard {
            first,
            after_silence,
        })
    }

    pub(crate) fn kind_of(&self, header: &Header) -> Kind {
        match self.agreed {
            Some(Agreed {
                keys,
                proposed_keys,
                ..
            }) if [keys, proposed_keys].contains(&Some(header.payload_type)) => Kind::Key,
            Some(agreed) if agreed.payload == header.payload_type => Kind::Sound(agreed.codec),
            Some(_) => match header.payload_type {
                0 => Kind::Sound(Codec::Pcmu),
                8 => Kind::Sound(Codec::Pcma),
                _ => Kind::Other,
            },
            None => Kind::Other,
        }
    }

    pub(crate) fn key(&mut self, header: &Header, payload: &[u8]) -> Option<char> {
        match self.kind_of(header) {
            Kind::Key => self.keys.take(header.timestamp, payload),
            Kind::Sound(_) | Kind::Other => None,
        }
    }

    /// Turns a packet of the bridged leg into one of ours, in place; where to send it.
    pub(crate) fn relay(
        &mut self,
        kind: Kind,
        header: &Header,
        packet: &mut [u8],
        payload: Range<usize>,
    ) -> Option<SocketAddr> {
        let agreed = self
            .agreed
            .filter(|agreed| agreed.send && self.playing.is_none())
            .filter(|_| self.presses.is_empty())?;
        let payload_type = match kind {
            Kind::Sound(codec) => {
                if codec != agreed.codec {
                    let table = if agreed.codec == Codec::Pcma {
                        &g711::ULAW_TO_ALAW
                    } else {
                        &g711::ALAW_TO_ULAW
                    };
                    g711::recode(packet.get_mut(payload)?, table);
                }
                agreed.payload
            }
            Kind::Key => agreed.keys?,
            Kind::Other => return None,
        };
        let to = self.destination()?;
        let mapping = *self
            .mapping
            .filter(|mapping| mapping.ssrc == header.ssrc)
            .get_or_insert_with(|| Mapping {
                ssrc: header.ssrc,
                sequence: self.sequence.wrapping_sub(header.sequence),
                timestamp: self.timestamp.wrapping_sub(header.timestamp),
            });
        self.mapping = Some(mapping);
        let ours = Header {
            marker: header.marker || std::mem::replace(&mut self.mark, false),
            payload_type,
            sequence: header.sequence.wrapping_add(mapping.sequence),
            timestamp: header.timestamp.wrapping_add(mapping.timestamp),
            ssrc: self.ssrc,
        };
        rtp::rewrite(packet, &ours)?;
        // What is played next goes on after the highest that was relayed.
        if ours.sequence.wrapping_sub(self.sequence) < 0x8000 {
            self.sequence = ours.sequence.wrapping_add(1);
            self.timestamp = ours.timestamp.wrapping_add(FRAME_SAMPLES);
        }
        self.sent += 1;
        Some(to)
    }

    /// Writes the next frame of what is played.
    pub(crate) fn frame(&mut self, buffer: &mut [u8]) -> Sent {
        let Some(agreed) = self.agreed else {
            // Nothing is agreed on yet: the sound waits, as its listener does.
            return if self.playing.is_some() {
                Sent::Packet {
                    to: None,
                    length: 0,
                }
            } else {
                Sent::Nothing
            };
        };
        if let Some(frame) = self.presses.frame() {
            return self.key_frame(frame, agreed, buffer);
        }
        let Some(playing) = &mut self.playing else {
            return Sent::Nothing;
        };
        let Some(payload) = buffer.get_mut(HEADER_BYTES..HEADER_BYTES + FRAME) else {
            return Sent::Nothing;
        };
        if playing.fill(payload, agreed.codec) == 0 {
            let play = playing.play;
            self.stop();
            return Sent::End { play };
        }
        let header = Header {
            marker: std::mem::replace(&mut self.mark, false),
            payload_type: agreed.payload,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES);
        let to = self.destination().filter(|_| agreed.send);
        if to.is_some() {
            self.sent += 1;
        }
        match rtp::write_header(buffer, &header) {
            Some(()) => Sent::Packet {
                to,
                length: HEADER_BYTES + FRAME,
            },
            None => Sent::Nothing,
        }
    }

    /// Writes the next packet of a key. All of one have the time of its beginning (RFC 4733
    /// section 2.5.1.2).
    fn key_frame(&mut self, frame: Frame, agreed: Agreed, buffer: &mut [u8]) -> Sent {
        let (event, keys) = match (frame, agreed.keys) {
            (Frame::Event { payload, first }, Some(keys)) => ((payload, first), keys),
            (Frame::Pause, _) | (Frame::Event { .. }, None) => {
                return Sent::Packet {
                    to: None,
                    length: 0,
                };
            }
            (Frame::Over, _) => {
                self.timestamp = self.timestamp.wrapping_add(Presses::SAMPLES);
                return Sent::Packet {
                    to: None,
                    length: 0,
                };
            }
        };
        let (payload, first) = event;
        let header = Header {
            marker: first,
            payload_type: keys,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        let length = HEADER_BYTES + payload.len();
        if let Some(into) = buffer.get_mut(HEADER_BYTES..length) {
            into.copy_from_slice(&payload);
        }
        let to = self.destination().filter(|_| agreed.send);
        self.sent += u64::from(to.is_some());
        match rtp::write_header(buffer, &header) {
            Some(()) => Sent::Packet { to, length },
            None => Sent::Nothing,
        }
    }

    /// Where the peer was heard; until then where it said it would be.
    fn destination(&self) -> Option<SocketAddr> {
        self.latched
            .map(|(source, _)| source)
            .or_else(|| self.agreed.and_then(|agreed| agreed.remote))
    }
}

impl Playing {
    /// Fills one frame, over the ends of sounds; the rest is silence. How many bytes were
    /// sound.
    fn fill(&mut self, frame: &mut [u8], codec: Codec) -> usize {
        let mut filled = 0;
        while filled < frame.len() {
            let Some(sound) = self.sounds.get(self.sound) else {
                if !self.looped {
                    break;
                }
                self.sound = 0;
                continue;
            };
            let bytes = if codec == Codec::Pcmu {
                &sound.pcmu
            } else {
                &sound.pcma
            };
            let rest = bytes.get(self.at..).unwrap_or_default();
            let take = rest.len().min(frame.len() - filled);
            if let (Some(to), Some(from)) = (frame.get_mut(filled..filled + take), rest.get(..take))
            {
                to.copy_from_slice(from);
            }
            filled += take;
            self.at += take;
            if self.at >= bytes.len() {
                self.sound += 1;
                self.at = 0;
            }
        }
        let silence = if codec == Codec::Pcmu { 0xff } else { 0xd5 };
        if let Some(rest) = frame.get_mut(filled..) {
            rest.fill(silence);
        }
        filled
    }
}
