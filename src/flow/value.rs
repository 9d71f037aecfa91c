//! What a variable of a flow may hold.

use std::fmt;
use std::sync::Arc;

use cel::Value;

/// Characters that one variable keeps; a caller types fewer, and an expression that
/// doubles a text at every turn comes to its end.
const TEXT_CHARS: usize = 256;

/// A value: of a variable, of an expression.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scalar {
    /// Not set.
    Nothing,
    /// True or false.
    Truth(bool),
    /// A whole number.
    Number(i64),
    /// Text.
    Text(Arc<str>),
    /// Several texts: of a customer, for `in` and `size`. No variable holds them.
    Texts(Arc<[Arc<str>]>),
}

impl Scalar {
    /// Text, cut to what a variable keeps.
    #[must_use]
    pub fn text(text: &str) -> Self {
        match text.char_indices().nth(TEXT_CHARS) {
            Some((end, _)) => Self::Text(text.get(..end).unwrap_or_default().into()),
            None => Self::Text(text.into()),
        }
    }

    /// As a variable keeps it.
    pub(super) fn kept(self) -> Self {
        if let Self::Text(text) = &self {
            return Self::text(text);
        }
        self
    }

    pub(super) fn to_cel(&self) -> Value {
        match self {
            Self::Nothing => Value::Null,
            Self::Truth(truth) => Value::Bool(*truth),
            Self::Number(number) => Value::Int(*number),
            Self::Text(text) => Value::from(&**text),
            Self::Texts(texts) => {
                let texts: Vec<Value> = texts.iter().map(|text| Value::from(&**text)).collect();
                Value::from(texts)
            }
        }
    }

    /// `None` for what a flow has no use for: lists, maps, fractions.
    pub(super) fn from_cel(value: &Value) -> Option<Self> {
        if let Value::Null = value {
            return Some(Self::Nothing);
        }
        if let Value::Bool(truth) = value {
            return Some(Self::Truth(*truth));
        }
        if let Value::Int(number) = value {
            return Some(Self::Number(*number));
        }
        if let Value::UInt(number) = value {
            return i64::try_from(*number).ok().map(Self::Number);
        }
        if let Value::String(text) = value {
            return Some(Self::text(text));
        }
        None
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Truth(truth) => write!(f, "{truth}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Texts(texts) => f.write_str(&texts.join(", ")),
        }
    }
}

/// A value with whether it comes from sensitive digits. `Debug` and `Display` do not
/// show one that does.
#[derive(Clone, PartialEq, Eq)]
pub struct Held {
    pub(super) value: Scalar,
    pub(super) sensitive: bool,
}

impl Held {
    /// A value that anyone may see.
    #[must_use]
    pub fn open(value: Scalar) -> Self {
        Self {
            value,
            sensitive: false,
        }
    }

    /// As text, sensitive or not: for what stays in the house.
    pub(super) fn into_text(self) -> String {
        self.value.to_string()
    }

    /// The value, unless it is sensitive: for whatever leaves the flow.
    pub(super) fn shown(self) -> Option<Scalar> {
        (!self.sensitive).then_some(self.value)
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sensitive {
            f.write_str("(sensitive)")
        } else {
            self.value.fmt(f)
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sensitive {
            f.write_str("(sensitive)")
        } else {
            self.value.fmt(f)
        }
    }
}
