//! What a request says in its body: JSON, small, and nothing that is not known.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// A body that can be read from JSON.
pub(super) trait Readable: DeserializeOwned {
    /// One that is right, for whoever wrote one that is not.
    const EXAMPLE: &'static str;
}

/// The body of a request.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: Readable> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is(request.headers(), "application/json") {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let detail = "send JSON, and say so: `Content-Type: application/json`";
            return Err(Problem::new(status, detail));
        }
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|error| Problem::new(error.status(), error.body_text()))?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let status = if error.is_data() {
                StatusCode::UNPROCESSABLE_ENTITY
            } else {
                StatusCode::BAD_REQUEST
            };
            Problem::new(status, format!("{error}; write {}", T::EXAMPLE))
        })
    }
}

/// Whether the body is said to be of this kind. A page of another site cannot say so of
/// JSON or CSV without asking first (a preflight request), and is never allowed to.
pub(super) fn is(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let (kind, _parameters) = kind.split_once(';').unwrap_or((kind, ""));
    kind.trim().eq_ignore_ascii_case(wanted)
}
