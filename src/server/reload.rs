//! A reload, and what one would change: asked for by a signal or by HTTP, done in one
//! place.

use std::path::Path;
use std::time::Duration;

use exchange::config::{Config, Difference};
use exchange::model::{Diagnostic, Severity};
use tokio::sync::{mpsc, oneshot};

use super::files;

/// Orders that wait; more are refused.
const BACKLOG: usize = 4;
/// A reload reads some files and hands out the result.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why nothing was reloaded.
#[derive(Clone, Debug)]
pub(crate) enum Refused {
    /// The files are wrong: everything that is.
    Wrong(Vec<Diagnostic>),
    /// One sentence.
    Failed(String),
}

/// What comes of an order.
pub(crate) type Done = Result<Difference, Refused>;

/// An order, and where the answer goes.
pub(crate) struct Order {
    /// Only say what would change.
    pub(crate) plan: bool,
    pub(crate) answer: oneshot::Sender<Done>,
}

impl Order {
    /// For now.
    pub(crate) fn refuse(self) {
        let busy = "another reload goes on; try again".to_owned();
        // Who asked may be gone.
        self.answer.send(Err(Refused::Failed(busy))).ok();
    }
}

/// Where orders are given.
#[derive(Clone)]
pub(crate) struct Orders(mpsc::Sender<Order>);

impl Orders {
    /// A place to give orders, and one to take them.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Order>) {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        (Self(sender), receiver)
    }

    /// Asks for a reload, or for what it would change.
    pub(crate) async fn give(&self, plan: bool) -> Done {
        let (answer, answered) = oneshot::channel();
        let busy = || Refused::Failed("another reload goes on; try again".to_owned());
        self.0
            .try_send(Order { plan, answer })
            .map_err(|_full| busy())?;
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(Refused::Failed("the server stops".to_owned())),
            Err(_) => Err(busy()),
        }
    }
}

/// Reads the folder again.
pub(crate) fn read(folder: &Path) -> Result<(Config, Vec<Diagnostic>), Refused> {
    let failed = |error: anyhow::Error| Refused::Failed(format!("{error:#}"));
    let (config, diags) = files::read(folder).map_err(failed)?;
    let errors = |diag: &Diagnostic| diag.severity == Severity::Error;
    match config {
        Some(config) => Ok((config, diags)),
        None => Err(Refused::Wrong(diags.into_iter().filter(errors).collect())),
    }
}
