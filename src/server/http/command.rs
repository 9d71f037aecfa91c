//! What a supervisor changes: a call's priority, an operator's state, a wrap-up.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use exchange::model::{CallState, OperatorState, PauseReason, limits, parse_duration};
use exchange::record::{CallView, OperatorView};
use exchange::shard::{Order, Refused};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::{Name, name};
use super::body::{Body, Readable};
use super::problem::Problem;
use super::{AppState, seconds};

/// Characters of a pause's reason: a word or a sentence on a wallboard.
const REASON: usize = 64;
/// What a wrap-up is extended by at once.
const MORE: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/calls/{id}/priority", post(priority))
        .route("/operators/{operator}/state", post(state))
        .route("/operators/{operator}/wrap_up", post(wrap_up))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Priority {
    priority: i64,
}

impl Readable for Priority {
    const EXAMPLE: &'static str = r#"{"priority": 20}, a whole number from -100 to 100"#;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    state: WantedState,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WantedState {
    Ready,
    Paused,
    LoggedOut,
}

impl Readable for Wanted {
    const EXAMPLE: &'static str =
        r#"{"state": "ready"}, {"state": "logged_out"} or {"state": "paused", "reason": "lunch"}"#;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct More {
    more: String,
}

impl Readable for More {
    const EXAMPLE: &'static str = r#"{"more": "30s"}, from 1s to 1h"#;
}

/// An operator, and what was asked for and is still to come.
#[derive(Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    pub(super) view: OperatorView,
    /// What follows when the call or the offer that goes on is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pending: Option<OperatorState>,
    /// How much longer the wrap-up lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) wrap_up_left_s: Option<f64>,
}

/// A body that can be read, and means nothing here.
fn senseless(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

async fn priority(
    State(state): State<AppState>,
    path: Name,
    Body(body): Body<Priority>,
) -> Result<Response, Problem> {
    let id = name(path)?;
    let priority = i16::try_from(body.priority).ok();
    let priority = priority
        .filter(|priority| limits::PRIORITY.contains(priority))
        .ok_or_else(|| {
            senseless("`priority` is a whole number from -100 to 100; the queue's own is added")
        })?;
    let waits = state.supervisor.prioritize(&id, priority);
    let call = state.live().call(&id, state.now());
    match (waits, call) {
        (true, Some(call)) => Ok((StatusCode::ACCEPTED, Json(call)).into_response()),
        // It has ended since, or is not shown yet.
        (true, None) => Ok((StatusCode::ACCEPTED, Json(json!({ "id": id }))).into_response()),
        (false, Some(call)) => Err(not_waiting(&call)),
        (false, None) => Err(Problem::not_found("there is no such live call")),
    }
}

/// For a call that lives and does not wait.
pub(super) fn not_waiting(call: &CallView) -> Problem {
    let detail = match call.state {
        // The views follow events and so come a moment later.
        CallState::Queued | CallState::Offered => "the call has just left its queue".to_owned(),
        CallState::Flow | CallState::Talking | CallState::Transferring | CallState::Ended => {
            format!(
                "the call does not wait in a queue: its state is `{}`",
                call.state
            )
        }
    };
    Problem::new(StatusCode::CONFLICT, detail)
}

async fn state(
    State(state): State<AppState>,
    path: Name,
    Body(wanted): Body<Wanted>,
) -> Result<Response, Problem> {
    let operator = name(path)?;
    let order = match (wanted.state, wanted.reason) {
        (WantedState::Paused, reason) => Order::Pause(reason.map(pause_reason).transpose()?),
        (WantedState::Ready, None) => Order::Ready,
        (WantedState::LoggedOut, None) => Order::LogOut,
        (WantedState::Ready | WantedState::LoggedOut, Some(_)) => {
            return Err(senseless("only a pause has a `reason`; leave it out"));
        }
    };
    obey(&state, &operator, order)
}

fn pause_reason(text: String) -> Result<PauseReason, Problem> {
    let fits = text.chars().count() <= REASON && !text.chars().any(char::is_control);
    if !fits || text.trim().is_empty() {
        let detail = format!(
            "`reason` has 1 to {REASON} characters and no control characters, such as \"lunch\"; leave it out when there is none"
        );
        return Err(senseless(detail));
    }
    Ok(PauseReason::new(text.trim()))
}

async fn wrap_up(
    State(state): State<AppState>,
    path: Name,
    Body(body): Body<More>,
) -> Result<Response, Problem> {
    let operator = name(path)?;
    let more = parse_duration(&body.more).ok();
    let more = more.filter(|more| MORE.contains(more)).ok_or_else(|| {
        senseless("`more` is a duration from 1s to 1h, such as \"30s\" or \"2m\"")
    })?;
    obey(&state, &operator, Order::WrapUpLonger(more))
}

/// Gives an order, and shows the operator as the order leaves them.
fn obey(state: &AppState, operator: &str, order: Order) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("there is no such operator");
    let mut view = state.live().operator(operator).ok_or_else(unknown)?;
    let standing = state.supervisor.order(&view.name, order);
    let standing = standing.map_err(|refused| match refused {
        Refused::Unknown => unknown(),
        Refused::NoPhone | Refused::NoWrapUp(_) => {
            Problem::new(StatusCode::CONFLICT, refused.to_string())
        }
    })?;
    // The views follow events and so come a moment later; the answer does not wait.
    if view.state != standing.state {
        view.state = standing.state;
        view.since = state.supervisor.wall(&standing);
        view.call = None;
        view.queue = None;
    }
    let left = state.supervisor.left(&standing);
    view.reason = standing.reason;
    let shown = Shown {
        view,
        pending: standing.pending,
        wrap_up_left_s: left.map(seconds),
    };
    Ok(Json(shown).into_response())
}
