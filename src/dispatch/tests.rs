//! The board in small, one rule a test; and the fixture that the other tests share.

use std::time::{Duration, Instant};

use super::*;
use crate::model::{
    CallKey, Census, Level, OperatorName, OperatorState, QueueName, Requirement, ShardId, Skill,
    SkillSet,
};

/// A board with a clock of its own and names instead of ids.
pub(super) struct Floor {
    pub(super) board: Board,
    epoch: Instant,
}

pub(super) fn skills(text: &str) -> SkillSet {
    pairs(text).collect()
}

pub(super) fn abilities(has: &str) -> Abilities {
    Abilities {
        skills: skills(has),
        ..Abilities::default()
    }
}

pub(super) fn requirement(text: &str) -> Requirement {
    pairs(text).collect()
}

/// `support:3 lang:1`.
fn pairs(text: &str) -> impl Iterator<Item = (Skill, Level)> {
    text.split_whitespace().map(|pair| {
        let (skill, level) = pair.split_once(':').unwrap();
        let level = Level::new(level.parse().unwrap()).unwrap();
        (Skill::new(skill), level)
    })
}

impl Floor {
    #[expect(clippy::disallowed_methods, reason = "any moment serves as an epoch")]
    pub(super) fn new(capacity: Capacity) -> Self {
        let epoch = Instant::now();
        let board = Board::new(capacity, epoch);
        Self { board, epoch }
    }

    fn small() -> Self {
        Self::new(Capacity {
            operators: 8,
            more_calls: 0,
            tickets_per_shard: 16,
            shards: 2,
            classes: 8,
            profiles: 8,
        })
    }

    /// So many seconds after the epoch.
    pub(super) fn at(&self, seconds: u64) -> Instant {
        self.epoch + Duration::from_secs(seconds)
    }

    pub(super) fn operator(&self, name: &str, has: &str) -> OperatorId {
        let name = OperatorName::new(name);
        let told = self.board.operator(&name, &abilities(has), self.at(0));
        let (id, matches) = told.unwrap();
        assert_eq!(matches, []);
        id
    }

    pub(super) fn class(&self, wants: &str, priority: i16) -> ClassId {
        self.class_by(wants, Strategy::default(), priority)
    }

    pub(super) fn class_by(&self, wants: &str, strategy: Strategy, priority: i16) -> ClassId {
        let key = ClassKey {
            queue: QueueName::new("q"),
            requires: requirement(wants),
            also: Vec::new(),
            prefer: Requirement::default(),
            strategy,
            priority,
        };
        self.board.class(&key).unwrap()
    }

    /// Queues call `n` at second `at`.
    pub(super) fn enqueue(&self, n: u64, class: ClassId, at: u64) -> (TicketId, Option<Match>) {
        let (age, call) = (self.at(at), CallKey::new(ShardId(0), n));
        self.board.enqueue(call, class, age, age).unwrap()
    }

    pub(super) fn waits(&self, n: u64, class: ClassId, at: u64) -> TicketId {
        let (ticket, matched) = self.enqueue(n, class, at);
        assert_eq!(matched, None, "call {n} should wait");
        ticket
    }

    pub(super) fn ready(&self, operator: OperatorId, at: u64) -> Option<Match> {
        let change = self.board.ready(operator, self.at(at));
        assert!(change.changed);
        change.matched
    }
}

fn call(matched: Option<Match>) -> Option<u64> {
    matched.map(|m| m.call.to_bits())
}

#[test]
fn a_ready_operator_gets_the_next_caller() {
    let floor = Floor::small();
    let alice = floor.operator("alice", "support:5");
    assert_eq!(floor.ready(alice, 1), None);
    let (ticket, matched) = floor.enqueue(7, floor.class("support:3", 0), 2);
    let matched = matched.unwrap();
    assert_eq!((matched.claim.operator, matched.ticket), (alice, ticket));
    assert_eq!(matched.possible_at, floor.at(2));
    assert_eq!(floor.board.state(alice), OperatorState::Offered);
    assert!(floor.board.answered(&matched.claim, floor.at(3)));
    assert_eq!(floor.board.state(alice), OperatorState::Talking);
    assert_eq!(floor.board.since(alice), Some(floor.at(3)));
    floor.board.done(ticket);
    let after = |then, at| floor.board.finished(&matched.claim, then, floor.at(at));
    assert_eq!(after(After::WrapUp, 9).state, OperatorState::WrapUp);
    assert!(!after(After::Ready, 9).changed);
    let change = floor.board.wrap_up_over(&matched.claim, floor.at(19));
    assert_eq!((change.state, change.changed), (OperatorState::Ready, true));
}

