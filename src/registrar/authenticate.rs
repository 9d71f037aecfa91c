//! Who may register: digest with SHA-256 or MD5 (RFC 3261 section 22, RFC 8760).
//!
//! # Why
//! A name that does not exist gets the same answer after the same work as one that does
//! with a wrong password, so that names cannot be found by trying.

use std::time::Duration;

use crate::model::OperatorName;
use crate::operator::Secret;
use crate::sip::digest::{self, Algorithm, Credentials, Freshness, Nonces};
use crate::sip::{Name, Request, Response};

/// What nobody's password hashes to: not hexadecimal. As long as a SHA-256.
const NOBODY: &str = "nobody nobody nobody nobody nobody nobody nobody nobody nobody n";

/// What every phone is measured by.
#[derive(Debug)]
pub struct Door<'a> {
    /// The realm of challenges: the domain of the configuration.
    pub realm: &'a str,
    /// The maker and judge of nonces.
    pub nonces: &'a Nonces,
    /// The time since 1970.
    pub now: Duration,
}

/// What becomes of a REGISTER.
#[derive(Debug)]
pub enum Verdict {
    /// It is the operator's.
    Accepted,
    /// It is to be asked (again): a 401 with both algorithms, the stronger first.
    Challenge(Response),
    /// The credentials are wrong: a 403.
    Forbidden(Response),
}

/// Whether a REGISTER comes from `operator`, whose secret is `None` if there is no such
/// operator.
pub fn authenticate(
    request: &Request,
    operator: &OperatorName,
    secret: Option<&Secret>,
    door: &Door<'_>,
) -> Verdict {
    let ours = request
        .headers
        .all(&Name::Authorization)
        .filter_map(|value| Credentials::parse(&value))
        .find(|credentials| credentials.realm == door.realm);
    let Some(credentials) = ours else {
        return Verdict::Challenge(challenge(request, door, false));
    };
    match door.nonces.check(&credentials.nonce, door.now) {
        Freshness::Fresh => {}
        Freshness::Stale => return Verdict::Challenge(challenge(request, door, true)),
        Freshness::Forged => return Verdict::Challenge(challenge(request, door, false)),
    }
    let known = secret.filter(|_| credentials.username == operator.as_str());
    let ha1 = known.map_or(NOBODY, |secret| match credentials.algorithm {
        Algorithm::Md5 => secret.md5.as_str(),
        Algorithm::Sha256 => secret.sha256.as_str(),
    });
    // Both are asked, so that a name that does not exist takes as long.
    let right = credentials.verify(ha1, &request.method, &request.body);
    if right && known.is_some() {
        Verdict::Accepted
    } else {
        Verdict::Forbidden(Response::to(request, 403))
    }
}

fn challenge(request: &Request, door: &Door<'_>, stale: bool) -> Response {
    let mut response = Response::to(request, 401);
    for algorithm in offered(request) {
        let nonce = door.nonces.issue(door.now);
        let value = digest::challenge(algorithm, door.realm, &nonce, stale);
        response.headers.push(Name::WwwAuthenticate, value);
    }
    response
}

/// What is offered, best first. RFC 8760 section 2.4 has phones pass over an algorithm
/// that they do not know. Old ones do not: some give up at the sight of it, some look at
/// the first challenge only. The former name themselves; the latter are simple enough to
/// have no name. They lose nothing that they could have had.
fn offered(request: &Request) -> Vec<Algorithm> {
    let gives_up = ["baresip v0.", "baresip v1."];
    match request.headers.first(&Name::UserAgent).as_deref() {
        None => vec![Algorithm::Md5, Algorithm::Sha256],
        Some(name) if gives_up.iter().any(|known| name.starts_with(known)) => {
            vec![Algorithm::Md5]
        }
        Some(_) => vec![Algorithm::Sha256, Algorithm::Md5],
    }
}
