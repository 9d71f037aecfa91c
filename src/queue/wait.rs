//! One caller's wait in one queue: what is due, and when.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Announce, Settings};
use crate::dispatch::ClassKey;
use crate::model::{Action, LineName, Requirement, Step, limits};

/// When the first announcement comes. A caller should hear the music first, or "you are
/// number three" comes before it is clear that one waits for anything; and most calls to
/// a queue that is not busy are answered within this, and hear nothing but the music.
const FIRST_ANNOUNCEMENT: Duration = Duration::from_secs(2);

/// Announcements do not come faster than this, whatever the settings say: each lasts
/// longer.
const BETWEEN_ANNOUNCEMENTS: Duration = Duration::from_secs(1);

/// What one caller asks for on the way into a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// What an operator needs, beside what the queue asks for.
    pub require: Requirement,
    /// Who has these goes before who has not.
    pub prefer: Requirement,
    /// The call's own priority, added to the queue's.
    pub priority: i16,
    /// Takes the place of the queue's.
    pub max_wait: Option<Duration>,
    /// Takes the place of the queue's.
    pub announce: Option<Announce>,
    /// Take the place of the queue's, also when there are none.
    pub escalate: Option<Arc<[Step]>>,
    /// When messages come between the music.
    pub comfort: Arc<[Pace]>,
}

/// When something comes that comes now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// After the beginning of the wait.
    pub after: Duration,
    /// From then on; `None` comes once.
    pub every: Option<Duration>,
}

/// What became due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitOutput {
    /// A step of escalation was taken.
    Step {
        /// Which, from 1.
        number: usize,
        /// The line that the call leaves for; `None` when [`Wait::class`] changed and the
        /// ticket is to be moved to it.
        line: Option<LineName>,
    },
    /// Tell the caller; at least one of the two.
    Announce {
        /// "You are number N".
        position: bool,
        /// "The estimated wait is N minutes".
        estimated_wait: bool,
    },
    /// A message of [`Asked::comfort`] is due.
    Comfort {
        /// Which, from 0.
        message: usize,
    },
    /// Nobody waits longer than this. The last output, given once.
    TimedOut,
}

/// What comes next. Where two are due at once the order is this one: a step may still
/// change something, and who leaves needs no announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Step,
    TimeOut,
    Announce,
    Comfort(usize),
}

/// One caller's wait in one queue, from [`Wait::new`] until the owner drops it: when the
/// call is answered, leaves, or hears [`WaitOutput::TimedOut`]. It does not know whether an
/// operator is being offered the call, so an offer delays no step; whether an
/// announcement is played over a ringing offer is the owner's to say.
#[derive(Clone, Debug)]
pub struct Wait {
    settings: Arc<Settings>,
    asked: Asked,
    started: Instant,
    steps_taken: usize,
    announce_at: Option<Instant>,
    /// Of each message when it is due; `None` when it came for the last time.
    comfort_at: Vec<Option<Instant>>,
    /// `None` when it is beyond the clock's reach.
    gives_up_at: Option<Instant>,
    over: bool,
}

impl Wait {
    /// The wait begins.
    #[must_use]
    pub fn new(settings: Arc<Settings>, asked: Asked, now: Instant) -> Self {
        let announce = asked.announce.unwrap_or(settings.announce);
        let silent = !announce.position && !announce.estimated_wait;
        let max_wait = asked.max_wait.unwrap_or(settings.max_wait);
        let comfort = asked.comfort.iter();
        Self {
            announce_at: now.checked_add(FIRST_ANNOUNCEMENT).filter(|_| !silent),
            comfort_at: comfort.map(|pace| now.checked_add(pace.after)).collect(),
            gives_up_at: now.checked_add(max_wait),
            settings,
            asked,
            started: now,
            steps_taken: 0,
            over: false,
        }
    }

    /// Whom the caller waits for, as of the steps that were taken: the queue's requirement
    /// and the caller's together, relaxed step by step; who may take the call too; and the
    /// sum of all priorities, cut to what a priority may be.
    #[must_use]
    pub fn class(&self) -> ClassKey {
        let mut requires = self.settings.requires.and(&self.asked.require);
        let mut also = Vec::new();
        let mut priority = self.settings.priority.saturating_add(self.asked.priority);
        for step in self.steps().iter().take(self.steps_taken) {
            match &step.action {
                Action::Relax(changes) => requires = requires.relaxed(changes),
                // Twice the same would be another class of the same callers.
                Action::Also(other) if also.contains(other) => {}
                Action::Also(other) => also.push(other.clone()),
                Action::Priority(more) => priority = priority.saturating_add(*more),
                Action::Line(_) => {}
            }
        }
        let (lowest, highest) = limits::PRIORITY.into_inner();
        ClassKey {
            queue: self.settings.name.clone(),
            requires,
            also,
            prefer: self.asked.prefer.clone(),
            strategy: self.settings.strategy,
            priority: priority.clamp(lowest, highest),
        }
    }

