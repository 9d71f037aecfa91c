//! What should come of an example, and what came instead.

use std::collections::{BTreeMap, BTreeSet};

use super::read::language;
use super::rehearsal::{Moment, Rehearsal};
use super::story::{self, Parting};
use crate::flow::prompt::Spoken;
use crate::flow::read::Reader;
use crate::flow::source::{Cursor, unknown};
use crate::flow::value::Scalar;
use crate::flow::verb::fixed;
use crate::model::{Diagnostic, FlowFault, LineName, NodeName, OperatorName, QueueName};

/// What can be expected.
pub(in crate::flow) const FIELDS: &[&str] = &[
    "path", "queue", "line", "operator", "outcome", "language", "vars", "tags", "priority", "says",
    "faults",
];
pub(in crate::flow) const OUTCOMES: &[&str] = &["hangup", "reject"];

#[derive(Debug)]
pub(super) struct Expect {
    path: Option<Wanted<Vec<String>>>,
    queue: Option<Wanted<String>>,
    line: Option<Wanted<String>>,
    operator: Option<Wanted<String>>,
    outcome: Option<Wanted<String>>,
    language: Option<Wanted<String>>,
    vars: Vec<(String, Wanted<Scalar>)>,
    tags: Option<Wanted<Vec<String>>>,
    priority: Option<Wanted<i64>>,
    says: Option<Wanted<Vec<String>>>,
    faults: Option<Wanted<Vec<String>>>,
    place: Diagnostic,
}

/// A value, with a diagnostic without a message at its place.
#[derive(Debug)]
struct Wanted<T> {
    value: T,
    place: Diagnostic,
}

impl<T> Wanted<T> {
    fn at(cursor: Cursor<'_>, value: T) -> Self {
        Self {
            value,
            place: cursor.key_error(""),
        }
    }

    fn wrong(&self, what: impl Into<String>) -> Diagnostic {
        Diagnostic {
            message: what.into(),
            ..self.place.clone()
        }
    }
}

impl Expect {
    pub(super) fn read(
        cursor: Cursor<'_>,
        sounds: &BTreeSet<String>,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        cursor.map(reader.diags)?;
        reader.fields(cursor, FIELDS);
        let path = list(cursor, "path", reader, |item, reader| {
            reader.target(item);
        });
        let queues = reader.known.queues.iter().map(QueueName::as_str);
        let queue = one_of(cursor, "queue", queues, reader.diags);
        let lines = reader.known.lines.iter().map(LineName::as_str);
        let line = one_of(cursor, "line", lines, reader.diags);
        let operators = reader.known.operators.iter().map(OperatorName::as_str);
        let operator = one_of(cursor, "operator", operators, reader.diags);
        let outcomes = OUTCOMES.iter().copied();
        let outcome = one_of(cursor, "outcome", outcomes, reader.diags);
        let spoken = language(cursor, reader).zip(cursor.get("language"));
        let says = list(cursor, "says", reader, |item, reader| {
            let name = item.raw().unwrap_or_default();
            if !sounds.contains(name) {
                let problem = item.error(format!("no prompt of this flow has `{name}`"));
                let known = sounds.iter().map(String::as_str);
                reader.diags.push(unknown(problem, name, known));
            }
        });
        let faults = list(cursor, "faults", reader, |item, reader| {
            let name = item.raw().unwrap_or_default();
            let known = FlowFault::ALL.iter().map(|fault| fault.as_str());
            if !known.clone().any(|known| known == name) {
                let problem = item.error(format!("there is no fault `{name}`"));
                reader.diags.push(unknown(problem, name, known));
            }
        });
        let priority = cursor.get("priority").and_then(|cursor| {
            let wanted = cursor.integer(-100..=100, reader.diags)?;
            Some(Wanted::at(cursor, wanted))
        });
        Some(Self {
            path,
            queue,
            line,
            operator,
            outcome,
            language: spoken.map(|(name, cursor)| Wanted::at(cursor, name)),
            vars: vars(cursor, reader),
            tags: list(cursor, "tags", reader, |_, _| {}),
            priority,
            says,
            faults,
            place: cursor.key_error(""),
        })
    }

