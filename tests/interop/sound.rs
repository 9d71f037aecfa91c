//! The caller's sound: RTP from a socket of the test, which hears and speaks.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use exchange::media::codec::g711;

const RATE: f64 = 8_000.0;

/// When a key is pressed: so much later than the server is first heard, or when a tone is
/// heard, after the key before.
#[derive(Clone, Copy, Debug)]
enum Cue {
    After(Duration),
    Hearing(f64),
}

/// A caller's stream: plays a tone, presses keys, keeps what it hears.
pub(crate) struct Stream {
    pub(crate) port: u16,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<i16>>>,
}

impl Stream {
    /// Begins as soon as the server is heard; presses `key` that much later.
    pub(crate) fn start(tone: f64, key: Option<(u8, Duration)>) -> Self {
        Self::presses(tone, key.into_iter().collect())
    }

    /// The same with several keys, each so much later than the server is first heard.
    pub(crate) fn presses(tone: f64, keys: Vec<(u8, Duration)>) -> Self {
        let cued = keys.into_iter();
        Self::begin(tone, cued.map(|(key, after)| (key, Cue::After(after))))
    }

    /// The same with keys that answer what is heard, in this order.
    pub(crate) fn answers(tone: f64, answers: &[(u32, &str)]) -> Self {
        let cued = answers.iter().flat_map(|(heard, keys)| {
            let later = std::iter::repeat(Cue::After(Duration::ZERO));
            let cues = std::iter::once(Cue::Hearing(f64::from(*heard))).chain(later);
            keys.chars().map(event).zip(cues)
        });
        Self::begin(tone, cued)
    }

    fn begin(tone: f64, keys: impl Iterator<Item = (u8, Cue)>) -> Self {
        let keys: Vec<(u8, Cue)> = keys.collect();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || talk(&socket, tone, &keys, &told));
        Self {
            port,
            stop,
            thread: Some(thread),
        }
    }

    /// Ends, and gives what was heard.
    pub(crate) fn heard(mut self) -> Vec<i16> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

/// The number of a key (RFC 4733 section 3.2).
fn event(key: char) -> u8 {
    match key {
        '*' => 10,
        '#' => 11,
        digit => u8::try_from(digit.to_digit(10).unwrap()).unwrap(),
    }
}

struct Sender {
    sequence: u16,
    timestamp: u32,
}

impl Sender {
    fn packet(&mut self, kind: u8, payload: &[u8]) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = vec![0x80, kind];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(0x1234_5678_u32.to_be_bytes());
        packet.extend(payload);
        packet
    }
}

/// A key that is pressed next.
struct Pressing {
    key: u8,
    cue: Cue,
    /// Packets of it so far.
    sent: u16,
    /// The samples before that were heard when the key before it went down, or looked
    /// through for the tone.
    looked: usize,
}

impl Pressing {
    fn next(keys: &mut std::slice::Iter<'_, (u8, Cue)>, looked: usize) -> Option<Self> {
        let (key, cue) = *keys.next()?;
        Some(Self {
            key,
            cue,
            sent: 0,
            looked,
        })
    }

    /// Whether it is down.
    fn is_down(&mut self, began: Instant, heard: &[i16]) -> bool {
        if self.sent > 0 {
            return true;
        }
        let there = match self.cue {
            Cue::After(after) => began.elapsed() >= after,
            Cue::Hearing(tone) => loop {
                let rest = heard.get(self.looked..).unwrap_or_default();
                let Some(tenth) = rest.first_chunk::<TENTH>() else {
                    return false;
                };
                if sounds(tone, tenth) {
                    break true;
                }
                self.looked += TENTH / 5;
            },
        };
        self.looked = heard.len();
        there
    }
}

