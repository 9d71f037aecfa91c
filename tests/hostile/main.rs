//! Whatever a file holds, reading it is soon over and takes little.

#![expect(clippy::unwrap_used, reason = "a test may stop at surprises")]

mod files;

use std::fs;
use std::time::{Duration, Instant};

use exchange::flow::source::Document;
use exchange::flow::{Known, load};
use exchange::model::{Diagnostic, Severity};

/// A build for tests is some ten times slower than the one that is measured by
/// `cargo bench --bench flow`, and the machine has other things to do.
const TIME: Duration = Duration::from_secs(4);
/// Of the process, above what it had before.
const BYTES: u64 = 64 * 1024 * 1024;

fn read(text: &str) -> Vec<Diagnostic> {
    let document = match Document::parse("f.yaml", text) {
        Ok(document) => document,
        Err(problem) => return vec![problem],
    };
    let known = Known {
        signs: true,
        speaks: true,
        ..Known::nothing()
    };
    let mut diags = Vec::new();
    load(&document, &known, &mut diags);
    diags
}

/// A line of `/proc/self/status`, in bytes.
fn memory(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let value = status.lines().find_map(|found| found.strip_prefix(line));
    let kilobytes: u64 = value
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kilobytes * 1024
}

/// One test alone in this process: others would be measured with it.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how long it takes is measured, and shown"
)]
fn a_hostile_file_is_refused_soon_and_cheaply() {
    let mut wrong = Vec::new();
    let files = files::files();
    let before = memory("VmRSS:");
    for (name, text) in &files {
        // The highest so far is that of now.
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let start = Instant::now();
        let diags = read(text);
        let took = start.elapsed();
        let bytes = memory("VmHWM:").saturating_sub(before);
        println!(
            "{name}: {} diagnostics, {took:?}, {} KiB",
            diags.len(),
            bytes / 1024
        );
        if !diags.iter().any(|diag| diag.severity == Severity::Error) {
            wrong.push(format!("{name}: it is taken"));
        }
        let shown: usize = diags.iter().map(|diag| diag.to_string().len()).sum();
        if diags.len() > 1_000 || shown > 1_000_000 {
            wrong.push(format!(
                "{name}: {} diagnostics, {shown} bytes",
                diags.len()
            ));
        }
        if took > TIME {
            wrong.push(format!("{name}: {took:?}"));
        }
        if bytes > BYTES {
            wrong.push(format!("{name}: {} MiB", bytes / 1024 / 1024));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
