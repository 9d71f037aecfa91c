//! The customer base, as the server and its commands use it.
//!
//! Names and notes go from the store to whoever may ask, and nowhere else: no log, no
//! metric and no event has them.

mod formula;
mod list;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use exchange::call::Keep;
use exchange::model::Telephone;

use crate::server::archive::Archive;
use crate::server::observer::Witness;
use crate::server::post::{self, Post};
use crate::server::store::{Item, Noted, Receipt, Store, StoreError, Traces};
use crate::server::supervisor::Supervisor;
use crate::server::{clock, entropy};

pub(crate) use list::{Bad, LINES, List, write};

/// Whoever asks over HTTP hears within 10 seconds; the rest of it is for the database.
const WITNESS: Duration = Duration::from_secs(2);

/// Who else keeps numbers for a while.
#[derive(Clone)]
pub(crate) enum Keepers {
    /// Those of the running server.
    Running {
        witness: Witness,
        post: Post,
        supervisor: Supervisor,
    },
    /// Nobody: no server runs. What waits for webhooks lies beside this database.
    Stopped(PathBuf),
}

/// The store, and who else keeps numbers for a while.
#[derive(Clone)]
pub(crate) struct Base {
    store: Arc<Store>,
    archive: Arc<Archive>,
    keepers: Keepers,
}

impl Base {
    pub(crate) fn new(store: Arc<Store>, archive: Arc<Archive>, keepers: Keepers) -> Self {
        Self {
            store,
            archive,
            keepers,
        }
    }

    /// While no server runs: the store at `database`, and where recordings are.
    pub(crate) fn stopped(store: Arc<Store>, database: &Path, recordings: &Path) -> Self {
        let archive = Arc::new(Archive::new(Arc::clone(&store), recordings));
        Self::new(store, archive, Keepers::Stopped(database.to_owned()))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Erases all that is kept of a number. Blocks up to `patience`, and a moment before.
    ///
    /// Files and deliveries go before the rows by which they are found: whatever stops it in
    /// between, the same again erases the rest.
    ///
    /// # Errors
    /// When it cannot be erased everywhere. There is no receipt then.
    pub(crate) fn forget(
        &self,
        number: &Telephone,
        patience: Duration,
    ) -> Result<Receipt, StoreError> {
        let until = clock::now() + patience;
        let left = || until.saturating_duration_since(clock::now());
        self.stop(number)?;
        let Traces { calls, recordings } = self.store.traces(number, left())?;
        self.archive
            .shred(&recordings)
            .map_err(|error| StoreError::Stays(error.to_string()))?;
        let deliveries = self.take_back(number, &calls, left())?;
        let erased = BTreeMap::from([("deliveries".to_owned(), deliveries)]);
        let id = format!("{:016x}", entropy::word());
        let receipt = (id, erased, clock::wall());
        self.store.forget(number, recordings, receipt, left())
    }

    /// What goes on must not bring the number back: calls have records later, and callbacks
    /// dial it.
    fn stop(&self, number: &Telephone) -> Result<(), StoreError> {
        let Keepers::Running {
            witness,
            supervisor,
            ..
        } = &self.keepers
        else {
            return Ok(());
        };
        for callback in supervisor.forget(number) {
            let noted = Noted::new(Keep::Over(callback), clock::wall());
            self.store.write(Item::Callback(Box::new(noted)));
        }
        match witness.forget(number.clone(), WITNESS) {
            true => Ok(()),
            false => Err(StoreError::Busy),
        }
    }

    /// Out of what waits for webhooks.
    fn take_back(
        &self,
        number: &Telephone,
        calls: &BTreeSet<String>,
        patience: Duration,
    ) -> Result<u64, StoreError> {
        match &self.keepers {
            Keepers::Running { post, .. } => {
                let why = "the outbox of webhooks cannot be used at present";
                let erased = post.forget(number, calls, patience);
                erased.ok_or_else(|| StoreError::Stays(why.to_owned()))
            }
            Keepers::Stopped(database) => post::forget(database, number, calls)
                .map_err(|error| StoreError::Stays(format!("the outbox of webhooks: {error}"))),
        }
    }
}
