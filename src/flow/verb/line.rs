//! `line`: the call goes to a line.

use super::kind::{Exit, Next, NodeIndex, Shape, Verb, Wait};
use crate::flow::port::{Input, LineExit, Output, Returned};
use crate::flow::read::Reader;
use crate::flow::source::{Cursor, unknown};
use crate::flow::turn::Turn;
use crate::model::{FlowFault, LineName};

#[derive(Debug)]
pub(crate) struct Line {
    line: LineName,
    answered: NodeIndex,
    busy: NodeIndex,
    no_answer: NodeIndex,
    error: NodeIndex,
}

impl Line {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(
            node,
            &["line", "answered", "busy", "no_answer", "error"],
            &[],
        );
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
        let (answered, busy) = (reader.exit(node, "answered"), reader.exit(node, "busy"));
        let (no_answer, error) = (reader.exit(node, "no_answer"), reader.exit(node, "error"));
        Some(Self {
            line: line?,
            answered: answered?,
            busy: busy?,
            no_answer: no_answer?,
            error: error?,
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
        vec![
            Exit::paced("answered", self.answered),
            Exit::instant("busy", self.busy),
            // A phone that rings out took its time.
            Exit::paced("no_answer", self.no_answer),
            Exit::instant("error", self.error),
        ]
    }

    fn needs_answer(&self) -> bool {
        true
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        turn.core.ahead.clear();
        turn.out.push(Output::Line(self.line.clone()));
        Next::Stay(Wait::Line)
    }

    fn handle(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
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
