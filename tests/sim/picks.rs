//! Who is picked for a call: strategies, preferences, steps while a phone rings.

use std::time::Duration;

use exchange::model::{Event, OfferResult, OperatorState, Outcome, Overtake};
use exchange::sim::{Doing, Manner, PhoneId, World};

use crate::{ms, outcome, record, s, settle, world};

/// Everybody to whom a call was offered, in order.
fn offered(world: &World) -> Vec<String> {
    let events = world.events().iter();
    let offered = events.filter_map(|(_, event)| match event {
        Event::Offered { operator, .. } => Some(operator.to_string()),
        _ => None,
    });
    offered.collect()
}

fn overtaken(world: &World) -> Vec<Overtake> {
    let events = world.events().iter();
    let why = events.filter_map(|(_, event)| match event {
        Event::Offered { overtook, .. } => *overtook,
        _ => None,
    });
    why.collect()
}

/// A call of ten seconds, from now until its operator has wrapped up.
fn one_call(world: &mut World) {
    world.caller("1", Some(s(14)));
    world.run(s(30));
}

#[test]
fn each_strategy_picks_whom_it_says() {
    for (strategy, expected) in [
        // Who was free for longest: bea before ann, and then as their calls ended.
        ("longest_idle", ["bea", "ann", "bea", "ann"]),
        ("most_skilled", ["ann", "ann", "ann", "ann"]),
        ("least_skilled", ["bea", "bea", "bea", "bea"]),
        ("fewest_calls", ["bea", "ann", "bea", "ann"]),
        ("round_robin", ["ann", "bea", "ann", "bea"]),
        ("ordered", ["ann", "ann", "ann", "ann"]),
    ] {
        let mut world = world(&format!("strategy: {strategy}"), 30);
        for name in ["bea", "ann"] {
            world.operator(name, Manner::Answers(s(1)), None);
            world.run(s(1));
        }
        (0..4).for_each(|_| one_call(&mut world));
        assert_eq!(offered(&world), expected, "{strategy}");
        assert_eq!(overtaken(&world), [], "{strategy}");
        settle(&mut world);
    }
}

#[test]
fn a_short_call_does_not_change_whose_turn_it_is() {
    // By idleness who had the long call would be spared; in turn it is theirs again.
    for (strategy, third) in [("longest_idle", "ann"), ("round_robin", "ann")] {
        let mut world = world(&format!("strategy: {strategy}"), 31);
        for name in ["ann", "bea"] {
            world.operator(name, Manner::Answers(s(1)), None);
            world.run(s(1));
        }
        let first = world.caller("1", None);
        world.run(s(6));
        world.caller("1", Some(s(6)));
        world.run(s(30));
        world.hang_up(first);
        world.run(s(10));
        one_call(&mut world);
        let third_is = offered(&world).pop();
        let expected = if strategy == "round_robin" {
            third
        } else {
            "bea"
        };
        assert_eq!(third_is.as_deref(), Some(expected), "{strategy}");
        settle(&mut world);
    }
}

fn all_ring(seed: u64, answers: [Manner; 2]) -> (World, [PhoneId; 2]) {
    let mut world = world("strategy: ring_all, missed_offer: stay", seed);
    let phones = [("ann", answers[0]), ("bea", answers[1])]
        .map(|(name, manner)| world.operator(name, manner, None));
    world.run(s(1));
    (world, phones)
}

#[test]
fn all_ring_at_once_and_who_answers_first_has_the_call() {
    let (mut world, [ann, bea]) = all_ring(32, [Manner::Rings, Manner::Answers(s(3))]);
    let caller = world.caller("1", None);
    let both = |w: &World| w.doing(ann) == Doing::Ringing && w.doing(bea) == Doing::Ringing;
    assert!(world.run_until(s(10), both));
    assert!(world.run_until(s(5), |w| w.doing(bea) == Doing::Talking));
    world.run(ms(100));
    assert!(world.bridged(caller, bea));
    assert_eq!(world.doing(ann), Doing::Idle);
    assert_eq!(world.operator_state("ann"), OperatorState::Ready);
    world.hang_up(caller);
    settle(&mut world);
    let results: Vec<_> = record(&world).offers.iter().map(|o| o.result).collect();
    assert_eq!(results, [OfferResult::Withdrawn, OfferResult::Answered]);
}

