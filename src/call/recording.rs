//! The recording of the call, and the messages that its caller leaves.
//!
//! Both are made of the caller's stream by the media worker, so that nothing here has to
//! follow the call through queues, talks and transfers. What is told of them is what the
//! disk took, not what was asked for.

use std::time::Duration;

use crate::call::call::{Call, Stage};
use crate::call::floor::Floor;
use crate::flow::{self, MessageExit, MessageRequest, RecordingAction, Returned};
use crate::media::{Command, Record, Sides};
use crate::model::{
    CallId, Event, FlowFault, Mailbox, Recorded, RecordingChange, RecordingId, RecordingResult,
    limits,
};

/// A message that has less sound is none: a cough, or the noise of hanging up.
const SHORTEST: Duration = Duration::from_secs(1);
/// After the last digit of a secret its tone sounds on for a moment.
const TAIL: Duration = Duration::from_millis(500);

/// What is recorded of a call.
#[derive(Debug, Default)]
pub(super) struct Recordings {
    made: u8,
    /// Those whose file is not closed.
    open: Vec<Open>,
    /// The flow wants silence.
    paused: bool,
    /// The caller enters a secret.
    secret: bool,
}

#[derive(Debug)]
struct Open {
    number: u8,
    id: RecordingId,
    mailbox: Option<Mailbox>,
    /// It was told to end, and its file is being closed.
    ending: bool,
    /// It has silence in it at present.
    silent: bool,
}

impl Open {
    fn is_of_the_call(&self) -> bool {
        self.mailbox.is_none() && !self.ending
    }
}

impl Recordings {
    /// Whether every file is closed.
    pub(super) fn are_closed(&self) -> bool {
        self.open.is_empty()
    }

    fn next(&mut self, call: &CallId) -> Option<(u8, RecordingId)> {
        if self.made >= limits::RECORDINGS_PER_CALL {
            return None;
        }
        self.made += 1;
        let id = RecordingId::new(format!("{call}-{}", self.made));
        Some((self.made, id))
    }
}

impl Call {
    /// What the flow says of the recording. What goes on already, or does not go on, is
    /// left as it is: a flow may come to a node from several sides.
    pub(super) fn recording(&mut self, action: RecordingAction, floor: &mut Floor<'_>) {
        match action {
            RecordingAction::Start => {
                if !self.recordings.open.iter().any(Open::is_of_the_call) {
                    self.recordings.paused = false;
                    let wish = (Sides::Both, limits::RECORDING, None);
                    self.record(None, wish, floor);
                }
            }
            RecordingAction::Pause => {
                self.recordings.paused = true;
                self.mute(Duration::ZERO, floor);
            }
            RecordingAction::Resume => {
                self.recordings.paused = false;
                self.mute(Duration::ZERO, floor);
            }
            RecordingAction::Stop => {
                let mut open = self.recordings.open.iter_mut();
                if let Some(open) = open.find(|open| open.is_of_the_call()) {
                    open.ending = true;
                    floor.media(Command::EndRecording {
                        leg: self.leg.id,
                        number: open.number,
                    });
                }
            }
        }
    }

    /// What the caller enters is a secret from here on, or is none again.
    pub(super) fn secret(&mut self, secret: bool, floor: &mut Floor<'_>) {
        self.recordings.secret = secret;
        self.mute(TAIL, floor);
    }

    /// Lets the call's recording have silence in it, or sound again a little later.
    fn mute(&mut self, after: Duration, floor: &mut Floor<'_>) {
        let silent = self.recordings.paused || self.recordings.secret;
        let (leg, call, from) = (self.leg.id, &self.facts.id, &self.facts.from);
        let open = self.recordings.open.iter_mut();
        for open in open.filter(|open| open.is_of_the_call() && open.silent != silent) {
            open.silent = silent;
            let number = open.number;
            floor.media(if silent {
                Command::PauseRecording { leg, number }
            } else {
                Command::ResumeRecording { leg, number, after }
            });
            floor.tell(Event::Recording(Recorded {
                call: call.clone(),
                recording: open.id.clone(),
                mailbox: None,
                from: from.clone(),
                change: if silent {
                    RecordingChange::Paused
                } else {
                    RecordingChange::Resumed
                },
            }));
        }
    }

    /// The caller leaves a message.
    pub(super) fn message(&mut self, request: MessageRequest, floor: &mut Floor<'_>) {
        let wish = (Sides::Caller, request.max, Some(request.silence));
        if !self.record(Some(request.mailbox), wish, floor) {
            let exit = Returned::Message(MessageExit::Failed);
            self.drive(flow::Input::Returned(exit), floor);
        }
    }

    /// The caller is done.
    pub(super) fn end_message(&mut self, floor: &mut Floor<'_>) {
        let leg = self.leg.id;
        let messages = self.recordings.open.iter_mut();
        for open in messages.filter(|open| open.mailbox.is_some() && !open.ending) {
            open.ending = true;
            floor.media(Command::EndRecording {
                leg,
                number: open.number,
            });
        }
    }

    /// Begins a recording; `false` when there were too many.
    fn record(
        &mut self,
        mailbox: Option<Mailbox>,
        (sides, longest, silence): (Sides, Duration, Option<Duration>),
        floor: &mut Floor<'_>,
    ) -> bool {
        // What a flow does after the farewell has nobody to record.
        let next = (!self.is_ending()).then(|| self.recordings.next(&self.facts.id));
        let Some((number, id)) = next.flatten() else {
            floor.tell(Event::FlowFailed {
                call: self.facts.id.clone(),
                flow: self.facts.flow.clone(),
                node: self.run.node().clone(),
                fault: FlowFault::Recording,
            });
            return false;
        };
        floor.media(Command::Record(Record {
            leg: self.leg.id,
            number,
            name: id.clone(),
            sides,
            longest,
            shortest: SHORTEST,
            silence,
        }));
        floor.tell(Event::Recording(Recorded {
            call: self.facts.id.clone(),
            recording: id.clone(),
            mailbox: mailbox.clone(),
            from: self.facts.from.clone(),
            change: RecordingChange::Started,
        }));
        self.recordings.open.push(Open {
            number,
            id,
            mailbox,
            ending: false,
            silent: false,
        });
        true
    }

    /// A file is closed, perhaps after the call has ended.
    pub(super) fn recorded(
        &mut self,
        number: u8,
        (result, length): (RecordingResult, Duration),
        floor: &mut Floor<'_>,
    ) {
        let mut open = self.recordings.open.iter();
        let Some(at) = open.position(|open| open.number == number) else {
            return;
        };
        let open = self.recordings.open.remove(at);
        if !open.ending {
            // One whose disk is full goes on in the worker, for nobody.
            floor.media(Command::EndRecording {
                leg: self.leg.id,
                number,
            });
        }
        let is_message = open.mailbox.is_some();
        floor.tell(Event::Recording(Recorded {
            call: self.facts.id.clone(),
            recording: open.id,
            mailbox: open.mailbox,
            from: self.facts.from.clone(),
            change: RecordingChange::Ended { result, length },
        }));
        if is_message && matches!(self.stage, Stage::Flow) {
            let exit = match result {
                RecordingResult::Kept => MessageExit::Kept,
                RecordingResult::Empty => MessageExit::Empty,
                RecordingResult::Failed => MessageExit::Failed,
            };
            let exit = Returned::Message(exit);
            self.drive(flow::Input::Returned(exit), floor);
        }
    }
}
