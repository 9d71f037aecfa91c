//! Recordings and messages as files with rows: found, marked, deleted together.
//!
//! Invariant: a file goes before its row. Whatever stops in between leaves a row that is
//! found again, never a voice that nobody knows of.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use exchange::config;
use exchange::model::RecordingId;

use crate::server::media::vault::Vault;
use crate::server::media::wav_file::{length_of, mend};
use crate::server::store::{
    Item, RecordingItem, RecordingQuery, RecordingRow, Store, StoreError, ago,
};

/// How long whoever changed something waits until it can be read back.
const PATIENCE: Duration = Duration::from_secs(2);
/// Files that are deleted in one go; the rest follows.
const BATCH: usize = 500;
/// So often, until the next time.
const BATCHES: usize = 200;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    /// The database cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be deleted.
    #[error("the sound of {name} cannot be deleted: {source}")]
    File {
        /// The recording.
        name: RecordingId,
        /// What the system said.
        source: io::Error,
    },
}

/// The recordings of the house. Everything here may block.
#[derive(Debug)]
pub(crate) struct Archive {
    store: Arc<Store>,
    folder: PathBuf,
}

impl Archive {
    pub(crate) fn new(store: Arc<Store>, folder: &Path) -> Self {
        Self {
            store,
            folder: folder.to_owned(),
        }
    }

    /// Some, newest first.
    pub(crate) fn find(&self, query: &RecordingQuery) -> Result<Vec<RecordingRow>, ArchiveError> {
        Ok(self.store.recordings(query)?)
    }

    /// Opens its sound.
    ///
    /// # Errors
    /// When it is not there.
    pub(crate) fn open(&self, id: &RecordingId) -> io::Result<File> {
        Vault::open(&self.folder)?.read(id)
    }

    /// Somebody has listened to a message, or is to listen again.
    pub(crate) fn mark(&self, id: &RecordingId, heard: bool) {
        let id = id.clone();
        self.write(RecordingItem::Heard { id, heard });
        self.store.flush(PATIENCE);
    }

    /// Deletes files and rows; how many.
    pub(crate) fn delete(&self, rows: &[RecordingRow]) -> Result<usize, ArchiveError> {
        let vault = self.vault();
        for row in rows {
            remove(&vault, &row.id, Vault::remove)?;
            let id = row.id.clone();
            self.write(RecordingItem::Gone { id });
        }
        self.store.flush(PATIENCE);
        Ok(rows.len())
    }

    /// Deletes files, those included that are being written, and leaves the rows.
    pub(crate) fn shred(&self, ids: &[RecordingId]) -> Result<(), ArchiveError> {
        let vault = self.vault();
        for id in ids {
            // In this order: what is closed in between goes with its other name.
            remove(&vault, id, Vault::remove_part)?;
            remove(&vault, id, Vault::remove)?;
        }
        Ok(())
    }

    /// Deletes what is older than it may become; how many.
    pub(crate) fn expire(
        &self,
        keep: config::Recordings,
        now: SystemTime,
    ) -> Result<usize, ArchiveError> {
        let mut gone = 0;
        for (messages, time) in [(false, keep.calls), (true, keep.messages)] {
            for _ in 0..BATCHES {
                let rows = self.find(&RecordingQuery {
                    messages: Some(messages),
                    until: Some(ago(now, time)),
                    limit: BATCH,
                    ..RecordingQuery::default()
                })?;
                let count = self.delete(&rows)?;
                gone += count;
                // Rows that a database in trouble still shows are tried the next time.
                if count < BATCH || self.store.status().trouble.is_some() {
                    break;
                }
            }
        }
        Ok(gone)
    }

    /// Mends what an earlier process left open: files that were being written, and rows
    /// that say so. Before anything is recorded.
    pub(crate) fn recover(&self) {
        let opened = Vault::make(&self.folder).and_then(|vault| Ok((vault.parts()?, vault)));
        let (parts, vault) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let folder = self.folder.display();
                tracing::error!(%folder, %error, "there is no place for recordings");
                return;
            }
        };
        for recording in parts {
            match mend(&vault, &recording) {
                Ok(()) => tracing::info!(%recording, "mended a recording of an earlier process"),
                Err(error) => tracing::error!(%recording, %error, "a recording cannot be mended"),
            }
        }
        let open = self.store.recordings(&RecordingQuery {
            open: true,
            limit: usize::from(u16::MAX),
            ..RecordingQuery::default()
        });
        // A store that was never written to has no rows.
        for row in open.unwrap_or_default() {
            let length = length_of(&vault, &row.id);
            self.write(match length {
                Some(length) => RecordingItem::Put(Box::new(RecordingRow {
                    length: i64::try_from(length.as_millis()).ok(),
                    ..row
                })),
                None => RecordingItem::Gone { id: row.id },
            });
        }
    }

    fn vault(&self) -> io::Result<Vault> {
        Vault::open(&self.folder)
    }

    fn write(&self, item: RecordingItem) {
        self.store.write(Item::Recording(item));
    }
}

/// Deletes a file, if it is there.
fn remove(
    vault: &io::Result<Vault>,
    name: &RecordingId,
    delete: impl FnOnce(&Vault, &RecordingId) -> io::Result<()>,
) -> Result<(), ArchiveError> {
    let removed = match vault {
        Ok(vault) => delete(vault, name),
        Err(error) => Err(error.kind().into()),
    };
    match removed {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(ArchiveError::File {
            name: name.clone(),
            source,
        }),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
