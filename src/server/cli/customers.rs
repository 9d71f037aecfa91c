//! `centrale customers`.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use exchange::model::{Customer, CustomerDraft};
use serde::Deserialize;

use crate::server::cli::ask::Server;
use crate::server::cli::{complain, say};
use crate::server::customers::{Base, List, write};
use crate::server::store::{Column, Imported};
use crate::server::{clock, files, serve};

/// Customers that are handed over at once, and the bytes of their notes: a request has at
/// most 8 MiB.
const CHUNK: usize = 1_000;
const CHUNK_NOTES: usize = 4 * 1024 * 1024;
/// Customers of one page of an export, which stays below 8 MiB too.
const PAGE: usize = 500;
/// Bad lines that are named.
const BAD_LINES: usize = 100;
/// How long the database may take to close.
const FAREWELL: Duration = Duration::from_secs(5);

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read customers from a CSV file whose first line names the columns.
    Import {
        /// The file: number, account, name, language, project, notes, tags, last_operator.
        file: PathBuf,
        /// Leave bad lines out; otherwise one of them keeps out the whole file.
        #[arg(long)]
        skip_bad: bool,
    },
    /// Write all customers as CSV.
    Export {
        /// The file, which must not be there; standard output when absent.
        file: Option<PathBuf>,
    },
}

pub(super) fn run(folder: &Path, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Import { file, skip_bad } => import(folder, file, *skip_bad),
        Command::Export { file } => export(folder, file.as_deref()),
    }
}

/// Where the customer base is.
pub(super) enum Door {
    /// Behind the running server.
    Running(Server),
    /// In the database, which nobody else has.
    Stopped(Base),
    /// There is no database yet.
    Nothing(PathBuf),
}

/// Finds it. Makes a database when there is none and `make` is said.
pub(super) fn open(folder: &Path, make: bool) -> anyhow::Result<Door> {
    let (config, _) = files::read(folder)?;
    let config = config.context("the configuration has errors: run centrale check")?;
    let server = Server::at(config.http.listen);
    if server.is_running() {
        return Ok(Door::Running(server));
    }
    let path = config.storage.path;
    if !make && !path.exists() {
        return Ok(Door::Nothing(path));
    }
    let store = Arc::new(serve::open_store(&path, &serve::boot())?);
    let base = Base::stopped(store, &path, &config.paths.recordings);
    Ok(Door::Stopped(base))
}

/// Closes a database.
pub(super) fn leave(base: &Base) -> anyhow::Result<()> {
    if !base.store().close(FAREWELL) {
        bail!("the database does not close");
    }
    Ok(())
}

fn list(file: &Path) -> anyhow::Result<List<BufReader<File>>> {
    let name = file.display();
    let text = File::open(file).with_context(|| format!("cannot read {name}"))?;
    List::open(BufReader::new(text))
        .map_err(|bad| anyhow::anyhow!("{name}:{}: {}", bad.line, bad.detail))
}

/// Reads the file twice: what is wrong with it is known before anything is changed.
fn import(folder: &Path, file: &Path, skip_bad: bool) -> anyhow::Result<ExitCode> {
    let bad = check(file)?;
    if bad > 0 && !skip_bad {
        complain(&format!(
            "centrale: {bad} lines are bad, so nothing was imported; mend them, or leave them out with --skip-bad"
        ));
        return Ok(ExitCode::FAILURE);
    }
    let door = open(folder, true)?;
    let mut done = Imported::default();
    let sent = send(&door, file, &mut done);
    if let Door::Stopped(base) = &door {
        leave(base)?;
    }
    let Imported { added, changed } = done;
    sent.with_context(|| {
        format!(
            "stopped after {} customers; the same file again does no harm",
            added + changed
        )
    })?;
    say(&format!(
        "{added} customers added, {changed} changed, {bad} lines left out"
    ));
    Ok(ExitCode::SUCCESS)
}

