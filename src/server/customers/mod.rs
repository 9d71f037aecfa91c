//! The customer base, as the server and its commands use it.
//!
//! Names and notes go from the store to whoever may ask, and nowhere else: no log, no
//! metric and no event has them.

mod list;

use std::sync::Arc;
use std::time::Duration;

use exchange::model::Telephone;

use crate::server::observer::Witness;
use crate::server::store::{Receipt, Store, StoreError};
use crate::server::{clock, entropy};

pub(crate) use list::{Bad, LINES, List, write};

/// Whoever asks over HTTP hears within 10 seconds; the rest of it is for the database.
const WITNESS: Duration = Duration::from_secs(2);

/// The store, and who else keeps numbers for a while.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    store: Arc<Store>,
    /// Nobody while no server runs.
    witness: Option<Witness>,
}

impl Base {
    pub(crate) fn new(store: Arc<Store>, witness: Option<Witness>) -> Self {
        Self { store, witness }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Erases all that is kept of a number. Blocks up to `patience`, and a moment before.
    ///
    /// # Errors
    /// When it cannot be erased everywhere. Nothing in the store is erased then.
    pub(crate) fn forget(
        &self,
        number: &Telephone,
        patience: Duration,
    ) -> Result<Receipt, StoreError> {
        // Calls that go on have records later: those must not bring the number back.
        if let Some(witness) = &self.witness
            && !witness.forget(number.clone(), WITNESS)
        {
            return Err(StoreError::Busy);
        }
        let id = format!("{:016x}", entropy::word());
        self.store
            .forget(number.clone(), id, clock::wall(), patience)
    }
}
