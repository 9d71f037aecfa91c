//! Signatures of what is sent out, by which a receiver knows that it is ours.
//!
//! `X-Centrale-Signature: t=<seconds since 1970>,v1=<hexadecimal>`. The second is
//! HMAC-SHA256 (RFC 2104) under the shared secret of the time as it stands in the header,
//! the method and the path with its query, a line each, and the body. With the time in it a
//! message that was overheard cannot be sent again later; with the path, not elsewhere.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use exchange::config::Key;
use hmac::{Hmac, Mac as _};
use reqwest::Url;
use sha2::Sha256;

/// The header that carries it.
pub(crate) const HEADER: &str = "X-Centrale-Signature";

/// The path of a URL with its query, as it stands in the request line.
pub(crate) fn target(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// A secret, ready to sign with.
#[derive(Clone, Debug)]
pub(crate) struct Signer(Hmac<Sha256>);

impl Signer {
    /// # Errors
    /// When the library takes no secret of this length; it takes all.
    pub(crate) fn new(key: &Key) -> anyhow::Result<Self> {
        let mac = Hmac::new_from_slice(key.reveal()).context("cannot sign with this secret")?;
        Ok(Self(mac))
    }

    /// The header's value. `target` is the path with its query.
    pub(crate) fn sign(
        &self,
        at: SystemTime,
        (method, target): (&str, &str),
        body: &[u8],
    ) -> String {
        let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut mac = self.0.clone();
        mac.update(format!("{seconds}\n{method}\n{target}\n").as_bytes());
        mac.update(body);
        let mut text = format!("t={seconds},v1=");
        for byte in mac.finalize().into_bytes() {
            // Writing to a String cannot fail.
            write!(text, "{byte:02x}").ok();
        }
        text
    }
}
