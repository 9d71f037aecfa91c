//! Calls that an earlier process began and did not live to end: each has a record too.
//!
//! # Why
//! Whoever called when the machine went down is the caller whom somebody should call back.
//! The events of such a call are in the database but for the last moment; which calls those
//! are stands in a table of its own, so that it costs no search among all that ever were.

use std::time::{Duration, UNIX_EPOCH};

use exchange::call::{CallbackKey, Comeback, wall_ms};
use exchange::model::Telephone;
use exchange::record::{Lost, StoredEvent, lost};
use rusqlite::{Connection, Statement, params};

use super::{Store, StoreError};

/// For `MIGRATIONS`.
pub(super) const TABLE: &str = "
    CREATE TABLE open_calls (
        id   TEXT PRIMARY KEY,
        boot TEXT NOT NULL
    ) WITHOUT ROWID;
";

// What waited in the spool comes after what is newer: a call may have its record already.
const BEGIN: &str = "
    INSERT INTO open_calls (id, boot)
    SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM records WHERE id = ?1)
    ON CONFLICT (id) DO NOTHING";

const END: &str = "DELETE FROM open_calls WHERE id = ?1";

/// Notes which calls go on.
pub(super) struct OpenCalls<'a> {
    begin: Statement<'a>,
    end: Statement<'a>,
}

impl<'a> OpenCalls<'a> {
    pub(super) fn prepare(connection: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            begin: connection.prepare(BEGIN)?,
            end: connection.prepare(END)?,
        })
    }

    pub(super) fn event(&mut self, boot: &str, event: &StoredEvent) -> rusqlite::Result<()> {
        if event.kind == "call_started" {
            let call = event.call.as_ref().map(|call| call.as_str());
            self.begin.execute(params![call, boot])?;
        }
        Ok(())
    }

    pub(super) fn ended(&mut self, call: &str) -> rusqlite::Result<()> {
        self.end.execute([call]).map(drop)
    }
}

impl Store {
    /// Gives each call that an earlier process lost its record; how many there were, and
    /// who so lost a place. What stands in the spool is in the database before.
    ///
    /// # Errors
    /// When the database cannot be written; the next start tries again.
    pub(crate) fn close_lost_calls(
        &self,
        patience: Duration,
    ) -> Result<(usize, Vec<Comeback>), StoreError> {
        let boot = self.boot.clone();
        self.work(true, patience, move |database| {
            database.change(|connection| close(connection, &boot))
        })
    }
}

fn close(connection: &Connection, boot: &str) -> rusqlite::Result<(usize, Vec<Comeback>)> {
    let mut open = connection.prepare("SELECT id FROM open_calls WHERE boot <> ?1")?;
    let calls = open.query_map([boot], |row| row.get::<_, String>(0))?;
    let calls = calls.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut put = connection.prepare(super::sqlite::PUT_RECORD)?;
    let (mut count, mut comebacks) = (0, Vec::new());
    for call in &calls {
        // One whose beginning is not kept any more is nobody's.
        if let Some(lost) = lost(&events(connection, call)?) {
            super::sqlite::write_record(&mut put, &lost.record)?;
            count += 1;
            comebacks.extend(comeback(&lost));
        }
    }
    connection.execute("DELETE FROM open_calls WHERE boot <> ?1", [boot])?;
    Ok((count, comebacks))
}

/// Whoever does not say who calls cannot be known again.
fn comeback(lost: &Lost) -> Option<Comeback> {
    let record = &lost.record;
    Telephone::read(record.from.as_str())?;
    Some(Comeback {
        key: CallbackKey {
            queue: record.queue.clone()?,
            number: record.from.clone(),
        },
        since_ms: wall_ms(lost.queued?),
        lost_ms: wall_ms(record.ended),
    })
}

fn events(connection: &Connection, call: &str) -> rusqlite::Result<Vec<StoredEvent>> {
    let mut events = connection.prepare_cached(
        "SELECT sequence, at, kind, data FROM events WHERE call = ?1 ORDER BY sequence",
    )?;
    let events = events.query_map([call], |row| {
        let at = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
        let data = row.get::<_, String>(3)?;
        Ok(StoredEvent {
            sequence: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
            at: UNIX_EPOCH + Duration::from_millis(at),
            kind: row.get(2)?,
            call: Some(call.into()),
            data: serde_json::from_str(&data).unwrap_or_default(),
        })
    })?;
    events.collect()
}
