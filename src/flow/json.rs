//! JSON with values of the call in it, built as values: nothing that a caller says can
//! become a bracket or a quote.

use std::sync::Arc;

use serde_json::{Map, Number, Value};

use super::read::Reader;
use super::source::Cursor;
use super::template::Template;
use super::turn::Turn;
use super::value::Scalar;
use crate::model::FlowFault;

/// Lists and objects within each other.
const DEPTH: usize = 8;
/// Values of one document.
const VALUES: usize = 100;

/// A document with templates in it.
#[derive(Debug)]
pub(super) enum Json {
    Fixed(Value),
    Text(Template),
    List(Vec<Self>),
    Object(Vec<(Arc<str>, Self)>),
}

/// A document that is filled in.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) value: Value,
    /// Whether any of it comes from sensitive digits.
    pub(super) sensitive: bool,
}

impl Json {
    /// `None` with a diagnostic when it is more than one may be, or no JSON.
    pub(super) fn read(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let mut left = VALUES;
        let read = Self::read_part(cursor, reader, DEPTH, &mut left);
        if read.is_none() && left == 0 {
            let message = format!("JSON of a flow has at most {VALUES} values");
            reader.diags.push(cursor.key_error(message));
        }
        read
    }

    fn read_part(
        cursor: Cursor<'_>,
        reader: &mut Reader<'_>,
        depth: usize,
        left: &mut usize,
    ) -> Option<Self> {
        *left = left.checked_sub(1)?;
        if !cursor.is_map() && !cursor.is_list() {
            return Self::read_scalar(cursor, reader);
        }
        let Some(deeper) = depth.checked_sub(1) else {
            let message = format!("lists and maps stand at most {DEPTH} deep in JSON of a flow");
            reader.diags.push(cursor.error(message));
            return None;
        };
        if cursor.is_list() {
            let items = cursor.one_or_many().into_iter();
            let items = items.map(|item| Self::read_part(item, reader, deeper, left));
            return items.collect::<Option<_>>().map(Self::List);
        }
        let entries = cursor.entries().map(|(name, value)| {
            let value = Self::read_part(value, reader, deeper, left)?;
            Some((Arc::from(name), value))
        });
        entries.collect::<Option<_>>().map(Self::Object)
    }

    fn read_scalar(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match cursor.kind() {
            "nothing" => Some(Self::Fixed(Value::Null)),
            "true or false" => cursor.bool(reader.diags).map(|of| Self::Fixed(of.into())),
            "a number" => {
                let text = cursor.raw().unwrap_or_default();
                let whole = text.parse::<i64>().ok().map(Number::from);
                let number = whole.or_else(|| Number::from_f64(text.parse().ok()?));
                if number.is_none() {
                    let problem = cursor.error(format!("`{text}` is no number of JSON"));
                    reader.diags.push(problem.hint("write 12 or 12.5"));
                }
                number.map(|number| Self::Fixed(Value::Number(number)))
            }
            _ => {
                let text = cursor.string(reader.diags)?;
                reader.template(cursor, text).map(Self::Text)
            }
        }
    }

    /// What it is, when nothing has to be put in.
    pub(super) fn fixed(&self) -> Option<Value> {
        Some(match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(template) => Value::String(template.literal()?.to_owned()),
            Self::List(items) => {
                Value::Array(items.iter().map(Self::fixed).collect::<Option<_>>()?)
            }
            Self::Object(entries) => {
                let entries = entries.iter();
                let entries = entries.map(|(name, value)| Some((name.to_string(), value.fixed()?)));
                Value::Object(entries.collect::<Option<_>>()?)
            }
        })
    }

    /// The values put in. One `${…}` alone keeps its type; anything else is text.
    ///
    /// # Errors
    /// [`FlowFault::Expression`] when there is no usable value.
    pub(super) fn fill(&self, turn: &Turn<'_>) -> Result<Filled, FlowFault> {
        let mut sensitive = false;
        let value = self.fill_part(turn, &mut sensitive)?;
        Ok(Filled { value, sensitive })
    }

    fn fill_part(&self, turn: &Turn<'_>, sensitive: &mut bool) -> Result<Value, FlowFault> {
        Ok(match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(template) => {
                if let Some(expression) = template.alone() {
                    let held = turn.value(expression).ok_or(FlowFault::Expression)?;
                    *sensitive |= held.sensitive;
                    return Ok(json(&held.value));
                }
                let filled = turn.text(template, &|text, out| out.push_str(text));
                let filled = filled.ok_or(FlowFault::Expression)?;
                *sensitive |= filled.sensitive;
                Value::String(filled.text)
            }
            Self::List(items) => {
                let items = items.iter().map(|item| item.fill_part(turn, sensitive));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Object(entries) => {
                let mut object = Map::with_capacity(entries.len());
                for (name, value) in entries {
                    object.insert(name.to_string(), value.fill_part(turn, sensitive)?);
                }
                Value::Object(object)
            }
        })
    }
}

fn json(value: &Scalar) -> Value {
    match value {
        Scalar::Nothing => Value::Null,
        Scalar::Truth(truth) => Value::Bool(*truth),
        Scalar::Number(number) => Value::Number((*number).into()),
        Scalar::Text(text) => Value::String(text.to_string()),
        Scalar::Texts(texts) => texts.iter().map(|text| Value::from(&**text)).collect(),
    }
}
