//! `queue`: the call waits for an operator.

use std::sync::Arc;
use std::time::Duration;

use super::kind::{Exit, Next, NodeIndex, Shape, Verb, Wait};
use super::treatment::{Keys, Message};
use super::whom::{self, Whom};
use crate::flow::expression::Expression;
use crate::flow::port::{Announce, Input, Output, QueueExit, QueueRequest, Returned};
use crate::flow::prompt::{Prompt, Spoken};
use crate::flow::read::Reader;
use crate::flow::source::{Cursor, unknown};
use crate::flow::speech;
use crate::flow::steps::steps;
use crate::flow::turn::Turn;
use crate::model::{FlowFault, QueueName, Step};

/// More often than this, a caller hears nothing but announcements.
pub(super) const ANNOUNCE_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Queue {
    queue: QueueName,
    whom: Whom,
    priority: Option<Expression>,
    escalate: Option<Arc<[Step]>>,
    max_wait: Option<Duration>,
    music: Option<Arc<str>>,
    announce: Option<Announce>,
    comfort: Vec<Message>,
    keys: Keys,
    operator_announcement: Option<Arc<str>>,
    exits: Exits,
}

#[derive(Debug)]
struct Exits {
    answered: NodeIndex,
    timeout: NodeIndex,
    full: NodeIndex,
    no_operators: NodeIndex,
    /// Taken like `no_operators` where there is none.
    all_paused: Option<NodeIndex>,
    /// Once a callback was promised by a node that a key led to; else its `ok`.
    callback: Option<NodeIndex>,
    error: NodeIndex,
}

const FIELDS: &[&str] = &[
    "queue",
    "skills",
    "preferred_operator",
    "priority",
    "escalate",
    "waiting",
    "max_wait",
    "operator_announcement",
    "answered",
    "timeout",
    "full",
    "no_operators",
    "all_paused",
    "callback",
    "error",
];

impl Queue {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, FIELDS);
        let queue = node
            .require("queue", reader.diags)
            .and_then(|cursor| name(cursor, reader));
        let whom = Whom::read(node, reader);
        let priority = node
            .get("priority")
            .and_then(|cursor| reader.number(cursor));
        let escalate = node.get("escalate").map(|cursor| escalate(cursor, reader));
        let max_wait = node
            .get("max_wait")
            .and_then(|cursor| cursor.duration(reader.diags));
        let waiting = node
            .get("waiting")
            .map(|cursor| waiting(cursor, reader))
            .unwrap_or_default();
        let operator_announcement = whom::announcement(node, reader);
        let exits = Exits::read(node, queue.as_ref(), reader);
        Some(Self {
            queue: queue?,
            whom,
            priority,
            escalate,
            max_wait,
            music: waiting.music,
            announce: waiting.announce,
            comfort: waiting.comfort,
            keys: waiting.keys,
            operator_announcement,
            exits: exits?,
        })
    }
}

