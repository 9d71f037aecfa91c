//! HTTP requests of flows.
//!
//! No redirect is followed, no proxy of the environment used and no cookie kept: what is
//! asked is what the flow says.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use exchange::config::Requests;
use exchange::flow::{Answer, HttpMethod, HttpRequest, Origin, Reply, Unanswered};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, Url, retry};
use tokio::time::{sleep, timeout_at};

use super::gate::{Barred, Gate};
use super::rests::Rests;
use crate::server::net::dns::Names;
use crate::server::net::tls;
use crate::server::sign::{self, Signer};
use crate::server::{clock, entropy};

/// Of an answer; a flow picks a few values of it.
const BODY_BYTES: usize = 64 * 1024;
/// Connections to one server that wait for the next request.
const IDLE: usize = 16;
/// For so long.
const KEPT: Duration = Duration::from_secs(30);
/// Before the second try; twice as long before each one after it.
const PAUSE: Duration = Duration::from_millis(100);
/// What a server says that may soon be able again.
const PASSING: [u16; 4] = [429, 502, 503, 504];

/// The client of all flows, by one configuration.
#[derive(Debug)]
pub(crate) struct Client {
    client: reqwest::Client,
    gate: Arc<Gate>,
    allow: Arc<BTreeSet<Origin>>,
    signer: Option<Signer>,
    rests: Rests,
}

impl Client {
    /// # Errors
    /// When TLS cannot be set up, or the authorities cannot be read.
    pub(crate) fn new(requests: &Requests, names: Arc<Names>) -> anyhow::Result<Self> {
        let gate = Arc::new(Gate::new(&requests.private, names));
        Ok(Self {
            client: client(requests, Arc::clone(&gate))?,
            gate,
            allow: Arc::clone(&requests.allow),
            signer: requests.secret.as_ref().map(Signer::new).transpose()?,
            rests: Rests::default(),
        })
    }

    /// One request, with its retries; the reply is there by then.
    pub(super) async fn ask(&self, request: &HttpRequest, until: Instant) -> Reply {
        // A call may still have a flow that was loaded when more was allowed.
        let origin = Origin::of(&request.url).filter(|origin| self.allow.contains(origin));
        let Some(origin) = origin.filter(|origin| self.gate.admits_host(origin.host())) else {
            return Err(Unanswered::Refused);
        };
        if !self.rests.may_ask(&origin, clock::now()) {
            return Err(Unanswered::Resting);
        }
        let reply = timeout_at(until.into(), self.tries(request, until)).await;
        let reply = reply.unwrap_or(Err(Unanswered::TimedOut));
        let now = clock::now();
        if self.rests.told(&origin, !is_failure(&reply), now) {
            tracing::warn!(%origin, "requests fail again and again: flows go on without for a while");
        }
        reply
    }

    async fn tries(&self, request: &HttpRequest, until: Instant) -> Reply {
        let mut left = request.retries;
        let mut pause = PAUSE;
        loop {
            let reply = self.once(request).await;
            if left == 0 || !may_pass(&reply) || clock::now() + pause >= until {
                return reply;
            }
            left -= 1;
            sleep(entropy::jittered(pause)).await;
            pause *= 2;
        }
    }

    async fn once(&self, request: &HttpRequest) -> Reply {
        let url = Url::parse(&request.url).map_err(|_| Unanswered::Refused)?;
        let body = request.body.as_deref().unwrap_or_default();
        let method = method(request.method);
        let signature = self.signer.as_ref().filter(|_| request.sign).map(|signer| {
            let target = sign::target(&url);
            signer.sign(clock::wall(), (method.as_str(), &target), body.as_bytes())
        });
        let mut asked = self.client.request(method, url);
        for (name, value) in &request.headers {
            asked = asked.header(&**name, value.as_bytes());
        }
        if let Some(signature) = signature {
            asked = asked.header(sign::HEADER, signature);
        }
        if let Some(body) = &request.body {
            let body = body.clone();
            asked = asked.header("Content-Type", "application/json").body(body);
        }
        let response = asked.send().await.map_err(|error| why(&error))?;
        let status = response.status().as_u16();
        let body = read(response).await?;
        request.answer(status, &body).map(Answer::Http)
    }
}

/// A client that goes through the gate, and nowhere that an answer sends it.
///
/// # Errors
/// As [`Client::new`].
pub(crate) fn client(requests: &Requests, gate: Arc<Gate>) -> anyhow::Result<reqwest::Client> {
    let tls = tls::client(requests.ca.as_deref())?;
    reqwest::Client::builder()
        .tls_backend_preconfigured((*tls).clone())
        .dns_resolver(gate)
        .redirect(Policy::none())
        .retry(retry::never())
        .no_proxy()
        .referer(false)
        .http1_only()
        .pool_max_idle_per_host(IDLE)
        .pool_idle_timeout(KEPT)
        .user_agent(concat!("Centrale/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("cannot set up requests")
}

/// A body that is no longer than one may be.
async fn read(mut response: Response) -> Result<Vec<u8>, Unanswered> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| why(&error))? {
        if body.len() + piece.len() > BODY_BYTES {
            return Err(Unanswered::Unusable);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn why(error: &reqwest::Error) -> Unanswered {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<Barred>() {
            return Unanswered::Refused;
        }
        cause = inner.source();
    }
    Unanswered::Unreachable
}

/// Whether the server is to blame, and not what was asked.
fn is_failure(reply: &Reply) -> bool {
    match reply {
        Ok(Answer::Http(answer)) => (502..=504).contains(&answer.status),
        // No server answers so: it is not asked by HTTP.
        Ok(Answer::Speech(_) | Answer::Customer(_)) => false,
        Err(Unanswered::Unreachable | Unanswered::TimedOut) => true,
        Err(
            Unanswered::Busy | Unanswered::Refused | Unanswered::Resting | Unanswered::Unusable,
        ) => false,
    }
}

/// Whether it may go better the next time.
fn may_pass(reply: &Reply) -> bool {
    match reply {
        Ok(Answer::Http(answer)) => PASSING.contains(&answer.status),
        Ok(Answer::Speech(_) | Answer::Customer(_)) => false,
        Err(why) => *why == Unanswered::Unreachable,
    }
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
