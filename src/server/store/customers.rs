//! The customer base: one row a number, found by its digits or by the account.
//!
//! Changes go through the writer like everything else, questions through a connection of
//! their own, because calls wait for their answers.

use std::time::{Duration, SystemTime};

use exchange::model::{Customer, CustomerKey, OperatorName, Telephone};
use rusqlite::types::{Type, Value};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;

use super::{Store, StoreError, millis};

/// Whoever asks over HTTP hears within 10 seconds.
const PATIENCE: Duration = Duration::from_secs(9);

/// The tables, and the ways to find everything that is kept of a number.
pub(super) const TABLES: &str = "
    CREATE TABLE customers (
        digits        TEXT PRIMARY KEY,
        number        TEXT NOT NULL,
        account       TEXT,
        name          TEXT,
        language      TEXT,
        project       TEXT,
        notes         TEXT,
        tags          TEXT NOT NULL DEFAULT '[]',
        last_operator TEXT,
        talked        INTEGER NOT NULL DEFAULT 0,
        changed       INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX customers_by_account ON customers (account, digits) WHERE account IS NOT NULL;
    CREATE TABLE receipts (
        id   TEXT PRIMARY KEY,
        at   INTEGER NOT NULL,
        data TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX receipts_by_time ON receipts (at);
    CREATE INDEX records_by_caller
        ON records (iif(json_valid(data), json_extract(data, '$.from'), NULL));
    CREATE INDEX events_by_caller
        ON events (iif(json_valid(data), json_extract(data, '$.from'), NULL))
        WHERE kind IN ('call_started', 'call_rejected');
    CREATE INDEX events_by_transfer
        ON events (iif(json_valid(data), json_extract(data, '$.to'), NULL))
        WHERE kind = 'transferred';
";

/// Nothing is written of callers who are no customers, and what waited in the spool comes
/// after what is newer.
pub(super) const PUT_TALKED: &str = "
    UPDATE customers SET last_operator = ?2, talked = ?3 WHERE digits = ?1 AND talked <= ?3";

const SELECT: &str = "
    SELECT number, account, name, language, project, notes, tags, last_operator, digits
    FROM customers";

/// What a list of customers may have besides the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Account,
    Name,
    Language,
    Project,
    Notes,
    Tags,
    LastOperator,
}

impl Column {
    pub(crate) const ALL: [Self; 7] = [
        Self::Account,
        Self::Name,
        Self::Language,
        Self::Project,
        Self::Notes,
        Self::Tags,
        Self::LastOperator,
    ];

    /// As in the table, in lists and in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Name => "name",
            Self::Language => "language",
            Self::Project => "project",
            Self::Notes => "notes",
            Self::Tags => "tags",
            Self::LastOperator => "last_operator",
        }
    }
}

/// Some customers, and where the next ones begin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct CustomerPage {
    /// By the digits of their numbers.
    pub(crate) customers: Vec<Customer>,
    /// For `after`; absent at the end.
    pub(crate) next: Option<String>,
}

/// What came of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Imported {
    /// Numbers that were not there before.
    pub(crate) added: u64,
    /// Numbers that were.
    pub(crate) changed: u64,
}

fn customer(row: &Row<'_>) -> rusqlite::Result<Customer> {
    let unreadable =
        |column, error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error);
    let number: String = row.get(0)?;
    let number = Telephone::read(&number)
        .ok_or_else(|| unreadable(0, "it is no telephone number".into()))?;
    let tags: String = row.get(6)?;
    Ok(Customer {
        number,
        account: row.get(1)?,
        name: row.get(2)?,
        language: row.get(3)?,
        project: row.get(4)?,
        notes: row.get(5)?,
        tags: serde_json::from_str(&tags).map_err(|error| unreadable(6, Box::new(error)))?,
        last_operator: row.get::<_, Option<String>>(7)?.map(OperatorName::new),
    })
}

fn put_all(
    connection: &Connection,
    customers: &[Customer],
    columns: &[Column],
    at: i64,
) -> rusqlite::Result<Imported> {
    let mut imported = Imported::default();
    for customer in customers {
        if put(connection, customer, columns, at)? {
            imported.added += 1;
        } else {
            imported.changed += 1;
        }
    }
    Ok(imported)
}

