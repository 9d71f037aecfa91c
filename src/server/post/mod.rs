//! The post: events to webhooks, at least once each.
//!
//! ```text
//!  observer ── tell() ──► bounded letters ──► the post's thread ──► outbox (a file)
//!                                                 ▲      │ the oldest that is due
//!                                                 └──────┴─► one request a webhook at a time
//! ```
//!
//! Invariant: what was taken in is delivered, or given up for its age and counted, whatever
//! ends the process. A receiver may get a delivery twice, and knows it by its `id`.
//!
//! # Why
//! One request a webhook at a time keeps the order while all goes well. One that fails makes
//! room for those behind it, after a pause for all: a receiver that chokes on one event does
//! not lose the others.

mod outbox;
mod send;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender, after, bounded, select, unbounded};
use exchange::config::{Webhook, Webhooks};
use exchange::metric::table;
use exchange::model::{Stamped, Telephone};
use exchange::record::StoredEvent;
use metrics::{counter, gauge};
use tokio::runtime::Handle;

use self::outbox::{Delivery, Due, Outbox};
use self::send::Sending;
use crate::server::{clock, entropy};

/// Letters that may wait for the thread.
const BACKLOG: usize = 16_384;
/// Deliveries in memory while the outbox cannot be written.
const MEMORY: usize = 16_384;
/// Letters of one commit.
const BATCH: usize = 500;
/// How often it is looked what is due.
const LOOK: Duration = Duration::from_millis(250);
/// After a failure, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(60);

enum Letter {
    Delivery(Delivery),
    Configured(Box<(Webhooks, reqwest::Client, Handle)>),
    Forget(Box<Forget>),
    Stop,
}

/// A number to take out of what waits.
struct Forget {
    number: Telephone,
    /// Its calls.
    calls: BTreeSet<String>,
    /// Takes how many deliveries had it; dropped when the outbox cannot be used.
    answer: Sender<u64>,
}

/// How a delivery went.
#[derive(Debug)]
struct Outcome {
    hook: String,
    number: i64,
    /// Before this one.
    tries: u32,
    arrived: bool,
    /// Why not.
    why: String,
}

/// Where events for webhooks go.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    letters: Sender<Letter>,
    hooks: Arc<ArcSwap<Webhooks>>,
    boot: Arc<str>,
}

impl Post {
    /// Starts the thread. `boot` names this start of the process and must never come twice.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn start(database: &Path, boot: &str) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (letters, received) = bounded(BACKLOG);
        let mut office = Office::new(Outbox::beside(database));
        let thread = thread::Builder::new()
            .name("post".into())
            .spawn(move || office.run(&received))?;
        let post = Self {
            letters,
            hooks: Arc::default(),
            boot: boot.into(),
        };
        Ok((post, thread))
    }

    /// Takes an event to whoever wants it. Never blocks: without room it is given up.
    pub(crate) fn tell(&self, stamped: &Stamped) {
        let hooks = self.hooks.load();
        let wanted = hooks.iter().filter(|(_, hook)| hook.wants(&stamped.event));
        let mut body = None;
        for (name, _) in wanted {
            let id = format!("{}-{}", self.boot, stamped.sequence.0);
            let body = body.get_or_insert_with(|| text(&id, stamped)).clone();
            let delivery = Delivery {
                hook: name.clone(),
                id,
                at: stamped.at,
                body,
            };
            if self.letters.try_send(Letter::Delivery(delivery)).is_err() {
                count(name, "given_up", 1);
            }
        }
    }

    /// From now on these webhooks are served, with this client.
    pub(crate) fn configure(&self, hooks: Webhooks, client: reqwest::Client, runtime: Handle) {
        self.hooks.store(Arc::new(hooks.clone()));
        let letter = Letter::Configured(Box::new((hooks, client, runtime)));
        self.letters.send(letter).ok();
    }

    /// Takes a number and what was told of its calls out of what waits; how many deliveries
    /// had it. What is on its way arrives as it is. `None` when that took too long, or the
    /// outbox cannot be used.
    pub(crate) fn forget(
        &self,
        number: &Telephone,
        calls: &BTreeSet<String>,
        patience: Duration,
    ) -> Option<u64> {
        let (answer, forgotten) = bounded(1);
        let letter = Letter::Forget(Box::new(Forget {
            number: number.clone(),
            calls: calls.clone(),
            answer,
        }));
        self.letters.send_timeout(letter, patience).ok()?;
        forgotten.recv_timeout(patience).ok()
    }

    /// Ends the thread after what it was told. What did not arrive waits in the outbox.
    pub(crate) fn stop(&self) {
        self.letters.send(Letter::Stop).ok();
    }
}

