//! HTTP requests of flows.
//!
//! No redirect is followed, no proxy of the environment used and no cookie kept: what is
//! asked is what the flow says.

use std::time::Duration;

use anyhow::Context as _;
use exchange::flow::{Answer, HttpMethod, HttpRequest, Reply, Unanswered};
use reqwest::redirect::Policy;
use reqwest::{Method, Response};

use crate::server::net::tls;

/// Of an answer; a flow picks a few values of it.
const BODY_BYTES: usize = 64 * 1024;
/// Connections to one server that wait for the next request.
const IDLE: usize = 16;
/// For so long.
const KEPT: Duration = Duration::from_secs(30);

/// The client of all flows.
#[derive(Clone, Debug)]
pub(super) struct Client {
    client: reqwest::Client,
}

impl Client {
    /// # Errors
    /// When TLS cannot be set up.
    pub(super) fn new() -> anyhow::Result<Self> {
        let tls = tls::client(None)?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured((*tls).clone())
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(IDLE)
            .pool_idle_timeout(KEPT)
            .user_agent(concat!("Centrale/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("cannot set up the requests of flows")?;
        Ok(Self { client })
    }

    /// One request. It takes as long as the server likes: whoever asks has the clock.
    pub(super) async fn ask(&self, request: &HttpRequest) -> Reply {
        let mut asked = self.client.request(method(request.method), &request.url);
        for (name, value) in &request.headers {
            asked = asked.header(&**name, value);
        }
        if let Some(body) = &request.body {
            asked = asked
                .header("Content-Type", "application/json")
                .body(body.clone());
        }
        let response = asked.send().await.map_err(|_| Unanswered::Unreachable)?;
        let status = response.status().as_u16();
        let body = read(response).await?;
        request.answer(status, &body).map(Answer::Http)
    }
}

/// A body that is no longer than one may be.
async fn read(mut response: Response) -> Result<Vec<u8>, Unanswered> {
    let mut body = Vec::new();
    while let Some(piece) = response
        .chunk()
        .await
        .map_err(|_| Unanswered::Unreachable)?
    {
        if body.len() + piece.len() > BODY_BYTES {
            return Err(Unanswered::Unusable);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
    }
}
