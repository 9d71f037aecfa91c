//! The database: tables, commits and questions.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exchange::model::{CallId, OperatorName, PauseReason};
use exchange::record::{CallRecord, StoredEvent};
use exchange::shard::Remembered;
use rusqlite::types::Value;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Statement, TransactionBehavior, params,
};

use super::lost::OpenCalls;
use super::promises::{self, Promises};
use super::recordings::{self, Puts, RecordingQuery, RecordingRow};
use super::{Entry, Item, RecordPage, RecordQuery, StoreError};
use crate::server::clock;

/// How long a commit waits for another process's lock before it counts as failed.
const PATIENCE: Duration = Duration::from_millis(250);

/// Each is applied once, in order; its place from 1 is its version. Never change one that
/// was released: add the next.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE records (
        id       TEXT PRIMARY KEY,
        revision INTEGER NOT NULL,
        started  INTEGER NOT NULL,
        ended    INTEGER NOT NULL,
        number   TEXT NOT NULL,
        dialled  TEXT NOT NULL,
        queue    TEXT,
        operator TEXT,
        outcome  TEXT NOT NULL,
        data     TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX records_by_time ON records (started, id);
    CREATE INDEX records_by_number ON records (number, started, id);
    CREATE INDEX records_by_queue ON records (queue, started, id);
    CREATE INDEX records_by_operator ON records (operator, started, id);
    CREATE TABLE events (
        boot     TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        at       INTEGER NOT NULL,
        kind     TEXT NOT NULL,
        call     TEXT,
        data     TEXT NOT NULL,
        PRIMARY KEY (boot, sequence)
    ) WITHOUT ROWID;
    CREATE INDEX events_by_call ON events (call) WHERE call IS NOT NULL;
    CREATE INDEX events_by_time ON events (at);
",
    "
    CREATE TABLE registrations (
        operator TEXT PRIMARY KEY,
        at       INTEGER NOT NULL,
        phones   TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE operator_states (
        operator TEXT PRIMARY KEY,
        at       INTEGER NOT NULL,
        state    TEXT NOT NULL,
        reason   TEXT
    ) WITHOUT ROWID;
",
    super::customers::TABLES,
    promises::TABLE,
    recordings::TABLE,
    super::forget::INDEX,
    super::lost::TABLE,
];

pub(super) const PUT_RECORD: &str = "
    INSERT INTO records
        (id, revision, started, ended, number, dialled, queue, operator, outcome, data)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
    ON CONFLICT (id) DO UPDATE SET
        revision = excluded.revision, ended = excluded.ended, queue = excluded.queue,
        operator = excluded.operator, outcome = excluded.outcome, data = excluded.data
    WHERE excluded.revision > records.revision";

const PUT_EVENT: &str = "
    INSERT INTO events (boot, sequence, at, kind, call, data)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (boot, sequence) DO NOTHING";

// What waited in the spool comes after what is newer.
const PUT_PHONES: &str = "
    INSERT INTO registrations (operator, at, phones) VALUES (?1, ?2, ?3)
    ON CONFLICT (operator) DO UPDATE SET at = excluded.at, phones = excluded.phones
    WHERE excluded.at >= registrations.at";

const PUT_STANDING: &str = "
    INSERT INTO operator_states (operator, at, state, reason) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (operator) DO UPDATE SET
        at = excluded.at, state = excluded.state, reason = excluded.reason
    WHERE excluded.at >= operator_states.at";

/// Milliseconds since 1970; times before count as 0.
pub(crate) fn millis(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Device and inode, and when it was made, where that is known: the number of a file that is
/// gone is given to another.
pub(super) type Identity = (u64, u64, Option<SystemTime>);

/// The file as the disk knows it: a path can come to mean another one.
fn identity(path: &Path) -> Option<Identity> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.created().ok()))
}

/// The writer's connection.
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
    identity: Option<Identity>,
}

