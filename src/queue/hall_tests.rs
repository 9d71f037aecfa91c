use super::*;
use crate::dispatch::{Abilities, Capacity, ClassKey, Match, OperatorId, Strategy};
use crate::model::{CallKey, Level, OperatorName, Requirement, ShardId, Skill};

#[expect(clippy::disallowed_methods, reason = "any moment serves as an epoch")]
fn any_moment() -> Instant {
    Instant::now()
}

fn hall(queues: &[&str]) -> Hall {
    let capacity = Capacity {
        operators: 1,
        more_calls: 0,
        tickets_per_shard: 8,
        shards: 1,
        classes: 4,
        profiles: 1,
    };
    let hall = Hall::new(Arc::new(Board::new(capacity, any_moment())));
    hall.configure(&names(queues));
    hall
}

fn names(queues: &[&str]) -> BTreeSet<QueueName> {
    queues.iter().copied().map(QueueName::from).collect()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_queue_takes_so_many_and_a_seat_that_is_left_is_free() {
    let hall = hall(&["a", "b"]);
    let (a, b) = (QueueName::from("a"), QueueName::from("b"));
    let mut seats: Vec<_> = (0..3).filter_map(|_| hall.enter(&a, 2)).collect();
    assert_eq!((seats.len(), hall.waiting(&a), hall.waiting(&b)), (2, 2, 0));
    seats.pop();
    assert_eq!(hall.waiting(&a), 1);
    assert!(hall.enter(&a, 1).is_none());
    seats.extend(hall.enter(&a, 2));
    assert_eq!(hall.waiting(&a), 2);
    drop(seats);
    assert_eq!(hall.waiting(&a), 0);
    assert!(hall.enter(&a, 0).is_none());
}

#[test]
fn no_queue_takes_more_than_the_process_allows() {
    let (hall, a) = (hall(&["a"]), QueueName::from("a"));
    let seats: Vec<_> = (0..=limits::WAITING_PER_QUEUE)
        .map_while(|_| hall.enter(&a, usize::MAX))
        .collect();
    assert_eq!(seats.len(), limits::WAITING_PER_QUEUE);
}

#[test]
fn a_reload_keeps_the_counts_of_what_stays_and_of_who_sits() {
    let hall = hall(&["stays", "goes", "gone"]);
    let [stays, goes, gone] = ["stays", "goes", "gone"].map(QueueName::from);
    let seats = [hall.enter(&stays, 9), hall.enter(&goes, 9)];
    for queue in [&stays, &goes, &gone] {
        hall.handled(queue, seconds(60));
    }
    hall.configure(&names(&["stays", "new"]));
    assert_eq!((hall.waiting(&stays), hall.waiting(&goes)), (1, 1));
    assert_eq!(hall.handle_time(&stays), Some(seconds(60)));
    assert_eq!(hall.handle_time(&gone), None);
    drop(seats);
    assert_eq!((hall.waiting(&stays), hall.waiting(&goes)), (0, 0));
    hall.configure(&names(&["stays"]));
    assert_eq!(hall.handle_time(&goes), None);
    // A call that began before the reload may still come to it.
    let late = hall.enter(&goes, 9);
    assert_eq!((late.is_some(), hall.waiting(&goes)), (true, 1));
}

#[test]
fn threads_that_enter_and_leave_never_exceed_and_end_at_nothing() {
    let (hall, a) = (hall(&[]), QueueName::from("a"));
    let rounds = || {
        for round in 0..2_000 {
            let seat = hall.enter(&a, 3);
            assert!(hall.waiting(&a) <= 3);
            if round % 100 == 0 {
                hall.configure(&names(&[]));
            }
            drop(seat);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(rounds);
        }
    });
    assert_eq!(hall.waiting(&a), 0);
}

/// Three operators, of whom two take both queues, one only the first; so many calls of each
/// took a minute.
struct Office {
    hall: Hall,
    start: Instant,
    calls: std::cell::Cell<u64>,
}

impl Office {
    fn new(calls: [usize; 2]) -> Self {
        let capacity = Capacity {
            operators: 3,
            more_calls: 0,
            tickets_per_shard: 64,
            shards: 1,
            classes: 8,
            profiles: 4,
        };
        let start = any_moment();
        let hall = Hall::new(Arc::new(Board::new(capacity, start)));
        hall.configure(&names(&["a", "b"]));
        for (queue, calls) in ["a", "b"].iter().zip(calls) {
            (0..calls).for_each(|_| hall.handled(&QueueName::from(*queue), seconds(60)));
        }
        Self {
            hall,
            start,
            calls: std::cell::Cell::new(0),
        }
    }

    fn class(&self, queue: &str, priority: i16) -> ClassId {
        let level = Level::new(1).unwrap();
        let key = ClassKey {
            queue: queue.into(),
            requires: Requirement::from_iter([(Skill::new(queue), level)]),
            also: Vec::new(),
            prefer: Requirement::default(),
            strategy: Strategy::default(),
            priority,
        };
        self.hall.board.class(&key).unwrap()
    }

    /// An operator, ready.
    fn ready(&self, name: &str, skills: &[&str]) -> OperatorId {
        let level = Level::new(5).unwrap();
        let skills = skills.iter().map(|skill| (Skill::new(*skill), level));
        let abilities = Abilities {
            skills: skills.collect(),
            ..Abilities::default()
        };
        let told = self
            .hall
            .board
            .operator(&OperatorName::new(name), &abilities, self.start);
        let (operator, _) = told.unwrap();
        let change = self.hall.board.ready(operator, self.start);
        assert_eq!(change.matched, None);
        operator
    }

