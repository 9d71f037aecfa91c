//! All verbs under one roof.

use std::time::Instant;

use super::branch::Branch;
use super::collect::{self, Collect};
use super::farewell::{Hangup, Reject};
use super::hours::Hours;
use super::line::Line;
use super::menu::{self, Menu};
use super::play::{self, Play};
use super::queue::Queue;
use super::set::Set;
use super::switch::Switch;
use crate::flow::port::Input;
use crate::flow::prompt::Prompt;
use crate::flow::read::Reader;
use crate::flow::source::{Cursor, unknown};
use crate::flow::turn::Turn;

/// A node's place in its flow.
pub(crate) type NodeIndex = usize;

/// Types that the language has and this version has not.
const LATER: &[&str] = &[
    "http",
    "customer",
    "operator",
    "dial",
    "callback",
    "voicemail",
    "recording",
    "survey",
    "flow",
    "return",
    "notify",
];
const TYPES: &[&str] = &[
    "play", "menu", "collect", "set", "branch", "switch", "hours", "queue", "line", "hangup",
    "reject",
];

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
    Hangup,
    /// Nothing more to do: the call was refused.
    Over,
}

/// What a node waits for.
#[derive(Debug)]
pub(crate) enum Wait {
    /// The end of a play.
    Play(play::Playing),
    /// A key of a menu.
    Menu(menu::Listening),
    /// Digits.
    Collect(collect::Entry),
    /// The end of the wait in a queue, or of the talk.
    Queue,
    /// The end of the talk on a line.
    Line,
    /// The end of the last prompt.
    Farewell,
}

impl Wait {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Menu(listening) => listening.until,
            Self::Collect(entry) => entry.until,
            Self::Play(_) | Self::Queue | Self::Line | Self::Farewell => None,
        }
    }

    /// Whether the call is elsewhere, and the flow's time stands still.
    pub(crate) fn is_away(&self) -> bool {
        match self {
            Self::Queue | Self::Line => true,
            Self::Play(_) | Self::Menu(_) | Self::Collect(_) | Self::Farewell => false,
        }
    }
}

/// What a node does.
#[derive(Debug)]
pub(crate) enum Verb {
    /// Plays a prompt.
    Play(Play),
    /// Plays a prompt and waits for one key.
    Menu(Menu),
    /// Plays a prompt and waits for digits.
    Collect(Collect),
    /// Sets variables, language, tags, priority.
    Set(Set),
    /// Goes where the first condition that holds says.
    Branch(Branch),
    /// Goes where a value says.
    Switch(Switch),
    /// Goes where the calendar says.
    Hours(Hours),
    /// Puts the call into a queue.
    Queue(Queue),
    /// Puts the call to a line.
    Line(Line),
    /// Hangs up.
    Hangup(Hangup),
    /// Refuses the call before it is answered.
    Reject(Reject),
}

