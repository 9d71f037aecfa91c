//! Phones, operators' states and recordings, written down so that a restart does not lose them.
//!
//! An event says that something changed; what there is now, the registrar says. So nothing
//! is lost when an event is, but until the next one.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use exchange::call::Shared;
use exchange::model::{
    Event, OperatorName, OperatorState, PauseReason, Recorded, RecordingChange, Stamped,
};
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
    /// What was written of operators since the start.
    standings: HashMap<OperatorName, OperatorState>,
}

impl Journal {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            written: HashMap::new(),
            standings: HashMap::new(),
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
        {
            self.standing(operator, (*state, reason.clone()), store);
        }
    }

    fn standing(
        &mut self,
        operator: &OperatorName,
        (state, reason): (OperatorState, Option<PauseReason>),
        store: &Store,
    ) {
        let state = match state {
            OperatorState::Ready | OperatorState::Paused | OperatorState::LoggedOut => state,
            // Who is offered a call takes calls, and may never have been told to be ready:
            // one for whom a caller waits already is offered at once.
            OperatorState::Offered if self.takes_calls(operator) => return,
            OperatorState::Offered => OperatorState::Ready,
            OperatorState::Talking | OperatorState::WrapUp => return,
        };
        self.standings.insert(operator.clone(), state);
        store.write(Item::Standing {
            operator: operator.clone(),
            at: millis(clock::wall()),
            state,
            reason,
        });
    }

    /// Whether nothing has to be written of an operator who is offered a call: it stands
    /// there, or is the last before a pause or a log-out that was asked for and told.
    fn takes_calls(&self, operator: &OperatorName) -> bool {
        let goes = self.source.get().and_then(|shared| {
            let id = shared.board.find(operator)?;
            shared.board.pending(id)
        });
        goes.is_some() || self.standings.get(operator) == Some(&OperatorState::Ready)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use exchange::dispatch::{Abilities, Board, Capacity};
    use exchange::model::{Epoch, Sequence, SkillSet};
    use exchange::sip::Advertise;

    use super::*;
    use crate::server::store::tests::Folder;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn an_operator_goes_on_as_one_who_takes_calls_or_not() {
        use OperatorState::{LoggedOut, Offered, Paused, Ready, Talking, WrapUp};
        for (told, after) in [
            (&[Ready, Paused][..], Paused),
            (&[Ready, Offered, Talking, WrapUp], Ready),
            (&[Paused, Ready], Ready),
            (&[Paused, Offered], Ready),
            (&[Paused, Offered, Talking], Ready),
            (&[Ready, Offered, Talking, Paused], Paused),
            (&[LoggedOut, Offered, LoggedOut], LoggedOut),
        ] {
            let states = written(Source::default(), told);
            assert_eq!(states, [Some(after)], "{told:?}");
        }
    }

    #[test]
    fn a_last_call_before_a_pause_takes_none_of_it_back() {
        let now = clock::now();
        let capacity = Capacity {
            operators: 1,
            more_calls: 0,
            tickets_per_shard: 1,
            shards: 1,
            classes: 1,
            profiles: 1,
        };
        let board = Board::new(capacity, now);
        let abilities = Abilities {
            skills: SkillSet::default(),
            max_calls: 1,
            place: 0,
        };
        let (alice, _) = board.operator(&"alice".into(), &abilities, now).unwrap();
        let _ready = board.ready(alice, now);
        let _call = board.take(alice, now).unwrap();
        let _paused = board.pause(alice, now);
        let wall = clock::wall();
        let epoch = Epoch { instant: now, wall };
        let advertise = Advertise::at(([127, 0, 0, 1], 5060).into());
        let source = Source::default();
        let shared = Arc::new(Shared::new(board, epoch, advertise));
        assert!(source.set(shared).is_ok());
        let told = [OperatorState::Paused, OperatorState::Offered];
        assert_eq!(written(source, &told), [Some(OperatorState::Paused)]);
    }

    /// What the database has of alice after she was told to be in these states.
    fn written(source: Source, told: &[OperatorState]) -> Vec<Option<OperatorState>> {
        let folder = Folder::new();
        let store = Store::open(&folder.database(), "boot").unwrap();
        let mut journal = Journal::new(source);
        for state in told {
            let stamped = Stamped {
                sequence: Sequence(1),
                at: clock::wall(),
                event: Event::OperatorChanged {
                    operator: "alice".into(),
                    state: *state,
                    reason: None,
                    call: None,
                },
            };
            journal.read(&stamped, &store);
        }
        assert!(store.flush(PATIENCE));
        let remembered = store.remembered().unwrap();
        remembered.iter().map(|one| one.state).collect()
    }
}
