//! `confirm` of a collect: the digits are said back, and a key says whether they are right.

use std::time::Instant;

use super::kind::{Next, Wait};
use super::menu::{KEYS, as_key};
use super::question::Question;
use crate::flow::port::{Input, Output};
use crate::flow::prompt::Prompt;
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;
use crate::flow::value::Held;

const YES: char = '1';
const NO: char = '2';

/// `confirm: true` or `{prompt, yes, no}`.
#[derive(Debug)]
pub(super) struct Confirm {
    prompt: Prompt,
    yes: char,
    no: char,
}

/// A collect that plays its digits back (`until` is `None`) or waits for a key.
#[derive(Debug)]
pub(crate) struct Confirming {
    /// Entries that failed before.
    pub(super) failures: u32,
    /// How often it was asked again.
    pub(super) asked: u32,
    /// What the variable was before the entry.
    pub(super) before: Option<Held>,
    pub(super) until: Option<Instant>,
}

/// What came of it.
pub(super) enum Said {
    Nothing(Confirming),
    Yes,
    No(Confirming),
    /// Another key, or none in time.
    Unclear(Confirming),
}

impl Confirming {
    pub(super) fn of(failures: u32, before: Option<Held>) -> Self {
        Self {
            failures,
            asked: 0,
            before,
            until: None,
        }
    }

    pub(super) fn again(self) -> Self {
        Self {
            asked: self.asked + 1,
            until: None,
            ..self
        }
    }
}

impl Confirm {
    /// `None` for `false` too. `save` is the variable that may be said aloud; sensitive
    /// digits are not.
    pub(super) fn read(
        cursor: Cursor<'_>,
        save: Option<&str>,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        let (mut yes, mut no, mut prompt) = (YES, NO, None);
        if cursor.is_map() {
            reader.fields(cursor, &["prompt", "yes", "no"]);
            yes = key(cursor, "yes", YES, reader)?;
            no = key(cursor, "no", NO, reader)?;
            if yes == no {
                let problem = cursor.error("`yes` and `no` are the same key");
                reader.diags.push(problem);
                return None;
            }
            let written = cursor.get("prompt");
            if written.is_none() && (yes, no) != (YES, NO) {
                let problem = cursor.error("the usual prompt says 1 and 2");
                let hint = "write a `prompt` that says your keys";
                reader.diags.push(problem.hint(hint));
                return None;
            }
            prompt = written.map(|cursor| Prompt::read(cursor, reader));
        } else if !cursor.bool(reader.diags)? {
            return None;
        }
        let prompt = match prompt {
            Some(prompt) => prompt,
            None => Prompt::confirmation(cursor, save, reader)?,
        };
        Some(Self { prompt, yes, no })
    }

    pub(super) fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    pub(super) fn ask(&self, confirming: Confirming, turn: &mut Turn<'_>) -> Next {
        // Keys that came before the question are no answer to it.
        turn.core.ahead.clear();
        let until = if turn.play(&self.prompt) {
            None
        } else {
            Some(turn.now)
        };
        Next::Stay(Wait::Confirm(Confirming {
            until,
            ..confirming
        }))
    }

    /// How much time there is, and whether a key cuts the prompt short, is as for the
    /// digits.
    pub(super) fn handle(
        &self,
        confirming: Confirming,
        input: Input,
        question: &Question,
        turn: &mut Turn<'_>,
    ) -> Said {
        match (input, confirming.until) {
            (Input::Key(_), None) if !question.barge_in => Said::Nothing(confirming),
            (Input::Key(key), until) => match (key == self.yes, key == self.no, until) {
                (true, ..) | (_, true, _) => {
                    if until.is_none() {
                        turn.out.push(Output::StopPlaying);
                    }
                    if key == self.yes {
                        Said::Yes
                    } else {
                        Said::No(confirming)
                    }
                }
                // Many a caller ends an entry with a key that it does not need.
                (false, false, None) => Said::Nothing(confirming),
                (false, false, Some(_)) => Said::Unclear(confirming),
            },
            (Input::Played, None) => Said::Nothing(Confirming {
                until: Some(turn.now + question.timeout),
                ..confirming
            }),
            (Input::Tick, Some(at)) if turn.now >= at => Said::Unclear(confirming),
            (
                Input::Played | Input::Tick | Input::Begin | Input::Answered | Input::Returned(_),
                _,
            ) => Said::Nothing(confirming),
        }
    }
}

fn key(cursor: Cursor<'_>, name: &str, usual: char, reader: &mut Reader<'_>) -> Option<char> {
    let Some(value) = cursor.get(name) else {
        return Some(usual);
    };
    let text = value.word(reader.diags)?;
    let key = as_key(text);
    if key.is_none() {
        let problem = value.error(format!("`{text}` is no key of a telephone"));
        reader.diags.push(problem.hint(KEYS));
    }
    key
}
