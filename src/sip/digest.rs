//! Digest authentication with MD5 and SHA-256 (RFC 7616, RFC 8760).

use std::fmt::Write as _;

use md5::{Digest as _, Md5};
use sha2::Sha256;

use crate::sip::Method;
use crate::sip::header::split_outside;

/// A hash that both sides know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// MD5: old phones know nothing else.
    Md5,
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    /// As on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// Reads its name; none is MD5 (RFC 7616 section 3.3). `None` for another.
    pub(crate) fn parse(name: Option<String>) -> Option<Self> {
        match name.map(|name| name.to_ascii_uppercase()).as_deref() {
            None | Some("MD5") => Some(Self::Md5),
            Some("SHA-256") => Some(Self::Sha256),
            Some(_) => None,
        }
    }

    pub(super) fn hash(self, parts: &[&[u8]]) -> String {
        #[cfg(test)]
        work::count(self, parts);
        match self {
            Self::Md5 => hex(&joined(Md5::new(), parts).finalize()),
            Self::Sha256 => hex(&joined(Sha256::new(), parts).finalize()),
        }
    }
}

/// What was hashed on this thread, for tests: equal work shows in nothing else.
#[cfg(test)]
pub(crate) mod work {
    use std::cell::RefCell;

    use super::Algorithm;

    thread_local! {
        static DONE: RefCell<Vec<(&'static str, usize)>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn count(algorithm: Algorithm, parts: &[&[u8]]) {
        let bytes = parts.iter().map(|part| part.len() + 1).sum();
        DONE.with_borrow_mut(|done| done.push((algorithm.as_str(), bytes)));
    }

    /// The hashes since this was asked last: by which, of how many bytes.
    pub(crate) fn done() -> Vec<(&'static str, usize)> {
        DONE.take()
    }
}

fn joined<D: md5::Digest>(mut digest: D, parts: &[&[u8]]) -> D {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            digest.update(b":");
        }
        digest.update(part);
    }
    digest
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
    }
    text
}

/// The hash of `user:realm:password`, which is what is stored.
#[must_use]
pub fn ha1(algorithm: Algorithm, user: &str, realm: &str, password: &str) -> String {
    algorithm.hash(&[user.as_bytes(), realm.as_bytes(), password.as_bytes()])
}

/// The value of WWW-Authenticate.
#[must_use]
pub fn challenge(algorithm: Algorithm, realm: &str, nonce: &str, stale: bool) -> String {
    let stale = if stale { ", stale=true" } else { "" };
    format!(
        "Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={}, qop=\"auth\"{stale}",
        algorithm.as_str()
    )
}

/// What a peer says in Authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Who.
    pub username: String,
    /// Where the secret belongs.
    pub realm: String,
    /// Which challenge is answered.
    pub nonce: String,
    /// The address as the peer hashed it.
    pub uri: String,
    /// The answer, in hexadecimal.
    pub response: String,
    /// The hash.
    pub algorithm: Algorithm,
    /// `auth` or `auth-int`, when the peer answered with one.
    pub qop: Option<String>,
    /// The peer's count, as written.
    pub nc: String,
    /// The peer's own nonce.
    pub cnonce: String,
    /// What the challenge wants back as it was (RFC 7616 section 3.4).
    pub opaque: Option<String>,
}

