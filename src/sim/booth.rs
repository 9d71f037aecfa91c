//! What a call hears of its streams: a media worker without packets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::media::{Command, Report};
use crate::model::{LegId, PlayId, RecordingResult, StreamQuality};

/// One stream.
#[derive(Debug, Default)]
struct Stream {
    remote: Option<SocketAddr>,
    playing: Option<(PlayId, Instant)>,
    /// How much was played that was no loop.
    said: usize,
    /// The keys that were made for it.
    pressed: String,
    peer: Option<LegId>,
    watch: Option<Duration>,
    /// When it was told to watch, or last heard from.
    since: Option<Instant>,
    /// What is recorded: since when, until when at most.
    recordings: BTreeMap<u8, (Instant, Instant)>,
}

/// The streams of all calls.
#[derive(Debug)]
pub(super) struct Booth {
    streams: BTreeMap<LegId, Stream>,
    /// Phones that send nothing.
    mute: BTreeSet<SocketAddr>,
    most: usize,
    next_port: u16,
    reports: Vec<Report>,
}

impl Booth {
    pub(super) fn new() -> Self {
        Self {
            streams: BTreeMap::new(),
            mute: BTreeSet::new(),
            most: usize::MAX,
            next_port: 10_000,
            reports: Vec::new(),
        }
    }

    /// How many streams there are.
    pub(super) fn open(&self) -> usize {
        self.streams.len()
    }

    /// No more than so many streams.
    pub(super) fn limit(&mut self, most: usize) {
        self.most = most;
    }

    /// A phone's packets stop.
    pub(super) fn mute(&mut self, phone: SocketAddr, now: Instant) {
        self.mute.insert(phone);
        for stream in self.streams.values_mut() {
            if stream.remote == Some(phone) {
                stream.since = Some(now);
            }
        }
    }

