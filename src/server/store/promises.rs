//! Callbacks in the database.

use std::time::{Duration, SystemTime};

use exchange::call::{Callback, Keep, wall_ms};
use exchange::model::Number;
use rusqlite::{Connection, Statement, params};
use serde::{Deserialize, Serialize};

use super::millis;

/// The table.
pub(super) const TABLE: &str = "
    CREATE TABLE callbacks (
        id       TEXT PRIMARY KEY,
        at       INTEGER NOT NULL,
        over     INTEGER NOT NULL,
        number   TEXT NOT NULL,
        promised INTEGER NOT NULL,
        data     TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX callbacks_by_time ON callbacks (at);
";

// What waited in the spool comes after what is newer; what is over stays over.
pub(super) const PUT: &str = "
    INSERT INTO callbacks (id, at, over, number, promised, data)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (id) DO UPDATE SET
        at = excluded.at, over = excluded.over, data = excluded.data
    WHERE excluded.over > callbacks.over
        OR (excluded.over = callbacks.over AND excluded.at >= callbacks.at)";

/// Those that are over are kept so long: they count for what a number may be promised.
const KEPT: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3600);

/// A callback, as it was at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Noted {
    /// Milliseconds since 1970.
    at: i64,
    over: bool,
    callback: Callback,
}

impl Noted {
    pub(crate) fn new(keep: Keep, at: SystemTime) -> Self {
        let (over, callback) = match keep {
            Keep::Pending(callback) => (false, callback),
            Keep::Over(callback) => (true, callback),
        };
        let at = millis(at);
        Self { at, over, callback }
    }
}

/// What an earlier process promised.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Promises {
    /// Who is still to be called.
    pub(crate) pending: Vec<Callback>,
    /// The promises of the last hour that are over, with when they were made: milliseconds
    /// since 1970.
    pub(crate) over: Vec<(Number, u64)>,
}

pub(super) fn put(put: &mut Statement<'_>, noted: &Noted) -> rusqlite::Result<()> {
    let callback = &noted.callback;
    put.execute(params![
        callback.id.as_str(),
        noted.at,
        noted.over,
        callback.number.as_str(),
        i64::try_from(callback.promised_ms).unwrap_or(i64::MAX),
        super::sqlite::json(callback)?,
    ])?;
    Ok(())
}

/// Forgets those that are over for long.
pub(super) fn forget(connection: &Connection, now: SystemTime) -> rusqlite::Result<()> {
    let before = millis(now.checked_sub(KEPT).unwrap_or(SystemTime::UNIX_EPOCH));
    connection
        .execute(
            "DELETE FROM callbacks WHERE over = 1 AND at < ?1",
            params![before],
        )
        .map(drop)
}

/// Everything that is pending, and what counts of the rest.
pub(super) fn read(connection: &Connection, now: SystemTime) -> rusqlite::Result<Promises> {
    let sql = "SELECT over, number, promised, data FROM callbacks";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let hour = u64::try_from(HOUR.as_millis()).unwrap_or(u64::MAX);
    let mut promises = Promises::default();
    while let Some(row) = rows.next()? {
        if row.get::<_, bool>(0)? {
            let promised = u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0);
            if wall_ms(now).saturating_sub(promised) < hour {
                let number = Number::new(row.get::<_, String>(1)?);
                promises.over.push((number, promised));
            }
        } else {
            // What a later version wrote is as if it were not there.
            let callback = serde_json::from_str(&row.get::<_, String>(3)?).ok();
            promises.pending.extend(callback);
        }
    }
    Ok(promises)
}
