//! Callbacks that are pending, and how one is cancelled.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use exchange::call::{Callback, Doing, Pending};
use exchange::model::{CallId, Number, Project, QueueName};
use serde::Serialize;
use serde_json::json;

use super::api::{Name, Parameters, limit, name, nothing, pairs, unknown};
use super::problem::Problem;
use super::{AppState, seconds};

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/callbacks", get(callbacks))
        .route("/callbacks/{id}", get(callback).delete(cancel))
}

#[derive(Serialize)]
struct Callbacks {
    callbacks: Vec<Shown>,
    /// All that are pending, those included that are not shown.
    total: usize,
}

/// One callback.
#[derive(Serialize)]
struct Shown {
    id: CallId,
    queue: QueueName,
    number: Number,
    called: Number,
    project: Option<Project>,
    /// `resting` until the next attempt, `waiting` for an operator, or `dialling`.
    state: &'static str,
    attempts: u32,
    waited_s: f64,
    promised: String,
    next: String,
}

fn shown(pending: Pending, now: std::time::SystemTime) -> Shown {
    let since = moment(pending.callback.since_ms);
    let waited = now.duration_since(since).unwrap_or_default();
    let Callback {
        id,
        queue,
        number,
        called,
        project,
        promised_ms,
        next_ms,
        attempts,
        ..
    } = pending.callback;
    Shown {
        id,
        queue,
        number,
        called,
        project,
        state: word(pending.doing),
        attempts,
        waited_s: seconds(waited),
        promised: text(promised_ms),
        next: text(next_ms),
    }
}

fn word(doing: Doing) -> &'static str {
    match doing {
        Doing::Rests => "resting",
        Doing::Waits(_) => "waiting",
        Doing::Dials(_) => "dialling",
    }
}

fn moment(at_ms: u64) -> std::time::SystemTime {
    std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(at_ms)
}

fn text(at_ms: u64) -> String {
    let stamp = jiff::Timestamp::try_from(moment(at_ms));
    stamp.map_or_else(|_| String::new(), |stamp| format!("{stamp:.3}"))
}

async fn callbacks(
    State(state): State<AppState>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let (mut most, mut queue) = (limit(None)?, None);
    for (name, value) in pairs(parameters)? {
        match name.as_str() {
            "limit" => most = limit(Some(&value))?,
            "queue" => queue = Some(value),
            _ => return Err(unknown(&name, "`limit` and `queue`")),
        }
    }
    let mut all = state.supervisor.callbacks();
    if let Some(queue) = queue {
        all.retain(|pending| pending.callback.queue.as_str() == queue);
    }
    let (total, now) = (all.len(), state.now());
    let callbacks = all.into_iter().take(most);
    let callbacks = callbacks.map(|pending| shown(pending, now)).collect();
    Ok(Json(Callbacks { callbacks, total }).into_response())
}

async fn callback(
    State(state): State<AppState>,
    path: Name,
    parameters: Parameters,
) -> Result<Response, Problem> {
    nothing(parameters)?;
    let id = name(path)?;
    let mut all = state.supervisor.callbacks().into_iter();
    let found = all.find(|pending| pending.callback.id.as_str() == id);
    found
        .map(|pending| Json(shown(pending, state.now())).into_response())
        .ok_or_else(none)
}

async fn cancel(State(state): State<AppState>, path: Name) -> Result<Response, Problem> {
    let id = name(path)?;
    match state.supervisor.cancel(&id) {
        None => Err(none()),
        Some(Doing::Dials(_)) => {
            let detail = "an operator is there and the customer is being dialled";
            Err(Problem::new(StatusCode::CONFLICT, detail))
        }
        // Its shard does it; one that is being dialled by then is not cancelled.
        Some(Doing::Rests | Doing::Waits(_)) => {
            Ok((StatusCode::ACCEPTED, Json(json!({ "id": id }))).into_response())
        }
    }
}

fn none() -> Problem {
    Problem::not_found("there is no such pending callback")
}
