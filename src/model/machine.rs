//! Tables of moves: what a state machine may do, as data that prints its picture.

use std::fmt::{Debug, Write as _};

/// One allowed move of a machine: from, to, and what brings it about.
#[derive(Clone, Copy, Debug)]
pub struct Move<K: 'static>(pub K, pub K, pub &'static str);

/// The table as a Mermaid state diagram, one line a move.
#[must_use]
pub fn diagram<K: Debug>(moves: &[Move<K>]) -> String {
    let mut text = String::from("stateDiagram-v2\n");
    for Move(from, to, why) in moves {
        // Writing to a String cannot fail.
        writeln!(text, "    {from:?} --> {to:?}: {why}").ok();
    }
    text
}
