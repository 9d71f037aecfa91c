//! Start, ready, reload, drain, stop.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, anyhow};
use arc_swap::ArcSwap;
use exchange::call::Comeback;
use exchange::config::{Config, Difference, Line, Outside, Recordings, Trunk};
use exchange::media::Library;
use exchange::metric::{self, Names, Recorder};
use exchange::model::{Diagnostic, Severity};
use exchange::record::{Floor as Views, Live};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use crate::server::archive::Archive;
use crate::server::cli::LogFormat;
use crate::server::customers::{Base, Keepers};
use crate::server::floor::{Floor, Past};
use crate::server::http::{self, AppState, Ready, Records};
use crate::server::journal::{Journal, Source};
use crate::server::media::load_library;
use crate::server::observer::{self, Witness};
use crate::server::post::Post;
use crate::server::reload::{self, Done, Order, Orders, Refused};
use crate::server::store::{Promises, Store};
use crate::server::supervisor::Supervisor;
use crate::server::{clock, descriptors, files, log, voice};

/// How long the store may take to write what it holds.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long the last BYEs and the end of their calls may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// How often it is looked which recordings are too old.
const EXPIRE: Duration = Duration::from_secs(3_600);
/// How often it is looked whether the last call is over.
const LOOK: Duration = Duration::from_millis(50);

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) config: PathBuf,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
}

/// Runs until it is told to stop.
///
/// # Errors
/// When the configuration, the database or a port cannot be used; the text is for a
/// person.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    log::start(&options.log, options.log_format)?;
    descriptors::raise();
    let config = load(&options.config)?;
    let recorder = Arc::new(Recorder::new().context("cannot make the table of metrics")?);
    recorder.install().context("cannot count metrics")?;
    metric::sip::install();
    let boot = boot();
    let store = Arc::new(open_store(&config.storage.path, &boot)?);
    let (post, office) = Post::start(&config.storage.path, &boot)?;
    let live = Arc::new(RwLock::new(Live::new(&views(&config), clock::wall())));
    let source = Source::default();
    let journal = Journal::new(Arc::clone(&source));
    let (witness, reader) = observer::start(
        Arc::clone(&live),
        Arc::clone(&store),
        &names(&config),
        (journal, post.clone()),
    )?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let archive = Arc::new(Archive::new(Arc::clone(&store), &config.paths.recordings));
    let shown = Arc::clone(&archive);
    let (told, posts) = (witness.clone(), post.clone());
    let state = |ready, hands: (Supervisor, Orders)| {
        let now = Arc::new(clock::wall);
        let keepers = Keepers::Running {
            witness: told,
            post: posts,
            supervisor: hands.0.clone(),
        };
        let base = Base::new(Arc::clone(&store), Arc::clone(&shown), keepers);
        let kept = (store.clone() as Arc<dyn Records>, base);
        AppState::new((live, recorder), kept, hands, ready, now)
            .with_archive(shown)
            .that_follows(witness.clone())
    };
    let served = runtime.block_on(serve(
        options,
        config,
        (&store, &source, &archive),
        (witness.clone(), post.clone()),
        state,
    ));
    // Whatever went wrong, what was told before is written.
    witness.stop();
    let read = reader.join().is_ok();
    post.stop();
    let posted = office.join().is_ok();
    let written = store.close(FAREWELL);
    served?;
    if !read || !posted {
        return Err(anyhow!("a reader of events had a fault"));
    }
    if !written {
        return Err(anyhow!(
            "the database did not take every record in time; the rest waits in its spool"
        ));
    }
    Ok(())
}

