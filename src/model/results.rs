//! Words for what a try or a choice came to, each with its label.

use serde::{Deserialize, Serialize};

/// What one try to reach a line came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineResult {
    /// It took the call.
    Answered,
    /// Busy.
    Busy,
    /// It rang and nobody came.
    NoAnswer,
    /// Another no: a wrong number, no credentials, a redirection.
    Refused,
    /// The server there has a fault, or no room (5xx).
    Failed,
    /// Nothing was heard of it.
    Unreachable,
    /// The caller left, or was taken elsewhere.
    GivenUp,
}

impl LineResult {
    /// Every result.
    pub const ALL: [Self; 7] = [
        Self::Answered,
        Self::Busy,
        Self::NoAnswer,
        Self::Refused,
        Self::Failed,
        Self::Unreachable,
        Self::GivenUp,
    ];

    /// The label of `centrale_line_attempts_total`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unreachable => "unreachable",
            Self::GivenUp => "given_up",
        }
    }
}

/// How a callback ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackResult {
    /// The customer answered.
    Answered,
    /// The customer was dialled as often as configured, and never answered.
    NotReached,
    /// `within` passed before that.
    Expired,
    /// Somebody cancelled it, or its queue calls nobody back any more.
    Cancelled,
    /// The customer called again and waits in the queue, in the same place.
    CalledIn,
}

impl CallbackResult {
    /// Every result.
    pub const ALL: [Self; 5] = [
        Self::Answered,
        Self::NotReached,
        Self::Expired,
        Self::Cancelled,
        Self::CalledIn,
    ];

    /// The label of `centrale_callbacks_total`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NotReached => "not_reached",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::CalledIn => "called_in",
        }
    }
}

/// Why somebody was served before a caller who had waited for longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overtake {
    /// A higher priority.
    Priority,
    /// The operator may not take the older call.
    Skills,
    /// The older call is kept for the operator whom its caller prefers.
    Preferred,
    /// The operator has just missed the older call, and another is to be tried first.
    Missed,
    /// The older call came back at the same moment. In a world of one thread, a bug.
    Race,
}

impl Overtake {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::Priority,
        Self::Skills,
        Self::Preferred,
        Self::Missed,
        Self::Race,
    ];

    /// The label of `centrale_dispatch_overtakes_total`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Skills => "skills",
            Self::Preferred => "preferred",
            Self::Missed => "missed_offer",
            Self::Race => "race",
        }
    }
}

/// Where an operator hands a caller on to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferKind {
    /// Into a queue.
    Queue,
    /// To a line.
    Line,
    /// To another operator.
    Operator,
    /// To a number, whose flow begins.
    Number,
    /// To what is not configured, or to nothing that can be read.
    Unknown,
}

impl TransferKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Queue,
        Self::Line,
        Self::Operator,
        Self::Number,
        Self::Unknown,
    ];

    /// The label of `centrale_transfers_total`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Line => "line",
            Self::Operator => "operator",
            Self::Number => "number",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a flow could not do what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowFault {
    /// An expression had no usable value.
    Expression,
    /// More steps than `limits.max_steps`, or longer than `limits.max_minutes`.
    Limit,
    /// A sound could not be played.
    Sound,
    /// The queue or line could not take the call.
    Queue,
    /// What was asked outside had no answer that can be used.
    Outside,
    /// What was typed in secret was kept from where it must not go.
    Sensitive,
    /// Too many flows called each other.
    Nesting,
    /// A recording could not be made.
    Recording,
}

impl FlowFault {
    /// Every one.
    pub const ALL: &[Self] = &[
        Self::Expression,
        Self::Limit,
        Self::Sound,
        Self::Queue,
        Self::Outside,
        Self::Sensitive,
        Self::Nesting,
        Self::Recording,
    ];

    /// The label of `centrale_flow_errors_total`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expression => "expression",
            Self::Limit => "limit",
            Self::Sound => "sound",
            Self::Queue => "queue",
            Self::Outside => "outside",
            Self::Sensitive => "sensitive",
            Self::Nesting => "nesting",
            Self::Recording => "recording",
        }
    }
}
