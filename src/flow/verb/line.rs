//! `line`: the call goes to a line.

use super::rung::{Rung, Target};
use crate::flow::port::Output;
use crate::flow::read::Reader;
use crate::flow::source::{Cursor, unknown};
use crate::flow::turn::Turn;
use crate::model::LineName;

pub(crate) type Line = Rung<LineName>;

impl Target for LineName {
    const NAME: &'static str = "line";
    const FIELDS: &'static [&'static str] = &["line"];

    fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let cursor = node.require("line", reader.diags)?;
        let name = cursor.string(reader.diags)?;
        if !reader.known.lines.contains(name) {
            let problem = cursor.error(format!("there is no line `{name}`"));
            let lines = reader.known.lines.iter().map(Self::as_str);
            reader.diags.push(unknown(problem, name, lines));
        }
        Some(Self::from(name))
    }

    fn ring(&self, _turn: &mut Turn<'_>) -> Option<Output> {
        Some(Output::Line(self.clone()))
    }
}
