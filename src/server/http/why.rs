//! Why a caller still waits, and why an operator does not have the callers who wait.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use exchange::dispatch::WhyNot;
use exchange::model::{CallId, Level, OperatorName, OperatorState, PauseReason, QueueName, Skill};
use exchange::record::OperatorView;
use serde::Serialize;

use super::api::{Name, Parameters, limit, name, nothing, pairs, unknown};
use super::command::not_waiting;
use super::problem::Problem;
use super::{AppState, aside, seconds};
use crate::server::supervisor::Missing;

/// Waiting calls that one operator is asked about.
const CALLS: usize = 100;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/calls/{id}/why", get(call))
        .route("/operators/{operator}/why", get(operator))
}

#[derive(Serialize)]
struct OfCall {
    call: CallId,
    queue: Option<QueueName>,
    waited_s: f64,
    operators: Vec<OperatorRow>,
    /// All operators, those included that `limit` cut off.
    total: usize,
}

#[derive(Serialize)]
struct OperatorRow {
    operator: OperatorName,
    #[serde(flatten)]
    reason: Reason,
}

#[derive(Serialize)]
struct OfOperator {
    operator: OperatorName,
    state: OperatorState,
    reason: Option<PauseReason>,
    calls: Vec<CallRow>,
    /// All calls that wait, those included that are not shown.
    total: usize,
}

#[derive(Serialize)]
struct CallRow {
    call: CallId,
    queue: Option<QueueName>,
    waited_s: f64,
    #[serde(flatten)]
    reason: Reason,
}

/// Why not, for programs and for people.
#[derive(Serialize)]
struct Reason {
    why_not: Code,
    text: String,
}

#[derive(Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
enum Code {
    /// A skill is missing, or its level is too low.
    Skill {
        skill: Skill,
        has: Option<Level>,
        wants: Level,
    },
    /// The operator does something else.
    State {
        state: OperatorState,
        reason: Option<PauseReason>,
        since: Option<String>,
    },
    /// The operator has just missed this call.
    Missed,
    /// The call is kept for another operator.
    Kept,
    /// The match is being made.
    Nothing,
}

/// The board's reason, with what the views add to it. `call` is the one that is asked
/// about.
fn explain(why: WhyNot, operator: Option<&OperatorView>, call: &CallId) -> Reason {
    let text = why.to_string();
    let (why_not, text) = match why {
        WhyNot::Skill { skill, has, wants } => (Code::Skill { skill, has, wants }, text),
        WhyNot::Busy(state) => busy(state, operator, call),
        WhyNot::Missed => (Code::Missed, text),
        WhyNot::Kept => (Code::Kept, text),
        WhyNot::Nothing => (Code::Nothing, text),
    };
    Reason { why_not, text }
}

fn busy(state: OperatorState, operator: Option<&OperatorView>, call: &CallId) -> (Code, String) {
    // The views follow events and so come a moment later; what they say of another state
    // says nothing of this one.
    let operator = operator.filter(|operator| operator.state == state);
    let reason = operator.and_then(|operator| operator.reason.clone());
    let this = operator.is_some_and(|operator| operator.call.as_ref() == Some(call));
    let text = match (state, &reason) {
        (OperatorState::Paused, Some(reason)) => format!("paused: {reason}"),
        (OperatorState::Paused, None) => "paused".to_owned(),
        (OperatorState::Offered, _) if this => "offered this call".to_owned(),
        (OperatorState::Offered, _) => "offered another call".to_owned(),
        (OperatorState::Talking, _) => "talking".to_owned(),
        (OperatorState::WrapUp, _) => "wrapping up".to_owned(),
        (OperatorState::LoggedOut, _) => "logged out".to_owned(),
        (OperatorState::Ready, _) => "ready".to_owned(),
    };
    let since = operator.and_then(|operator| moment(operator.since));
    let code = Code::State {
        state,
        reason,
        since,
    };
    (code, text)
}

/// As the views write it.
fn moment(at: std::time::SystemTime) -> Option<String> {
    let stamp = jiff::Timestamp::try_from(at).ok()?;
    Some(format!("{stamp:.3}"))
}

async fn call(
    State(state): State<AppState>,
    path: Name,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let id = name(path)?;
    let pairs = pairs(parameters)?;
    if let Some((name, _)) = pairs.iter().find(|(name, _)| name != "limit") {
        return Err(unknown(name, "`limit`"));
    }
    let most = limit(pairs.first().map(|(_, value)| value.as_str()))?;
    look(&state, move |state| of_call(state, &id, most)).await
}

fn of_call(state: &AppState, id: &str, most: usize) -> Result<Response, Problem> {
    let why = state.supervisor.why(id);
    let live = state.live();
    let view = live.call(id, state.now());
    let (Some(view), why) = (view, why) else {
        return Err(Problem::not_found("there is no such live call"));
    };
    let why = why.ok_or_else(|| not_waiting(&view))?;
    let row = |(operator, why): (OperatorName, WhyNot)| OperatorRow {
        reason: explain(why, live.operator(operator.as_str()).as_ref(), &view.id),
        operator,
    };
    let shown = OfCall {
        total: why.len(),
        operators: why.into_iter().take(most).map(row).collect(),
        call: view.id,
        queue: view.queue,
        waited_s: view.waited_s,
    };
    Ok(Json(shown).into_response())
}

async fn operator(
    State(state): State<AppState>,
    path: Name,
    parameters: Parameters,
) -> Result<Response, Problem> {
    nothing(parameters)?;
    let operator = name(path)?;
    look(&state, move |state| of_operator(state, &operator)).await
}

fn of_operator(state: &AppState, operator: &str) -> Result<Response, Problem> {
    let view = state.live().operator(operator);
    let view = view.ok_or_else(|| Problem::not_found("there is no such operator"))?;
    let (missing, total) = state.supervisor.why_operator(&view.name, CALLS);
    let live = state.live();
    let row = |missing: Missing| CallRow {
        queue: live
            .call(missing.call.as_str(), state.now())
            .and_then(|call| call.queue),
        waited_s: seconds(missing.waited),
        reason: explain(missing.why, Some(&view), &missing.call),
        call: missing.call,
    };
    let shown = OfOperator {
        calls: missing.into_iter().map(row).collect(),
        operator: view.name.clone(),
        state: view.state,
        reason: view.reason.clone(),
        total,
    };
    Ok(Json(shown).into_response())
}

/// Looks at every operator on a thread that may take its time: packets of streams pass
/// through the one that serves pages.
async fn look(
    state: &AppState,
    question: impl FnOnce(&AppState) -> Result<Response, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    let owned = state.clone();
    let answer = aside(&state.looks, move || question(&owned)).await;
    answer.unwrap_or_else(|| Err(Problem::unavailable("the board cannot be looked at")))
}
