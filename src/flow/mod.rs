//! Flows: YAML to a checked graph to an interpreter.
//!
//! ```text
//!  text ─► source ─► load (read, verb/*, check) ─► Flow ─► run ◄─ Input
//!                       ▲ Known names                └─► graph   └─► Output
//! ```
//!
//! A [`Flow`] that exists has passed every check, so that [`Run`] meets no unknown
//! name and no missing target; what can still go wrong is a value, and that is a
//! [`Output::Fault`] and an exit, never the end of a call.

mod ask;
mod check;
mod expression;
mod graph;
pub mod hours;
mod join;
mod json;
mod known;
mod load;
mod origin;
mod port;
mod prompt;
mod read;
mod replies;
mod request;
mod run;
pub mod source;
mod say;
pub mod speech;
pub mod steps;
mod template;
mod trial;
mod turn;
mod types;
mod value;
mod verb;

pub use crate::model::{Customer, CustomerKey};
pub use ask::{
    Answer, Ask, AskId, Asked, HttpAnswer, HttpMethod, HttpRequest, Reply, Unanswered, Utterance,
};
pub use expression::{CustomerField, Expression, Name, QueueField};
pub use join::join;
pub use known::Known;
pub use load::{Flow, load};
pub use origin::Origin;
pub use port::{
    Announce, CallbackRequest, Caller, Comfort, DialRequest, Input, LineExit, MessageExit,
    MessageRequest, OperatorRequest, Output, Preferred, QueueExit, QueueRequest, QueueView,
    RecordingAction, Returned, World,
};
pub use prompt::Spoken;
pub use run::Run;
pub use template::Template;
pub use trial::{Moment, NoExit, Rehearsal, Stage, Wants, heard};
pub use value::{Held, Scalar};

#[cfg(test)]
mod tests;