/// Takes a number out of what waits beside a database while nobody has it; how many
/// deliveries had it.
///
/// # Errors
/// When the outbox cannot be used.
pub(crate) fn forget(
    database: &Path,
    number: &Telephone,
    calls: &BTreeSet<String>,
) -> rusqlite::Result<u64> {
    let path = Outbox::beside(database);
    if !path.exists() {
        return Ok(0);
    }
    Outbox::open(&path)?.erase(number, calls)
}

/// What a receiver gets.
fn text(id: &str, stamped: &Stamped) -> String {
    let event = StoredEvent::from(stamped);
    let mut body = serde_json::json!({ "id": id });
    if let (Some(body), Ok(serde_json::Value::Object(mut event))) =
        (body.as_object_mut(), serde_json::to_value(&event))
    {
        event.remove("sequence");
        body.append(&mut event);
    }
    body.to_string()
}

/// A webhook, and how it does.
#[derive(Debug)]
struct Route {
    hook: Arc<Webhook>,
    /// Whether a request is on its way.
    busy: bool,
    /// In a row.
    failures: u32,
    /// Not before then.
    pause: Instant,
}

/// The thread.
struct Office {
    path: PathBuf,
    outbox: Option<Outbox>,
    routes: BTreeMap<String, Route>,
    sending: Option<Sending>,
    /// Taken in, and not in the outbox yet.
    pending: Vec<Delivery>,
    /// Sent, and not in the outbox as such yet; one a webhook at most.
    ended: Vec<Outcome>,
    outcomes: (Sender<Outcome>, Receiver<Outcome>),
    /// Numbers to take out, one for each who waits for that.
    forgets: Vec<Forget>,
    /// Whether the outbox may hold what is for nobody any more.
    changed: bool,
    troubled: bool,
}

