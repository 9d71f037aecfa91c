//! A file as a tree of values, each with its place.

use std::sync::Arc;

use saphyr_parser::Marker;
use sha2::{Digest as _, Sha256};

use super::Cursor;
use super::read::Reader;
use super::scalar::Scalar;
use crate::model::{Diagnostic, Span, limits};

/// Looks at the text of a scalar and returns what to read in its place: `None` leaves
/// it, `Err` is the message of a diagnostic. Configuration expands `${NAME}` with it.
pub type Replace<'a> = &'a dyn Fn(&str) -> Result<Option<String>, String>;

/// Bytes of a line that is shown with what is wrong in it; a longer one helps nobody, and
/// is not copied for each problem.
const SHOWN_BYTES: usize = 1_000;

/// One YAML file, read.
#[derive(Debug)]
pub struct Document {
    file: Arc<str>,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
    pub(super) root: Node,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// The text as written (without quotes), and what YAML takes it for.
    Scalar(String, Scalar),
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
            text: String::new(),
            lines: Vec::new(),
            root: Node {
                span: Span {
                    line: 1,
                    column: 1,
                    width: 1,
                },
                kind: Kind::Scalar(String::new(), Scalar::Nothing),
            },
        };
        if text.len() > limits::YAML_BYTES {
            return Err(Diagnostic::file(file, "the file is larger than 1 MiB"));
        }
        text.clone_into(&mut document.text);
        let ends = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        document.lines = std::iter::once(0).chain(ends).collect();
        if let Some(line) = document.long_line() {
            let span = Span {
                line,
                column: 1,
                width: 1,
            };
            let most = limits::YAML_LINE_BYTES;
            let problem = document.diagnostic(span, format!("a line has at most {most} bytes"));
            return Err(problem.hint("break it"));
        }
        // The parser keeps every token of a list in brackets until it ends.
        let commas = memchr::memchr_iter(b',', text.as_bytes()).count();
        if commas > 2 * limits::YAML_VALUES {
            let message = format!("the file has more than {} values", limits::YAML_VALUES);
            return Err(Diagnostic::file(file, message));
        }
        let mut reader = Reader::new(&document, text, replace);
        if let Some(root) = reader.document()? {
            document.root = root;
        }
        Ok(document)
    }

    /// The name of the file.
    #[must_use]
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// A digest of the text, in hexadecimal: another text has another one.
    #[must_use]
    pub fn revision(&self) -> String {
        let digest = Sha256::digest(self.text.as_bytes());
        digest
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect()
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
        let source = self.line(span.line);
        let source = source.filter(|line| line.len() <= SHOWN_BYTES);
        Diagnostic {
            span,
            source: source.unwrap_or_default().to_owned(),
            ..Diagnostic::file(Arc::clone(&self.file), message)
        }
    }

    /// A line of the text, from 1, without its end.
    fn line(&self, number: usize) -> Option<&str> {
        let at = number.checked_sub(1)?;
        let from = *self.lines.get(at)?;
        let to = self.lines.get(number).copied().unwrap_or(self.text.len());
        self.text.get(from..to)?.lines().next()
    }

    /// The first line that is too long, from 1.
    fn long_line(&self) -> Option<usize> {
        let ends = self.lines.iter().skip(1).copied().chain([self.text.len()]);
        let mut lengths = self.lines.iter().zip(ends).map(|(from, to)| to - from);
        let at = lengths.position(|length| length > limits::YAML_LINE_BYTES)?;
        Some(at + 1)
    }

    pub(super) fn span(&self, start: Marker, end: Marker) -> Span {
        let line = start.line().max(1);
        let column = start.col() + 1;
        let width = if end.line() == start.line() {
            end.col().saturating_sub(start.col())
        } else {
            let line = self.line(line).filter(|line| line.len() <= SHOWN_BYTES);
            let length = line.map_or(0, |line| line.trim_end().chars().count());
            length.saturating_sub(start.col())
        };
        Span {
            line,
            column,
            width: width.max(1),
        }
    }
}