    fn call(&self, queue: &str, priority: i16) -> (TicketId, Option<Match>) {
        let class = self.class(queue, priority);
        let call = CallKey::new(ShardId(0), self.calls.replace(self.calls.get() + 1));
        let age = self.start + Duration::from_millis(self.calls.get());
        self.hall.board.enqueue(call, class, age, age).unwrap()
    }

    fn waits(&self, queue: &str, priority: i16) -> TicketId {
        let (ticket, matched) = self.call(queue, priority);
        assert_eq!(matched, None);
        ticket
    }

    fn many_wait(&self, callers: u64, queue: &str) {
        for _ in 0..callers {
            self.waits(queue, 0);
        }
    }

    fn talks(&self, queue: &str) {
        let matched = self.call(queue, 0).1.unwrap();
        assert!(self.hall.board.answered(&matched.claim, self.start));
    }

    /// The p50 in seconds, at the start.
    fn likely(&self, whose: Whose) -> Option<u64> {
        let estimate = self.hall.estimate(whose, seconds(0), self.start)?;
        Some((estimate.likely + Duration::from_millis(500)).as_secs())
    }

    fn next(&self, queue: &str) -> Option<u64> {
        self.likely(Whose::Class(self.class(queue, 0)))
    }
}

fn near(got: Option<u64>, expected: u64) {
    let near = got.is_some_and(|got| got.abs_diff(expected) <= expected / 10);
    assert!(near, "{got:?}, not {expected}");
}

#[test]
fn nothing_is_estimated_with_few_calls_or_nobody_who_works() {
    let office = Office::new([9, 0]);
    assert_eq!(office.next("a"), None);
    let alice = office.ready("alice", &["a", "b"]);
    assert_eq!(office.next("a"), None);
    // The tenth is one of another queue that the same operators serve.
    office.class("b", 0);
    office.hall.handled(&QueueName::from("b"), seconds(60));
    assert_eq!(office.next("a"), Some(0));
    assert!(office.hall.board.pause(alice, office.start).changed);
    assert_eq!(office.next("a"), None);
}

#[test]
fn who_asked_to_leave_takes_no_more_callers() {
    let office = Office::new([64, 0]);
    let [alice, _] = ["alice", "bob"].map(|name| office.ready(name, &["a"]));
    office.talks("a");
    office.talks("a");
    office.waits("a", 0);
    near(office.next("a"), 60);
    let marked = office.hall.board.pause(alice, office.start);
    assert!(!marked.changed);
    near(office.next("a"), 120);
}

#[test]
fn only_those_count_who_are_served_before() {
    let office = Office::new([64, 64]);
    office.ready("alice", &["a", "b"]);
    office.talks("a");
    let first = office.waits("a", 0);
    let second = office.waits("b", 0);
    let third = office.waits("a", 0);
    let urgent = office.waits("b", 9);
    let [first, second, third, urgent] = [first, second, third, urgent].map(Whose::Ticket);
    for (whose, expected) in [(urgent, 60), (first, 120), (second, 180), (third, 240)] {
        near(office.likely(whose), expected);
    }
    near(office.next("a"), 300);
    near(office.likely(Whose::Class(office.class("b", 9))), 120);
}

#[test]
fn who_serves_only_this_queue_is_not_kept_by_the_other() {
    let office = Office::new([64, 64]);
    for (name, skills) in [
        ("alice", ["a", "b"].as_slice()),
        ("bob", &["a", "b"]),
        ("carol", &["a"]),
    ] {
        office.ready(name, skills);
    }
    (0..3).for_each(|_| office.talks("a"));
    office.many_wait(20, "b");
    near(office.next("a"), 60);
    near(office.next("b"), 660);
    // Ten more of `a` wait for carol alone: only after ten turns are the others free.
    office.many_wait(5, "a");
    near(office.next("a"), 360);
    office.many_wait(10, "a");
    near(office.next("a"), 720);
}

#[test]
fn the_longest_wait_is_that_of_the_oldest_in_any_class_of_the_queue() {
    let hall = hall(&["a", "b"]);
    let [a, b] = ["a", "b"].map(QueueName::from);
    let start = any_moment();
    let enqueue = |queue: &QueueName, priority, at| {
        let key = ClassKey {
            queue: queue.clone(),
            requires: Requirement::default(),
            also: Vec::new(),
            prefer: Requirement::default(),
            strategy: Strategy::default(),
            priority,
        };
        let class = hall.board.class(&key).unwrap();
        let call = CallKey::new(ShardId(0), at);
        let age = start + seconds(at);
        hall.board.enqueue(call, class, age, age).unwrap().0
    };
    assert_eq!(hall.longest_wait(&a, start + seconds(9)), Duration::ZERO);
    enqueue(&b, 0, 1);
    enqueue(&a, 0, 7);
    let oldest = enqueue(&a, 5, 3);
    enqueue(&a, 0, 8);
    assert_eq!(hall.longest_wait(&a, start + seconds(9)), seconds(6));
    let gone = hall.board.abandon(oldest);
    assert_eq!(gone, crate::dispatch::Abandoned::Won);
    assert_eq!(hall.longest_wait(&a, start + seconds(9)), seconds(2));
}
