//! `survey`: a question, one key, and on, whatever the caller does.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::kind::{Exit, Next, NodeIndex, Shape, Verb, Wait};
use super::menu::{RETRIES, keys_to};
use super::question::{OneKey, Question};
use super::set::fixed;
use crate::flow::port::{Input, Output};
use crate::flow::prompt::Prompt;
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;
use crate::flow::value::{Held, Scalar};
use crate::model::Answer;

/// Characters of an answer, and of a question's name: both are labels of a metric.
const WORD: usize = 32;
/// Whoever does not answer is asked once more. A menu asks more often, but there the
/// caller wants something.
const AGAIN: u32 = 1;

#[derive(Debug)]
pub(crate) struct Survey {
    question: Question,
    keys: BTreeMap<char, Answer>,
    save: Arc<str>,
    retries: u32,
    next: NodeIndex,
}

impl Survey {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let fields = [
            "prompt", "reprompt", "keys", "save", "timeout", "retries", "barge_in", "next",
        ];
        reader.fields(node, &fields);
        let asked = Question::read(node, reader);
        let keys = node
            .require("keys", reader.diags)
            .and_then(|cursor| keys_to(cursor, reader, answer));
        let save = node
            .require("save", reader.diags)
            .and_then(|cursor| question(cursor, reader));
        let retries = reader.count(node, "retries", RETRIES, AGAIN);
        let next = reader.exit(node, "next");
        Some(Self {
            question: asked?,
            keys: keys?,
            save: save?,
            retries,
            next: next?,
        })
    }

    /// Asks, and hears no key from before the question: who pressed one to speed a menu up
    /// has given no mark.
    fn ask_anew(&self, failures: u32, turn: &mut Turn<'_>) -> Next {
        turn.core.ahead.clear();
        self.ask(failures, turn)
    }
}

impl OneKey for Survey {
    fn question(&self) -> &Question {
        &self.question
    }

    fn key(&self, key: char, failures: u32, turn: &mut Turn<'_>) -> Next {
        let Some(answer) = self.keys.get(&key) else {
            return self.silence(failures, turn);
        };
        let value = match answer {
            Answer::Number(number) => Scalar::Number(*number),
            Answer::Word(word) => Scalar::Text(Arc::clone(word)),
        };
        let save = Arc::clone(&self.save);
        turn.core.vars.insert(save, Held::open(value));
        turn.out.push(Output::Survey {
            question: Arc::clone(&self.save),
            answer: answer.clone(),
        });
        Next::Go(self.next)
    }

    fn silence(&self, failures: u32, turn: &mut Turn<'_>) -> Next {
        if failures >= self.retries {
            turn.core.ahead.clear();
            return Next::Go(self.next);
        }
        self.ask_anew(failures + 1, turn)
    }
}

impl Verb for Survey {
    fn name(&self) -> &'static str {
        "survey"
    }

    fn shape(&self) -> Shape {
        Shape::Question
    }

    fn exits(&self) -> Vec<Exit> {
        vec![Exit::instant("next", self.next)]
    }

    fn prompts(&self) -> Vec<&Prompt> {
        self.question.prompts().collect()
    }

    fn needs_answer(&self) -> bool {
        true
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        self.ask_anew(0, turn)
    }

    fn handle(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
        self.hear(wait, input, turn)
    }
}

/// What a key stands for: a whole number or a word.
fn answer(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Answer> {
    match fixed(cursor) {
        Some(Scalar::Number(number)) => return Some(Answer::Number(number)),
        Some(Scalar::Nothing | Scalar::Truth(_) | Scalar::Texts(_)) => {
            let problem = cursor.error("an answer is a whole number or a word");
            reader
                .diags
                .push(problem.hint("write \"5\": 5 or \"1\": good"));
            return None;
        }
        Some(Scalar::Text(_)) | None => {}
    }
    let word = cursor.string(reader.diags)?;
    label(cursor, word, "an answer", reader).map(Answer::Word)
}

fn question(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Arc<str>> {
    let name = cursor.string(reader.diags)?;
    label(cursor, name, "the name of a question", reader)
}

/// A text that is short enough for a label, and is no template.
fn label(cursor: Cursor<'_>, text: &str, what: &str, reader: &mut Reader<'_>) -> Option<Arc<str>> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.');
    if !text.is_empty() && text.chars().count() <= WORD && text.chars().all(plain) {
        return Some(text.into());
    }
    let problem = cursor.error(format!("`{text}` cannot be {what}"));
    let hint = format!("letters, digits, spaces, `.`, `-` and `_`, at most {WORD}");
    reader.diags.push(problem.hint(hint));
    None
}
