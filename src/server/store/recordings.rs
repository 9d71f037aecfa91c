//! Recordings and messages: what is written of them, and questions about them. The sound
//! itself is in files, named by the id.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exchange::model::{CallId, Mailbox, Number, RecordingId};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, Statement, params};
use serde::{Deserialize, Serialize};

use super::sqlite::millis;

/// What is known of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecordingRow {
    pub(crate) id: RecordingId,
    pub(crate) call: CallId,
    /// Whose message it is; `None` for a recording of the call.
    pub(crate) mailbox: Option<Mailbox>,
    /// Who is recorded.
    pub(crate) from: Number,
    /// When it began, in milliseconds since 1970.
    pub(crate) at: i64,
    /// How long it is, in milliseconds; `None` until its file is closed.
    pub(crate) length: Option<i64>,
    /// Whether somebody has listened to it.
    #[serde(default)]
    pub(crate) heard: bool,
}

impl RecordingRow {
    /// When it began.
    pub(crate) fn began(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(self.at).unwrap_or(0))
    }

    /// How long it is.
    pub(crate) fn length(&self) -> Duration {
        let millis = self.length.and_then(|length| u64::try_from(length).ok());
        Duration::from_millis(millis.unwrap_or(0))
    }
}

/// A change of what is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecordingItem {
    /// It began, or its file is closed. What was said of it first stays, but its length.
    Put(Box<RecordingRow>),
    /// Somebody has listened to it, or is to listen again.
    Heard { id: RecordingId, heard: bool },
    /// Its file is gone.
    Gone { id: RecordingId },
}

/// Which are wanted, newest first. Those whose file is not closed are in no list but
/// [`Self::open`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RecordingQuery {
    /// Messages (`true`), recordings of calls (`false`), or both.
    pub(crate) messages: Option<bool>,
    pub(crate) id: Option<String>,
    pub(crate) mailbox: Option<String>,
    pub(crate) call: Option<String>,
    /// Who is recorded.
    pub(crate) from: Option<String>,
    pub(crate) heard: Option<bool>,
    /// Began before this, in milliseconds since 1970.
    pub(crate) until: Option<i64>,
    /// Only what comes after this one in the list: its `at` and id.
    pub(crate) before: Option<(i64, RecordingId)>,
    /// Those whose file is not closed.
    pub(crate) open: bool,
    /// At most so many.
    pub(crate) limit: usize,
}

/// Tables of recordings, for `MIGRATIONS`.
pub(super) const TABLE: &str = "
    CREATE TABLE recordings (
        id      TEXT PRIMARY KEY,
        call    TEXT NOT NULL,
        mailbox TEXT,
        caller  TEXT NOT NULL,
        at      INTEGER NOT NULL,
        length  INTEGER,
        heard   INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE INDEX recordings_by_time ON recordings (at, id);
    CREATE INDEX recordings_by_call ON recordings (call);
    CREATE INDEX recordings_by_mailbox ON recordings (mailbox, at, id);
    CREATE INDEX recordings_by_caller ON recordings (caller);
";

// What waited in the spool comes after what is newer: a beginning says nothing of the end.
const PUT: &str = "
    INSERT INTO recordings (id, call, mailbox, caller, at, length) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (id) DO UPDATE SET length = excluded.length WHERE excluded.length IS NOT NULL";
const HEARD: &str = "UPDATE recordings SET heard = ?2 WHERE id = ?1";
const GONE: &str = "DELETE FROM recordings WHERE id = ?1";

/// The statements of one batch.
pub(super) struct Puts<'c> {
    put: Statement<'c>,
    heard: Statement<'c>,
    gone: Statement<'c>,
}

impl<'c> Puts<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            put: connection.prepare(PUT)?,
            heard: connection.prepare(HEARD)?,
            gone: connection.prepare(GONE)?,
        })
    }

    pub(super) fn write(&mut self, item: &RecordingItem) -> rusqlite::Result<()> {
        match item {
            RecordingItem::Put(row) => self.put.execute(params![
                row.id.as_str(),
                row.call.as_str(),
                row.mailbox.as_ref().map(Mailbox::as_str),
                row.from.as_str(),
                row.at,
                row.length,
            ]),
            RecordingItem::Heard { id, heard } => self.heard.execute(params![id.as_str(), heard]),
            RecordingItem::Gone { id } => self.gone.execute([id.as_str()]),
        }
        .map(drop)
    }
}

pub(super) fn find(
    connection: &Connection,
    query: &RecordingQuery,
) -> rusqlite::Result<Vec<RecordingRow>> {
    let (sql, values) = select(query);
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(values), read)?;
    rows.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<RecordingRow> {
    Ok(RecordingRow {
        id: RecordingId::new(row.get::<_, String>(0)?),
        call: CallId::new(row.get::<_, String>(1)?),
        mailbox: row.get::<_, Option<String>>(2)?.map(Mailbox::new),
        from: Number::new(row.get::<_, String>(3)?),
        at: row.get(4)?,
        length: row.get(5)?,
        heard: row.get(6)?,
    })
}

/// The question in SQL: only fixed text is joined, every value is bound.
fn select(query: &RecordingQuery) -> (String, Vec<Value>) {
    let mut sql = String::from(
        "SELECT id, call, mailbox, caller, at, length, heard FROM recordings WHERE length IS ",
    );
    sql.push_str(if query.open { "NULL" } else { "NOT NULL" });
    let mut values: Vec<Value> = Vec::new();
    let mut add = |condition: &str, bound: Vec<Value>| {
        sql.push_str(condition);
        values.extend(bound);
    };
    match query.messages {
        Some(true) => add(" AND mailbox IS NOT NULL", Vec::new()),
        Some(false) => add(" AND mailbox IS NULL", Vec::new()),
        None => {}
    }
    for (column, value) in [
        (" AND id = ?", &query.id),
        (" AND mailbox = ?", &query.mailbox),
        (" AND call = ?", &query.call),
        (" AND caller = ?", &query.from),
    ] {
        if let Some(value) = value {
            add(column, vec![value.clone().into()]);
        }
    }
    if let Some(heard) = query.heard {
        add(" AND heard = ?", vec![i64::from(heard).into()]);
    }
    if let Some(until) = query.until {
        add(" AND at < ?", vec![until.into()]);
    }
    if let Some((at, id)) = &query.before {
        let place = vec![(*at).into(), id.as_str().to_owned().into()];
        add(" AND (at, id) < (?, ?)", place);
    }
    let most = i64::try_from(query.limit).unwrap_or(i64::MAX);
    add(" ORDER BY at DESC, id DESC LIMIT ?", vec![most.into()]);
    (sql, values)
}

/// How long ago something began, as the rows have it.
pub(crate) fn ago(now: SystemTime, time: Duration) -> i64 {
    millis(now).saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}
