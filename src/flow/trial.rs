//! The `tests:` of a flow: calls that are made up, run with a clock that is made up.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

use super::hours::Calendar;
use super::load::Flow;
use super::port::{Caller, Input, MessageExit, Output, QueueView, Returned, World};
use super::read::Reader;
use super::replies::Replies;
use super::run::Run;
use super::source::{Cursor, unknown};
use crate::model::{
    Diagnostic, Epoch, FlowName, LineName, NodeName, Number, OperatorName, Project, QueueName,
};

/// Inputs of one example; a flow that takes more does not end.
const INPUTS: usize = 10_000;
/// What a prompt takes, as far as the made-up clock is concerned.
const PROMPT: Duration = Duration::from_secs(2);

/// One example: a call, and what should come of it.
#[derive(Debug)]
pub(super) struct Trial {
    name: String,
    caller: Caller,
    at: SystemTime,
    press: Vec<String>,
    replies: Replies,
    expect: Expect,
    /// A diagnostic without a message, at the example's place.
    place: Diagnostic,
}

#[derive(Debug, Default)]
struct Expect {
    path: Option<Vec<String>>,
    queue: Option<QueueName>,
    line: Option<LineName>,
    operator: Option<OperatorName>,
    outcome: Option<String>,
    language: Option<String>,
}

impl Trial {
    pub(super) fn read_all(root: Cursor<'_>, reader: &mut Reader<'_>) -> Vec<Self> {
        let list = root
            .get("tests")
            .and_then(|tests| tests.list(reader.diags))
            .unwrap_or_default();
        list.into_iter()
            .filter_map(|item| Self::read(item, reader))
            .collect()
    }

    fn read(item: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        item.map(reader.diags)?;
        let fields = [
            "name", "caller", "called", "language", "project", "at", "press", "answers", "expect",
        ];
        item.unknown_keys(&fields, reader.diags);
        let mut text = |key: &str| item.get(key).and_then(|cursor| cursor.word(reader.diags));
        let (name, caller, called) = (text("name"), text("caller"), text("called"));
        let (language, project) = (text("language"), text("project"));
        let mut press = Vec::new();
        for keys in item
            .get("press")
            .and_then(|press| press.list(reader.diags))
            .unwrap_or_default()
        {
            let written = keys.word(reader.diags)?;
            if !written
                .chars()
                .all(|key| key.is_ascii_digit() || key == '*' || key == '#')
            {
                let problem = keys.error(format!("`{written}` are no keys"));
                reader
                    .diags
                    .push(problem.hint("write \"1\" or \"1234#\"; \"\" presses nothing"));
            }
            press.push(written.to_owned());
        }
        let replies = item.get("answers").map(|map| Replies::read(map, reader));
        let at = item.require("at", reader.diags)?;
        let moment = at.string(reader.diags)?;
        let parsed = moment.parse::<Timestamp>().ok();
        let Some(at_time) = parsed.and_then(|moment| SystemTime::try_from(moment).ok()) else {
            let problem = at.error(format!("`{moment}` is no moment"));
            reader
                .diags
                .push(problem.hint("write \"2026-03-02T10:15:00+01:00\""));
            return None;
        };
        let expect = item.require("expect", reader.diags)?;
        let caller = Caller {
            from: Number::from(caller.unwrap_or("anonymous")),
            name: None,
            called: Number::from(called.unwrap_or("1000")),
            language: language.map(str::to_owned),
            project: project.map(Project::from),
        };
        Some(Self {
            name: name.unwrap_or("unnamed").to_owned(),
            caller,
            at: at_time,
            press,
            replies: replies.unwrap_or_default(),
            expect: Expect::read(expect, reader)?,
            place: expect.key_error(""),
        })
    }

