//! What all verbs have in common, and the list of them.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::asking::Asking;
use super::branch::Branch;
use super::callback::{self, Callback};
use super::collect::{self, Collect};
use super::confirm;
use super::customer::Customer;
use super::dial::Dial;
use super::farewell::{Hangup, Reject};
use super::hours::Hours;
use super::http::Http;
use super::line::Line;
use super::menu::Menu;
use super::notify::Notify;
use super::operator::Operator;
use super::play::{self, Play};
use super::question;
use super::queue::Queue;
use super::recording::Recording;
use super::set::Set;
use super::subflow::{Called, Return, Subflow};
use super::survey::Survey;
use super::switch::Switch;
use super::voicemail::{self, Voicemail};
use crate::flow::load::Flow;
use crate::flow::port::{Input, Returned};
use crate::flow::prompt::Prompt;
use crate::flow::read::Reader;
use crate::flow::source::{Cursor, unknown};
use crate::flow::turn::Turn;
use crate::flow::value::Held;
use crate::model::{Cause, Mailbox, show_duration};

/// A node's place in its flow.
pub(crate) type NodeIndex = usize;

/// Every type of the language, and who reads it.
const TYPES: &[(&str, Read)] = &[
    ("play", |node, reader| boxed(Play::read(node, reader))),
    ("menu", |node, reader| boxed(Menu::read(node, reader))),
    ("collect", |node, reader| boxed(Collect::read(node, reader))),
    ("set", |node, reader| boxed(Set::read(node, reader))),
    ("branch", |node, reader| boxed(Branch::read(node, reader))),
    ("switch", |node, reader| boxed(Switch::read(node, reader))),
    ("hours", |node, reader| boxed(Hours::read(node, reader))),
    ("customer", |node, reader| {
        boxed(Customer::read(node, reader))
    }),
    ("http", |node, reader| boxed(Http::read(node, reader))),
    ("notify", |node, reader| boxed(Notify::read(node, reader))),
    ("queue", |node, reader| boxed(Queue::read(node, reader))),
    ("line", |node, reader| boxed(Line::read(node, reader))),
    ("callback", |node, reader| {
        boxed(Callback::read(node, reader))
    }),
    ("operator", |node, reader| {
        boxed(Operator::read(node, reader))
    }),
    ("dial", |node, reader| boxed(Dial::read(node, reader))),
    ("flow", |node, reader| boxed(Subflow::read(node, reader))),
    ("return", |node, reader| boxed(Return::read(node, reader))),
    ("hangup", |node, reader| {
        boxed(Some(Hangup::read(node, reader)))
    }),
    ("reject", |node, reader| boxed(Reject::read(node, reader))),
    ("survey", |node, reader| boxed(Survey::read(node, reader))),
    ("voicemail", |node, reader| {
        boxed(Voicemail::read(node, reader))
    }),
    ("recording", |node, reader| {
        boxed(Recording::read(node, reader))
    }),
];

/// `None` with a diagnostic when the node cannot be read.
type Read = fn(Cursor<'_>, &mut Reader<'_>) -> Option<Box<dyn Verb>>;

fn boxed<V: Verb + 'static>(verb: Option<V>) -> Option<Box<dyn Verb>> {
    verb.map(|verb| Box::new(verb) as Box<dyn Verb>)
}

/// A way out of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    /// The field, or the key or value that it stands for.
    pub(crate) label: String,
    /// Where to.
    pub(crate) to: NodeIndex,
    /// Whether the caller did something, or time passed in a queue or a talk, before
    /// this is taken: a circle with such an exit does not spin.
    pub(crate) paced: bool,
}

impl Exit {
    pub(super) fn paced(label: impl Into<String>, to: NodeIndex) -> Self {
        Self {
            label: label.into(),
            to,
            paced: true,
        }
    }

    pub(super) fn instant(label: impl Into<String>, to: NodeIndex) -> Self {
        Self {
            label: label.into(),
            to,
            paced: false,
        }
    }
}

/// What a node wants after an input.
#[derive(Debug)]
pub(crate) enum Next {
    /// On to another node.
    Go(NodeIndex),
    /// Wait here.
    Stay(Wait),
    /// Hang up.
    Hangup(Option<Cause>),
    /// Nothing more to do: the call was refused.
    Over,
    /// Another flow, and on from there.
    Call(Box<Calling>),
    /// Back to the flow that called this one.
    Return(Held),
}

/// A flow that is called, and what then.
#[derive(Debug)]
pub(crate) struct Calling {
    /// Nothing when it is not there.
    pub(crate) flow: Option<Arc<Flow>>,
    /// In place of the first values of its variables.
    pub(crate) vars: Vec<(Arc<str>, Held)>,
    /// The variable for what it returns.
    pub(crate) save: Option<Arc<str>>,
    pub(crate) next: NodeIndex,
    pub(crate) error: NodeIndex,
}

