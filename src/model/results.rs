//! Words for what a try or a choice came to, and why something was refused.

use serde::{Deserialize, Serialize};

use crate::model::words::words;

words! {
    /// How an offer ended.
    ///
    /// The label of `centrale_queue_offers_total`.
    OfferResult {
        /// The operator answered.
        Answered = "answered",
        /// Nobody answered in time.
        Missed = "missed",
        /// The operator's phone said no.
        Rejected = "rejected",
        /// The phone was busy.
        Busy = "busy",
        /// The phone could not be reached, or answered with nonsense.
        Unreachable = "unreachable",
        /// The caller left, or the call was taken elsewhere, while it rang.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// Why a call left a queue.
    ///
    /// The label `outcome` of `centrale_queue_wait_seconds`.
    DequeueReason {
        /// An operator answered.
        Answered = "answered",
        /// The caller hung up.
        Abandoned = "abandoned",
        /// `max_wait` passed.
        Timeout = "timeout",
        /// The queue was full.
        Full = "full",
        /// No operator who could take it is logged in.
        NoOperators = "no_operators",
        /// Every operator who could take it is paused.
        AllPaused = "all_paused",
        /// An escalation step sent it to a line.
        Line = "line",
        /// The call ended for another reason: shutdown or a fault.
        Ended = "ended",
    }
}

words! {
    /// Why a message was refused before it became a call or a registration.
    ///
    /// The label of `centrale_sip_rejected_total`.
    RejectReason {
        /// Not SIP, or not readable (400).
        Malformed = "malformed",
        /// Larger than a limit (413, 513, or no answer).
        TooLarge = "too_large",
        /// From an address that no trunk names (403).
        UnknownSource = "unknown_source",
        /// A number that no flow answers (404).
        UnknownNumber = "unknown_number",
        /// A registration at a domain that is not ours (404).
        UnknownDomain = "unknown_domain",
        /// Part of a dialog that is not here (481).
        UnknownDialog = "unknown_dialog",
        /// Wrong or missing credentials (401, 403; 603 to a Replaces).
        Credentials = "credentials",
        /// Over `limits.calls`, `calls_per_second`, a trunk's `max_calls`, or out of ports (503).
        Overload = "overload",
        /// Stopping (503).
        Draining = "draining",
        /// No common codec (488).
        NoCodec = "no_codec",
        /// An extension that we do not speak (420).
        Extension = "extension",
        /// Max-Forwards reached 0 (483).
        MaxForwards = "max_forwards",
        /// A method, scheme, version or body that we do not speak (405, 415, 416, 501, 505),
        /// or an operator's code that cannot be obeyed now (403).
        Unsupported = "unsupported",
    }
}

words! {
    /// What one try to reach a line came to.
    ///
    /// The label of `centrale_line_attempts_total`.
    LineResult {
        /// It took the call.
        Answered = "answered",
        /// Busy.
        Busy = "busy",
        /// It rang and nobody came.
        NoAnswer = "no_answer",
        /// Another no: a wrong number, no credentials, a redirection.
        Refused = "refused",
        /// The server there has a fault, or no room (5xx).
        Failed = "failed",
        /// Nothing was heard of it.
        Unreachable = "unreachable",
        /// The caller left, or was taken elsewhere.
        GivenUp = "given_up",
    }
}

words! {
    /// How a callback ended.
    ///
    /// The label of `centrale_callbacks_total`.
    CallbackResult {
        /// The customer answered.
        Answered = "answered",
        /// The customer was dialled as often as configured, and never answered.
        NotReached = "not_reached",
        /// `within` passed before that.
        Expired = "expired",
        /// Somebody cancelled it, or its queue calls nobody back any more.
        Cancelled = "cancelled",
        /// The customer called again and waits in the queue, in the same place.
        CalledIn = "called_in",
    }
}

words! {
    /// Where an operator hands a caller on to.
    ///
    /// The label of `centrale_transfers_total`.
    TransferKind {
        /// Into a queue.
        Queue = "queue",
        /// To a line.
        Line = "line",
        /// To another operator.
        Operator = "operator",
        /// To a number, whose flow begins.
        Number = "number",
        /// To what is not configured, or to nothing that can be read.
        Unknown = "unknown",
    }
}

words! {
    /// Why a flow could not do what it says.
    ///
    /// The label of `centrale_flow_errors_total`.
    FlowFault {
        /// An expression had no usable value.
        Expression = "expression",
        /// More steps than `limits.max_steps`, or longer than `limits.max_minutes`.
        Limit = "limit",
        /// A sound could not be played.
        Sound = "sound",
        /// The queue or line could not take the call.
        Queue = "queue",
        /// What was asked outside had no answer that can be used.
        Outside = "outside",
        /// What was typed in secret was kept from where it must not go.
        Sensitive = "sensitive",
        /// Too many flows called each other.
        Nesting = "nesting",
        /// A recording could not be made.
        Recording = "recording",
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
