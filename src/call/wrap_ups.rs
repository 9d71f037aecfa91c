//! When wrap-ups end, so that one that goes on can last longer.

use std::time::{Duration, Instant};

use dashmap::DashMap;

use crate::dispatch::Claim;
use crate::model::OperatorName;

#[derive(Clone, Copy, Debug)]
struct WrapUp {
    claim: Claim,
    until: Instant,
}

/// The wrap-ups that go on, at most one for each call that an operator may have. The shard
/// that ended the talk waits for its end, and whoever wants it longer may ask in any
/// thread.
#[derive(Debug, Default)]
pub struct WrapUps(DashMap<OperatorName, Vec<WrapUp>>);

impl WrapUps {
    /// A wrap-up begins.
    pub fn begin(&self, operator: &OperatorName, claim: Claim, until: Instant) {
        let mut wrap_ups = self.0.entry(operator.clone()).or_default();
        // One that was ended by hand may still stand here.
        wrap_ups.retain(|wrap_up| wrap_up.claim.post != claim.post);
        wrap_ups.push(WrapUp { claim, until });
    }

    /// They last so much longer; when the last one ends then. `None` when there is none.
    #[must_use]
    pub fn extend(&self, operator: &OperatorName, more: Duration) -> Option<Instant> {
        let mut wrap_ups = self.0.get_mut(operator)?;
        for wrap_up in wrap_ups.iter_mut() {
            wrap_up.until = wrap_up.until.checked_add(more)?;
        }
        wrap_ups.iter().map(|wrap_up| wrap_up.until).max()
    }

    /// All of them are ended by hand.
    pub fn end(&self, operator: &OperatorName) {
        self.0.remove(operator);
    }

    /// The wrap-up after this claim was to be over by now: when it is instead, if it was
    /// extended; `None` when it is over. Either an extension comes before this, or it
    /// finds no wrap-up.
    #[must_use]
    pub fn over(&self, operator: &OperatorName, claim: &Claim, now: Instant) -> Option<Instant> {
        let mut wrap_ups = self.0.get_mut(operator)?;
        let at = wrap_ups
            .iter()
            .position(|wrap_up| wrap_up.claim == *claim)?;
        let later = wrap_ups.get(at).map(|wrap_up| wrap_up.until);
        let later = later.filter(|until| *until > now);
        if later.is_none() {
            wrap_ups.swap_remove(at);
        }
        drop(wrap_ups);
        self.0
            .remove_if(operator, |_, wrap_ups| wrap_ups.is_empty());
        later
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use std::sync::Arc;

    use super::*;
    use crate::dispatch::{Abilities, Board, Capacity};
    use crate::model::{CallKey, OperatorState, ShardId};
    use crate::queue::{Asked, Settings, Wait};

    /// Two calls of one operator at once.
    fn claims(now: Instant) -> [Claim; 2] {
        let capacity = Capacity {
            operators: 1,
            more_calls: 1,
            tickets_per_shard: 2,
            shards: 1,
            classes: 1,
            profiles: 1,
        };
        let board = Board::new(capacity, now);
        let abilities = Abilities {
            max_calls: 2,
            ..Abilities::default()
        };
        let (ann, _) = board.operator(&"ann".into(), &abilities, now).unwrap();
        assert_eq!(board.ready(ann, now).state, OperatorState::Ready);
        let settings = Arc::new(Settings::named("support".into()));
        let class = Wait::new(settings, Asked::default(), now).class();
        let class = board.class(&class).unwrap();
        [1, 2].map(|call| {
            let call = CallKey::new(ShardId(0), call);
            let (_, matched) = board.enqueue(call, class, now, now).unwrap();
            matched.unwrap().claim
        })
    }

    #[test]
    fn a_wrap_up_that_is_extended_ends_later_and_once() {
        let wrap_ups = WrapUps::default();
        let ann = OperatorName::from("ann");
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let s = Duration::from_secs;
        let [first, second] = claims(start);
        assert_eq!(wrap_ups.extend(&ann, s(1)), None);
        wrap_ups.begin(&ann, first, at(10));
        assert_eq!(wrap_ups.extend(&ann, s(5)), Some(at(15)));
        assert_eq!(wrap_ups.over(&ann, &first, at(10)), Some(at(15)));
        wrap_ups.begin(&ann, second, at(30));
        assert_eq!(wrap_ups.extend(&ann, s(1)), Some(at(31)));
        assert_eq!(wrap_ups.over(&ann, &second, at(30)), Some(at(31)));
        assert_eq!(wrap_ups.over(&ann, &first, at(16)), None);
        assert_eq!(wrap_ups.over(&ann, &first, at(16)), None, "it is over");
        assert_eq!(wrap_ups.over(&ann, &second, at(31)), None);
        assert_eq!(wrap_ups.extend(&ann, s(1)), None);
        assert!(wrap_ups.0.is_empty());
    }

    #[test]
    fn a_wrap_up_that_was_ended_by_hand_is_not_extended() {
        let wrap_ups = WrapUps::default();
        let ann = OperatorName::from("ann");
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let [first, _] = claims(start);
        let next = Claim {
            generation: first.generation + 1,
            ..first
        };
        wrap_ups.begin(&ann, first, at(10));
        wrap_ups.end(&ann);
        assert_eq!(wrap_ups.extend(&ann, Duration::from_secs(1)), None);
        wrap_ups.begin(&ann, first, at(10));
        wrap_ups.begin(&ann, next, at(20));
        assert_eq!(
            wrap_ups.over(&ann, &first, at(10)),
            None,
            "not the next one's end"
        );
        assert_eq!(wrap_ups.extend(&ann, Duration::from_secs(1)), Some(at(21)));
    }
}