fn talk(socket: &UdpSocket, tone: f64, keys: &[(u8, Cue)], stop: &AtomicBool) -> Vec<i16> {
    let mut heard = Vec::new();
    let mut server: Option<SocketAddr> = None;
    let mut sender = Sender {
        sequence: 0,
        timestamp: 0,
    };
    let mut next = Instant::now();
    let mut keys = keys.iter();
    let mut began = Instant::now();
    let mut pressing = Pressing::next(&mut keys, 0);
    let mut buffer = [0; 1500];
    while !stop.load(Ordering::Relaxed) {
        let patience = next.saturating_duration_since(Instant::now());
        let patience = patience.max(Duration::from_millis(1));
        socket.set_read_timeout(Some(patience)).unwrap();
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if server.is_none() {
                server = Some(from);
                next = Instant::now();
                began = next;
            }
            heard.extend(decode(&buffer[..length]));
        }
        let Some(server) = server.filter(|_| Instant::now() >= next) else {
            continue;
        };
        next += Duration::from_millis(20);
        let down = pressing
            .as_mut()
            .is_some_and(|next| next.is_down(began, &heard));
        let packet = match &mut pressing {
            Some(next) if down => {
                next.sent += 1;
                let end = if next.sent > 6 { 0x80 } else { 0 };
                let [high, low] = (next.sent.min(7) * 160).to_be_bytes();
                let packet = sender.packet(101, &[next.key, end | 10, high, low]);
                if next.sent == 9 {
                    pressing = Pressing::next(&mut keys, next.looked);
                    sender.timestamp += 9 * 160;
                }
                packet
            }
            _ => {
                let start = sender.timestamp;
                let payload: Vec<u8> = (start..start + 160).map(|n| alaw(tone, n)).collect();
                let packet = sender.packet(8, &payload);
                sender.timestamp += 160;
                packet
            }
        };
        socket.send_to(&packet, server).ok();
    }
    heard
}

#[expect(clippy::cast_possible_truncation, reason = "half of the range")]
fn sample(tone: f64, n: u32) -> i16 {
    ((std::f64::consts::TAU * tone * f64::from(n) / RATE).sin() * 16_000.0) as i16
}

fn alaw(tone: f64, n: u32) -> u8 {
    g711::linear_to_alaw(sample(tone, n))
}

fn decode(packet: &[u8]) -> Vec<i16> {
    let table = match packet.get(1).map(|kind| kind & 0x7f) {
        Some(0) => &g711::ULAW,
        Some(8) => &g711::ALAW,
        _ => return Vec::new(),
    };
    let payload = packet.get(12..).unwrap_or_default();
    payload
        .iter()
        .map(|byte| table[usize::from(*byte)])
        .collect()
}

/// Writes a WAV file with a tone.
pub(crate) fn write_tone(path: &Path, tone: f64, seconds: u32) {
    write_tone_of(path, tone, Duration::from_secs(seconds.into()));
}

/// The same, by its length.
pub(crate) fn write_tone_of(path: &Path, tone: f64, length: Duration) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for n in 0..u32::try_from(length.as_millis()).unwrap() * 8 {
        writer.write_sample(sample(tone, n)).unwrap();
    }
    writer.finalize().unwrap();
}

/// The samples of the recording in a folder whose name ends so.
pub(crate) fn recording(folder: &Path, end: &str) -> Vec<i16> {
    let files = std::fs::read_dir(folder).unwrap();
    let path = files
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with(end));
    let Some(path) = path else {
        return Vec::new();
    };
    let reader = hound::WavReader::open(path);
    reader.map_or_else(
        |_| Vec::new(),
        |mut reader| reader.samples::<i16>().filter_map(Result::ok).collect(),
    )
}

/// Samples of a tenth of a second.
const TENTH: usize = 800;

/// Whether there is this tone and little else, by the Goertzel algorithm.
fn sounds(tone: f64, samples: &[i16]) -> bool {
    let turn = 2.0 * (std::f64::consts::TAU * tone / RATE).cos();
    let (mut one, mut two) = (0.0, 0.0);
    let mut power = 0.0;
    for sample in samples {
        let value = f64::from(*sample);
        power += value * value;
        (one, two) = (value + turn * one - two, one);
    }
    let length = f64::from(u32::try_from(samples.len()).unwrap());
    let tone_power = (one * one + two * two - turn * one * two) * 2.0 / length;
    power > 1_250.0 * length && tone_power > 0.8 * power
}

/// For how many seconds a tone is heard, by tenths of a second.
pub(crate) fn seconds_of(tone: f64, samples: &[i16]) -> f64 {
    let tenths = samples.chunks_exact(TENTH);
    let with_tone = tenths.filter(|tenth| sounds(tone, tenth));
    f64::from(u32::try_from(with_tone.count()).unwrap()) / 10.0
}

/// Which of these tones are heard one after the other; one that goes on, or comes again
/// after nothing else, counts once.
pub(crate) fn melody(tones: &[u32], samples: &[i16]) -> Vec<u32> {
    let parts = samples.chunks_exact(TENTH / 2);
    let heard = parts.filter_map(|part| {
        let mut tones = tones.iter().copied();
        tones.find(|tone| sounds(f64::from(*tone), part))
    });
    let mut melody: Vec<u32> = heard.collect();
    melody.dedup();
    melody
}
