//! In which calls operators talk: a call that an operator makes meanwhile belongs to the
//! same shard, so that the two can become one.

use std::sync::Arc;

use dashmap::DashMap;

use crate::model::{CallKey, OperatorName};

type Talking = DashMap<OperatorName, Vec<CallKey>>;

/// Who talks where. As many entries as operators talk.
#[derive(Debug, Default)]
pub struct Talks(Arc<Talking>);

impl Talks {
    /// The operator talks in this call, for as long as the entry is kept.
    pub(super) fn enter(&self, operator: &OperatorName, call: CallKey) -> TalkEntry {
        self.0.entry(operator.clone()).or_default().push(call);
        TalkEntry {
            talks: Arc::clone(&self.0),
            operator: operator.clone(),
            call,
        }
    }

    /// The call in which the operator began to talk last.
    #[must_use]
    pub fn of(&self, operator: &OperatorName) -> Option<CallKey> {
        self.0.get(operator)?.last().copied()
    }

    /// Whether nobody talks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One talk. Dropping it is its end, so a call that ends by a panic ends it too.
#[derive(Debug)]
pub(super) struct TalkEntry {
    talks: Arc<Talking>,
    operator: OperatorName,
    call: CallKey,
}

impl TalkEntry {
    /// The talk goes on in another call.
    pub(super) fn move_to(&mut self, call: CallKey) {
        if let Some(mut calls) = self.talks.get_mut(&self.operator)
            && let Some(entry) = calls.iter_mut().find(|entry| **entry == self.call)
        {
            *entry = call;
        }
        self.call = call;
    }
}

impl Drop for TalkEntry {
    fn drop(&mut self) {
        self.talks.remove_if_mut(&self.operator, |_, calls| {
            if let Some(at) = calls.iter().position(|call| *call == self.call) {
                calls.remove(at);
            }
            calls.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ShardId;

    #[test]
    fn a_talk_is_known_until_it_ends() {
        let talks = Talks::default();
        let (alice, bob) = (OperatorName::from("alice"), OperatorName::from("bob"));
        let key = |n| CallKey::new(ShardId(1), n);
        let first = talks.enter(&alice, key(1));
        let mut second = talks.enter(&alice, key(2));
        assert_eq!(talks.of(&alice), Some(key(2)));
        assert_eq!(talks.of(&bob), None);
        second.move_to(key(3));
        assert_eq!(talks.of(&alice), Some(key(3)));
        drop(second);
        assert_eq!(talks.of(&alice), Some(key(1)));
        drop(first);
        assert!(talks.is_empty());
    }
}
