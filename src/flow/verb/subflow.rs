//! `flow` and `return`: another flow is called, with variables of its own, and comes back.

use std::sync::Arc;

use super::kind::{Calling, Exit, Next, NodeIndex, Shape, Verb};
use super::set::{self, Source};
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;
use crate::flow::value::{Held, Scalar};
use crate::model::{Diagnostic, FlowName};

#[derive(Debug)]
pub(crate) struct Subflow {
    called: Called,
    params: Vec<(Arc<str>, Source)>,
    save: Option<Arc<str>>,
    next: NodeIndex,
    error: NodeIndex,
}

/// What a node says of a flow that it calls; it is looked up when all flows are read.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) name: FlowName,
    /// The variables that are set, each with a diagnostic without a message at its place.
    pub(crate) params: Vec<(Arc<str>, Diagnostic)>,
    /// A diagnostic without a message, at the name.
    pub(crate) place: Diagnostic,
}

impl Subflow {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, &["name", "params", "save", "next", "error"]);
        let called = node.require("name", reader.diags).and_then(|cursor| {
            let name = cursor.string(reader.diags)?;
            Some((FlowName::from(name), cursor.error("")))
        });
        let (mut params, mut places) = (Vec::new(), Vec::new());
        let written = node.get("params").and_then(|map| map.map(reader.diags));
        for (name, value) in written.unwrap_or_default() {
            let source = set::source(value, reader);
            params.extend(source.map(|source| (Arc::from(name), source)));
            places.push((Arc::from(name), value.key_error("")));
        }
        let save = node
            .get("save")
            .and_then(|cursor| cursor.string(reader.diags));
        let (next, error) = (reader.exit(node, "next"), reader.exit(node, "error"));
        let (name, place) = called?;
        Some(Self {
            called: Called {
                name,
                params: places,
                place,
            },
            params,
            save: save.map(Arc::from),
            next: next?,
            error: error?,
        })
    }
}

impl Verb for Subflow {
    fn name(&self) -> &'static str {
        "flow"
    }

    fn shape(&self) -> Shape {
        Shape::Away
    }

    fn exits(&self) -> Vec<Exit> {
        vec![
            // As a rule it asks the caller something; if it does not, the limits end it.
            Exit::paced("next", self.next),
            Exit::instant("error", self.error),
        ]
    }

    fn calls(&self) -> Option<&Called> {
        Some(&self.called)
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        let params = self.params.iter();
        let vars =
            params.filter_map(|(name, source)| Some((Arc::clone(name), source.value(turn)?)));
        let vars = vars.collect();
        Next::Call(Box::new(Calling {
            flow: turn.flow.sub(&self.called.name),
            vars,
            save: self.save.clone(),
            next: self.next,
            error: self.error,
        }))
    }
}

#[derive(Debug)]
pub(crate) struct Return {
    value: Option<Source>,
}

impl Return {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, &["value"]);
        let value = node.get("value").map(|cursor| set::source(cursor, reader));
        Some(Self {
            value: match value {
                Some(source) => Some(source?),
                None => None,
            },
        })
    }
}

impl Verb for Return {
    fn name(&self) -> &'static str {
        "return"
    }

    fn shape(&self) -> Shape {
        Shape::End
    }

    fn exits(&self) -> Vec<Exit> {
        Vec::new()
    }

    fn returns(&self) -> bool {
        true
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        let value = self.value.as_ref().and_then(|source| source.value(turn));
        Next::Return(value.unwrap_or_else(|| Held::open(Scalar::Nothing)))
    }
}
