//! The present as JSON: queues, operators, calls.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use exchange::model::Customer;
use exchange::record::{CallView, OperatorView, QueueView};
use serde::Serialize;

use super::AppState;
use super::command::Shown;
use super::customers;
use super::problem::Problem;

/// Items of a page when the question does not say.
const PAGE: usize = 100;
/// Items of a page at most.
const PAGE_MAX: usize = 1000;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/queues", get(queues))
        .route("/queues/{queue}", get(queue))
        .route("/operators", get(operators))
        .route("/operators/{operator}", get(operator))
        .route("/calls", get(calls))
        .route("/calls/{id}", get(call))
}

/// Lists are objects, so that they can grow.
#[derive(Serialize)]
struct Queues {
    queues: Vec<QueueView>,
}

#[derive(Serialize)]
struct Operators {
    operators: Vec<OperatorView>,
}

#[derive(Serialize)]
struct Calls {
    calls: Vec<CallView>,
    /// All live calls, those included that `limit` cut off.
    total: usize,
}

/// A call, and who calls as far as the customer base knows.
#[derive(Serialize)]
struct CallWithCustomer {
    #[serde(flatten)]
    view: CallView,
    customer: Option<Customer>,
}

/// The parameters of a question, as written.
pub(super) type Parameters = Result<Query<Vec<(String, String)>>, QueryRejection>;
/// The last part of a path.
pub(super) type Name = Result<Path<String>, PathRejection>;

/// The parameters as pairs, each name once.
pub(super) fn pairs(parameters: Parameters) -> Result<Vec<(String, String)>, Problem> {
    let Query(pairs) = parameters.map_err(|error| Problem::bad(error.body_text()))?;
    for (at, (name, _)) in pairs.iter().enumerate() {
        if pairs.iter().skip(at + 1).any(|(other, _)| other == name) {
            return Err(Problem::bad(format!("`{name}` is given twice")));
        }
    }
    Ok(pairs)
}

pub(super) fn unknown(name: &str, known: &str) -> Problem {
    Problem::bad(format!("there is no parameter `{name}`; known are {known}"))
}

pub(super) fn name(name: Name) -> Result<String, Problem> {
    let Path(name) = name.map_err(|error| Problem::bad(error.body_text()))?;
    Ok(name)
}

/// Reads `limit`; digits only, because Rust's own reader takes `+5`.
pub(super) fn limit(text: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = text else { return Ok(PAGE) };
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
        .filter(|limit| (1..=PAGE_MAX).contains(limit))
        .ok_or_else(|| Problem::bad(format!("`limit` is a whole number from 1 to {PAGE_MAX}")))
}

pub(super) fn nothing(parameters: Parameters) -> Result<(), Problem> {
    match pairs(parameters)?.first() {
        Some((name, _)) => Err(Problem::bad(format!("there is no parameter `{name}`"))),
        None => Ok(()),
    }
}

async fn queues(
    State(state): State<AppState>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    nothing(parameters)?;
    let queues = state.live().queues(state.now());
    Ok(Json(Queues { queues }).into_response())
}

async fn queue(State(state): State<AppState>, path: Name) -> Result<Response, Problem> {
    let path = name(path)?;
    let queue = state.live().queue(&path, state.now());
    queue
        .map(|queue| Json(queue).into_response())
        .ok_or_else(|| Problem::not_found("there is no such queue"))
}

async fn operators(
    State(state): State<AppState>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    nothing(parameters)?;
    let operators = state.live().operators();
    Ok(Json(Operators { operators }).into_response())
}

async fn operator(State(state): State<AppState>, path: Name) -> Result<Response, Problem> {
    let path = name(path)?;
    let view = state.live().operator(&path);
    let view = view.ok_or_else(|| Problem::not_found("there is no such operator"))?;
    let pending = state.supervisor.pending(&view.name);
    let shown = Shown {
        view,
        pending,
        wrap_up_left_s: None,
    };
    Ok(Json(shown).into_response())
}

async fn calls(State(state): State<AppState>, parameters: Parameters) -> Result<Response, Problem> {
    let pairs = pairs(parameters)?;
    if let Some((name, _)) = pairs.iter().find(|(name, _)| name != "limit") {
        return Err(unknown(name, "`limit`"));
    }
    let most = limit(pairs.first().map(|(_, value)| value.as_str()))?;
    let (total, calls) = {
        let live = state.live();
        let total: usize = live.calls_by_state().into_values().sum();
        (total, live.calls(most, state.now()))
    };
    Ok(Json(Calls { calls, total }).into_response())
}

async fn call(State(state): State<AppState>, path: Name) -> Result<Response, Problem> {
    let path = name(path)?;
    let view = state.live().call(&path, state.now());
    let view = view.ok_or_else(|| Problem::not_found("there is no such live call"))?;
    let customer = customers::of(&state, &view).await;
    Ok(Json(CallWithCustomer { view, customer }).into_response())
}
