//! What is wrong with a file that a person wrote, where, and what to write instead.

use std::fmt;
use std::sync::Arc;

/// A place in a file; lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// How many characters the caret underlines, at least 1.
    pub width: usize,
}

/// Whether the configuration can be used all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but something written there does nothing.
    Warning,
}

/// One problem. Its text is what `centrale check` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it stops the configuration from being used.
    pub severity: Severity,
    /// The file, as the user would open it.
    pub file: Arc<str>,
    /// Where in the file.
    pub span: Span,
    /// The offending line; empty when it is too long to be shown.
    pub source: String,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error about a file as a whole.
    pub fn file(file: impl Into<Arc<str>>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            file: file.into(),
            span: Span::default(),
            source: String::new(),
            message: message.into(),
            hint: None,
        }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        if self.span.line == 0 {
            write!(f, "{}: {kind}: {}", self.file, self.message)?;
        } else {
            let Span {
                line,
                column,
                width,
            } = self.span;
            write!(f, "{}:{line}:{column}: {kind}: {}", self.file, self.message)?;
            if !self.source.is_empty() {
                let number = line.to_string();
                writeln!(f, "\n {number} | {}", self.source)?;
                let space = " ".repeat(column.saturating_sub(1));
                write!(
                    f,
                    " {} | {space}{}",
                    " ".repeat(number.len()),
                    "^".repeat(width.max(1))
                )?;
            }
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n   hint: {hint}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_points_at_its_place() {
        let diagnostic = Diagnostic {
            span: Span {
                line: 12,
                column: 5,
                width: 4,
            },
            source: "    wrap: 10s".into(),
            ..Diagnostic::file("queues.yaml", "unknown key `wrap`").hint("write `wrap_up`")
        };
        let expected = "queues.yaml:12:5: error: unknown key `wrap`\n 12 |     wrap: 10s\n    |     ^^^^\n   hint: write `wrap_up`";
        assert_eq!(diagnostic.to_string(), expected);
    }
}
