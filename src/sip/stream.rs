//! Messages out of a stream of bytes (RFC 3261 section 18.3): TCP knows no datagrams.

use bytes::{Buf as _, Bytes, BytesMut};

use crate::model::limits;
use crate::sip::Name;
use crate::sip::uri::digits;

/// What a stream held next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One whole message.
    Message(Bytes),
    /// Two empty lines: the peer asks for one back (RFC 5626 section 4.4.1).
    Ping,
}

/// A stream that cannot be followed any more: it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A message larger than the limit, or headers without end, or too many.
    #[error("message longer than {} bytes", limits::STREAM_MESSAGE_BYTES)]
    TooLarge,
    /// Content-Length is no number, or stands twice differently.
    #[error("unusable Content-Length")]
    Length,
}

/// Collects bytes and gives back whole messages. Each byte of the headers is looked at a
/// few times, in however many pieces the rest comes.
#[derive(Debug, Default)]
pub struct StreamFramer {
    buffer: BytesMut,
    seen: Seen,
    /// Bytes that were looked at.
    #[cfg(test)]
    looked: usize,
}

/// What is known of the message that has begun.
#[derive(Clone, Copy, Debug)]
enum Seen {
    /// The end of the headers was searched for in vain so far.
    Part(usize),
    /// How long it is with its body.
    Head(usize),
}

impl Default for Seen {
    fn default() -> Self {
        Self::Part(0)
    }
}

impl StreamFramer {
    /// Adds what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether a message has begun and is not whole.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next frame; `None` until more is pushed.
    ///
    /// # Errors
    /// When the stream cannot be followed any more.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let frame = self.cut();
        if self.buffer.is_empty() {
            // What was cut off would keep the room of the whole alive, and a stream is
            // idle for most of its life.
            self.buffer = BytesMut::new();
        }
        frame
    }

    /// The headers of the message at which the stream could not be followed, if they are
    /// whole: a request is answered by what they say before the stream is closed. Nothing
    /// that came after them is kept.
    pub fn unusable(&mut self) -> Option<Bytes> {
        let head = self.head_end();
        let mut rest = std::mem::take(&mut self.buffer);
        head.map(|head| rest.split_to(head.min(rest.len())).freeze())
    }

    fn cut(&mut self) -> Result<Option<Frame>, FrameError> {
        let whole = match self.seen {
            Seen::Head(whole) => whole,
            Seen::Part(_) => {
                if let Some(frame) = self.skip_empty_lines() {
                    return Ok(Some(frame));
                }
                let Some(head) = self.head_end() else {
                    let over = self.buffer.len() > limits::STREAM_MESSAGE_BYTES;
                    return if over {
                        Err(FrameError::TooLarge)
                    } else {
                        Ok(None)
                    };
                };
                let length = self.content_length(head)?;
                let whole = head.checked_add(length);
                whole
                    .filter(|whole| *whole <= limits::STREAM_MESSAGE_BYTES)
                    .ok_or(FrameError::TooLarge)?
            }
        };
        if self.buffer.len() < whole {
            self.seen = Seen::Head(whole);
            return Ok(None);
        }
        self.seen = Seen::Part(0);
        Ok(Some(Frame::Message(self.buffer.split_to(whole).freeze())))
    }

    fn skip_empty_lines(&mut self) -> Option<Frame> {
        if self.buffer.starts_with(b"\r\n\r\n") {
            self.buffer.advance(4);
            return Some(Frame::Ping);
        }
        // One empty line may be the first half of a ping: it waits for what follows.
        while self.buffer.len() > 2
            && self.buffer.starts_with(b"\r\n")
            && !self.buffer.starts_with(b"\r\n\r")
        {
            self.buffer.advance(2);
        }
        None
    }

    fn head_end(&mut self) -> Option<usize> {
        let searched = match self.seen {
            Seen::Part(searched) => searched,
            Seen::Head(_) => 0,
        };
        let rest = self.buffer.get(searched..)?;
        let found = rest.windows(4).position(|window| window == b"\r\n\r\n");
        self.look_at(found.unwrap_or(rest.len()));
        match found {
            Some(at) => Some(searched + at + 4),
            None => {
                self.seen = Seen::Part(self.buffer.len().saturating_sub(3));
                None
            }
        }
    }

    fn content_length(&mut self, head: usize) -> Result<usize, FrameError> {
        self.look_at(head);
        content_length(self.buffer.get(..head).unwrap_or_default())
    }

    #[cfg(test)]
    fn look_at(&mut self, bytes: usize) {
        self.looked += bytes;
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "only tests count")]
    fn look_at(&mut self, _bytes: usize) {}
}

