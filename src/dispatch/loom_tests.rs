//! Every interleaving of two or three threads that meet on the board, with what each of
//! them may see of the others' writes. The room's page says how to run them.
//!
//! Threads are preempted at most [`PREEMPTIONS`] times in one run: the faults that these
//! are for need one or two.

use std::sync::Arc;
use std::time::{Duration, Instant};

use loom::model::Builder;
use loom::thread;

use super::forest::Forest;
use super::tree::Tree;
use super::*;
use crate::model::{
    CallKey, Level, OperatorName, OperatorState, QueueName, Requirement, ShardId, Skill, SkillSet,
};

const PREEMPTIONS: usize = 4;

fn check(model: impl Fn() + Send + Sync + 'static) {
    check_with(PREEMPTIONS, model);
}

fn check_with(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.check(model);
}

/// A small board, and its clock.
#[derive(Clone)]
struct Floor {
    board: Arc<Board>,
    epoch: Instant,
}

impl Floor {
    #[expect(clippy::disallowed_methods, reason = "any moment serves as an epoch")]
    fn new() -> Self {
        let capacity = Capacity {
            operators: 2,
            more_calls: 0,
            tickets_per_shard: 2,
            shards: 1,
            classes: 2,
            profiles: 2,
        };
        let epoch = Instant::now();
        let board = Arc::new(Board::new(capacity, epoch));
        Self { board, epoch }
    }

    fn at(&self, seconds: u64) -> Instant {
        self.epoch + Duration::from_secs(seconds)
    }

    /// Callers who want this level.
    fn class(&self, wants: u8) -> ClassId {
        let key = ClassKey {
            queue: QueueName::new("q"),
            requires: Requirement::from_iter([skill(wants)]),
            also: Vec::new(),
            prefer: Requirement::default(),
            strategy: Strategy::default(),
            priority: 0,
        };
        self.board.class(&key).unwrap()
    }

    fn operator(&self, name: &str, has: u8) -> (OperatorId, Option<Match>) {
        let abilities = Abilities {
            skills: SkillSet::from_iter([skill(has)]),
            ..Abilities::default()
        };
        let name = OperatorName::new(name);
        let told = self.board.operator(&name, &abilities, self.at(1));
        let (id, matches) = told.unwrap();
        (id, matches.first().copied())
    }

    fn enqueue(&self, count: u64, class: ClassId) -> (TicketId, Option<Match>) {
        let (age, call) = (self.at(count), CallKey::new(ShardId(0), count));
        self.board.enqueue(call, class, age, age).unwrap()
    }

    fn waits(&self, count: u64, class: ClassId) -> TicketId {
        let (ticket, matched) = self.enqueue(count, class);
        assert_eq!(matched, None);
        ticket
    }

    fn ready(&self, operator: OperatorId) -> Option<Match> {
        self.board.ready(operator, self.at(9)).matched
    }

    /// Both at once: what each comes to.
    fn race<A, B>(
        &self,
        one: impl FnOnce(&Self) -> A + Send + 'static,
        other: impl FnOnce(&Self) -> B,
    ) -> (A, B)
    where
        A: 'static,
    {
        let there = self.clone();
        let thread = thread::spawn(move || one(&there));
        let here = other(self);
        (thread.join().unwrap(), here)
    }
}

fn skill(level: u8) -> (Skill, Level) {
    (Skill::new("s"), Level::new(level).unwrap())
}

/// The only match of these is for this ticket: its claim.
fn only(matches: impl IntoIterator<Item = Option<Match>>, ticket: TicketId) -> Claim {
    let all: Vec<_> = matches.into_iter().flatten().collect();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].ticket, ticket);
    all[0].claim
}

