//! The customer base over HTTP: one by number, pages, lists, and forgetting.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use exchange::model::{Customer, CustomerDraft, CustomerKey, Telephone};
use exchange::record::CallView;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracing::warn;

use super::api::{Name, Parameters, limit, name, nothing, pairs, unknown};
use super::body::{Body, Readable, is};
use super::guard::LIST_BYTES;
use super::problem::Problem;
use super::{AppState, aside};
use crate::server::customers::{Bad, Base, LINES, List, write};
use crate::server::store::{Column, CustomerPage, Imported, StoreError};

/// Where a larger body than elsewhere may come.
pub(super) const IMPORT: &str = "/api/v1/customers/import";
/// Bad lines that are named; whoever wrote so many looks again after these.
const BAD_LINES: usize = 100;
/// Erasing is done within this, or may be done a moment later.
const FORGET: Duration = Duration::from_secs(7);

pub(super) fn router() -> Router<AppState> {
    let import = post(import).layer(DefaultBodyLimit::max(LIST_BYTES));
    Router::new()
        .route("/customers", get(customers))
        .route("/customers/export", get(export))
        .route("/customers/import", import)
        .route(
            "/customers/{number}",
            get(customer).put(put).patch(patch).delete(remove),
        )
        .route("/customers/{number}/forget", post(forget))
        .route("/receipts", get(receipts))
}

impl Readable for CustomerDraft {
    const EXAMPLE: &'static str = r#"{"name": "Zoë", "language": "nl", "project": "internet", "notes": "…", "tags": ["vip"], "account": "4711", "last_operator": "alice"}, or some of it"#;
}

/// Fields to change; null takes one away (RFC 7396).
#[derive(Deserialize)]
struct Changes(Map<String, Value>);

impl Readable for Changes {
    const EXAMPLE: &'static str = r#"what changes, such as {"language": "nl", "notes": null}"#;
}

/// A body with nothing in it: what a page of another site cannot send.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl Readable for Nothing {
    const EXAMPLE: &'static str = "{}";
}

/// Does something with the base on a thread that may block, a few at a time.
async fn ask<T: Send + 'static>(
    state: &AppState,
    question: impl FnOnce(&Base) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let base = state.base.clone();
    let answer = aside(&state.questions, move || question(&base)).await;
    let unavailable = || Problem::unavailable("the store cannot answer at present");
    match answer.ok_or_else(unavailable)? {
        Ok(answer) => Ok(answer),
        Err(error @ (StoreError::Busy | StoreError::Waiting(_) | StoreError::Stays(_))) => {
            Err(Problem::unavailable(error.to_string()))
        }
        Err(error) => {
            warn!(%error, "customers cannot be read or kept");
            Err(unavailable())
        }
    }
}

/// Who the caller of a live call is; nobody while the base cannot be asked, for the call is
/// worth showing without.
pub(super) async fn of(state: &AppState, call: &CallView) -> Option<Customer> {
    let key = CustomerKey::Number(Telephone::read(call.from.as_str())?);
    let customer = ask(state, move |base| base.store().customer(&key)).await;
    customer.ok().flatten()
}

fn number(path: Name) -> Result<Telephone, Problem> {
    let text = name(path)?;
    Telephone::read(&text).ok_or_else(|| {
        Problem::bad("the path has a telephone number of 2 to 20 digits, such as 31201234567; a `+` may be written %2B")
    })
}

fn nobody() -> Problem {
    Problem::not_found("there is no customer of this number")
}

fn senseless(problems: &[String]) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, problems.join("; "))
}

async fn customer(State(state): State<AppState>, path: Name) -> Result<Response, Problem> {
    let key = CustomerKey::Number(number(path)?);
    let customer = ask(&state, move |base| base.store().customer(&key)).await?;
    customer
        .map(|customer| Json(customer).into_response())
        .ok_or_else(nobody)
}

/// The draft with the number of the path, which the body may repeat.
fn draft(number: &Telephone, draft: CustomerDraft) -> Result<Customer, Vec<String>> {
    let said = draft.number.as_deref().map(Telephone::read);
    if said.is_some_and(|said| said.as_ref() != Some(number)) {
        return Err(vec![
            "`number` is another than in the path; leave it out".to_owned(),
        ]);
    }
    // A body that writes the `+` says it better than a path.
    let number = draft.number.unwrap_or_else(|| number.as_str().to_owned());
    CustomerDraft {
        number: Some(number),
        ..draft
    }
    .check()
}

async fn put(
    State(state): State<AppState>,
    path: Name,
    Body(body): Body<CustomerDraft>,
) -> Result<Response, Problem> {
    let customer = draft(&number(path)?, body).map_err(|problems| senseless(&problems))?;
    let now = state.now();
    let (kept, shown) = (customer.clone(), customer);
    let added = ask(&state, move |base| base.store().put_customer(kept, now)).await?;
    let status = if added {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(shown)).into_response())
}

/// What was known, with the changes (RFC 7396).
fn changed(known: Customer, changes: Map<String, Value>) -> Result<Customer, Vec<String>> {
    let number = known.number.clone();
    let wrong = |error: serde_json::Error| vec![error.to_string()];
    let mut fields = serde_json::to_value(known).map_err(wrong)?;
    for (name, value) in changes {
        fields[name] = value;
    }
    if fields["number"].is_null() {
        return Err(vec!["the `number` cannot be taken away".to_owned()]);
    }
    let edited = serde_json::from_value(fields).map_err(wrong)?;
    draft(&number, edited)
}

