//! `line`: the call goes to a line.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::kind::{Exit, Next, NodeIndex, Shape, Verb, Wait};
use crate::flow::port::{Input, LineExit, Output, Returned};
use crate::flow::read::Reader;
use crate::flow::source::{Cursor, unknown};
use crate::flow::turn::Turn;
use crate::model::{FlowFault, LineName, show_duration};

/// How long a phone may ring.
const RINGS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);

#[derive(Debug)]
pub(crate) struct Line {
    line: LineName,
    exits: Exits,
}

/// The exits of whatever is rung.
#[derive(Debug)]
pub(super) struct Exits {
    answered: NodeIndex,
    busy: NodeIndex,
    no_answer: NodeIndex,
    pub(super) error: NodeIndex,
}

impl Exits {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let (answered, busy) = (reader.exit(node, "answered"), reader.exit(node, "busy"));
        let (no_answer, error) = (reader.exit(node, "no_answer"), reader.exit(node, "error"));
        Some(Self {
            answered: answered?,
            busy: busy?,
            no_answer: no_answer?,
            error: error?,
        })
    }

    pub(super) fn all(&self) -> Vec<Exit> {
        vec![
            Exit::paced("answered", self.answered),
            Exit::instant("busy", self.busy),
            // A phone that rings out took its time.
            Exit::paced("no_answer", self.no_answer),
            Exit::instant("error", self.error),
        ]
    }

    /// Goes on when the call is back.
    pub(super) fn take(&self, wait: Wait, input: &Input, turn: &mut Turn<'_>) -> Next {
        let Input::Returned(Returned::Line(exit)) = input else {
            return Next::Stay(wait);
        };
        Next::Go(match exit {
            LineExit::Answered => self.answered,
            LineExit::Busy => self.busy,
            LineExit::NoAnswer => self.no_answer,
            LineExit::Error => {
                turn.fault(FlowFault::Queue);
                self.error
            }
        })
    }
}

/// How a call comes back from whoever was rung.
pub(super) fn ways_back() -> Vec<(String, Returned)> {
    let exits = [
        ("answered", LineExit::Answered),
        ("busy", LineExit::Busy),
        ("no_answer", LineExit::NoAnswer),
        ("error", LineExit::Error),
    ];
    let returned = exits.map(|(word, exit)| (word.to_owned(), Returned::Line(exit)));
    returned.into()
}

/// The value of a `ring`.
pub(super) fn ring(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Duration> {
    let ring = cursor.duration(reader.diags)?;
    if !RINGS.contains(&ring) {
        let (least, most) = RINGS.into_inner();
        let (least, most) = (show_duration(least), show_duration(most));
        let problem = cursor.error(format!("`ring` is between {least} and {most}"));
        reader.diags.push(problem);
    }
    Some(ring)
}

impl Line {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, &["line", "answered", "busy", "no_answer", "error"]);
        let line = node.require("line", reader.diags).and_then(|cursor| {
            let name = cursor.string(reader.diags)?;
            if !reader.known.lines.contains(name) {
                let problem = cursor.error(format!("there is no line `{name}`"));
                reader.diags.push(unknown(
                    problem,
                    name,
                    reader.known.lines.iter().map(LineName::as_str),
                ));
            }
            Some(LineName::from(name))
        });
        let exits = Exits::read(node, reader);
        Some(Self {
            line: line?,
            exits: exits?,
        })
    }
}

impl Verb for Line {
    fn name(&self) -> &'static str {
        "line"
    }

    fn shape(&self) -> Shape {
        Shape::Away
    }

    fn exits(&self) -> Vec<Exit> {
        self.exits.all()
    }

    fn needs_answer(&self) -> bool {
        true
    }

    fn ways_back(&self) -> Vec<(String, Returned)> {
        ways_back()
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        turn.core.ahead.clear();
        turn.out.push(Output::Line(self.line.clone()));
        Next::Stay(Wait::Line)
    }

    fn handle(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
        self.exits.take(wait, &input, turn)
    }
}