#[test]
fn a_caller_and_an_operator_who_come_at_once_find_each_other() {
    check(|| {
        let floor = Floor::new();
        let (class, (operator, _)) = (floor.class(1), floor.operator("a", 5));
        let ((ticket, by_caller), by_operator) = floor.race(
            move |floor| floor.enqueue(1, class),
            |floor| floor.ready(operator),
        );
        let matched = only([by_caller, by_operator], ticket);
        assert_eq!(matched.operator, operator);
        assert_eq!(floor.board.state(operator), OperatorState::Offered);
        assert_eq!(floor.board.waiting_in(class), 0);
    });
}

#[test]
fn abandon_races_a_match_and_one_wins() {
    check(|| {
        let floor = Floor::new();
        let (class, (operator, _)) = (floor.class(1), floor.operator("a", 5));
        let ticket = floor.waits(1, class);
        let (abandoned, matched) = floor.race(
            move |floor| floor.board.abandon(ticket),
            |floor| floor.ready(operator),
        );
        match abandoned {
            Abandoned::Won => {
                assert_eq!(matched, None);
                assert_eq!(floor.board.state(operator), OperatorState::Ready);
            }
            Abandoned::TooLate => {
                only([matched], ticket);
                floor.board.done(ticket);
            }
        }
        assert_eq!(floor.board.waiting_in(class), 0);
        // The ticket is free for the next, and an operator who is ready takes it.
        let (next, again) = floor.enqueue(2, class);
        assert_eq!(again.map(|m| m.ticket), matched.is_none().then_some(next));
    });
}

#[test]
fn two_operators_who_come_at_once_share_one_caller_out() {
    check(|| {
        let floor = Floor::new();
        let class = floor.class(1);
        let [a, b] = [("a", 5), ("b", 5)].map(|(name, has)| floor.operator(name, has).0);
        let ticket = floor.waits(1, class);
        let (one, other) = floor.race(move |floor| floor.ready(a), |floor| floor.ready(b));
        let taken = only([one, other], ticket).operator;
        let free = if taken == a { b } else { a };
        assert_eq!(floor.board.state(taken), OperatorState::Offered);
        assert_eq!(floor.board.state(free), OperatorState::Ready);
        // Who got nothing is there for the next.
        let (next, matched) = floor.enqueue(2, class);
        assert_eq!(only([matched], next).operator, free);
    });
}

#[test]
fn a_caller_who_is_put_back_meets_who_just_came() {
    check(|| {
        let floor = Floor::new();
        let class = floor.class(1);
        let [a, b] = [("a", 5), ("b", 5)].map(|(name, has)| floor.operator(name, has).0);
        let ticket = floor.waits(1, class);
        let missed = floor.ready(a).unwrap();
        let paused = floor
            .board
            .finished(&missed.claim, After::Paused, floor.at(9));
        assert_eq!(paused.state, OperatorState::Paused);
        let (by_caller, by_operator) = floor.race(
            move |floor| floor.board.put_back(ticket, None, floor.at(9)),
            |floor| floor.ready(b),
        );
        assert_eq!(only([by_caller, by_operator], ticket).operator, b);
    });
}

#[test]
fn a_caller_who_escalates_meets_who_just_came() {
    check(|| {
        let floor = Floor::new();
        let (narrow, wide) = (floor.class(9), floor.class(1));
        let (junior, _) = floor.operator("a", 1);
        let ticket = floor.waits(1, narrow);
        let (by_caller, by_operator) = floor.race(
            move |floor| floor.board.reclass(ticket, wide, floor.at(9)),
            |floor| floor.ready(junior),
        );
        only([by_caller, by_operator], ticket);
        assert_eq!(floor.board.waiting_in(narrow), 0);
        assert_eq!(floor.board.waiting_in(wide), 0);
    });
}

