//! Operators by name, addresses that a flow dials, and what a waiting caller hears and
//! presses.

use exchange::model::{Event, LineResult, OfferResult, OperatorState, Outcome};
use exchange::sim::{Doing, Manner, PhoneId, World};

use crate::{ms, outcome, record, s, settle, world};

/// A caller who chose a branch of the flow.
fn caller(world: &mut World, key: &str) -> PhoneId {
    let caller = world.caller("7", None);
    world.run(s(1));
    assert!(world.press(caller, key));
    world.run(ms(100));
    caller
}

fn tries(world: &World) -> Vec<(String, LineResult)> {
    let told = world.events().iter().filter_map(|(_, event)| match event {
        Event::LineTried { line, result, .. } => Some((line.to_string(), *result)),
        _ => None,
    });
    told.collect()
}

fn path(world: &World) -> Vec<String> {
    let path = record(world).path;
    path.iter().map(ToString::to_string).collect()
}

#[test]
fn an_operator_is_rung_by_name() {
    let mut world = world("", 101);
    let ann = world.operator("ann", Manner::Answers(s(2)), Some(s(20)));
    let bea = world.operator("bea", Manner::Answers(s(1)), None);
    world.run(s(1));
    let caller = caller(&mut world, "1");
    assert!(world.run_until(s(5), |w| w.bridged(caller, ann)));
    assert_eq!(world.talked(bea), 0);
    settle(&mut world);
    assert_eq!(outcome(&world), Outcome::Answered);
    assert_eq!(path(&world), ["pick", "ann", "bye"]);
}

#[test]
fn an_operator_who_is_not_ready_is_busy() {
    let mut world = world("", 102);
    world.operator("ann", Manner::Answers(s(1)), None);
    let bea = world.operator("bea", Manner::Answers(s(1)), None);
    world.run(s(1));
    let first = caller(&mut world, "1");
    world.run(s(2));
    assert_eq!(world.operator_state("ann"), OperatorState::Talking);
    let second = caller(&mut world, "1");
    assert!(
        world.run_until(s(5), |w| w.bridged(second, bea)),
        "by the queue"
    );
    world.hang_up(first);
    world.hang_up(second);
    settle(&mut world);
    // Nobody is logged in: busy too.
    let mut world = self::world("", 103);
    caller(&mut world, "1");
    settle(&mut world);
    assert_eq!(path(&world), ["pick", "ann", "wait", "bye"]);
}

#[test]
fn two_calls_never_ring_one_operator() {
    for seed in 0..40 {
        let mut world = world("", 200 + seed);
        world.operator("ann", Manner::Answers(s(3)), Some(s(5)));
        world.run(s(1));
        let callers: Vec<PhoneId> = (0..3).map(|_| world.caller("7", None)).collect();
        world.run(s(1));
        for caller in &callers {
            assert!(world.press(*caller, "1"));
        }
        world.run(s(60));
        for caller in callers {
            world.hang_up(caller);
        }
        settle(&mut world);
    }
}

#[test]
fn an_operator_who_lets_it_ring_missed_an_offer() {
    for (manner, result, last) in [
        (Manner::Rings, OfferResult::Missed, "nobody"),
        (Manner::Refuses(486), OfferResult::Busy, "wait"),
        (Manner::Refuses(603), OfferResult::Rejected, "nobody"),
    ] {
        let mut world = world("", 104);
        world.operator("ann", manner, None);
        world.operator("bea", Manner::Answers(s(1)), Some(s(5)));
        world.run(s(1));
        caller(&mut world, "1");
        world.run(s(12));
        assert_eq!(
            world.operator_state("ann"),
            OperatorState::Paused,
            "{result:?}"
        );
        settle(&mut world);
        let record = record(&world);
        let offer = &record.offers[0];
        assert_eq!((offer.operator.as_str(), offer.result), ("ann", result));
        assert!(offer.rang <= s(10) + ms(10));
        assert_eq!(path(&world)[2], last, "{result:?}");
    }
}

#[test]
fn who_hangs_up_while_an_operator_rings_frees_the_operator() {
    let mut world = world("", 105);
    let ann = world.operator("ann", Manner::Rings, None);
    world.run(s(1));
    let caller = caller(&mut world, "1");
    world.run(s(2));
    assert_eq!(world.doing(ann), Doing::Ringing);
    world.hang_up(caller);
    world.run(s(1));
    assert_eq!(world.operator_state("ann"), OperatorState::Ready);
    assert_eq!(world.doing(ann), Doing::Idle);
    settle(&mut world);
}

#[test]
fn an_operator_without_a_name_is_an_error() {
    let mut world = world("", 106);
    caller(&mut world, "5");
    settle(&mut world);
    assert_eq!(path(&world), ["pick", "nobody", "bye"]);
}

#[test]
fn addresses_ring_together_and_the_first_to_answer_has_the_caller() {
    let mut world = world("", 107);
    let one = world.phone("one", Manner::Answers(s(9)), None);
    let two = world.phone("two", Manner::Answers(s(3)), Some(s(10)));
    let caller = caller(&mut world, "2");
    world.run(s(1));
    assert_eq!([one, two].map(|p| world.doing(p)), [Doing::Ringing; 2]);
    assert!(world.run_until(s(5), |w| w.bridged(caller, two)));
    world.run(s(1));
    assert_eq!(world.doing(one), Doing::Idle);
    settle(&mut world);
    assert_eq!(outcome(&world), Outcome::Escalated);
    let line = record(&world).line.map(|line| line.to_string());
    assert_eq!(line.as_deref(), Some("10.0.0.1"));
    let expected = [
        ("10.0.0.0".to_owned(), LineResult::GivenUp),
        ("10.0.0.1".to_owned(), LineResult::Answered),
    ];
    assert_eq!(tries(&world), expected);
}

