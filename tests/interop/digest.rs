//! Answers to the server's challenges, for clients of our own.

use exchange::sip::digest::{Algorithm, Credentials, ha1};
use exchange::sip::{Method, Name, Response};

const REALM: &str = "centrale.localhost";

/// Where a REGISTER goes.
pub(crate) const REGISTRAR: (Method, &str) = (Method::Register, "sip:centrale.localhost");

/// Authorization of a user whose password is the name, by one of the algorithms offered.
pub(crate) fn proof(
    challenge: &Response,
    user: &str,
    algorithm: Algorithm,
    asked: (Method, &str),
) -> String {
    proof_by(challenge, (user, user), algorithm, asked)
}

/// The same by any password.
pub(crate) fn proof_by(
    challenge: &Response,
    (user, password): (&str, &str),
    algorithm: Algorithm,
    (method, uri): (Method, &str),
) -> String {
    let name = match algorithm {
        Algorithm::Md5 => "algorithm=MD5",
        Algorithm::Sha256 => "algorithm=SHA-256",
    };
    let mut challenges = challenge.headers.all(&Name::WwwAuthenticate);
    let value = challenges.find(|value| value.contains(name)).unwrap();
    let (_, rest) = value.split_once("nonce=\"").unwrap();
    let credentials = Credentials {
        username: user.to_owned(),
        realm: REALM.to_owned(),
        nonce: rest.split_once('"').unwrap().0.to_owned(),
        uri: uri.to_owned(),
        response: String::new(),
        algorithm,
        qop: Some("auth".to_owned()),
        nc: "00000001".to_owned(),
        cnonce: "c".to_owned(),
        opaque: None,
    };
    let secret = ha1(algorithm, user, REALM, password);
    credentials.answer(&secret, &method, b"")
}
