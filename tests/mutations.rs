//! Some thousand broken messages, without the clock; `cargo bench --bench mutate` takes
//! millions, with it.

#[path = "../benches/mutate/messages.rs"]
mod messages;
#[path = "../benches/mutate/reader.rs"]
mod reader;

use std::time::{Duration, Instant};

use bytes::Bytes;

#[test]
fn no_broken_message_breaks_anything() {
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    let mut reader = reader::Reader::new(Instant::now());
    let seeds = messages::seeds();
    let mut random = messages::Random(0x5eed);
    for _ in 0..6_000 {
        let bytes = Bytes::from(messages::next(&mut random, &seeds));
        reader::read(&bytes);
        reader.receive(&bytes);
        reader.receive_stream(&bytes);
        reader.wait(Duration::from_millis(5));
    }
}