#[test]
fn whoever_makes_a_call_is_offered_none() {
    let floor = Floor::small();
    let alice = floor.operator("alice", "support:5");
    assert_eq!(floor.board.take(alice, floor.at(1)), None, "not logged in");
    assert_eq!(floor.ready(alice, 1), None);
    let claim = floor.board.take(alice, floor.at(2)).unwrap();
    assert_eq!(floor.board.take(alice, floor.at(2)), None, "busy already");
    let ticket = floor.waits(7, floor.class("support:3", 0), 3);
    assert!(floor.board.answered(&claim, floor.at(4)));
    assert_eq!(floor.board.state(alice), OperatorState::Talking);
    let change = floor.board.finished(&claim, After::Ready, floor.at(9));
    assert_eq!(change.matched.map(|m| m.ticket), Some(ticket));
}

#[test]
fn priority_comes_before_age_and_age_before_the_rest() {
    let floor = Floor::small();
    let alice = floor.operator("alice", "a:5 b:5");
    let (low, high) = (floor.class("a:1", 0), floor.class("b:1", 10));
    floor.waits(1, low, 1);
    floor.waits(2, high, 3);
    floor.waits(3, high, 4);
    floor.waits(4, low, 2);
    let mut order = Vec::new();
    let mut matched = floor.ready(alice, 10);
    while let Some(one) = matched {
        order.push(one.call.to_bits());
        floor.board.done(one.ticket);
        let then = floor.board.finished(&one.claim, After::Ready, floor.at(10));
        matched = then.matched;
    }
    assert_eq!(order, [2, 3, 1, 4]);
}

#[test]
fn who_has_been_idle_for_longest_gets_the_call_whatever_the_profile() {
    let floor = Floor::small();
    let names = [("a", "s:1"), ("b", "s:2"), ("c", "s:1"), ("d", "x:1")];
    let [a, b, c, d] = names.map(|(name, has)| floor.operator(name, has));
    for (at, operator) in [(1, d), (2, b), (3, c), (4, a)] {
        assert_eq!(floor.ready(operator, at), None);
    }
    let class = floor.class("s:1", 0);
    let order = [1, 2, 3].map(|n| floor.enqueue(n, class, 10).1.unwrap().claim.operator);
    assert_eq!(order, [b, c, a]);
    floor.waits(4, class, 11);
}

#[test]
fn a_missed_offer_waits_again_in_its_old_place() {
    let floor = Floor::small();
    let alice = floor.operator("alice", "s:1");
    let class = floor.class("s:1", 0);
    let first = floor.waits(1, class, 1);
    let second = floor.waits(2, class, 2);
    let offered = floor.ready(alice, 3).unwrap();
    assert_eq!(offered.ticket, first);
    let missed = floor
        .board
        .finished(&offered.claim, After::Paused, floor.at(18));
    assert_eq!(missed.state, OperatorState::Paused);
    assert_eq!(floor.board.put_back(first, None, floor.at(18)), None);
    assert_eq!(
        (floor.board.ahead(first), floor.board.ahead(second)),
        (0, 1)
    );
    assert_eq!(floor.ready(alice, 20).unwrap().ticket, first);
}

#[test]
fn an_escalated_caller_keeps_the_age_and_finds_the_wider_class() {
    let floor = Floor::small();
    let junior = floor.operator("junior", "s:1");
    floor.waits(1, floor.class("s:9", 0), 1);
    let old = floor.waits(2, floor.class("s:9", 0), 2);
    let wide = floor.class("s:1", 0);
    let young = floor.waits(3, wide, 20);
    assert_eq!(floor.board.reclass(old, wide, floor.at(32)), None);
    assert_eq!(floor.ready(junior, 33).unwrap().ticket, old);
    let matched = floor.board.abandon(young);
    assert_eq!(matched, Abandoned::Won);
    let other = floor.operator("other", "s:5");
    assert_eq!(floor.ready(other, 34), None);
}

#[test]
fn a_step_of_escalation_while_the_phone_rings_counts_when_it_is_put_back() {
    let floor = Floor::small();
    let [expert, junior] = [("e", "s:9"), ("j", "s:1")].map(|(n, has)| floor.operator(n, has));
    let ticket = floor.waits(1, floor.class("s:9", 0), 1);
    assert_eq!(floor.ready(junior, 2), None);
    let offered = floor.ready(expert, 3).unwrap();
    let wide = floor.class("s:1", 0);
    assert_eq!(floor.board.reclass(ticket, wide, floor.at(31)), None);
    let _paused = floor
        .board
        .finished(&offered.claim, After::Paused, floor.at(33));
    let again = floor.board.put_back(ticket, None, floor.at(33)).unwrap();
    assert_eq!(again.claim.operator, junior);
}

