//! Where records and events are kept: SQLite, behind one thread.
//!
//! ```text
//! write() ──► bounded backlog ──► writer thread ──► database
//!   never blocks                        │  fails        ▲
//!                                       ▼               │ replayed, then removed
//!                                   spool file ─────────┘
//! ```
//!
//! Invariant: the database is never on the way of a call. Locked, full, slow or gone, it
//! changes nothing that a caller hears, and each record is in it exactly once afterwards:
//! records by call and revision, events by start of the process and sequence.
//!
//! # Why
//! - What cannot be committed goes to the spool file at once, not after a while: memory
//!   does not survive a kill, a file does.
//! - The spool is JSON lines, so that a person can read what a broken database refused.
//! - A file that is removed takes writes without a word as long as it is open. So it is looked
//!   at before each commit, and every second; a new one begins empty, and whoever knows what
//!   stands (the journal) writes that again.
//! - When even the spool cannot be written, a bounded number of items waits in memory;
//!   beyond it events go first and records last, and each is counted as lost.

mod customers;
mod forget;
mod held;
mod lost;
mod promises;
mod recordings;
mod spool;
mod sqlite;
mod writer;

#[cfg(test)]
mod customers_tests;
#[cfg(test)]
mod lost_tests;
#[cfg(test)]
pub(crate) mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, Sender, bounded};
use exchange::metric::table;
use exchange::model::{CallId, OperatorName, OperatorState, Outcome, PauseReason};
use exchange::record::{CallRecord, StoredEvent};
use exchange::registrar::Kept;
use exchange::shard::Remembered;
use serde::{Deserialize, Serialize};

pub(crate) use customers::{Column, CustomerPage, Imported};
pub(crate) use forget::{Receipt, Traces};
pub(crate) use promises::{Noted, Promises};
pub(crate) use recordings::{RecordingItem, RecordingQuery, RecordingRow, ago};
pub(crate) use sqlite::millis;
use sqlite::{Database, Reader};
use writer::Writer;

/// Items between the callers and the writer: eight seconds of 500 calls a second.
const BACKLOG: usize = 65_536;
/// From here on events are no longer taken, so that records still find room.
const EVENTS_UP_TO: usize = BACKLOG / 4 * 3;

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The database refused, or could not be reached.
    #[error("the database {path} cannot be used: {source}")]
    Database {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The database file was written by a later version.
    #[error("the database {path} was written by a later version of centrale")]
    Newer {
        /// The database file.
        path: PathBuf,
    },
    /// A file or folder could not be read or written.
    #[error("{path} cannot be used: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A stored record cannot be read.
    #[error("a stored record cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// What waits for the database cannot be written, so nothing in it can be erased for good.
    #[error("the database cannot take what waits for it; mend that first: {0}")]
    Waiting(String),
    /// A number cannot be erased everywhere.
    #[error("the number stays, because {0}; mend that, and ask again")]
    Stays(String),
    /// The writer has no time.
    #[error("the database is busy; try again in a moment")]
    Busy,
    /// The record that a page was to begin after does not exist.
    #[error("there is no record {0}")]
    NoSuchRecord(CallId),
}

/// One thing to keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Item {
    /// A call record; a later revision replaces an earlier one.
    Record(Box<CallRecord>),
    /// An event.
    Event(Box<StoredEvent>),
    /// All phones of an operator that a restart does not lose.
    Phones {
        operator: OperatorName,
        /// Milliseconds since 1970: what is older does not replace what is newer.
        at: i64,
        phones: Vec<Kept>,
    },
    /// What an operator goes on with after a restart.
    Standing {
        operator: OperatorName,
        /// As of phones.
        at: i64,
        state: OperatorState,
        reason: Option<PauseReason>,
    },
    /// A callback that was promised, tried, or is over.
    Callback(Box<Noted>),
    /// Who talked with a customer last. Nothing is kept of callers who are no customers.
    Talked {
        /// The digits of the customer's number.
        number: String,
        operator: OperatorName,
        /// As of phones.
        at: i64,
    },
    /// What is known of a recording or a message.
    Recording(RecordingItem),
}

/// An item with the start of the process that it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    boot: Arc<str>,
    #[serde(flatten)]
    item: Item,
}

