//! A made-up call through a flow, with a made-up clock: for `tests:` and for a person at
//! a terminal.
//!
//! ```text
//!  begin ─► go_on ─► Keys ───► press, or wait ─┐
//!              ▲     Return ─► come_back ──────┤
//!              └───────────────────────────────┘   until Over
//! ```
//!
//! Answers and prompts pass by themselves; what a caller or the exchange would decide is
//! asked for. Everything that happens is a [`Moment`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::flow::ask::Answer;
use crate::flow::hours::Calendar;
use crate::flow::load::Flow;
use crate::flow::port::{
    Caller, Input, MessageExit, Output, QueueRequest, QueueView, Returned, World,
};
use crate::flow::prompt::Spoken;
use crate::flow::replies::Replies;
use crate::flow::run::Run;
use crate::flow::verb::NodeIndex;
use crate::model::{
    Epoch, FlowFault, FlowName, LineName, Mailbox, NodeName, OperatorName, QueueName,
};

/// Inputs of one call; a flow that takes more does not end.
const INPUTS: usize = 10_000;
/// Moments that are kept of one call.
const MOMENTS: usize = 50_000;
/// What a prompt takes, as far as the made-up clock is concerned.
const PROMPT: Duration = Duration::from_secs(2);

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A node of a flow that this one calls was entered.
    Inside {
        /// The flow.
        flow: FlowName,
        /// The node.
        node: NodeName,
    },
    /// A node was entered.
    Step {
        /// Which.
        node: NodeName,
        /// Its type.
        verb: &'static str,
    },
    /// The node before was left by this exit. Exits that lead to the same node cannot
    /// always be told apart; then all of them are here, with a slash between.
    Exit(String),
    /// The call was answered.
    Answered,
    /// The caller heard this.
    Heard(Vec<Spoken>),
    /// The caller pressed a key.
    Pressed(char),
    /// The caller pressed nothing for as long as the flow waits.
    Silence,
    /// The call went into a queue.
    Queue(Box<QueueRequest>),
    /// The call went to a line.
    Line(LineName),
    /// An operator was rung.
    Operator(OperatorName),
    /// These addresses were rung.
    Dial(Vec<Arc<str>>),
    /// The world outside was asked by HTTP, and answered with this status, or not.
    Http(Option<u16>),
    /// The customer base was asked, and knew the caller, or not.
    Known(bool),
    /// The caller left a message here.
    Message(Mailbox),
    /// The caller was promised to be called back.
    Promised,
    /// Listeners were told something of this name.
    Notify(Arc<str>),
    /// The call came back from where it was, by this exit.
    Back(String),
    /// A node could not do what it says.
    Fault(FlowFault),
    /// The call was refused with this status code.
    Reject(u16),
    /// The flow hung up.
    Hangup,
}

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Keys, or the end of patience.
    Keys,
    /// The end of the wait in a queue, of the talk on a line, or the like.
    Return,
    /// Nothing more: it is over.
    Nothing,
    /// It goes round without an end.
    End,
}

/// The node has no such exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node has no such exit")]
pub struct NoExit;

/// The queues as expressions see them: staffed and empty, unless said otherwise.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    /// Queues that are otherwise, with the wait that is estimated for another caller.
    pub queues: BTreeMap<QueueName, (QueueView, Option<Duration>)>,
    /// What is said outside, to nodes that ask; nobody answers the others.
    pub(in crate::flow) replies: Replies,
}

impl Stage {
    /// A queue that nothing is said of.
    #[must_use]
    pub fn usual() -> QueueView {
        QueueView {
            ready: 1,
            staffed: true,
            ..QueueView::default()
        }
    }
}

impl World for Stage {
    fn queue(&self, name: &QueueName) -> QueueView {
        let found = self.queues.get(name);
        found.map_or_else(Self::usual, |(view, _)| *view)
    }

    fn estimated_wait(&self, name: &QueueName) -> Option<Duration> {
        self.queues.get(name).and_then(|(_, wait)| *wait)
    }
}

