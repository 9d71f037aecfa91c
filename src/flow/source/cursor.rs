//! Readers of values: each says what it wanted, where, and what to write.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::document::{Document, Kind, Node, Pair};
use super::scalar::Scalar;
use super::unknown;
use crate::model::{Diagnostic, Severity, Span, limits, parse_duration};

/// A value of a document, with its place.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    pub(super) document: &'a Document,
    pub(super) node: &'a Node,
    pub(super) key: Option<&'a Pair>,
}

impl fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?}", self.node.kind, self.node.span)
    }
}

impl<'a> Cursor<'a> {
    /// Where the value stands.
    #[must_use]
    pub fn span(&self) -> Span {
        self.node.span
    }

    /// The key that the value belongs to, when it stands in a map.
    #[must_use]
    pub fn key(&self) -> Option<&'a str> {
        self.key.map(|pair| pair.key.as_str())
    }

    /// An error about the value.
    pub fn error(&self, message: impl Into<String>) -> Diagnostic {
        self.document.diagnostic(self.node.span, message)
    }

    /// An error about the key that the value belongs to (the value, when it has none).
    pub fn key_error(&self, message: impl Into<String>) -> Diagnostic {
        let span = self.key.map_or(self.node.span, |pair| pair.key_span);
        self.document.diagnostic(span, message)
    }

    /// A warning about the key: what stands there does nothing.
    pub fn warning(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Warning,
            ..self.key_error(message)
        }
    }

    /// What the value is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.node.kind {
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
            Kind::Scalar(_, Scalar::Nothing) => "nothing",
            Kind::Scalar(_, Scalar::Truth(_)) => "true or false",
            Kind::Scalar(_, Scalar::Number(_)) => "a number",
            Kind::Scalar(_, Scalar::Text) => "text",
        }
    }

    /// Whether nothing is written: `key:` or `key: null`.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(&self.node.kind, Kind::Scalar(_, Scalar::Nothing))
    }

    /// Whether it is a map.
    #[must_use]
    pub fn is_map(&self) -> bool {
        matches!(&self.node.kind, Kind::Map(_))
    }

    /// Whether it is a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        matches!(&self.node.kind, Kind::List(_))
    }

    fn expected(&self, what: &str, diags: &mut Vec<Diagnostic>) {
        let message = match self.key() {
            Some(key) => format!("`{key}` wants {what}, not {}", self.kind()),
            None => format!("expected {what}, not {}", self.kind()),
        };
        diags.push(if self.is_nothing() {
            self.key_error(message)
        } else {
            self.error(message)
        });
    }

    /// The entries of a map, in the order of the file; each cursor knows its key.
    pub fn map(&self, diags: &mut Vec<Diagnostic>) -> Option<Vec<(&'a str, Self)>> {
        let Kind::Map(_) = &self.node.kind else {
            self.expected("a map", diags);
            return None;
        };
        Some(self.entries().collect())
    }

    /// The entries of a map; none when it is something else.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, Self)> + use<'a> {
        let pairs: &'a [Pair] = match &self.node.kind {
            Kind::Map(pairs) => pairs,
            Kind::Scalar(..) | Kind::List(_) => &[],
        };
        let document = self.document;
        pairs.iter().map(move |pair| {
            let cursor = Self {
                document,
                node: &pair.value,
                key: Some(pair),
            };
            (pair.key.as_str(), cursor)
        })
    }

    /// The value of a key, when this is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Self> {
        self.entries()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// The value of a key that must be there.
    pub fn require(&self, key: &str, diags: &mut Vec<Diagnostic>) -> Option<Self> {
        let found = self.get(key);
        if found.is_none() && self.is_map() {
            let message = match self.key() {
                Some(name) => format!("`{name}` has no `{key}`"),
                None => format!("`{key}` is missing"),
            };
            diags.push(self.key_error(message).hint(format!("add `{key}: …`")));
        }
        found
    }

    /// The items of a list.
    pub fn list(&self, diags: &mut Vec<Diagnostic>) -> Option<Vec<Self>> {
        let Kind::List(_) = &self.node.kind else {
            self.expected("a list", diags);
            return None;
        };
        Some(self.one_or_many())
    }

    /// The items of a list, or the one value that stands in its place.
    #[must_use]
    pub fn one_or_many(&self) -> Vec<Self> {
        match &self.node.kind {
            Kind::List(items) => items
                .iter()
                .map(|node| Self {
                    document: self.document,
                    node,
                    key: None,
                })
                .collect(),
            Kind::Scalar(..) | Kind::Map(_) => vec![*self],
        }
    }

    /// Text; a number or a truth value is an error that says to quote it.
    pub fn string(&self, diags: &mut Vec<Diagnostic>) -> Option<&'a str> {
        match &self.node.kind {
            Kind::Scalar(text, Scalar::Text) => Some(text),
            Kind::Scalar(text, Scalar::Number(_) | Scalar::Truth(_)) => {
                let message = format!("expected text, not {}", self.kind());
                diags.push(self.error(message).hint(format!("write \"{text}\"")));
                None
            }
            Kind::Scalar(..) | Kind::List(_) | Kind::Map(_) => {
                self.expected("text", diags);
                None
            }
        }
    }

    /// Text, a number or a truth value, as it is written.
    pub fn word(&self, diags: &mut Vec<Diagnostic>) -> Option<&'a str> {
        match &self.node.kind {
            Kind::Scalar(text, Scalar::Text | Scalar::Number(_) | Scalar::Truth(_)) => Some(text),
            Kind::Scalar(..) | Kind::List(_) | Kind::Map(_) => {
                self.expected("a word", diags);
                None
            }
        }
    }

    /// The text of a scalar as written, whatever YAML takes it for.
    #[must_use]
    pub fn raw(&self) -> Option<&'a str> {
        match &self.node.kind {
            Kind::Scalar(text, _) => Some(text),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// A whole number within a range.
    pub fn integer(&self, range: RangeInclusive<i64>, diags: &mut Vec<Diagnostic>) -> Option<i64> {
        let number = match &self.node.kind {
            Kind::Scalar(_, Scalar::Number(number)) => number.as_i64(),
            Kind::Scalar(..) | Kind::List(_) | Kind::Map(_) => None,
        };
        let found = number.filter(|n| range.contains(n));
        if found.is_none() {
            let (low, high) = (range.start(), range.end());
            let what = format!("a whole number from {low} to {high}");
            if number.is_some() {
                diags.push(self.error(format!("this must be {what}")));
            } else {
                self.expected(&what, diags);
            }
        }
        found
    }

    /// `true` or `false`.
    pub fn bool(&self, diags: &mut Vec<Diagnostic>) -> Option<bool> {
        if let Kind::Scalar(_, Scalar::Truth(flag)) = &self.node.kind {
            return Some(*flag);
        }
        self.expected("true or false", diags);
        None
    }

    /// A duration, `1500ms`, `15s`, `2m`, `1h`, `30d`.
    pub fn duration(&self, diags: &mut Vec<Diagnostic>) -> Option<Duration> {
        match &self.node.kind {
            Kind::Scalar(text, Scalar::Text) => match parse_duration(text) {
                Ok(duration) => Some(duration),
                Err(error) => {
                    diags.push(
                        self.error(format!("`{text}` is no duration"))
                            .hint(error.to_string()),
                    );
                    None
                }
            },
            Kind::Scalar(text, Scalar::Number(_)) => {
                let message = format!("a duration has a unit; `{text}` has none");
                diags.push(
                    self.error(message)
                        .hint(format!("write {text}s for seconds")),
                );
                None
            }
            Kind::Scalar(..) | Kind::List(_) | Kind::Map(_) => {
                self.expected("a duration such as 15s", diags);
                None
            }
        }
    }

    /// Reports each key of a map that is not among the allowed ones, as long as a person
    /// would read on.
    pub fn unknown_keys(&self, allowed: &[&str], diags: &mut Vec<Diagnostic>) {
        let most = diags.len() + limits::FLOW_PROBLEMS;
        for (key, value) in self.entries() {
            if !allowed.contains(&key) && diags.len() < most {
                diags.push(unknown(
                    value.key_error(format!("unknown key `{key}`")),
                    key,
                    allowed.iter().copied(),
                ));
            }
        }
    }
}
