//! Two readings of one text, joined.

use std::collections::BTreeSet;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_yaml::Value;

use super::document::{Document, Kind, Node, Pair, Replace};
use crate::model::{Diagnostic, Span, limits};

/// Positions only, before the values are joined to them.
pub(super) enum Marked {
    Scalar(Span, String, ScalarStyle),
    List(Span, Vec<Self>),
    Map(Span, Vec<(String, Span, Self)>),
}

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

    pub(super) fn document(&mut self) -> Result<Option<Marked>, Diagnostic> {
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

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Marked, Diagnostic> {
        if depth > limits::YAML_DEPTH {
            let message = format!("nested more than {} deep", limits::YAML_DEPTH);
            return Err(self.document.diagnostic(span, message));
        }
        self.values += 1;
        if self.values > limits::YAML_VALUES {
            let message = format!("the file has more than {} values", limits::YAML_VALUES);
            return Err(self.document.diagnostic(span, message));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain(span, anchor, tag.is_some())?;
                Ok(Marked::Scalar(span, text.into_owned(), style))
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain(span, anchor, tag.is_some())?;
                let mut items = Vec::new();
                loop {
                    let (event, at) = self.next()?;
                    if event == Event::SequenceEnd {
                        return Ok(Marked::List(span, items));
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

    fn map(&mut self, span: Span, depth: usize) -> Result<Marked, Diagnostic> {
        let mut pairs = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Marked::Map(span, pairs));
            }
            let Marked::Scalar(key_span, key, _) = self.node(event, at, depth + 1)? else {
                let message = "a key is a word, not a list or a map";
                return Err(self.document.diagnostic(at, message));
            };
            if !seen.insert(key.clone()) {
                let message = format!("key `{key}` is written twice");
                return Err(self
                    .document
                    .diagnostic(key_span, message)
                    .hint("remove one of them"));
            }
            let (event, at) = self.next()?;
            let value = self.node(event, at, depth + 1)?;
            pairs.push((key, key_span, value));
        }
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

    pub(super) fn join(&self, marked: Marked, value: Value) -> Result<Node, Diagnostic> {
        match (marked, value) {
            (Marked::List(span, items), Value::Sequence(values)) if items.len() == values.len() => {
                let nodes = items
                    .into_iter()
                    .zip(values)
                    .map(|(item, value)| self.join(item, value));
                let kind = Kind::List(nodes.collect::<Result<_, _>>()?);
                Ok(Node { span, kind })
            }
            (Marked::Map(span, pairs), Value::Mapping(values)) if pairs.len() == values.len() => {
                // Both keep the order of the file.
                let joined =
                    pairs
                        .into_iter()
                        .zip(values)
                        .map(|((key, key_span, item), (_, value))| {
                            let value = self.join(item, value)?;
                            Ok(Pair {
                                key,
                                key_span,
                                value,
                            })
                        });
                let kind = Kind::Map(joined.collect::<Result<_, _>>()?);
                Ok(Node { span, kind })
            }
            (
                Marked::Scalar(span, text, style),
                value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)),
            ) => self.scalar(span, text, style, value),
            (Marked::Scalar(span, ..) | Marked::List(span, _) | Marked::Map(span, _), _) => {
                Err(self
                    .document
                    .diagnostic(span, "this can be read in two ways")
                    .hint("put it in quotes"))
            }
        }
    }

    fn scalar(
        &self,
        span: Span,
        text: String,
        style: ScalarStyle,
        value: Value,
    ) -> Result<Node, Diagnostic> {
        let (text, value) = match (self.replace)(&text) {
            Ok(None) => (text, value),
            Ok(Some(new)) if style == ScalarStyle::Plain => {
                let typed = match serde_yaml::from_str(&new) {
                    Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) => value,
                    Ok(
                        Value::String(_)
                        | Value::Sequence(_)
                        | Value::Mapping(_)
                        | Value::Tagged(_),
                    )
                    | Err(_) => Value::String(new.clone()),
                };
                (new, typed)
            }
            Ok(Some(new)) => (new.clone(), Value::String(new)),
            Err(message) => return Err(self.document.diagnostic(span, message)),
        };
        Ok(Node {
            span,
            kind: Kind::Scalar(text, value),
        })
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
