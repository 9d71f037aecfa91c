//! `switch`: where a value says.

use super::kind::{Exit, Next, NodeIndex, Shape, Verb};
use crate::flow::expression::Expression;
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;

#[derive(Debug)]
pub(crate) struct Switch {
    on: Expression,
    /// Values as written, compared as text.
    cases: Vec<(String, NodeIndex)>,
    default: NodeIndex,
}

impl Switch {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, &["on", "cases", "default"]);
        let on = node
            .require("on", reader.diags)
            .and_then(|of| reader.expression(of));
        let mut cases = Vec::new();
        let written = node
            .require("cases", reader.diags)
            .and_then(|map| map.map(reader.diags));
        for (value, to) in written.unwrap_or_default() {
            cases.extend(reader.target(to).map(|to| (value.to_owned(), to)));
        }
        let default = reader.exit(node, "default")?;
        Some(Self {
            on: on?,
            cases,
            default,
        })
    }
}

impl Verb for Switch {
    fn name(&self) -> &'static str {
        "switch"
    }

    fn shape(&self) -> Shape {
        Shape::Choice
    }

    fn exits(&self) -> Vec<Exit> {
        let cases = self
            .cases
            .iter()
            .map(|(value, to)| Exit::instant(value, *to));
        cases
            .chain([Exit::instant("default", self.default)])
            .collect()
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        let text = turn.evaluate(&self.on).map(|held| held.value.to_string());
        let found = text.and_then(|text| self.cases.iter().find(|(value, _)| *value == text));
        Next::Go(found.map_or(self.default, |(_, to)| *to))
    }
}
