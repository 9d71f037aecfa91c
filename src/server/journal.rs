//! Phones, operators' states and recordings, written down so that a restart does not lose them.
//!
//! An event says that something changed; what there is now, the registrar says. So nothing
//! is lost when an event is, but until the next one. When the database came to be another
//! file, all that stands is written again.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use exchange::call::{Keep, Shared};
use exchange::model::{
    Event, OperatorName, OperatorState, PauseReason, Recorded, RecordingChange, Stamped,
};
use exchange::registrar::Kept;

use crate::server::clock;
use crate::server::store::{Item, Noted, RecordingItem, RecordingRow, Store, ago, millis};

/// What all shards share, once they are there.
pub(crate) type Source = Arc<OnceLock<Arc<Shared>>>;

/// Writes what changed. Bounded by the operators there are.
pub(crate) struct Journal {
    source: Source,
    /// What stands in the database.
    written: HashMap<OperatorName, Vec<Kept>>,
    /// What was written of operators since the start.
    standings: HashMap<OperatorName, (OperatorState, Option<PauseReason>)>,
    /// How often the database had come to be another file when all was written last.
    renewals: u64,
}

impl Journal {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            written: HashMap::new(),
            standings: HashMap::new(),
            renewals: 0,
        }
    }

    /// Writes again what stands, if the database does not have it any more: a restart is to
    /// lose no phone, no pause and no promise for it.
    pub(crate) fn look(&mut self, store: &Store) {
        let renewals = store.renewals();
        if renewals == std::mem::replace(&mut self.renewals, renewals) {
            return;
        }
        for (operator, standing) in &self.standings {
            write_standing(operator, standing.clone(), store);
        }
        self.written.clear();
        let Some(shared) = self.source.get().map(Arc::clone) else {
            return;
        };
        let phones = shared.registrar.all().into_iter();
        let operators: BTreeSet<_> = phones.map(|(operator, _)| operator).collect();
        for operator in operators {
            self.phones(&operator, store);
        }
        for pending in shared.callbacks.all() {
            let noted = Noted::new(Keep::Pending(pending.callback), clock::wall());
            store.write(Item::Callback(Box::new(noted)));
        }
    }

    /// Takes an event down.
    pub(crate) fn read(&mut self, stamped: &Stamped, store: &Store) {
        self.look(store);
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
        let standing = (state, reason);
        self.standings.insert(operator.clone(), standing.clone());
        write_standing(operator, standing, store);
    }

    /// Whether nothing has to be written of an operator who is offered a call: it stands
    /// there, or is the last before a pause or a log-out that was asked for and told.
    fn takes_calls(&self, operator: &OperatorName) -> bool {
        let goes = self.source.get().and_then(|shared| {
            let id = shared.board.find(operator)?;
            shared.board.pending(id)
        });
        let standing = self.standings.get(operator);
        goes.is_some() || standing.is_some_and(|(state, _)| *state == OperatorState::Ready)
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

fn write_standing(
    operator: &OperatorName,
    (state, reason): (OperatorState, Option<PauseReason>),
    store: &Store,
) {
    store.write(Item::Standing {
        operator: operator.clone(),
        at: millis(clock::wall()),
        state,
        reason,
    });
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

    use exchange::call::{Callback, Doing, Pending};
    use exchange::dispatch::{Abilities, Board, Capacity};
    use exchange::model::{Epoch, Requirement, Sequence, ShardId, SkillSet};
    use exchange::registrar::Binding;
    use exchange::sip::{Advertise, Peer, Uri};

    use super::*;
    use crate::server::store::tests::Folder;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn board(now: std::time::Instant) -> Board {
        let capacity = Capacity {
            operators: 1,
            more_calls: 0,
            tickets_per_shard: 1,
            shards: 1,
            classes: 1,
            profiles: 1,
        };
        Board::new(capacity, now)
    }

    fn shared(board: Board, now: std::time::Instant) -> Shared {
        let wall = clock::wall();
        let epoch = Epoch { instant: now, wall };
        Shared::new(board, epoch, Advertise::at(([127, 0, 0, 1], 5060).into()))
    }

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
        let board = board(now);
        let abilities = Abilities {
            skills: SkillSet::default(),
            max_calls: 1,
            place: 0,
        };
        let (alice, _) = board.operator(&"alice".into(), &abilities, now).unwrap();
        let _ready = board.ready(alice, now);
        let _call = board.take(alice, now).unwrap();
        let _paused = board.pause(alice, now);
        let source = Source::default();
        let shared = Arc::new(shared(board, now));
        assert!(source.set(shared).is_ok());
        let told = [OperatorState::Paused, OperatorState::Offered];
        assert_eq!(written(source, &told), [Some(OperatorState::Paused)]);
    }

    #[test]
    fn a_database_that_is_removed_has_again_what_stands() {
        let now = clock::now();
        let shared = shared(board(now), now);
        let phone = Peer::udp(([127, 0, 0, 1], 5070).into());
        shared
            .registrar
            .restore(&"alice".into(), binding(phone, now));
        shared.callbacks.restore(promise(now));
        let source = Source::default();
        assert!(source.set(Arc::new(shared)).is_ok());
        let folder = Folder::new();
        let store = Store::open(&folder.database(), "boot").unwrap();
        let mut journal = Journal::new(source);
        journal.read(&changed(OperatorState::Paused), &store);
        assert!(store.flush(PATIENCE));
        std::fs::remove_file(folder.database()).unwrap();
        // Nobody has anything to write: it is found all the same.
        let until = now + PATIENCE;
        while store.renewals() == 0 {
            assert!(clock::now() < until);
            std::thread::yield_now();
        }
        assert_eq!(store.status().errors, 1);
        assert_eq!(store.remembered().unwrap(), []);
        journal.look(&store);
        assert!(store.flush(PATIENCE));
        let remembered = store.remembered().unwrap();
        let alice = remembered.first().unwrap();
        assert_eq!((remembered.len(), alice.phones.len()), (1, 1));
        assert_eq!(alice.state, Some(OperatorState::Paused));
        assert_eq!(store.promises(clock::wall()).unwrap().pending.len(), 1);
    }

    fn binding(peer: Peer, now: std::time::Instant) -> Binding {
        Binding {
            key: "phone".into(),
            uri: Uri::parse("sip:alice@127.0.0.1:5070").unwrap(),
            peer,
            path: Vec::new(),
            expires_at: now + Duration::from_secs(600),
            call_id: "c".into(),
            cseq: 1,
            instance: None,
            reg_id: None,
        }
    }

    fn promise(now: std::time::Instant) -> Pending {
        Pending {
            callback: Callback {
                id: "c1".into(),
                queue: "support".into(),
                number: "0612345678".into(),
                called: "1000".into(),
                project: None,
                require: Requirement::default(),
                prefer: Requirement::default(),
                priority: 0,
                since_ms: 0,
                promised_ms: 0,
                next_ms: 0,
                attempts: 0,
            },
            age: now,
            home: ShardId(0),
            doing: Doing::Rests,
        }
    }

    fn changed(state: OperatorState) -> Stamped {
        Stamped {
            sequence: Sequence(1),
            at: clock::wall(),
            event: Event::OperatorChanged {
                operator: "alice".into(),
                state,
                reason: None,
                call: None,
            },
        }
    }

    /// What the database has of alice after she was told to be in these states.
    fn written(source: Source, told: &[OperatorState]) -> Vec<Option<OperatorState>> {
        let folder = Folder::new();
        let store = Store::open(&folder.database(), "boot").unwrap();
        let mut journal = Journal::new(source);
        for state in told {
            journal.read(&changed(*state), &store);
        }
        assert!(store.flush(PATIENCE));
        let remembered = store.remembered().unwrap();
        remembered.iter().map(|one| one.state).collect()
    }
}
