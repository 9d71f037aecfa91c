//! The spool file: what the database would not take, as JSON lines beside it.
//!
//! Only the writer thread touches it. Lines are appended at the end and replayed from the
//! beginning; once all are in the database the file is removed. A kill between the two
//! replays lines again, which the primary keys make harmless.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Entry, StoreError};

/// A day of trouble at 100 calls a second; beyond it the disk has other uses.
const SPOOL_BYTES: u64 = 4 << 30;
/// A line that is longer is not ours.
const LINE_BYTES: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Spool {
    path: PathBuf,
    /// Bytes that are in the database already.
    replayed: u64,
    /// Lines that are not.
    lines: u64,
}

/// Some lines from the spool.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) entries: Vec<Entry>,
    /// Lines that cannot be read.
    pub(super) unreadable: u64,
    lines: u64,
    bytes: u64,
    /// Whether the file ended here.
    last: bool,
}

impl Spool {
    /// The spool of a database, with what an earlier process left in it.
    pub(super) fn beside(database: &Path) -> Self {
        let mut name = database.as_os_str().to_owned();
        name.push(".spool");
        let mut spool = Self {
            path: name.into(),
            replayed: 0,
            lines: 0,
        };
        spool.lines = spool.count().unwrap_or(0);
        spool
    }

    fn count(&self) -> io::Result<u64> {
        let file = File::open(&self.path)?;
        // A device that never ends is no spool.
        if !file.metadata()?.is_file() {
            return Ok(0);
        }
        let mut lines = 0;
        let mut reader = BufReader::new(file);
        loop {
            let block = reader.fill_buf()?;
            if block.is_empty() {
                return Ok(lines);
            }
            let ends = block.iter().filter(|byte| **byte == b'\n').count();
            lines += u64::try_from(ends).unwrap_or(0);
            let read = block.len();
            reader.consume(read);
        }
    }

    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    fn error(&self, source: io::Error) -> StoreError {
        StoreError::File {
            path: self.path.clone(),
            source,
        }
    }

    /// Appends the entries and waits until they are on the disk: all of them or none.
    pub(super) fn append(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        let mut text = Vec::new();
        let mut lines = 0;
        for entry in entries {
            serde_json::to_writer(&mut text, entry)?;
            text.push(b'\n');
            lines += 1;
        }
        self.append_text(&text)
            .map_err(|source| self.error(source))?;
        self.lines += lines;
        Ok(())
    }

    fn append_text(&mut self, text: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)?;
        let before = file.metadata()?.len();
        if before < self.replayed {
            // Someone emptied it; what was in it is gone.
            self.replayed = 0;
            self.lines = 0;
        }
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        if before.saturating_add(length) > SPOOL_BYTES {
            return Err(io::Error::other("the spool file is full"));
        }
        let written = file.write_all(text).and_then(|()| file.sync_data());
        if written.is_err() {
            // Half a line would spoil the next one.
            file.set_len(before)?;
        }
        written
    }

    /// Reads the next lines that are not in the database, at most so many.
    pub(super) fn next_chunk(&self, most: u64) -> Result<Chunk, StoreError> {
        self.read_chunk(most).map_err(|source| self.error(source))
    }

    fn read_chunk(&self, most: u64) -> io::Result<Chunk> {
        let mut chunk = Chunk::default();
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                chunk.last = true;
                return Ok(chunk);
            }
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(self.replayed))?;
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        while chunk.lines + chunk.unreadable < most {
            line.clear();
            let read = reader
                .by_ref()
                .take(LINE_BYTES)
                .read_until(b'\n', &mut line)?;
            if read == 0 {
                chunk.last = true;
                break;
            }
            chunk.bytes += u64::try_from(read).unwrap_or(u64::MAX);
            match serde_json::from_slice(&line) {
                Ok(entry) => {
                    chunk.entries.push(entry);
                    chunk.lines += 1;
                }
                // The line that a kill cut off, or something that is not ours.
                Err(_) => chunk.unreadable += 1,
            }
        }
        Ok(chunk)
    }

    /// The chunk is in the database; the file goes when it was the last.
    pub(super) fn replayed(&mut self, chunk: &Chunk) -> Result<(), StoreError> {
        if !chunk.last {
            self.replayed += chunk.bytes;
            let lines = chunk.lines + chunk.unreadable;
            // Never to 0 before the end is seen.
            self.lines = self.lines.saturating_sub(lines).max(1);
            return Ok(());
        }
        match fs::remove_file(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(self.error(error)),
        }
        self.replayed = 0;
        self.lines = 0;
        Ok(())
    }
}

impl Chunk {
    /// Whether the spool is empty after it.
    pub(super) fn is_last(&self) -> bool {
        self.last
    }
}