    /// A diagnostic for each thing that came out otherwise; the last tells the story.
    pub(super) fn compare(&self, name: &str, call: &Rehearsal, stuck: bool) -> Vec<Diagnostic> {
        let seen = Seen::of(call.moments());
        let parting = self.path.as_ref().and_then(|path| {
            let names: Vec<&str> = path.value.iter().map(String::as_str).collect();
            Parting::find(&names, &seen.path)
        });
        let mut wrong = Vec::new();
        if let (Some(path), Some(_)) = (&self.path, &parting) {
            let (expected, got) = (path.value.join(", "), names(&seen.path));
            wrong.push(path.wrong(format!("expected path {expected}, got {got}")));
        }
        for (what, wanted, got) in [
            ("queue", &self.queue, seen.queue),
            ("line", &self.line, seen.line),
            ("operator", &self.operator, seen.operator),
            ("outcome", &self.outcome, seen.outcome),
            ("language", &self.language, Some(call.run().language())),
        ] {
            wrong.extend(wanted.as_ref().and_then(|wanted| {
                let (expected, got) = (wanted.value.as_str(), got.unwrap_or("none"));
                (expected != got)
                    .then(|| wanted.wrong(format!("expected {what} {expected}, got {got}")))
            }));
        }
        wrong.extend(self.carried(call));
        wrong.extend(self.lists(&seen));
        if stuck {
            let message = "the call does not come to an end".to_owned();
            wrong.push(Diagnostic {
                message,
                ..self.place.clone()
            });
        }
        for diagnostic in &mut wrong {
            diagnostic.message = format!("test `{name}`: {}", diagnostic.message);
        }
        if let Some(last) = wrong.last_mut() {
            last.hint = Some(story::tell(call.moments(), parting.as_ref()));
        }
        wrong
    }

    /// What the call carries at its end.
    fn carried(&self, call: &Rehearsal) -> Vec<Diagnostic> {
        let mut wrong = Vec::new();
        for (name, wanted) in &self.vars {
            let held = call.run().vars().get(name.as_str());
            let got = held.map_or(&Scalar::Nothing, |held| &held.value);
            if *got != wanted.value {
                let (expected, got) = (show(&wanted.value), show(got));
                wrong.push(wanted.wrong(format!("expected vars.{name} {expected}, got {got}")));
            }
        }
        if let Some(tags) = &self.tags {
            let has: Vec<&str> = call.run().tags().iter().map(|tag| &**tag).collect();
            let missing = tags.value.iter().filter(|tag| !has.contains(&tag.as_str()));
            wrong.extend(missing.map(|tag| {
                let got = if has.is_empty() {
                    "none".into()
                } else {
                    has.join(", ")
                };
                tags.wrong(format!("expected tag {tag}, got {got}"))
            }));
        }
        if let Some(priority) = &self.priority {
            let (expected, got) = (priority.value, i64::from(call.run().priority()));
            if expected != got {
                wrong.push(priority.wrong(format!("expected priority {expected}, got {got}")));
            }
        }
        wrong
    }

    fn lists(&self, seen: &Seen<'_>) -> Vec<Diagnostic> {
        let mut wrong = Vec::new();
        if let Some(says) = &self.says {
            let mut heard = seen.heard.iter();
            // Each after the one before it; others may come between.
            let missing = says
                .value
                .iter()
                .find(|name| !heard.any(|heard| heard == *name));
            wrong.extend(missing.map(|name| {
                says.wrong(format!(
                    "expected to hear {name}, heard {}",
                    or_none(&seen.heard)
                ))
            }));
        }
        if let Some(faults) = &self.faults
            && faults.value != seen.faults
        {
            let (expected, got) = (or_none(&faults.value), or_none(&seen.faults));
            wrong.push(faults.wrong(format!("expected faults {expected}, got {got}")));
        }
        wrong
    }
}

/// What of the moments can be expected.
struct Seen<'a> {
    path: Vec<&'a NodeName>,
    queue: Option<&'a str>,
    line: Option<&'a str>,
    operator: Option<&'a str>,
    outcome: Option<&'static str>,
    heard: Vec<String>,
    faults: Vec<String>,
}

