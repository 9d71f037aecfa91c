//! A description, which is also answered.

#![no_main]

use exchange::sdp::Description;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    drop(Description::parse(data));
});
