//! `centrale forget`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use exchange::model::Telephone;

use crate::server::cli::ask::part;
use crate::server::cli::customers::{Door, leave, open};
use crate::server::cli::say;
use crate::server::store::Receipt;

/// A number with very many calls takes its time; nobody else waits for the database then.
const PATIENCE: Duration = Duration::from_mins(5);

/// Erases a number through the running server, or in the database while none runs.
pub(super) fn run(folder: &Path, number: &str) -> anyhow::Result<ExitCode> {
    let number = Telephone::read(number)
        .context("that is no telephone number: write 2 to 20 digits, such as +31612345678")?;
    let receipt = match open(folder, false)? {
        Door::Running(server) => {
            let path = format!("/api/v1/customers/{}/forget", part(number.digits()));
            let receipt = server.post::<Receipt>(&path, "application/json", b"{}")?;
            receipt.context("the running server is of an earlier version: it cannot forget")?
        }
        Door::Stopped(base) => {
            let receipt = base.forget(&number, PATIENCE);
            leave(&base)?;
            receipt?
        }
        Door::Nothing(path) => bail!(
            "there is no database {}, so nothing is kept of anybody",
            path.display()
        ),
    };
    say(&show(&receipt));
    Ok(ExitCode::SUCCESS)
}

fn show(receipt: &Receipt) -> String {
    let mut text = format!("receipt    {}\nwhen       {}", receipt.id, receipt.at);
    for (what, count) in &receipt.erased {
        // A String takes all that is written.
        write!(text, "\n{what:10} {count}").ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_says_what_and_not_who() {
        let erased = [
            ("callbacks", 1),
            ("customers", 1),
            ("deliveries", 0),
            ("events", 12),
            ("messages", 0),
            ("recordings", 2),
            ("records", 3),
        ];
        let erased = erased.map(|(what, count)| (what.to_owned(), count));
        let receipt = Receipt {
            id: "00c0ffee00c0ffee".into(),
            at: "2026-03-02T10:15:00.000Z".into(),
            erased: erased.into(),
        };
        let expected = expect_test::expect![[r#"
            receipt    00c0ffee00c0ffee
            when       2026-03-02T10:15:00.000Z
            callbacks  1
            customers  1
            deliveries 0
            events     12
            messages   0
            recordings 2
            records    3"#]];
        expected.assert_eq(&show(&receipt));
    }
}