/// The call.
#[derive(Debug)]
pub struct Rehearsal {
    flow: Arc<Flow>,
    run: Run,
    now: Instant,
    stage: Stage,
    moments: Vec<Moment>,
    places: BTreeMap<NodeName, NodeIndex>,
    inputs: usize,
    next: Next,
    /// What the node at hand was last told, as the word of an exit.
    word: String,
}

/// What comes next if nobody decides anything.
#[derive(Debug)]
enum Next {
    Give(Input),
    Keys,
    Return,
}

impl Rehearsal {
    /// A call that has not begun. `epoch.instant` is when it begins.
    #[must_use]
    pub fn new(
        flow: &Arc<Flow>,
        caller: Caller,
        calendars: &Arc<BTreeMap<String, Calendar>>,
        epoch: Epoch,
        stage: Stage,
    ) -> Self {
        let places = flow.nodes.iter().enumerate();
        Self {
            run: Run::new(Arc::clone(flow), caller, Arc::clone(calendars), epoch),
            places: places.map(|(at, node)| (node.name.clone(), at)).collect(),
            flow: Arc::clone(flow),
            now: epoch.instant,
            stage,
            moments: Vec::new(),
            inputs: 0,
            next: Next::Give(Input::Begin),
            word: String::new(),
        }
    }

    /// Everything that has happened.
    #[must_use]
    pub fn moments(&self) -> &[Moment] {
        &self.moments
    }

    /// The interpreter: variables, tags, the language, the node.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The exits by which the call can come back from where it is.
    #[must_use]
    pub fn exits(&self) -> Vec<String> {
        let exits = self.returns().into_iter();
        exits.map(|(word, _)| word).collect()
    }

    fn returns(&self) -> Vec<(String, Returned)> {
        let at = self.places.get(self.run.node()).copied();
        let node = at.and_then(|at| self.flow.nodes.get(at));
        node.map(|node| node.verb.ways_back()).unwrap_or_default()
    }

    /// Goes on as far as nobody has to decide anything.
    pub fn go_on(&mut self) -> Wants {
        loop {
            if self.run.is_over() {
                return Wants::Nothing;
            }
            if self.inputs >= INPUTS || self.moments.len() >= MOMENTS {
                return Wants::End;
            }
            match std::mem::replace(&mut self.next, Next::Keys) {
                Next::Give(input) => self.give(input),
                Next::Keys => return Wants::Keys,
                Next::Return => {
                    self.next = Next::Return;
                    return Wants::Return;
                }
            }
        }
    }

    /// The caller presses a key.
    pub fn press(&mut self, key: char) {
        self.moments.push(Moment::Pressed(key));
        self.word = key.to_string();
        self.next = Next::Give(Input::Key(key));
    }

    /// The caller presses nothing until the flow loses its patience.
    pub fn wait(&mut self) {
        self.moments.push(Moment::Silence);
        "no_input".clone_into(&mut self.word);
        if let Some(deadline) = self.run.deadline() {
            self.now = self.now.max(deadline);
        }
        self.next = Next::Give(Input::Tick);
    }

    /// The call comes back from where it is, by an exit of its node.
    ///
    /// # Errors
    /// When the node has no such exit.
    pub fn come_back(&mut self, exit: &str) -> Result<(), NoExit> {
        let found = self.returns().into_iter().find(|(word, _)| word == exit);
        let Some((_, returned)) = found else {
            return Err(NoExit);
        };
        self.moments.push(Moment::Back(exit.to_owned()));
        exit.clone_into(&mut self.word);
        self.next = Next::Give(Input::Returned(returned));
        Ok(())
    }

    fn give(&mut self, input: Input) {
        self.inputs += 1;
        let mut out = Vec::new();
        self.run.handle(input, self.now, &self.stage, &mut out);
        // A run that says nothing listens.
        self.next = Next::Keys;
        for output in out {
            self.hear(output);
        }
    }

