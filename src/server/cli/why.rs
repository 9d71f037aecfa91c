//! `centrale why`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::server::cli::ask::{Server, part};
use crate::server::cli::say;
use crate::server::files;

#[derive(Deserialize)]
struct OfCall {
    call: String,
    queue: Option<String>,
    waited_s: f64,
    operators: Vec<OperatorRow>,
    total: usize,
}

#[derive(Deserialize)]
struct OperatorRow {
    operator: String,
    text: String,
}

#[derive(Deserialize)]
struct OfOperator {
    operator: String,
    state: String,
    reason: Option<String>,
    calls: Vec<CallRow>,
    total: usize,
}

#[derive(Deserialize)]
struct CallRow {
    call: String,
    queue: Option<String>,
    waited_s: f64,
    text: String,
}

#[derive(Deserialize)]
struct Calls {
    calls: Vec<Call>,
}

#[derive(Deserialize)]
struct Call {
    id: String,
}

/// Prints why nobody has a waiting call.
pub(super) fn of_call(folder: &Path, call: &str) -> anyhow::Result<ExitCode> {
    let server = server(folder)?;
    let ask =
        |id: &str| server.ask::<OfCall>(&format!("/api/v1/calls/{}/why?limit=1000", part(id)));
    let why = match ask(call)? {
        Some(why) => Some(why),
        None => ask(&find(&server, call)?)?,
    };
    let why = why.context("the call has just ended")?;
    let queue = why.queue.as_deref().unwrap_or("a queue");
    say(&format!(
        "{} waits in {queue} for {:.0} s",
        why.call, why.waited_s
    ));
    let rows = why
        .operators
        .iter()
        .map(|row| [row.operator.clone(), row.text.clone()]);
    say(&table(["operator", "why not"], rows.collect()));
    more(why.total.saturating_sub(why.operators.len()));
    Ok(ExitCode::SUCCESS)
}

/// Prints why an operator has none of the calls that wait.
pub(super) fn of_operator(folder: &Path, operator: &str) -> anyhow::Result<ExitCode> {
    let server = server(folder)?;
    let path = format!("/api/v1/operators/{}/why", part(operator));
    let why = server.ask::<OfOperator>(&path)?;
    let why = why.with_context(|| format!("there is no operator {operator}"))?;
    let reason = why.reason.map(|reason| format!(" ({reason})"));
    let reason = reason.unwrap_or_default();
    say(&format!("{}: {}{reason}", why.operator, why.state));
    if why.calls.is_empty() {
        say("nobody waits");
        return Ok(ExitCode::SUCCESS);
    }
    let rows = why.calls.iter().map(|row| {
        [
            row.call.clone(),
            row.queue.clone().unwrap_or_default(),
            format!("{:.0} s", row.waited_s),
            row.text.clone(),
        ]
    });
    say(&table(
        ["call", "queue", "waits", "why not"],
        rows.collect(),
    ));
    more(why.total.saturating_sub(why.calls.len()));
    Ok(ExitCode::SUCCESS)
}

fn server(folder: &Path) -> anyhow::Result<Server> {
    let (config, _) = files::read(folder)?;
    let config = config.context("the configuration has errors: run centrale check")?;
    Ok(Server::at(config.http.listen))
}

/// The one live call whose id begins or ends so: all ids of one run of the server begin
/// alike, so the end is what is short.
fn find(server: &Server, piece: &str) -> anyhow::Result<String> {
    let calls: Option<Calls> = server.ask("/api/v1/calls?limit=1000")?;
    let ids = calls
        .into_iter()
        .flat_map(|calls| calls.calls)
        .map(|call| call.id);
    let fits = |id: &String| !piece.is_empty() && (id.starts_with(piece) || id.ends_with(piece));
    let mut found: Vec<String> = ids.filter(fits).collect();
    match found.len() {
        0 => bail!("there is no live call {piece}; /api/v1/calls has all"),
        1 => found.pop().context("there is one"),
        many => bail!("{piece} fits {many} live calls: write more of the id"),
    }
}

fn more(left: usize) {
    if left > 0 {
        say(&format!("and {left} more"));
    }
}

/// Lines with aligned columns; the last column takes what it needs.
fn table<const N: usize>(names: [&str; N], rows: Vec<[String; N]>) -> String {
    let names = names.map(str::to_uppercase);
    let lines: Vec<[String; N]> = std::iter::once(names).chain(rows).collect();
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let show = |line: &[String; N]| {
        let cells = line.iter().zip(widths);
        let text: String = cells
            .map(|(cell, width)| format!("{cell:width$}  "))
            .collect();
        text.trim_end().to_owned()
    };
    lines.iter().map(show).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest() {
        let rows = [["alice", "paused: lunch"], ["rené", "talking"]];
        let rows = rows.map(|row| row.map(str::to_owned)).to_vec();
        let expected = expect_test::expect![[r#"
            OPERATOR  WHY NOT
            alice     paused: lunch
            rené      talking"#]];
        expected.assert_eq(&table(["operator", "why not"], rows));
    }
}
