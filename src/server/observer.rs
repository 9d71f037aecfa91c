//! One thread reads every event: metrics, live views, records, the log.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use exchange::metric::{Names, Observer};
use exchange::model::{CallId, Cause, Event, Sequence, Stamped, Telephone};
use exchange::record::{Floor, Ledger, Live, StoredEvent};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::server::clock;
use crate::server::journal::Journal;
use crate::server::post::Post;
use crate::server::store::{Item, Store, millis};

/// Events that may wait. At 300 calls a second some 5,000 come in a second.
const BACKLOG: usize = 131_072;
/// A shard that finds no room waits this long for some, and then goes on without: calls
/// come before their records.
const PATIENCE: Duration = Duration::from_millis(20);
/// Without events it is looked this often whether the database is still the same.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Letter {
    Event(Event),
    Configured(Box<(Floor, Names)>),
    /// A number is to be forgotten; the sender is dropped once it is.
    Forget(Telephone, Sender<()>),
    /// Somebody waits until what was told before is read; the sender is dropped then.
    Read(oneshot::Sender<()>),
    Stop,
}

/// Where events go.
#[derive(Clone, Debug)]
pub(crate) struct Witness(Sender<Letter>);

impl Witness {
    /// Tells an event.
    pub(crate) fn tell(&self, event: Event) {
        if self.0.send_timeout(Letter::Event(event), PATIENCE).is_err() {
            tracing::error!("an event was lost: its readers are too slow");
        }
    }

    /// Whether half of the room for events is taken.
    pub(crate) fn is_pressed(&self) -> bool {
        self.0.len() > BACKLOG / 2
    }

    /// Waits until what was told before shows in views and metrics, or does not because
    /// so much waits that it would take longer than `patience`.
    pub(crate) async fn read(&self, patience: Duration) {
        let (read, done) = oneshot::channel();
        if self.0.try_send(Letter::Read(read)).is_ok() {
            timeout(patience, done).await.ok();
        }
    }

    /// Tells that queues and operators are others from now on.
    pub(crate) fn configured(&self, floor: Floor, names: Names) {
        self.0
            .send(Letter::Configured(Box::new((floor, names))))
            .ok();
    }

    /// Takes a number out of the calls that go on; `false` when it took too long. What was
    /// told before is handed to the store by then.
    pub(crate) fn forget(&self, number: Telephone, patience: Duration) -> bool {
        let (done, forgotten) = bounded(0);
        let letter = Letter::Forget(number, done);
        // Nothing is ever sent: the reader hangs up.
        self.0.send_timeout(letter, patience).is_ok()
            && forgotten
                .recv_timeout(patience)
                .is_err_and(|error| error == RecvTimeoutError::Disconnected)
    }

    /// Ends the thread after what it has been told.
    pub(crate) fn stop(&self) {
        self.0.send(Letter::Stop).ok();
    }
}

/// Starts the thread.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn start(
    live: Arc<RwLock<Live>>,
    store: Arc<Store>,
    names: &Names,
    (journal, post): (Journal, Post),
) -> std::io::Result<(Witness, JoinHandle<()>)> {
    let (sender, letters) = bounded(BACKLOG);
    let mut observer = Observer::new();
    observer.expect(names);
    let mut reader = Reader {
        live,
        store,
        observer,
        ledger: Ledger::new(),
        journal,
        post,
        sequence: 0,
        forgotten: HashMap::new(),
    };
    let thread = thread::Builder::new()
        .name("observer".into())
        .spawn(move || reader.run(&letters))?;
    Ok((Witness(sender), thread))
}

struct Reader {
    live: Arc<RwLock<Live>>,
    store: Arc<Store>,
    observer: Observer,
    ledger: Ledger,
    journal: Journal,
    post: Post,
    sequence: u64,
    /// Calls that went on when their number was forgotten, as long as the ledger knows them.
    forgotten: HashMap<CallId, Telephone>,
}

