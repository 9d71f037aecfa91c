//! What a word without quotes is.

use serde_yaml::{Number, Value};

/// What YAML takes a scalar for; its text stands beside it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Nothing,
    Truth(bool),
    Number(Number),
    Text,
}

impl Scalar {
    /// Of a scalar without quotes (YAML 1.2.2, 10.3.2: the core schema).
    pub(super) fn of_plain(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Self::Nothing,
            "true" | "True" | "TRUE" => Self::Truth(true),
            "false" | "False" | "FALSE" => Self::Truth(false),
            _ if !may_be_number(text) => Self::Text,
            _ => match serde_yaml::from_str(text) {
                Ok(Value::Number(number)) => Self::Number(number),
                Ok(
                    Value::Null
                    | Value::Bool(_)
                    | Value::String(_)
                    | Value::Sequence(_)
                    | Value::Mapping(_)
                    | Value::Tagged(_),
                )
                | Err(_) => Self::Text,
            },
        }
    }
}

/// Most words are none, and `serde_yaml` sets up a whole reader to say so.
fn may_be_number(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let digit = |byte: u8| byte.is_ascii_hexdigit() || b"+-.xoinIN".contains(&byte);
    begins && text.bytes().all(digit)
}
