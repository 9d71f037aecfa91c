//! What nodes do: a file a verb, each with its fields, its exits and its steps; `whom` is
//! a part of `queue`, `question` of all that ask the caller, `rung` of all that ring
//! somebody, and `asking` of all that ask the world outside.

mod asking;
mod branch;
mod callback;
mod collect;
mod confirm;
mod customer;
mod dial;
mod farewell;
mod hours;
mod http;
mod kind;
mod line;
mod menu;
mod operator;
mod notify;
mod play;
mod question;
mod queue;
mod recording;
mod rung;
mod set;
mod subflow;
mod survey;
mod switch;
mod treatment;
mod voicemail;
mod whom;

pub(super) use kind::{Calling, Exit, Next, NodeIndex, Shape, Verb, Wait, read};
pub(super) use set::fixed;
pub(super) use subflow::Called;
