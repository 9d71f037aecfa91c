//! Lists of customers as CSV (RFC 4180): the first line names the columns.
//!
//! Between cells stands a comma, a semicolon or a tab, as the first line has it; between
//! tags within a cell a semicolon. What is wrong is said with its line and without its
//! value.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, BufRead, Write};

use csv::{ByteRecord, Reader, ReaderBuilder, Writer};
use exchange::model::{Customer, CustomerDraft, OperatorName};
use serde::{Deserialize, Serialize};

use super::formula;
use crate::server::store::Column;

/// Customers of one request: half a second of the database's time.
pub(crate) const LINES: usize = 50_000;
/// Customers of one file.
const FILE_LINES: u64 = 20_000_000;
/// The column that a list must have.
const NUMBER: &str = "number";

/// A line that is no customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bad {
    /// From 1, the first line included.
    pub(crate) line: u64,
    /// What is wrong.
    pub(crate) detail: String,
}

/// A list that is read, line by line.
pub(crate) struct List<R> {
    reader: Reader<R>,
    /// What each column is; `None` is the number.
    order: Vec<Option<Column>>,
    row: ByteRecord,
    /// The line of each number, by its digits.
    seen: HashMap<String, u64>,
}

/// What stands between cells, by what the first line has most of.
fn between(first: &[u8]) -> u8 {
    let line = first.split(|byte| *byte == b'\n').next();
    let line = line.unwrap_or_default();
    let count = |sign: u8| line.iter().filter(|byte| **byte == sign).count();
    let signs = [b',', b';', b'\t'];
    // Of several with as many the last is taken: turned round, that is the comma.
    let most = signs.into_iter().rev().max_by_key(|sign| count(*sign));
    most.unwrap_or(b',')
}

fn head(detail: impl Into<String>) -> Bad {
    Bad {
        line: 1,
        detail: detail.into(),
    }
}

impl<R: BufRead> List<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// When it does not name columns.
    pub(crate) fn open(mut text: R) -> Result<Self, Bad> {
        let first = text.fill_buf().map_err(|error| head(error.to_string()))?;
        let mut reader = ReaderBuilder::new()
            .delimiter(between(first))
            .flexible(true)
            .from_reader(text);
        let names = reader.byte_headers();
        let names = names.map_err(|error| head(error.to_string()))?.clone();
        let mut order = Vec::new();
        for name in &names {
            let column = column(name)?;
            if order.contains(&column) {
                let name = column.map_or(NUMBER, Column::as_str);
                return Err(head(format!("the column `{name}` stands there twice")));
            }
            order.push(column);
        }
        if !order.contains(&None) {
            return Err(head(
                "the first line names the columns, and `number` is not among them",
            ));
        }
        Ok(Self {
            reader,
            order,
            row: ByteRecord::new(),
            seen: HashMap::new(),
        })
    }

    /// The columns that it has besides the number.
    pub(crate) fn columns(&self) -> Vec<Column> {
        self.order.iter().copied().flatten().collect()
    }

    /// The next customer, or what is wrong with the next line; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Result<Customer, Bad>> {
        // Where a row that cannot be read begins; a row that can says it itself.
        let before = self.reader.position().line();
        match self.reader.read_byte_record(&mut self.row) {
            Ok(false) => return None,
            Ok(true) => {}
            Err(error) => {
                let detail = error.to_string();
                return Some(Err(Bad {
                    line: before,
                    detail,
                }));
            }
        }
        let line = self.row.position().map_or(before, csv::Position::line);
        Some(self.customer(line).map_err(|detail| Bad { line, detail }))
    }

    fn customer(&mut self, line: u64) -> Result<Customer, String> {
        if line > FILE_LINES {
            return Err(format!("a list has at most {FILE_LINES} lines"));
        }
        let (cells, columns) = (self.row.len(), self.order.len());
        if cells != columns {
            return Err(format!(
                "it has {cells} cells, and the first line {columns}; a cell with the sign between cells stands in quotes"
            ));
        }
        let mut draft = CustomerDraft::default();
        for (cell, column) in self.row.iter().zip(&self.order) {
            let text = std::str::from_utf8(cell).map_err(|_| "it is not UTF-8".to_owned())?;
            let plain = Some(formula::unmark(text).to_owned());
            match column {
                None => draft.number = plain,
                Some(Column::Account) => draft.account = plain,
                Some(Column::Name) => draft.name = plain,
                Some(Column::Language) => draft.language = plain,
                Some(Column::Project) => draft.project = plain,
                Some(Column::Notes) => draft.notes = plain,
                Some(Column::LastOperator) => draft.last_operator = plain,
                Some(Column::Tags) => {
                    let tags = text.split(';').map(formula::unmark);
                    draft.tags = Some(tags.map(str::to_owned).collect());
                }
            }
        }
        let customer = draft.check().map_err(|problems| problems.join("; "))?;
        let digits = customer.number.digits().to_owned();
        match self.seen.insert(digits, line) {
            Some(first) => Err(format!("its number stands on line {first}, too")),
            None => Ok(customer),
        }
    }
}

fn column(name: &[u8]) -> Result<Option<Column>, Bad> {
    let text = String::from_utf8_lossy(name).trim().to_ascii_lowercase();
    if text == NUMBER {
        return Ok(None);
    }
    let known = Column::ALL
        .into_iter()
        .find(|column| column.as_str() == text);
    known.map(Some).ok_or_else(|| {
        let known: Vec<&str> = Column::ALL.map(Column::as_str).to_vec();
        // A file without a first line would show a person's name here.
        head(format!(
            "the first line has something else than columns; known are {NUMBER}, {}",
            known.join(", ")
        ))
    })
}

