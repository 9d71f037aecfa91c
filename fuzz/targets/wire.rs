//! A datagram: read, each typed header, and through an endpoint that answers it.

#![no_main]

#[path = "../../benches/mutate/reader.rs"]
mod reader;

use std::time::{Duration, Instant};

use bytes::Bytes;
use exchange::sip::Message;
use libfuzzer_sys::fuzz_target;
use reader::{Reader, read};

fuzz_target!(|data: &[u8]| {
    let bytes = Bytes::copy_from_slice(data);
    read(&bytes);
    // What is read can be written, and says the same when read again.
    if let Ok(message) = Message::parse(&bytes) {
        let written = message.write();
        let again = Message::parse(&written).expect("what we write, we read");
        assert_eq!(again.write(), written);
    }
    let mut reader = Reader::new(Instant::now());
    reader.receive(&bytes);
    reader.receive(&bytes);
    reader.receive_stream(&bytes);
    reader.wait(Duration::from_secs(40));
});
