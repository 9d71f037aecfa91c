//! All that a call says to its media worker, and hears from it.
//!
//! A worker answers every `Open` with `Opened` or `OpenFailed`, and every `Close` with
//! `Closed`; a command for a leg that is not there is dropped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::model::{LegId, PlayId, RecordingId, RecordingResult, StreamQuality};
pub use crate::sdp::Agreed;

/// A sound, encoded once for every codec when it is loaded and shared by all who hear it.
#[derive(Debug, PartialEq, Eq)]
pub struct Sound {
    /// G.711 µ-law at 8 kHz, one byte a sample.
    pub pcmu: Bytes,
    /// G.711 A-law at 8 kHz, one byte a sample.
    pub pcma: Bytes,
}

impl Sound {
    /// How long it plays.
    #[must_use]
    pub fn duration(&self) -> Duration {
        let samples = u64::try_from(self.pcmu.len()).unwrap_or(u64::MAX);
        Duration::from_micros(samples.saturating_mul(125))
    }
}

/// What a call says to its worker.
#[derive(Clone, Debug)]
pub enum Command {
    /// Take a pair of ports for a leg.
    Open {
        /// The leg.
        leg: LegId,
    },
    /// Set or change what the leg speaks and with whom.
    Connect {
        /// The leg.
        leg: LegId,
        /// What was agreed.
        agreed: Agreed,
    },
    /// Play sounds one after another to this leg; ends what it played before, without
    /// a `Played` for it. A bridged leg hears the play instead of its peer.
    Play {
        /// The leg.
        leg: LegId,
        /// Returned in `Played`.
        play: PlayId,
        /// What to play.
        sounds: Arc<[Arc<Sound>]>,
        /// Begin again at the end, for ever (music): no `Played` comes.
        looped: bool,
    },
    /// Stop playing.
    Stop {
        /// The leg.
        leg: LegId,
    },
    /// Let the leg hear a key, as an RFC 4733 event that comes from nobody's packets: instead
    /// of its peer or a play while it lasts. Dropped where no such events were agreed on.
    Key {
        /// The leg.
        leg: LegId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        key: char,
    },
    /// Let two legs of this worker hear each other; keys pass as RFC 4733 events.
    Bridge {
        /// One.
        one: LegId,
        /// The other.
        other: LegId,
    },
    /// End the bridge that this leg is in, if any.
    Unbridge {
        /// The leg.
        leg: LegId,
    },
    /// Report `Silent` once the leg received nothing for this long, and `Heard` after
    /// it; `None` does not watch. Counts from this command.
    Watch {
        /// The leg.
        leg: LegId,
        /// How long.
        silence: Option<Duration>,
    },
    /// Record what the leg says, or says and hears; [`Report::Recorded`] comes when the file
    /// is closed, also when the leg is.
    Record(Record),
    /// Record silence from here on.
    PauseRecording {
        /// The leg.
        leg: LegId,
        /// Which of its recordings.
        number: u8,
    },
    /// Record sound again.
    ResumeRecording {
        /// The leg.
        leg: LegId,
        /// Which of its recordings.
        number: u8,
        /// So much later: what sounds at this moment may belong to what was not to be heard.
        after: Duration,
    },
    /// End a recording.
    EndRecording {
        /// The leg.
        leg: LegId,
        /// Which of its recordings.
        number: u8,
    },
    /// Give back the ports.
    Close {
        /// The leg.
        leg: LegId,
    },
}

/// What a recording has in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// What the leg says; the silence at its end is cut off.
    Caller,
    /// What the leg says at the left, what it hears at the right.
    Both,
}

impl Sides {
    /// How many channels that takes.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Self::Caller => 1,
            Self::Both => 2,
        }
    }
}

/// A recording that is wanted.
#[derive(Clone, Debug)]
pub struct Record {
    /// The leg.
    pub leg: LegId,
    /// Which of the call's recordings; never used twice.
    pub number: u8,
    /// What its file is called.
    pub name: RecordingId,
    /// What is in it.
    pub sides: Sides,
    /// Then it ends by itself.
    pub longest: Duration,
    /// Of [`Sides::Caller`]: what has less sound is not kept.
    pub shortest: Duration,
    /// Then it ends by itself, too, when nothing is said for so long.
    pub silence: Option<Duration>,
}

/// What a worker hands to whoever writes recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write<'a> {
    /// A file is to be made.
    Begin {
        /// The leg.
        leg: LegId,
        /// Which of its recordings.
        number: u8,
        /// What its file is called.
        name: &'a RecordingId,
        /// 1 or 2, of 16 bits at 8 kHz.
        channels: usize,
    },
    /// What comes next in it.
    Samples {
        /// The leg.
        leg: LegId,
        /// Which of its recordings.
        number: u8,
        /// Where, in samples of one channel from the beginning. What is missing before it
        /// is silence.
        at: u64,
        /// Interleaved.
        samples: &'a [i16],
    },
    /// It is whole.
    End {
        /// The leg.
        leg: LegId,
        /// Which of its recordings.
        number: u8,
        /// So many samples of a channel are kept; with 0 there is to be no file.
        frames: u64,
    },
}

/// What a call hears from its worker.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// Ports are taken: RTP on `local`, RTCP one above.
    Opened {
        /// The leg.
        leg: LegId,
        /// The RTP address, as bound.
        local: SocketAddr,
    },
    /// No ports are left.
    OpenFailed {
        /// The leg.
        leg: LegId,
    },
    /// The first packet came from the peer.
    FirstPacket {
        /// The leg.
        leg: LegId,
    },
    /// A key was pressed: once for each RFC 4733 event, at its first packet.
    Key {
        /// The leg.
        leg: LegId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        key: char,
    },
    /// A play that was not looped came to its end.
    Played {
        /// The leg.
        leg: LegId,
        /// Which.
        play: PlayId,
    },
    /// Nothing was received for as long as `Watch` says.
    Silent {
        /// The leg.
        leg: LegId,
    },
    /// Packets came again after `Silent`.
    Heard {
        /// The leg.
        leg: LegId,
    },
    /// The file of a recording is closed, or could not be written.
    Recorded {
        /// The leg.
        leg: LegId,
        /// Which of its recordings.
        number: u8,
        /// How it went.
        result: RecordingResult,
        /// How long the sound in the file is.
        length: Duration,
    },
    /// The ports are given back.
    Closed {
        /// The leg.
        leg: LegId,
        /// How the stream did.
        quality: StreamQuality,
    },
}

impl Report {
    /// The leg that it is about.
    #[must_use]
    pub fn leg(&self) -> LegId {
        match self {
            Self::Opened { leg, .. }
            | Self::OpenFailed { leg }
            | Self::FirstPacket { leg }
            | Self::Key { leg, .. }
            | Self::Played { leg, .. }
            | Self::Silent { leg }
            | Self::Heard { leg }
            | Self::Recorded { leg, .. }
            | Self::Closed { leg, .. } => *leg,
        }
    }
}
