//! The wallboard: one page, its style and its script, inside the binary.

use axum::Router;
use axum::http::{HeaderName, header};
use axum::routing::get;

use super::AppState;

type Page = ([(HeaderName, &'static str); 1], &'static str);

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/", get(page))
        .route("/wallboard.css", get(style))
        .route("/wallboard.js", get(script))
}

async fn page() -> Page {
    (
        [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
        include_str!("web/wallboard/index.html"),
    )
}

async fn style() -> Page {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("web/wallboard/wallboard.css"),
    )
}

async fn script() -> Page {
    (
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
        include_str!("web/wallboard/wallboard.js"),
    )
}
