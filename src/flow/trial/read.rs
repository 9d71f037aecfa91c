//! An example as it is written, and how it is run.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

use super::expect::Expect;
use super::rehearsal::{Rehearsal, Stage, Wants};
use crate::flow::hours::Calendar;
use crate::flow::load::{Flow, Node};
use crate::flow::port::{Caller, QueueView};
use crate::flow::read::Reader;
use crate::flow::replies::Replies;
use crate::flow::source::{Cursor, unknown};
use crate::model::{Diagnostic, Epoch, NodeName, Number, Project, QueueName};

/// The fields of an example.
pub(in crate::flow) const FIELDS: &[&str] = &[
    "name",
    "caller",
    "called",
    "language",
    "project",
    "at",
    "press",
    "queues",
    "answers",
    "customers",
    "returns",
    "expect",
];
/// What can be said of a queue.
pub(in crate::flow) const QUEUE: &[&str] = &[
    "waiting",
    "longest_wait",
    "estimated_wait",
    "ready",
    "staffed",
];
/// Callers or operators of a queue that is made up.
const MOST: u32 = 100_000;

/// One example: a call, and what should come of it.
#[derive(Debug)]
pub(in crate::flow) struct Trial {
    name: String,
    caller: Caller,
    at: SystemTime,
    press: Vec<String>,
    stage: Stage,
    /// How the call comes back from a node, each time that it is sent away there.
    returns: BTreeMap<NodeName, Vec<String>>,
    expect: Expect,
}

impl Trial {
    /// `nodes` are those that could be read.
    pub(in crate::flow) fn read_all(
        root: Cursor<'_>,
        nodes: &[Node],
        reader: &mut Reader<'_>,
    ) -> Vec<Self> {
        let list = root
            .get("tests")
            .and_then(|tests| tests.list(reader.diags))
            .unwrap_or_default();
        if list.is_empty() {
            return Vec::new();
        }
        let sounds = sounds(nodes, reader);
        list.into_iter()
            .filter_map(|item| Self::read(item, nodes, &sounds, reader))
            .collect()
    }

    fn read(
        item: Cursor<'_>,
        nodes: &[Node],
        sounds: &BTreeSet<String>,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        item.map(reader.diags)?;
        reader.fields(item, FIELDS);
        let mut text = |key: &str| item.get(key).and_then(|cursor| cursor.word(reader.diags));
        let name = text("name").unwrap_or("unnamed").to_owned();
        let caller = caller(item, reader);
        let press = press(item, reader);
        let stage = stage(item, reader);
        let returns = returns(item, nodes, reader);
        let at = item.require("at", reader.diags);
        let at = at.and_then(|at| moment(at, reader));
        let expect = item
            .require("expect", reader.diags)
            .and_then(|expect| Expect::read(expect, sounds, reader));
        Some(Self {
            name,
            caller,
            at: at?,
            press,
            stage,
            returns,
            expect: expect?,
        })
    }

    pub(super) fn run(
        &self,
        flow: &Arc<Flow>,
        calendars: &Arc<BTreeMap<String, Calendar>>,
        now: Instant,
    ) -> Vec<Diagnostic> {
        let epoch = Epoch {
            instant: now,
            wall: self.at,
        };
        let caller = self.caller.clone();
        let mut call = Rehearsal::new(flow, caller, calendars, epoch, self.stage.clone());
        let stuck = self.play(&mut call) == Wants::End;
        self.expect.compare(&self.name, &call, stuck)
    }

    /// The call, as far as the example says what happens.
    fn play(&self, call: &mut Rehearsal) -> Wants {
        let mut press: VecDeque<&str> = self.press.iter().map(String::as_str).collect();
        let mut keys: VecDeque<char> = VecDeque::new();
        let mut returns: BTreeMap<&str, VecDeque<&str>> = BTreeMap::new();
        for (node, exits) in &self.returns {
            let exits = exits.iter().map(String::as_str).collect();
            returns.insert(node.as_str(), exits);
        }
        loop {
            match call.go_on() {
                Wants::Keys => {
                    if keys.is_empty() {
                        keys.extend(press.pop_front().unwrap_or_default().chars());
                    }
                    match keys.pop_front() {
                        Some(key) => call.press(key),
                        None => call.wait(),
                    }
                }
                Wants::Return => {
                    let exits = returns.get_mut(call.run().node().as_str());
                    let exit = exits.and_then(VecDeque::pop_front);
                    if exit.is_none_or(|exit| call.come_back(exit).is_err()) {
                        return Wants::Return;
                    }
                }
                over @ (Wants::Nothing | Wants::End) => return over,
            }
        }
    }
}

/// Every sound that a prompt of the flow may play.
fn sounds(nodes: &[Node], reader: &Reader<'_>) -> BTreeSet<String> {
    let prompts = nodes.iter().flat_map(|node| node.verb.prompts());
    let mut sounds = BTreeSet::new();
    for prompt in prompts {
        for language in &reader.languages {
            sounds.extend(prompt.names(language));
        }
    }
    sounds
}

fn caller(item: Cursor<'_>, reader: &mut Reader<'_>) -> Caller {
    let mut text = |key: &str| item.get(key).and_then(|cursor| cursor.word(reader.diags));
    let (from, called, project) = (text("caller"), text("called"), text("project"));
    let project = project.filter(|name| {
        let known = reader.known.projects;
        let found = known.contains(*name);
        if let (false, Some(cursor)) = (found, item.get("project")) {
            let problem = cursor.error(format!("there is no project `{name}`"));
            let known = known.iter().map(Project::as_str);
            reader.diags.push(unknown(problem, name, known));
        }
        found
    });
    Caller {
        from: Number::from(from.unwrap_or("anonymous")),
        name: None,
        called: Number::from(called.unwrap_or("1000")),
        language: language(item, reader),
        project: project.map(Project::from),
    }
}

