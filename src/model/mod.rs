//! The words of the house as types: names, skills, states, events, diagnostics.
//!
//! Knows nobody. A word means one thing here, in the configuration, in JSON and in
//! the metrics.

mod carried;
mod cause;
mod census;
mod customer;
mod diagnostic;
mod drop_reason;
mod erase;
mod escalation;
mod event;
mod event_kind;
pub mod house;
mod id;
pub mod limits;
mod machine;
mod recording;
mod shut;
mod skill;
mod results;
mod state;
mod steady;
mod survey;
mod time;
mod words;

pub use carried::Carried;
pub use cause::{Cause, Said};
pub use census::Census;
pub use customer::{Customer, CustomerDraft, CustomerKey, ERASED, Telephone};
pub use diagnostic::{Diagnostic, Severity, Span};
pub use drop_reason::DropReason;
pub use escalation::{Action, Step};
pub use event::{Event, Hangup, Sequence, Stamped, StreamQuality};
pub use id::{
    CallId, CallKey, Codec, FlowName, LegId, LineName, Mailbox, NodeName, Number, OperatorName,
    PlayId, Project, QueueName, RecordingId, ShardId, TrunkName,
};
pub use machine::{Move, diagram};
pub use recording::{Recorded, RecordingChange, RecordingResult};
pub use results::{
    CallbackResult, DequeueReason, FlowFault, LineResult, OfferResult, Overtake, RejectReason,
    TransferKind,
};
pub use shut::Shut;
pub use skill::{Level, Requirement, Skill, SkillSet};
pub use state::{CallState, OperatorState, Outcome, PauseReason};
pub use steady::Steady;
pub use survey::{Answer, Surveyed};
pub use time::{Epoch, ParseDurationError, parse_duration, show_duration};
