//! A text with `${…}`: compiled, and filled where a flow does.

#![no_main]

use exchange::trial::{call, quoted, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let text = quoted(text);
    let flow = read(&format!(
        "version: 1\nflow: f\nstart: a\nvars: {{ x: 1, y: text }}\nnodes:\n  a: {{ type: set, vars: {{ z: {text} }}, tags: [{text}], language: {text}, next: b }}\n  b: {{ type: hangup }}\n"
    ));
    if let Some(flow) = flow {
        call(&flow);
    }
});