async fn serve(
    options: &Options,
    config: Config,
    (store, source, archive): (&Arc<Store>, &Source, &Arc<Archive>),
    (witness, post): (Witness, Post),
    state: impl FnOnce(Ready, (Supervisor, Orders)) -> AppState,
) -> anyhow::Result<()> {
    let (orders, taken) = Orders::new();
    let mut signals = Signals::new(taken)?;
    let Some((sounds, problems)) = sounds(&config, &mut signals).await else {
        return Ok(());
    };
    for problem in problems {
        tracing::warn!(problem, "a text is left out");
    }
    let address = config.http.listen;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen for HTTP on {address}"))?;
    let http_address = listener.local_addr()?;
    let past = past(store);
    archive.recover();
    let keep = Arc::new(ArcSwap::from_pointee(config.recordings));
    let keeper = tokio::spawn(expire(Arc::clone(archive), Arc::clone(&keep)));
    let mut floor = Floor::start(config, sounds, witness.clone(), (source, store), past)?;
    floor.configure_post(&post)?;
    let serving = Arc::new(AtomicBool::new(true));
    let ready = ready(store, &serving);
    let (stop, stopped) = oneshot::channel::<()>();
    let state = state(ready, (floor.supervisor(), orders));
    let pages = tokio::spawn(http::serve(listener, state, async {
        // A sender that is dropped means the same.
        stopped.await.ok();
    }));
    announce(&floor, http_address, &options.config)?;
    loop {
        let told = signals.next().await;
        let hear = (&witness, &post);
        let goes_on = obey(told, &mut floor, &options.config, hear, &mut signals).await;
        keep.store(Arc::new(floor.config().recordings));
        if !goes_on {
            break;
        }
    }
    keeper.abort();
    serving.store(false, Ordering::Relaxed);
    tracing::info!(calls = floor.calls(), "stopping: no more calls are taken");
    floor.drain();
    let calls = || floor.calls() > 0;
    wait(calls, floor.config().drain, &mut signals).await;
    floor.goodbye();
    let any = || floor.calls() > 0 || floor.registrations() > 0;
    wait(any, GOODBYE, &mut signals).await;
    // The last BYEs leave, and their streams report, before the threads end.
    tokio::time::sleep(LOOK).await;
    tokio::task::block_in_place(|| floor.stop());
    stop.send(()).ok();
    match tokio::time::timeout(GOODBYE, pages).await {
        Ok(Ok(served)) => served.context("HTTP stopped"),
        // A page that somebody still reads is not worth waiting for.
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

/// Deletes recordings and messages that are too old, at once and then every hour.
async fn expire(archive: Arc<Archive>, keep: Arc<ArcSwap<Recordings>>) {
    loop {
        let (archive, keep) = (Arc::clone(&archive), **keep.load());
        let expired =
            tokio::task::spawn_blocking(move || archive.expire(keep, clock::wall())).await;
        match expired {
            Ok(Ok(0)) | Err(_) => {}
            Ok(Ok(count)) => tracing::info!(count, "deleted recordings that were too old"),
            Ok(Err(error)) => tracing::warn!(%error, "old recordings stay for another hour"),
        }
        tokio::time::sleep(EXPIRE).await;
    }
}

/// Waits while something goes on, for so long, or until a second signal.
async fn wait(goes_on: impl Fn() -> bool, patience: Duration, signals: &mut Signals) {
    let until = tokio::time::Instant::now() + patience;
    while goes_on() {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = tokio::time::sleep_until(until) => return,
            told = signals.next() => {
                match told {
                    Told::Stop => return,
                    // Nothing begins here any more.
                    Told::Reload => {}
                    Told::Order(order) => order.refuse(),
                }
            }
        }
    }
}

enum Told {
    Reload,
    Order(Order),
    Stop,
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    orders: mpsc::Receiver<Order>,
}

impl Signals {
    fn new(orders: mpsc::Receiver<Order>) -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            orders,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.terminate.recv() => Told::Stop,
            _ = self.hangup.recv() => Told::Reload,
            Some(order) = self.orders.recv() => Told::Order(order),
        }
    }
}

fn load(folder: &Path) -> anyhow::Result<Config> {
    let (config, diags) = files::read(folder)?;
    warn(&diags);
    config.ok_or_else(|| anyhow!(listed(folder, &diags)))
}

fn listed(folder: &Path, diags: &[Diagnostic]) -> String {
    let mut text = format!("the configuration in {} has errors:\n", folder.display());
    for diag in diags.iter().filter(|d| d.severity == Severity::Error) {
        // Writing to a String cannot fail.
        write!(text, "\n{diag}\n").ok();
    }
    text
}

fn warn(diags: &[Diagnostic]) {
    for diag in diags.iter().filter(|d| d.severity == Severity::Warning) {
        let (file, line) = (&diag.file, diag.span.line);
        tracing::warn!(%file, line, "{}", diag.message);
    }
}

