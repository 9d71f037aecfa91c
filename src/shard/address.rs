//! Which call an input belongs to.

use std::collections::VecDeque;

use crate::call::{Call, Marks, call_of};
use crate::model::{CallKey, LegId, Steady};
use crate::shard::deadlines::Slot;
use crate::sip::{ClientTx, ServerTx};

/// A call, and by what it is found.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) call: Box<Call>,
    pub(super) slot: Option<Slot>,
    tags: Vec<String>,
    asked: Vec<ClientTx>,
    held: Vec<ServerTx>,
    /// Streams that it got from another call.
    legs: Vec<LegId>,
}

/// The calls of a shard.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Steady<CallKey, Entry>,
    tags: Steady<String, CallKey>,
    asked: Steady<ClientTx, CallKey>,
    held: Steady<ServerTx, CallKey>,
    /// Streams that moved from the call that their number names.
    legs: Steady<LegId, CallKey>,
    /// Tags of dialogs that ended with their calls, the latest at the end.
    over: VecDeque<String>,
}

/// Dialogs that are known to have been: a phone that asks for one has missed its end by a
/// second or two.
const OVER: usize = 1024;

impl Calls {
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Each dialog has a tag of ours.
    pub(super) fn dialogs(&self) -> usize {
        self.tags.len()
    }

    pub(super) fn insert(&mut self, key: CallKey, call: Call) {
        let entry = Entry {
            call: Box::new(call),
            slot: None,
            tags: Vec::new(),
            asked: Vec::new(),
            held: Vec::new(),
            legs: Vec::new(),
        };
        self.calls.insert(key, entry);
    }

    pub(super) fn get_mut(&mut self, key: CallKey) -> Option<&mut Entry> {
        self.calls.get_mut(&key)
    }

    /// Forgets a call, and everything by which it was found.
    pub(super) fn remove(&mut self, key: CallKey) -> Option<Slot> {
        let entry = self.calls.remove(&key)?;
        for tag in entry.tags {
            self.tags.remove(&tag);
            if self.over.len() >= OVER {
                self.over.pop_front();
            }
            self.over.push_back(tag);
        }
        for tx in entry.asked {
            self.asked.remove(&tx);
        }
        for tx in entry.held {
            self.held.remove(&tx);
        }
        for leg in entry.legs {
            self.legs.remove(&leg);
        }
        entry.slot
    }

    pub(super) fn by_tag(&self, tag: &str) -> Option<CallKey> {
        self.tags.get(tag).copied()
    }

    /// Whether a dialog with this tag of ours ended a short while ago.
    pub(super) fn is_over(&self, tag: &str) -> bool {
        self.over.iter().any(|over| over == tag)
    }

    pub(super) fn by_question(&self, tx: ClientTx) -> Option<CallKey> {
        self.asked.get(&tx).copied()
    }

    pub(super) fn by_invite(&self, tx: ServerTx) -> Option<CallKey> {
        self.held.get(&tx).copied()
    }

    /// The call that a stream belongs to.
    pub(super) fn by_leg(&self, leg: LegId) -> CallKey {
        // As a rule none has moved.
        if self.legs.is_empty() {
            return call_of(leg);
        }
        self.legs.get(&leg).copied().unwrap_or_else(|| call_of(leg))
    }

    /// The other side of one call is another's from now on.
    pub(super) fn hand_over(&mut self, from: CallKey, to: CallKey, marks: Marks) {
        if let Some(entry) = self.calls.get_mut(&from) {
            entry.tags.retain(|tag| Some(tag) != marks.tag.as_ref());
            entry.asked.retain(|tx| !marks.asked.contains(tx));
            entry.legs.retain(|leg| *leg != marks.leg);
        }
        if let Some(tag) = marks.tag {
            self.hears(to, tag);
        }
        for tx in marks.asked {
            self.expects(to, tx);
        }
        if let Some(entry) = self.calls.get_mut(&to) {
            entry.legs.push(marks.leg);
            self.legs.insert(marks.leg, to);
        }
    }

    /// Every call, in order of age.
    pub(super) fn keys(&self) -> Vec<CallKey> {
        #[expect(clippy::disallowed_methods, reason = "sorted right after")]
        let mut keys: Vec<CallKey> = self.calls.keys().copied().collect();
        keys.sort_unstable();
        keys
    }

    pub(super) fn hears(&mut self, key: CallKey, tag: String) {
        if let Some(entry) = self.calls.get_mut(&key) {
            entry.tags.push(tag.clone());
            self.tags.insert(tag, key);
        }
    }

    pub(super) fn expects(&mut self, key: CallKey, tx: ClientTx) {
        if let Some(entry) = self.calls.get_mut(&key) {
            entry.asked.push(tx);
            self.asked.insert(tx, key);
        }
    }

    pub(super) fn holds(&mut self, key: CallKey, tx: ServerTx) {
        if let Some(entry) = self.calls.get_mut(&key) {
            entry.held.push(tx);
            self.held.insert(tx, key);
        }
    }

    /// A question is answered for good.
    pub(super) fn answered(&mut self, key: CallKey, tx: ClientTx) {
        self.asked.remove(&tx);
        if let Some(entry) = self.calls.get_mut(&key) {
            entry.asked.retain(|asked| *asked != tx);
        }
    }

    /// Whether nothing is kept of calls that are gone.
    pub(super) fn is_clean(&self) -> bool {
        self.calls.is_empty()
            && self.tags.is_empty()
            && self.asked.is_empty()
            && self.held.is_empty()
            && self.legs.is_empty()
    }
}
