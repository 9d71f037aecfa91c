//! `hangup` and `reject`: the two ends of a flow.

use super::kind::{Next, Wait};
use crate::flow::port::Output;
use crate::flow::prompt::Prompt;
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;

#[derive(Debug)]
pub(crate) struct Hangup {
    pub(super) prompt: Option<Prompt>,
}

impl Hangup {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Self {
        reader.fields(node, &["prompt"], &["cause"]);
        let prompt = node
            .get("prompt")
            .map(|cursor| Prompt::read(cursor, reader));
        Self { prompt }
    }

    pub(super) fn enter(&self, turn: &mut Turn<'_>) -> Next {
        match &self.prompt {
            Some(prompt) if turn.play(prompt) => Next::Stay(Wait::Farewell),
            Some(_) | None => Next::Hangup,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Reject {
    code: u16,
}

impl Reject {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, &["code"], &[]);
        // RFC 3261 section 21: final answers that refuse. 3xx would send the caller elsewhere.
        let code = node
            .require("code", reader.diags)?
            .integer(400..=699, reader.diags)?;
        Some(Self {
            code: u16::try_from(code).ok()?,
        })
    }

    pub(super) fn enter(&self, turn: &mut Turn<'_>) -> Next {
        turn.out.push(Output::Reject(self.code));
        Next::Over
    }
}
