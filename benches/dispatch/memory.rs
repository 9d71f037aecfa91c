//! What a waiting caller and an operator cost in memory, by what the process has resident.

use std::time::Instant;

use exchange::dispatch::Board;
use exchange::model::{CallKey, ShardId};

use crate::board::{capacity, class_key, operators};
use crate::floor::Size;

const MANY: Size = Size {
    operators: 10_000,
    waiting: 100_000,
    classes: 1_000,
};

pub(crate) fn print() {
    match (tickets(), people()) {
        (Some(ticket), Some(operator)) => println!(
            "Memory: {ticket:.0} bytes a waiting caller, {operator:.0} bytes an operator who is ready\n\
             ({} callers in {} classes, {} operators with {} sets of skills; resident)",
            MANY.waiting,
            MANY.classes,
            MANY.operators,
            crate::floor::profiles(MANY),
        ),
        _ => println!("Memory: not measured, there is no /proc/self/statm"),
    }
}

/// Bytes a ticket: a board with many waiting beside the same with none.
fn tickets() -> Option<f64> {
    let now = Instant::now();
    let fill = |waiting: usize| {
        let size = Size { waiting, ..MANY };
        let before = resident()?;
        let board = Board::new(capacity(size), now);
        for number in 0..waiting.max(MANY.classes) {
            let class = board.class(&class_key(number % MANY.classes)).ok()?;
            if number < waiting {
                let call = CallKey::new(ShardId(0), u64::try_from(number).ok()?);
                let queued = board.enqueue(call, class, now, now);
                queued.ok()?;
            }
        }
        let grown = resident()?.saturating_sub(before);
        drop(board);
        Some(grown)
    };
    let (none, many) = (fill(0)?, fill(MANY.waiting)?);
    Some(many.saturating_sub(none) as f64 / MANY.waiting as f64)
}

/// Bytes an operator: a board with many ready beside the same with none.
fn people() -> Option<f64> {
    let now = Instant::now();
    let fill = |number: usize| {
        let size = Size {
            operators: number,
            waiting: 0,
            ..MANY
        };
        let before = resident()?;
        let board = Board::new(capacity(size), now);
        for id in operators(
            &board,
            Size {
                operators: number,
                ..MANY
            },
            now,
        )
        .ok()?
        {
            let _idle = board.ready(id, now);
        }
        let grown = resident()?.saturating_sub(before);
        drop(board);
        Some(grown)
    };
    let (few, many) = (fill(10)?, fill(MANY.operators)?);
    Some(many.saturating_sub(few) as f64 / MANY.operators as f64)
}

fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}