#[test]
fn a_caller_who_is_kept_no_more_meets_who_just_came() {
    check(|| {
        let floor = Floor::new();
        let class = floor.class(1);
        let [a, b] = [("a", 5), ("b", 5)].map(|(name, has)| floor.operator(name, has).0);
        let busy = floor.waits(1, class);
        let claim = only([floor.ready(a)], busy);
        floor.board.done(busy);
        let (at, call) = (floor.at(2), CallKey::new(ShardId(0), 2));
        let (kept, matched) = floor.board.enqueue_for(call, class, (at, a), at).unwrap();
        assert_eq!((floor.board.is_kept(kept), matched), (true, None));
        let (by_caller, by_operator) = floor.race(
            move |floor| floor.board.release(kept, floor.at(9)),
            |floor| floor.ready(b),
        );
        assert_eq!(only([by_caller, by_operator], kept).operator, b);
        let over = floor.board.finished(&claim, After::Ready, floor.at(9));
        assert_eq!(over.matched, None);
    });
}

#[test]
fn a_caller_who_is_kept_meets_the_operator_who_is_free_again() {
    check(|| {
        let floor = Floor::new();
        let (class, (operator, _)) = (floor.class(1), floor.operator("a", 5));
        let first = floor.waits(1, class);
        let claim = only([floor.ready(operator)], first);
        floor.board.done(first);
        let ((ticket, by_caller), freed) = floor.race(
            move |floor| {
                let (at, call) = (floor.at(2), CallKey::new(ShardId(0), 2));
                let keeper = (at, claim.operator);
                floor.board.enqueue_for(call, class, keeper, at).unwrap()
            },
            |floor| floor.board.finished(&claim, After::Ready, floor.at(9)),
        );
        only([by_caller, freed.matched], ticket);
    });
}

#[test]
fn who_learns_a_skill_meets_who_just_called() {
    check(|| {
        let floor = Floor::new();
        let class = floor.class(5);
        // Both skill sets are known, so that no lock is met on the way.
        floor.operator("b", 7);
        let (operator, _) = floor.operator("a", 1);
        assert_eq!(floor.ready(operator), None);
        let ((ticket, by_caller), (_, by_operator)) = floor.race(
            move |floor| floor.enqueue(1, class),
            |floor| floor.operator("a", 7),
        );
        only([by_caller, by_operator], ticket);
    });
}

#[test]
fn who_waits_already_goes_before_who_comes() {
    check(|| {
        let floor = Floor::new();
        let (class, (operator, _)) = (floor.class(1), floor.operator("a", 5));
        let old = floor.waits(1, class);
        let ((young, by_caller), by_operator) = floor.race(
            move |floor| floor.enqueue(2, class),
            |floor| floor.ready(operator),
        );
        only([by_caller, by_operator], old);
        assert_eq!(floor.board.waiting_in(class), 1);
        // The other is still to be found.
        floor.board.done(old);
        let (other, _) = floor.operator("b", 5);
        only([floor.ready(other)], young);
    });
}

#[test]
fn a_pause_races_an_offer_and_one_wins() {
    check(|| {
        let floor = Floor::new();
        let (class, (operator, _)) = (floor.class(1), floor.operator("a", 5));
        assert_eq!(floor.ready(operator), None);
        let ((ticket, matched), change) = floor.race(
            move |floor| floor.enqueue(1, class),
            |floor| floor.board.pause(operator, floor.at(9)),
        );
        assert_eq!(change.matched, None);
        let state = floor.board.state(operator);
        match matched {
            Some(_) => {
                let claim = only([matched], ticket);
                assert_eq!(state, OperatorState::Offered);
                let pending = floor.board.pending(operator);
                assert_eq!(pending, Some(OperatorState::Paused));
                let after = floor.board.finished(&claim, After::Ready, floor.at(9));
                assert_eq!(after.state, OperatorState::Paused);
            }
            None => {
                assert_eq!(state, OperatorState::Paused);
                only([floor.ready(operator)], ticket);
            }
        }
    });
}

