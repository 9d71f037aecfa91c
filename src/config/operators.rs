//! `operators`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::reader::{Reader, check_name};
use crate::flow::source::Cursor;
use crate::flow::steps::levels;
use crate::model::{OperatorName, SkillSet, limits};
use crate::operator::{LogIn, Role, Secret, Settings};
use crate::sip::digest::{Algorithm, ha1};

const FIELDS: &[&str] = &[
    "name",
    "secret",
    "digest",
    "skills",
    "role",
    "log_in",
    "max_calls",
];

impl Reader<'_> {
    pub(super) fn operators(
        &mut self,
        section: Option<Cursor<'_>>,
        domain: &str,
    ) -> BTreeMap<OperatorName, Arc<Settings>> {
        let mut operators = BTreeMap::new();
        let entries = section.and_then(|section| section.map(self.diags));
        // The entries stand in the order of the file, and the strategy `ordered` goes by it.
        for (place, (name, value)) in (0..).zip(entries.unwrap_or_default()) {
            check_name(value, name, self.diags);
            if operators.len() >= limits::OPERATORS {
                let most = limits::OPERATORS;
                self.diags
                    .push(value.key_error(format!("more than {most} operators")));
                break;
            }
            if let Some(settings) = self.operator((place, OperatorName::from(name)), value, domain)
            {
                operators.insert(settings.name.clone(), Arc::new(settings));
            }
        }
        operators
    }

    fn operator(
        &mut self,
        (place, name): (u32, OperatorName),
        value: Cursor<'_>,
        domain: &str,
    ) -> Option<Settings> {
        value.map(self.diags)?;
        value.unknown_keys(FIELDS, self.diags);
        let display = value.get("name").and_then(|v| v.string(self.diags));
        let skills = value
            .get("skills")
            .map(|skills| levels(skills, 1, self.diags))
            .unwrap_or_default();
        let skills: SkillSet = skills
            .into_iter()
            .filter_map(|(skill, level)| Some((skill, level?)))
            .collect();
        let roles = [
            ("operator", Role::Operator),
            ("supervisor", Role::Supervisor),
            ("admin", Role::Admin),
        ];
        let log_in = [
            ("on_register", LogIn::OnRegister),
            ("manual", LogIn::Manual),
        ];
        let most = i64::from(limits::CALLS_PER_OPERATOR);
        let max_calls = self.number(Some(value), "max_calls", 1, 1..=most);
        Some(Settings {
            display: display.unwrap_or(name.as_str()).to_owned(),
            secret: self.secret(value, ("operator", name.as_str()), domain)?,
            skills,
            role: self.word(value, "role", &roles).unwrap_or_default(),
            log_in: self.word(value, "log_in", &log_in).unwrap_or_default(),
            max_calls: u8::try_from(max_calls).unwrap_or(1),
            place,
            name,
        })
    }

    /// `secret` or `digest` of somebody with a name.
    pub(super) fn secret(
        &mut self,
        who: Cursor<'_>,
        (what, name): (&str, &str),
        domain: &str,
    ) -> Option<Secret> {
        match (who.get("secret"), who.get("digest")) {
            (Some(secret), None) => {
                let password = secret.word(self.diags)?;
                if password.is_empty() {
                    self.diags.push(secret.error("the password is empty"));
                }
                Some(secret_of(name, domain, password))
            }
            (None, Some(digest)) => {
                let text = digest.string(self.diags)?;
                let secret = read_digest(text);
                if secret.is_none() {
                    let problem = digest.error("this is no digest");
                    self.diags
                        .push(problem.hint("write what `centrale secret` prints"));
                }
                secret
            }
            (Some(secret), Some(_)) => {
                let problem = secret.key_error("both `secret` and `digest`");
                self.diags.push(problem.hint("write one of them"));
                None
            }
            (None, None) => {
                let problem = who.key_error(format!("{what} `{name}` has no password"));
                self.diags
                    .push(problem.hint(
                        "write `secret: …`, or `digest:` with what `centrale secret` prints",
                    ));
                None
            }
        }
    }
}

/// What a password is kept as.
#[must_use]
pub(super) fn secret_of(name: &str, domain: &str, password: &str) -> Secret {
    Secret {
        md5: ha1(Algorithm::Md5, name, domain, password),
        sha256: ha1(Algorithm::Sha256, name, domain, password),
    }
}

/// Reads `md5:…,sha256:…`.
fn read_digest(text: &str) -> Option<Secret> {
    let (md5, sha256) = text.split_once(',')?;
    let md5 = md5.trim().strip_prefix("md5:")?;
    let sha256 = sha256.trim().strip_prefix("sha256:")?;
    let hexadecimal =
        |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    (hexadecimal(md5, 32) && hexadecimal(sha256, 64)).then(|| Secret {
        md5: md5.to_ascii_lowercase(),
        sha256: sha256.to_ascii_lowercase(),
    })
}
