//! Phones that were told to stop ringing, and have not said yet that they did.
//!
//! # Why
//! An operator whose offer was withdrawn is ready at once, and may be given the next call
//! before the CANCEL of the last one has arrived: on datagrams the INVITE can even overtake
//! it. The phone is busy with the first call then, and says so, and the operator would be
//! paused for a call that never rang.

use std::sync::Arc;

use dashmap::DashMap;

use crate::model::OperatorName;

/// An operator, and which of the operator's phones.
type Phone = (OperatorName, Arc<str>);

/// The INVITEs that were given up, counted by phone. As many entries as phones ring that
/// are to ring no more.
#[derive(Debug, Default)]
pub struct Stopping(Arc<DashMap<Phone, usize>>);

impl Stopping {
    /// An INVITE to the phone is given up, for as long as the result is kept: until its
    /// final answer.
    pub(super) fn enter(&self, phone: Phone) -> Stop {
        *self.0.entry(phone.clone()).or_default() += 1;
        let phones = Arc::clone(&self.0);
        Stop { phones, phone }
    }

    /// Whether the phone may still be ringing for a call that was given up.
    pub(super) fn has(&self, operator: &OperatorName, device: &str) -> bool {
        self.0.contains_key(&(operator.clone(), device.into()))
    }

    /// Whether no phone is waited for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One INVITE that was given up. Dropping it is its end, so a call that ends by a panic
/// ends it too.
#[derive(Debug)]
pub(super) struct Stop {
    phones: Arc<DashMap<Phone, usize>>,
    phone: Phone,
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.phones.remove_if_mut(&self.phone, |_, count| {
            *count = count.saturating_sub(1);
            *count == 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_stops_when_its_last_invite_is_over() {
        let stopping = Stopping::default();
        let ann = OperatorName::from("ann");
        let enter = || stopping.enter((ann.clone(), "desk".into()));
        let (first, second) = (enter(), enter());
        assert!(stopping.has(&ann, "desk"));
        assert!(!stopping.has(&ann, "mobile"));
        drop(first);
        assert!(stopping.has(&ann, "desk"));
        drop(second);
        assert!(stopping.is_empty());
    }
}
