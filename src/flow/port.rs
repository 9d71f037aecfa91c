//! What a run hears and says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::ask::{AskId, Asked, Reply};
use super::prompt::Spoken;
use crate::model::{
    Answer, Cause, FlowFault, FlowName, LineName, Mailbox, NodeName, Number, OperatorName, Project,
    QueueName, Requirement, Step,
};

/// Who calls, and what was dialled.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The caller's number.
    pub from: Number,
    /// The caller's name, as signalled.
    pub name: Option<String>,
    /// The number that was dialled.
    pub called: Number,
    /// The language to begin with; the flow's first when `None` or not among its own.
    pub language: Option<String>,
    /// The project of the number.
    pub project: Option<Project>,
}

impl Caller {
    /// One of whom nothing but the number is known.
    pub fn of(from: Number, called: Number) -> Self {
        Self {
            from,
            name: None,
            called,
            language: None,
            project: None,
        }
    }
}

/// What a queue looks like from a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueView {
    /// Callers waiting.
    pub waiting: usize,
    /// How long the first has waited.
    pub longest_wait: Duration,
    /// Operators free.
    pub ready: usize,
    /// Whether any operator who may take its calls is logged in.
    pub staffed: bool,
}

/// What expressions can ask of the exchange.
pub trait World {
    /// A queue; the default view when there is none of that name.
    fn queue(&self, name: &QueueName) -> QueueView;

    /// How long another caller may wait in it; `None` when nobody can say. It is not in the
    /// view because it costs more than all of that.
    fn estimated_wait(&self, name: &QueueName) -> Option<Duration>;

    /// Whether a number may be called back by a queue, or by the one that the call was in
    /// last.
    fn may_call_back(&self, _queue: Option<&QueueName>, _number: &str) -> bool {
        true
    }
}

/// How a caller left a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueExit {
    /// The talk is over, and the caller is still there.
    Answered,
    /// Waited for `max_wait`.
    Timeout,
    /// There was no place.
    Full,
    /// No operator is logged in.
    NoOperators,
    /// Every operator who is logged in is paused, and the flow has an exit for that.
    AllPaused,
    /// The queue could not take the call.
    Error,
    /// The caller pressed a key of `waiting.keys`.
    Key(char),
}

/// How a call to a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineExit {
    /// The talk is over, and the caller is still there.
    Answered,
    /// Busy, or the line's `max_calls` are up.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// The line could not be reached.
    Error,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageExit {
    /// It is kept.
    Kept,
    /// The caller said nothing, or less than a second of it.
    Empty,
    /// It could not be kept, or not all of it.
    Failed,
}

/// Let the caller leave a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRequest {
    /// Where.
    pub mailbox: Mailbox,
    /// How long it may be.
    pub max: Duration,
    /// After so much silence it is over.
    pub silence: Duration,
}

/// What is done with the recording of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingAction {
    /// It begins, unless one goes on.
    Start,
    /// It is silent from here on.
    Pause,
    /// It has sound again.
    Resume,
    /// It ends.
    Stop,
}

/// What a run hears.
#[derive(Clone, PartialEq, Eq)]
pub enum Input {
    /// The call is there. Once, first.
    Begin,
    /// The answer to [`Output::Answer`] or [`Output::Early`]: the caller can hear us.
    Answered,
    /// A key: `0`–`9`, `*`, `#`.
    Key(char),
    /// The sounds of the last `Play` ended.
    Played,
    /// Time passed.
    Tick,
    /// The call is back from where it was, or what was asked is answered.
    Returned(Returned),
}

/// Where a call comes back from, and how it went there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returned {
    /// The answer to [`Output::Queue`].
    Queue(QueueExit),
    /// The answer to [`Output::Line`].
    Line(LineExit),
    /// The answer to [`Output::Message`].
    Message(MessageExit),
    /// The answer to [`Output::Callback`]: whether it is promised.
    Callback(bool),
    /// The answer to [`Output::Ask`] of this number, or why there is none.
    Reply(AskId, Reply),
}

impl fmt::Debug for Input {
    /// A key may be part of a secret, and is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin => f.write_str("Begin"),
            Self::Answered => f.write_str("Answered"),
            Self::Key(_) => f.write_str("Key"),
            Self::Played => f.write_str("Played"),
            Self::Tick => f.write_str("Tick"),
            Self::Returned(from) => write!(f, "Returned({from:?})"),
        }
    }
}

/// What a waiting caller is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announce {
    /// The place in line.
    pub position: bool,
    /// How long it may take.
    pub estimated_wait: bool,
    /// How often; `None` tells once, at the start.
    pub every: Option<Duration>,
}

/// Something that a waiting caller hears now and then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comfort {
    /// What, one after another.
    pub sounds: Vec<Spoken>,
    /// How long after the wait began.
    pub after: Duration,
    /// How often from then on; `None` plays it once.
    pub every: Option<Duration>,
}

/// The operator whom a caller would rather wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preferred {
    /// Who. A name that nobody has asks for nothing.
    pub operator: OperatorName,
    /// For so long nobody else gets the call, if this one is logged in.
    pub hold_for: Duration,
}