#[test]
fn of_two_who_answer_at_once_one_is_connected() {
    for seed in 0..20 {
        let answers = Manner::Answers(s(2));
        let (mut world, [ann, bea]) = all_ring(seed, [answers, answers]);
        let caller = world.caller("1", None);
        assert!(world.run_until(s(10), |w| w.doing(ann) == Doing::Ringing));
        for _ in 0..40 {
            world.run(ms(100));
            assert!(!(world.bridged(caller, ann) && world.bridged(caller, bea)));
        }
        let talking = [ann, bea].map(|phone| world.doing(phone) == Doing::Talking);
        assert_eq!(talking.iter().filter(|t| **t).count(), 1, "seed {seed}");
        let states = ["ann", "bea"].map(|name| world.operator_state(name));
        assert!(states.contains(&OperatorState::Talking) && states.contains(&OperatorState::Ready));
        world.hang_up(caller);
        settle(&mut world);
    }
}

#[test]
fn who_becomes_ready_joins_those_who_ring() {
    let (mut world, [ann, _]) = all_ring(33, [Manner::Rings, Manner::Refuses(486)]);
    let caller = world.caller("1", None);
    assert!(world.run_until(s(10), |w| w.doing(ann) == Doing::Ringing));
    // bea said no, rests, and is asked again while ann still rings.
    world.run(s(8));
    assert_eq!(offered(&world), ["ann", "bea", "bea"]);
    assert_eq!(world.doing(ann), Doing::Ringing);
    world.hang_up(caller);
    settle(&mut world);
}

#[test]
fn a_call_is_kept_for_whom_its_caller_prefers_and_then_for_anybody() {
    let mut world = world("", 34);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    world.operator("bea", Manner::Answers(s(1)), Some(s(1000)));
    world.run(s(1));
    // Nobody is kept waiting for somebody who is free.
    let first = world.caller("4", None);
    world.run(s(5));
    assert_eq!(world.operator_state("bea"), OperatorState::Talking);
    // bea talks; ann is free, and not asked for twenty seconds.
    let second = world.caller("4", None);
    world.run(s(15));
    assert_eq!(world.operator_state("ann"), OperatorState::Ready);
    // Who does not mind goes before, and that is counted.
    let third = world.caller("1", Some(s(9)));
    assert!(world.run_until(s(6), |w| w.bridged(third, ann)));
    assert_eq!(overtaken(&world), [Overtake::Preferred]);
    assert!(world.run_until(s(30), |w| w.bridged(second, ann)));
    world.hang_up(second);
    world.hang_up(first);
    settle(&mut world);
    assert_eq!(offered(&world), ["bea", "ann", "ann"]);
}

#[test]
fn a_call_that_is_kept_goes_to_the_preferred_operator_who_is_free_in_time() {
    let mut world = world("", 35);
    world.operator("ann", Manner::Answers(s(1)), None);
    let bea = world.operator("bea", Manner::Answers(s(1)), None);
    world.run(s(1));
    let first = world.caller("4", None);
    world.run(s(5));
    let second = world.caller("4", None);
    world.run(s(5));
    world.hang_up(first);
    // Ten seconds of wrap-up are within the twenty.
    assert!(world.run_until(s(13), |w| w.bridged(second, bea)));
    world.hang_up(second);
    settle(&mut world);
    assert_eq!(offered(&world), ["bea", "bea"]);
}

#[test]
fn whoever_is_not_there_keeps_nobody_waiting() {
    let mut world = world("", 36);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    let caller = world.caller("4", None);
    assert!(world.run_until(s(5), |w| w.bridged(caller, ann)));
    world.hang_up(caller);
    settle(&mut world);
}

/// ann rings, and a step leads to the experts.
fn escalated(seed: u64, ann: Manner) -> (World, [PhoneId; 2]) {
    let step = "offer_timeout: 30s, escalate: [{ after: 4s, line: experts }]";
    let mut world = world(step, seed);
    let ann = world.operator("ann", ann, None);
    let dan = world.operator("dan", Manner::Answers(s(3)), None);
    world.run(s(1));
    (world, [ann, dan])
}

