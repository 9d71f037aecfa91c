//! A WAV file that grows: 16 bits, 8 kHz, one or two channels.
//!
//! While it grows its name ends in `.part`, and its header says nothing of its length; it
//! gets both right when it is closed. What a killed process leaves is so told from what is
//! whole, and can be mended ([`mend`]).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::Duration;

use exchange::model::RecordingId;

use super::vault::Vault;

/// Of the canonical header: RIFF, one `fmt ` and one `data` chunk.
const HEADER_BYTES: usize = 44;
const RATE: u32 = 8_000;
/// Silence is written in pieces of this many bytes.
const PIECE: usize = 16_000;

/// A file that is being written.
#[derive(Debug)]
pub(super) struct WavFile {
    file: File,
    vault: Arc<Vault>,
    name: RecordingId,
    channels: u16,
    /// Samples of one channel that are in it.
    frames: u64,
}

impl WavFile {
    /// Makes `<name>.part` in the folder; one that is there already is left alone.
    pub(super) fn create(
        vault: &Arc<Vault>,
        name: &RecordingId,
        channels: usize,
    ) -> io::Result<Self> {
        let channels = if channels == 2 { 2 } else { 1 };
        let mut file = vault.create(name)?;
        file.write_all(&header(channels, 0))?;
        Ok(Self {
            file,
            vault: Arc::clone(vault),
            name: name.clone(),
            channels,
            frames: 0,
        })
    }

    /// Writes samples at their place; what is missing before them is silence.
    pub(super) fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.fill(at)?;
        self.file.write_all(bytes)?;
        let frame = u64::from(self.channels) * 2;
        self.frames += u64::try_from(bytes.len()).unwrap_or(0) / frame;
        Ok(())
    }

    fn fill(&mut self, to: u64) -> io::Result<()> {
        let silence = [0; PIECE];
        let frame = usize::from(self.channels) * 2;
        while self.frames < to {
            let frames = (to - self.frames).min(u64::try_from(PIECE / frame).unwrap_or(1));
            let bytes = usize::try_from(frames).unwrap_or(0) * frame;
            self.file
                .write_all(silence.get(..bytes).unwrap_or_default())?;
            self.frames += frames;
        }
        Ok(())
    }

    /// Cuts it after so many samples, and gives it its header and its name; how long it is.
    pub(super) fn finish(mut self, frames: u64) -> io::Result<Duration> {
        self.fill(frames)?;
        self.close(frames)
    }

    /// Gives what was written its header and its name, when the disk takes no more.
    pub(super) fn give_up(mut self) -> io::Result<Duration> {
        let frames = self.frames;
        self.close(frames)
    }

    fn close(&mut self, frames: u64) -> io::Result<Duration> {
        let closed = if frames == 0 {
            self.vault.remove_part(&self.name).map(|()| Duration::ZERO)
        } else {
            let bytes = frames * u64::from(self.channels) * 2;
            seal(&mut self.file, self.channels, bytes)
                .and_then(|()| self.vault.keep(&self.name))
                .map(|()| length(frames))
        };
        match closed {
            // Somebody deleted it while it grew: whoever is heard in it was forgotten.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Duration::ZERO),
            closed => closed,
        }
    }
}

/// How long a file is; `None` when there is none that we wrote.
pub(crate) fn length_of(vault: &Vault, name: &RecordingId) -> Option<Duration> {
    let mut file = vault.read(name).ok()?;
    let (channels, bytes) = measure(&mut file).ok()??;
    Some(length(bytes / (u64::from(channels) * 2)))
}

/// Mends what a process left that was killed: whole samples stay, a file without any goes.
pub(crate) fn mend(vault: &Vault, name: &RecordingId) -> io::Result<()> {
    let mut file = vault.reopen(name)?;
    match measure(&mut file)? {
        Some((channels, bytes)) if bytes > 0 => {
            seal(&mut file, channels, bytes)?;
            vault.keep(name)
        }
        Some(_) | None => vault.remove_part(name),
    }
}

/// Channels, and bytes of whole samples.
fn measure(file: &mut File) -> io::Result<Option<(u16, u64)>> {
    let size = file.metadata()?.len();
    let mut head = [0; HEADER_BYTES];
    let channels = match file.read_exact(&mut head) {
        Ok(()) => u16::from(head.get(22).copied().unwrap_or(0)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    if !head.starts_with(b"RIFF") || !(1..=2).contains(&channels) {
        return Ok(None);
    }
    let bytes = size - u64::try_from(HEADER_BYTES).unwrap_or(0);
    let frame = u64::from(channels) * 2;
    Ok(Some((channels, bytes / frame * frame)))
}

fn seal(file: &mut File, channels: u16, bytes: u64) -> io::Result<()> {
    file.set_len(u64::try_from(HEADER_BYTES).unwrap_or(0) + bytes)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&header(channels, u32::try_from(bytes).unwrap_or(u32::MAX)))
}

fn length(frames: u64) -> Duration {
    Duration::from_micros(frames * 125)
}

fn header(channels: u16, bytes: u32) -> [u8; HEADER_BYTES] {
    let frame = channels * 2;
    let parts: [&[u8]; 13] = [
        b"RIFF",
        &bytes.saturating_add(36).to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16_u32.to_le_bytes(),
        &1_u16.to_le_bytes(),
        &channels.to_le_bytes(),
        &RATE.to_le_bytes(),
        &(RATE * u32::from(frame)).to_le_bytes(),
        &frame.to_le_bytes(),
        &16_u16.to_le_bytes(),
        b"data",
        &bytes.to_le_bytes(),
    ];
    let mut header = [0; HEADER_BYTES];
    let bytes = parts.iter().flat_map(|part| part.iter());
    for (to, from) in header.iter_mut().zip(bytes) {
        *to = *from;
    }
    header
}