/// Without a length there is no body: on a stream it has no other end.
fn content_length(head: &[u8]) -> Result<usize, FrameError> {
    let mut length = None;
    let mut lines = 0;
    for line in head.split(|byte| *byte == b'\n') {
        // One more is the start line; what goes on in another line is one header.
        lines += usize::from(!line.first().is_none_or(u8::is_ascii_whitespace));
        if lines > limits::HEADERS + 1 {
            return Err(FrameError::TooLarge);
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let name = line
            .get(..colon)
            .and_then(|name| std::str::from_utf8(name).ok())
            .unwrap_or("");
        if !Name::parse(name.trim_end()).is(&Name::ContentLength) {
            continue;
        }
        let value = line
            .get(colon + 1..)
            .and_then(|value| std::str::from_utf8(value.trim_ascii()).ok());
        let value: usize = value.and_then(digits).ok_or(FrameError::Length)?;
        if length.is_some_and(|length| length != value) {
            return Err(FrameError::Length);
        }
        length = Some(value);
    }
    Ok(length.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: &str = "OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\r\nl : 4\r\n\r\nbody";
    const TWO: &str = "BYE sip:a@b SIP/2.0\r\nCall-ID: 2\r\n\r\n";

    fn frames(framer: &mut StreamFramer) -> Vec<Frame> {
        let mut list = Vec::new();
        while let Some(frame) = framer.next_frame().unwrap() {
            list.push(frame);
        }
        list
    }

    proptest! {
        /// RFC 3261 section 18.3.
        #[test]
        fn messages_are_the_same_however_the_stream_is_cut(cuts in proptest::collection::vec(1..30usize, 1..40)) {
            let stream = format!("{ONE}\r\n\r\n{TWO}\r\n{ONE}");
            let mut framer = StreamFramer::default();
            let mut got = Vec::new();
            let mut rest = stream.as_bytes();
            for cut in cuts.into_iter().cycle() {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                framer.push(now);
                got.extend(frames(&mut framer));
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            let message = |text: &'static str| Frame::Message(Bytes::from_static(text.as_bytes()));
            prop_assert_eq!(got, vec![message(ONE), Frame::Ping, message(TWO), message(ONE)]);
            prop_assert!(!framer.is_partial());
        }
    }

    #[test]
    fn a_body_that_trickles_in_costs_no_look_at_the_headers() {
        let lines = format!("Subject: {}\r\n", "x".repeat(489)).repeat(200);
        let head = format!("OPTIONS sip:a@b SIP/2.0\r\n{lines}Content-Length: 20000\r\n\r\n");
        let text = format!("{head}{}", "b".repeat(20_000));
        let mut framer = StreamFramer::default();
        let mut got = Vec::new();
        for byte in text.as_bytes() {
            framer.push(std::slice::from_ref(byte));
            got.extend(frames(&mut framer));
        }
        assert_eq!(got, [Frame::Message(text.into())]);
        assert!(framer.looked < 6 * head.len(), "{}", framer.looked);
    }

    /// RFC 3261 section 18.3.
    #[test]
    fn headers_without_number_end_the_stream() {
        for (count, folds, ends) in [(255, 0, false), (256, 0, true), (255, 500, false)] {
            let lines = "a: b\r\n".repeat(count) + "c: d\r\n" + &" e: f\r\n".repeat(folds);
            let mut framer = StreamFramer::default();
            framer.push(format!("OPTIONS sip:a@b SIP/2.0\r\n{lines}\r\n").as_bytes());
            let frame = framer.next_frame();
            assert_eq!(frame == Err(FrameError::TooLarge), ends, "{frame:?}");
        }
    }

    /// RFC 3261 section 18.3.
    #[test]
    fn a_stream_that_cannot_be_followed_is_an_error() {
        for (text, error) in [
            (
                "A b SIP/2.0\r\nContent-Length: -1\r\n\r\n",
                FrameError::Length,
            ),
            (
                "A b SIP/2.0\r\nContent-Length: +4\r\n\r\n",
                FrameError::Length,
            ),
            (
                "A b SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n",
                FrameError::Length,
            ),
            (
                "A b SIP/2.0\r\nContent-Length: 999999999\r\n\r\n",
                FrameError::TooLarge,
            ),
        ] {
            let mut framer = StreamFramer::default();
            framer.push(text.as_bytes());
            framer.push(b"and what follows");
            assert_eq!(framer.next_frame(), Err(error), "{text}");
            assert_eq!(framer.unusable(), Some(text.into()));
            assert!(!framer.is_partial());
        }
        let mut framer = StreamFramer::default();
        framer.push(&vec![b'x'; limits::STREAM_MESSAGE_BYTES + 1]);
        assert_eq!(framer.next_frame(), Err(FrameError::TooLarge));
        assert_eq!(framer.unusable(), None);
    }
}
