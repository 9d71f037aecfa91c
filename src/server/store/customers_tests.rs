//! The customer base, and what is left of a number that was erased.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exchange::model::{
    Customer, CustomerDraft, CustomerKey, Event, Sequence, Stamped, Telephone, TransferKind,
};
use exchange::record::{CallRecord, StoredEvent};
use rusqlite::Connection;

use super::tests::{Folder, PATIENCE, count, record};
use super::{Column, Imported, Item, RecordQuery, Store, StoreError};

const ZOE: &str = "+31612345678";

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn telephone(text: &str) -> Telephone {
    Telephone::read(text).unwrap()
}

fn customer(json: &str) -> Customer {
    let draft: CustomerDraft = serde_json::from_str(json).unwrap();
    draft.check().unwrap()
}

fn zoe() -> Customer {
    customer(
        r#"{"number": "+31612345678", "account": "4711", "name": "Zoë", "language": "nl",
        "project": "internet", "notes": "two\nlines", "tags": ["vip"]}"#,
    )
}

fn store(folder: &Folder) -> Store {
    Store::open(&folder.database(), "boot").unwrap()
}

fn known(store: &Store, number: &str) -> Option<Customer> {
    store
        .customer(&CustomerKey::Number(telephone(number)))
        .unwrap()
}

#[test]
fn a_customer_is_found_by_number_however_written_and_by_account() {
    let folder = Folder::new();
    let store = store(&folder);
    assert!(store.put_customer(zoe(), at(0)).unwrap());
    assert!(!store.put_customer(zoe(), at(1)).unwrap());
    for number in [ZOE, "31612345678", "0031612345678", "+31 6 12345678"] {
        assert_eq!(known(&store, number), Some(zoe()), "{number}");
    }
    assert_eq!(known(&store, "0612345678"), None);
    let by_account = |account: &str| {
        store
            .customer(&CustomerKey::Account(account.into()))
            .unwrap()
    };
    assert_eq!(by_account("4711"), Some(zoe()));
    assert_eq!(by_account("471"), None);
    let second = customer(r#"{"number": "+31201234567", "account": "4711"}"#);
    store.put_customer(second.clone(), at(2)).unwrap();
    assert_eq!(by_account("4711"), Some(second), "the first by number");
    assert!(store.remove_customer(telephone(ZOE)).unwrap());
    assert!(!store.remove_customer(telephone(ZOE)).unwrap());
    assert_eq!(known(&store, ZOE), None);
}

#[test]
fn pages_go_on_where_they_ended() {
    let folder = Folder::new();
    let store = store(&folder);
    let many = (10..17).map(|n| Customer::of(telephone(&format!("{n}"))));
    store
        .import_customers(many.collect(), Vec::new(), at(0))
        .unwrap();
    let mut seen = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.customers(after.as_deref(), None, 3).unwrap();
        seen.push(page.customers.len());
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [3, 3, 1]);
    assert!(
        store
            .customers(None, Some("1"), 3)
            .unwrap()
            .customers
            .is_empty()
    );
}