#[test]
fn who_abandons_is_gone_or_too_late() {
    let floor = Floor::small();
    let alice = floor.operator("alice", "s:1");
    let class = floor.class("s:1", 0);
    let gone = floor.waits(1, class, 1);
    let late = floor.waits(2, class, 2);
    assert_eq!(floor.board.abandon(gone), Abandoned::Won);
    let matched = floor.ready(alice, 3).unwrap();
    assert_eq!(matched.ticket, late);
    assert_eq!(floor.board.abandon(late), Abandoned::TooLate);
    floor.board.done(late);
    let back = floor
        .board
        .finished(&matched.claim, After::Ready, floor.at(4));
    assert_eq!((back.state, back.matched), (OperatorState::Ready, None));
    assert_eq!(floor.board.abandon(late), Abandoned::Won);
    assert_eq!(floor.board.waiting_in(class), 0);
}

#[test]
fn a_busy_operator_goes_where_the_mark_says_when_the_call_is_over() {
    let floor = Floor::small();
    let alice = floor.operator("alice", "s:1");
    let class = floor.class("s:1", 0);
    assert_eq!(floor.ready(alice, 1), None);
    let round = |n: u64, mark: &dyn Fn() -> Change, then| {
        let (ticket, matched) = floor.enqueue(n, class, n);
        let claim = matched.unwrap().claim;
        let told = mark();
        assert_eq!((told.state, told.changed), (OperatorState::Offered, false));
        floor.board.done(ticket);
        let change = floor.board.finished(&claim, then, floor.at(n));
        assert_eq!(floor.board.pending(alice), None);
        change.state
    };
    let (at, board) = (floor.at(5), &floor.board);
    let paused = round(2, &|| board.pause(alice, at), After::WrapUp);
    assert_eq!(paused, OperatorState::Paused);
    let _ready = board.ready(alice, at);
    let gone = round(3, &|| board.log_out(alice, at), After::Paused);
    assert_eq!(gone, OperatorState::LoggedOut);
    let _ready = board.ready(alice, at);
    let mind_changed = || {
        let _marked = board.pause(alice, at);
        assert_eq!(board.pending(alice), Some(OperatorState::Paused));
        board.ready(alice, at)
    };
    assert_eq!(round(4, &mind_changed, After::Ready), OperatorState::Ready);
}

#[test]
fn who_pauses_or_logs_out_gets_no_call() {
    let floor = Floor::small();
    let alice = floor.operator("alice", "s:1");
    let class = floor.class("s:1", 0);
    let steps: [fn(&Board, OperatorId, Instant) -> Change; 2] = [Board::pause, Board::log_out];
    for step in steps {
        assert_eq!(floor.ready(alice, 1), None);
        assert!(step(&floor.board, alice, floor.at(2)).changed);
        assert!(!step(&floor.board, alice, floor.at(2)).changed);
        let ticket = floor.waits(1, class, 3);
        assert_eq!(floor.board.abandon(ticket), Abandoned::Won);
    }
}

#[test]
fn what_is_done_with_a_claim_from_before_does_nothing() {
    let floor = Floor::small();
    let alice = floor.operator("alice", "s:1");
    let class = floor.class("s:1", 0);
    let _idle = floor.ready(alice, 1);
    let (ticket, matched) = floor.enqueue(1, class, 2);
    let old = matched.unwrap().claim;
    floor.board.done(ticket);
    let _ready = floor.board.finished(&old, After::Ready, floor.at(3));
    let (_, matched) = floor.enqueue(2, class, 4);
    let new = matched.unwrap().claim;
    assert_ne!(old.generation, new.generation);
    assert!(!floor.board.answered(&old, floor.at(5)));
    for then in [After::Ready, After::WrapUp, After::Paused, After::LoggedOut] {
        assert!(!floor.board.finished(&old, then, floor.at(5)).changed);
    }
    assert!(!floor.board.wrap_up_over(&old, floor.at(5)).changed);
    assert_eq!(floor.board.state(alice), OperatorState::Offered);
    assert!(floor.board.answered(&new, floor.at(6)));
}

