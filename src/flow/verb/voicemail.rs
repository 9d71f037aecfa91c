//! `voicemail`: a prompt, a tone, and what the caller says after it.

use std::time::{Duration, Instant};

use super::kind::{Exit, Next, NodeIndex, Shape, Verb, Wait};
use crate::flow::port::{Input, MessageExit, MessageRequest, Output, Returned};
use crate::flow::prompt::{Prompt, Spoken};
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;
use crate::model::{FlowFault, Mailbox};

const SECOND: Duration = Duration::from_secs(1);
/// How long a message may be, and is when nothing is written.
const MAX: std::ops::RangeInclusive<Duration> = SECOND..=Duration::from_secs(30 * 60);
const USUAL: Duration = Duration::from_secs(3 * 60);
/// After so much silence a message is over.
const SILENCE: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(2)..=Duration::from_secs(60);
const USUAL_SILENCE: Duration = Duration::from_secs(5);
/// How long the file may take to be closed. A disk that takes longer is out of order, and
/// the message is kept all the same.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Voicemail {
    prompt: Prompt,
    mailbox: Mailbox,
    max: Duration,
    silence: Duration,
    end_key: Option<char>,
    barge_in: bool,
    ok: NodeIndex,
    error: NodeIndex,
}

/// How far a message is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Leaving {
    /// The prompt and the tone.
    Prompt,
    /// The tone alone, after a key.
    Tone,
    /// The caller speaks, until then at most.
    Speaking(Instant),
    /// The file is being closed, until then at most.
    Closing(Instant),
}

impl Leaving {
    pub(super) fn until(self) -> Option<Instant> {
        match self {
            Self::Prompt | Self::Tone => None,
            Self::Speaking(until) | Self::Closing(until) => Some(until),
        }
    }
}

impl Voicemail {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let fields = [
            "prompt", "mailbox", "max", "silence", "end_key", "barge_in", "ok", "error",
        ];
        reader.fields(node, &fields);
        let prompt = node
            .require("prompt", reader.diags)
            .map(|cursor| Prompt::read(cursor, reader));
        let mailbox = node
            .require("mailbox", reader.diags)
            .and_then(|cursor| mailbox(cursor, reader));
        let max = within(node, "max", (USUAL, MAX), reader);
        let silence = within(node, "silence", (USUAL_SILENCE, SILENCE), reader);
        let end_key = match node.get("end_key") {
            Some(cursor) => reader.end_key(cursor),
            None => Some(Some('#')),
        };
        let barge_in = reader.flag(node, "barge_in", reader.defaults.barge_in.unwrap_or(true));
        let (ok, error) = (reader.exit(node, "ok"), reader.exit(node, "error"));
        Some(Self {
            prompt: prompt?,
            mailbox: mailbox?,
            max,
            silence,
            end_key: end_key?,
            barge_in,
            ok: ok?,
            error: error?,
        })
    }

    fn speak(&self, turn: &mut Turn<'_>) -> Next {
        turn.out.push(Output::Message(MessageRequest {
            mailbox: self.mailbox.clone(),
            max: self.max,
            silence: self.silence,
        }));
        Next::Stay(Wait::Voicemail(Leaving::Speaking(
            turn.now + self.max + PATIENCE,
        )))
    }

    fn close(turn: &mut Turn<'_>) -> Next {
        turn.out.push(Output::EndMessage);
        Next::Stay(Wait::Voicemail(Leaving::Closing(turn.now + PATIENCE)))
    }

    fn left(&self, exit: MessageExit, turn: &mut Turn<'_>) -> Next {
        match exit {
            MessageExit::Kept => Next::Go(self.ok),
            MessageExit::Empty => Next::Go(self.error),
            MessageExit::Failed => {
                turn.fault(FlowFault::Recording);
                Next::Go(self.error)
            }
        }
    }
}

impl Verb for Voicemail {
    fn name(&self) -> &'static str {
        "voicemail"
    }

    fn shape(&self) -> Shape {
        Shape::Question
    }

    fn exits(&self) -> Vec<Exit> {
        vec![
            Exit::paced("ok", self.ok),
            Exit::instant("error", self.error),
        ]
    }

    fn prompts(&self) -> Vec<&Prompt> {
        vec![&self.prompt]
    }

    fn mailbox(&self) -> Option<&Mailbox> {
        Some(&self.mailbox)
    }

    fn needs_answer(&self) -> bool {
        true
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        turn.core.ahead.clear();
        let mut sounds = turn.speak(&self.prompt);
        sounds.push(Spoken::Tone);
        turn.out.push(Output::Play(sounds));
        Next::Stay(Wait::Voicemail(Leaving::Prompt))
    }

    fn handle(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
        let Wait::Voicemail(leaving) = wait else {
            return Next::Stay(wait);
        };
        match (input, leaving) {
            (Input::Key(_), Leaving::Prompt) if self.barge_in => {
                turn.out.push(Output::StopPlaying);
                turn.out.push(Output::Play(vec![Spoken::Tone]));
                Next::Stay(Wait::Voicemail(Leaving::Tone))
            }
            (Input::Played, Leaving::Prompt | Leaving::Tone) => self.speak(turn),
            (Input::Key(key), Leaving::Speaking(_)) if Some(key) == self.end_key => {
                Self::close(turn)
            }
            (
                Input::Returned(Returned::Message(exit)),
                Leaving::Speaking(_) | Leaving::Closing(_),
            ) => self.left(exit, turn),
            (Input::Tick, Leaving::Speaking(until)) if turn.now >= until => Self::close(turn),
            (Input::Tick, Leaving::Closing(until)) if turn.now >= until => {
                self.left(MessageExit::Failed, turn)
            }
            (
                Input::Begin
                | Input::Answered
                | Input::Key(_)
                | Input::Played
                | Input::Tick
                | Input::Returned(_),
                leaving,
            ) => Next::Stay(Wait::Voicemail(leaving)),
        }
    }
}

fn within(
    node: Cursor<'_>,
    key: &str,
    (usual, range): (Duration, std::ops::RangeInclusive<Duration>),
    reader: &mut Reader<'_>,
) -> Duration {
    let Some(cursor) = node.get(key) else {
        return usual;
    };
    let Some(time) = cursor.duration(reader.diags) else {
        return usual;
    };
    if !range.contains(&time) {
        let (least, most) = range.into_inner();
        let show = crate::model::show_duration;
        let message = format!("`{key}` is from {} to {}", show(least), show(most));
        reader.diags.push(cursor.error(message));
    }
    time
}

fn mailbox(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Mailbox> {
    let name = cursor.string(reader.diags)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        let problem = cursor.error(format!("`{name}` is no name of a mailbox"));
        let hint = "letters, digits and -, at most 64 of them";
        reader.diags.push(problem.hint(hint));
        return None;
    }
    Some(Mailbox::from(name))
}