/// How many lines are bad; names the first.
fn check(file: &Path) -> anyhow::Result<usize> {
    let mut list = list(file)?;
    let mut bad_lines = 0;
    while let Some(row) = list.next() {
        let Err(bad) = row else { continue };
        bad_lines += 1;
        if bad_lines <= BAD_LINES {
            complain(&format!("{}:{}: {}", file.display(), bad.line, bad.detail));
        }
    }
    if bad_lines > BAD_LINES {
        complain(&format!("and {} lines more", bad_lines - BAD_LINES));
    }
    Ok(bad_lines)
}

fn send(door: &Door, file: &Path, done: &mut Imported) -> anyhow::Result<()> {
    let mut list = list(file)?;
    let columns = list.columns();
    loop {
        let mut chunk: Vec<Customer> = Vec::with_capacity(CHUNK);
        let mut notes = 0;
        while chunk.len() < CHUNK && notes < CHUNK_NOTES {
            match list.next() {
                Some(Ok(customer)) => {
                    notes += customer.notes.as_ref().map_or(0, String::len);
                    chunk.push(customer);
                }
                Some(Err(_)) => {}
                None => break,
            }
        }
        if chunk.is_empty() {
            return Ok(());
        }
        let imported = hand_over(door, chunk, &columns)?;
        done.added += imported.added;
        done.changed += imported.changed;
    }
}

#[derive(Deserialize)]
struct Answer {
    added: u64,
    changed: u64,
}

fn hand_over(door: &Door, chunk: Vec<Customer>, columns: &[Column]) -> anyhow::Result<Imported> {
    match door {
        Door::Running(server) => {
            let mut text = Vec::new();
            write(&mut text, &chunk, columns, true)?;
            let answer = server.post::<Answer>("/api/v1/customers/import", "text/csv", &text)?;
            let Answer { added, changed } = answer
                .context("the running server is of an earlier version: it has no customers")?;
            Ok(Imported { added, changed })
        }
        Door::Stopped(base) => {
            let now = clock::wall();
            let columns = columns.to_vec();
            Ok(base.store().import_customers(chunk, columns, now)?)
        }
        Door::Nothing(path) => bail!("there is no database {}", path.display()),
    }
}

fn export(folder: &Path, file: Option<&Path>) -> anyhow::Result<ExitCode> {
    let door = open(folder, false)?;
    let mut to: Box<dyn Write> = match file {
        Some(file) => Box::new(
            File::create_new(file).with_context(|| format!("cannot make {}", file.display()))?,
        ),
        None => Box::new(std::io::stdout().lock()),
    };
    let written = pages(&door, &mut to);
    if let Door::Stopped(base) = &door {
        leave(base)?;
    }
    written?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Deserialize)]
struct Page {
    customers: Vec<CustomerDraft>,
    next: Option<String>,
}

fn pages(door: &Door, to: &mut dyn Write) -> anyhow::Result<()> {
    let mut after: Option<String> = None;
    let mut head = true;
    loop {
        let (customers, next) = page(door, after.as_deref())?;
        write(&mut *to, &customers, &Column::ALL, head)?;
        head = false;
        if next.is_none() {
            return Ok(());
        }
        after = next;
    }
}

fn page(door: &Door, after: Option<&str>) -> anyhow::Result<(Vec<Customer>, Option<String>)> {
    match door {
        Door::Running(server) => {
            let after = after.map(|after| format!("&after={after}"));
            let after = after.unwrap_or_default();
            let path = format!("/api/v1/customers?limit={PAGE}{after}");
            let page: Page = server
                .ask(&path)?
                .context("the running server is of an earlier version: it has no customers")?;
            let customers = page.customers.into_iter().map(CustomerDraft::check);
            let customers: Result<_, _> = customers.collect();
            let customers = customers.map_err(|problems: Vec<String>| {
                anyhow::anyhow!("a customer cannot be read: {}", problems.join("; "))
            })?;
            Ok((customers, page.next))
        }
        Door::Stopped(base) => {
            let page = base.store().customers(after, None, PAGE)?;
            Ok((page.customers, page.next))
        }
        Door::Nothing(_) => Ok((Vec::new(), None)),
    }
}
