//! A flow: read, drawn, and called.

#![no_main]

use exchange::trial::{call, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(flow) = read(text) {
        assert!(!flow.mermaid().is_empty());
        call(&flow);
    }
});