async fn patch(
    State(state): State<AppState>,
    path: Name,
    Body(Changes(changes)): Body<Changes>,
) -> Result<Response, Problem> {
    let (number, now) = (number(path)?, state.now());
    let edited = ask(&state, move |base| {
        let edit = |known| changed(known, changes);
        base.store().edit_customer(number, now, edit)
    });
    let edited = edited.await?.ok_or_else(nobody)?;
    let customer = edited.map_err(|problems| senseless(&problems))?;
    Ok(Json(customer).into_response())
}

async fn remove(State(state): State<AppState>, path: Name) -> Result<StatusCode, Problem> {
    let number = number(path)?;
    let gone = ask(&state, move |base| base.store().remove_customer(number)).await?;
    gone.then_some(StatusCode::NO_CONTENT).ok_or_else(nobody)
}

/// A page as it is asked for.
async fn page(state: &AppState, parameters: Parameters) -> Result<(CustomerPage, usize), Problem> {
    let (mut after, mut account, mut most) = (None, None, limit(None)?);
    for (name, value) in pairs(parameters)? {
        match name.as_str() {
            "limit" => most = limit(Some(&value))?,
            "after" => after = Some(value),
            "account" => account = Some(value),
            _ => return Err(unknown(&name, "`limit`, `after` and `account`")),
        }
    }
    let page = ask(state, move |base| {
        let (after, account) = (after.as_deref(), account.as_deref());
        base.store().customers(after, account, most)
    });
    Ok((page.await?, most))
}

async fn customers(
    State(state): State<AppState>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let (page, _) = page(&state, parameters).await?;
    Ok(Json(page).into_response())
}

/// The same as CSV; the next page is in the head of the answer (RFC 8288).
async fn export(
    State(state): State<AppState>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let (page, most) = page(&state, parameters).await?;
    let mut text = Vec::new();
    write(&mut text, &page.customers, &Column::ALL, true)
        .map_err(|_| Problem::unavailable("the list cannot be written"))?;
    let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    let mut response = ([(header::CONTENT_TYPE, kind)], text).into_response();
    if let Some(next) = page.next {
        let link = format!("</api/v1/customers/export?after={next}&limit={most}>; rel=\"next\"");
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(response)
}

/// A list that was read to its end.
struct Read {
    customers: Vec<Customer>,
    columns: Vec<Column>,
    /// The first of them.
    bad: Vec<Bad>,
    /// All of them.
    bad_lines: usize,
}

fn read(text: &[u8]) -> Result<Read, Problem> {
    let wrong = |bad: Bad| {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Problem::new(status, bad.detail)
    };
    let mut list = List::open(text).map_err(wrong)?;
    let mut read = Read {
        customers: Vec::new(),
        columns: list.columns(),
        bad: Vec::new(),
        bad_lines: 0,
    };
    while let Some(row) = list.next() {
        match row {
            Ok(customer) => read.customers.push(customer),
            Err(bad) => {
                read.bad_lines += 1;
                if read.bad.len() < BAD_LINES {
                    read.bad.push(bad);
                }
            }
        }
        if read.customers.len() + read.bad_lines > LINES {
            let detail = format!("a list has at most {LINES} customers; send it in parts");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
    }
    Ok(read)
}

/// Whether bad lines are left out; else one bad line keeps out the whole list.
fn skips(parameters: Parameters) -> Result<bool, Problem> {
    let mut skips = false;
    for (name, value) in pairs(parameters)? {
        match (name.as_str(), value.as_str()) {
            ("skip_bad", "true") => skips = true,
            ("skip_bad", "false") => skips = false,
            ("skip_bad", _) => return Err(Problem::bad("`skip_bad` is true or false")),
            _ => return Err(unknown(&name, "`skip_bad`")),
        }
    }
    Ok(skips)
}

async fn import(
    State(state): State<AppState>,
    parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    let skips = skips(parameters)?;
    if !is(request.headers(), "text/csv") {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let detail = "send the list as CSV, and say so: `Content-Type: text/csv`";
        return Err(Problem::new(status, detail));
    }
    let text = <Bytes as axum::extract::FromRequest<AppState>>::from_request(request, &state);
    let text = text.await;
    let text = text.map_err(|error| Problem::new(error.status(), error.body_text()))?;
    let list = aside(&state.questions, move || read(&text)).await;
    let list = list.ok_or_else(|| Problem::unavailable("the list cannot be read"))??;
    if list.bad_lines > 0 && !skips {
        let detail = format!(
            "{} lines are bad, so nothing was imported; mend them, or add `?skip_bad=true`",
            list.bad_lines
        );
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        return Err(problem.with("lines", json!(list.bad)));
    }
    let now = state.now();
    let (customers, columns) = (list.customers, list.columns);
    let imported = ask(&state, move |base| {
        base.store().import_customers(customers, columns, now)
    });
    let Imported { added, changed } = imported.await?;
    let shown = json!({
        "added": added, "changed": changed, "skipped": list.bad_lines, "lines": list.bad,
    });
    Ok(Json(shown).into_response())
}

async fn forget(
    State(state): State<AppState>,
    path: Name,
    Body(Nothing {}): Body<Nothing>,
) -> Result<Response, Problem> {
    let number = number(path)?;
    let receipt = ask(&state, move |base| base.forget(&number, FORGET)).await?;
    tracing::info!(receipt = receipt.id, "a person was forgotten");
    Ok(Json(receipt).into_response())
}

async fn receipts(
    State(state): State<AppState>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    nothing(parameters)?;
    let receipts = ask(&state, |base| base.store().receipts()).await?;
    Ok(Json(json!({ "receipts": receipts })).into_response())
}
