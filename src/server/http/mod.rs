//! HTTP: metrics, health, the API and the wallboard.
//!
//! ```text
//! connection ──► listen (how many, how long) ──► guard (size, time, headers)
//!                                                  ├──► /healthz /readyz, read ──► /metrics  anyone
//!                                                  └──► local_only ──► /, read ──► /api/v1    this machine
//! ```
//!
//! What is read is read by GET and HEAD; what is changed is changed by POST, a callback is
//! cancelled and a recording deleted by DELETE, and what is kept of a customer is changed by
//! PUT, PATCH and DELETE too, below `/api/v1` and nowhere else. It takes JSON, and a list of
//! customers as CSV. Every error is `application/problem+json`
//! (RFC 9457).
//!
//! # Why
//! - Without tokens the API is for this machine alone, whatever address is listened on:
//!   it names callers. A peer on loopback is not enough, because a page of a stranger in a
//!   local browser (DNS rebinding) and a reverse proxy come from loopback too; so the Host
//!   must be local as well, and nothing may say that the request was forwarded.
//! - What changes something asks for more: a page of another site may make a browser send
//!   a POST, though it never sees the answer. Browsers say whose page it is (`Origin`,
//!   `Sec-Fetch-Site`), and do not send JSON for a stranger without asking first.
//! - Views and metrics follow events on a thread of their own. Whoever was told something,
//!   by SIP or here, and asks then must find it: so a question waits until what was told
//!   before is `read`, though not for long.
//! - axum's own accept loop has no bound on connections and no timeout on a request's
//!   head; `listen` adds both below it.

mod api;
mod body;
mod callbacks;
mod command;
mod customers;
mod guard;
mod listen;
mod problem;
mod recordings;
mod records;
mod reload;
mod wallboard;
mod why;

#[cfg(test)]
mod callback_tests;
#[cfg(test)]
mod command_tests;
#[cfg(test)]
mod customers_tests;
#[cfg(test)]
mod forget_tests;
#[cfg(test)]
mod scene_tests;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, SystemTime};

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, extract::connect_info::IntoMakeServiceWithConnectInfo};
use exchange::metric::Recorder;
use exchange::metric::table::DISPATCH_TICKETS;
use exchange::record::{CallRecord, Live};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::archive::Archive;
use super::customers::Base;
use super::observer::Witness;
use super::reload::Orders;
use super::store::{RecordPage, RecordQuery, Store, StoreError};
use super::supervisor::Supervisor;
use listen::{Limited, Peer};
use problem::Problem;

/// Questions to the database at once; others wait for their turn.
const QUESTIONS: usize = 4;
/// Looks at the whole board at once; others wait for theirs.
const LOOKS: usize = 2;
/// A question waits no longer than this for events that are still unread.
const UNREAD: Duration = Duration::from_secs(1);

/// Who answers for finished calls.
pub(crate) trait Records: Send + Sync {
    /// Some records, newest first; may block.
    fn records(&self, query: &RecordQuery) -> Result<RecordPage, StoreError>;
    /// One record; may block.
    fn record(&self, id: &str) -> Result<Option<CallRecord>, StoreError>;
}

impl Records for Store {
    fn records(&self, query: &RecordQuery) -> Result<RecordPage, StoreError> {
        Self::records(self, query)
    }

    fn record(&self, id: &str) -> Result<Option<CallRecord>, StoreError> {
        Self::record(self, id)
    }
}

/// Says why the server is not ready.
pub(crate) type Ready = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;
/// The wall clock.
pub(crate) type Now = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What the pages are made from.
#[derive(Clone)]
pub(crate) struct AppState {
    live: Arc<RwLock<Live>>,
    recorder: Arc<Recorder>,
    records: Arc<dyn Records>,
    base: Base,
    questions: Arc<Semaphore>,
    supervisor: Supervisor,
    orders: Orders,
    looks: Arc<Semaphore>,
    ready: Ready,
    now: Now,
    archive: Option<Arc<Archive>>,
    /// Who reads events, if the views follow any.
    witness: Option<Witness>,
}

impl AppState {
    /// `ready` is asked at each `/readyz`, `now` whenever ages are shown.
    pub(crate) fn new(
        (live, recorder): (Arc<RwLock<Live>>, Arc<Recorder>),
        (records, base): (Arc<dyn Records>, Base),
        (supervisor, orders): (Supervisor, Orders),
        ready: Ready,
        now: Now,
    ) -> Self {
        Self {
            live,
            recorder,
            records,
            base,
            questions: Arc::new(Semaphore::new(QUESTIONS)),
            supervisor,
            orders,
            looks: Arc::new(Semaphore::new(LOOKS)),
            ready,
            now,
            archive: None,
            witness: None,
        }
    }

    /// With recordings and messages.
    pub(crate) fn with_archive(self, archive: Arc<Archive>) -> Self {
        Self {
            archive: Some(archive),
            ..self
        }
    }

    /// With views that follow what this witness is told.
    pub(crate) fn that_follows(self, witness: Witness) -> Self {
        Self {
            witness: Some(witness),
            ..self
        }
    }

    fn live(&self) -> RwLockReadGuard<'_, Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> SystemTime {
        (self.now)()
    }
}

/// Every path.
pub(crate) fn router(state: AppState) -> Router {
    let read = middleware::from_fn_with_state(state.clone(), read);
    let local = Router::new()
        .merge(wallboard::router())
        .nest(
            "/api/v1",
            api::router()
                .merge(records::router())
                .merge(recordings::router())
                .merge(callbacks::router())
                .merge(command::router())
                .merge(customers::router())
                .merge(reload::router())
                .merge(why::router())
                .route_layer(read.clone()),
        )
        .route_layer(middleware::from_fn(guard::local_only));
    Router::new()
        .merge(local)
        .route("/metrics", get(metrics).layer(read))
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .fallback(async || Problem::not_found("no such path"))
        .method_not_allowed_fallback(async || {
            let detail = "this path is not served by this method; `Allow` says by which";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
        })
        .layer(DefaultBodyLimit::max(guard::BODY_BYTES))
        .layer(middleware::from_fn(guard::within_limits))
        .with_state(state)
}

/// Serves on the listener until `stop` comes, then finishes what is being answered.
///
/// # Errors
/// When the listener cannot be used.
pub(crate) async fn serve(
    listener: TcpListener,
    state: AppState,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let service: IntoMakeServiceWithConnectInfo<Router, Peer> =
        router(state).into_make_service_with_connect_info();
    axum::serve(Limited::new(listener), service)
        .with_graceful_shutdown(stop)
        .await
}

/// Does what blocks, or takes its time, on a thread of its own once one of `turns` is
/// free; `None` when it had a fault.
async fn aside<T: Send + 'static>(
    turns: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let permit = Arc::clone(turns).acquire_owned().await.ok()?;
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(permit);
        done
    });
    done.await.ok()
}

/// Seconds, rounded to milliseconds as the views have them.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

/// Goes on once what was told before can be seen.
async fn read(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if let Some(witness) = &state.witness {
        witness.read(UNREAD).await;
    }
    next.run(request).await
}

async fn metrics(State(state): State<AppState>) -> Response {
    let tickets = state.supervisor.tickets();
    state.recorder.set(&DISPATCH_TICKETS, tickets);
    let text = state.recorder.text(&state.live(), state.now());
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn healthy() -> &'static str {
    "ok\n"
}

async fn ready(State(state): State<AppState>) -> Response {
    match (state.ready)() {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => Problem::unavailable(reason).into_response(),
    }
}
