//! What all calls share: the board, the hall, the phones, and counts of what is limited.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;

use crate::call::{Callbacks, Comebacks, Pauses, Reach, Stopping, Talks, Waiting, WrapUps};
use crate::config::Config;
use crate::dispatch::{Board, Change};
use crate::media::Library;
use crate::model::{CallId, Epoch, Event, OperatorName, OperatorState};
use crate::queue::Hall;
use crate::registrar::Registrar;
use crate::sip::Advertise;

/// What is configured, as one call sees it from its beginning to its end.
#[derive(Debug)]
pub struct Snapshot {
    /// The configuration.
    pub config: Config,
    /// Prompts and music.
    pub sounds: Library,
}

/// What lives as long as the process, in the hands of every shard.
#[derive(Debug)]
pub struct Shared {
    /// Who waits and who is ready.
    pub board: Arc<Board>,
    /// How many wait where.
    pub hall: Hall,
    /// Where operators' phones are.
    pub registrar: Registrar,
    /// One moment on both clocks.
    pub epoch: Epoch,
    /// What we say of where we are.
    pub advertise: Advertise,
    /// Calls of a trunk, of a line, of all.
    pub gates: Gates,
    /// Which calls wait.
    pub waiting: Waiting,
    /// Why operators pause.
    pub pauses: Pauses,
    /// When operators' wrap-ups end.
    pub wrap_ups: WrapUps,
    /// Which addresses outside are down.
    pub reach: Reach,
    /// In which calls operators talk.
    pub talks: Talks,
    /// Who is called back.
    pub callbacks: Callbacks,
    /// Whom an earlier process lost.
    pub comebacks: Comebacks,
    /// Which phones are to stop ringing.
    pub stopping: Stopping,
}

/// The gate of all calls.
pub const CALLS: &str = "calls";

impl Shared {
    /// Nobody waits, talks or has a phone yet.
    #[must_use]
    pub fn new(board: Board, epoch: Epoch, advertise: Advertise) -> Self {
        let board = Arc::new(board);
        Self {
            hall: Hall::new(Arc::clone(&board)),
            board,
            registrar: Registrar::new(),
            epoch,
            advertise,
            gates: Gates::default(),
            waiting: Waiting::default(),
            pauses: Pauses::default(),
            wrap_ups: WrapUps::default(),
            reach: Reach::default(),
            talks: Talks::default(),
            callbacks: Callbacks::default(),
            comebacks: Comebacks::default(),
            stopping: Stopping::default(),
        }
    }

    /// The operator takes calls again by somebody's word: what was asked for before, or
    /// goes on after a call, is over.
    pub fn afresh(&self, operator: &OperatorName) {
        self.pauses.over(operator);
        self.wrap_ups.end(operator);
    }

    /// The event of a change of an operator, if there is one to tell: who is offered by it
    /// is told of by the call that offers. `call` is the call that the operator wraps up.
    #[must_use]
    pub fn changed(
        &self,
        operator: &OperatorName,
        change: &Change,
        call: Option<&CallId>,
    ) -> Option<Event> {
        if !change.changed {
            return None;
        }
        let reason = self.pauses.now(operator, change.state);
        let wraps_up = change.state == OperatorState::WrapUp;
        let nobody = change.matches().next().is_none();
        nobody.then(|| Event::OperatorChanged {
            operator: operator.clone(),
            state: change.state,
            reason,
            call: call.filter(|_| wraps_up).cloned(),
        })
    }
}

/// Counts of what may be only so many, by name. The names are of the configuration, so
/// there are few.
#[derive(Debug, Default)]
pub struct Gates(DashMap<String, Arc<AtomicUsize>>);

impl Gates {
    /// One more of `name`, if there are fewer than `most`.
    #[must_use]
    pub fn enter(&self, name: &str, most: usize) -> Option<Permit> {
        let count = self.count_of(name);
        count
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| {
                (n < most).then_some(n + 1)
            })
            .ok()?;
        Some(Permit(count))
    }

    /// How many of `name` there are.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.0
            .get(name)
            .map_or(0, |count| count.load(Ordering::Acquire))
    }

    fn count_of(&self, name: &str) -> Arc<AtomicUsize> {
        if let Some(count) = self.0.get(name) {
            return Arc::clone(&count);
        }
        Arc::clone(&self.0.entry(name.to_owned()).or_default())
    }
}

/// One of those that are counted, until it is dropped.
#[derive(Debug)]
pub struct Permit(Arc<AtomicUsize>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_counts_who_is_inside() {
        let gates = Gates::default();
        let one = gates.enter("a", 2).unwrap();
        let two = gates.enter("a", 2).unwrap();
        assert!(gates.enter("a", 2).is_none());
        assert!(gates.enter("b", 2).is_some());
        drop(one);
        assert_eq!(gates.count("a"), 1);
        assert!(gates.enter("a", 2).is_some());
        drop(two);
        assert_eq!(gates.count("a"), 0);
    }
}
