//! Start, serve, stop.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use exchange::metric::Recorder;
use exchange::record::{Floor, Live};
use tokio::net::TcpListener;

use crate::server::clock;
use crate::server::http::{self, AppState};
use crate::server::store::Store;

const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);
const DATABASE: &str = "var/centrale.db";
/// How long the store may take to write what it holds.
const FAREWELL: Duration = Duration::from_secs(5);

/// Runs until Ctrl-C.
///
/// # Errors
/// When the database or the port cannot be used; the text is one sentence for a person.
pub(crate) fn run() -> anyhow::Result<()> {
    let recorder = Arc::new(Recorder::new().context("cannot make the table of metrics")?);
    recorder.install().context("cannot count metrics")?;
    let store = Arc::new(open_store()?);
    let live = Arc::new(RwLock::new(Live::new(
        &Floor {
            queues: Vec::new(),
            operators: Vec::new(),
        },
        clock::wall(),
    )));
    let ready = Arc::new(|| Err("no SIP listener is built in yet".to_owned()));
    let state = AppState::new(live, recorder, store.clone(), ready, Arc::new(clock::wall));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(LISTEN).await.with_context(|| format!("cannot listen for HTTP on {LISTEN}"))?;
        let banner = format!(
            "centrale {}\n  wallboard  http://{LISTEN}/\n  metrics    http://{LISTEN}/metrics\n  SIP        not built in yet\n",
            env!("CARGO_PKG_VERSION")
        );
        std::io::stdout().write_all(banner.as_bytes())?;
        http::serve(listener, state, interrupted()).await.context("HTTP stopped")
    })?;
    if !store.close(FAREWELL) {
        anyhow::bail!(
            "the database did not take every record in time; the rest waits in its spool"
        );
    }
    Ok(())
}

fn open_store() -> anyhow::Result<Store> {
    let path = Path::new(DATABASE);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let boot = clock::wall()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis()
        .to_string();
    Store::open(path, &boot).with_context(|| format!("cannot open the database {DATABASE}"))
}

async fn interrupted() {
    // Without a handler Ctrl-C ends the process, which is what was asked for.
    tokio::signal::ctrl_c().await.ok();
}
