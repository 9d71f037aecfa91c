//! The writer's connection, and which file it is to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::error;

use super::sqlite::{Database, Identity};
use super::{Shared, StoreError};

/// The database at its path, opened again when that came to mean another file.
pub(super) struct Held {
    path: PathBuf,
    open: Option<Database>,
    /// The file that was written to last.
    known: Option<Identity>,
    shared: Arc<Shared>,
}

impl Held {
    pub(super) fn new(path: &Path, shared: Arc<Shared>) -> Self {
        Self {
            path: path.to_owned(),
            open: None,
            known: None,
            shared,
        }
    }

    /// The database, opened if need be.
    pub(super) fn get(&mut self) -> Result<&mut Database, StoreError> {
        // Open until the next one is: else that could be given the same number.
        let stale = match self.open.take() {
            Some(database) if database.is_there() => return Ok(self.open.insert(database)),
            stale => stale,
        };
        let database = Database::open(&self.path)?;
        drop(stale);
        if self.known.is_some() && self.known != database.identity() {
            let path = self.path.display();
            error!(%path, "the database was removed or replaced: what it had is not in this one");
            self.shared.renewed();
        }
        self.known = database.identity();
        Ok(self.open.insert(database))
    }

    /// Whether the open file is not the one at the path any more.
    pub(super) fn is_gone(&self) -> bool {
        self.open.as_ref().is_some_and(|open| !open.is_there())
    }

    /// A fresh connection sees a moved or mended file; a stale one does not.
    pub(super) fn close(&mut self) {
        self.open = None;
    }
}
