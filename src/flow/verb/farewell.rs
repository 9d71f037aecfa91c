//! `hangup` and `reject`: the two ends of a flow.

use super::kind::{Exit, Next, Shape, Verb, Wait};
use crate::flow::port::{Input, Output};
use crate::flow::prompt::Prompt;
use crate::flow::read::Reader;
use crate::flow::source::{Cursor, unknown};
use crate::flow::turn::Turn;
use crate::model::Cause;

#[derive(Debug)]
pub(crate) struct Hangup {
    prompt: Option<Prompt>,
    cause: Option<Cause>,
}

impl Hangup {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Self {
        reader.fields(node, &["prompt", "cause"]);
        let prompt = node
            .get("prompt")
            .map(|cursor| Prompt::read(cursor, reader));
        let cause = node.get("cause").and_then(|cursor| cause(cursor, reader));
        Self { prompt, cause }
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
            Some(_) | None => Next::Hangup(self.cause),
        }
    }

    fn handle(&self, wait: Wait, input: Input, _turn: &mut Turn<'_>) -> Next {
        match input {
            Input::Played => Next::Hangup(self.cause),
            Input::Begin | Input::Answered | Input::Key(_) | Input::Tick | Input::Returned(_) => {
                Next::Stay(wait)
            }
        }
    }
}

/// A number of Q.850, or a word for one.
fn cause(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Cause> {
    if cursor.kind() == "a number" {
        let number = cursor.integer(1..=127, reader.diags)?;
        return Cause::new(u8::try_from(number).ok()?);
    }
    let word = cursor.string(reader.diags)?;
    let cause = Cause::named(word);
    if cause.is_none() {
        let problem = cursor.error(format!("`{word}` is no cause"));
        reader.diags.push(unknown(problem, word, Cause::words()));
    }
    cause
}

#[derive(Debug)]
pub(crate) struct Reject {
    code: u16,
}

impl Reject {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, &["code"]);
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