/// Adds or changes one; `true` when it was not there. Of one that was there only the given
/// columns change.
fn put(
    connection: &Connection,
    customer: &Customer,
    columns: &[Column],
    at: i64,
) -> rusqlite::Result<bool> {
    let digits = customer.number.digits();
    let known = connection
        .prepare_cached("SELECT 1 FROM customers WHERE digits = ?1")?
        .exists([digits])?;
    let mut sql = String::from(
        "INSERT INTO customers
            (digits, number, account, name, language, project, notes, tags, last_operator, changed)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        ON CONFLICT (digits) DO UPDATE SET number = excluded.number, changed = excluded.changed",
    );
    for column in columns {
        let name = column.as_str();
        sql.extend([", ", name, " = excluded.", name]);
    }
    let tags = serde_json::to_string(&customer.tags)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    connection.prepare_cached(&sql)?.execute(params![
        digits,
        customer.number.as_str(),
        customer.account,
        customer.name,
        customer.language,
        customer.project,
        customer.notes,
        tags,
        customer.last_operator.as_ref().map(OperatorName::as_str),
        at,
    ])?;
    Ok(!known)
}

fn find(connection: &Connection, key: &CustomerKey) -> rusqlite::Result<Option<Customer>> {
    let (condition, value) = match key {
        CustomerKey::Number(number) => ("digits = ?1", number.digits()),
        CustomerKey::Account(account) => ("account = ?1 ORDER BY digits LIMIT 1", account.as_str()),
    };
    let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE {condition}"))?;
    statement.query_row([value], customer).optional()
}

fn page(
    connection: &Connection,
    after: Option<&str>,
    account: Option<&str>,
    limit: usize,
) -> rusqlite::Result<CustomerPage> {
    let mut sql = format!("{SELECT} WHERE 1");
    let mut values: Vec<Value> = Vec::new();
    for (condition, value) in [(" AND digits > ?", after), (" AND account = ?", account)] {
        if let Some(value) = value {
            sql.push_str(condition);
            values.push(value.to_owned().into());
        }
    }
    sql.push_str(" ORDER BY digits LIMIT ?");
    // One more than wanted tells whether there is a next page.
    let most = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    values.push(most.into());
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(values), customer)?;
    let mut customers = rows.collect::<rusqlite::Result<Vec<Customer>>>()?;
    let more = customers.len() > limit;
    customers.truncate(limit);
    let next = customers.last().filter(|_| more);
    let next = next.map(|last| last.number.digits().to_owned());
    Ok(CustomerPage { customers, next })
}

impl Store {
    /// One customer. Reads the file: not for a thread that owns calls.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn customer(&self, key: &CustomerKey) -> Result<Option<Customer>, StoreError> {
        self.customers
            .ask(|connection| find(connection, key).map_err(self.customers.trouble()))
    }

    /// Customers in order of their digits, those of one account if one is named.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn customers(
        &self,
        after: Option<&str>,
        account: Option<&str>,
        limit: usize,
    ) -> Result<CustomerPage, StoreError> {
        self.customers.ask(|connection| {
            page(connection, after, account, limit).map_err(self.customers.trouble())
        })
    }

    /// Keeps one customer as given; `true` when the number was not there before.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub(crate) fn put_customer(
        &self,
        customer: Customer,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        self.work(false, PATIENCE, move |database| {
            database.change(|connection| put(connection, &customer, &Column::ALL, millis(now)))
        })
    }

    /// Changes a customer who is there; `None` when nobody is. What `edit` refuses stays
    /// as it is.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub(crate) fn edit_customer<E: Send + 'static>(
        &self,
        number: Telephone,
        now: SystemTime,
        edit: impl FnOnce(Customer) -> Result<Customer, E> + Send + 'static,
    ) -> Result<Option<Result<Customer, E>>, StoreError> {
        self.work(false, PATIENCE, move |database| {
            database.change(|connection| {
                let Some(known) = find(connection, &CustomerKey::Number(number))? else {
                    return Ok(None);
                };
                let edited = edit(known);
                if let Ok(customer) = &edited {
                    put(connection, customer, &Column::ALL, millis(now))?;
                }
                Ok(Some(edited))
            })
        })
    }

    /// Takes one customer out of the base; whether there was one. What else is kept of the
    /// number stays: that is [`Self::forget`].
    ///
    /// # Errors
    /// When the database cannot be written.
    pub(crate) fn remove_customer(&self, number: Telephone) -> Result<bool, StoreError> {
        self.work(false, PATIENCE, move |database| {
            database.change(|connection| {
                let mut delete =
                    connection.prepare_cached("DELETE FROM customers WHERE digits = ?1")?;
                Ok(delete.execute([number.digits()])? > 0)
            })
        })
    }

    /// Keeps a list: all of it or nothing. Of customers who are there, columns that the
    /// list does not have stay.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub(crate) fn import_customers(
        &self,
        customers: Vec<Customer>,
        columns: Vec<Column>,
        now: SystemTime,
    ) -> Result<Imported, StoreError> {
        self.work(false, PATIENCE, move |database| {
            database.change(|connection| put_all(connection, &customers, &columns, millis(now)))
        })
    }
}