#[test]
fn who_loses_a_caller_to_another_is_ready_again() {
    check(|| {
        let floor = Floor::new();
        let class = floor.class(1);
        let [a, b] = [("a", 5), ("b", 5)].map(|(name, has)| floor.operator(name, has).0);
        assert_eq!(floor.ready(a), None);
        let ((ticket, by_caller), by_operator) =
            floor.race(move |floor| floor.enqueue(1, class), |floor| floor.ready(b));
        let taken = only([by_caller, by_operator], ticket).operator;
        let free = if taken == a { b } else { a };
        let (next, matched) = floor.enqueue(2, class);
        assert_eq!(only([matched], next).operator, free);
    });
}

#[test]
fn two_callers_and_an_operator_who_come_at_once_leave_one_waiting() {
    // A third thread multiplies the interleavings by hundreds.
    check_with(1, || {
        let floor = Floor::new();
        let (class, (operator, _)) = (floor.class(1), floor.operator("a", 5));
        let there = floor.clone();
        let first = thread::spawn(move || there.enqueue(1, class));
        let ((b, by_b), by_operator) = floor.race(
            move |floor| floor.enqueue(2, class),
            |floor| floor.ready(operator),
        );
        let (a, by_a) = first.join().unwrap();
        let matched = by_a.or(by_b).or(by_operator).unwrap();
        let claim = only([by_a, by_b, by_operator], matched.ticket);
        assert_eq!(floor.board.waiting_in(class), 1);
        floor.board.done(matched.ticket);
        let next = floor.board.finished(&claim, After::Ready, floor.at(9));
        only([next.matched], if matched.ticket == a { b } else { a });
    });
}

#[test]
fn who_logs_out_while_a_call_ends_is_gone_at_once_or_after_one_more() {
    check(|| {
        let floor = Floor::new();
        let (class, (operator, _)) = (floor.class(1), floor.operator("a", 5));
        let first = floor.waits(1, class);
        let claim = only([floor.ready(operator)], first);
        floor.board.done(first);
        let second = floor.waits(2, class);
        let (freed, told) = floor.race(
            move |floor| floor.board.finished(&claim, After::Ready, floor.at(9)),
            |floor| floor.board.log_out(operator, floor.at(9)),
        );
        assert_eq!(told.matched, None);
        assert!(freed.changed);
        if freed.matched.is_some() {
            let claim = only([freed.matched], second);
            assert_eq!(floor.board.state(operator), OperatorState::Offered);
            let after = floor.board.finished(&claim, After::Ready, floor.at(9));
            assert_eq!(after.state, OperatorState::LoggedOut);
        }
        assert_eq!(floor.board.state(operator), OperatorState::LoggedOut);
        assert_eq!(floor.board.census(class).logged_out, 1);
    });
}

#[test]
fn who_logs_out_while_a_call_ends_and_nobody_waits_is_gone() {
    check(|| {
        let floor = Floor::new();
        let (class, (operator, _)) = (floor.class(1), floor.operator("a", 5));
        let first = floor.waits(1, class);
        let claim = only([floor.ready(operator)], first);
        floor.board.done(first);
        let (freed, told) = floor.race(
            move |floor| floor.board.finished(&claim, After::Ready, floor.at(9)),
            |floor| floor.board.log_out(operator, floor.at(9)),
        );
        assert_eq!((freed.matched, told.matched), (None, None));
        assert_eq!(floor.board.state(operator), OperatorState::LoggedOut);
        assert_eq!(floor.board.pending(operator), None);
        floor.waits(2, class);
    });
}

#[test]
fn an_offer_that_two_end_at_once_ends_once() {
    check(|| {
        let floor = Floor::new();
        let (class, (operator, _)) = (floor.class(1), floor.operator("a", 5));
        let ticket = floor.waits(1, class);
        let claim = floor.ready(operator).unwrap().claim;
        floor.board.done(ticket);
        let (one, other) = floor.race(
            move |floor| floor.board.finished(&claim, After::Ready, floor.at(9)),
            |floor| floor.board.finished(&claim, After::LoggedOut, floor.at(9)),
        );
        assert_eq!(
            [one.changed, other.changed].iter().filter(|c| **c).count(),
            1
        );
        let expected = if one.changed {
            OperatorState::Ready
        } else {
            OperatorState::LoggedOut
        };
        assert_eq!(floor.board.state(operator), expected);
        let census = floor.board.census(class);
        assert_eq!(census.working() + census.logged_out, 1);
    });
}

