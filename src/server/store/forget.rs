//! Erasing a person by number, with a receipt that does not name the number.
//!
//! Invariant: what waits for the database is in it before anything is erased, and all that
//! is kept of a number goes in one transaction, or stays. A table that comes to hold numbers
//! or names has an entry in [`ERASERS`].

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use exchange::model::{ERASED, Telephone};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Store, StoreError, millis};

/// Receipts of one page, the latest.
const RECEIPTS: usize = 1000;

/// That somebody was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    /// By which it is found again. It follows from nothing: not from the number either.
    pub(crate) id: String,
    /// When, as RFC 3339 in UTC.
    pub(crate) at: String,
    /// How many rows of each kind were erased or changed.
    pub(crate) erased: BTreeMap<String, u64>,
}

/// Whom to erase: the number, and in the table `erased_calls` the calls it made.
struct Whom<'a> {
    connection: &'a Connection,
    number: &'a Telephone,
}

/// Erases one kind of thing; the answer is how many there were.
type Eraser = fn(&Whom<'_>) -> rusqlite::Result<u64>;

/// Everything that is kept of a person, by the names that the receipt has.
const ERASERS: &[(&str, Eraser)] = &[
    ("customers", |whom| {
        let sql = "DELETE FROM customers WHERE digits = ?1";
        let gone = whom.connection.execute(sql, [whom.number.digits()])?;
        Ok(count(gone))
    }),
    ("records", |whom| {
        let sql =
            "SELECT id, revision, data FROM records WHERE id IN (SELECT id FROM erased_calls)";
        let update = "UPDATE records SET data = ?3 WHERE id = ?1 AND revision = ?2";
        whom.replace(sql, update, [])
    }),
    ("events", |whom| {
        let update = "UPDATE events SET data = ?3 WHERE boot = ?1 AND sequence = ?2";
        let sql = "SELECT boot, sequence, data FROM events
            WHERE call IN (SELECT id FROM erased_calls)";
        let own = whom.replace(sql, update, [])?;
        // Calls of others that were handed on to the number.
        let sql = "SELECT boot, sequence, data FROM events WHERE kind = 'transferred'
            AND iif(json_valid(data), json_extract(data, '$.to'), NULL) IN (?1, ?2, ?3)";
        Ok(own + whom.replace(sql, update, whom.number.ways())?)
    }),
];

/// The calls that a number made, from records and from events: one of the two may be lost.
const CALLS: &str = "
    INSERT OR IGNORE INTO erased_calls
    SELECT id FROM records
    WHERE iif(json_valid(data), json_extract(data, '$.from'), NULL) IN (?1, ?2, ?3)
    UNION
    SELECT call FROM events
    WHERE kind IN ('call_started', 'call_rejected') AND call IS NOT NULL
    AND iif(json_valid(data), json_extract(data, '$.from'), NULL) IN (?1, ?2, ?3)";

impl Whom<'_> {
    /// Replaces the number in the JSON of rows, and counts those where it stood.
    fn replace<const N: usize>(
        &self,
        select: &str,
        update: &str,
        values: [String; N],
    ) -> rusqlite::Result<u64> {
        let ways = self.number.ways();
        let mut update = self.connection.prepare(update)?;
        let mut select = self.connection.prepare(select)?;
        let mut found: Vec<(String, rusqlite::types::Value, String)> = Vec::new();
        let mut rows = select.query(rusqlite::params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            let text: String = row.get(2)?;
            let mut value: Value = serde_json::from_str(&text).unwrap_or_default();
            if replace(&mut value, &ways) {
                found.push((row.get(0)?, row.get(1)?, value.to_string()));
            }
        }
        for (first, second, text) in &found {
            update.execute(params![first, second, text])?;
        }
        Ok(count(found.len()))
    }
}

/// Whether the number stood anywhere in it, where [`ERASED`] stands afterwards.
fn replace(value: &mut Value, ways: &[String]) -> bool {
    match value {
        Value::String(text) if ways.contains(text) => {
            ERASED.clone_into(text);
            true
        }
        // All of them, not only the first that has it.
        Value::Array(items) => {
            let mut found = false;
            items
                .iter_mut()
                .for_each(|item| found |= replace(item, ways));
            found
        }
        Value::Object(fields) => {
            let mut found = false;
            let values = fields.values_mut();
            values.for_each(|value| found |= replace(value, ways));
            found
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

fn forget(
    connection: &Connection,
    number: &Telephone,
    mut receipt: Receipt,
    now: i64,
) -> rusqlite::Result<Receipt> {
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS erased_calls (id TEXT PRIMARY KEY);
        DELETE FROM erased_calls;",
    )?;
    connection.execute(CALLS, number.ways())?;
    let whom = Whom { connection, number };
    for (what, erase) in ERASERS {
        let erased = erase(&whom)?;
        receipt.erased.insert((*what).to_owned(), erased);
    }
    connection.execute("DELETE FROM erased_calls", [])?;
    let data = serde_json::to_string(&receipt)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let sql = "INSERT INTO receipts (id, at, data) VALUES (?1, ?2, ?3)";
    connection.execute(sql, params![receipt.id, now, data])?;
    Ok(receipt)
}

impl Store {
    /// Erases all that is kept of a number; `id` names the receipt and must be new.
    ///
    /// # Errors
    /// When the database cannot be written, or not everything that waits for it. Nothing
    /// is erased then.
    pub(crate) fn forget(
        &self,
        number: Telephone,
        id: String,
        now: SystemTime,
        patience: Duration,
    ) -> Result<Receipt, StoreError> {
        let at = jiff::Timestamp::try_from(now).map(|at| format!("{at:.3}"));
        let receipt = Receipt {
            id,
            at: at.unwrap_or_default(),
            erased: BTreeMap::new(),
        };
        self.work(true, patience, move |database| {
            database.shred(true)?;
            let done =
                database.change(|connection| forget(connection, &number, receipt, millis(now)));
            // Whatever became of it: the next writes are plain ones.
            database.shred(false)?;
            done
        })
    }

    /// The latest receipts, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn receipts(&self) -> Result<Vec<Receipt>, StoreError> {
        let texts: Vec<String> = self.reader.ask(|connection| {
            let sql = format!("SELECT data FROM receipts ORDER BY at DESC, id LIMIT {RECEIPTS}");
            let mut statement = connection.prepare(&sql).map_err(self.reader.trouble())?;
            let rows = statement.query_map([], |row| row.get(0));
            let rows = rows.map_err(self.reader.trouble())?;
            rows.collect::<Result<_, _>>()
                .map_err(self.reader.trouble())
        })?;
        let receipts = texts.iter().map(|text| serde_json::from_str(text));
        Ok(receipts.collect::<Result<_, _>>()?)
    }
}
