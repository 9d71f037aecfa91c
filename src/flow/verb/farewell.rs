//! `hangup` and `reject`: the two ends of a flow.

use super::kind::{Exit, Next, Shape, Verb, Wait};
use crate::flow::port::{Input, Output};
use crate::flow::prompt::Prompt;
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;

#[derive(Debug)]
pub(crate) struct Hangup {
    prompt: Option<Prompt>,
}

impl Hangup {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Self {
        reader.fields(node, &["prompt"], &["cause"]);
        let prompt = node
            .get("prompt")
            .map(|cursor| Prompt::read(cursor, reader));
        Self { prompt }
    }
}

impl Verb for Hangup {
    fn name(&self) -> &'static str {
        "hangup"
    }

    fn shape(&self) -> Shape {
        Shape::End
    }

    fn exits(&self) -> Vec<Exit> {
        Vec::new()
    }

    fn prompts(&self) -> Vec<&Prompt> {
        self.prompt.iter().collect()
    }

    fn needs_answer(&self) -> bool {
        self.prompt.is_some()
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        match &self.prompt {
            Some(prompt) if turn.play(prompt) => Next::Stay(Wait::Farewell),
            Some(_) | None => Next::Hangup,
        }
    }

    fn handle(&self, wait: Wait, input: Input, _turn: &mut Turn<'_>) -> Next {
        match input {
            Input::Played => Next::Hangup,
            Input::Begin | Input::Answered | Input::Key(_) | Input::Tick | Input::Returned(_) => {
                Next::Stay(wait)
            }
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
}

impl Verb for Reject {
    fn name(&self) -> &'static str {
        "reject"
    }

    fn shape(&self) -> Shape {
        Shape::End
    }

    fn exits(&self) -> Vec<Exit> {
        Vec::new()
    }

    fn refuses(&self) -> bool {
        true
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        turn.out.push(Output::Reject(self.code));
        Next::Over
    }
}
