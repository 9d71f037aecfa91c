//! Texts with values in them.

use std::sync::Arc;

use super::expression::{Expression, Name, Scope, Unknown, Values};
use super::value::{Held, Scalar};
use crate::model::{FlowFault, limits};

/// A template filled in.
#[derive(Default)]
pub(super) struct Filled {
    pub(super) text: String,
    /// Whether any of it comes from sensitive digits.
    pub(super) sensitive: bool,
}

impl Filled {
    /// The text, for where no sensitive digits may go.
    pub(super) fn open(self) -> Result<String, FlowFault> {
        match self.sensitive {
            true => Err(FlowFault::Sensitive),
            false => Ok(self.text),
        }
    }
}

/// Text with `${…}` in it.
#[derive(Clone, Debug)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(Arc<str>),
    Value(Expression),
}

impl Template {
    pub(super) fn compile(source: &str, scope: &Scope<'_>) -> Result<Self, Unknown> {
        if source.chars().count() > limits::TEMPLATE_CHARS {
            let message = format!("a text has at most {} characters", limits::TEMPLATE_CHARS);
            return Err(Unknown::plain(message));
        }
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((inside, end)) = after.split_once('}') else {
                return Err(Unknown::plain("`${` has no `}`"));
            };
            if !before.is_empty() {
                parts.push(Part::Text(before.into()));
            }
            let value = Expression::compile(inside, scope)?;
            value.kind().check_text()?;
            parts.push(Part::Value(value));
            rest = end;
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        Ok(Self(parts))
    }

    /// The names that it looks at.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().flat_map(|part| match part {
            Part::Text(_) => Vec::new(),
            Part::Value(expression) => expression.names().collect(),
        })
    }

    /// The text, when there is nothing to fill in.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text before the first value.
    pub(super) fn lead(&self) -> &str {
        match self.0.first() {
            Some(Part::Text(text)) => text,
            Some(Part::Value(_)) | None => "",
        }
    }

    /// What stands between the values.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(text) => Some(&**text),
            Part::Value(_) => None,
        })
    }

    /// The expression, when it is one `${…}` and nothing else.
    pub(super) fn alone(&self) -> Option<&Expression> {
        match self.0.as_slice() {
            [Part::Value(expression)] => Some(expression),
            _ => None,
        }
    }

    /// As text, each value escaped for the place that it goes to; longer than a variable
    /// may be.
    pub(super) fn fill(
        &self,
        values: &dyn Values,
        escape: &dyn Fn(&str, &mut String),
    ) -> Option<Filled> {
        let mut filled = Filled::default();
        for part in &self.0 {
            match part {
                Part::Text(part) => filled.text.push_str(part),
                Part::Value(expression) => {
                    let held = expression.evaluate(values)?;
                    filled.sensitive |= held.sensitive;
                    escape(&held.value.to_string(), &mut filled.text);
                }
            }
        }
        Some(filled)
    }

    /// One `${…}` alone keeps its type; anything else is text.
    pub(super) fn evaluate(&self, values: &dyn Values) -> Option<Held> {
        if let [Part::Value(expression)] = self.0.as_slice() {
            return expression.evaluate(values);
        }
        let mut text = String::new();
        let mut sensitive = false;
        for part in &self.0 {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Value(expression) => {
                    let held = expression.evaluate(values)?;
                    sensitive |= held.sensitive;
                    text.push_str(&held.value.to_string());
                }
            }
        }
        Some(Held {
            value: Scalar::text(&text),
            sensitive,
        })
    }
}
