//! `centrale check`.

use std::path::Path;
use std::process::ExitCode;

use exchange::model::{Diagnostic, Severity};

use crate::server::cli::say;
use crate::server::media::load_library;
use crate::server::{clock, files};

/// Prints every problem; the exit code says whether there is an error.
pub(super) fn run(folder: &Path) -> anyhow::Result<ExitCode> {
    let (config, mut diags) = files::read(folder)?;
    if let Some(config) = &config {
        for flow in config.flows.values() {
            diags.extend(flow.run_tests(&config.calendars, clock::now()));
        }
        let (_, _, problems) = load_library(&config.paths.prompts);
        diags.extend(problems.iter().map(|problem| {
            let (file, why) = problem.split_once(": ").unwrap_or(("prompts", problem));
            Diagnostic::file(file, why)
        }));
    }
    for diag in &diags {
        say(&format!("{diag}\n"));
    }
    let errors = diags
        .iter()
        .filter(|diag| diag.severity == Severity::Error)
        .count();
    if let (0, Some(config)) = (errors, config) {
        let examples: usize = config.flows.values().map(|flow| flow.test_count()).sum();
        say(&format!(
            "{}: {} numbers, {} flows with {examples} examples, {} queues, {} operators: all is well{}",
            folder.display(),
            config.numbers.iter().count(),
            config.flows.len(),
            config.queues.len(),
            config.operators.len(),
            match diags.len() {
                0 => String::new(),
                warnings => format!(", {warnings} warnings"),
            }
        ));
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("{}: {errors} errors", folder.display()));
    Ok(ExitCode::FAILURE)
}
