//! `centrale plan`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use exchange::config::Change;
use exchange::model::OperatorState;

use crate::server::cli::ask::Server;
use crate::server::cli::{complain, say};
use crate::server::files;
use crate::server::plan::{Plan, Row};

/// Asks the running server what a reload would change, and prints it.
pub(super) fn run(folder: &Path) -> anyhow::Result<ExitCode> {
    let (config, diags) = files::read(folder)?;
    let Some(config) = config else {
        for diag in &diags {
            complain(&format!("{diag}\n"));
        }
        complain("centrale: a reload would be refused, and change nothing");
        return Ok(ExitCode::FAILURE);
    };
    let server = Server::at(config.http.listen);
    let plan: Option<Plan> = server.post("/api/v1/reload?plan=true", "application/json", b"{}")?;
    let plan = plan.context("this server cannot say what a reload would change")?;
    say(&text(&plan));
    Ok(ExitCode::SUCCESS)
}

fn text(plan: &Plan) -> String {
    let mut lines = Vec::new();
    for (what, rows) in [
        ("flow", &plan.flows),
        ("number", &plan.numbers),
        ("queue", &plan.queues),
        ("line", &plan.lines),
        ("operator", &plan.operators),
        ("hours", &plan.hours),
        ("project", &plan.projects),
        ("trunk", &plan.trunks),
    ] {
        lines.extend(rows.iter().map(|row| line(what, row)));
    }
    lines.extend(plan.settings.iter().map(|name| format!("{name} changed")));
    let restart = plan.restart.iter();
    lines.extend(restart.map(|name| format!("{name} changed: with a restart only")));
    if lines.is_empty() {
        lines.push("nothing changes".to_owned());
    }
    lines.join("\n")
}

fn line(what: &str, row: &Row) -> String {
    let Row { name, change, .. } = row;
    let removed = *change == Change::Removed;
    let state = row.state.filter(|state| *state != OperatorState::LoggedOut);
    let whom = match (row.calls, row.waiting, state) {
        (Some(calls @ 1..), _, _) => {
            format!(": {calls} live calls began there and go on as they began")
        }
        (_, Some(waiting @ 1..), _) if removed => {
            format!(": {waiting} callers wait there and stay until they are served")
        }
        (_, Some(waiting @ 1..), _) => {
            format!(": {waiting} callers wait there under the settings they came with")
        }
        (_, _, Some(state)) if removed => format!(": is {state}, and will be logged out"),
        (_, _, Some(state)) => format!(": is {state}"),
        (_, _, None) => String::new(),
    };
    format!("{what} {name} {}{whom}", change.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_whom_it_concerns() {
        let plan: Plan = serde_json::from_value(serde_json::json!({
            "applied": false,
            "flows": [
                { "name": "welcome", "change": "changed", "calls": 3 },
                { "name": "night", "change": "added", "calls": 0 },
            ],
            "numbers": [{ "name": "1002", "change": "removed" }],
            "queues": [
                { "name": "support", "change": "changed", "waiting": 2 },
                { "name": "billing", "change": "removed", "waiting": 1 },
                { "name": "sales", "change": "added" },
            ],
            "lines": [], "hours": [], "projects": [], "trunks": [],
            "operators": [
                { "name": "alice", "change": "removed", "state": "talking" },
                { "name": "bob", "change": "changed", "state": "ready" },
                { "name": "carol", "change": "removed", "state": "logged_out" },
            ],
            "settings": ["limits"],
            "restart": ["sip.listen"],
        }))
        .unwrap();
        let expected = expect_test::expect![[r#"
            flow welcome changed: 3 live calls began there and go on as they began
            flow night added
            number 1002 removed
            queue support changed: 2 callers wait there under the settings they came with
            queue billing removed: 1 callers wait there and stay until they are served
            queue sales added
            operator alice removed: is talking, and will be logged out
            operator bob changed: is ready
            operator carol removed
            limits changed
            sip.listen changed: with a restart only"#]];
        expected.assert_eq(&text(&plan));
        assert_eq!(text(&Plan::default()), "nothing changes");
    }
}