impl Database {
    /// Opens or creates it, and brings its tables up to date.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            fs::create_dir_all(folder).map_err(|source| StoreError::File {
                path: folder.to_owned(),
                source,
            })?;
        }
        let trouble = |source| StoreError::Database {
            path: path.to_owned(),
            source,
        };
        let mut connection = Connection::open(path).map_err(trouble)?;
        connection.busy_timeout(PATIENCE).map_err(trouble)?;
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(trouble)?;
        // A commit survives a crash of the process; one of the machine may cost the last.
        connection
            .pragma_update(None, "synchronous", "NORMAL")
            .map_err(trouble)?;
        // What is replaced or removed is overwritten as far as that costs no writing, so
        // that a number which is forgotten was not left in a gap before.
        connection
            .pragma_update(None, "secure_delete", "FAST")
            .map_err(trouble)?;
        let version = migrate(&mut connection).map_err(trouble)?;
        if version > MIGRATIONS.len() {
            return Err(StoreError::Newer {
                path: path.to_owned(),
            });
        }
        promises::forget(&connection, clock::wall()).map_err(trouble)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            identity: identity(path),
        })
    }

    /// Whether the path still means the open file. A deleted file takes writes without a
    /// word, and they are gone when it closes.
    pub(super) fn is_there(&self) -> bool {
        self.identity.is_some() && self.identity == identity(&self.path)
    }

    /// Which file is open.
    pub(super) fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// Writes all entries in one transaction; returns how many the database refused for
    /// what they are, which no second attempt would mend.
    pub(super) fn commit(&mut self, entries: &[Entry]) -> Result<u64, StoreError> {
        self.commit_all(entries)
            .map_err(|source| StoreError::Database {
                path: self.path.clone(),
                source,
            })
    }

    fn commit_all(&mut self, entries: &[Entry]) -> rusqlite::Result<u64> {
        if entries.is_empty() {
            return Ok(0);
        }
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut refused = 0;
        {
            let mut put_record = transaction.prepare(PUT_RECORD)?;
            let mut put_event = transaction.prepare(PUT_EVENT)?;
            let mut put_phones = transaction.prepare(PUT_PHONES)?;
            let mut put_standing = transaction.prepare(PUT_STANDING)?;
            let mut put_callback = transaction.prepare(promises::PUT)?;
            let mut put_talked = transaction.prepare(super::customers::PUT_TALKED)?;
            let mut recordings = Puts::prepare(&transaction)?;
            let mut open_calls = OpenCalls::prepare(&transaction)?;
            for entry in entries {
                let put = match &entry.item {
                    Item::Record(record) => write_record(&mut put_record, record)
                        .and_then(|()| open_calls.ended(record.id.as_str())),
                    Item::Event(event) => write_event(&mut put_event, &entry.boot, event)
                        .and_then(|()| open_calls.event(&entry.boot, event)),
                    Item::Phones {
                        operator,
                        at,
                        phones,
                    } => json(phones)
                        .and_then(|phones| {
                            put_phones.execute(params![operator.as_str(), at, phones])
                        })
                        .map(drop),
                    Item::Standing {
                        operator,
                        at,
                        state,
                        reason,
                    } => {
                        let reason = reason.as_ref().map(PauseReason::as_str);
                        let values = params![operator.as_str(), at, state.as_str(), reason];
                        put_standing.execute(values).map(drop)
                    }
                    Item::Callback(noted) => promises::put(&mut put_callback, noted),
                    Item::Talked {
                        number,
                        operator,
                        at,
                    } => put_talked
                        .execute(params![number, operator.as_str(), at])
                        .map(drop),
                    Item::Recording(item) => recordings.write(item),
                };
                match put {
                    Ok(()) => {}
                    Err(error) if is_about_the_item(&error) => refused += 1,
                    Err(error) => return Err(error),
                }
            }
        }
        transaction.commit()?;
        Ok(refused)
    }

    /// Does something in a transaction of its own: all of it or nothing.
    pub(super) fn change<T>(
        &mut self,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate);
        transaction
            .and_then(|transaction| {
                let done = act(&transaction)?;
                transaction.commit()?;
                Ok(done)
            })
            .map_err(|source| StoreError::Database {
                path: self.path.clone(),
                source,
            })
    }

    /// Overwrites all that is erased from here on, or no more; what stands in the file beside
    /// the database goes when this ends.
    pub(super) fn shred(&self, shred: bool) -> Result<(), StoreError> {
        let pragmas = if shred {
            "PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;"
        } else {
            "PRAGMA secure_delete = FAST; PRAGMA wal_checkpoint(TRUNCATE);"
        };
        self.connection
            .execute_batch(pragmas)
            .map_err(|source| StoreError::Database {
                path: self.path.clone(),
                source,
            })
    }

    /// Brings what was committed to the disk.
    pub(super) fn checkpoint(&self) -> Result<(), StoreError> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .map_err(|source| StoreError::Database {
                path: self.path.clone(),
                source,
            })
    }
}

