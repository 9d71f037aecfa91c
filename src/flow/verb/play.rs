//! `play`: a prompt, then on.

use super::kind::{Exit, Next, NodeIndex, Wait};
use crate::flow::port::{Input, Output};
use crate::flow::prompt::Prompt;
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;

/// The most that one node repeats its prompt.
const REPEAT: u32 = 10;

#[derive(Debug)]
pub(crate) struct Play {
    pub(super) prompt: Prompt,
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
        reader.fields(node, &["prompt", "barge_in", "repeat", "next"], &[]);
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

    pub(super) fn exits(&self) -> Vec<Exit> {
        vec![Exit::instant("next", self.next)]
    }

    pub(super) fn enter(&self, turn: &mut Turn<'_>) -> Next {
        self.play(self.repeat, turn)
    }

    fn play(&self, left: u32, turn: &mut Turn<'_>) -> Next {
        match left.checked_sub(1) {
            Some(left) if turn.play(&self.prompt) => Next::Stay(Wait::Play(Playing { left })),
            Some(_) | None => Next::Go(self.next),
        }
    }

    pub(super) fn handle(&self, playing: Playing, input: Input, turn: &mut Turn<'_>) -> Next {
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
            Input::Begin | Input::Answered | Input::Tick => Next::Stay(Wait::Play(playing)),
            Input::QueueEnded(_) | Input::LineEnded(_) => Next::Stay(Wait::Play(playing)),
        }
    }
}
