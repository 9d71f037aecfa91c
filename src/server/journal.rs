//! Phones and operators' states, written down so that a restart does not lose them.
//!
//! An event says that something changed; what there is now, the registrar says. So nothing
//! is lost when an event is, but until the next one.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use exchange::call::Shared;
use exchange::model::{Event, OperatorName, OperatorState};
use exchange::registrar::Kept;

use crate::server::clock;
use crate::server::store::{Item, Store, millis};

/// What all shards share, once they are there.
pub(crate) type Source = Arc<OnceLock<Arc<Shared>>>;

/// Writes what changed. Bounded by the operators there are.
pub(crate) struct Journal {
    source: Source,
    /// What stands in the database.
    written: HashMap<OperatorName, Vec<Kept>>,
}

impl Journal {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            written: HashMap::new(),
        }
    }

    /// Takes an event down.
    pub(crate) fn read(&mut self, event: &Event, store: &Store) {
        if let Event::Registered { operator, .. } | Event::Unregistered { operator, .. } = event {
            self.phones(operator, store);
        }
        if let Event::OperatorChanged {
            operator,
            state,
            reason,
            ..
        } = event
            && matches!(
                state,
                OperatorState::Ready | OperatorState::Paused | OperatorState::LoggedOut
            )
        {
            store.write(Item::Standing {
                operator: operator.clone(),
                at: millis(clock::wall()),
                state: *state,
                reason: reason.clone(),
            });
        }
    }

    fn phones(&mut self, operator: &OperatorName, store: &Store) {
        let Some(shared) = self.source.get() else {
            return;
        };
        let phones = shared.registrar.contacts(operator, clock::now());
        let kept: Vec<Kept> = phones
            .iter()
            .filter_map(|phone| Kept::of(phone, shared.epoch))
            .collect();
        let written = self.written.get(operator).map_or(&[][..], Vec::as_slice);
        let known = |phone: &Kept| written.iter().any(|known| phone.is_no_news_after(known));
        let first = !self.written.contains_key(operator);
        if !first && kept.len() == written.len() && kept.iter().all(known) {
            return;
        }
        store.write(Item::Phones {
            operator: operator.clone(),
            at: millis(clock::wall()),
            phones: kept.clone(),
        });
        self.written.insert(operator.clone(), kept);
    }
}
