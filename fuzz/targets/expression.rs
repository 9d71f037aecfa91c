//! An expression: compiled, and evaluated where a flow does.

#![no_main]

use exchange::trial::{call, quoted, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let text = quoted(text);
    let flow = read(&format!(
        "version: 1\nflow: f\nstart: a\nvars: {{ x: 1, y: text }}\nnodes:\n  a: {{ type: branch, when: [{{ if: {text}, then: b }}], else: b }}\n  b: {{ type: switch, on: {text}, cases: {{}}, default: c }}\n  c: {{ type: set, priority: {text}, next: d }}\n  d: {{ type: hangup, prompt: [{{ number: {text} }}, {{ digits: {text} }}] }}\n"
    ));
    if let Some(flow) = flow {
        call(&flow);
    }
});