/// What a node waits for.
#[derive(Debug)]
pub(crate) enum Wait {
    /// The end of a play.
    Play(play::Playing),
    /// A key of a menu, or one that answers a survey.
    Key(question::Listening),
    /// Digits.
    Collect(collect::Entry),
    /// Whether the digits are right.
    Confirm(confirm::Confirming),
    /// The end of the wait in a queue, or of the talk.
    Queue,
    /// The end of the talk on a line.
    Line,
    /// A number, the caller's word on it, or the exchange's.
    Callback(callback::Asking),
    /// A reply from the world outside.
    Reply(Asking),
    /// The end of the last prompt.
    Farewell,
    /// A message, or the end of the prompt before it.
    Voicemail(voicemail::Leaving),
}

impl Wait {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Key(listening) => listening.until,
            Self::Collect(entry) => entry.until,
            Self::Callback(asking) => asking.until,
            Self::Voicemail(leaving) => leaving.until(),
            Self::Reply(asking) => Some(asking.until),
            Self::Confirm(confirming) => confirming.until,
            Self::Play(_) | Self::Queue | Self::Line | Self::Farewell => None,
        }
    }

    /// Whether the call is elsewhere, and the flow's time stands still.
    pub(crate) fn is_away(&self) -> bool {
        match self {
            Self::Queue | Self::Line => true,
            // A message has its own end.
            Self::Voicemail(leaving) => leaving.until().is_some(),
            Self::Play(_) | Self::Key(_) | Self::Collect(_) | Self::Callback(_) => false,
            Self::Reply(_) | Self::Confirm(_) | Self::Farewell => false,
        }
    }
}

/// What a node does. What a verb has nothing to say to, the method's body says for it.
pub(crate) trait Verb: fmt::Debug + Send + Sync {
    /// The word of the language.
    fn name(&self) -> &'static str;

    /// How it is drawn.
    fn shape(&self) -> Shape {
        Shape::Step
    }

    /// Every way out, in the order of the file where there is one; an end has none.
    fn exits(&self) -> Vec<Exit>;

    /// What it plays to the caller.
    fn prompts(&self) -> Vec<&Prompt> {
        Vec::new()
    }

    /// What it tells the world, by the flow's name for it.
    fn tells(&self) -> Option<&str> {
        None
    }

    /// What it plays besides its prompts, in a language; music is of language `music`.
    fn other_sounds(&self, _language: &str) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Where it lets callers leave messages.
    fn mailbox(&self) -> Option<&Mailbox> {
        None
    }

    /// Whether what the caller enters or says here is a secret, which no recording keeps.
    fn is_secret(&self) -> bool {
        false
    }

    /// Whether the call must be answered first.
    fn needs_answer(&self) -> bool {
        false
    }

    /// Whether the caller must be able to hear us first, by early media if the call is not
    /// answered.
    fn speaks(&self) -> bool {
        false
    }

    /// The flow that it calls.
    fn calls(&self) -> Option<&Called> {
        None
    }

    /// Whether it goes back to the flow that called this one.
    fn returns(&self) -> bool {
        false
    }

    /// Whether it can be done for a caller who is gone.
    fn is_silent(&self) -> bool {
        let heard = self.needs_answer() || self.speaks();
        !heard && !self.refuses() && self.calls().is_none() && !self.returns()
    }

    /// Whether it is for calls that were never answered.
    fn refuses(&self) -> bool {
        false
    }

    /// The ways a call comes back from where this sent it, each by the word of the exit
    /// that it leads to: what `returns` of an example may say.
    fn ways_back(&self) -> Vec<(String, Returned)> {
        Vec::new()
    }

    /// Begins.
    fn enter(&self, turn: &mut Turn<'_>) -> Next;

    /// Goes on after a wait: the one that it returned itself. An input that it does not
    /// wait for leaves it waiting.
    fn handle(&self, wait: Wait, _input: Input, _turn: &mut Turn<'_>) -> Next {
        Next::Stay(wait)
    }
}

/// What a picture shows of a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Does something and goes on.
    Step,
    /// Asks the caller.
    Question,
    /// Chooses by itself.
    Choice,
    /// The call goes elsewhere and may come back.
    Away,
    /// The flow ends.
    End,
}

/// A time with bounds: a diagnostic says them when it is not within. `what` is how the
/// diagnostic calls it.
pub(super) fn between(
    cursor: Cursor<'_>,
    what: &str,
    bounds: RangeInclusive<Duration>,
    reader: &mut Reader<'_>,
) -> Option<Duration> {
    let time = cursor.duration(reader.diags)?;
    if !bounds.contains(&time) {
        let (least, most) = bounds.into_inner();
        let (least, most) = (show_duration(least), show_duration(most));
        let problem = cursor.error(format!("{what} is between {least} and {most}"));
        reader.diags.push(problem);
    }
    Some(time)
}

/// The verb of a node. `None` with a diagnostic when it cannot be read.
pub(crate) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Box<dyn Verb>> {
    reader.node = node.span();
    let kind = node.require("type", reader.diags)?;
    let name = kind.string(reader.diags)?;
    if let Some((_, read)) = TYPES.iter().find(|(known, _)| *known == name) {
        return read(node, reader);
    }
    let problem = kind.error(format!("unknown node type `{name}`"));
    let problem = unknown(problem, name, TYPES.iter().map(|(known, _)| *known));
    reader.diags.push(problem);
    None
}