/// Put the call into a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueRequest {
    /// Which.
    pub queue: QueueName,
    /// What the call asks for, besides what the queue requires.
    pub require: Requirement,
    /// Who has these goes before who has not, and nobody is excluded.
    pub prefer: Requirement,
    /// Instead of whoever the strategy picks, for a while.
    pub preferred: Option<Preferred>,
    /// Instead of the queue's own steps.
    pub escalate: Option<Arc<[Step]>>,
    /// Whether to leave with [`QueueExit::AllPaused`].
    pub leaves_paused: bool,
    /// The call's priority, without the queue's, −100..=100.
    pub priority: i16,
    /// Instead of the queue's.
    pub max_wait: Option<Duration>,
    /// A sound of language `music`, instead of the queue's.
    pub music: Option<Arc<str>>,
    /// Instead of the queue's.
    pub announce: Option<Announce>,
    /// Messages between the music.
    pub comfort: Arc<[Comfort]>,
    /// Keys that end the wait with [`QueueExit::Key`].
    pub keys: BTreeSet<char>,
    /// Keys that play something while the call keeps its place.
    pub asides: BTreeMap<char, Vec<Spoken>>,
    /// Played to the operator before the talk.
    pub operator_announcement: Option<Spoken>,
}

/// Promise the caller to be called back.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackRequest {
    /// The queue that keeps the place; `None` for the one that the call was in last.
    pub queue: Option<QueueName>,
    /// The number to dial.
    pub number: String,
}

impl fmt::Debug for CallbackRequest {
    /// A caller's number is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = &self.queue;
        write!(f, "CallbackRequest({queue:?})")
    }
}

/// Ring one operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorRequest {
    /// Who.
    pub operator: OperatorName,
    /// For how long; `None` as long as the operator's queue lets phones ring.
    pub ring: Option<Duration>,
    /// Played to the operator before the talk.
    pub operator_announcement: Option<Spoken>,
}

/// Ring addresses outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialRequest {
    /// SIP addresses whose hosts stand in the flow.
    pub to: Vec<Arc<str>>,
    /// All at once; else one after another.
    pub together: bool,
    /// For how long each.
    pub ring: Duration,
}

/// What a run says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Answer the call, and say [`Input::Answered`] when the caller can hear us.
    Answer,
    /// Let the caller hear us before the answer, and say [`Input::Answered`] when that can
    /// be; if it cannot, the call is answered instead.
    Early,
    /// Play these, one after another, and say [`Input::Played`] at the end.
    Play(Vec<Spoken>),
    /// Stop playing; no [`Input::Played`] comes for what was stopped.
    StopPlaying,
    /// Put the call into a queue; [`Returned::Queue`] comes.
    Queue(QueueRequest),
    /// Put the call to a line; [`Returned::Line`] comes.
    Line(LineName),
    /// Promise the caller to be called back; [`Returned::Callback`] comes.
    Callback(CallbackRequest),
    /// The caller answered a question of a survey.
    Survey {
        /// The name of the variable that holds the answer.
        question: Arc<str>,
        /// The answer.
        answer: Answer,
    },
    /// Record what the caller says; [`Returned::Message`] comes when it is over, by itself or
    /// by [`Self::EndMessage`].
    Message(MessageRequest),
    /// The caller is done with the message.
    EndMessage,
    /// Begin, pause, resume or end the recording of the call.
    Recording(RecordingAction),
    /// What the caller enters from here on is a secret (`true`), or is none again.
    Secret(bool),
    /// Ask the world outside; [`Returned::Reply`] comes, or is missed for no longer than
    /// the ask says.
    Ask(Asked),
    /// Ring one operator; [`Returned::Line`] comes.
    Operator(OperatorRequest),
    /// Ring addresses; [`Returned::Line`] comes.
    Dial(DialRequest),
    /// Tell whoever listens, in the house and beyond.
    Notify {
        /// Whose node it is.
        flow: FlowName,
        /// The node.
        node: NodeName,
        /// What the flow calls it.
        name: Arc<str>,
        /// What it says.
        data: Value,
    },
    /// Refuse the call with this status code. The run is over.
    Reject(u16),
    /// Hang up. The run is over.
    Hangup {
        /// Why, as the other side is told.
        cause: Option<Cause>,
    },
    /// A node was entered.
    Step {
        /// Whose node it is: of the number's flow, or of one that it calls.
        flow: FlowName,
        /// The node.
        node: NodeName,
        /// Its type.
        verb: &'static str,
    },
    /// A node could not do what it says, and went on by an exit.
    Fault {
        /// Whose node it is.
        flow: FlowName,
        /// The node.
        node: NodeName,
        /// Why.
        fault: FlowFault,
    },
}

impl Output {
    /// Whether somebody else has the call then.
    #[must_use]
    pub fn sends_away(&self) -> bool {
        match self {
            Self::Queue(_)
            | Self::Line(_)
            | Self::Operator(_)
            | Self::Dial(_)
            | Self::Callback(_) => true,
            Self::Answer
            | Self::Early
            | Self::Play(_)
            | Self::StopPlaying
            | Self::Survey { .. }
            | Self::Ask(_)
            | Self::Notify { .. }
            | Self::Message(_)
            | Self::EndMessage
            | Self::Recording(_)
            | Self::Secret(_)
            | Self::Reject(_)
            | Self::Hangup { .. }
            | Self::Step { .. }
            | Self::Fault { .. } => false,
        }
    }
}
