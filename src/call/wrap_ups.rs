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

/// The last wrap-up of each operator: at most one an operator. The shard that ended the
/// talk waits for its end, and whoever wants it longer may ask in any thread.
#[derive(Debug, Default)]
pub struct WrapUps(DashMap<OperatorName, WrapUp>);

impl WrapUps {
    /// A wrap-up begins.
    pub fn begin(&self, operator: &OperatorName, claim: Claim, until: Instant) {
        self.0.insert(operator.clone(), WrapUp { claim, until });
    }

    /// It lasts so much longer; when it ends then. `None` when there is none.
    #[must_use]
    pub fn extend(&self, operator: &OperatorName, more: Duration) -> Option<Instant> {
        let mut wrap_up = self.0.get_mut(operator)?;
        wrap_up.until = wrap_up.until.checked_add(more)?;
        Some(wrap_up.until)
    }

    /// The wrap-up after this claim was to be over by now: when it is instead, if it was
    /// extended; `None` when it is over. Either an extension comes before this, or it
    /// finds no wrap-up.
    #[must_use]
    pub fn over(&self, operator: &OperatorName, claim: &Claim, now: Instant) -> Option<Instant> {
        let mut later = None;
        self.0.remove_if(operator, |_, wrap_up| {
            let same = wrap_up.claim == *claim;
            later = (same && wrap_up.until > now).then_some(wrap_up.until);
            same && later.is_none()
        });
        later
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;
    use crate::dispatch::{Abilities, After, Board, Capacity, ClassKey, Strategy};
    use crate::model::{CallKey, Requirement, ShardId};

    fn claims() -> [Claim; 2] {
        let capacity = Capacity {
            operators: 1,
            more_calls: 0,
            tickets_per_shard: 1,
            shards: 1,
            classes: 1,
            profiles: 1,
        };
        let now = Instant::now();
        let board = Board::new(capacity, now);
        let ann = board.operator(&"ann".into(), &Abilities::default(), now);
        let (ann, _nobody) = ann.unwrap();
        let class = board.class(&ClassKey {
            queue: "q".into(),
            requires: Requirement::default(),
            also: Vec::new(),
            prefer: Requirement::default(),
            strategy: Strategy::default(),
            priority: 0,
        });
        let _idle = board.ready(ann, now);
        [1, 2].map(|count| {
            let call = CallKey::new(ShardId(0), count);
            let queued = board.enqueue(call, class.unwrap(), now, now).unwrap();
            let matched = queued.1.unwrap();
            board.done(matched.ticket);
            let _idle = board.finished(&matched.claim, After::Ready, now);
            matched.claim
        })
    }

    #[test]
    fn a_wrap_up_that_is_extended_ends_later_and_once() {
        let wrap_ups = WrapUps::default();
        let ann = OperatorName::from("ann");
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let [first, second] = claims();
        assert_eq!(wrap_ups.extend(&ann, Duration::from_secs(1)), None);
        wrap_ups.begin(&ann, first, at(10));
        assert_eq!(wrap_ups.extend(&ann, Duration::from_secs(5)), Some(at(15)));
        assert_eq!(wrap_ups.over(&ann, &first, at(10)), Some(at(15)));
        // One that was ended by hand, and the next one.
        wrap_ups.begin(&ann, second, at(30));
        assert_eq!(wrap_ups.over(&ann, &first, at(15)), None);
        assert_eq!(wrap_ups.extend(&ann, Duration::from_secs(1)), Some(at(31)));
        assert_eq!(wrap_ups.over(&ann, &second, at(31)), None);
        assert_eq!(wrap_ups.extend(&ann, Duration::from_secs(1)), None);
    }
}