    pub(super) fn obey(&mut self, command: Command, now: Instant) {
        match command {
            Command::Open { leg } if self.streams.len() >= self.most => {
                self.reports.push(Report::OpenFailed { leg });
            }
            Command::Open { leg } => {
                self.streams.insert(leg, Stream::default());
                self.next_port = self.next_port.checked_add(2).unwrap_or(10_000);
                let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), self.next_port);
                self.reports.push(Report::Opened { leg, local });
            }
            Command::Connect { leg, agreed } => self.with(leg, |s| s.remote = agreed.remote),
            Command::Play {
                leg,
                play,
                sounds,
                looped,
            } => {
                let time: Duration = sounds.iter().map(|sound| sound.duration()).sum();
                self.with(leg, |s| {
                    s.playing = (!looped).then_some((play, now + time));
                    s.said += usize::from(!looped);
                });
            }
            Command::Key { leg, key } => self.with(leg, |s| s.pressed.push(key)),
            Command::Stop { leg } => self.with(leg, |s| s.playing = None),
            Command::Bridge { one, other } => {
                self.with(one, |s| s.peer = Some(other));
                self.with(other, |s| s.peer = Some(one));
            }
            Command::Unbridge { leg } => {
                let peer = self.streams.get_mut(&leg).and_then(|s| s.peer.take());
                if let Some(peer) = peer {
                    self.with(peer, |s| s.peer = None);
                }
            }
            Command::Watch { leg, silence } => self.with(leg, |s| {
                s.watch = silence;
                s.since = Some(now);
            }),
            Command::Record(wish) => self.with(wish.leg, |s| {
                let until = now + wish.longest;
                s.recordings.insert(wish.number, (now, until));
            }),
            Command::PauseRecording { .. } | Command::ResumeRecording { .. } => {}
            Command::EndRecording { leg, number } => self.recorded(leg, number, now),
            Command::Close { leg } => {
                let stream = self.streams.get(&leg);
                let numbers = stream.map(|s| s.recordings.keys().copied().collect());
                let numbers: Vec<u8> = numbers.unwrap_or_default();
                for number in numbers {
                    self.recorded(leg, number, now);
                }
                if self.streams.remove(&leg).is_some() {
                    let quality = StreamQuality::default();
                    self.reports.push(Report::Closed { leg, quality });
                }
            }
        }
    }

    /// The file of a recording is closed; everybody says something in it all the time.
    fn recorded(&mut self, leg: LegId, number: u8, now: Instant) {
        let stream = self.streams.get_mut(&leg);
        let Some((since, until)) = stream.and_then(|s| s.recordings.remove(&number)) else {
            return;
        };
        self.reports.push(Report::Recorded {
            leg,
            number,
            result: RecordingResult::Kept,
            length: now.min(until).saturating_duration_since(since),
        });
    }

    /// A phone's key. `false` when it has no stream.
    pub(super) fn key(&mut self, phone: SocketAddr, key: char) -> bool {
        let mut streams = self.streams.iter();
        let Some((leg, _)) = streams.find(|(_, s)| s.remote == Some(phone)) else {
            return false;
        };
        self.reports.push(Report::Key { leg: *leg, key });
        true
    }

    /// The keys that a phone hears of nobody's packets.
    pub(super) fn pressed(&self, phone: SocketAddr) -> String {
        let mut streams = self.streams.values();
        let stream = streams.find(|stream| stream.remote == Some(phone));
        stream.map_or_else(String::new, |stream| stream.pressed.clone())
    }

    /// How much was played to a phone that was no loop.
    pub(super) fn said(&self, phone: SocketAddr) -> usize {
        let mut streams = self.streams.values();
        let stream = streams.find(|stream| stream.remote == Some(phone));
        stream.map_or(0, |stream| stream.said)
    }

    /// Whether two phones hear each other.
    pub(super) fn bridged(&self, one: SocketAddr, other: SocketAddr) -> bool {
        self.streams.values().any(|stream| {
            let peer = stream.peer.and_then(|peer| self.streams.get(&peer));
            stream.remote == Some(one) && peer.is_some_and(|peer| peer.remote == Some(other))
        })
    }

    /// What is to be told by now.
    pub(super) fn reports(&mut self, now: Instant) -> Vec<Report> {
        for (leg, number) in self.full(now) {
            self.recorded(leg, number, now);
        }
        for (leg, stream) in &mut self.streams {
            if let Some((play, at)) = stream.playing
                && at <= now
            {
                stream.playing = None;
                self.reports.push(Report::Played { leg: *leg, play });
            }
            let mute = stream
                .remote
                .is_some_and(|phone| self.mute.contains(&phone));
            if mute && stream.silent_at().is_some_and(|at| at <= now) {
                stream.watch = None;
                self.reports.push(Report::Silent { leg: *leg });
            }
        }
        std::mem::take(&mut self.reports)
    }

    /// Recordings that are as long as they may be.
    fn full(&self, now: Instant) -> Vec<(LegId, u8)> {
        let of = |(leg, stream): (&LegId, &Stream)| -> Vec<(LegId, u8)> {
            let recordings = stream.recordings.iter();
            let full = recordings.filter(|(_, (_, until))| *until <= now);
            full.map(|(number, _)| (*leg, *number)).collect()
        };
        self.streams.iter().flat_map(of).collect()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let recordings = self.streams.values().flat_map(|s| s.recordings.values());
        let full = recordings.map(|(_, until)| *until);
        let sounds = self.streams.values().filter_map(|s| Some(s.playing?.1));
        let mute = |s: &&Stream| s.remote.is_some_and(|phone| self.mute.contains(&phone));
        let silence = self.streams.values().filter(mute);
        sounds
            .chain(silence.filter_map(Stream::silent_at))
            .chain(full)
            .min()
    }

    fn with(&mut self, leg: LegId, act: impl FnOnce(&mut Stream)) {
        if let Some(stream) = self.streams.get_mut(&leg) {
            act(stream);
        }
    }
}

impl Stream {
    fn silent_at(&self) -> Option<Instant> {
        Some(self.since? + self.watch?)
    }
}
