//! `play`: a prompt, then on.

use super::kind::{Exit, Next, NodeIndex, Verb, Wait};
use crate::flow::port::{Input, Output};
use crate::flow::prompt::Prompt;
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;

/// The most that one node repeats its prompt.
const REPEAT: u32 = 10;

#[derive(Debug)]
pub(crate) struct Play {
    prompt: Prompt,
    barge_in: bool,
    repeat: u32,
    next: NodeIndex,
}

#[derive(Debug)]
pub(crate) struct Playing {
    left: u32,
}

impl Play {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, &["prompt", "barge_in", "repeat", "next"]);
        let prompt = node
            .require("prompt", reader.diags)
            .map(|cursor| Prompt::read(cursor, reader));
        let barge_in = reader.flag(node, "barge_in", false);
        let repeat = reader.count(node, "repeat", REPEAT, 1).max(1);
        let next = reader.exit(node, "next");
        Some(Self {
            prompt: prompt?,
            barge_in,
            repeat,
            next: next?,
        })
    }

    fn play(&self, left: u32, turn: &mut Turn<'_>) -> Next {
        match left.checked_sub(1) {
            Some(left) if turn.play(&self.prompt) => Next::Stay(Wait::Play(Playing { left })),
            Some(_) | None => Next::Go(self.next),
        }
    }
}

impl Verb for Play {
    fn name(&self) -> &'static str {
        "play"
    }

    fn exits(&self) -> Vec<Exit> {
        vec![Exit::instant("next", self.next)]
    }

    fn prompts(&self) -> Vec<&Prompt> {
        vec![&self.prompt]
    }

    fn speaks(&self) -> bool {
        true
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        self.play(self.repeat, turn)
    }

    fn handle(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
        let Wait::Play(playing) = wait else {
            return Next::Stay(wait);
        };
        match input {
            Input::Played => self.play(playing.left, turn),
            Input::Key(key) => {
                turn.core.ahead.push(key);
                if !self.barge_in {
                    return Next::Stay(Wait::Play(playing));
                }
                turn.out.push(Output::StopPlaying);
                Next::Go(self.next)
            }
            Input::Begin | Input::Answered | Input::Tick | Input::Returned(_) => {
                Next::Stay(Wait::Play(playing))
            }
        }
    }
}
