//! `recording`: begins, pauses, resumes and ends the recording of the call.

use super::kind::{Exit, Next, NodeIndex, Verb};
use crate::flow::port::{Output, RecordingAction};
use crate::flow::read::Reader;
use crate::flow::source::{Cursor, unknown};
use crate::flow::turn::Turn;

const ACTIONS: &[(&str, RecordingAction)] = &[
    ("start", RecordingAction::Start),
    ("pause", RecordingAction::Pause),
    ("resume", RecordingAction::Resume),
    ("stop", RecordingAction::Stop),
];

#[derive(Debug)]
pub(crate) struct Recording {
    action: RecordingAction,
    next: NodeIndex,
}

impl Recording {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, &["action", "next"]);
        let action = node.require("action", reader.diags).and_then(|cursor| {
            let word = cursor.string(reader.diags)?;
            let known = ACTIONS.iter().find(|(name, _)| *name == word);
            if known.is_none() {
                let problem = cursor.error(format!("`{word}` is nothing to do with a recording"));
                let names = ACTIONS.iter().map(|(name, _)| *name);
                reader.diags.push(unknown(problem, word, names));
            }
            known.map(|(_, action)| *action)
        });
        let next = reader.exit(node, "next");
        Some(Self {
            action: action?,
            next: next?,
        })
    }
}

impl Verb for Recording {
    fn name(&self) -> &'static str {
        "recording"
    }

    fn exits(&self) -> Vec<Exit> {
        vec![Exit::instant("next", self.next)]
    }

    fn needs_answer(&self) -> bool {
        self.action == RecordingAction::Start
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        turn.out.push(Output::Recording(self.action));
        Next::Go(self.next)
    }
}