#[test]
fn a_list_changes_only_the_columns_that_it_has() {
    let folder = Folder::new();
    let store = store(&folder);
    store.put_customer(zoe(), at(0)).unwrap();
    let rows = vec![
        customer(r#"{"number": "31612345678", "name": "Zoë Jansen"}"#),
        customer(r#"{"number": "1000", "name": "The lift"}"#),
    ];
    let columns = vec![Column::Name, Column::Language];
    let imported = store.import_customers(rows, columns, at(1)).unwrap();
    assert_eq!(
        imported,
        Imported {
            added: 1,
            changed: 1
        }
    );
    let expected = Customer {
        name: Some("Zoë Jansen".into()),
        language: None,
        ..zoe()
    };
    assert_eq!(known(&store, ZOE), Some(expected));
}

#[test]
fn who_talked_last_is_kept_of_customers_only() {
    let folder = Folder::new();
    let store = store(&folder);
    store.put_customer(zoe(), at(0)).unwrap();
    for (number, operator, at) in [
        ("31612345678", "alice", 20),
        // From the spool, after what is newer.
        ("31612345678", "bob", 10),
        ("1000", "alice", 30),
    ] {
        store.write(Item::Talked {
            number: number.into(),
            operator: operator.into(),
            at,
        });
    }
    assert!(store.flush(PATIENCE));
    let operator = known(&store, ZOE).unwrap().last_operator;
    assert_eq!(operator, Some("alice".into()));
    assert_eq!(count(&folder.database(), "customers"), 1);
}

#[test]
fn what_an_edit_refuses_stays() {
    let folder = Folder::new();
    let store = store(&folder);
    let edit = |number: &str, name: Option<&'static str>| {
        store.edit_customer(telephone(number), at(1), move |known| match name {
            Some(name) => Ok(Customer {
                name: Some(name.into()),
                ..known
            }),
            None => Err("no"),
        })
    };
    assert_eq!(edit(ZOE, Some("x")).unwrap(), None);
    store.put_customer(zoe(), at(0)).unwrap();
    assert_eq!(edit(ZOE, None).unwrap(), Some(Err("no")));
    assert_eq!(known(&store, ZOE), Some(zoe()));
    let renamed = edit(ZOE, Some("Zo")).unwrap().unwrap().unwrap();
    assert_eq!(known(&store, ZOE), Some(renamed));
}

/// A call of Zoë, ended, with the event of its beginning, and one that was handed on to
/// her.
fn call_of(from: &str, n: u64) -> (CallRecord, [Item; 3]) {
    let mut record = record(n);
    record.from = from.into();
    let event = |sequence, event| {
        let stamped = Stamped {
            sequence: Sequence(sequence),
            at: at(n),
            event,
        };
        Item::Event(Box::new(StoredEvent::from(&stamped)))
    };
    let started = Event::CallStarted {
        call: record.id.clone(),
        from: from.into(),
        to: "1000".into(),
        number: "1000".into(),
        flow: "welcome".into(),
        project: None,
        trunk: "local".into(),
    };
    let transferred = Event::Transferred {
        call: "other".into(),
        by: "alice".into(),
        kind: TransferKind::Number,
        to: Some(Arc::from(from)),
        attended: false,
        code: 200,
    };
    let items = [
        Item::Record(Box::new(record.clone())),
        event(n * 10, started),
        event(n * 10 + 1, transferred),
    ];
    (record, items)
}

fn erased(store: &Store, id: &str) -> Result<Vec<(String, u64)>, StoreError> {
    let traces = store.traces(&telephone(ZOE), PATIENCE)?;
    let receipt = (id.to_owned(), BTreeMap::new(), at(60));
    let receipt = store.forget(&telephone(ZOE), traces.recordings, receipt, PATIENCE)?;
    assert_eq!(receipt.at, "2023-11-14T22:14:20.000Z");
    let erased = receipt.erased.into_iter();
    Ok(erased.filter(|(_, count)| *count > 0).collect())
}

fn counts(customers: u64, events: u64, records: u64) -> Vec<(String, u64)> {
    let counts = [
        ("customers", customers),
        ("events", events),
        ("records", records),
    ];
    let counts = counts.into_iter().filter(|(_, n)| *n > 0);
    counts.map(|(what, n)| (what.to_owned(), n)).collect()
}

#[test]
fn nothing_is_left_of_a_number_that_is_forgotten() {
    let folder = Folder::new();
    let store = store(&folder);
    store.put_customer(zoe(), at(0)).unwrap();
    let mut calls = Vec::new();
    for (n, from) in [ZOE, "0031612345678", "+31612345679", "31612345678"]
        .iter()
        .enumerate()
    {
        let (record, items) = call_of(from, u64::try_from(n).unwrap());
        calls.push(record);
        for item in items {
            store.write(item);
        }
    }
    assert_eq!(erased(&store, "r1").unwrap(), counts(1, 6, 3));
    assert_eq!(erased(&store, "r2").unwrap(), counts(0, 0, 0), "again");
    let query = RecordQuery {
        limit: 10,
        ..RecordQuery::default()
    };
    let left = store.records(&query).unwrap().records;
    let from: Vec<&str> = left.iter().map(|record| record.from.as_str()).collect();
    assert_eq!(from, ["erased", "+31612345679", "erased", "erased"]);
    let mut first = calls.swap_remove(0);
    first.from = "erased".into();
    assert_eq!(left.last(), Some(&first), "the rest of it is as it was");
    let receipts = store.receipts().unwrap();
    let ids: Vec<&str> = receipts.iter().map(|receipt| receipt.id.as_str()).collect();
    assert_eq!(ids, ["r1", "r2"]);
    assert!(store.close(PATIENCE));
    // Not in the pages that are free either, nor in the file beside.
    for entry in fs::read_dir(folder.database().parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for trace in ["31612345678", "Zoë", "4711"] {
            let found = memchr::memmem::find(&bytes, trace.as_bytes()).is_some();
            assert!(!found, "{trace} in {}", path.display());
        }
    }
}

#[test]
fn a_promise_that_another_call_made_is_forgotten_too() {
    let folder = Folder::new();
    let store = store(&folder);
    let stamped = Stamped {
        sequence: Sequence(1),
        at: at(0),
        event: Event::CallbackPromised {
            call: "other".into(),
            callback: "other.1".into(),
            queue: "support".into(),
            number: "0031612345678".into(),
        },
    };
    store.write(Item::Event(Box::new(StoredEvent::from(&stamped))));
    assert_eq!(erased(&store, "r1").unwrap(), counts(0, 1, 0));
    assert_eq!(erased(&store, "r2").unwrap(), counts(0, 0, 0), "again");
}

#[test]
fn a_call_whose_record_was_lost_is_forgotten_too() {
    let folder = Folder::new();
    let store = store(&folder);
    let (_, [_, started, _]) = call_of(ZOE, 1);
    store.write(started);
    assert_eq!(erased(&store, "r1").unwrap(), counts(0, 1, 0));
}

#[test]
fn what_waits_in_the_spool_is_forgotten_too() {
    let folder = Folder::new();
    fs::create_dir_all(folder.database()).unwrap();
    let store = store(&folder);
    for item in call_of(ZOE, 1).1 {
        store.write(item);
    }
    assert!(!store.flush(PATIENCE));
    assert!(fs::read_to_string(folder.spool()).unwrap().contains(ZOE));
    let refused = erased(&store, "r1").unwrap_err();
    assert!(matches!(refused, StoreError::Waiting(_)), "{refused}");
    fs::remove_dir(folder.database()).unwrap();
    assert_eq!(erased(&store, "r2").unwrap(), counts(0, 2, 1));
    assert!(!folder.spool().exists());
}

#[test]
fn a_number_is_looked_for_by_an_index() {
    let folder = Folder::new();
    let store = store(&folder);
    assert!(store.flush(PATIENCE));
    let connection = Connection::open(folder.database()).unwrap();
    for (sql, index) in [
        (
            "SELECT id FROM records
            WHERE iif(json_valid(data), json_extract(data, '$.from'), NULL) IN ('a', 'b', 'c')",
            "records_by_caller",
        ),
        (
            "SELECT call FROM events
            WHERE kind IN ('call_started', 'call_rejected') AND call IS NOT NULL
            AND iif(json_valid(data), json_extract(data, '$.from'), NULL) IN ('a', 'b', 'c')",
            "events_by_caller",
        ),
        (
            "SELECT data FROM events WHERE kind = 'callback_promised'
            AND iif(json_valid(data), json_extract(data, '$.number'), NULL) IN ('a', 'b', 'c')",
            "events_by_promise",
        ),
        (
            "SELECT data FROM events WHERE kind = 'transferred'
            AND iif(json_valid(data), json_extract(data, '$.to'), NULL) IN ('a', 'b', 'c')",
            "events_by_transfer",
        ),
        (
            "SELECT name FROM customers WHERE account = 'a' ORDER BY digits LIMIT 1",
            "customers_by_account",
        ),
    ] {
        let plan: String = connection
            .query_row(&format!("EXPLAIN QUERY PLAN {sql}"), [], |row| row.get(3))
            .unwrap();
        assert!(plan.contains(index), "{plan}");
    }
}
