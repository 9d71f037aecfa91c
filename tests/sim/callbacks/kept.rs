//! Promises, and places, beyond the process that made them.

use exchange::call::{CallbackKey, Comeback};

use super::*;

/// Callers whom an earlier process lost, and since when they had waited.
fn lost(world: &mut World, callers: &[(&str, u64)]) {
    let comebacks = callers.iter().map(|(number, since_ms)| Comeback {
        key: CallbackKey {
            queue: "help".into(),
            number: (*number).into(),
        },
        since_ms: *since_ms,
        lost_ms: u64::MAX,
    });
    world.lost(comebacks.collect());
}

#[test]
fn who_was_lost_with_a_process_and_calls_again_is_in_the_old_place() {
    let (mut world, _) = with("", 19);
    let ann = away(&mut world);
    lost(&mut world, &[("060003", 2), ("060004", 1)]);
    let others: Vec<PhoneId> = (0..3).map(|_| waits(&mut world)).collect();
    assert_eq!(others.len(), 3);
    comes(&mut world);
    for caller in [others[2], others[1], others[0]] {
        assert!(world.run_until(s(30), |w| w.bridged(caller, ann)));
        world.hang_up(caller);
    }
    let came = |event: &Event| matches!(event, Event::CameBack { .. });
    assert_eq!(world.events().iter().filter(|(_, e)| came(e)).count(), 2);
    settle(&mut world);
}

#[test]
fn what_cannot_be_noted_is_not_dialled() {
    let (mut world, customer) = with("every: 1m", 16);
    let ann = away(&mut world);
    promised(&mut world);
    world.break_disk(true);
    comes(&mut world);
    assert!(world.run_until(s(10), |w| w.doing(ann) == Doing::Talking));
    world.run(s(3));
    assert_eq!(world.doing(ann), Doing::Idle);
    assert_eq!(world.operator_state("ann"), OperatorState::Ready);
    assert_eq!(rang(&world, customer), 0);
    assert_eq!(world.callbacks()[0].0.attempts, 0);
    world.break_disk(false);
    assert!(world.run_until(s(90), |w| w.bridged(customer, ann)));
    settle(&mut world);
    assert_eq!(results(&world), [(CallbackResult::Answered, 1)]);
}

#[test]
fn a_process_that_dies_while_it_dials_does_not_dial_that_attempt_again() {
    let (mut world, customer) = with("every: 5m", 17);
    world.manner(customer, Manner::Rings);
    away(&mut world);
    promised(&mut world);
    comes(&mut world);
    assert!(world.run_until(s(20), |w| w.doing(customer) == Doing::Ringing));
    let left = world.kept();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].attempts, 1);
    let (mut next, customer) = with("every: 5m", 18);
    let ann = next.operator("ann", Manner::Answers(s(1)), None);
    next.run(s(1));
    let other = waits(&mut next);
    assert!(next.run_until(s(10), |w| w.bridged(other, ann)));
    next.remember(left);
    next.run(s(200));
    assert_eq!(rang(&next, customer), 0, "not before its time");
    let late = waits(&mut next);
    next.run(s(200));
    next.hang_up(other);
    assert!(next.run_until(s(30), |w| w.bridged(customer, ann)));
    assert_eq!(next.doing(late), Doing::Talking, "the older one first");
    next.hang_up(late);
    settle(&mut next);
    assert_eq!(results(&next), [(CallbackResult::Answered, 2)]);
}

#[test]
fn a_server_that_stops_leaves_its_promises_to_the_next() {
    let (mut world, customer) = with("", 20);
    let ann = away(&mut world);
    promised(&mut world);
    assert!(matches!(world.callbacks()[0].1, Stands::Waits(_)));
    world.tell(|| Input::Drain);
    comes(&mut world);
    world.run(s(100));
    world.tell(|| Input::Goodbye);
    world.run(s(5));
    assert_eq!(world.doing(ann), Doing::Idle);
    assert_eq!(rang(&world, customer), 0);
    assert_eq!(world.kept().len(), 1);
    assert_eq!(results(&world), []);
    let records = world.records();
    assert_eq!(records.len(), 1, "no record of a call that never was");
    settle(&mut world);
}