/// Applies what is missing; returns the version that the file then has.
fn migrate(connection: &mut Connection) -> rusqlite::Result<usize> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, at INTEGER NOT NULL)",
        [],
    )?;
    let version: i64 = transaction.query_row(
        "SELECT coalesce(max(version), 0) FROM migrations",
        [],
        |row| row.get(0),
    )?;
    let version = usize::try_from(version).unwrap_or(0);
    for (migration, number) in MIGRATIONS.iter().zip(1_i64..).skip(version) {
        transaction.execute_batch(migration)?;
        transaction.execute(
            "INSERT INTO migrations (version, at) VALUES (?1, unixepoch())",
            [number],
        )?;
    }
    transaction.commit()?;
    Ok(version.max(MIGRATIONS.len()))
}

fn is_about_the_item(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig)
    ) || matches!(error, rusqlite::Error::ToSqlConversionFailure(_))
}

pub(super) fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

pub(super) fn write_record(put: &mut Statement<'_>, record: &CallRecord) -> rusqlite::Result<()> {
    put.execute(params![
        record.id.as_str(),
        record.revision,
        millis(record.started),
        millis(record.ended),
        record.number.as_str(),
        record.to.as_str(),
        record.queue.as_ref().map(|queue| queue.as_str()),
        record.operator.as_ref().map(|operator| operator.as_str()),
        record.outcome.as_str(),
        json(record)?,
    ])?;
    Ok(())
}

fn write_event(put: &mut Statement<'_>, boot: &str, event: &StoredEvent) -> rusqlite::Result<()> {
    put.execute(params![
        boot,
        i64::try_from(event.sequence).unwrap_or(i64::MAX),
        millis(event.at),
        event.kind,
        event.call.as_ref().map(|call| call.as_str()),
        json(&event.data)?,
    ])?;
    Ok(())
}

/// The connection that answers questions, opened when the first one comes.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    identity: Option<Identity>,
}

