//! The files of a folder as one map of top-level keys.

use std::collections::BTreeMap;

use crate::flow::source::{Cursor, Document, unknown};
use crate::model::Diagnostic;

/// Every top-level key.
const KEYS: &[&str] = &[
    "domain",
    "sip",
    "media",
    "http",
    "storage",
    "paths",
    "limits",
    "drain",
    "numbers",
    "queues",
    "lines",
    "operators",
    "hours",
    "projects",
    "recordings",
    "requests",
    "webhooks",
    "speech",
];

/// Reads the files. What cannot be read as YAML is a diagnostic, and the rest is read all
/// the same.
pub(super) fn parse(
    files: &[(String, String)],
    environment: &dyn Fn(&str) -> Option<String>,
    diags: &mut Vec<Diagnostic>,
) -> Vec<Document> {
    let mut documents = Vec::new();
    for (name, text) in files {
        match Document::parse_with(name, text, &|scalar| expand(scalar, environment)) {
            Ok(document) => documents.push(document),
            Err(problem) => diags.push(problem),
        }
    }
    documents
}

/// The top-level keys of all files. A key that two files have is a mistake of the second.
pub(super) fn merge<'a>(
    documents: &'a [Document],
    diags: &mut Vec<Diagnostic>,
) -> BTreeMap<&'a str, Cursor<'a>> {
    let mut merged: BTreeMap<&str, Cursor<'_>> = BTreeMap::new();
    let mut homes: BTreeMap<&str, &str> = BTreeMap::new();
    for document in documents {
        let root = document.root();
        if root.is_nothing() {
            continue;
        }
        for (key, value) in root.map(diags).unwrap_or_default() {
            if !KEYS.contains(&key) {
                let problem = value.key_error(format!("there is no setting `{key}`"));
                diags.push(unknown(problem, key, KEYS.iter().copied()));
            } else if let Some(home) = homes.get(key) {
                let problem = value.key_error(format!("`{key}` is already in {home}"));
                diags.push(problem.hint("write it in one file"));
            } else {
                homes.insert(key, document.file());
                merged.insert(key, value);
            }
        }
    }
    merged
}

/// Puts `${NAME}` and `${NAME:-default}` in.
fn expand(
    text: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, String> {
    let Some((before, mut rest)) = text.split_once("${") else {
        return Ok(None);
    };
    let mut expanded = before.to_owned();
    loop {
        let (inner, after) = rest
            .split_once('}')
            .ok_or("`${` without `}`: write ${NAME} or ${NAME:-default}")?;
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name {
            return Err(format!("`{name}` is no name of an environment variable"));
        }
        // As in a shell, `:-` also stands in for what is set to nothing.
        let value = environment(name).filter(|value| !value.is_empty() || default.is_none());
        match value.as_deref().or(default) {
            Some(value) => expanded.push_str(value),
            None => {
                return Err(format!(
                    "the environment variable {name} is not set: set it, or write ${{{name}:-default}}"
                ));
            }
        }
        match after.split_once("${") {
            Some((between, more)) => {
                expanded.push_str(between);
                rest = more;
            }
            None => {
                expanded.push_str(after);
                return Ok(Some(expanded));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_fills_in() {
        let environment = |name: &str| match name {
            "NAME" => Some("alice".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (text, expanded) in [
            ("plain", Ok(None)),
            ("${NAME}", Ok(Some("alice"))),
            ("a ${NAME} b ${NONE:-c} d", Ok(Some("a alice b c d"))),
            ("${EMPTY:-x}${EMPTY}", Ok(Some("x"))),
            ("${NONE:-}", Ok(Some(""))),
            ("${NONE}", Err("not set")),
            ("${NAME", Err("without")),
            ("${a-b}", Err("no name")),
        ] {
            match (expand(text, &environment), expanded) {
                (Ok(got), Ok(expected)) => assert_eq!(got.as_deref(), expected, "{text}"),
                (Err(got), Err(part)) => assert!(got.contains(part), "{text}: {got}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }
}