impl Office {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            outbox: None,
            routes: BTreeMap::new(),
            sending: None,
            pending: Vec::new(),
            ended: Vec::new(),
            // It holds no more than one outcome for each webhook.
            outcomes: unbounded(),
            forgets: Vec::new(),
            changed: false,
            troubled: false,
        }
    }

    fn run(&mut self, letters: &Receiver<Letter>) {
        let outcomes = self.outcomes.1.clone();
        loop {
            let mut goes_on = select! {
                recv(letters) -> letter => letter.is_ok_and(|letter| self.take(letter)),
                recv(outcomes) -> outcome => {
                    self.ended.extend(outcome);
                    true
                }
                recv(after(self.patience())) -> _ => true,
            };
            for letter in letters.try_iter().take(BATCH) {
                goes_on &= self.take(letter);
            }
            match self.work() {
                Ok(()) => self.troubled = false,
                Err(error) => self.trouble(&error),
            }
            if !goes_on {
                return;
            }
        }
    }

    /// A house without webhooks wakes for letters only.
    fn patience(&self) -> Duration {
        match self.routes.is_empty() {
            true => Duration::from_secs(3_600),
            false => LOOK,
        }
    }

    /// `false` when the thread is to end.
    fn take(&mut self, letter: Letter) -> bool {
        match letter {
            Letter::Delivery(delivery) if self.pending.len() < MEMORY => {
                self.pending.push(delivery);
            }
            Letter::Delivery(delivery) => count(&delivery.hook, "given_up", 1),
            Letter::Configured(now) => {
                let (hooks, client, runtime) = *now;
                self.configure(hooks);
                self.sending = Some(Sending { client, runtime });
            }
            Letter::Forget(forget) => self.forgets.push(*forget),
            Letter::Stop => return false,
        }
        true
    }

    fn configure(&mut self, hooks: Webhooks) {
        let mut known = std::mem::take(&mut self.routes);
        for (name, hook) in hooks {
            let before = known.remove(&name);
            let route = Route {
                hook,
                // What is on its way still tells how it went.
                busy: before.is_some_and(|before| before.busy),
                failures: 0,
                pause: clock::now(),
            };
            self.routes.insert(name, route);
        }
        for name in known.keys() {
            gauge!(table::WEBHOOK_BACKLOG.name, "webhook" => name.clone()).set(0.0);
        }
        self.changed = true;
    }

    /// Writes down what came and how it went, and sends what is due.
    fn work(&mut self) -> rusqlite::Result<()> {
        if self.routes.is_empty() && self.pending.is_empty() && !self.path.exists() {
            for forget in self.forgets.drain(..) {
                // Whoever asked may have gone.
                forget.answer.send(0).ok();
            }
            return Ok(());
        }
        let mut outbox = match self.outbox.take() {
            Some(outbox) => outbox,
            None => Outbox::open(&self.path)?,
        };
        self.write_down(&mut outbox)?;
        for Forget {
            number,
            calls,
            answer,
        } in self.forgets.drain(..)
        {
            answer.send(outbox.erase(&number, &calls)?).ok();
        }
        for (name, route) in &mut self.routes {
            let waiting = outbox.waiting(name)?;
            let waiting = f64::from(u32::try_from(waiting).unwrap_or(u32::MAX));
            gauge!(table::WEBHOOK_BACKLOG.name, "webhook" => name.clone()).set(waiting);
            if !route.busy
                && clock::now() >= route.pause
                && let Some(due) = next(&outbox, name, route.hook.max_age)?
                && let Some(sending) = &self.sending
            {
                route.busy = true;
                sending.send((name, &route.hook), due, self.outcomes.0.clone());
            }
        }
        self.outbox = Some(outbox);
        Ok(())
    }

    fn write_down(&mut self, outbox: &mut Outbox) -> rusqlite::Result<()> {
        if self.changed {
            let names: Vec<&str> = self.routes.keys().map(String::as_str).collect();
            let gone = outbox.keep_only(&names)?;
            if gone > 0 {
                tracing::warn!(gone, "deliveries for webhooks that are gone are given up");
            }
            self.changed = false;
        }
        for hook in outbox.add(&self.pending)? {
            count(&hook, "given_up", 1);
        }
        self.pending.clear();
        for outcome in &self.ended {
            if outcome.arrived {
                outbox.arrived(outcome.number)?;
            } else {
                let pause = entropy::jittered(pause(outcome.tries));
                outbox.again(outcome.number, clock::wall() + pause)?;
            }
        }
        for outcome in std::mem::take(&mut self.ended) {
            self.note(&outcome);
        }
        Ok(())
    }

    fn note(&mut self, outcome: &Outcome) {
        let name = &outcome.hook;
        let result = if outcome.arrived {
            "delivered"
        } else {
            "failed"
        };
        count(name, result, 1);
        let Some(route) = self.routes.get_mut(name) else {
            return;
        };
        route.busy = false;
        if outcome.arrived {
            if route.failures > 0 {
                tracing::info!(webhook = %name, "the webhook takes events again");
            }
            route.failures = 0;
            return;
        }
        if route.failures == 0 {
            tracing::warn!(webhook = %name, why = outcome.why, "the webhook takes no events; they wait");
        }
        route.pause = clock::now() + entropy::jittered(pause(route.failures));
        route.failures = route.failures.saturating_add(1);
    }

    fn trouble(&mut self, error: &rusqlite::Error) {
        if !self.troubled {
            let path = self.path.display();
            tracing::warn!(%path, %error, "the outbox of webhooks cannot be used");
        }
        // Whoever waits for it hears that it was not done.
        self.forgets.clear();
        // What is in flight is looked up anew with the next connection.
        self.outbox = None;
        self.troubled = true;
    }
}

/// The oldest delivery that is due; what is too old on the way there is given up.
fn next(outbox: &Outbox, name: &str, max_age: Duration) -> rusqlite::Result<Option<Due>> {
    let now = clock::wall();
    while let Some(due) = outbox.next(name, now)? {
        if due.at + max_age >= now {
            return Ok(Some(due));
        }
        outbox.arrived(due.number)?;
        count(name, "given_up", 1);
        tracing::warn!(webhook = %name, id = due.id, "an event that no one took is given up");
    }
    Ok(None)
}

fn pause(failures: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.min(10));
    FIRST_PAUSE.saturating_mul(doubled).min(LAST_PAUSE)
}

fn count(hook: &str, result: &'static str, by: u64) {
    let labels = [("webhook", hook.to_owned()), ("result", result.to_owned())];
    counter!(table::WEBHOOK_DELIVERIES.name, &labels).increment(by);
}
