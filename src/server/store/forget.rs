//! Erasing a person by number, with a receipt that does not name the number.
//!
//! Invariant: what waits for the database is in it before anything is erased, and all that
//! is kept of a number goes in one transaction, or stays. A table that comes to hold numbers
//! or names has an entry in [`ERASERS`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use exchange::model::{ERASED, Event, RecordingId, Telephone};
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

/// What is kept of a number beside the tables, and by which it is found there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traces {
    /// The calls that it made.
    pub(crate) calls: BTreeSet<String>,
    /// Its recordings and messages, those included that are being made.
    pub(crate) recordings: Vec<RecordingId>,
}

/// An index for the number that a callback was promised to, for `MIGRATIONS`.
pub(super) const INDEX: &str = "
    CREATE INDEX events_by_promise
        ON events (iif(json_valid(data), json_extract(data, '$.number'), NULL))
        WHERE kind = 'callback_promised';
";

/// Whom to erase: the number, and in the table `erased_calls` the calls it made.
struct Whom<'a> {
    connection: &'a Connection,
    number: &'a Telephone,
    /// Ids of recordings whose files are gone, as a JSON array.
    recordings: &'a str,
    /// Milliseconds since 1970.
    now: i64,
}

/// Erases one kind of thing; the answer is how many there were.
type Eraser = fn(&Whom<'_>) -> rusqlite::Result<u64>;

/// Everything that is kept of a person, by the names that the receipt has.
const ERASERS: &[(&str, Eraser)] = &[
    ("callbacks", |whom| {
        // A row without the number stays for a while: a shard that ends the promise, or
        // notes an attempt, may be on its way to say so with it.
        let sql = "UPDATE callbacks
            SET at = ?4, over = 1, number = ?5, promised = 0, data = '{}'
            WHERE number IN (?1, ?2, ?3)";
        let [digits, plus, zeros] = whom.number.ways();
        let later = whom.now.saturating_add(LATER_NOTES);
        let values = params![digits, plus, zeros, later, ERASED];
        Ok(count(whom.connection.execute(sql, values)?))
    }),
    ("customers", |whom| {
        let sql = "DELETE FROM customers WHERE digits = ?1";
        let gone = whom.connection.execute(sql, [whom.number.digits()])?;
        Ok(count(gone))
    }),
    ("records", |whom| {
        let sql = "SELECT id, revision, data, 'carried' FROM records WHERE id IN (SELECT id FROM erased_calls)";
        let update = "UPDATE records SET data = ?3 WHERE id = ?1 AND revision = ?2";
        whom.replace(sql, update, [])
    }),
    ("events", |whom| {
        let update = "UPDATE events SET data = ?3 WHERE boot = ?1 AND sequence = ?2";
        let sql = "SELECT boot, sequence, data, kind FROM events
            WHERE call IN (SELECT id FROM erased_calls)";
        let own = whom.replace(sql, update, [])?;
        // Calls of others that were handed on to the number, or for which it was promised
        // to be called.
        let promised = "SELECT boot, sequence, data, '' FROM events
            WHERE kind = 'callback_promised'
            AND iif(json_valid(data), json_extract(data, '$.number'), NULL) IN (?1, ?2, ?3)";
        let own = own + whom.replace(promised, update, whom.number.ways())?;
        let sql = "SELECT boot, sequence, data, '' FROM events WHERE kind = 'transferred'
            AND iif(json_valid(data), json_extract(data, '$.to'), NULL) IN (?1, ?2, ?3)";
        Ok(own + whom.replace(sql, update, whom.number.ways())?)
    }),
    ("messages", |whom| whom.unlist("mailbox IS NOT NULL")),
    ("recordings", |whom| whom.unlist("mailbox IS NULL")),
];

/// What is told later of a callback of before comes within this, in milliseconds.
const LATER_NOTES: i64 = 3_600_000;

/// The calls that a number made, from records and from events: one of the two may be lost.
const CALLS: &str = "
    SELECT id FROM records
    WHERE iif(json_valid(data), json_extract(data, '$.from'), NULL) IN (?1, ?2, ?3)
    UNION
    SELECT call FROM events
    WHERE kind IN ('call_started', 'call_rejected') AND call IS NOT NULL
    AND iif(json_valid(data), json_extract(data, '$.from'), NULL) IN (?1, ?2, ?3)";

impl Whom<'_> {
    /// Takes recordings whose files are gone out of the list.
    fn unlist(&self, which: &str) -> rusqlite::Result<u64> {
        let sql = format!(
            "DELETE FROM recordings WHERE {which} AND id IN (SELECT value FROM json_each(?1))"
        );
        Ok(count(self.connection.execute(&sql, [self.recordings])?))
    }

    /// Replaces the number in the JSON of rows, whose kind comes last, and counts those where
    /// it stood.
    fn replace<const N: usize>(
        &self,
        select: &str,
        update: &str,
        values: [String; N],
    ) -> rusqlite::Result<u64> {
        let mut update = self.connection.prepare(update)?;
        let mut select = self.connection.prepare(select)?;
        let mut found: Vec<(String, rusqlite::types::Value, String)> = Vec::new();
        let mut rows = select.query(rusqlite::params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            let text: String = row.get(2)?;
            let mut value: Value = serde_json::from_str(&text).unwrap_or_default();
            let kind: String = row.get(3)?;
            if Event::erase_kept(&kind, &mut value, self.number) {
                found.push((row.get(0)?, row.get(1)?, value.to_string()));
            }
        }
        for (first, second, text) in &found {
            update.execute(params![first, second, text])?;
        }
        Ok(count(found.len()))
    }
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// What is kept of a number beside the tables.
fn traces(connection: &Connection, number: &Telephone) -> rusqlite::Result<Traces> {
    let mut find = connection.prepare(CALLS)?;
    let calls = find.query_map(number.ways(), |row| row.get(0))?;
    let calls: BTreeSet<String> = calls.collect::<Result<_, _>>()?;
    let [digits, plus, zeros] = number.ways();
    let mut find = connection.prepare(
        "SELECT id FROM recordings WHERE caller IN (?1, ?2, ?3)
        UNION SELECT id FROM recordings WHERE call IN (SELECT value FROM json_each(?4))",
    )?;
    let values = params![digits, plus, zeros, super::sqlite::json(&calls)?];
    let recordings = find.query_map(values, |row| row.get::<_, String>(0).map(RecordingId::new))?;
    let recordings = recordings.collect::<Result<_, _>>()?;
    Ok(Traces { calls, recordings })
}

fn forget(
    connection: &Connection,
    (number, recordings): (&Telephone, &[RecordingId]),
    mut receipt: Receipt,
    now: i64,
) -> rusqlite::Result<Receipt> {
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS erased_calls (id TEXT PRIMARY KEY);
        DELETE FROM erased_calls;",
    )?;
    let insert = format!("INSERT OR IGNORE INTO erased_calls {CALLS}");
    connection.execute(&insert, number.ways())?;
    let whom = Whom {
        connection,
        number,
        recordings: &super::sqlite::json(&recordings)?,
        now,
    };
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
    /// What is kept of a number beside the tables. Blocks up to `patience`.
    ///
    /// # Errors
    /// As of [`Self::forget`].
    pub(crate) fn traces(
        &self,
        number: &Telephone,
        patience: Duration,
    ) -> Result<Traces, StoreError> {
        let number = number.clone();
        self.work(true, patience, move |database| {
            database.change(|connection| traces(connection, &number))
        })
    }

    /// Erases all that is kept of a number; `id` names the receipt and must be new. Of
    /// `recordings` the files are gone already; `erased` is what went before, by kind.
    ///
    /// # Errors
    /// When the database cannot be written, or not everything that waits for it. Nothing
    /// is erased then.
    pub(crate) fn forget(
        &self,
        number: &Telephone,
        recordings: Vec<RecordingId>,
        (id, erased, now): (String, BTreeMap<String, u64>, SystemTime),
        patience: Duration,
    ) -> Result<Receipt, StoreError> {
        let at = jiff::Timestamp::try_from(now).map(|at| format!("{at:.3}"));
        let receipt = Receipt {
            id,
            at: at.unwrap_or_default(),
            erased,
        };
        let number = number.clone();
        self.work(true, patience, move |database| {
            database.shred(true)?;
            let whom = (&number, recordings.as_slice());
            let done = database.change(|connection| forget(connection, whom, receipt, millis(now)));
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
