//! A flow that is read, drawn and called.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::flow::source::Document;
use crate::flow::{Caller, Flow, Known, Rehearsal, Stage, Wants, load};
use crate::model::{Epoch, Number, QueueName};

/// Keys of a call.
const KEYS: usize = 50;

/// Reads a flow as a server does that has one queue, one calendar and every sound.
pub fn read(text: &str) -> Option<Arc<Flow>> {
    let document = Document::parse("f.yaml", text).ok()?;
    let known = Known {
        queues: &BTreeSet::from([QueueName::from("q")]),
        calendars: &BTreeSet::from(["c".to_owned()]),
        sounds: &|_, _| true,
        signs: true,
        speaks: true,
        ..Known::nothing()
    };
    let mut diags = Vec::new();
    let flow = load(&document, &known, &mut diags);
    let shown: usize = diags.iter().map(|diag| diag.to_string().len()).sum();
    assert!(shown < 8 * 1024 * 1024, "{shown} bytes of diagnostics");
    flow.map(Arc::new)
}

/// Calls a flow: keys one after another, and whatever comes of it.
pub fn call(flow: &Arc<Flow>) {
    let epoch = Epoch {
        instant: Instant::now(),
        wall: SystemTime::UNIX_EPOCH,
    };
    let caller = Caller::of(Number::from("+31612345678"), Number::from("1000"));
    let mut call = Rehearsal::new(flow, caller, &Arc::default(), epoch, Stage::default());
    for key in "1234567890*#".chars().cycle().take(KEYS) {
        match call.go_on() {
            Wants::Keys if key == '0' => call.wait(),
            Wants::Keys => call.press(key),
            Wants::Return => {
                let exits = call.exits();
                let exit = exits.first().expect("a call that is away can come back");
                call.come_back(exit).expect("by its own exit");
            }
            Wants::Nothing | Wants::End => return,
        }
    }
}

/// Text in the quotes of YAML.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
