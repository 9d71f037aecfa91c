//! What is asked of a caller, and the wait for the one key that answers it.

use std::time::{Duration, Instant};

use super::kind::{Next, Wait};
use crate::flow::port::{Input, Output};
use crate::flow::prompt::Prompt;
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;

/// A prompt, and how long the caller may take after it.
#[derive(Debug)]
pub(super) struct Question {
    prompt: Prompt,
    /// In place of the prompt, once an answer failed.
    reprompt: Option<Prompt>,
    pub(super) timeout: Duration,
    /// Whether a key cuts the prompt short.
    pub(super) barge_in: bool,
}

impl Question {
    /// Reads `prompt`, `reprompt`, `timeout` and `barge_in`.
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let prompt = node
            .require("prompt", reader.diags)
            .map(|cursor| Prompt::read(cursor, reader));
        let reprompt = node
            .get("reprompt")
            .map(|cursor| Prompt::read(cursor, reader));
        let timeout = reader.duration(node, "timeout", reader.defaults.timeout);
        let barge_in = reader.flag(node, "barge_in", reader.defaults.barge_in.unwrap_or(true));
        Some(Self {
            prompt: prompt?,
            reprompt,
            timeout,
            barge_in,
        })
    }

    pub(super) fn prompts(&self) -> impl Iterator<Item = &Prompt> {
        std::iter::once(&self.prompt).chain(&self.reprompt)
    }

    /// Whether there is anything to play.
    pub(super) fn play(&self, failures: u32, turn: &mut Turn<'_>) -> bool {
        let prompt = match &self.reprompt {
            Some(reprompt) if failures > 0 => reprompt,
            Some(_) | None => &self.prompt,
        };
        turn.play(prompt)
    }
}

/// A question that is asked (`until` is `None`) or waits for its key.
#[derive(Debug)]
pub(crate) struct Listening {
    failures: u32,
    pub(super) until: Option<Instant>,
}

/// A question that one key answers. `failures` is how often it failed before.
pub(super) trait OneKey {
    fn question(&self) -> &Question;

    /// The caller pressed a key.
    fn key(&self, key: char, failures: u32, turn: &mut Turn<'_>) -> Next;

    /// The caller pressed none in time.
    fn silence(&self, failures: u32, turn: &mut Turn<'_>) -> Next;

    /// Plays the question, unless it is to be answered by what was typed ahead.
    fn ask(&self, failures: u32, turn: &mut Turn<'_>) -> Next {
        let typed = self.question().barge_in && !turn.core.ahead.is_empty();
        if !typed && self.question().play(failures, turn) {
            let until = None;
            return Next::Stay(Wait::Key(Listening { failures, until }));
        }
        self.listen(failures, turn)
    }

    fn listen(&self, failures: u32, turn: &mut Turn<'_>) -> Next {
        if let Some(key) = turn.core.ahead.pop() {
            return self.key(key, failures, turn);
        }
        let until = Some(turn.now + self.question().timeout);
        Next::Stay(Wait::Key(Listening { failures, until }))
    }

    /// Goes on after an input.
    fn hear(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
        let Wait::Key(Listening { failures, until }) = wait else {
            return Next::Stay(wait);
        };
        match (input, until) {
            (Input::Key(key), None) if self.question().barge_in => {
                turn.out.push(Output::StopPlaying);
                self.key(key, failures, turn)
            }
            (Input::Key(key), None) => {
                turn.core.ahead.push(key);
                Next::Stay(Wait::Key(Listening { failures, until }))
            }
            (Input::Key(key), Some(_)) => self.key(key, failures, turn),
            (Input::Played, None) => self.listen(failures, turn),
            (Input::Tick, Some(at)) if turn.now >= at => self.silence(failures, turn),
            (
                Input::Played | Input::Tick | Input::Begin | Input::Answered | Input::Returned(_),
                _,
            ) => Next::Stay(Wait::Key(Listening { failures, until })),
        }
    }
}
