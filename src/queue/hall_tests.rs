use super::*;
use crate::dispatch::{Capacity, ClassKey, Strategy};
use crate::model::{CallKey, Requirement, ShardId};

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

#[test]
fn the_estimate_is_turns_times_handle_time_by_operators() {
    let (hall, a) = (hall(&["a"]), QueueName::from("a"));
    assert_eq!(hall.estimate(&a, 0, 1), None);
    hall.handled(&a, seconds(180));
    let rows = [
        (0, 1, Some(180)),
        (0, 3, Some(60)),
        (5, 3, Some(360)),
        (9, 10, Some(180)),
        (3, 0, None),
        (usize::MAX, 1, None),
    ];
    for (ahead, working, expected) in rows {
        let estimate = hall.estimate(&a, ahead, working);
        assert_eq!(
            estimate,
            expected.map(seconds),
            "{ahead} ahead, {working} work"
        );
    }
    assert_eq!(hall.estimate(&QueueName::from("b"), 0, 1), None);
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