impl Reader {
    fn run(&mut self, letters: &Receiver<Letter>) {
        loop {
            let letter = match letters.recv_timeout(LOOK) {
                Ok(letter) => letter,
                Err(RecvTimeoutError::Timeout) => {
                    self.journal.look(&self.store);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            match letter {
                Letter::Event(event) => self.read(event),
                Letter::Configured(now) => {
                    let (floor, names) = *now;
                    self.observer.expect(&names);
                    let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
                    live.reconfigure(&floor, clock::wall());
                }
                Letter::Forget(number, done) => {
                    let calls = self.ledger.erase(&number).into_iter();
                    let calls = calls.map(|call| (call, number.clone()));
                    self.forgotten.extend(calls);
                    let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
                    live.erase(&number);
                    drop(done);
                }
                Letter::Read(done) => drop(done),
                Letter::Stop => return,
            }
        }
    }

    /// The number of a forgotten call stands in none of its later events.
    fn erase(&mut self, event: &mut Event) {
        if self.forgotten.is_empty() {
            return;
        }
        let call = StoredEvent::call_of(event);
        if let Some(number) = call.and_then(|call| self.forgotten.get(call)) {
            event.erase(number);
        }
        let ledger = &self.ledger;
        self.forgotten.retain(|call, _| ledger.follows(call));
    }

    fn read(&mut self, mut event: Event) {
        self.erase(&mut event);
        self.sequence += 1;
        let stamped = Stamped {
            sequence: Sequence(self.sequence),
            at: clock::wall(),
            event,
        };
        log(&stamped.event);
        self.observer.observe(&stamped);
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        live.handle(&stamped);
        let talked = talked(&stamped, &live);
        drop(live);
        if let Some(talked) = talked {
            self.store.write(talked);
        }
        self.journal.read(&stamped, &self.store);
        self.post.tell(&stamped);
        if let Some(record) = self.ledger.handle(&stamped) {
            self.store.write(Item::Record(Box::new(record)));
        }
        let stored = StoredEvent::from(&stamped);
        self.store.write(Item::Event(Box::new(stored)));
    }
}

/// That a talk with a caller ended, for the customer base; who is in it, it knows itself.
fn talked(stamped: &Stamped, live: &Live) -> Option<Item> {
    let Event::TalkEnded { call, operator, .. } = &stamped.event else {
        return None;
    };
    let number = Telephone::read(live.caller(call)?.as_str())?;
    Some(Item::Talked {
        number: number.digits().to_owned(),
        operator: operator.clone(),
        at: millis(stamped.at),
    })
}

/// One line an event. Who called whom stands only in those of level `debug`.
#[expect(clippy::too_many_lines, reason = "one short arm for each event")]
fn log(event: &Event) {
    match event {
        Event::CallStarted {
            call,
            number,
            flow,
            trunk,
            ..
        } => tracing::info!(%call, %number, %flow, %trunk, "call started"),
        Event::CallEnded {
            call,
            outcome,
            hangup,
            said,
            lasted,
            ..
        } => {
            // To the millisecond: more is noise to who reads it.
            let ms = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX);
            let lasted_s = Duration::from_millis(ms).as_secs_f64();
            let q850_cause = said.q850.map(Cause::number);
            let sip_cause = said.sip;
            tracing::info!(%call, %outcome, ?hangup, lasted_s, sip_cause, q850_cause, "call ended");
        }
        Event::OperatorChanged {
            operator,
            state,
            reason,
            ..
        } => {
            let reason = reason.as_ref().map(exchange::model::PauseReason::as_str);
            tracing::info!(%operator, %state, reason, "operator");
        }
        Event::Registered {
            operator,
            remote,
            refresh: false,
            ..
        } => tracing::info!(%operator, %remote, "phone registered"),
        Event::Unregistered {
            operator, vanished, ..
        } => tracing::info!(%operator, vanished, "phone gone"),
        Event::LineReach { .. } | Event::TrunkReach { .. } | Event::TrunkRegistered { .. } => {
            log_outside(event);
        }
        Event::Refused { reason, source } => {
            tracing::debug!(reason = reason.as_str(), %source, "refused");
        }
        Event::ShutOut {
            source,
            lasts,
            shut,
        } => {
            let (lasts_s, shut) = (lasts.as_secs(), shut.as_str());
            tracing::warn!(%source, lasts_s, shut, "shut out: failed too often");
        }
        Event::HeardAgain { source } => tracing::info!(%source, "heard again"),
        Event::WrongPasswords {
            account,
            source,
            count,
        } => tracing::warn!("wrong passwords for {account} from {source}: {count} in a minute"),
        Event::Transferred {
            call,
            by,
            kind,
            to,
            attended,
            code,
        } => {
            let (kind, to) = (kind.as_str(), to.as_deref());
            tracing::info!(%call, %by, kind, to, attended, code, "transfer");
        }
        Event::CameBack { call, queue } => {
            tracing::info!(%call, %queue, "lost by an earlier process, in the old place again");
        }
        Event::CallbackPromised {
            callback, queue, ..
        } => tracing::info!(%callback, %queue, "callback promised"),
        Event::CallbackEnded {
            callback,
            queue,
            result,
            attempts,
        } => {
            let result = result.as_str();
            tracing::info!(%callback, %queue, result, attempts, "callback ended");
        }
        Event::Fault { call, what } => tracing::error!(?call, what, "contained a fault"),
        Event::CallRejected { .. }
        | Event::CallAnswered { .. }
        | Event::FlowStep { .. }
        | Event::FlowFailed { .. }
        | Event::Notified { .. }
        | Event::Queued { .. }
        | Event::Dequeued { .. }
        | Event::Escalated { .. }
        | Event::Offered { .. }
        | Event::Prioritized { .. }
        | Event::Uncoverable { .. }
        | Event::Estimated { .. }
        | Event::OfferEnded { .. }
        | Event::Talking { .. }
        | Event::OnLine { .. }
        | Event::LineTried { .. }
        | Event::Transferring { .. }
        | Event::Surveyed(_)
        | Event::Carried(_)
        | Event::Recording(_)
        | Event::Held { .. }
        | Event::Resumed { .. }
        | Event::TalkEnded { .. }
        | Event::CallingBack { .. }
        | Event::StreamEnded { .. }
        | Event::Registered { refresh: true, .. } => tracing::debug!(?event, "event"),
    }
}

/// What is heard of trunks and lines outside.
fn log_outside(event: &Event) {
    if let Event::LineReach { line, up } = event {
        if *up {
            tracing::info!(%line, "the line outside answers");
        } else {
            tracing::warn!(%line, "the line outside does not answer");
        }
    } else if let Event::TrunkReach { trunk, up } = event {
        if *up {
            tracing::info!(%trunk, "the trunk answers");
        } else {
            tracing::warn!(%trunk, "the trunk does not answer");
        }
    } else if let Event::TrunkRegistered {
        trunk,
        registered,
        code,
    } = event
    {
        if *registered {
            tracing::info!(%trunk, "registered with the trunk");
        } else {
            tracing::warn!(%trunk, code, "not registered with the trunk");
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;
    use crate::server::store::tests::Folder;

    impl Witness {
        /// One that nobody reads, and what is told.
        pub(crate) fn unread() -> (Self, Receiver<impl Sized>) {
            let (sender, letters) = bounded(BACKLOG);
            (Self(sender), letters)
        }
    }

    const PATIENCE: Duration = Duration::from_secs(20);
    const CALLS: usize = 500;

    struct Scene {
        live: Arc<RwLock<Live>>,
        witness: Witness,
        reader: JoinHandle<()>,
        _folder: Folder,
    }

    fn scene() -> Scene {
        let folder = Folder::new();
        let database = folder.database();
        let store = Arc::new(Store::open(&database, "boot").unwrap());
        let (post, _) = Post::start(&database, "boot").unwrap();
        let live = Live::new(&Floor::default(), clock::wall());
        let live = Arc::new(RwLock::new(live));
        let after = (
            Journal::new(crate::server::journal::Source::default()),
            post,
        );
        let (witness, reader) = start(Arc::clone(&live), store, &Names::default(), after).unwrap();
        Scene {
            live,
            witness,
            reader,
            _folder: folder,
        }
    }

    fn started(call: usize) -> Event {
        Event::CallStarted {
            call: format!("c{call}").as_str().into(),
            from: "anonymous".into(),
            to: "1000".into(),
            number: "1000".into(),
            flow: "welcome".into(),
            project: None,
            trunk: "local".into(),
        }
    }

    fn wait(witness: &Witness, patience: Duration) {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(witness.read(patience));
    }

    #[test]
    fn who_asks_finds_what_was_told_before() {
        let scene = scene();
        for call in 0..CALLS {
            scene.witness.tell(started(call));
        }
        wait(&scene.witness, PATIENCE);
        let shown = scene.live.read().unwrap().calls(2 * CALLS, clock::wall());
        assert_eq!(shown.len(), CALLS);
        scene.witness.stop();
        scene.reader.join().unwrap();
        // Of one that ended nothing is waited for.
        wait(&scene.witness, PATIENCE);
    }

    #[test]
    fn nobody_waits_for_ever_for_what_is_not_read() {
        let scene = scene();
        let busy = scene.live.write().unwrap();
        scene.witness.tell(started(0));
        wait(&scene.witness, Duration::from_millis(5));
        drop(busy);
        scene.witness.stop();
        scene.reader.join().unwrap();
    }
}
