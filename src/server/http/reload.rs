//! `/api/v1/reload`: reloads, or says what a reload would change for those who are there.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use exchange::config::{Change, Difference};
use exchange::model::{Diagnostic, OperatorState};
use serde::Deserialize;
use serde_json::{Value, json};

use super::AppState;
use super::api::{Parameters, pairs, unknown};
use super::body::{Body, Readable};
use super::problem::Problem;
use crate::server::plan::{Plan, Row};
use crate::server::reload::Refused;

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/reload", post(reload))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl Readable for Nothing {
    const EXAMPLE: &'static str = "{}";
}

async fn reload(
    State(state): State<AppState>,
    parameters: Parameters,
    Body(Nothing {}): Body<Nothing>,
) -> Result<Response, Problem> {
    let plan = is_plan(parameters)?;
    // Before the reload: what is removed is no longer shown after it.
    let before = Present::of(&state);
    match state.orders.give(plan).await {
        Ok(difference) => {
            let seen = if plan { Present::of(&state) } else { before };
            Ok(Json(seen.plan(&difference, !plan)).into_response())
        }
        Err(Refused::Failed(sentence)) => Err(Problem::unavailable(sentence)),
        Err(Refused::Wrong(diags)) => {
            let detail = "the configuration has errors, and nothing was changed";
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
            let rows: Vec<Value> = diags.iter().map(row).collect();
            Err(problem.with("diagnostics", rows.into()))
        }
    }
}

fn is_plan(parameters: Parameters) -> Result<bool, Problem> {
    let pairs = pairs(parameters)?;
    match pairs.as_slice() {
        [] => Ok(false),
        [(name, value)] if name == "plan" => match value.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Problem::bad("`plan` is true or false")),
        },
        [(name, _), ..] => Err(unknown(name, "`plan`")),
    }
}

fn row(diagnostic: &Diagnostic) -> Value {
    json!({
        "file": &*diagnostic.file,
        "line": diagnostic.span.line,
        "column": diagnostic.span.column,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "text": diagnostic.to_string(),
    })
}

/// Who is there.
struct Present {
    calls: BTreeMap<String, usize>,
    waiting: BTreeMap<String, usize>,
    operators: BTreeMap<String, OperatorState>,
}

impl Present {
    fn of(state: &AppState) -> Self {
        let now = state.now();
        let live = state.live();
        let calls = live.calls_by_flow().into_iter();
        let queues = live.queues(now).into_iter();
        let operators = live.operators().into_iter();
        Self {
            calls: calls
                .map(|(flow, calls)| (flow.to_string(), calls))
                .collect(),
            waiting: queues
                .map(|queue| (queue.name.to_string(), queue.waiting))
                .collect(),
            operators: operators
                .map(|operator| (operator.name.to_string(), operator.state))
                .collect(),
        }
    }

    fn plan(&self, difference: &Difference, applied: bool) -> Plan {
        let waiting = |name: &str| self.waiting.get(name).copied();
        Plan {
            applied,
            flows: rows(&difference.flows, |row| {
                row.calls = Some(self.calls.get(&row.name).copied().unwrap_or_default());
            }),
            numbers: rows(&difference.numbers, |_| {}),
            queues: rows(&difference.queues, |row| row.waiting = waiting(&row.name)),
            lines: rows(&difference.lines, |_| {}),
            operators: rows(&difference.operators, |row| {
                row.state = self.operators.get(&row.name).copied();
            }),
            hours: rows(&difference.hours, |_| {}),
            projects: rows(&difference.projects, |_| {}),
            trunks: rows(&difference.trunks, |_| {}),
            settings: names(&difference.settings),
            restart: names(&difference.restart),
        }
    }
}

fn names(settings: &[&str]) -> Vec<String> {
    settings.iter().copied().map(str::to_owned).collect()
}

fn rows<K: ToString>(changes: &BTreeMap<K, Change>, more: impl Fn(&mut Row)) -> Vec<Row> {
    let rows = changes.iter().map(|(name, change)| {
        let mut row = Row {
            name: name.to_string(),
            change: *change,
            calls: None,
            waiting: None,
            state: None,
        };
        more(&mut row);
        row
    });
    rows.collect()
}