impl Verb for Queue {
    fn name(&self) -> &'static str {
        "queue"
    }

    fn shape(&self) -> Shape {
        Shape::Away
    }

    fn exits(&self) -> Vec<Exit> {
        let mut exits = vec![
            Exit::paced("answered", self.exits.answered),
            Exit::paced("timeout", self.exits.timeout),
            Exit::instant("full", self.exits.full),
            Exit::instant("no_operators", self.exits.no_operators),
            Exit::instant("error", self.exits.error),
        ];
        let all_paused = self.exits.all_paused;
        exits.extend(all_paused.map(|to| Exit::instant("all_paused", to)));
        let callback = self.exits.callback;
        exits.extend(callback.map(|to| Exit::paced("callback", to)));
        exits.extend(
            self.keys
                .leave
                .iter()
                .map(|(key, to)| Exit::paced(*key, *to)),
        );
        exits
    }

    fn prompts(&self) -> Vec<&Prompt> {
        let comfort = self.comfort.iter().map(Message::prompt);
        comfort.chain(self.keys.prompts()).collect()
    }

    fn other_sounds(&self, language: &str) -> Vec<(String, String)> {
        let mut names: Vec<(String, String)> = Vec::new();
        if self.announce.is_some() {
            let spoken = speech::announcement_sounds(language);
            names.extend(spoken.into_iter().map(|name| (language.to_owned(), name)));
        }
        names.extend(
            self.operator_announcement
                .iter()
                .map(|name| (language.to_owned(), name.to_string())),
        );
        names.extend(
            self.music
                .iter()
                .map(|name| ("music".to_owned(), name.to_string())),
        );
        names
    }

    fn needs_answer(&self) -> bool {
        true
    }

    fn ways_back(&self) -> Vec<(String, Returned)> {
        let all_paused = self.exits.all_paused.map(|_| QueueExit::AllPaused);
        let exits = [
            ("answered", Some(QueueExit::Answered)),
            ("timeout", Some(QueueExit::Timeout)),
            ("full", Some(QueueExit::Full)),
            ("no_operators", Some(QueueExit::NoOperators)),
            ("error", Some(QueueExit::Error)),
            ("all_paused", all_paused),
        ];
        let exits = exits
            .into_iter()
            .filter_map(|(word, exit)| Some((word.to_owned(), exit?)));
        let keys = self.keys.leave.keys();
        let keys = keys.map(|key| (key.to_string(), QueueExit::Key(*key)));
        exits
            .chain(keys)
            .map(|(word, exit)| (word, Returned::Queue(exit)))
            .collect()
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        turn.core.ahead.clear();
        turn.core.once_promised = None;
        let require = self.whom.require(turn);
        let prefer = self.whom.prefer(turn);
        let preferred = self.whom.operator(turn);
        let priority = self.priority.as_ref().and_then(|of| turn.priority(of));
        let comfort = Message::speak_all(&self.comfort, turn);
        let asides = self.keys.speak(turn);
        let language = &turn.core.language;
        let request = QueueRequest {
            queue: self.queue.clone(),
            require,
            prefer,
            preferred,
            escalate: self.escalate.clone(),
            leaves_paused: self.exits.all_paused.is_some(),
            priority: priority.unwrap_or(turn.core.priority),
            max_wait: self.max_wait,
            music: self.music.clone(),
            announce: self.announce,
            comfort,
            keys: self.keys.leave.keys().copied().collect(),
            asides,
            operator_announcement: self
                .operator_announcement
                .as_ref()
                .map(|name| Spoken::sound(language, name)),
        };
        turn.out.push(Output::Queue(request));
        Next::Stay(Wait::Queue)
    }

    fn handle(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
        let Input::Returned(Returned::Queue(exit)) = input else {
            return Next::Stay(wait);
        };
        Next::Go(match exit {
            QueueExit::Answered => self.exits.answered,
            QueueExit::Timeout => self.exits.timeout,
            QueueExit::Full => self.exits.full,
            QueueExit::NoOperators => self.exits.no_operators,
            QueueExit::AllPaused => self.exits.all_paused.unwrap_or(self.exits.no_operators),
            QueueExit::Key(key) => match self.keys.leave.get(&key) {
                Some(to) => {
                    turn.core.once_promised = self.exits.callback;
                    *to
                }
                // A key that was not asked for: the wait is over all the same.
                None => self.exits.error,
            },
            QueueExit::Error => {
                turn.fault(FlowFault::Queue);
                self.exits.error
            }
        })
    }
}

impl Exits {
    /// Of the node, or where the node leaves one open, of the queue; a queue knows better
    /// than `defaults` what its callers are to hear.
    fn read(node: Cursor<'_>, queue: Option<&QueueName>, reader: &mut Reader<'_>) -> Option<Self> {
        let mut exit = |name| match given(node, queue, name, reader) {
            Some(to) => to,
            None => reader.exit(node, name),
        };
        let (answered, timeout, full) = (exit("answered"), exit("timeout"), exit("full"));
        let (no_operators, error) = (exit("no_operators"), exit("error"));
        let all_paused = given(node, queue, "all_paused", reader)
            .or_else(|| reader.optional_exit(node, "all_paused"));
        let callback = node.get("callback").map(|cursor| reader.target(cursor));
        Some(Self {
            answered: answered?,
            timeout: timeout?,
            full: full?,
            no_operators: no_operators?,
            all_paused: match all_paused {
                Some(to) => Some(to?),
                None => None,
            },
            callback: match callback {
                Some(to) => Some(to?),
                None => None,
            },
            error: error?,
        })
    }
}

