//! What is promised, to whom and how often, and how a promise ends without a call.

use super::*;

#[test]
fn a_queue_that_is_full_of_promises_makes_no_more() {
    let (mut world, customer) = with("max_pending: 1", 9);
    away(&mut world);
    promised(&mut world);
    let other = waits(&mut world);
    assert!(world.press(other, "1"));
    world.run(s(5));
    assert_eq!(
        world.doing(other),
        Doing::Talking,
        "the flow goes on with sorry"
    );
    assert_eq!(world.callbacks().len(), 1);
    world.hang_up(other);
    world.cancel_callback(0);
    settle(&mut world);
    assert_eq!(results(&world), [(CallbackResult::Cancelled, 0)]);
    assert_eq!(rang(&world, customer), 0);
}

#[test]
fn a_number_that_is_not_allowed_is_never_dialled() {
    let (mut world, customer) = with("", 10);
    away(&mut world);
    let caller = waits(&mut world);
    assert!(world.press(caller, "2"));
    world.run(s(5));
    assert_eq!(
        world.doing(caller),
        Doing::Talking,
        "the flow goes on with sorry"
    );
    assert_eq!(world.callbacks(), []);
    world.hang_up(caller);
    comes(&mut world);
    settle(&mut world);
    assert_eq!(rang(&world, customer), 0);
}

#[test]
fn a_callback_is_cancelled_until_the_customer_is_dialled() {
    let (mut world, customer) = with("", 11);
    let ann = away(&mut world);
    promised(&mut world);
    world.cancel_callback(0);
    comes(&mut world);
    world.run(s(30));
    assert_eq!(world.doing(ann), Doing::Idle);
    world
        .order("ann", exchange::shard::Order::Pause(None))
        .unwrap();
    world.manner(customer, Manner::Rings);
    promised(&mut world);
    comes(&mut world);
    assert!(world.run_until(s(20), |w| w.doing(customer) == Doing::Ringing));
    world.cancel_callback(0);
    world.run(s(1));
    assert_eq!(world.doing(customer), Doing::Ringing, "too late");
    world.hang_up(ann);
    world.run(s(1));
    world.cancel_callback(0);
    settle(&mut world);
    let both = [
        (CallbackResult::Cancelled, 0),
        (CallbackResult::Cancelled, 1),
    ];
    assert_eq!(results(&world), both);
    assert_eq!(world.kept(), []);
}

#[test]
fn without_operators_a_callback_waits_and_is_reported_at_last() {
    let (mut world, customer) = with("within: 30m", 12);
    let ann = away(&mut world);
    promised(&mut world);
    world.register(ann, 0);
    world.run(s(1_750));
    assert_eq!(world.callbacks().len(), 1);
    world.run(s(150));
    assert_eq!(results(&world), [(CallbackResult::Expired, 0)]);
    assert_eq!(rang(&world, customer), 0);
    settle(&mut world);
}

#[test]
fn who_calls_again_has_the_old_place_and_is_not_called() {
    let (mut world, customer) = with("", 13);
    let ann = away(&mut world);
    let caller = promised(&mut world);
    let other = waits(&mut world);
    world.dials(caller, "66");
    world.run(s(5));
    assert_eq!(results(&world), [(CallbackResult::CalledIn, 0)]);
    assert_eq!(world.callbacks(), []);
    comes(&mut world);
    assert!(world.run_until(s(10), |w| w.bridged(caller, ann)));
    world.hang_up(caller);
    assert!(world.run_until(s(30), |w| w.bridged(other, ann)));
    world.hang_up(other);
    settle(&mut world);
    assert_eq!(rang(&world, customer), 0);
}

#[test]
fn two_promises_for_one_number_are_one() {
    let (mut world, customer) = with("", 14);
    let ann = away(&mut world);
    let caller = promised(&mut world);
    // The same number again: it has its place back, and gives it up once more.
    world.dials(caller, "66");
    world.run(s(3));
    assert!(world.press(caller, "1"));
    world.run(s(5));
    assert_eq!(world.callbacks().len(), 1);
    comes(&mut world);
    assert!(world.run_until(s(10), |w| w.bridged(customer, ann)));
    settle(&mut world);
    let ends = [(CallbackResult::CalledIn, 0), (CallbackResult::Answered, 1)];
    assert_eq!(results(&world), ends);
    assert_eq!(rang(&world, customer), 1);
}

#[test]
fn nobody_is_promised_more_than_so_many_an_hour() {
    let (mut world, _) = with("per_hour: 2", 15);
    away(&mut world);
    let caller = promised(&mut world);
    for turn in 2..=3 {
        world.cancel_callback(0);
        world.dials(caller, "66");
        world.run(s(3));
        assert!(world.press(caller, "1"));
        world.run(s(5));
        let made = usize::from(turn <= 2);
        assert_eq!(world.callbacks().len(), made, "turn {turn}");
    }
    world.hang_up(caller);
    settle(&mut world);
}
