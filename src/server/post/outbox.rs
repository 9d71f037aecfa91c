//! What is on its way to webhooks, in a file of its own beside the database.
//!
//! Invariant: a delivery is in the file from before it is first tried until it has arrived
//! or is given up.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exchange::model::{Event, Telephone};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

/// Deliveries of one webhook that may wait; more are given up.
const WAITING: i64 = 100_000;
/// How long another process may have the file.
const PATIENCE: Duration = Duration::from_secs(1);

const TABLES: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    hook TEXT NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    due INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    body TEXT NOT NULL,
    UNIQUE (hook, id)
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_by_hook ON outbox (hook, number);
";

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) hook: String,
    /// The same in every try.
    pub(super) id: String,
    /// When it happened.
    pub(super) at: SystemTime,
    /// JSON.
    pub(super) body: String,
}

/// A delivery that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) number: i64,
    /// Tries before this one.
    pub(super) tries: u32,
    pub(super) id: String,
    /// When it happened.
    pub(super) at: SystemTime,
    pub(super) body: String,
}

/// The file.
#[derive(Debug)]
pub(super) struct Outbox {
    connection: Connection,
}

impl Outbox {
    /// Where that of a database is.
    pub(super) fn beside(database: &Path) -> PathBuf {
        let mut name = database.as_os_str().to_owned();
        name.push(".outbox");
        name.into()
    }

    pub(super) fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch(TABLES)?;
        Ok(Self { connection })
    }

    /// Takes deliveries in; the webhooks of those for which there was no room.
    pub(super) fn add(&mut self, deliveries: &[Delivery]) -> rusqlite::Result<Vec<String>> {
        let mut over = Vec::new();
        if deliveries.is_empty() {
            return Ok(over);
        }
        let work = self.connection.transaction()?;
        // Counted once: of a webhook that is down, many wait.
        let mut rooms = BTreeMap::new();
        for delivery in deliveries {
            let hook = delivery.hook.as_str();
            let room = match rooms.entry(hook) {
                Entry::Occupied(room) => room.into_mut(),
                Entry::Vacant(room) => room.insert(WAITING - waiting(&work, hook)?),
            };
            if *room <= 0 {
                over.push(delivery.hook.clone());
                continue;
            }
            *room -= 1;
            let mut put = work.prepare(
                "INSERT OR IGNORE INTO outbox (hook, id, at, due, body) VALUES (?1, ?2, ?3, ?3, ?4)",
            )?;
            let at = millis(delivery.at);
            put.execute(params![delivery.hook, delivery.id, at, delivery.body])?;
        }
        work.commit()?;
        Ok(over)
    }

    /// The oldest delivery of a webhook that may be tried.
    pub(super) fn next(&self, hook: &str, now: SystemTime) -> rusqlite::Result<Option<Due>> {
        let mut find = self.connection.prepare(
            "SELECT number, tries, id, at, body FROM outbox
             WHERE hook = ?1 AND due <= ?2 ORDER BY number LIMIT 1",
        )?;
        let found = find.query_row(params![hook, millis(now)], |row| {
            Ok(Due {
                number: row.get(0)?,
                tries: row.get(1)?,
                id: row.get(2)?,
                at: moment(row.get(3)?),
                body: row.get(4)?,
            })
        });
        found.optional()
    }

    /// It has arrived.
    pub(super) fn arrived(&self, number: i64) -> rusqlite::Result<()> {
        let mut gone = self
            .connection
            .prepare("DELETE FROM outbox WHERE number = ?1")?;
        gone.execute([number]).map(drop)
    }

    /// It has not arrived, and is tried again then.
    pub(super) fn again(&self, number: i64, due: SystemTime) -> rusqlite::Result<()> {
        let mut later = self
            .connection
            .prepare("UPDATE outbox SET due = ?2, tries = tries + 1 WHERE number = ?1")?;
        later.execute(params![number, millis(due)]).map(drop)
    }

    /// Gives up what is for nobody any more; how many.
    pub(super) fn keep_only(&mut self, hooks: &[&str]) -> rusqlite::Result<u64> {
        let work = self.connection.transaction()?;
        let known = serde_json::json!(hooks).to_string();
        let count = work.execute(
            "DELETE FROM outbox WHERE hook NOT IN (SELECT value FROM json_each(?1))",
            [known],
        )?;
        work.commit()?;
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// Takes a number, and what flows told of its calls, out of what waits; how many
    /// deliveries had any of it.
    pub(super) fn erase(
        &mut self,
        number: &Telephone,
        calls: &BTreeSet<String>,
    ) -> rusqlite::Result<u64> {
        let work = self.connection.transaction()?;
        let mut erased: Vec<(i64, String)> = Vec::new();
        {
            let mut find = work.prepare("SELECT number, body FROM outbox")?;
            let mut rows = find.query([])?;
            while let Some(row) = rows.next()? {
                let body = erase(&row.get::<_, String>(1)?, number, calls);
                if let Some(body) = body {
                    erased.push((row.get(0)?, body));
                }
            }
            let mut put = work.prepare("UPDATE outbox SET body = ?2 WHERE number = ?1")?;
            for (number, body) in &erased {
                put.execute(params![number, body])?;
            }
        }
        work.commit()?;
        // What was erased stands in the file beside it until then.
        self.connection
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE);")?;
        Ok(u64::try_from(erased.len()).unwrap_or(u64::MAX))
    }

    /// How many wait.
    pub(super) fn waiting(&self, hook: &str) -> rusqlite::Result<i64> {
        waiting(&self.connection, hook)
    }
}

