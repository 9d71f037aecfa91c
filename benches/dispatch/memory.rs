//! What a waiting caller and an operator cost in memory, by what the process has resident.

use std::process::Command;
use std::time::Instant;

use anyhow::Context;
use exchange::dispatch::{Board, Capacity};
use exchange::model::{CallKey, ShardId};

use crate::board::{capacity, class_key, operators};
use crate::floor::Size;

const MANY: Size = Size {
    operators: 10_000,
    waiting: 100_000,
    classes: 1_000,
};

/// The argument that makes this program one that fills a board and says how large it is: a
/// process of its own, so that nothing else is in it.
pub(crate) const COMMAND: &str = "--fill-a-board";

pub(crate) fn print() {
    let (waiting, operators) = (MANY.waiting, MANY.operators);
    let each = |more: Option<u64>, less: Option<u64>, count: usize| {
        Some(more?.saturating_sub(less?) as f64 / count as f64)
    };
    let ticket = each(filled(0, waiting), filled(0, 0), waiting);
    let operator = each(filled(operators, 0), filled(10, 0), operators);
    match (ticket, operator) {
        (Some(ticket), Some(operator)) => println!(
            "Memory: {ticket:.0} bytes a waiting caller, {operator:.0} bytes an operator who is ready\n\
             ({waiting} callers in {} classes, {operators} operators with {} sets of skills; resident)",
            MANY.classes,
            crate::floor::profiles(MANY),
        ),
        _ => println!("Memory: not measured, there is no /proc/self/statm"),
    }
}

fn filled(operators: usize, waiting: usize) -> Option<u64> {
    let output = Command::new(std::env::current_exe().ok()?)
        .args([COMMAND, &operators.to_string(), &waiting.to_string()])
        .output();
    String::from_utf8(output.ok()?.stdout)
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// The other process.
pub(crate) fn child(arguments: &[String]) -> anyhow::Result<()> {
    let number = |at: usize| -> anyhow::Result<usize> {
        let text = arguments.get(at).context("too few arguments")?;
        Ok(text.parse()?)
    };
    let now = Instant::now();
    let (people, waiting) = (number(0)?, number(1)?);
    let before = resident().context("there is no /proc/self/statm")?;
    let size = Size {
        operators: people,
        waiting,
        ..MANY
    };
    let profiles = crate::floor::profiles(MANY);
    let board = Board::new(
        Capacity {
            profiles,
            ..capacity(size)
        },
        now,
    );
    for class in 0..MANY.classes {
        board.class(&class_key(class))?;
    }
    for id in operators(&board, people, MANY, now)? {
        let _idle = board.ready(id, now);
    }
    for count in 0..waiting {
        let class = board.class(&class_key(count % MANY.classes))?;
        let call = CallKey::new(ShardId(0), u64::try_from(count)?);
        board.enqueue(call, class, now, now)?;
    }
    let grown = resident().map(|now| now.saturating_sub(before));
    println!("{}", grown.unwrap_or(0));
    Ok(())
}

fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}
