//! A stream: its messages are the same however it is cut.

#![no_main]

use exchange::sip::{Frame, FrameError, StreamFramer};
use libfuzzer_sys::fuzz_target;

fn frames<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Frame>, Option<FrameError>) {
    let (mut framer, mut list) = (StreamFramer::default(), Vec::new());
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.next_frame() {
                Ok(Some(frame)) => list.push(frame),
                Ok(None) => break,
                Err(error) => return (list, Some(error)),
            }
        }
    }
    (list, None)
}

fuzz_target!(|data: &[u8]| {
    let Some((cut, stream)) = data.split_first() else {
        return;
    };
    let whole = frames(std::iter::once(stream));
    let pieces = frames(stream.chunks(1 + usize::from(*cut)));
    assert_eq!(whole, pieces);
});
