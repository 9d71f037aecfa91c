//! The thread that writes: gathers, commits, and puts aside what it cannot commit.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, after, never, select, tick};
use tracing::{error, info, warn};

use super::held::Held;
use super::spool::Spool;
use super::{Done, Entry, Item, Message, Shared, StoreError, Work};

/// Items of one commit.
const BATCH: usize = 500;
/// How long the first item of a batch waits for others.
const GATHER: Duration = Duration::from_millis(50);
/// Between a failure and the next attempt, doubled each time.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);
/// How often it is looked whether the file is still there while nothing is written.
const LOOK: Duration = Duration::from_secs(1);
/// Items in memory while neither database nor spool can be written.
const MEMORY: usize = 65_536;

pub(super) struct Writer {
    boot: Arc<str>,
    inbox: Receiver<Message>,
    shared: Arc<Shared>,
    database: Held,
    spool: Spool,
    pending: VecDeque<Entry>,
    /// Who wants to hear when what is pending is on the disk.
    waiting: Vec<Done>,
    retry_in: Duration,
    /// When to try again; silent while nothing failed.
    retry: Receiver<Instant>,
    failing: bool,
    /// When to look whether the file is still there.
    look: Receiver<Instant>,
}

/// What made the writer stop gathering.
enum Call {
    Batch,
    Flush(crossbeam_channel::Sender<bool>),
    Work(Work),
    Stop,
}

