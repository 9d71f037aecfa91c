//! Why operators pause, from the moment that somebody says so.

use dashmap::DashMap;

use crate::model::{OperatorName, OperatorState, PauseReason};

/// The reasons of pauses that were asked for: those that go on, and those that begin when
/// a call is over. The board knows states and marks only. At most one an operator.
#[derive(Debug, Default)]
pub struct Pauses(DashMap<OperatorName, Option<PauseReason>>);

impl Pauses {
    /// Somebody asks for a pause, with or without a reason. Whether that is news.
    pub fn asked(&self, operator: &OperatorName, reason: Option<PauseReason>) -> bool {
        let before = self.0.insert(operator.clone(), reason.clone());
        before != Some(reason)
    }

    /// The reason to tell of an operator who does something else from now on. What was
    /// asked for before holds for one pause: whatever else begins ends it, and so does
    /// a call that ends in no pause.
    pub(super) fn now(&self, operator: &OperatorName, state: OperatorState) -> Option<PauseReason> {
        match state {
            OperatorState::Paused => self.reason(operator),
            // One call of several may end before the pause begins.
            OperatorState::Offered | OperatorState::Talking => None,
            OperatorState::Ready | OperatorState::WrapUp | OperatorState::LoggedOut => {
                self.over(operator);
                None
            }
        }
    }

    /// No pause is asked for any more.
    pub fn over(&self, operator: &OperatorName) {
        self.0.remove(operator);
    }

    /// Why a paused operator pauses; nobody asked for the pause of a missed offer.
    #[must_use]
    pub fn reason(&self, operator: &OperatorName) -> Option<PauseReason> {
        let asked = self.0.get(operator).map(|reason| reason.clone());
        asked.unwrap_or_else(|| Some(PauseReason::new(PauseReason::MISSED_OFFER)))
    }
}

#[cfg(test)]
mod tests {
    use OperatorState::{LoggedOut, Paused, Ready, Talking, WrapUp};

    use super::*;

    #[test]
    fn a_reason_holds_for_one_pause() {
        let pauses = Pauses::default();
        let ann = OperatorName::from("ann");
        let now = |state| pauses.now(&ann, state).map(|reason| reason.to_string());
        assert_eq!(now(Paused).as_deref(), Some("missed_offer"));
        for after in [Ready, WrapUp, LoggedOut] {
            assert!(pauses.asked(&ann, Some(PauseReason::new("lunch"))));
            assert_eq!(now(Talking), None);
            assert_eq!(now(Paused).as_deref(), Some("lunch"));
            assert_eq!(now(after), None);
            assert_eq!(now(Paused).as_deref(), Some("missed_offer"));
        }
    }

    #[test]
    fn a_pause_that_is_taken_back_leaves_no_reason() {
        let pauses = Pauses::default();
        let ann = OperatorName::from("ann");
        assert!(pauses.asked(&ann, Some(PauseReason::new("lunch"))));
        pauses.over(&ann);
        let reason = pauses.now(&ann, Paused).map(|reason| reason.to_string());
        assert_eq!(reason.as_deref(), Some("missed_offer"));
    }

    #[test]
    fn a_pause_without_a_reason_is_no_missed_offer() {
        let pauses = Pauses::default();
        let ann = OperatorName::from("ann");
        assert!(pauses.asked(&ann, None));
        assert!(!pauses.asked(&ann, None), "no news");
        assert_eq!(pauses.now(&ann, Paused), None);
    }
}