#[test]
fn who_answers_at_once_with_another_is_told_that_the_caller_is_gone() {
    for seed in 0..30 {
        let mut world = world("", 300 + seed);
        let one = world.phone("one", Manner::Answers(s(3)), Some(s(10)));
        let two = world.phone("two", Manner::Answers(s(3)), Some(s(10)));
        let caller = caller(&mut world, "2");
        let together = |w: &World| w.bridged(caller, one) || w.bridged(caller, two);
        assert!(world.run_until(s(6), together));
        world.run(s(1));
        let talk = [one, two].map(|p| world.doing(p) == Doing::Talking);
        assert_eq!(talk.iter().filter(|talks| **talks).count(), 1);
        settle(&mut world);
    }
}

#[test]
fn addresses_ring_one_after_another() {
    let mut world = world("", 108);
    let one = world.phone("one", Manner::Rings, None);
    let two = world.phone("two", Manner::Answers(s(3)), Some(s(10)));
    let caller = caller(&mut world, "3");
    world.run(s(15));
    assert_eq!(world.doing(one), Doing::Ringing);
    assert_eq!(world.doing(two), Doing::Idle);
    assert!(world.run_until(s(12), |w| w.bridged(caller, two)));
    settle(&mut world);
    let results: Vec<LineResult> = tries(&world).into_iter().map(|(_, r)| r).collect();
    assert_eq!(results, [LineResult::NoAnswer, LineResult::Answered]);
}

#[test]
fn what_nobody_answers_comes_to_the_most_human_no() {
    for (key, one, two, third) in [
        ("2", Manner::Rings, Manner::Refuses(486), "wait"),
        ("3", Manner::Rings, Manner::Refuses(486), "wait"),
        ("2", Manner::Refuses(486), Manner::Refuses(404), "bye"),
        ("3", Manner::Dead, Manner::Dead, "wait"),
        ("2", Manner::Dead, Manner::Dead, "wait"),
    ] {
        let mut world = world("", 109);
        world.phone("one", one, None);
        world.phone("two", two, None);
        caller(&mut world, key);
        world.run(s(60));
        settle(&mut world);
        assert_eq!(path(&world)[2], third, "{key} {one:?} {two:?}");
        assert_eq!(tries(&world).len(), 2);
    }
}

#[test]
fn who_hangs_up_while_addresses_ring_leaves_nothing_ringing() {
    for key in ["2", "3"] {
        let mut world = world("", 110);
        let one = world.phone("one", Manner::Rings, None);
        world.phone("two", Manner::Rings, None);
        let caller = caller(&mut world, key);
        world.run(s(2));
        assert_eq!(world.doing(one), Doing::Ringing);
        world.hang_up(caller);
        settle(&mut world);
        assert_eq!(world.doing(one), Doing::Idle);
    }
}

#[test]
fn a_key_that_plays_keeps_the_place() {
    let mut world = world("", 111);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    world.caller("1", Some(s(20)));
    world.run(s(5));
    let caller = caller(&mut world, "4");
    world.run(s(2));
    let before = world.said(caller);
    assert!(world.press(caller, "1"));
    assert_eq!(world.said(caller), before + 1);
    assert_eq!(world.waiting("help"), 1, "it stays in the queue");
    assert!(world.press(caller, "1"));
    world.run(ms(100));
    assert_eq!(world.said(caller), before + 2, "from the beginning");
    assert!(world.run_until(s(60), |w| w.bridged(caller, ann)));
    world.hang_up(caller);
    settle(&mut world);
}

#[test]
fn a_caller_who_leaves_by_key_comes_back_as_old_as_before() {
    let mut world = world("", 112);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    let busy = world.caller("1", None);
    world.run(s(6));
    let first = caller(&mut world, "4");
    let second = caller(&mut world, "4");
    world.run(s(2));
    assert!(
        world.press(first, "2"),
        "which leaves the queue for nine seconds"
    );
    world.run(s(1));
    assert_eq!(world.waiting("help"), 1);
    world.run(s(10));
    assert_eq!(world.waiting("help"), 2);
    world.hang_up(busy);
    assert!(
        world.run_until(s(20), |w| w.bridged(first, ann)),
        "before the second"
    );
    world.hang_up(first);
    assert!(world.run_until(s(20), |w| w.bridged(second, ann)));
    world.hang_up(second);
    settle(&mut world);
}

#[test]
fn comforting_words_come_when_they_are_due() {
    let mut world = world("", 113);
    world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    world.caller("1", None);
    world.run(s(6));
    let caller = caller(&mut world, "4");
    let mut said = world.said(caller);
    let mut came = Vec::new();
    for second in 1..=90 {
        world.run(s(1));
        if world.said(caller) > said {
            said = world.said(caller);
            came.push(second);
        }
    }
    assert_eq!(came, [20, 50, 80]);
    world.hang_up(caller);
    world.run(s(1));
}