    /// Everything that is due by `now`, in order of time. A step to a line ends the turn,
    /// as the owner then leaves as a rule; whoever stays finds the rest due at once. Late,
    /// several announcements become one.
    pub fn handle(&mut self, now: Instant, out: &mut Vec<WaitOutput>) {
        while let Some((due, next)) = self.next() {
            if due > now {
                return;
            }
            match next {
                Next::Step => {
                    let Some((step, leads_away)) = self.step() else {
                        return;
                    };
                    out.push(step);
                    if leads_away {
                        return;
                    }
                }
                Next::Announce => self.announce(now, out),
                Next::Comfort(message) => self.comfort(message, now, out),
                Next::TimeOut => {
                    self.over = true;
                    out.push(WaitOutput::TimedOut);
                }
            }
        }
    }

    /// Takes the next step of escalation before its time, because waiting for it would be
    /// in vain: nobody who is logged in could ever take the call. The steps after it keep
    /// their time. `None` when no step is left, or the wait is over.
    pub fn hurry(&mut self) -> Option<WaitOutput> {
        if self.over {
            return None;
        }
        self.step().map(|(step, _)| step)
    }

    /// Gives the call another priority of its own, before the queue's and the steps' are
    /// added. [`Wait::class`] has it from now on.
    pub fn prioritize(&mut self, priority: i16) {
        self.asked.priority = priority;
    }

    /// The call's own priority.
    #[must_use]
    pub fn priority(&self) -> i16 {
        self.asked.priority
    }

    /// When something is due next; `None` when nothing ever is.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.next().map(|(due, _)| due)
    }

    /// How long the caller has waited in this queue.
    #[must_use]
    pub fn waited(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }

    /// Since when. Escalation does not change it.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The queue.
    #[must_use]
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    fn next(&self) -> Option<(Instant, Next)> {
        if self.over {
            return None;
        }
        let step = self.steps().get(self.steps_taken);
        let messages = self.comfort_at.iter().enumerate();
        let messages = messages.map(|(message, due)| (*due, Next::Comfort(message)));
        [
            (
                step.and_then(|s| self.started.checked_add(s.after)),
                Next::Step,
            ),
            (self.gives_up_at, Next::TimeOut),
            (self.announce_at, Next::Announce),
        ]
        .into_iter()
        .chain(messages)
        .filter_map(|(due, next)| Some((due?, next)))
        .min()
    }

    fn steps(&self) -> &[Step] {
        let own = self.asked.escalate.as_deref();
        own.unwrap_or(&self.settings.escalate)
    }

    /// Takes the next step; whether it leads to a line.
    fn step(&mut self) -> Option<(WaitOutput, bool)> {
        let line = match &self.steps().get(self.steps_taken)?.action {
            Action::Line(line) => Some(line.clone()),
            Action::Relax(_) | Action::Also(_) | Action::Priority(_) => None,
        };
        self.steps_taken += 1;
        let (number, leads_away) = (self.steps_taken, line.is_some());
        Some((WaitOutput::Step { number, line }, leads_away))
    }

    fn announce(&mut self, now: Instant, out: &mut Vec<WaitOutput>) {
        let announce = self.asked.announce.unwrap_or(self.settings.announce);
        out.push(WaitOutput::Announce {
            position: announce.position,
            estimated_wait: announce.estimated_wait,
        });
        // From now, not from when it was due: the music in between keeps its length.
        self.announce_at = announce
            .every
            .and_then(|every| now.checked_add(every.max(BETWEEN_ANNOUNCEMENTS)));
    }

    fn comfort(&mut self, message: usize, now: Instant, out: &mut Vec<WaitOutput>) {
        out.push(WaitOutput::Comfort { message });
        let every = self.asked.comfort.get(message).and_then(|pace| pace.every);
        let next = every.and_then(|every| now.checked_add(every.max(BETWEEN_ANNOUNCEMENTS)));
        if let Some(due) = self.comfort_at.get_mut(message) {
            *due = next;
        }
    }
}

#[cfg(test)]
#[path = "wait_tests.rs"]
mod tests;