impl Reader {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            open: Mutex::new(None),
        }
    }

    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open
            .take()
            .filter(|open| open.identity == identity(&self.path));
        let current = match known {
            Some(known) => known,
            None => self.connect()?,
        };
        let answer = question(&current.connection);
        // A connection that failed is not asked again.
        if !matches!(answer, Err(StoreError::Database { .. })) {
            *open = Some(current);
        }
        answer
    }

    fn connect(&self) -> Result<Open, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(self.trouble())?;
        connection.busy_timeout(PATIENCE).map_err(self.trouble())?;
        Ok(Open {
            connection,
            identity: identity(&self.path),
        })
    }

    pub(super) fn trouble(&self) -> impl Fn(rusqlite::Error) -> StoreError {
        let path = self.path.clone();
        move |source| StoreError::Database {
            path: path.clone(),
            source,
        }
    }

    /// Every operator of whom anything is written.
    pub(super) fn remembered(&self) -> Result<Vec<Remembered>, StoreError> {
        self.ask(|connection| {
            let sql = "
                SELECT operator, s.state, s.reason, r.phones
                FROM operator_states AS s FULL JOIN registrations AS r USING (operator)";
            let mut statement = connection.prepare(sql).map_err(self.trouble())?;
            let rows = statement.query_map([], |row| {
                let state: Option<String> = row.get(1)?;
                let reason: Option<String> = row.get(2)?;
                let phones: Option<String> = row.get(3)?;
                Ok(Remembered {
                    operator: OperatorName::new(row.get::<_, String>(0)?),
                    state: state.and_then(|state| state.parse().ok()),
                    reason: reason.map(PauseReason::new),
                    // What a later version wrote is as if it were not there.
                    phones: phones
                        .and_then(|text| serde_json::from_str(&text).ok())
                        .unwrap_or_default(),
                })
            });
            let rows = rows.map_err(self.trouble())?;
            rows.collect::<Result<_, _>>().map_err(self.trouble())
        })
    }

    pub(super) fn recordings(
        &self,
        query: &RecordingQuery,
    ) -> Result<Vec<RecordingRow>, StoreError> {
        self.ask(|connection| recordings::find(connection, query).map_err(self.trouble()))
    }

    /// What an earlier process promised.
    pub(super) fn promises(&self, now: SystemTime) -> Result<Promises, StoreError> {
        self.ask(|connection| promises::read(connection, now).map_err(self.trouble()))
    }

    pub(super) fn record(&self, id: &str) -> Result<Option<CallRecord>, StoreError> {
        self.ask(|connection| {
            let text: Option<String> = connection
                .query_row("SELECT data FROM records WHERE id = ?1", [id], |row| {
                    row.get(0)
                })
                .optional()
                .map_err(self.trouble())?;
            Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
        })
    }

    pub(super) fn records(&self, query: &RecordQuery) -> Result<RecordPage, StoreError> {
        self.ask(|connection| {
            let after = match &query.before {
                Some(id) => Some((started(connection, id, &self.trouble())?, id)),
                None => None,
            };
            let (sql, values) = select(query, after);
            let mut statement = connection.prepare(&sql).map_err(self.trouble())?;
            let rows = statement
                .query_map(rusqlite::params_from_iter(values), |row| {
                    row.get::<_, String>(0)
                })
                .map_err(self.trouble())?;
            let mut records: Vec<CallRecord> = Vec::new();
            for text in rows {
                records.push(serde_json::from_str(&text.map_err(self.trouble())?)?);
            }
            let more = records.len() > query.limit;
            records.truncate(query.limit);
            let next = records.last().filter(|_| more).map(|last| last.id.clone());
            Ok(RecordPage { records, next })
        })
    }
}

fn started(
    connection: &Connection,
    id: &CallId,
    trouble: &impl Fn(rusqlite::Error) -> StoreError,
) -> Result<i64, StoreError> {
    connection
        .query_row(
            "SELECT started FROM records WHERE id = ?1",
            [id.as_str()],
            |row| row.get(0),
        )
        .optional()
        .map_err(trouble)?
        .ok_or_else(|| StoreError::NoSuchRecord(id.clone()))
}

/// The question in SQL: only fixed text is joined, every value is bound.
fn select(query: &RecordQuery, after: Option<(i64, &CallId)>) -> (String, Vec<Value>) {
    let mut sql = String::from("SELECT data FROM records WHERE 1");
    let mut values: Vec<Value> = Vec::new();
    let mut add = |condition: &str, bound: Vec<Value>| {
        sql.push_str(condition);
        values.extend(bound);
    };
    if let Some(from) = query.from {
        add(" AND started >= ?", vec![millis(from).into()]);
    }
    if let Some(to) = query.to {
        add(" AND started < ?", vec![millis(to).into()]);
    }
    if let Some(number) = &query.number {
        let both = vec![number.clone().into(), number.clone().into()];
        add(" AND (number = ? OR dialled = ?)", both);
    }
    if let Some(queue) = &query.queue {
        add(" AND queue = ?", vec![queue.clone().into()]);
    }
    if let Some(operator) = &query.operator {
        add(" AND operator = ?", vec![operator.clone().into()]);
    }
    if let Some(outcome) = query.outcome {
        add(" AND outcome = ?", vec![outcome.as_str().to_owned().into()]);
    }
    if let Some((started, id)) = after {
        let place = vec![started.into(), id.as_str().to_owned().into()];
        add(" AND (started, id) < (?, ?)", place);
    }
    // One more than wanted tells whether there is a next page.
    let most = i64::try_from(query.limit.saturating_add(1)).unwrap_or(i64::MAX);
    add(" ORDER BY started DESC, id DESC LIMIT ?", vec![most.into()]);
    (sql, values)
}