/// Every sound that calls may hear, and what could not be spoken; `None` when the server
/// was told to stop meanwhile.
async fn sounds(config: &Config, signals: &mut Signals) -> Option<(Library, Vec<String>)> {
    let (mut library, _, problems) = load_library(&config.paths.prompts);
    for problem in problems {
        tracing::warn!(problem, "a sound is left out");
    }
    let wanted = voice::wanted(config, &library);
    let (Some(speech), false) = (config.speech.clone(), wanted.is_empty()) else {
        return Some((library, Vec::new()));
    };
    tracing::info!(texts = wanted.len(), "texts without a recording are spoken");
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let mut making = tokio::task::spawn_blocking(move || voice::make(&speech, wanted, &told));
    loop {
        tokio::select! {
            made = &mut making => {
                let mut made = made.unwrap_or_default();
                let problems = std::mem::take(&mut made.problems);
                made.put_into(&mut library);
                return Some((library, problems));
            }
            told = signals.next() => {
                match told {
                    Told::Stop => {
                        stop.store(true, Ordering::Relaxed);
                        return None;
                    }
                    Told::Reload => {}
                    Told::Order(order) => order.refuse(),
                }
            }
        }
    }
}

/// Does what the server was told; `false` when that was to stop.
async fn obey(
    told: Told,
    floor: &mut Floor,
    folder: &Path,
    hear: (&Witness, &Post),
    signals: &mut Signals,
) -> bool {
    let (plan, answer) = match told {
        Told::Stop => return false,
        Told::Reload => (false, None),
        Told::Order(Order { plan, answer }) => (plan, Some(answer)),
    };
    let done = if plan {
        let config = reload::read(folder);
        Some(config.map(|(config, _)| Difference::between(floor.config(), &config)))
    } else {
        reload(floor, folder, hear, signals).await
    };
    if let (Some(answer), Some(done)) = (answer, done.clone()) {
        // Who asked may be gone.
        answer.send(done).ok();
    }
    done.is_some()
}

/// All or nothing: what does not validate, or cannot be spoken, changes nothing. `None` when
/// the server was told to stop meanwhile.
async fn reload(
    floor: &mut Floor,
    folder: &Path,
    hear: (&Witness, &Post),
    signals: &mut Signals,
) -> Option<Done> {
    let done = match reload::read(folder) {
        Ok((config, diags)) => {
            warn(&diags);
            let sounds = sounds(&config, signals).await?;
            apply(floor, config, sounds, hear)
        }
        Err(refused) => Err(refused),
    };
    match &done {
        Ok(_) => tracing::info!("reloaded"),
        Err(Refused::Wrong(diags)) => {
            let text = listed(folder, diags);
            tracing::error!("not reloaded, going on with what was there: {text}");
        }
        Err(Refused::Failed(error)) => {
            tracing::error!("not reloaded, going on with what was there: {error}");
        }
    }
    Some(done)
}

fn apply(
    floor: &mut Floor,
    config: Config,
    (sounds, problems): (Library, Vec<String>),
    (witness, post): (&Witness, &Post),
) -> Done {
    if !problems.is_empty() {
        return Err(Refused::Failed(problems.join("; ")));
    }
    let difference = Difference::between(floor.config(), &config);
    if !difference.restart.is_empty() {
        let settings = difference.restart.join(", ");
        tracing::warn!(settings, "these change with a restart only");
    }
    let (views, names) = (views(&config), names(&config));
    let configured = floor.configure(config, sounds);
    let configured = configured.and_then(|()| floor.configure_post(post));
    configured.map_err(|error| Refused::Failed(format!("{error:#}")))?;
    witness.configured(views, names);
    Ok(difference)
}

/// Who was there before, as far as it can be read: a start does not fail for it.
fn past(store: &Store) -> Past {
    let operators = store.remembered().unwrap_or_else(|error| {
        tracing::info!(%error, "no earlier registrations");
        Vec::new()
    });
    Past {
        operators,
        promises: promises(store),
        comebacks: close_lost_calls(store),
    }
}

/// Calls that an earlier process did not live to end have a record from now on; whose place
/// in a queue was lost with them.
fn close_lost_calls(store: &Store) -> Vec<Comeback> {
    match store.close_lost_calls(FAREWELL) {
        Ok((0, _)) => Vec::new(),
        Ok((calls, comebacks)) => {
            tracing::warn!(
                calls,
                "an earlier process died with calls: each is recorded as failed"
            );
            comebacks
        }
        Err(error) => {
            tracing::error!(%error, "calls of an earlier process have no record yet");
            Vec::new()
        }
    }
}

