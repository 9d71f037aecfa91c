//! What callers answer when they are asked how it was.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{CallId, FlowName, OperatorName, Project, QueueName};

/// An answer, as the flow writes it behind the key: never anything of the caller's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// A whole number.
    Number(i64),
    /// A word.
    Word(Arc<str>),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// A caller answered a question of a survey.
#[derive(Clone, Debug, PartialEq)]
pub struct Surveyed {
    /// The call.
    pub call: CallId,
    /// The flow that asked.
    pub flow: FlowName,
    /// The project of the number.
    pub project: Option<Project>,
    /// The queue by which the caller came to talk last.
    pub queue: Option<QueueName>,
    /// With whom the caller talked last.
    pub operator: Option<OperatorName>,
    /// The question: the name of the variable that holds the answer.
    pub question: Arc<str>,
    /// The answer.
    pub answer: Answer,
}
