//! A carrier's server in the simulation: who calls must prove who it is.

use crate::sip::digest::{Algorithm, Credentials, challenge, ha1};
use crate::sip::{Method, Name, Request, Response};

/// What it asked, so that no answer is good for two requests.
#[derive(Debug, Default)]
pub(super) struct Asking {
    issued: u64,
    open: bool,
}

impl Asking {
    /// The challenge to a request that does not prove who it is from. Questions that bind
    /// nobody (OPTIONS) are free.
    pub(super) fn objection(&mut self, request: &Request, realm: &str) -> Option<Response> {
        let free = [Method::Ack, Method::Cancel, Method::Options];
        if free.contains(&request.method) {
            return None;
        }
        let (code, answer, asks) = if request.method == Method::Register {
            (401, Name::Authorization, Name::WwwAuthenticate)
        } else {
            (407, Name::ProxyAuthorization, Name::ProxyAuthenticate)
        };
        let credentials = request.headers.first(&answer);
        let credentials = credentials.and_then(|value| Credentials::parse(&value));
        let mut stale = false;
        if let Some(credentials) = credentials {
            let ha1 = ha1(credentials.algorithm, "4711", realm, "pass");
            let right = credentials.username == "4711"
                && credentials.uri == request.uri.as_str()
                && credentials.verify(&ha1, &request.method, &request.body);
            let fresh = self.open && credentials.nonce == self.nonce();
            if right && fresh {
                self.open = false;
                return None;
            }
            stale = right;
        }
        self.issued += 1;
        self.open = true;
        let mut response = Response::to(request, code);
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            let value = challenge(algorithm, realm, &self.nonce(), stale);
            response.headers.push(asks.clone(), value);
        }
        Some(response)
    }

    fn nonce(&self) -> String {
        format!("nonce-{}", self.issued)
    }
}

/// The 200 to a REGISTER: its contact, for as long as it asked.
pub(super) fn registered(request: &Request) -> Response {
    let mut response = Response::to(request, 200);
    let expires = request.headers.expires().unwrap_or(3600);
    if let Some(contact) = request
        .headers
        .first(&Name::Contact)
        .filter(|_| expires > 0)
    {
        let value = format!("{contact};expires={expires}");
        response.headers.push(Name::Contact, value);
    }
    response
}
