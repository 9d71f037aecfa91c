//! `centrale schema`.

use std::process::ExitCode;

use clap::ValueEnum;

use crate::server::cli::say;

/// What has a schema. They lie in `docs/`, so that files can point at them; a test holds
/// them to what the readers accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Of {
    /// The files of the configuration.
    Config,
    /// A flow.
    Flow,
}

const CONFIG: &str = include_str!("../../../docs/config.schema.json");
const FLOW: &str = include_str!("../../../docs/flow.schema.json");

/// Prints it.
pub(super) fn run(of: Of) -> ExitCode {
    say(match of {
        Of::Config => CONFIG.trim_end(),
        Of::Flow => FLOW.trim_end(),
    });
    ExitCode::SUCCESS
}
