//! `requests`: what flows may ask of the world outside.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;

use super::reader::Reader;
use crate::flow::Origin;
use crate::flow::source::Cursor;

/// Places that can be named.
const ORIGINS: usize = 256;
/// Networks that can be named.
const NETWORKS: usize = 64;
/// A secret that is shorter can be guessed.
const SECRET_CHARS: usize = 16;

/// `requests:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Where requests of flows may go.
    pub allow: Arc<BTreeSet<Origin>>,
    /// Networks of ours that the names of `allow` may lead to.
    pub private: Vec<IpNet>,
    /// What requests are signed with.
    pub secret: Option<Key>,
    /// The authorities that servers are checked against, in PEM; `None`: those of the
    /// system.
    pub ca: Option<PathBuf>,
}

/// A secret to sign with. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Arc<str>);

impl Key {
    /// What it is.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Reader<'_> {
    pub(super) fn requests(&mut self, section: Option<Cursor<'_>>, folder: &Path) -> Requests {
        let Some(section) = section else {
            return Requests::default();
        };
        section.map(self.diags);
        section.unknown_keys(&["allow", "private", "secret", "ca"], self.diags);
        let ca = section.get("ca").and_then(|value| value.string(self.diags));
        Requests {
            allow: Arc::new(self.allowed(section)),
            private: self.private(section),
            secret: self.key(section, "secret"),
            ca: ca.map(|path| folder.join(path)),
        }
    }

    fn allowed(&mut self, section: Cursor<'_>) -> BTreeSet<Origin> {
        let items = section.get("allow").map(|value| value.one_or_many());
        let items = items.unwrap_or_default();
        if let Some(item) = items.get(ORIGINS) {
            let problem = item.error(format!("at most {ORIGINS} places can be allowed"));
            self.diags.push(problem);
        }
        let mut allowed = BTreeSet::new();
        for item in items {
            let Some(text) = item.string(self.diags) else {
                continue;
            };
            let origin = Origin::parse(text);
            if origin.is_none() {
                let problem = item.error(format!("`{text}` is no place to ask"));
                let hint = "write a host, as api.example.org, or http://host:port";
                self.diags.push(problem.hint(hint));
            }
            allowed.extend(origin);
        }
        allowed
    }

    fn private(&mut self, section: Cursor<'_>) -> Vec<IpNet> {
        let items = section.get("private").map(|value| value.one_or_many());
        let items = items.unwrap_or_default();
        if let Some(item) = items.get(NETWORKS) {
            let problem = item.error(format!("at most {NETWORKS} networks can be named"));
            self.diags.push(problem);
        }
        let networks = items.into_iter();
        networks.filter_map(|item| self.network(item)).collect()
    }

    /// A secret to sign with.
    pub(super) fn key(&mut self, map: Cursor<'_>, key: &str) -> Option<Key> {
        let value = map.get(key)?;
        let text = value.string(self.diags)?;
        if text.chars().count() < SECRET_CHARS {
            let problem = value.error(format!("`{key}` has at least {SECRET_CHARS} characters"));
            let hint = "make one with: openssl rand -hex 32";
            self.diags.push(problem.hint(hint));
        }
        Some(Key(text.into()))
    }
}
