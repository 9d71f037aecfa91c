//! Recordings of calls and messages of callers: their names and how they went.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{CallId, Mailbox, Number, RecordingId};

/// How a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingResult {
    /// The file is whole.
    Kept,
    /// There was nothing to keep, and there is no file.
    Empty,
    /// The disk did not take all of it. What it took, if anything, is kept.
    Failed,
}

/// What happened to a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The call.
    pub call: CallId,
    /// The recording.
    pub recording: RecordingId,
    /// Whose message it is; `None` for a recording of the call.
    pub mailbox: Option<Mailbox>,
    /// Who is recorded.
    pub from: Number,
    /// What happened.
    pub change: RecordingChange,
}

/// A change of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingChange {
    /// It began.
    Started,
    /// It is silent from here on: the flow wants it so, or the caller enters a secret.
    Paused,
    /// It goes on.
    Resumed,
    /// Its file is closed.
    Ended {
        /// How.
        result: RecordingResult,
        /// How long the sound in the file is; zero without a file.
        length: Duration,
    },
}

impl Recorded {
    /// Every kind of event that it is told as.
    pub(super) const KINDS: [&str; 5] = [
        "recording_started",
        "recording_paused",
        "recording_resumed",
        "recording_ended",
        "message_left",
    ];

    /// What kind of event it is.
    pub(super) fn kind(&self) -> &'static str {
        let [started, paused, resumed, ended, left] = Self::KINDS;
        match self.change {
            RecordingChange::Started => started,
            RecordingChange::Paused => paused,
            RecordingChange::Resumed => resumed,
            RecordingChange::Ended { .. } if self.is_message() => left,
            RecordingChange::Ended { .. } => ended,
        }
    }

    /// Whether a message is there from now on.
    #[must_use]
    pub fn is_message(&self) -> bool {
        let length = match self.change {
            RecordingChange::Ended { length, .. } => length,
            RecordingChange::Started | RecordingChange::Paused | RecordingChange::Resumed => {
                Duration::ZERO
            }
        };
        self.mailbox.is_some() && !length.is_zero()
    }
}