impl Verb {
    /// `None` with a diagnostic when it cannot be read.
    pub(crate) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let kind = node.require("type", reader.diags)?;
        let name = kind.string(reader.diags)?;
        match name {
            "play" => Play::read(node, reader).map(Self::Play),
            "menu" => Menu::read(node, reader).map(Self::Menu),
            "collect" => Collect::read(node, reader).map(Self::Collect),
            "set" => Set::read(node, reader).map(Self::Set),
            "branch" => Branch::read(node, reader).map(Self::Branch),
            "switch" => Switch::read(node, reader).map(Self::Switch),
            "hours" => Hours::read(node, reader).map(Self::Hours),
            "queue" => Queue::read(node, reader).map(Self::Queue),
            "line" => Line::read(node, reader).map(Self::Line),
            "hangup" => Some(Self::Hangup(Hangup::read(node, reader))),
            "reject" => Reject::read(node, reader).map(Self::Reject),
            _ => {
                let problem = if LATER.contains(&name) {
                    kind.error(format!(
                        "node type `{name}` is not available in this version"
                    ))
                } else {
                    unknown(
                        kind.error(format!("unknown node type `{name}`")),
                        name,
                        TYPES.iter().copied(),
                    )
                };
                reader.diags.push(problem);
                None
            }
        }
    }

    /// The word of the language.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Play(_) => "play",
            Self::Menu(_) => "menu",
            Self::Collect(_) => "collect",
            Self::Set(_) => "set",
            Self::Branch(_) => "branch",
            Self::Switch(_) => "switch",
            Self::Hours(_) => "hours",
            Self::Queue(_) => "queue",
            Self::Line(_) => "line",
            Self::Hangup(_) => "hangup",
            Self::Reject(_) => "reject",
        }
    }

    /// Every way out, in the order of the file where there is one.
    pub(crate) fn exits(&self) -> Vec<Exit> {
        match self {
            Self::Play(play) => play.exits(),
            Self::Menu(menu) => menu.exits(),
            Self::Collect(collect) => collect.exits(),
            Self::Set(set) => set.exits(),
            Self::Branch(branch) => branch.exits(),
            Self::Switch(switch) => switch.exits(),
            Self::Hours(hours) => hours.exits(),
            Self::Queue(queue) => queue.exits(),
            Self::Line(line) => line.exits(),
            Self::Hangup(_) | Self::Reject(_) => Vec::new(),
        }
    }

    /// What it plays to the caller.
    pub(crate) fn prompts(&self) -> Vec<&Prompt> {
        match self {
            Self::Play(play) => vec![&play.prompt],
            Self::Menu(menu) => menu.prompts(),
            Self::Collect(collect) => collect.prompts(),
            Self::Hangup(hangup) => hangup.prompt.iter().collect(),
            Self::Set(_) | Self::Branch(_) | Self::Switch(_) | Self::Hours(_) => Vec::new(),
            Self::Queue(_) | Self::Line(_) | Self::Reject(_) => Vec::new(),
        }
    }

    /// What it plays besides its prompts, in a language; music is of language `music`.
    pub(crate) fn other_sounds(&self, language: &str) -> Vec<(String, String)> {
        match self {
            Self::Queue(queue) => queue.sounds(language),
            Self::Play(_) | Self::Menu(_) | Self::Collect(_) | Self::Set(_) => Vec::new(),
            Self::Branch(_) | Self::Switch(_) | Self::Hours(_) => Vec::new(),
            Self::Line(_) | Self::Hangup(_) | Self::Reject(_) => Vec::new(),
        }
    }

    /// Whether the call must be answered first.
    pub(crate) fn needs_answer(&self) -> bool {
        match self {
            Self::Play(_) | Self::Menu(_) | Self::Collect(_) | Self::Queue(_) | Self::Line(_) => {
                true
            }
            Self::Hangup(hangup) => hangup.prompt.is_some(),
            Self::Set(_) | Self::Branch(_) | Self::Switch(_) | Self::Hours(_) | Self::Reject(_) => {
                false
            }
        }
    }

    /// Begins.
    pub(crate) fn enter(&self, turn: &mut Turn<'_>) -> Next {
        match self {
            Self::Play(play) => play.enter(turn),
            Self::Menu(menu) => menu.enter(turn),
            Self::Collect(collect) => collect.enter(turn),
            Self::Set(set) => set.enter(turn),
            Self::Branch(branch) => branch.enter(turn),
            Self::Switch(switch) => switch.enter(turn),
            Self::Hours(hours) => hours.enter(turn),
            Self::Queue(queue) => queue.enter(turn),
            Self::Line(line) => line.enter(turn),
            Self::Hangup(hangup) => hangup.enter(turn),
            Self::Reject(reject) => reject.enter(turn),
        }
    }

    /// Goes on after a wait.
    pub(crate) fn handle(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
        match (self, wait) {
            (Self::Play(play), Wait::Play(playing)) => play.handle(playing, input, turn),
            (Self::Menu(menu), Wait::Menu(listening)) => menu.handle(listening, input, turn),
            (Self::Collect(collect), Wait::Collect(entry)) => collect.handle(entry, input, turn),
            (Self::Queue(queue), Wait::Queue) => queue.handle(input, turn),
            (Self::Line(line), Wait::Line) => line.handle(input, turn),
            (Self::Hangup(_), Wait::Farewell) if input == Input::Played => Next::Hangup,
            // A verb gets the wait that it returned; a hangup waits for its prompt alone.
            (_, wait) => Next::Stay(wait),
        }
    }
}
