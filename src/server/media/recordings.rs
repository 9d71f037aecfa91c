//! The thread that writes recordings.
//!
//! ```text
//!  media threads ──Write──► backlog ──► thread ──► <name>.part ──rename──► <name>.wav
//!                                          └──► Report::Recorded, to the call
//! ```
//! Invariant: a disk that is slow or full costs recordings, never calls. Sound that finds
//! no room in the backlog is silence in its file, and counted; that a file begins and ends
//! is never lost, and there is one report for each.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use exchange::media::{Report, Write};
use exchange::metric::{recording, table};
use exchange::model::{LegId, RecordingId, RecordingResult};

use super::vault::Vault;
use super::wav_file::WavFile;

/// Seconds of sound that wait for the disk: 48 MB at most, four seconds of 400 calls.
const BACKLOG: usize = 1_536;
/// Buffers that wait to be used again.
const POOL: usize = 64;

type Key = (LegId, u8);

#[derive(Debug)]
enum Letter {
    Begin {
        key: Key,
        name: RecordingId,
        channels: usize,
    },
    Samples {
        key: Key,
        at: u64,
        bytes: Vec<u8>,
    },
    End {
        key: Key,
        frames: u64,
    },
    Stop,
}

/// Where media threads hand over what they record. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Recordings {
    // Not bounded by itself: sound is by `waiting`, and of the rest there are two letters
    // a recording.
    letters: Sender<Letter>,
    waiting: Arc<AtomicUsize>,
    pool: Receiver<Vec<u8>>,
}

impl Recordings {
    /// Takes what is to be written. Never blocks.
    pub(crate) fn write(&self, write: Write<'_>) {
        let letter = match write {
            Write::Begin {
                leg,
                number,
                name,
                channels,
            } => Letter::Begin {
                key: (leg, number),
                name: name.clone(),
                channels,
            },
            Write::Samples {
                leg,
                number,
                at,
                samples,
            } => {
                if self.waiting.fetch_add(1, Ordering::Relaxed) >= BACKLOG {
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                    count(recording::BACKLOG);
                    return;
                }
                let mut bytes = self.pool.try_recv().unwrap_or_default();
                bytes.clear();
                bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
                Letter::Samples {
                    key: (leg, number),
                    at,
                    bytes,
                }
            }
            Write::End {
                leg,
                number,
                frames,
            } => Letter::End {
                key: (leg, number),
                frames,
            },
        };
        // A thread that is gone has nothing to write with.
        self.letters.send(letter).ok();
    }
}

/// The running thread.
#[derive(Debug)]
pub(crate) struct Running {
    letters: Sender<Letter>,
    thread: JoinHandle<()>,
}

impl Running {
    /// Ends the thread after what it has been handed.
    pub(crate) fn stop(self) {
        self.letters.send(Letter::Stop).ok();
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes recordings had a fault");
        }
    }
}

/// Starts the thread; `deliver` is called from it with each report.
///
/// # Errors
/// When the system has no more threads. A folder that cannot be made is a problem of each
/// recording.
pub(crate) fn start<D>(folder: &Path, deliver: D) -> io::Result<(Recordings, Running)>
where
    D: Fn(Report) + Send + 'static,
{
    let (letters, received) = unbounded();
    let (used, pool) = bounded(POOL);
    let waiting = Arc::new(AtomicUsize::new(0));
    let mut writer = Writer {
        folder: folder.to_owned(),
        vault: None,
        files: HashMap::new(),
        waiting: Arc::clone(&waiting),
        used,
        deliver,
    };
    let thread = thread::Builder::new()
        .name("recordings".into())
        .spawn(move || writer.run(&received))?;
    let recordings = Recordings {
        letters: letters.clone(),
        waiting,
        pool,
    };
    Ok((recordings, Running { letters, thread }))
}

fn count(reason: &'static str) {
    metrics::counter!(table::RECORDING_ERRORS.name, "reason" => reason).increment(1);
}

struct Writer<D> {
    folder: PathBuf,
    /// The folder, once it was there.
    vault: Option<Arc<Vault>>,
    files: HashMap<Key, WavFile>,
    waiting: Arc<AtomicUsize>,
    used: Sender<Vec<u8>>,
    deliver: D,
}

impl<D: Fn(Report)> Writer<D> {
    fn run(&mut self, letters: &Receiver<Letter>) {
        for letter in letters {
            match letter {
                Letter::Begin {
                    key,
                    name,
                    channels,
                } => self.begin(key, &name, channels),
                Letter::Samples { key, at, bytes } => {
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                    self.samples(key, at, &bytes);
                    self.used.try_send(bytes).ok();
                }
                Letter::End { key, frames } => self.end(key, frames),
                Letter::Stop => return,
            }
        }
    }

    fn begin(&mut self, key: Key, name: &RecordingId, channels: usize) {
        match self.make(name, channels) {
            Ok(file) => {
                self.files.insert(key, file);
                self.tell_active();
            }
            Err(error) => {
                tracing::error!(%name, %error, "a recording cannot be made");
                count(recording::OPEN);
                self.report(key, RecordingResult::Failed, Duration::ZERO);
            }
        }
    }

    fn make(&mut self, name: &RecordingId, channels: usize) -> io::Result<WavFile> {
        if let Some(vault) = &self.vault {
            match WavFile::create(vault, name, channels) {
                // The folder was deleted, and maybe made again.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                made => return made,
            }
        }
        let vault = Arc::new(Vault::make(&self.folder)?);
        let made = WavFile::create(&vault, name, channels);
        self.vault = Some(vault);
        made
    }

    fn samples(&mut self, key: Key, at: u64, bytes: &[u8]) {
        let Some(file) = self.files.get_mut(&key) else {
            return;
        };
        if let Err(error) = file.write(at, bytes) {
            tracing::error!(%error, "a recording cannot be written");
            count(recording::WRITE);
            let Some(file) = self.files.remove(&key) else {
                return;
            };
            self.closed(key, RecordingResult::Failed, file.give_up());
        }
    }

    fn end(&mut self, key: Key, frames: u64) {
        // One that failed was told already.
        let Some(file) = self.files.remove(&key) else {
            return;
        };
        let result = if frames == 0 {
            RecordingResult::Empty
        } else {
            RecordingResult::Kept
        };
        self.closed(key, result, file.finish(frames));
    }

    fn closed(&self, key: Key, result: RecordingResult, closed: io::Result<Duration>) {
        self.tell_active();
        match closed {
            Ok(length) if length.is_zero() && result == RecordingResult::Kept => {
                self.report(key, RecordingResult::Empty, length);
            }
            Ok(length) => self.report(key, result, length),
            Err(error) => {
                tracing::error!(%error, "a recording cannot be closed");
                count(recording::CLOSE);
                self.report(key, RecordingResult::Failed, Duration::ZERO);
            }
        }
    }

    fn report(&self, (leg, number): Key, result: RecordingResult, length: Duration) {
        (self.deliver)(Report::Recorded {
            leg,
            number,
            result,
            length,
        });
    }

    fn tell_active(&self) {
        let active = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        metrics::gauge!(table::RECORDINGS_ACTIVE.name).set(f64::from(active));
    }
}

#[cfg(test)]
#[path = "recordings_tests.rs"]
mod tests;