impl Credentials {
    /// Reads a value of Authorization; `None` for another scheme, an unknown hash or an
    /// unknown quality of protection.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let parts = split_outside(rest, b',')?;
        let find = |name: &str| field(&parts, name);
        let algorithm = Algorithm::parse(find("algorithm"))?;
        let qop = find("qop").map(|qop| qop.to_ascii_lowercase());
        if !matches!(qop.as_deref(), None | Some("auth" | "auth-int")) {
            return None;
        }
        Some(Self {
            username: find("username")?,
            realm: find("realm")?,
            nonce: find("nonce")?,
            uri: find("uri")?,
            response: find("response")?.to_ascii_lowercase(),
            algorithm,
            qop,
            nc: find("nc").unwrap_or_default(),
            cnonce: find("cnonce").unwrap_or_default(),
            opaque: find("opaque"),
        })
    }

    /// Whether the answer is right, in time that does not depend on where it is wrong.
    #[must_use]
    pub fn verify(&self, ha1: &str, method: &Method, body: &[u8]) -> bool {
        same(
            self.response.as_bytes(),
            self.expected(ha1, method, body).as_bytes(),
        )
    }

    fn expected(&self, ha1: &str, method: &Method, body: &[u8]) -> String {
        let hash = |parts: &[&[u8]]| self.algorithm.hash(parts);
        let (method, uri) = (method.as_str().as_bytes(), self.uri.as_bytes());
        let (ha1, nonce) = (ha1.as_bytes(), self.nonce.as_bytes());
        let Some(qop) = &self.qop else {
            return hash(&[ha1, nonce, hash(&[method, uri]).as_bytes()]);
        };
        let ha2 = if qop == "auth-int" {
            hash(&[method, uri, hash(&[body]).as_bytes()])
        } else {
            hash(&[method, uri])
        };
        hash(&[
            ha1,
            nonce,
            self.nc.as_bytes(),
            self.cnonce.as_bytes(),
            qop.as_bytes(),
            ha2.as_bytes(),
        ])
    }

    /// The value of Authorization that answers as `self` says; `response` is filled in.
    #[must_use]
    pub fn answer(mut self, ha1: &str, method: &Method, body: &[u8]) -> String {
        self.response = self.expected(ha1, method, body);
        let Self {
            username,
            realm,
            nonce,
            uri,
            response,
            nc,
            cnonce,
            ..
        } = &self;
        let mut text = format!(
            "Digest username=\"{username}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", algorithm={}",
            self.algorithm.as_str()
        );
        if let Some(qop) = &self.qop {
            // Writing to a String cannot fail.
            write!(text, ", qop={qop}, nc={nc}, cnonce=\"{cnonce}\"").ok();
        }
        if let Some(opaque) = &self.opaque {
            write!(text, ", opaque=\"{opaque}\"").ok();
        }
        text
    }
}

/// The value of one `name=value` of a list, unquoted.
pub(crate) fn field(parts: &[&str], name: &str) -> Option<String> {
    parts.iter().find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case(name)
            .then(|| unquote(value.trim()))
    })
}

fn unquote(text: &str) -> String {
    match text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => text.to_owned(),
    }
}

/// In time that does not depend on where they differ.
pub(super) fn same(one: &[u8], two: &[u8]) -> bool {
    let differences = one.iter().zip(two).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == two.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7616 section 3.9.1, both answers to one challenge.
    const NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

    fn credentials(algorithm: &str, response: &str) -> Credentials {
        Credentials::parse(&format!(
            "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm={algorithm}, \
             nonce=\"{NONCE}\", nc=00000001, cnonce=\"{CNONCE}\", qop=auth, response=\"{response}\""
        ))
        .unwrap()
    }

    /// RFC 7616 section 3.9.1.
    #[test]
    fn the_answers_of_rfc_7616_are_right_and_no_other() {
        let cases = [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec", Algorithm::Md5),
            (
                "SHA-256",
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
                Algorithm::Sha256,
            ),
        ];
        for (name, response, algorithm) in cases {
            let ha1 = ha1(
                algorithm,
                "Mufasa",
                "http-auth@example.org",
                "Circle of Life",
            );
            let get = Method::Other("GET".into());
            let read = credentials(name, response);
            assert!(read.verify(&ha1, &get, b""), "{name}");
            assert!(!read.verify(&ha1, &Method::Register, b""), "{name}");
            assert!(
                !credentials(name, &response.replace('8', "9")).verify(&ha1, &get, b""),
                "{name}"
            );
            assert_eq!(
                Credentials::parse(&read.clone().answer(&ha1, &get, b"")),
                Some(read)
            );
        }
    }

    // No RFC has an example; worked out by hand with md5sum and sha256sum.
    #[test]
    fn a_body_is_part_of_an_answer_with_integrity() {
        let cases = [
            ("MD5", Algorithm::Md5, "c0ea17c6bb23e9ed4ca9d49ad707fe73"),
            (
                "SHA-256",
                Algorithm::Sha256,
                "d72bc0ec12cef2a5be42e5a74e465ad46a7a3c2ff7e3d3b414d9c65de5411699",
            ),
        ];
        for (name, algorithm, response) in cases {
            let ha1 = ha1(
                algorithm,
                "Mufasa",
                "http-auth@example.org",
                "Circle of Life",
            );
            let mut read = credentials(name, response);
            read.qop = Some("auth-int".to_owned());
            assert!(read.verify(&ha1, &Method::Register, b"some body"), "{name}");
            assert!(
                !read.verify(&ha1, &Method::Register, b"other body"),
                "{name}"
            );
        }
    }

    #[test]
    fn other_schemes_and_hashes_are_no_credentials() {
        for text in [
            "Basic abc",
            "Digest",
            "Digest username=\"a\"",
            "Digest username=\"a",
            "Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"0\", qop=other",
            "",
        ] {
            assert_eq!(Credentials::parse(text), None, "{text}");
        }
    }
}
