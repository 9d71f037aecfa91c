//! A file as a tree of values, each with its place.

use std::sync::Arc;

use saphyr_parser::Marker;
use serde_yaml::Value;

use super::Cursor;
use super::read::Reader;
use crate::model::{Diagnostic, Span, limits};

/// Looks at the text of a scalar and returns what to read in its place: `None` leaves
/// it, `Err` is the message of a diagnostic. Configuration expands `${NAME}` with it.
pub type Replace<'a> = &'a dyn Fn(&str) -> Result<Option<String>, String>;

/// One YAML file, read.
#[derive(Debug)]
pub struct Document {
    file: Arc<str>,
    lines: Vec<String>,
    root: Node,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// The text as written (without quotes), and what YAML takes it for.
    Scalar(String, Value),
    List(Vec<Node>),
    Map(Vec<Pair>),
}

#[derive(Debug)]
pub(super) struct Pair {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

impl Document {
    /// Reads a text; `file` is its name in diagnostics.
    ///
    /// # Errors
    /// The first thing that is not YAML, or that the module refuses.
    pub fn parse(file: &str, text: &str) -> Result<Self, Diagnostic> {
        Self::parse_with(file, text, &|_| Ok(None))
    }

    /// The same, with each scalar value (not keys) passed through `replace` first. A
    /// replaced plain scalar is typed by its new text, a quoted one stays text.
    ///
    /// # Errors
    /// As [`Self::parse`], and what `replace` says.
    pub fn parse_with(file: &str, text: &str, replace: Replace<'_>) -> Result<Self, Diagnostic> {
        let mut document = Self {
            file: file.into(),
            lines: Vec::new(),
            root: Node {
                span: Span {
                    line: 1,
                    column: 1,
                    width: 1,
                },
                kind: Kind::Scalar(String::new(), Value::Null),
            },
        };
        if text.len() > limits::YAML_BYTES {
            return Err(Diagnostic::file(file, "the file is larger than 1 MiB"));
        }
        document.lines = text.lines().map(str::to_owned).collect();
        let mut reader = Reader::new(&document, text, replace);
        let Some(root) = reader.document()? else {
            return Ok(document);
        };
        // The positions come from one parser and the values from the other; a file
        // that only one of them can read is refused.
        let value: Value =
            serde_yaml::from_str(text).map_err(|error| document.unreadable(&error))?;
        document.root = reader.join(root, value)?;
        Ok(document)
    }

    /// The name of the file.
    #[must_use]
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The whole document.
    #[must_use]
    pub fn root(&self) -> Cursor<'_> {
        Cursor {
            document: self,
            node: &self.root,
            key: None,
        }
    }

    pub(super) fn diagnostic(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        let source = span.line.checked_sub(1).and_then(|n| self.lines.get(n));
        Diagnostic {
            span,
            source: source.cloned().unwrap_or_default(),
            ..Diagnostic::file(Arc::clone(&self.file), message)
        }
    }

    fn unreadable(&self, error: &serde_yaml::Error) -> Diagnostic {
        let span = error.location().map_or_else(
            || Span {
                line: 1,
                column: 1,
                width: 1,
            },
            |at| Span {
                line: at.line(),
                column: at.column(),
                width: 1,
            },
        );
        self.diagnostic(span, format!("this is not valid YAML: {error}"))
    }

    pub(super) fn span(&self, start: Marker, end: Marker) -> Span {
        let line = start.line().max(1);
        let column = start.col() + 1;
        let width = if end.line() == start.line() {
            end.col().saturating_sub(start.col())
        } else {
            let length = self
                .lines
                .get(line - 1)
                .map_or(0, |l| l.trim_end().chars().count());
            length.saturating_sub(start.col())
        };
        Span {
            line,
            column,
            width: width.max(1),
        }
    }
}
