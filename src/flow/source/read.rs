//! The events of a text to a tree.

use std::collections::BTreeSet;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};

use super::document::{Document, Kind, Node, Pair, Replace};
use super::scalar::Scalar;
use crate::model::{Diagnostic, Span, limits};

pub(super) struct Reader<'a> {
    document: &'a Document,
    events: Parser<'a, StrInput<'a>>,
    values: usize,
    replace: Replace<'a>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(document: &'a Document, text: &'a str, replace: Replace<'a>) -> Self {
        let events = Parser::new_from_str(text);
        Self {
            document,
            events,
            values: 0,
            replace,
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Diagnostic> {
        match self.events.next() {
            Some(Ok((event, at))) => Ok((event, self.document.span(at.start, at.end))),
            Some(Err(error)) => {
                let span = self.document.span(*error.marker(), *error.marker());
                let diagnostic = self
                    .document
                    .diagnostic(span, format!("this is not valid YAML: {}", error.info()));
                Err(syntax_hint(diagnostic))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    pub(super) fn document(&mut self) -> Result<Option<Node>, Diagnostic> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(_) if root.is_some() => {
                    let message = "a second document begins here; a file holds one";
                    return Err(self
                        .document
                        .diagnostic(span, message)
                        .hint("remove the `---`"));
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 1)?);
                }
                Event::StreamEnd => return Ok(root),
                Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd => {
                    return Err(self.document.diagnostic(span, "this is not valid YAML"));
                }
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Diagnostic> {
        if depth > limits::YAML_DEPTH {
            let message = format!("nested more than {} deep", limits::YAML_DEPTH);
            return Err(self.document.diagnostic(span, message));
        }
        self.count(span)?;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain(span, anchor, tag.is_some())?;
                self.scalar(span, text.into_owned(), style)
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain(span, anchor, tag.is_some())?;
                let mut items = Vec::new();
                loop {
                    let (event, at) = self.next()?;
                    if event == Event::SequenceEnd {
                        let kind = Kind::List(items);
                        return Ok(Node { span, kind });
                    }
                    items.push(self.node(event, at, depth + 1)?);
                }
            }
            Event::MappingStart(anchor, tag) => {
                self.plain(span, anchor, tag.is_some())?;
                self.map(span, depth)
            }
            Event::Alias(_) => Err(self
                .document
                .diagnostic(span, "aliases (`*name`) are not used here")
                .hint("write the value out; the key * is written \"*\"")),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => Err(self.document.diagnostic(span, "this is not valid YAML")),
        }
    }

    fn count(&mut self, span: Span) -> Result<(), Diagnostic> {
        self.values += 1;
        if self.values <= limits::YAML_VALUES {
            return Ok(());
        }
        let message = format!("the file has more than {} values", limits::YAML_VALUES);
        Err(self.document.diagnostic(span, message))
    }

    fn map(&mut self, span: Span, depth: usize) -> Result<Node, Diagnostic> {
        let mut pairs = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                let kind = Kind::Map(pairs);
                return Ok(Node { span, kind });
            }
            let key = self.key(event, at)?;
            if !seen.insert(key.clone()) {
                let message = format!("key `{key}` is written twice");
                let problem = self.document.diagnostic(at, message);
                return Err(problem.hint("remove one of them"));
            }
            let (event, value_at) = self.next()?;
            let value = self.node(event, value_at, depth + 1)?;
            pairs.push(Pair {
                key,
                key_span: at,
                value,
            });
        }
    }

    /// A key is text as written, whatever YAML takes it for.
    fn key(&mut self, event: Event<'a>, span: Span) -> Result<String, Diagnostic> {
        if let Event::Scalar(text, _, anchor, tag) = event {
            self.count(span)?;
            self.plain(span, anchor, tag.is_some())?;
            return Ok(text.into_owned());
        }
        let message = "a key is a word, not a list or a map";
        Err(self.document.diagnostic(span, message))
    }

    fn plain(&self, span: Span, anchor: usize, tagged: bool) -> Result<(), Diagnostic> {
        let message = if anchor != 0 {
            "anchors (`&name`) are not used here"
        } else if tagged {
            "tags (`!name`) are not used here"
        } else {
            return Ok(());
        };
        Err(self
            .document
            .diagnostic(span, message)
            .hint("put text that begins so in quotes"))
    }

    fn scalar(&self, span: Span, text: String, style: ScalarStyle) -> Result<Node, Diagnostic> {
        let replaced = (self.replace)(&text);
        let replaced = replaced.map_err(|message| self.document.diagnostic(span, message))?;
        let text = replaced.unwrap_or(text);
        let scalar = match style {
            ScalarStyle::Plain => Scalar::of_plain(&text),
            ScalarStyle::SingleQuoted
            | ScalarStyle::DoubleQuoted
            | ScalarStyle::Literal
            | ScalarStyle::Folded => Scalar::Text,
        };
        let kind = Kind::Scalar(text, scalar);
        Ok(Node { span, kind })
    }
}

fn syntax_hint(diagnostic: Diagnostic) -> Diagnostic {
    let line = diagnostic.source.trim_start();
    if diagnostic.source.contains('\t') {
        diagnostic.hint("indent with spaces, not tabs")
    } else if line.contains("*:") || line.contains("#:") {
        diagnostic.hint("the keys * and # are written in quotes: \"*\" and \"#\"")
    } else {
        diagnostic.hint("look for a missing quote, colon or bracket here or just above")
    }
}
