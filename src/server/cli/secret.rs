//! `centrale secret`.

use std::io::{BufRead as _, Read as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use exchange::sip::digest::{Algorithm, ha1};

use crate::server::cli::say;
use crate::server::files;

/// A password is shorter.
const LONGEST: u64 = 1024;

/// Prints the line for operators.yaml. It is of the configuration's domain, so it is of
/// no use elsewhere.
pub(super) fn run(folder: &Path, name: &str, password: Option<&str>) -> anyhow::Result<ExitCode> {
    let (config, _) = files::read(folder)?;
    let config = config.context("the configuration has errors: run centrale check")?;
    let password = match password {
        Some(password) => password.to_owned(),
        None => {
            let mut line = String::new();
            std::io::stdin().lock().take(LONGEST).read_line(&mut line)?;
            line.trim_end_matches(['\r', '\n']).to_owned()
        }
    };
    if password.is_empty() {
        bail!("the password is empty");
    }
    let hash = |algorithm| ha1(algorithm, name, &config.domain, &password);
    say(&format!(
        "digest: \"md5:{},sha256:{}\"",
        hash(Algorithm::Md5),
        hash(Algorithm::Sha256)
    ));
    Ok(ExitCode::SUCCESS)
}
