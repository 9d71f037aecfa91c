//! Finished calls as JSON, page by page.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tracing::warn;

use super::api::{Name, Parameters, limit, name, pairs, unknown};
use super::problem::Problem;
use super::{AppState, Records, aside};
use crate::server::store::{RecordQuery, StoreError};

const KNOWN: &str = "`limit`, `before`, `from`, `to`, `number`, `queue`, `operator` and `outcome`";

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/records", get(records))
        .route("/records/{id}", get(record))
}

fn read(pairs: Vec<(String, String)>) -> Result<RecordQuery, Problem> {
    let mut query = RecordQuery {
        limit: limit(None)?,
        ..RecordQuery::default()
    };
    for (name, value) in pairs {
        match name.as_str() {
            "limit" => query.limit = limit(Some(&value))?,
            "before" => query.before = Some(value.as_str().into()),
            "from" => query.from = Some(moment(&name, &value)?),
            "to" => query.to = Some(moment(&name, &value)?),
            "number" => query.number = Some(value),
            "queue" => query.queue = Some(value),
            "operator" => query.operator = Some(value),
            "outcome" => {
                let outcome = value.parse();
                query.outcome =
                    Some(outcome.map_err(|()| Problem::bad("`outcome` is no outcome of a call"))?);
            }
            _ => return Err(unknown(&name, KNOWN)),
        }
    }
    Ok(query)
}

fn moment(name: &str, text: &str) -> Result<SystemTime, Problem> {
    let stamp: Option<jiff::Timestamp> = text.parse().ok();
    stamp
        .and_then(|stamp| SystemTime::try_from(stamp).ok())
        .ok_or_else(|| {
            Problem::bad(format!(
                "`{name}` is a time such as 2026-01-31T09:00:00Z; a `+` is written %2B"
            ))
        })
}

async fn records(
    State(state): State<AppState>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let query = read(pairs(parameters)?)?;
    let page = ask(&state, move |records| records.records(&query)).await?;
    Ok(Json(page).into_response())
}

async fn record(State(state): State<AppState>, path: Name) -> Result<Response, Problem> {
    let id = name(path)?;
    let record = ask(&state, move |records| records.record(&id)).await?;
    record
        .map(|record| Json(record).into_response())
        .ok_or_else(|| Problem::not_found("there is no such record"))
}

/// Asks the database on a thread that may block, a few questions at a time.
async fn ask<T: Send + 'static>(
    state: &AppState,
    question: impl FnOnce(&dyn Records) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let unavailable = || Problem::unavailable("the store cannot answer at present");
    let records = Arc::clone(&state.records);
    let answer = aside(&state.questions, move || question(records.as_ref())).await;
    match answer.ok_or_else(unavailable)? {
        Ok(answer) => Ok(answer),
        Err(error @ StoreError::NoSuchRecord(_)) => Err(Problem::bad(error.to_string())),
        Err(error) => {
            warn!(%error, "records cannot be read");
            Err(unavailable())
        }
    }
}
