//! The command line (contract section 2).

mod ask;
mod check;
mod customers;
mod flow;
mod forget;
mod plan;
mod run;
mod schema;
mod secret;
mod why;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::server::serve;

/// An inbound call centre server: SIP, IVR flows in YAML, skill-based queues.
#[derive(Debug, Parser)]
#[command(name = "centrale", version, about, max_term_width = 100)]
struct Arguments {
    /// The folder of the configuration.
    #[arg(long, global = true, value_name = "DIR", default_value = "config")]
    config: PathBuf,
    /// What to log: `info`, `debug`, `centrale=debug,exchange=trace`, …
    #[arg(long, global = true, value_name = "FILTER", default_value = "info")]
    log: String,
    /// How to write the log.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server; so does no command at all.
    Serve,
    /// Validate the configuration and every flow; exit 1 when anything is wrong.
    Check,
    /// List, draw or play flows.
    #[command(subcommand)]
    Flow(flow::Command),
    /// Print a JSON Schema, for editors.
    Schema {
        /// Of what.
        of: schema::Of,
    },
    /// Ask the running server what a reload would change, for whom.
    Plan,
    /// Ask the running server why a caller still waits, or why an operator has no call.
    Why {
        /// The waiting call: its id, or enough of its beginning or end.
        #[arg(required_unless_present = "operator", conflicts_with = "operator")]
        call: Option<String>,
        /// Explain this operator, call by call.
        #[arg(long, value_name = "NAME")]
        operator: Option<String>,
    },
    /// Keep the customer base: read a list of customers, or write one.
    #[command(subcommand)]
    Customers(customers::Command),
    /// Erase all that is kept of a number, and print a receipt.
    Forget {
        /// The number, as in +31612345678.
        number: String,
    },
    /// Turn a password into the digest that operators.yaml holds.
    Secret {
        /// The operator's name.
        name: String,
        /// The password; read from standard input when absent.
        password: Option<String>,
    },
}

/// Runs what the command line says.
pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come here too, and are no failure.
            error.print().ok();
            return if error.use_stderr() {
                ExitCode::from(2)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let done = match &arguments.command {
        None | Some(Command::Serve) => serve::run(&serve::Options {
            config: arguments.config,
            log: arguments.log,
            log_format: arguments.log_format,
        })
        .map(|()| ExitCode::SUCCESS),
        Some(Command::Check) => check::run(&arguments.config),
        Some(Command::Flow(command)) => flow::run(&arguments.config, command),
        Some(Command::Schema { of }) => Ok(schema::run(*of)),
        Some(Command::Plan) => plan::run(&arguments.config),
        Some(Command::Why { call, operator }) => match (call, operator) {
            (_, Some(operator)) => why::of_operator(&arguments.config, operator),
            (call, None) => why::of_call(&arguments.config, call.as_deref().unwrap_or_default()),
        },
        Some(Command::Customers(command)) => customers::run(&arguments.config, command),
        Some(Command::Forget { number }) => forget::run(&arguments.config, number),
        Some(Command::Secret { name, password }) => {
            secret::run(&arguments.config, name, password.as_deref())
        }
    };
    done.unwrap_or_else(|error| {
        complain(&format!("centrale: {error:#}"));
        ExitCode::FAILURE
    })
}

/// A line on standard error.
fn complain(line: &str) {
    use std::io::Write as _;
    writeln!(std::io::stderr(), "{line}").ok();
}

/// A line on standard output.
fn say(line: &str) {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{line}").ok();
}