#[test]
fn a_step_to_a_line_does_not_wait_for_a_phone_that_rings() {
    let (mut world, [ann, dan]) = escalated(37, Manner::Rings);
    let caller = world.caller("1", None);
    let both = |w: &World| w.doing(ann) == Doing::Ringing && w.doing(dan) == Doing::Ringing;
    assert!(world.run_until(s(9), both), "the expert rings beside ann");
    assert!(world.run_until(s(5), |w| w.bridged(caller, dan)));
    world.run(ms(100));
    assert_eq!(world.doing(ann), Doing::Idle);
    assert_eq!(world.operator_state("ann"), OperatorState::Ready);
    world.hang_up(caller);
    settle(&mut world);
    let record = record(&world);
    assert_eq!(record.operator.as_ref().map(|o| o.as_str()), Some("dan"));
    assert_eq!(record.line.as_ref().map(|l| l.as_str()), Some("experts"));
}

#[test]
fn who_rings_already_may_still_pick_up_after_the_step() {
    let (mut world, [ann, dan]) = escalated(38, Manner::Answers(s(5)));
    let caller = world.caller("1", None);
    assert!(world.run_until(s(20), |w| w.bridged(caller, ann)));
    world.run(ms(100));
    assert_eq!(world.doing(dan), Doing::Idle);
    world.hang_up(caller);
    settle(&mut world);
    let operator = record(&world).operator;
    assert_eq!(operator.as_ref().map(|o| o.as_str()), Some("ann"));
}

#[test]
fn a_caller_whom_nobody_could_take_takes_the_next_steps_at_once() {
    let mut world = world("escalate: [{ after: 60s, relax: { help: 1 } }]", 39);
    let cas = world.operator("cas", Manner::Answers(s(1)), None);
    world.run(s(1));
    let caller = world.caller("1", None);
    assert!(
        world.run_until(s(6), |w| w.bridged(caller, cas)),
        "not after a minute"
    );
    world.hang_up(caller);
    settle(&mut world);
    let told = |event: &Event| matches!(event, Event::Uncoverable { .. });
    assert_eq!(world.events().iter().filter(|(_, e)| told(e)).count(), 1);
    assert_eq!(outcome(&world), Outcome::Answered);
}

#[test]
fn a_caller_keeps_the_age_from_queue_to_queue() {
    let mut world = world("max_wait: 10s", 40);
    let busy = world.operator("bea", Manner::Rings, None);
    let dan = world.operator("dan", Manner::Answers(s(1)), None);
    world.run(s(1));
    let first = world.caller("5", None);
    world.run(s(3));
    assert!(world.bridged(first, dan));
    // Waits for help, in vain; whoever comes later is with the experts before.
    world.register(busy, 0);
    world.operator("ann", Manner::Rings, None);
    world.run(s(1));
    let old = world.caller("4", None);
    world.run(s(5));
    let young = world.caller("5", None);
    world.run(s(20));
    assert_eq!(world.waiting("experts"), 2);
    world.hang_up(first);
    world.run(s(15));
    assert!(world.bridged(old, dan), "who waited for longest goes first");
    world.hang_up(old);
    world.hang_up(young);
    settle(&mut world);
}

#[test]
fn another_is_tried_before_who_missed_the_call() {
    let mut world = world(
        "missed_offer: stay, offer_timeout: 3s, strategy: ordered",
        41,
    );
    world.operator("ann", Manner::Rings, None);
    world.operator("bea", Manner::Rings, None);
    world.run(s(1));
    world.caller("1", Some(s(24)));
    world.run(s(40));
    let offered = offered(&world);
    let (alternates, _) = offered.as_chunks::<2>();
    assert!(alternates.len() >= 2, "{offered:?}");
    assert!(
        alternates.iter().all(|pair| pair == &["ann", "bea"]),
        "{offered:?}"
    );
    settle(&mut world);
}

#[test]
fn an_operator_with_two_calls_at_once_has_two_and_no_third() {
    let mut world = crate::world_with(
        "",
        "ann: { secret: ann, skills: { help: 8 }, max_calls: 2 }",
        42,
    );
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    let callers = [0, 1, 2].map(|_| {
        let caller = world.caller("1", None);
        world.run(s(1));
        caller
    });
    // The phone of the simulation has one call; the second is offered all the same.
    world.run(s(4));
    assert_eq!(offered(&world), ["ann", "ann"]);
    assert!(world.bridged(callers[0], ann));
    assert_eq!(world.operator_state("ann"), OperatorState::Talking);
    callers.iter().for_each(|caller| world.hang_up(*caller));
    world.run(Duration::from_secs(60));
    assert_eq!(world.leaks(), Vec::<String>::new());
}