/// One of the languages of the flow.
pub(super) fn language(item: Cursor<'_>, reader: &mut Reader<'_>) -> Option<String> {
    let cursor = item.get("language")?;
    let name = cursor.word(reader.diags)?;
    if !reader.languages.iter().any(|known| **known == *name) {
        let problem = cursor.error(format!("the flow does not speak `{name}`"));
        let known = reader.languages.iter().map(|known| &**known);
        reader.diags.push(unknown(problem, name, known));
    }
    Some(name.to_owned())
}

fn press(item: Cursor<'_>, reader: &mut Reader<'_>) -> Vec<String> {
    let list = item.get("press").and_then(|press| press.list(reader.diags));
    let mut press = Vec::new();
    for keys in list.unwrap_or_default() {
        let Some(written) = keys.word(reader.diags) else {
            continue;
        };
        let is_key = |key: char| key.is_ascii_digit() || key == '*' || key == '#';
        if !written.chars().all(is_key) {
            let problem = keys.error(format!("`{written}` are no keys"));
            reader
                .diags
                .push(problem.hint("write \"1\" or \"1234#\"; \"\" presses nothing"));
        }
        press.push(written.to_owned());
    }
    press
}

fn moment(at: Cursor<'_>, reader: &mut Reader<'_>) -> Option<SystemTime> {
    let text = at.string(reader.diags)?;
    let parsed = text.parse::<Timestamp>().ok();
    let moment = parsed.and_then(|moment| SystemTime::try_from(moment).ok());
    if moment.is_none() {
        let problem = at.error(format!("`{text}` is no moment"));
        reader
            .diags
            .push(problem.hint("write \"2026-03-02T10:15:00+01:00\""));
    }
    moment
}

fn stage(item: Cursor<'_>, reader: &mut Reader<'_>) -> Stage {
    let replies = item
        .get("answers")
        .map(|answers| Replies::read(answers, reader));
    let mut replies = replies.unwrap_or_default();
    if let Some(customers) = item.get("customers") {
        replies.read_customers(customers, reader);
    }
    let mut stage = Stage {
        replies,
        ..Stage::default()
    };
    let queues = item
        .get("queues")
        .and_then(|queues| queues.map(reader.diags));
    for (name, value) in queues.unwrap_or_default() {
        if !reader.known.queues.contains(name) {
            let problem = value.key_error(format!("there is no queue `{name}`"));
            let known = reader.known.queues.iter().map(QueueName::as_str);
            reader.diags.push(unknown(problem, name, known));
        }
        if value.map(reader.diags).is_some() {
            let view = queue(value, reader);
            stage.queues.insert(QueueName::from(name), view);
        }
    }
    stage
}

fn queue(value: Cursor<'_>, reader: &mut Reader<'_>) -> (QueueView, Option<Duration>) {
    reader.fields(value, QUEUE);
    let staffed = reader.flag(value, "staffed", true);
    let ready = reader.count(value, "ready", MOST, u32::from(staffed));
    let view = QueueView {
        waiting: usize::try_from(reader.count(value, "waiting", MOST, 0)).unwrap_or_default(),
        longest_wait: reader.duration(value, "longest_wait", Duration::ZERO),
        ready: usize::try_from(ready).unwrap_or_default(),
        staffed,
    };
    let estimate = value.get("estimated_wait");
    let estimate = estimate.and_then(|wait| wait.duration(reader.diags));
    (view, estimate)
}

fn node_is_there(value: Cursor<'_>, name: &str, reader: &mut Reader<'_>) -> bool {
    let found = reader.nodes.contains_key(name);
    if !found {
        let problem = value.key_error(format!("there is no node `{name}`"));
        let known = reader.nodes.keys().map(String::as_str);
        reader.diags.push(unknown(problem, name, known));
    }
    found
}

fn returns(
    item: Cursor<'_>,
    nodes: &[Node],
    reader: &mut Reader<'_>,
) -> BTreeMap<NodeName, Vec<String>> {
    let mut returns = BTreeMap::new();
    let written = item
        .get("returns")
        .and_then(|returns| returns.map(reader.diags));
    for (name, value) in written.unwrap_or_default() {
        if !node_is_there(value, name, reader) {
            continue;
        }
        // A node that cannot be read has been told already.
        let Some(node) = nodes.iter().find(|node| node.name.as_str() == name) else {
            continue;
        };
        let known = node.verb.ways_back();
        if known.is_empty() {
            let verb = node.verb.name();
            let problem =
                value.key_error(format!("a {verb} sends the call nowhere to return from"));
            reader
                .diags
                .push(problem.hint("`returns` is for what rings or waits; keys stand in `press`"));
            continue;
        }
        let mut exits = Vec::new();
        for item in value.one_or_many() {
            let Some(exit) = item.word(reader.diags) else {
                continue;
            };
            if !known.iter().any(|(word, _)| word == exit) {
                let problem = item.error(format!("node `{name}` has no exit `{exit}`"));
                let known = known.iter().map(|(word, _)| word.as_str());
                reader.diags.push(unknown(problem, exit, known));
            }
            exits.push(exit.to_owned());
        }
        returns.insert(NodeName::from(name), exits);
    }
    returns
}