/// Which records are wanted, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RecordQuery {
    /// Started at or after this.
    pub(crate) from: Option<SystemTime>,
    /// Started before this.
    pub(crate) to: Option<SystemTime>,
    /// Matched this entry of `numbers`, or dialled this.
    pub(crate) number: Option<String>,
    /// Was last in this queue.
    pub(crate) queue: Option<String>,
    /// Talked last with this operator.
    pub(crate) operator: Option<String>,
    /// Ended so.
    pub(crate) outcome: Option<Outcome>,
    /// Only records that come after this one in the list.
    pub(crate) before: Option<CallId>,
    /// At most so many.
    pub(crate) limit: usize,
}

/// Some records, and where the next ones begin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct RecordPage {
    /// Newest first.
    pub(crate) records: Vec<CallRecord>,
    /// For `before`; absent at the end.
    pub(crate) next: Option<CallId>,
}

/// How the store does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// Items that are not in the database yet, as of the last attempt; spooled ones included.
    pub(crate) waiting: u64,
    /// Failed attempts to write.
    pub(crate) errors: u64,
    /// Items given up.
    pub(crate) lost: u64,
    /// Why the last attempt failed; `None` while all is well.
    pub(crate) trouble: Option<String>,
}

/// What writer and callers share: the numbers, here and in the metrics.
#[derive(Debug)]
struct Shared {
    status: Mutex<Status>,
    waiting: metrics::Gauge,
    errors: metrics::Counter,
    lost: metrics::Counter,
    /// How often the database came to be another file.
    renewals: AtomicU64,
}

impl Shared {
    fn new() -> Self {
        Self {
            status: Mutex::default(),
            waiting: metrics::gauge!(table::STORE_QUEUE_LENGTH.name),
            errors: metrics::counter!(table::STORE_ERRORS.name),
            lost: metrics::counter!(table::STORE_LOST.name),
            renewals: AtomicU64::new(0),
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Status) -> T) -> T {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_waiting(&self, count: u64) {
        self.change(|status| status.waiting = count);
        self.waiting
            .set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    }

    fn failed(&self, trouble: &StoreError) {
        self.change(|status| {
            status.errors += 1;
            status.trouble = Some(trouble.to_string());
        });
        self.errors.increment(1);
    }

    /// What was in the database is not in it any more.
    fn renewed(&self) {
        self.change(|status| status.errors += 1);
        self.errors.increment(1);
        self.renewals.fetch_add(1, Ordering::Relaxed);
    }

    fn recovered(&self) {
        self.change(|status| status.trouble = None);
    }

    fn lost(&self, count: u64) {
        self.change(|status| status.lost += count);
        self.lost.increment(count);
    }
}

/// What is done once an item is on the disk, or cannot be brought there.
pub(crate) type Done = Box<dyn FnOnce(bool) + Send>;

/// What is done with the database, or with why it cannot be.
type Act = Box<dyn FnOnce(Result<&mut Database, StoreError>) + Send>;

/// Something that is done with the database between two commits.
struct Work {
    /// Whether everything that was handed over before must be in the database first.
    after_all: bool,
    act: Act,
}

enum Message {
    Item(Item),
    /// To be written at once, and told of.
    Sure(Item, Done),
    Work(Work),
    /// Try now; the answer is whether nothing is left to write.
    Flush(Sender<bool>),
    Stop,
}

/// The store. Share it in an `Arc`; every method takes `&self`.
#[derive(Debug)]
pub(crate) struct Store {
    boot: Arc<str>,
    inbox: Sender<Message>,
    shared: Arc<Shared>,
    reader: Reader,
    /// Calls wait for it: a long question for records must not be on its way.
    customers: Reader,
    /// Hung up by the writer when it is done.
    done: Receiver<()>,
    closed: AtomicBool,
}

impl Store {
    /// Starts the writer of the database at `path`; `boot` names this start of the
    /// process and must never come twice.
    ///
    /// A database that cannot be used is no error here: items go to the spool until it
    /// can, and [`Self::status`] says why.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn open(path: &Path, boot: &str) -> Result<Self, StoreError> {
        let (inbox, items) = bounded(BACKLOG);
        let (finished, done) = bounded(0);
        let shared = Arc::new(Shared::new());
        let writer = Writer::new(path, boot, items, Arc::clone(&shared));
        thread::Builder::new()
            .name("store".into())
            .spawn(move || {
                writer.run();
                drop(finished);
            })
            .map_err(|source| StoreError::File {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self {
            inbox,
            shared,
            reader: Reader::new(path),
            customers: Reader::new(path),
            boot: boot.into(),
            done,
            closed: AtomicBool::new(false),
        })
    }

