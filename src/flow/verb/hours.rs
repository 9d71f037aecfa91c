//! `hours`: where the calendar says.

use super::kind::{Exit, Next, NodeIndex, Shape, Verb};
use crate::flow::hours::Status;
use crate::flow::read::Reader;
use crate::flow::source::{Cursor, unknown};
use crate::flow::turn::Turn;

#[derive(Debug)]
pub(crate) struct Hours {
    calendar: String,
    open: NodeIndex,
    closed: NodeIndex,
    holiday: NodeIndex,
}

impl Hours {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, &["calendar", "open", "closed", "holiday"]);
        let calendar = node.require("calendar", reader.diags).and_then(|cursor| {
            let name = cursor.string(reader.diags)?;
            if !reader.known.calendars.contains(name) {
                let problem = cursor.error(format!("there is no calendar `{name}`"));
                reader.diags.push(unknown(
                    problem,
                    name,
                    reader.known.calendars.iter().map(String::as_str),
                ));
            }
            Some(name.to_owned())
        });
        let (open, closed) = (reader.exit(node, "open"), reader.exit(node, "closed"));
        let holiday = reader.optional_exit(node, "holiday").unwrap_or(closed);
        Some(Self {
            calendar: calendar?,
            open: open?,
            closed: closed?,
            holiday: holiday?,
        })
    }
}

impl Verb for Hours {
    fn name(&self) -> &'static str {
        "hours"
    }

    fn shape(&self) -> Shape {
        Shape::Choice
    }

    fn exits(&self) -> Vec<Exit> {
        vec![
            Exit::instant("open", self.open),
            Exit::instant("closed", self.closed),
            Exit::instant("holiday", self.holiday),
        ]
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        Next::Go(match turn.core.status(&self.calendar, turn.now) {
            Status::Open => self.open,
            Status::Closed => self.closed,
            Status::Holiday => self.holiday,
        })
    }
}
