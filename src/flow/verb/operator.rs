//! `operator`: one operator is rung by name.

use std::sync::Arc;
use std::time::Duration;

use super::rung::{self, Rung, Target};
use super::whom;
use crate::flow::port::{OperatorRequest, Output};
use crate::flow::prompt::Spoken;
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::template::Template;
use crate::flow::turn::Turn;
use crate::model::OperatorName;

pub(crate) type Operator = Rung<One>;

#[derive(Debug)]
pub(crate) struct One {
    id: Template,
    ring: Option<Duration>,
    announcement: Option<Arc<str>>,
}

impl Target for One {
    const NAME: &'static str = "operator";
    const FIELDS: &'static [&'static str] = &["id", "ring", "operator_announcement"];

    fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let id = node
            .require("id", reader.diags)
            .and_then(|cursor| whom::operator_id(cursor, reader));
        let ring = rung::ring(node, reader);
        let announcement = whom::announcement(node, reader);
        Some(Self {
            id: id?,
            ring,
            announcement,
        })
    }

    fn other_sounds(&self, language: &str) -> Vec<(String, String)> {
        let names = self.announcement.iter();
        names
            .map(|name| (language.to_owned(), name.to_string()))
            .collect()
    }

    fn ring(&self, turn: &mut Turn<'_>) -> Option<Output> {
        let name = turn.fill(&self.id).and_then(|held| held.shown())?;
        let name = name.to_string();
        if name.trim().is_empty() {
            return None;
        }
        let language = &turn.core.language;
        let announcement = self.announcement.as_ref();
        Some(Output::Operator(OperatorRequest {
            operator: OperatorName::from(name.trim()),
            ring: self.ring,
            operator_announcement: announcement.map(|name| Spoken::sound(language, name)),
        }))
    }
}