impl<'a> Seen<'a> {
    fn of(moments: &'a [Moment]) -> Self {
        let mut seen = Self {
            path: Vec::new(),
            queue: None,
            line: None,
            operator: None,
            outcome: None,
            heard: Vec::new(),
            faults: Vec::new(),
        };
        for moment in moments {
            match moment {
                Moment::Step { node, .. } => seen.path.push(node),
                Moment::Heard(spoken) => seen.heard.extend(spoken.iter().filter_map(name_of)),
                Moment::Queue(request) => seen.queue = Some(request.queue.as_str()),
                Moment::Line(line) => seen.line = Some(line.as_str()),
                Moment::Operator(operator) => seen.operator = Some(operator.as_str()),
                Moment::Fault(fault) => seen.faults.push(fault.as_str().to_owned()),
                Moment::Reject(_) => seen.outcome = Some("reject"),
                Moment::Hangup => seen.outcome = Some("hangup"),
                Moment::Exit(_)
                | Moment::Answered
                | Moment::Inside { .. }
                | Moment::Dial(_)
                | Moment::Http(_)
                | Moment::Known(_)
                | Moment::Message(_)
                | Moment::Promised
                | Moment::Notify(_)
                | Moment::Pressed(_)
                | Moment::Silence
                | Moment::Back(_) => {}
            }
        }
        seen
    }
}

fn name_of(spoken: &Spoken) -> Option<String> {
    match spoken {
        Spoken::Sound { name, .. } => Some(name.to_string()),
        Spoken::Said(said) => Some(said.text.to_string()),
        Spoken::Silence(_) | Spoken::Tone => None,
    }
}

fn names(path: &[&NodeName]) -> String {
    let names: Vec<&str> = path.iter().map(|name| name.as_str()).collect();
    names.join(", ")
}

fn or_none(list: &[String]) -> String {
    if list.is_empty() {
        "nothing".to_owned()
    } else {
        list.join(", ")
    }
}

fn show(value: &Scalar) -> String {
    match value {
        Scalar::Nothing => "null".to_owned(),
        Scalar::Text(text) => format!("\"{text}\""),
        Scalar::Truth(_) | Scalar::Number(_) | Scalar::Texts(_) => value.to_string(),
    }
}

/// A list of words, each looked at.
fn list(
    expect: Cursor<'_>,
    key: &str,
    reader: &mut Reader<'_>,
    mut look: impl FnMut(Cursor<'_>, &mut Reader<'_>),
) -> Option<Wanted<Vec<String>>> {
    let cursor = expect.get(key)?;
    let mut words = Vec::new();
    for item in cursor.list(reader.diags)? {
        let Some(word) = item.word(reader.diags) else {
            continue;
        };
        look(item, reader);
        words.push(word.to_owned());
    }
    Some(Wanted::at(cursor, words))
}

/// A word that must be known.
fn one_of<'n, I>(
    expect: Cursor<'_>,
    key: &str,
    known: I,
    diags: &mut Vec<Diagnostic>,
) -> Option<Wanted<String>>
where
    I: Iterator<Item = &'n str> + Clone,
{
    let cursor = expect.get(key)?;
    let name = cursor.word(diags)?;
    if !known.clone().any(|known| known == name) {
        let problem = cursor.error(format!("there is no {key} `{name}`"));
        diags.push(unknown(problem, name, known));
    }
    Some(Wanted::at(cursor, name.to_owned()))
}

fn vars(expect: Cursor<'_>, reader: &mut Reader<'_>) -> Vec<(String, Wanted<Scalar>)> {
    let written: BTreeMap<&str, Cursor<'_>> = expect
        .get("vars")
        .and_then(|vars| vars.map(reader.diags))
        .unwrap_or_default()
        .into_iter()
        .collect();
    let mut vars = Vec::new();
    for (name, cursor) in written {
        if !reader.scope.vars.contains(name) {
            let problem = cursor.key_error(format!("nothing sets the variable `{name}`"));
            let known = reader.scope.vars.iter().map(String::as_str);
            reader.diags.push(unknown(problem, name, known));
        }
        let value = fixed(cursor).or_else(|| cursor.string(reader.diags).map(Scalar::text));
        vars.extend(value.map(|value| (name.to_owned(), Wanted::at(cursor, value))));
    }
    vars
}
