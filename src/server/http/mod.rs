//! HTTP: metrics, health, the read-only API and the wallboard.
//!
//! ```text
//! connection ──► listen (how many, how long) ──► guard (size, time, headers)
//!                                                  ├──► /metrics /healthz /readyz   anyone
//!                                                  └──► local_only ──► /  /api/v1   this machine
//! ```
//!
//! Only GET and HEAD exist. Every error is `application/problem+json` (RFC 9457).
//!
//! # Why
//! - Without tokens the API is for this machine alone, whatever address is listened on:
//!   it names callers. A peer on loopback is not enough, because a page of a stranger in a
//!   local browser (DNS rebinding) and a reverse proxy come from loopback too; so the Host
//!   must be local as well, and nothing may say that the request was forwarded.
//! - axum's own accept loop has no bound on connections and no timeout on a request's
//!   head; `listen` adds both below it.

mod api;
mod guard;
mod listen;
mod problem;
mod records;
mod wallboard;

#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::SystemTime;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, extract::connect_info::IntoMakeServiceWithConnectInfo};
use exchange::metric::Recorder;
use exchange::record::{CallRecord, Live};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::store::{RecordPage, RecordQuery, Store, StoreError};
use listen::{Limited, Peer};
use problem::Problem;

/// Questions to the database at once; others wait for their turn.
const QUESTIONS: usize = 4;

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
    questions: Arc<Semaphore>,
    ready: Ready,
    now: Now,
}

impl AppState {
    /// `ready` is asked at each `/readyz`, `now` whenever ages are shown.
    pub(crate) fn new(
        live: Arc<RwLock<Live>>,
        recorder: Arc<Recorder>,
        records: Arc<dyn Records>,
        ready: Ready,
        now: Now,
    ) -> Self {
        Self {
            live,
            recorder,
            records,
            questions: Arc::new(Semaphore::new(QUESTIONS)),
            ready,
            now,
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
    let local = Router::new()
        .merge(wallboard::router())
        .nest("/api/v1", api::router().merge(records::router()))
        .route_layer(middleware::from_fn(guard::local_only));
    Router::new()
        .merge(local)
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .fallback(async || Problem::not_found("no such path"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "only GET and HEAD are served",
            )
        })
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

async fn metrics(State(state): State<AppState>) -> Response {
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
        Err(reason) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, reason).into_response(),
    }
}
