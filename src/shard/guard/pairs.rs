//! INVITEs that wait, and the CANCELs that have come for them.
//!
//! A CANCEL goes before calls, as all that follows what was begun; but there would be
//! nothing begun for it (RFC 3261 section 9.2). So it goes right behind its INVITE.

use std::collections::HashMap;

/// CANCELs behind one INVITE: one, and copies of it.
const CANCELS: usize = 4;
/// Room for so many is kept when none are left.
const ROOM: usize = 1_024;

/// What an INVITE that begins a call and its CANCEL have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::shard) enum Pairing {
    /// It is an INVITE of this branch.
    Invite(u64),
    /// It gives up the INVITE of this branch.
    Cancel(u64),
    /// Anything else.
    None,
}

#[derive(Debug)]
struct Pending<T> {
    /// The INVITE may have come more than once.
    copies: usize,
    cancels: Vec<T>,
}

/// INVITEs that wait, by their branch: as many as the backlog holds.
#[derive(Debug)]
pub(super) struct Pairs<T>(HashMap<u64, Pending<T>>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Pairs<T> {
    /// An INVITE waits.
    pub(super) fn begin(&mut self, branch: u64) {
        let pending = self.0.entry(branch).or_insert_with(|| Pending {
            copies: 0,
            cancels: Vec::new(),
        });
        pending.copies += 1;
    }

    /// Keeps a CANCEL whose INVITE waits; gives back any other, and a copy too many.
    pub(super) fn park(&mut self, branch: u64, cancel: T) -> Option<T> {
        match self.0.get_mut(&branch) {
            Some(pending) if pending.cancels.len() < CANCELS => {
                pending.cancels.push(cancel);
                None
            }
            Some(_) | None => Some(cancel),
        }
    }

    /// An INVITE waits no longer: its CANCELs, in their order.
    pub(super) fn release(&mut self, branch: u64) -> Vec<T> {
        let Some(pending) = self.0.get_mut(&branch) else {
            return Vec::new();
        };
        pending.copies = pending.copies.saturating_sub(1);
        let cancels = std::mem::take(&mut pending.cancels);
        if pending.copies == 0 {
            self.0.remove(&branch);
        }
        if self.0.is_empty() && self.0.capacity() > ROOM {
            self.0 = HashMap::new();
        }
        cancels
    }

    /// Whether no INVITE waits.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
