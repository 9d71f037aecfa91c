//! `set`: variables, language, tags, priority.

use std::sync::Arc;

use super::kind::{Exit, Next, NodeIndex, Verb};
use crate::flow::expression::Expression;
use crate::flow::read::Reader;
use crate::flow::source::{Cursor, unknown};
use crate::flow::template::Template;
use crate::flow::turn::Turn;
use crate::flow::value::{Held, Scalar};
use crate::model::FlowFault;

#[derive(Debug)]
pub(crate) struct Set {
    vars: Vec<(Arc<str>, Source)>,
    language: Option<Template>,
    tags: Vec<Template>,
    priority: Option<Expression>,
    next: NodeIndex,
}

#[derive(Debug)]
pub(super) enum Source {
    Fixed(Scalar),
    Template(Template),
}

impl Source {
    /// `None`, with a fault told, when there is no usable value.
    pub(super) fn value(&self, turn: &mut Turn<'_>) -> Option<Held> {
        match self {
            Self::Fixed(value) => Some(Held::open(value.clone())),
            Self::Template(template) => turn.fill(template),
        }
    }
}

impl Set {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, &["vars", "language", "tags", "priority", "next"]);
        let mut vars = Vec::new();
        for (name, value) in node
            .get("vars")
            .and_then(|map| map.map(reader.diags))
            .unwrap_or_default()
        {
            vars.extend(source(value, reader).map(|source| (Arc::from(name), source)));
        }
        let language = node
            .get("language")
            .and_then(|cursor| language(cursor, reader));
        let mut tags = Vec::new();
        for tag in node
            .get("tags")
            .map(|tags| tags.one_or_many())
            .unwrap_or_default()
        {
            let text = tag.word(reader.diags);
            tags.extend(text.and_then(|text| reader.template(tag, text)));
        }
        let priority = node
            .get("priority")
            .and_then(|cursor| reader.number(cursor));
        let next = reader.exit(node, "next")?;
        Some(Self {
            vars,
            language,
            tags,
            priority,
            next,
        })
    }

    fn speak(&self, template: &Template, turn: &mut Turn<'_>) {
        let Some(Scalar::Text(wanted)) = turn.fill(template).and_then(Held::shown) else {
            return;
        };
        // Of a customer whose language nobody knows: it stays what it was.
        if wanted.is_empty() {
            return;
        }
        match turn
            .flow
            .languages()
            .iter()
            .find(|language| **language == wanted)
        {
            Some(language) => turn.core.language = Arc::clone(language),
            None => turn.fault(FlowFault::Expression),
        }
    }
}

impl Verb for Set {
    fn name(&self) -> &'static str {
        "set"
    }

    fn exits(&self) -> Vec<Exit> {
        vec![Exit::instant("next", self.next)]
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        for (name, source) in &self.vars {
            if let Some(held) = source.value(turn) {
                turn.core.vars.insert(Arc::clone(name), held);
            }
        }
        if let Some(template) = &self.language {
            self.speak(template, turn);
        }
        for tag in &self.tags {
            turn.tag(tag);
        }
        if let Some(priority) = self.priority.as_ref().and_then(|of| turn.priority(of)) {
            turn.core.priority = priority;
        }
        Next::Go(self.next)
    }
}

fn language(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Template> {
    let text = cursor.string(reader.diags)?;
    let template = reader.template(cursor, text)?;
    if let Some(literal) = template.literal() {
        let languages: Vec<&str> = reader.languages.iter().map(|l| &**l).collect();
        if !languages.contains(&literal) {
            let problem = cursor.error(format!("the flow does not speak `{literal}`"));
            reader
                .diags
                .push(unknown(problem, literal, languages.into_iter()));
        }
    }
    Some(template)
}

/// A value, or a template of one.
pub(super) fn source(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Source> {
    match fixed(cursor) {
        Some(value) => Some(Source::Fixed(value)),
        None => {
            let text = cursor.string(reader.diags)?;
            reader.template(cursor, text).map(Source::Template)
        }
    }
}

/// A number, a truth value or nothing, as written; text may be a template.
pub(in crate::flow) fn fixed(cursor: Cursor<'_>) -> Option<Scalar> {
    let mut ignored = Vec::new();
    if cursor.is_nothing() {
        return Some(Scalar::Nothing);
    }
    match cursor.kind() {
        "true or false" => cursor.bool(&mut ignored).map(Scalar::Truth),
        "a number" => cursor
            .integer(i64::MIN..=i64::MAX, &mut ignored)
            .map(Scalar::Number),
        _ => None,
    }
}
