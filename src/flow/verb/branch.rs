//! `branch`: the first condition that holds.

use super::kind::{Exit, Next, NodeIndex, Shape, Verb};
use crate::flow::expression::Expression;
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;

#[derive(Debug)]
pub(crate) struct Branch {
    when: Vec<(Expression, NodeIndex)>,
    otherwise: NodeIndex,
}

impl Branch {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, &["when", "else"]);
        let mut when = Vec::new();
        let arms = node
            .require("when", reader.diags)
            .and_then(|arms| arms.list(reader.diags));
        for arm in arms.unwrap_or_default() {
            if arm.map(reader.diags).is_none() {
                continue;
            }
            arm.unknown_keys(&["if", "then"], reader.diags);
            let condition = arm
                .require("if", reader.diags)
                .and_then(|of| reader.condition(of));
            let then = arm
                .require("then", reader.diags)
                .and_then(|to| reader.target(to));
            when.extend(condition.zip(then));
        }
        let otherwise = reader.exit(node, "else")?;
        Some(Self { when, otherwise })
    }
}

impl Verb for Branch {
    fn name(&self) -> &'static str {
        "branch"
    }

    fn shape(&self) -> Shape {
        Shape::Choice
    }

    fn exits(&self) -> Vec<Exit> {
        let arms = self
            .when
            .iter()
            .map(|(of, to)| Exit::instant(of.source(), *to));
        arms.chain([Exit::instant("else", self.otherwise)])
            .collect()
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        for (condition, then) in &self.when {
            if turn.holds(condition) {
                return Next::Go(*then);
            }
        }
        Next::Go(self.otherwise)
    }
}