/// Whom an earlier process promised to call. What it noted last may stand in the spool: as
/// long as that is not in the database nobody is called, lest one be called twice.
fn promises(store: &Store) -> Promises {
    if !store.flush(FAREWELL) {
        tracing::error!("callbacks of an earlier process wait for the database, and a restart");
        return Promises::default();
    }
    match store.promises(clock::wall()) {
        Ok(promises) => {
            let pending = promises.pending.len();
            if pending > 0 {
                tracing::info!(pending, "callbacks of an earlier process go on");
            }
            promises
        }
        Err(error) => {
            tracing::error!(%error, "callbacks of an earlier process cannot be read");
            Promises::default()
        }
    }
}

fn ready(store: &Arc<Store>, serving: &Arc<AtomicBool>) -> Ready {
    let (store, serving) = (Arc::clone(store), Arc::clone(serving));
    Arc::new(move || {
        if !serving.load(Ordering::Relaxed) {
            return Err("stopping".to_owned());
        }
        match store.status().trouble {
            Some(trouble) => Err(trouble),
            None => Ok(()),
        }
    })
}

fn views(config: &Config) -> Views {
    Views {
        queues: config.queues.values().cloned().collect(),
        operators: config.operators.values().cloned().collect(),
    }
}

fn names(config: &Config) -> Names {
    let lines = |wanted: &dyn Fn(&Outside) -> bool| {
        let outside = config.lines.iter().filter(|(_, line)| match line {
            Line::Outside(line) => wanted(line),
            Line::Queue(_) => false,
        });
        outside.map(|(name, _)| name.clone()).collect()
    };
    let trunks = |wanted: &dyn Fn(&Trunk) -> bool| {
        let trunks = config.sip.trunks.iter();
        let wanted = trunks.filter(|(_, trunk)| wanted(trunk));
        wanted.map(|(name, _)| name.clone()).collect()
    };
    Names {
        numbers: config.numbers.iter().map(|(n, _)| n.clone()).collect(),
        queues: config
            .queues
            .values()
            .map(|queue| (queue.name.clone(), queue.escalate.len()))
            .collect(),
        callbacks: config
            .queues
            .values()
            .filter(|queue| queue.callback.is_some())
            .map(|queue| queue.name.clone())
            .collect(),
        flows: config.flows.keys().cloned().collect(),
        lines: lines(&|_| true),
        probed_lines: lines(&|line| line.probe.is_some()),
        registers: trunks(&|trunk| trunk.register.is_some()),
        probed_trunks: trunks(&|trunk| trunk.probe.is_some()),
        mailboxes: {
            let flows = config.flows.values();
            flows.flat_map(|flow| flow.mailboxes()).collect()
        },
        webhooks: config.webhooks.keys().cloned().collect(),
    }
}

/// What listens where, and how to place the first call.
fn announce(floor: &Floor, http: std::net::SocketAddr, folder: &Path) -> anyhow::Result<()> {
    use std::io::Write as _;
    let config = floor.config();
    let sip: Vec<String> = floor
        .listening
        .iter()
        .map(|(transport, address)| format!("{}://{address}", transport.label()))
        .collect();
    let port = floor.listening.first().map_or(5060, |(_, a)| a.port());
    let mut text = format!(
        "centrale {}\n  SIP        {}\n  wallboard  http://{http}/\n  metrics    http://{http}/metrics\n  {}: {} flows, {} queues, {} operators\n",
        env!("CARGO_PKG_VERSION"),
        sip.join("  "),
        folder.display(),
        config.flows.len(),
        config.queues.len(),
        config.operators.len(),
    );
    let mut numbers = config.numbers.iter().filter(|(n, _)| n.as_str() != "*");
    let number = numbers.next();
    // sipp hears no menu: the last number is the one that asks the least, as shipped.
    let quick = numbers.last().or(number);
    let operator = config.operators.keys().next();
    if let (Some((number, _)), Some((quick, _)), Some(operator)) = (number, quick, operator) {
        write!(
            text,
            "\nThe first call, on this machine:\n  an operator's phone  user {operator}, domain {}, outbound proxy 127.0.0.1:{port}; the password stands in operators.yaml\n  a softphone          call sip:{number}@127.0.0.1:{port}\n  sipp                 sipp -sn uac -s {quick} -i 127.0.0.1 -d 10000 -m 1 127.0.0.1:{port}\n",
            config.domain,
        )?;
    }
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// What names this start of the process, and never comes twice.
pub(crate) fn boot() -> String {
    let since = clock::wall().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_millis().to_string()
}

pub(crate) fn open_store(path: &Path, boot: &str) -> anyhow::Result<Store> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    Store::open(path, boot).with_context(|| format!("cannot open the database {}", path.display()))
}