/// A body without the number; `None` when there is nothing of it in it.
fn erase(body: &str, number: &Telephone, calls: &BTreeSet<String>) -> Option<String> {
    let mut event: Value = serde_json::from_str(body).ok()?;
    let of = event.get("call").and_then(Value::as_str);
    let own = of.is_some_and(|call| calls.contains(call));
    let kind = event.get("kind").and_then(Value::as_str);
    let kind = kind.filter(|_| own).unwrap_or_default().to_owned();
    let said = event.get_mut("data")?;
    Event::erase_kept(&kind, said, number).then(|| event.to_string())
}

fn waiting(connection: &Connection, hook: &str) -> rusqlite::Result<i64> {
    let mut count = connection.prepare("SELECT count(*) FROM outbox WHERE hook = ?1")?;
    count.query_row([hook], |row| row.get(0))
}

fn moment(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

fn millis(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn delivery(hook: &str, id: &str, seconds: u64) -> Delivery {
        Delivery {
            hook: hook.into(),
            id: id.into(),
            at: at(seconds),
            body: format!("{{\"id\":\"{id}\"}}"),
        }
    }

    #[test]
    fn nothing_of_a_forgotten_number_is_delivered() {
        let folder = std::env::temp_dir().join(format!("centrale-erased-{}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).unwrap();
        let path = Outbox::beside(&folder.join("a.db"));
        let mut outbox = Outbox::open(&path).unwrap();
        let event = |id: &str, kind: &str, call: &str, data: Value| Delivery {
            body: serde_json::json!({"id": id, "kind": kind, "call": call, "data": data})
                .to_string(),
            ..delivery("crm", id, 10)
        };
        let from = |number: &str| serde_json::json!({"from": number, "to": "1000"});
        let told = || serde_json::json!({"name": "n", "data": {"who": "Zoe"}});
        let all = [
            event("1", "call_started", "c1", from("0031612345678")),
            event("2", "notified", "c1", told()),
            event("3", "queued", "c1", serde_json::json!({"queue": "support"})),
            event("4", "call_started", "c2", from("+31612345679")),
            event("5", "notified", "c2", told()),
        ];
        outbox.add(&all).unwrap();
        let zoe = Telephone::read("+31612345678").unwrap();
        let calls = BTreeSet::from(["c1".to_owned()]);
        assert_eq!(outbox.erase(&zoe, &calls).unwrap(), 2);
        assert_eq!(outbox.erase(&zoe, &calls).unwrap(), 0, "again");
        let mut data = Vec::new();
        for id in ["1", "2", "3", "4", "5"] {
            let due = outbox.next("crm", at(10)).unwrap().unwrap();
            assert_eq!(due.id, id);
            let body: Value = serde_json::from_str(&due.body).unwrap();
            assert_eq!(body["id"], id);
            data.push(body["data"].clone());
            outbox.arrived(due.number).unwrap();
        }
        let expected = [
            from("erased"),
            serde_json::json!({"name": "n", "data": {}}),
            serde_json::json!({"queue": "support"}),
            from("+31612345679"),
            told(),
        ];
        assert_eq!(data, expected);
        drop(outbox);
        let bytes = std::fs::read(&path).unwrap();
        for trace in ["31612345678", "Zoe"] {
            let found = memchr::memmem::find(&bytes, trace.as_bytes());
            assert_eq!(found, None, "{trace} is in no free page either");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn deliveries_go_in_order_come_again_and_are_given_up() {
        let folder = std::env::temp_dir().join(format!("centrale-outbox-{}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).unwrap();
        let path = Outbox::beside(&folder.join("a.db"));
        let mut outbox = Outbox::open(&path).unwrap();
        let all = ["1", "2", "3"].map(|id| delivery("crm", id, 10));
        assert_eq!(outbox.add(&all).unwrap(), Vec::<String>::new());
        outbox
            .add(&[delivery("crm", "2", 10), delivery("old", "9", 10)])
            .unwrap();
        assert_eq!(
            outbox.waiting("crm").unwrap(),
            3,
            "the same one counts once"
        );
        let next = |outbox: &Outbox, now| {
            let due = outbox.next("crm", at(now)).unwrap();
            due.map(|due| (due.id, due.tries))
        };
        assert_eq!(next(&outbox, 9), None);
        assert_eq!(next(&outbox, 10), Some(("1".into(), 0)));
        let first = outbox.next("crm", at(10)).unwrap().unwrap();
        outbox.again(first.number, at(20)).unwrap();
        assert_eq!(next(&outbox, 10), Some(("2".into(), 0)));
        let second = outbox.next("crm", at(10)).unwrap().unwrap();
        outbox.arrived(second.number).unwrap();
        drop(outbox);
        let mut outbox = Outbox::open(&path).unwrap();
        assert_eq!(next(&outbox, 20), Some(("1".into(), 1)));
        assert_eq!(outbox.keep_only(&["crm"]).unwrap(), 1);
        assert_eq!(outbox.waiting("crm").unwrap(), 2);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