    /// Hands over one item. Never blocks: without room the item is lost and counted.
    pub(crate) fn write(&self, item: Item) {
        let crowded = matches!(item, Item::Event(_)) && self.inbox.len() >= EVENTS_UP_TO;
        if crowded || self.inbox.try_send(Message::Item(item)).is_err() {
            self.shared.lost(1);
        }
    }

    /// Hands over one item that is written at once; `done` hears, in the writer's thread,
    /// whether it is in the database or the spool, so that neither a process that dies nor a
    /// machine that does loses it. Never blocks.
    pub(crate) fn write_surely(&self, item: Item, done: Done) {
        let message = Message::Sure(item, done);
        if let Err(refused) = self.inbox.try_send(message) {
            self.shared.lost(1);
            if let Message::Sure(_, done) = refused.into_inner() {
                done(false);
            }
        }
    }

    /// Tries to write everything now, whatever failed before; `true` once nothing is
    /// left. Blocks up to `patience`: not for a thread that owns calls.
    pub(crate) fn flush(&self, patience: Duration) -> bool {
        let (answer, answered) = bounded(1);
        self.inbox
            .send_timeout(Message::Flush(answer), patience)
            .is_ok()
            && answered.recv_timeout(patience).unwrap_or(false)
    }

    /// Does something with the database in the writer's thread, after what was handed over
    /// before. Blocks up to `patience`; what takes longer may still be done.
    fn work<T: Send + 'static>(
        &self,
        after_all: bool,
        patience: Duration,
        act: impl FnOnce(&mut Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = bounded(1);
        let act = Box::new(move |database: Result<&mut Database, StoreError>| {
            // Whoever asked may have gone.
            answer.send(database.and_then(act)).ok();
        });
        let work = Message::Work(Work { after_all, act });
        self.inbox
            .send_timeout(work, patience)
            .map_err(|_| StoreError::Busy)?;
        answered
            .recv_timeout(patience)
            .map_err(|_| StoreError::Busy)?
    }

    /// Writes what is left, to the spool if need be, and ends the writer; `true` when it
    /// ended within `patience`.
    pub(crate) fn close(&self, patience: Duration) -> bool {
        if !self.closed.swap(true, Ordering::SeqCst)
            && self
                .inbox
                .send_timeout(Message::Stop, patience)
                .is_err_and(|error| error.is_timeout())
        {
            return false;
        }
        // Nothing is ever sent: the writer hangs up.
        self.done
            .recv_timeout(patience)
            .is_err_and(|error| error == crossbeam_channel::RecvTimeoutError::Disconnected)
    }

    /// How it does.
    pub(crate) fn status(&self) -> Status {
        self.shared.change(|status| status.clone())
    }

    /// How often the database came to be another file since the start, without what had been
    /// written: whoever knows what stands writes it again.
    pub(crate) fn renewals(&self) -> u64 {
        self.shared.renewals.load(Ordering::Relaxed)
    }

    /// Finished calls, newest first. Reads the file: not for a thread that owns calls.
    ///
    /// # Errors
    /// When the database cannot be read, or `before` names no record.
    pub(crate) fn records(&self, query: &RecordQuery) -> Result<RecordPage, StoreError> {
        self.reader.records(query)
    }

    /// One finished call.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn record(&self, id: &str) -> Result<Option<CallRecord>, StoreError> {
        self.reader.record(id)
    }

    /// Recordings and messages, newest first; with `from`, all that is kept of the voice
    /// behind a number.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn recordings(
        &self,
        query: &RecordingQuery,
    ) -> Result<Vec<RecordingRow>, StoreError> {
        self.reader.recordings(query)
    }

    /// What an earlier process promised.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn promises(&self, now: SystemTime) -> Result<Promises, StoreError> {
        self.reader.promises(now)
    }

    /// Operators and phones as an earlier process left them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn remembered(&self) -> Result<Vec<Remembered>, StoreError> {
        self.reader.remembered()
    }
}