    fn hear(&mut self, output: Output) {
        let moment = match output {
            Output::Answer | Output::Early => {
                self.next = Next::Give(Input::Answered);
                Moment::Answered
            }
            Output::Play(spoken) => {
                self.now += PROMPT;
                self.next = Next::Give(Input::Played);
                Moment::Heard(spoken)
            }
            Output::StopPlaying => {
                self.next = Next::Keys;
                return;
            }
            Output::Queue(request) => {
                self.next = Next::Return;
                Moment::Queue(Box::new(request))
            }
            Output::Line(line) => {
                self.next = Next::Return;
                Moment::Line(line)
            }
            Output::Operator(request) => {
                self.next = Next::Return;
                Moment::Operator(request.operator)
            }
            Output::Dial(request) => {
                self.next = Next::Return;
                Moment::Dial(request.to)
            }
            Output::Ask(asked) => {
                let reply = self.stage.replies.reply(self.run.node(), &asked);
                let returned = |reply| Input::Returned(Returned::Reply(asked.number, reply));
                let moment = match &reply {
                    Ok(Answer::Http(answer)) => Some(Moment::Http(Some(answer.status))),
                    // It is heard when it is played.
                    Ok(Answer::Speech(_)) => None,
                    Ok(Answer::Customer(customer)) => Some(Moment::Known(customer.is_some())),
                    Err(_) => Some(Moment::Http(None)),
                };
                self.next = Next::Give(returned(reply));
                match moment {
                    Some(moment) => moment,
                    None => return,
                }
            }
            Output::Callback(_) => {
                self.next = Next::Give(Input::Returned(Returned::Callback(true)));
                Moment::Promised
            }
            Output::Notify { name, .. } => Moment::Notify(name),
            // Whoever calls here says something, and is done.
            Output::Message(request) => {
                self.next = Next::Give(Input::Returned(Returned::Message(MessageExit::Kept)));
                Moment::Message(request.mailbox)
            }
            Output::Survey { .. }
            | Output::EndMessage
            | Output::Recording(_)
            | Output::Secret(_) => return,
            Output::Reject(code) => Moment::Reject(code),
            Output::Hangup { .. } => Moment::Hangup,
            // What a flow does that is called is in its own examples.
            Output::Step { flow, node, .. } if flow != *self.flow.name() => {
                Moment::Inside { flow, node }
            }
            Output::Step { node, verb, .. } => {
                self.left_for(&node);
                Moment::Step { node, verb }
            }
            Output::Fault { fault, .. } => Moment::Fault(fault),
        };
        self.moments.push(moment);
    }

    /// Says by which exit the node before was left.
    fn left_for(&mut self, next: &NodeName) {
        let word = std::mem::take(&mut self.word);
        let before = self.moments.iter().rev().find_map(|moment| match moment {
            Moment::Step { node, .. } => Some(node),
            Moment::Exit(_)
            | Moment::Inside { .. }
            | Moment::Operator(_)
            | Moment::Dial(_)
            | Moment::Http(_)
            | Moment::Known(_)
            | Moment::Message(_)
            | Moment::Promised
            | Moment::Notify(_)
            | Moment::Answered
            | Moment::Heard(_)
            | Moment::Pressed(_)
            | Moment::Silence
            | Moment::Queue(_)
            | Moment::Line(_)
            | Moment::Back(_)
            | Moment::Fault(_)
            | Moment::Reject(_)
            | Moment::Hangup => None,
        });
        let place = |name: &NodeName| self.places.get(name).copied();
        let Some(node) = before
            .and_then(place)
            .and_then(|at| self.flow.nodes.get(at))
        else {
            return;
        };
        let to = place(next);
        let exits = node.verb.exits().into_iter();
        let labels: Vec<String> = exits
            .filter(|exit| Some(exit.to) == to)
            .map(|exit| exit.label)
            .collect();
        let exit = if labels.contains(&word) {
            word
        } else if labels.is_empty() {
            "limit".to_owned()
        } else {
            labels.join("/")
        };
        self.moments.push(Moment::Exit(exit));
    }
}
