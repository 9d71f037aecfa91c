//! Phones, operators' states and recordings, written down so that a restart does not lose them.
//!
//! An event says that something changed; what there is now, the registrar says. So nothing
//! is lost when an event is, but until the next one.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use exchange::call::Shared;
use exchange::model::{Event, OperatorName, OperatorState, Recorded, RecordingChange, Stamped};
use exchange::registrar::Kept;

use crate::server::clock;
use crate::server::store::{Item, RecordingItem, RecordingRow, Store, ago, millis};

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
    pub(crate) fn read(&mut self, stamped: &Stamped, store: &Store) {
        let event = &stamped.event;
        if let Event::Registered { operator, .. } | Event::Unregistered { operator, .. } = event {
            self.phones(operator, store);
        }
        if let Event::Recording(recorded) = &stamped.event {
            write_recording(recorded, stamped.at, store);
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

/// A recording is known from its beginning, so that a kill does not make it a stranger.
fn write_recording(recorded: &Recorded, at: SystemTime, store: &Store) {
    let (at, length) = match recorded.change {
        RecordingChange::Started => (millis(at), None),
        RecordingChange::Paused | RecordingChange::Resumed => return,
        RecordingChange::Ended { length, .. } if length.is_zero() => {
            let id = recorded.recording.clone();
            store.write(Item::Recording(RecordingItem::Gone { id }));
            return;
        }
        RecordingChange::Ended { length, .. } => {
            (ago(at, length), i64::try_from(length.as_millis()).ok())
        }
    };
    store.write(Item::Recording(RecordingItem::Put(Box::new(
        RecordingRow {
            id: recorded.recording.clone(),
            call: recorded.call.clone(),
            mailbox: recorded.mailbox.clone(),
            from: recorded.from.clone(),
            at,
            length,
            heard: false,
        },
    ))));
}
