//! `centrale flow`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;
use clap::{Subcommand as ClapSubcommand, ValueEnum};
use exchange::config::Config;
use exchange::flow::Flow;
use exchange::model::Severity;

use crate::server::cli::{complain, say};
use crate::server::files;

#[derive(Debug, ClapSubcommand)]
pub(super) enum Command {
    /// Name every flow, its languages and its nodes.
    List,
    /// Draw a flow.
    Graph {
        /// The flow.
        name: String,
        /// Mermaid for pages that render it, or a picture.
        #[arg(long, value_name = "FORMAT", default_value = "mermaid")]
        format: Format,
    },
    /// Play a flow in the terminal: prompts as text, keys typed, what comes of it.
    Run {
        /// The flow.
        name: String,
        #[command(flatten)]
        options: super::run::Options,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Mermaid,
    Svg,
}

pub(super) fn run(folder: &Path, command: &Command) -> anyhow::Result<ExitCode> {
    let Some(config) = load(folder)? else {
        return Ok(ExitCode::FAILURE);
    };
    match command {
        Command::List => {
            for flow in config.flows.values() {
                say(&format!(
                    "{}\t{} nodes\t{}\t{} examples",
                    flow.name(),
                    flow.nodes().count(),
                    flow.languages().join(", "),
                    flow.test_count()
                ));
            }
        }
        Command::Graph { name, format } => {
            let flow = find(&config, name)?;
            let picture = match format {
                Format::Mermaid => flow.mermaid(),
                Format::Svg => flow.svg(),
            };
            say(picture.trim_end());
        }
        Command::Run { name, options } => {
            return super::run::run(&config, find(&config, name)?, options);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn load(folder: &Path) -> anyhow::Result<Option<Config>> {
    let (config, diags) = files::read(folder)?;
    if config.is_none() {
        for diag in diags.iter().filter(|d| d.severity == Severity::Error) {
            complain(&format!("{diag}\n"));
        }
    }
    Ok(config)
}

fn find<'a>(config: &'a Config, name: &str) -> anyhow::Result<&'a Arc<Flow>> {
    config.flows.get(name).ok_or_else(|| {
        let known: Vec<&str> = config.flows.keys().map(|name| name.as_str()).collect();
        anyhow!("there is no flow {name}; known are {}", known.join(", "))
    })
}