#[test]
fn other_skills_move_a_ready_operator_to_a_caller() {
    let floor = Floor::small();
    let alice = floor.operator("alice", "s:1");
    let _idle = floor.ready(alice, 1);
    let class = floor.class("s:5", 0);
    floor.waits(1, class, 2);
    assert_eq!(floor.board.census(class), Census::default());
    let name = OperatorName::new("alice");
    let told = floor.board.operator(&name, &abilities("s:7"), floor.at(3));
    let (same, matches) = told.unwrap();
    let matched = matches.first().copied();
    assert_eq!((same, call(matched)), (alice, Some(1)));
    let census = floor.board.census(class);
    assert_eq!(census.offered, 1);
    let _marked = floor.board.retire(alice, floor.at(4));
    assert!(!floor.board.census(class).staffed());
    let claim = matched.unwrap().claim;
    let change = floor.board.finished(&claim, After::Ready, floor.at(5));
    assert_eq!(change.state, OperatorState::LoggedOut);
    assert!(!floor.board.ready(alice, floor.at(6)).changed);
    assert_eq!(floor.operator("alice", "s:7"), alice);
    assert_eq!(floor.board.census(class).logged_out, 1);
}

#[test]
fn a_retired_operator_who_was_ready_is_gone() {
    let floor = Floor::small();
    let alice = floor.operator("alice", "s:1");
    let _idle = floor.ready(alice, 1);
    assert!(floor.board.retire(alice, floor.at(2)).changed);
    assert_eq!(floor.board.state(alice), OperatorState::LoggedOut);
    let ticket = floor.waits(1, floor.class("s:1", 0), 3);
    assert_eq!(floor.board.why(ticket, floor.at(3)), []);
}

#[test]
fn the_board_says_why_nobody_comes() {
    let floor = Floor::small();
    let names = [("a", "s:9"), ("b", "s:1"), ("c", "s:5")];
    let [a, _, c] = names.map(|(name, has)| floor.operator(name, has));
    let _idle = floor.ready(a, 1);
    let _paused = floor.board.pause(c, floor.at(1));
    let class = floor.class("s:5", 0);
    let _offered = floor.enqueue(1, class, 2);
    let ticket = floor.waits(2, class, 3);
    let why = floor.board.why(ticket, floor.at(4));
    let why: Vec<_> = why.iter().map(|(n, w)| format!("{n}: {w}")).collect();
    assert_eq!(why, ["a: offered", "b: skill s 1 < 5", "c: paused"]);
    let census = floor.board.census(class);
    assert_eq!((census.offered, census.paused, census.working()), (1, 1, 1));
    assert_eq!(floor.board.oldest(class), Some(floor.at(3)));
}

#[test]
fn also_opens_a_class_to_other_operators() {
    let floor = Floor::small();
    let sales = floor.operator("sales", "sales:6");
    let key = ClassKey {
        queue: QueueName::new("q"),
        requires: requirement("s:1"),
        also: vec![requirement("sales:5")],
        prefer: Requirement::default(),
        strategy: Strategy::default(),
        priority: 0,
    };
    let class = floor.board.class(&key).unwrap();
    assert_eq!(floor.board.class(&key), Ok(class));
    floor.waits(1, floor.class("s:1", 0), 1);
    floor.waits(2, class, 2);
    assert_eq!(call(floor.ready(sales, 3)), Some(2));
}

#[test]
fn a_full_board_says_what_is_full() {
    let floor = Floor::new(Capacity {
        operators: 1,
        more_calls: 0,
        tickets_per_shard: 1,
        shards: 1,
        classes: 1,
        profiles: 1,
    });
    let (class, _) = (floor.class("s:1", 0), floor.operator("a", "s:1"));
    let at = floor.at(1);
    let second = |name: &str, has: &str| {
        let name = OperatorName::new(name);
        floor.board.operator(&name, &abilities(has), at).map(|_| ())
    };
    assert_eq!(second("b", "s:1"), Err(Full::Operators));
    assert_eq!(second("a", "s:2"), Err(Full::Profiles));
    let key = ClassKey {
        queue: QueueName::new("q"),
        requires: requirement("s:2"),
        also: Vec::new(),
        prefer: Requirement::default(),
        strategy: Strategy::default(),
        priority: 0,
    };
    assert_eq!(floor.board.class(&key), Err(Full::Classes));
    let ticket = floor.waits(1, class, 1);
    let call = CallKey::new(ShardId(0), 2);
    let refused = floor.board.enqueue(call, class, at, at);
    assert_eq!(refused, Err(Full::Tickets));
    assert_eq!(floor.board.abandon(ticket), Abandoned::Won);
    floor.waits(2, class, 2);
}
