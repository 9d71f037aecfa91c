//! `sip.trunks` and `sip.dns`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::outside::{Dns, Login, Register, Trunk};
use super::reader::{Reader, check_name};
use super::rewrites::{Rewrites, is_number};
use crate::flow::source::Cursor;
use crate::model::TrunkName;
use crate::sip::digest::{Algorithm, ha1};
use crate::sip::{Account, Uri, way};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// Between two probes.
const LEAST: Duration = Duration::from_secs(8);
/// Prefixes of one map.
const REWRITES: usize = 1_000;

const FIELDS: &[&str] = &[
    "from",
    "username",
    "secret",
    "digest",
    "max_calls",
    "called",
    "caller",
    "credentials",
    "register",
    "server",
    "probe",
];

const NO_ADDRESS: &str = "write \"sip:name@host:5060\"";

/// An address that can be called, or what to write instead.
pub(super) fn address(text: &str) -> Result<Uri, &'static str> {
    let parsed = Uri::parse(text).ok().filter(|uri| uri.host.is_some());
    let uri = parsed.ok_or(NO_ADDRESS)?;
    match way(&uri) {
        Some(_) => Ok(uri),
        None => Err("`transport` is udp, tcp or tls; `sips:` goes by TLS"),
    }
}

impl Reader<'_> {
    pub(super) fn trunks(
        &mut self,
        section: Option<Cursor<'_>>,
        domain: &str,
    ) -> BTreeMap<TrunkName, Arc<Trunk>> {
        let mut trunks = BTreeMap::new();
        let mut users = BTreeSet::new();
        let Some(value) = section.and_then(|section| section.get("trunks")) else {
            return trunks;
        };
        for (name, value) in value.map(self.diags).unwrap_or_default() {
            check_name(value, name, self.diags);
            if value.map(self.diags).is_none() {
                continue;
            }
            value.unknown_keys(FIELDS, self.diags);
            let trunk = self.trunk(value, domain);
            let user = trunk.login.as_ref().map(|login| login.username.clone());
            if let Some(user) = user
                && !users.insert(user.clone())
                && let Some(at) = value.get("username")
            {
                let problem = at.error(format!("another trunk has the username `{user}`"));
                self.diags
                    .push(problem.hint("give each trunk a username of its own"));
            }
            trunks.insert(TrunkName::from(name), Arc::new(trunk));
        }
        trunks
    }

    fn trunk(&mut self, value: Cursor<'_>, domain: &str) -> Trunk {
        let mut from = Vec::new();
        let ranges = value.get("from").map(|ranges| ranges.one_or_many());
        for item in ranges.unwrap_or_default() {
            from.extend(self.network(item));
        }
        let login = self.login(value, domain);
        let account = self.account(value);
        let any = ["from", "username", "credentials"];
        if !any.iter().any(|key| value.get(key).is_some()) {
            let problem = value.key_error("this trunk knows nobody");
            self.diags.push(problem.hint(
                "write `from: [203.0.113.0/24]`, or `username` and `secret`, or `credentials`",
            ));
        }
        let register = self.register(value);
        if register.is_some()
            && value.get("credentials").is_none()
            && let Some(at) = value.get("register")
        {
            let problem = at.key_error("a registration wants `credentials`");
            self.diags
                .push(problem.hint("write `credentials: {username: …, secret: …, realm: …}`"));
        }
        Trunk {
            from,
            login,
            max_calls: self.count(value, "max_calls"),
            called: self.rewrites(value, "called"),
            caller: self.rewrites(value, "caller"),
            account,
            probe: self.trunk_probe(value, register.as_ref()),
            register,
        }
    }

    fn login(&mut self, value: Cursor<'_>, domain: &str) -> Option<Login> {
        let Some(username) = value.get("username") else {
            for key in ["secret", "digest"] {
                if let Some(at) = value.get(key) {
                    let problem = at.key_error(format!("`{key}` without `username`"));
                    self.diags.push(problem.hint(
                        "write the name that the trunk calls with: `username: …`; what we call with is `credentials`",
                    ));
                }
            }
            return None;
        };
        let username = self.username(username)?;
        let secret = self.secret(value, ("username", &username), domain)?;
        Some(Login { username, secret })
    }

    /// A name that can stand in quotes as it is.
    fn username(&mut self, value: Cursor<'_>) -> Option<String> {
        let text = value.word(self.diags)?;
        let plain = |c: char| !c.is_control() && !matches!(c, '"' | '\\');
        if text.is_empty() || !text.chars().all(plain) {
            let problem = value.error(format!("`{text}` is no username"));
            self.diags
                .push(problem.hint("write what the carrier gave you, without quotes"));
            return None;
        }
        Some(text.to_owned())
    }

    fn account(&mut self, trunk: Cursor<'_>) -> Option<Arc<Account>> {
        let value = trunk.get("credentials")?;
        value.map(self.diags)?;
        value.unknown_keys(&["username", "secret", "realm"], self.diags);
        let username = value.require("username", self.diags);
        let secret = value.require("secret", self.diags);
        let realm = value.require("realm", self.diags);
        let username = self.username(username?)?;
        let password = secret?.word(self.diags)?;
        let realm = self.username(realm?)?;
        Some(Arc::new(Account {
            md5: ha1(Algorithm::Md5, &username, &realm, password),
            sha256: ha1(Algorithm::Sha256, &username, &realm, password),
            username,
            realm,
        }))
    }

    fn register(&mut self, trunk: Cursor<'_>) -> Option<Register> {
        let value = trunk.get("register")?;
        value.map(self.diags)?;
        value.unknown_keys(&["to", "expires"], self.diags);
        let expires = self.duration(Some(value), "expires", HOUR, 60 * SECOND..=24 * HOUR);
        let to = value.require("to", self.diags)?;
        let to = self.outside(to)?;
        Some(Register { to, expires })
    }

    fn trunk_probe(
        &mut self,
        value: Cursor<'_>,
        register: Option<&Register>,
    ) -> Option<(Uri, Duration)> {
        let server = value.get("server");
        let server = server.and_then(|server| self.outside(server));
        let every = self.probe(value)?;
        let server = server.or_else(|| register.map(|register| register.to.clone()));
        if server.is_none()
            && let Some(at) = value.get("probe")
        {
            let problem = at.key_error("nobody is there to be asked");
            self.diags
                .push(problem.hint("write `server: \"sip:carrier.example\"` beside it"));
        }
        server.map(|server| (server, every))
    }

    /// `probe: 30s`; 0 is none.
    pub(super) fn probe(&mut self, map: Cursor<'_>) -> Option<Duration> {
        let zero = Duration::ZERO;
        let every = self.duration(Some(map), "probe", zero, zero..=HOUR);
        if every.is_zero() {
            return None;
        }
        if every < LEAST
            && let Some(at) = map.get("probe")
        {
            let problem = at.error("a probe takes up to 8 s, so it comes no more often");
            self.diags.push(problem.hint("write 30s, or 0s for none"));
        }
        Some(every.max(LEAST))
    }

    /// An address that can be called.
    pub(super) fn outside(&mut self, value: Cursor<'_>) -> Option<Uri> {
        let text = value.string(self.diags)?;
        let uri = address(text);
        if let Err(hint) = uri {
            let what = if hint == NO_ADDRESS {
                "is no SIP address"
            } else {
                "cannot be dialled"
            };
            let problem = value.error(format!("`{text}` {what}"));
            self.diags.push(problem.hint(hint));
        }
        uri.ok()
    }

    fn rewrites(&mut self, trunk: Cursor<'_>, key: &str) -> Rewrites {
        let mut rules = Vec::new();
        let entries = trunk.get(key).and_then(|value| value.map(self.diags));
        for (prefix, value) in entries.unwrap_or_default() {
            if rules.len() >= REWRITES {
                let problem = value.key_error(format!("more than {REWRITES} prefixes"));
                self.diags.push(problem);
                break;
            }
            if !prefix.is_empty() && !is_number(prefix) {
                let problem = value.key_error(format!("`{prefix}` is no prefix of a number"));
                self.diags.push(problem.hint(
                    "write digits, `*` and `#`, with a `+` before them, or \"\" for the rest; in quotes",
                ));
                continue;
            }
            let place = value.word(self.diags);
            let Some(place) = place else { continue };
            if !place.is_empty() && !is_number(place) {
                let problem = value.error(format!("`{place}` is no beginning of a number"));
                self.diags.push(problem.hint(
                    "write what stands before the rest of the number, such as \"+31\", or \"\"",
                ));
                continue;
            }
            rules.push((prefix.to_owned(), place.to_owned()));
        }
        Rewrites::new(rules)
    }

    pub(super) fn network(&mut self, item: Cursor<'_>) -> Option<IpNet> {
        let text = item.string(self.diags)?;
        let address = |text: &str| text.parse::<IpAddr>().ok().map(IpNet::from);
        let network = text.parse().ok().or_else(|| address(text));
        if network.is_none() {
            let problem = item.error(format!("`{text}` is no range of addresses"));
            self.diags
                .push(problem.hint("write 203.0.113.0/24, \"::1/128\", or one address"));
        }
        network
    }

    pub(super) fn dns(&mut self, section: Option<Cursor<'_>>) -> Dns {
        let mut servers = Vec::new();
        let Some(value) = section.and_then(|section| section.get("dns")) else {
            return Dns { servers };
        };
        if value.map(self.diags).is_some() {
            value.unknown_keys(&["servers"], self.diags);
        }
        let list = value.get("servers").map(|list| list.one_or_many());
        for item in list.unwrap_or_default() {
            let Some(text) = item.string(self.diags) else {
                continue;
            };
            let port = |text: &str| Some(SocketAddr::new(text.parse().ok()?, 53));
            match text.parse().ok().or_else(|| port(text)) {
                Some(server) => servers.push(server),
                None => {
                    let problem = item.error(format!("`{text}` is no address of a resolver"));
                    self.diags
                        .push(problem.hint("write \"192.0.2.53\" or \"192.0.2.53:5353\""));
                }
            }
        }
        Dns { servers }
    }
}