impl Writer {
    pub(super) fn new(
        path: &Path,
        boot: &str,
        inbox: Receiver<Message>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            boot: boot.into(),
            inbox,
            database: Held::new(path, Arc::clone(&shared)),
            shared,
            spool: Spool::beside(path),
            pending: VecDeque::new(),
            waiting: Vec::new(),
            retry_in: FIRST_RETRY,
            retry: never(),
            failing: false,
            look: tick(LOOK),
        }
    }

    pub(super) fn run(mut self) {
        // Opens the database, and begins to replay what an earlier process left.
        self.attempt();
        self.settle();
        loop {
            let call = self.wait();
            match call {
                Call::Batch => {
                    if !self.failing {
                        self.attempt();
                    }
                    self.settle();
                }
                Call::Flush(answer) => {
                    self.try_everything();
                    // Whoever asked may have gone.
                    answer.send(self.is_clean()).ok();
                }
                Call::Work(work) => self.work(work),
                Call::Stop => {
                    self.take_what_is_left();
                    return;
                }
            }
        }
    }

    /// Nothing more comes: what lies there is done.
    fn take_what_is_left(&mut self) {
        while let Ok(message) = self.inbox.try_recv() {
            if let Some(Call::Work(work)) = self.take(message) {
                self.work(work);
            }
        }
        self.try_everything();
    }

    fn is_clean(&self) -> bool {
        self.pending.is_empty() && self.spool.lines() == 0
    }

    /// Waits for items, for the time of the next attempt, or until the file is gone.
    fn wait(&mut self) -> Call {
        let first = loop {
            select! {
                recv(self.inbox) -> message => break message,
                recv(self.look) -> _ => {
                    if self.database.is_gone() {
                        return Call::Batch;
                    }
                }
                recv(self.retry) -> _ => {
                    self.retry = never();
                    self.failing = false;
                    return Call::Batch;
                }
            }
        };
        let Ok(first) = first else { return Call::Stop };
        if let Some(call) = self.take(first) {
            return call;
        }
        let full = after(GATHER);
        let mut gathered = 1;
        while gathered < BATCH {
            let message = select! {
                recv(self.inbox) -> message => message,
                recv(full) -> _ => break,
            };
            let Ok(message) = message else {
                return Call::Stop;
            };
            if let Some(call) = self.take(message) {
                return call;
            }
            gathered += 1;
        }
        Call::Batch
    }

    fn take(&mut self, message: Message) -> Option<Call> {
        match message {
            Message::Item(item) => {
                let boot = Arc::clone(&self.boot);
                self.pending.push_back(Entry { boot, item });
                None
            }
            Message::Sure(item, done) => {
                let boot = Arc::clone(&self.boot);
                self.pending.push_back(Entry { boot, item });
                self.waiting.push(done);
                Some(Call::Batch)
            }
            Message::Flush(answer) => Some(Call::Flush(answer)),
            Message::Work(work) => Some(Call::Work(work)),
            Message::Stop => Some(Call::Stop),
        }
    }

    fn work(&mut self, work: Work) {
        if work.after_all {
            self.try_everything();
        } else {
            if !self.failing {
                self.attempt();
            }
            self.settle();
        }
        if work.after_all && !self.is_clean() {
            let trouble = self.shared.change(|status| status.trouble.clone());
            let trouble = trouble.unwrap_or_else(|| "the spool is being read".to_owned());
            return (work.act)(Err(StoreError::Waiting(trouble)));
        }
        (work.act)(self.database.get());
    }

    /// Attempts until all is written or one attempt fails.
    fn try_everything(&mut self) {
        loop {
            self.attempt();
            if self.failing || self.is_clean() {
                break;
            }
        }
        self.settle();
    }

    fn attempt(&mut self) {
        match self.catch_up() {
            Ok(()) => {
                if self.retry_in != FIRST_RETRY {
                    info!("the database takes records again");
                }
                self.failing = false;
                self.retry_in = FIRST_RETRY;
                self.shared.recovered();
            }
            Err(trouble) => {
                if self.retry_in == FIRST_RETRY {
                    warn!(%trouble, "records go to the spool file");
                }
                self.shared.failed(&trouble);
                self.database.close();
                self.failing = true;
                self.retry = after(self.retry_in);
                self.retry_in = (self.retry_in * 2).min(LAST_RETRY);
            }
        }
    }

    /// Commits what waits in memory, then a part of the spool.
    fn catch_up(&mut self) -> Result<(), StoreError> {
        let database = self.database.get()?;
        if !self.pending.is_empty() {
            let refused = database.commit(self.pending.make_contiguous())?;
            if !self.waiting.is_empty() {
                // A commit alone may be lost with the machine.
                database.checkpoint()?;
            }
            self.pending.clear();
            self.shared.lost(refused);
        }
        if self.spool.lines() > 0 {
            let chunk = self.spool.next_chunk(BATCH as u64)?;
            let refused = database.commit(&chunk.entries)?;
            if chunk.is_last() {
                // The spool must not go before the commits are on the disk.
                database.checkpoint()?;
            }
            self.spool.replayed(&chunk)?;
            self.shared.lost(refused + chunk.unreadable);
        }
        Ok(())
    }

    /// After an attempt: spools what is left, and plans the next one.
    fn settle(&mut self) {
        if self.failing && !self.pending.is_empty() {
            match self.spool.append(self.pending.make_contiguous()) {
                Ok(()) => self.pending.clear(),
                Err(trouble) => {
                    self.shared.failed(&trouble);
                    self.shed();
                }
            }
        }
        let safe = self.pending.is_empty();
        for done in self.waiting.drain(..) {
            done(safe);
        }
        if !self.failing && self.spool.lines() > 0 {
            self.retry = after(Duration::ZERO);
        }
        let waiting = self.pending.len() + self.inbox.len();
        let waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
        self.shared.set_waiting(waiting + self.spool.lines());
    }

    /// Keeps memory bounded: events go first, then the oldest records.
    fn shed(&mut self) {
        let before = self.pending.len();
        if before <= MEMORY {
            return;
        }
        self.pending
            .retain(|entry| !matches!(entry.item, Item::Event(_)));
        let over = self.pending.len().saturating_sub(MEMORY);
        self.pending.drain(..over);
        let lost = u64::try_from(before - self.pending.len()).unwrap_or(u64::MAX);
        error!(lost, "neither database nor spool file can be written");
        self.shared.lost(lost);
    }
}
