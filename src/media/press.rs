//! Keys that a leg is to hear though nobody sends it their packets: telephone events of our
//! own (RFC 4733).

use std::collections::VecDeque;

use crate::rtp::{EVENT_BYTES, event_payload};

/// Keys that wait; whoever sends more at once dials nothing that anybody waits for.
const MOST: usize = 32;
/// A key sounds for so many frames of 20 ms,
const TONE: u16 = 5;
/// says three times that it ends (RFC 4733 section 2.5.1.4),
const ENDS: u16 = TONE + 2;
/// and is followed by as much silence as a gateway needs between two tones.
const WHOLE: u16 = 10;
const FRAME_SAMPLES: u16 = 160;

/// What is sent in one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// This event packet, `first` of its key.
    Event {
        payload: [u8; EVENT_BYTES],
        first: bool,
    },
    /// Nothing, between two keys.
    Pause,
    /// Nothing; the key had [`Presses::SAMPLES`].
    Over,
}

/// The keys that are yet to be heard.
#[derive(Debug, Default)]
pub(crate) struct Presses {
    waiting: VecDeque<char>,
    /// The key that sounds, and how many of its frames are gone.
    sounds: Option<(char, u16)>,
}

impl Presses {
    /// How long a key and its pause take.
    pub(crate) const SAMPLES: u32 = (WHOLE * FRAME_SAMPLES) as u32;

    /// Takes one more key; `false` when it is none, or too many wait.
    pub(crate) fn take(&mut self, key: char) -> bool {
        let is_taken = event_payload(key, false, 0).is_some() && self.waiting.len() < MOST;
        if is_taken {
            self.waiting.push_back(key);
        }
        is_taken
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sounds.is_none() && self.waiting.is_empty()
    }

    /// The next frame; `None` when no key is left.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        let (key, gone) = match self.sounds.take() {
            Some(sounds) => sounds,
            None => (self.waiting.pop_front()?, 0),
        };
        let number = gone + 1;
        if number == WHOLE {
            return Some(Frame::Over);
        }
        self.sounds = Some((key, number));
        if number > ENDS {
            return Some(Frame::Pause);
        }
        let samples = number.min(TONE) * FRAME_SAMPLES;
        let payload = event_payload(key, number >= TONE, samples)?;
        let first = number == 1;
        Some(Frame::Event { payload, first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_grows_ends_three_times_and_makes_room_for_the_next() {
        let mut presses = Presses::default();
        assert!(presses.take('5') && presses.take('#'));
        assert!(!presses.take('x'));
        let mut told = Vec::new();
        while let Some(frame) = presses.frame() {
            told.push(match frame {
                Frame::Event { payload, first } => {
                    let [event, end, high, low] = payload;
                    let samples = u16::from_be_bytes([high, low]);
                    let (first, end) = (["", "!"][usize::from(first)], end >> 7);
                    format!("{first}{event}:{samples}:{end}")
                }
                Frame::Pause => "-".to_owned(),
                Frame::Over => ".".to_owned(),
            });
        }
        let key = |event: u8| {
            format!(
                "!{event}:160:0 {event}:320:0 {event}:480:0 {event}:640:0 \
                 {event}:800:1 {event}:800:1 {event}:800:1 - - ."
            )
        };
        assert_eq!(told.join(" "), format!("{} {}", key(5), key(11)));
        assert!(presses.is_empty());
    }

    #[test]
    fn no_more_keys_wait_than_anybody_dials() {
        let mut presses = Presses::default();
        let taken = (0..1_000).filter(|_| presses.take('1')).count();
        assert_eq!(taken, MOST);
    }
}