/// Where a queue leads to by an exit that the node does not write: as
/// [`Reader::optional_exit`].
fn given(
    node: Cursor<'_>,
    queue: Option<&QueueName>,
    exit: &'static str,
    reader: &mut Reader<'_>,
) -> Option<Option<NodeIndex>> {
    let queue = queue.filter(|_| node.get(exit).is_none())?;
    let to = reader.known.fallbacks.get(&(queue.clone(), exit))?;
    let found = reader.nodes.get(to.as_str()).copied();
    if found.is_none() {
        let problem = node.key_error(format!(
            "queue `{queue}` leads to node `{to}`, which this flow does not have"
        ));
        let hint = format!("write `{exit}: <node>` here, or add a node `{to}`");
        reader.diags.push(problem.hint(hint));
    }
    Some(found)
}

fn name(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<QueueName> {
    let name = cursor.string(reader.diags)?;
    if !reader.known.queues.contains(name) {
        let problem = cursor.error(format!("there is no queue `{name}`"));
        reader.diags.push(unknown(
            problem,
            name,
            reader.known.queues.iter().map(QueueName::as_str),
        ));
    }
    Some(QueueName::from(name))
}

/// The same list as a queue's. A queue may name a skill that nobody has yet; a flow may
/// not, here as elsewhere.
fn escalate(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Arc<[Step]> {
    let steps = steps(cursor, reader.known.lines, reader.diags);
    for step in cursor.one_or_many() {
        let levels = ["relax", "also"]
            .into_iter()
            .filter_map(|key| step.get(key));
        for (skill, level) in levels.flat_map(|levels| levels.entries()) {
            reader.known_skill(level, skill);
        }
    }
    steps.into()
}

#[derive(Default)]
struct Waiting {
    music: Option<Arc<str>>,
    announce: Option<Announce>,
    comfort: Vec<Message>,
    keys: Keys,
}

fn waiting(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Waiting {
    if cursor.map(reader.diags).is_none() {
        return Waiting::default();
    }
    reader.fields(cursor, &["music", "announce", "comfort", "keys"]);
    let music = cursor.get("music").and_then(|cursor| {
        let name = cursor.string(reader.diags)?;
        if !(reader.known.sounds)("music", name) {
            let problem = cursor.error(format!("there is no music `{name}`"));
            reader
                .diags
                .push(problem.hint(format!("add prompts/music/{name}.wav")));
        }
        Some(Arc::from(name))
    });
    let announce = cursor
        .get("announce")
        .and_then(|cursor| announce(cursor, reader));
    let comfort = cursor
        .get("comfort")
        .map(|cursor| Message::read_all(cursor, reader));
    let keys = cursor.get("keys").map(|cursor| Keys::read(cursor, reader));
    Waiting {
        music,
        announce,
        comfort: comfort.unwrap_or_default(),
        keys: keys.unwrap_or_default(),
    }
}

fn announce(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Announce> {
    cursor.map(reader.diags)?;
    reader.fields(cursor, &["position", "estimated_wait", "every"]);
    let position = reader.flag(cursor, "position", false);
    let estimated_wait = reader.flag(cursor, "estimated_wait", false);
    let every = cursor.get("every").and_then(|every| {
        let period = every.duration(reader.diags)?;
        if period < ANNOUNCE_EVERY {
            reader
                .diags
                .push(every.error("announcements come at most every 10s"));
        }
        Some(period)
    });
    if position || estimated_wait {
        reader.sounds_of_speech(cursor, speech::Kind::Queue);
    }
    Some(Announce {
        position,
        estimated_wait,
        every,
    })
}
