//! `operator`: one operator is rung by name.

use std::sync::Arc;
use std::time::Duration;

use super::kind::{Exit, Next, Shape, Verb, Wait};
use super::line::Exits;
use super::whom;
use crate::flow::port::{Input, OperatorRequest, Output, Returned};
use crate::flow::prompt::Spoken;
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::template::Template;
use crate::flow::turn::Turn;
use crate::model::{FlowFault, OperatorName};

const FIELDS: &[&str] = &[
    "id",
    "ring",
    "operator_announcement",
    "answered",
    "busy",
    "no_answer",
    "error",
];

#[derive(Debug)]
pub(crate) struct Operator {
    id: Template,
    ring: Option<Duration>,
    announcement: Option<Arc<str>>,
    exits: Exits,
}

impl Operator {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, FIELDS);
        let id = node
            .require("id", reader.diags)
            .and_then(|cursor| whom::operator_id(cursor, reader));
        let ring = node
            .get("ring")
            .and_then(|cursor| super::line::ring(cursor, reader));
        let announcement = node.get("operator_announcement").and_then(|cursor| {
            let name = cursor.string(reader.diags)?;
            reader.sound_in_each_language(cursor, name);
            Some(Arc::from(name))
        });
        let exits = Exits::read(node, reader);
        Some(Self {
            id: id?,
            ring,
            announcement,
            exits: exits?,
        })
    }
}

impl Verb for Operator {
    fn name(&self) -> &'static str {
        "operator"
    }

    fn shape(&self) -> Shape {
        Shape::Away
    }

    fn exits(&self) -> Vec<Exit> {
        self.exits.all()
    }

    fn other_sounds(&self, language: &str) -> Vec<(String, String)> {
        let names = self.announcement.iter();
        names
            .map(|name| (language.to_owned(), name.to_string()))
            .collect()
    }

    fn needs_answer(&self) -> bool {
        true
    }

    fn ways_back(&self) -> Vec<(String, Returned)> {
        super::line::ways_back()
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        turn.core.ahead.clear();
        let name = turn.fill(&self.id).and_then(|held| held.shown());
        let name = name.map(|name| name.to_string()).unwrap_or_default();
        if name.trim().is_empty() {
            turn.fault(FlowFault::Expression);
            return Next::Go(self.exits.error);
        }
        let language = &turn.core.language;
        let announcement = self.announcement.as_ref();
        turn.out.push(Output::Operator(OperatorRequest {
            operator: OperatorName::from(name.trim()),
            ring: self.ring,
            operator_announcement: announcement.map(|name| Spoken::sound(language, name)),
        }));
        Next::Stay(Wait::Line)
    }

    fn handle(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
        self.exits.take(wait, &input, turn)
    }
}