/// Writes customers as a list that [`List`] reads and no spreadsheet computes, with these columns; the first line only
/// with `head`.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(
    to: impl Write,
    customers: &[Customer],
    columns: &[Column],
    head: bool,
) -> io::Result<()> {
    let mut writer = Writer::from_writer(to);
    if head {
        let names = columns.iter().map(|column| column.as_str());
        writer.write_record(std::iter::once(NUMBER).chain(names))?;
    }
    for customer in customers {
        writer.write_field(customer.number.as_str())?;
        for column in columns {
            writer.write_field(cell(customer, *column).as_ref())?;
        }
        // The end of the row.
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush()
}

fn cell(customer: &Customer, column: Column) -> Cow<'_, str> {
    let text = match column {
        Column::Account => customer.account.as_deref(),
        Column::Name => customer.name.as_deref(),
        Column::Language => customer.language.as_deref(),
        Column::Project => customer.project.as_deref(),
        Column::Notes => customer.notes.as_deref(),
        Column::LastOperator => customer.last_operator.as_ref().map(OperatorName::as_str),
        // Where a semicolon stands between cells, each tag is one.
        Column::Tags => {
            let tags = customer.tags.iter().map(|tag| formula::mark(tag));
            return tags.collect::<Vec<_>>().join(";").into();
        }
    };
    formula::mark(text.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: impl AsRef<[u8]>, expected: &Expect) {
        let mut said = Vec::new();
        match List::open(text.as_ref()) {
            Err(bad) => said.push(format!("line {}: {}", bad.line, bad.detail)),
            Ok(mut list) => {
                while let Some(row) = list.next() {
                    said.push(match row {
                        Ok(customer) => serde_json::to_string(&customer).unwrap(),
                        Err(bad) => format!("line {}: {}", bad.line, bad.detail),
                    });
                }
            }
        }
        expected.assert_eq(&said.join("\n"));
    }

    #[test]
    fn cells_are_told_apart_as_the_first_line_does() {
        let rows = expect![[
            r#"{"number":"+31612345678","account":null,"name":"Zoë","language":null,"project":null,"notes":null,"tags":["vip","late"],"last_operator":null}"#
        ]];
        for text in [
            "number,name,tags\r\n+31612345678,Zoë,vip;late\r\n",
            "\u{feff}number;name;tags\n+31612345678;Zoë;\"vip;late\"\n",
            "Tags\t Number\tNAME\nvip;late\t+31612345678\tZoë",
        ] {
            check(text, &rows);
        }
    }

    #[test]
    fn a_bad_line_is_named_and_the_next_are_read() {
        check(
            "number,name,account\n+31612345678,\"two\nlines\",12\n12345,Ann\nx,Bob,12\n0031612345678,Cat,1a\n\n+31612345678,Dan,\n12346,Eve,\n+12346,Fay,\n",
            &expect![[r#"
                line 2: `name` has control characters
                line 4: it has 2 cells, and the first line 3; a cell with the sign between cells stands in quotes
                line 5: `number` is no telephone number: write 2 to 20 digits, best with `+` and the country, such as `+31201234567`
                line 6: `account` is digits alone: a caller keys it in
                {"number":"+31612345678","account":null,"name":"Dan","language":null,"project":null,"notes":null,"tags":[],"last_operator":null}
                {"number":"12346","account":null,"name":"Eve","language":null,"project":null,"notes":null,"tags":[],"last_operator":null}
                line 10: its number stands on line 9, too"#]],
        );
        check(
            b"number,name\n12345,\xff\n",
            &expect!["line 2: it is not UTF-8"],
        );
    }

    #[test]
    fn the_first_line_names_the_columns() {
        for (text, expected) in [
            (
                "",
                expect!["line 1: the first line names the columns, and `number` is not among them"],
            ),
            (
                "+31612345678,Zoë\n",
                expect![
                    "line 1: the first line has something else than columns; known are number, account, name, language, project, notes, tags, last_operator"
                ],
            ),
            (
                "name\nZoë\n",
                expect!["line 1: the first line names the columns, and `number` is not among them"],
            ),
            (
                "number,name,Name\n",
                expect!["line 1: the column `name` stands there twice"],
            ),
        ] {
            check(text, &expected);
        }
    }

    #[test]
    fn what_is_written_reads_back_and_is_no_formula() {
        let text = "number,account,name,language,project,notes,tags,last_operator\n+31612345678,77,\"a, \"\"b\"\"\",nl,internet,\"two\nlines; more\",vip;late,alice\n1000,,,,,,,\n1001,,'=1+1,,'@team,-5,'+soon;'=late,\n1002,,''=1+1,,,'quoted',,\n";
        let mut list = List::open(text.as_bytes()).unwrap();
        let mut customers = Vec::new();
        while let Some(row) = list.next() {
            customers.push(row.unwrap());
        }
        assert_eq!(customers[2].name.as_deref(), Some("=1+1"));
        assert_eq!(customers[2].tags, ["+soon", "=late"]);
        assert_eq!(customers[3].name.as_deref(), Some("'=1+1"));
        let mut written = Vec::new();
        write(&mut written, &customers, &Column::ALL, true).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), text);
        assert_eq!(list.columns(), Column::ALL);
    }
}