    fn run(
        &self,
        flow: &Arc<Flow>,
        calendars: &Arc<BTreeMap<String, Calendar>>,
        now: Instant,
    ) -> Vec<Diagnostic> {
        let epoch = Epoch {
            instant: now,
            wall: self.at,
        };
        let run = Run::new(
            Arc::clone(flow),
            self.caller.clone(),
            Arc::clone(calendars),
            epoch,
        );
        let mut call = Call {
            flow: flow.name().clone(),
            run,
            now,
            seen: Seen::default(),
            press: self.press.iter().cloned().collect(),
            replies: self.replies.clone(),
        };
        call.run_to_end();
        let language = call.run.language().to_owned();
        let wrong = self.expect.compare(&call.seen, &language);
        let told = wrong.into_iter().map(|wrong| Diagnostic {
            message: format!("test `{}`: {wrong}", self.name),
            ..self.place.clone()
        });
        told.map(|problem| problem.hint(format!("it went {}", call.seen.path_text())))
            .collect()
    }
}

impl Expect {
    fn read(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        cursor.map(reader.diags)?;
        cursor.unknown_keys(
            &["path", "queue", "line", "operator", "outcome", "language"],
            reader.diags,
        );
        let mut path = None;
        if let Some(list) = cursor.get("path").and_then(|path| path.list(reader.diags)) {
            for item in &list {
                reader.target(*item);
            }
            path = Some(
                list.iter()
                    .filter_map(|item| item.raw())
                    .map(str::to_owned)
                    .collect(),
            );
        }
        let mut text = |key: &str| cursor.get(key).and_then(|cursor| cursor.word(reader.diags));
        let (queue, line, outcome) = (text("queue"), text("line"), text("outcome"));
        let language = text("language").map(str::to_owned);
        let operator = text("operator").map(OperatorName::from);
        if let Some(wrong) = outcome.filter(|outcome| !["hangup", "reject"].contains(outcome)) {
            let place = cursor.get("outcome").unwrap_or(cursor);
            let problem = place.error(format!("`{wrong}` is no outcome of a test"));
            reader
                .diags
                .push(unknown(problem, wrong, ["hangup", "reject"].into_iter()));
        }
        Some(Self {
            path,
            queue: queue.map(QueueName::from),
            line: line.map(LineName::from),
            operator,
            outcome: outcome.map(str::to_owned),
            language,
        })
    }

    fn compare(&self, seen: &Seen, language: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut same = |what: &str, expected: Option<&str>, found: Option<&str>| {
            if expected.is_some() && expected != found {
                let (expected, found) = (expected.unwrap_or_default(), found.unwrap_or("none"));
                wrong.push(format!("expected {what} {expected}, got {found}"));
            }
        };
        let path = self.path.as_ref().map(|path| path.join(", "));
        let names: Vec<&str> = seen.path.iter().map(NodeName::as_str).collect();
        same("path", path.as_deref(), Some(&names.join(", ")));
        same(
            "queue",
            self.queue.as_ref().map(QueueName::as_str),
            seen.queue.as_ref().map(QueueName::as_str),
        );
        same(
            "line",
            self.line.as_ref().map(LineName::as_str),
            seen.line.as_ref().map(LineName::as_str),
        );
        same(
            "operator",
            self.operator.as_ref().map(OperatorName::as_str),
            seen.operator.as_ref().map(OperatorName::as_str),
        );
        same("outcome", self.outcome.as_deref(), seen.outcome);
        same("language", self.language.as_deref(), Some(language));
        if seen.stuck {
            wrong.push("the call does not come to an end".into());
        }
        wrong
    }
}

/// What came of an example: up to the first queue, line, operator, dial, hangup or reject.
#[derive(Debug, Default)]
struct Seen {
    path: Vec<NodeName>,
    queue: Option<QueueName>,
    line: Option<LineName>,
    operator: Option<OperatorName>,
    dialled: Vec<Arc<str>>,
    outcome: Option<&'static str>,
    stuck: bool,
}

impl Seen {
    fn is_away(&self) -> bool {
        let named = self.queue.is_some() || self.line.is_some() || self.operator.is_some();
        named || !self.dialled.is_empty()
    }

