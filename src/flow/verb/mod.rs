//! What nodes do: a file a verb, each with its fields, its exits and its steps; `whom` is
//! a part of `queue`.

mod branch;
mod collect;
mod farewell;
mod hours;
mod kind;
mod line;
mod menu;
mod play;
mod queue;
mod recording;
mod set;
mod survey;
mod switch;
mod voicemail;
mod whom;

pub(super) use kind::{Exit, Next, NodeIndex, Shape, Verb, Wait, read};
pub(super) use set::fixed;