/// A tree of four leaves, two levels high, and who is shown at the first of them.
fn tree(shown: &[u64]) -> (Arc<Tree>, Vec<u32>) {
    let tree = Tree::new(0, 2);
    let leaves: Vec<_> = (0..4).filter_map(|id| tree.reserve(id)).collect();
    for (leaf, key) in leaves.iter().zip(shown) {
        tree.show(*leaf, *key);
    }
    (Arc::new(tree), leaves)
}

fn found(tree: &Tree) -> Vec<u32> {
    let mut after = None;
    let next = || {
        after = Some(tree.first(after)?);
        after.map(|(_, leaf)| tree.id(leaf))
    };
    std::iter::from_fn(next).collect()
}

#[test]
fn two_who_are_shown_at_once_are_both_found() {
    check(|| {
        let (tree, leaves) = tree(&[]);
        let (there, leaf) = (Arc::clone(&tree), leaves[0]);
        let thread = thread::spawn(move || there.show(leaf, 1));
        tree.show(leaves[1], 2);
        // Whoever has shown somebody finds them, whatever the other has done so far.
        assert!(found(&tree).contains(&1));
        thread.join().unwrap();
        assert_eq!(found(&tree), [0, 1]);
    });
}

#[test]
fn who_is_shown_beside_one_who_goes_is_found() {
    check(|| {
        let (tree, leaves) = tree(&[1]);
        let (there, leaf) = (Arc::clone(&tree), leaves[0]);
        let thread = thread::spawn(move || there.hide(leaf));
        tree.show(leaves[1], 2);
        assert!(found(&tree).contains(&1));
        thread.join().unwrap();
        assert_eq!(found(&tree), [1]);
    });
}

#[test]
fn who_stands_behind_one_who_goes_is_never_overlooked() {
    check(|| {
        // The second stands beside the first; the third, in the other half, passes by.
        let (tree, leaves) = tree(&[1, 2]);
        let (there, leaf) = (Arc::clone(&tree), leaves[0]);
        let thread = thread::spawn(move || there.hide(leaf));
        tree.show(leaves[2], 9);
        assert!(found(&tree).contains(&1));
        tree.hide(leaves[2]);
        assert!(found(&tree).contains(&1));
        thread.join().unwrap();
        assert_eq!(found(&tree), [1]);
    });
}

#[test]
fn who_goes_and_comes_back_is_found_beside_one_who_goes() {
    check(|| {
        let (tree, leaves) = tree(&[2, 1]);
        let (there, leaf) = (Arc::clone(&tree), leaves[0]);
        let thread = thread::spawn(move || there.hide(leaf));
        // The node is again as it was; only its version tells that it was not.
        tree.hide(leaves[1]);
        tree.show(leaves[1], 1);
        assert!(found(&tree).contains(&1));
        thread.join().unwrap();
        assert_eq!(found(&tree), [1]);
    });
}

#[test]
fn places_that_are_taken_and_left_at_once_keep_everyone() {
    check(|| {
        let forest = Arc::new(Forest::default());
        let first = forest.reserve(1).unwrap();
        forest.show(first, 1);
        let there = Arc::clone(&forest);
        let thread = thread::spawn(move || {
            let second = there.reserve(2).unwrap();
            there.show(second, 2);
        });
        forest.hide(first);
        forest.release(first);
        let third = forest.reserve(3).unwrap();
        forest.show(third, 3);
        thread.join().unwrap();
        let mut ids = Vec::new();
        forest.find(u64::MAX, |id, _| {
            ids.push(id);
            None::<()>
        });
        assert_eq!(ids, [2, 3]);
        assert_eq!(forest.len(), 2);
    });
}