    fn path_text(&self) -> String {
        let names: Vec<&str> = self.path.iter().map(NodeName::as_str).collect();
        names.join(", ")
    }
}

/// Every queue is staffed and empty.
struct Quiet;

impl World for Quiet {
    fn queue(&self, _: &QueueName) -> QueueView {
        QueueView {
            ready: 1,
            staffed: true,
            ..QueueView::default()
        }
    }

    fn estimated_wait(&self, _: &QueueName) -> Option<Duration> {
        None
    }
}

struct Call {
    flow: FlowName,
    run: Run,
    now: Instant,
    seen: Seen,
    press: VecDeque<String>,
    replies: Replies,
}

impl Call {
    fn run_to_end(&mut self) {
        let mut input = Input::Begin;
        let mut keys: VecDeque<char> = VecDeque::new();
        for _ in 0..INPUTS {
            let mut out = Vec::new();
            self.run.handle(input, self.now, &Quiet, &mut out);
            let (mut answer, mut play, mut back) = (false, false, false);
            let (mut asked, mut message) = (None, false);
            for output in out {
                match output {
                    Output::Answer | Output::Early => answer = true,
                    Output::Play(_) => play = true,
                    Output::StopPlaying => play = false,
                    Output::Queue(request) => self.seen.queue = Some(request.queue),
                    Output::Line(line) => self.seen.line = Some(line),
                    Output::Callback(_) => back = true,
                    Output::Ask(ask) => asked = Some(ask),
                    Output::Operator(request) => self.seen.operator = Some(request.operator),
                    Output::Dial(request) => self.seen.dialled = request.to,
                    Output::Reject(_) => self.seen.outcome = Some("reject"),
                    Output::Hangup { .. } => self.seen.outcome = Some("hangup"),
                    Output::Step { flow, node, .. } if flow == self.flow => {
                        self.seen.path.push(node);
                    }
                    // Whoever calls here says something, and is done.
                    Output::Message(_) => message = true,
                    // What a flow does that is called is in its own examples.
                    Output::Step { .. }
                    | Output::EndMessage
                    | Output::Recording(_)
                    | Output::Secret(_)
                    | Output::Survey { .. }
                    | Output::Fault { .. }
                    | Output::Notify { .. } => {}
                }
            }
            if self.run.is_over() || self.seen.is_away() {
                return;
            }
            input = if answer {
                Input::Answered
            } else if message {
                Input::Returned(Returned::Message(MessageExit::Kept))
            } else if back {
                Input::Returned(Returned::Callback(true))
            } else if let Some(asked) = asked {
                let reply = self.replies.reply(self.run.node(), &asked);
                Input::Returned(Returned::Reply(asked.number, reply))
            } else if play {
                self.now += PROMPT;
                Input::Played
            } else if let Some(key) = keys.pop_front() {
                Input::Key(key)
            } else {
                self.wait(&mut keys)
            };
        }
        self.seen.stuck = true;
    }

    /// The flow listens: the next keys, or nothing until its patience ends.
    fn wait(&mut self, keys: &mut VecDeque<char>) -> Input {
        keys.extend(self.press.pop_front().unwrap_or_default().chars());
        if let Some(key) = keys.pop_front() {
            return Input::Key(key);
        }
        if let Some(deadline) = self.run.deadline() {
            self.now = self.now.max(deadline);
        }
        Input::Tick
    }
}

impl Flow {
    /// Runs the examples of `tests:`; `now` is any moment. A diagnostic for each thing
    /// that came out otherwise.
    #[must_use]
    pub fn run_tests(
        self: &Arc<Self>,
        calendars: &Arc<BTreeMap<String, Calendar>>,
        now: Instant,
    ) -> Vec<Diagnostic> {
        self.tests
            .iter()
            .flat_map(|trial| trial.run(self, calendars, now))
            .collect()
    }
}
