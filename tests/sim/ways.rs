//! Each way a call can go.

use exchange::model::{Event, Hangup, OfferResult, OperatorState, Outcome};
use exchange::shard::Input;
use exchange::sim::{Doing, Manner, World};

use crate::{ms, outcome, record, s, settle, world};

fn offers(world: &World) -> Vec<(String, OfferResult)> {
    let offers = record(world).offers;
    let offers = offers.iter().map(|o| (o.operator.to_string(), o.result));
    offers.collect()
}

#[test]
fn a_caller_talks_with_an_operator() {
    let mut world = world("", 1);
    let ann = world.operator("ann", Manner::Answers(s(2)), None);
    world.run(s(1));
    assert_eq!(world.operator_state("ann"), OperatorState::Ready);
    let caller = world.caller("1", None);
    world.run(s(2));
    assert!(world.press(caller, "1"));
    assert!(world.run_until(s(5), |w| w.doing(ann) == Doing::Talking));
    world.run(ms(100));
    assert!(world.bridged(caller, ann));
    assert_eq!(world.operator_state("ann"), OperatorState::Talking);
    world.run(s(60));
    world.hang_up(caller);
    world.run(s(1));
    assert_eq!(world.doing(ann), Doing::Idle);
    assert_eq!(world.operator_state("ann"), OperatorState::WrapUp);
    world.run(s(10));
    assert_eq!(world.operator_state("ann"), OperatorState::Ready);
    settle(&mut world);
    let record = record(&world);
    assert_eq!(record.outcome, Outcome::Answered);
    assert_eq!(record.hangup, Some(Hangup::Caller));
    assert_eq!(record.operator.as_ref().map(|o| o.as_str()), Some("ann"));
    assert!(record.talked.abs_diff(s(60)) < ms(200));
    assert!(record.waited.abs_diff(s(2)) < ms(5));
    assert_eq!(record.path.len(), 2);
}

#[test]
fn when_the_operator_hangs_up_the_flow_says_goodbye() {
    let mut world = world("", 2);
    world.operator("ann", Manner::Answers(s(1)), Some(s(20)));
    let caller = world.caller("1", None);
    assert!(world.run_until(s(60), |w| w.talked(caller) == 1));
    assert!(world.run_until(s(60), |w| w.doing(caller) == Doing::Idle));
    settle(&mut world);
    let record = record(&world);
    assert_eq!(record.outcome, Outcome::Answered);
    assert!(record.talked.abs_diff(s(20)) < ms(5));
    assert_eq!(
        record.path.last().map(ToString::to_string).as_deref(),
        Some("bye")
    );
}

#[test]
fn a_caller_who_leaves_the_queue_abandons() {
    for (after, expected) in [(20, Outcome::Abandoned), (6, Outcome::ShortAbandon)] {
        let mut world = world("", 3);
        world.operator("ann", Manner::Answers(s(1)), None);
        let first = world.caller("1", None);
        assert!(world.run_until(s(30), |w| w.operator_state("ann") == OperatorState::Talking));
        let second = world.caller("1", Some(s(after)));
        world.run(s(30));
        assert_eq!(world.doing(second), Doing::Idle);
        world.hang_up(first);
        settle(&mut world);
        let outcomes: Vec<_> = world.records().iter().map(|r| r.outcome).collect();
        assert!(outcomes.contains(&expected), "{outcomes:?}");
    }
}

#[test]
fn a_caller_who_leaves_while_it_rings_frees_the_operator_at_once() {
    let mut world = world("", 4);
    let ann = world.operator("ann", Manner::Rings, None);
    let caller = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.doing(ann) == Doing::Ringing));
    world.run(s(1));
    world.hang_up(caller);
    world.run(ms(100));
    assert_eq!(world.doing(ann), Doing::Idle, "the phone stopped ringing");
    assert_eq!(world.operator_state("ann"), OperatorState::Ready);
    settle(&mut world);
    assert_eq!(offers(&world), [("ann".to_owned(), OfferResult::Withdrawn)]);
    assert_eq!(outcome(&world), Outcome::ShortAbandon);
}

/// RFC 3261 section 13.3.1.4.
#[test]
fn an_answer_that_nobody_acknowledges_ends_the_call() {
    let mut world = world("", 40);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    let caller = world.caller("1", None);
    // Its INVITE is on the way; nothing is heard of it any more.
    world.manner(caller, Manner::Dead);
    let ended = |w: &World| {
        let mut events = w.events().iter();
        events.any(|(_, event)| matches!(event, Event::CallEnded { .. }))
    };
    let began = world.elapsed();
    assert!(world.run_until(s(60), ended));
    let took = world.elapsed() - began;
    assert!(took > s(20) && took <= s(33), "{took:?}");
    assert_eq!(world.doing(ann), Doing::Idle);
    settle(&mut world);
}

#[test]
fn a_missed_offer_goes_to_the_next_operator_and_pauses_the_first() {
    let mut world = world("offer_timeout: 15s", 5);
    let ann = world.operator("ann", Manner::Rings, None);
    world.run(s(5));
    let bea = world.operator("bea", Manner::Answers(s(1)), Some(s(5)));
    world.run(s(1));
    world.caller("1", None);
    assert!(world.run_until(s(60), |w| w.doing(bea) == Doing::Talking));
    assert_eq!(world.doing(ann), Doing::Idle);
    assert_eq!(world.operator_state("ann"), OperatorState::Paused);
    settle(&mut world);
    assert_eq!(
        offers(&world),
        [
            ("ann".to_owned(), OfferResult::Missed),
            ("bea".to_owned(), OfferResult::Answered)
        ]
    );
    assert_eq!(record(&world).offers[0].rang.as_secs(), 15);
}

#[test]
fn a_refused_offer_is_a_missed_one() {
    for (code, result) in [
        (486, OfferResult::Busy),
        (600, OfferResult::Busy),
        (603, OfferResult::Rejected),
        (480, OfferResult::Rejected),
        (302, OfferResult::Rejected),
        (500, OfferResult::Unreachable),
    ] {
        let mut world = world("", 6);
        world.operator("ann", Manner::Refuses(code), None);
        world.run(s(5));
        let bea = world.operator("bea", Manner::Answers(s(1)), Some(s(5)));
        world.run(s(1));
        world.caller("1", None);
        assert!(
            world.run_until(s(20), |w| w.doing(bea) == Doing::Talking),
            "{code}"
        );
        assert_eq!(world.operator_state("ann"), OperatorState::Paused);
        settle(&mut world);
        assert_eq!(offers(&world)[0], ("ann".to_owned(), result), "{code}");
    }
}

#[test]
fn an_operator_who_stays_is_offered_the_call_again() {
    let mut world = world("missed_offer: stay, offer_timeout: 5s", 7);
    let ann = world.operator("ann", Manner::Rings, None);
    world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.doing(ann) == Doing::Ringing));
    world.run(s(12));
    world.manner(ann, Manner::Answers(s(1)));
    // Not before half a minute: another should have been tried.
    assert!(!world.run_until(s(20), |w| w.doing(ann) != Doing::Idle));
    assert!(world.run_until(s(10), |w| w.doing(ann) == Doing::Talking));
    world.run(s(1));
    world.hang_up(ann);
    settle(&mut world);
    let results: Vec<_> = offers(&world)
        .into_iter()
        .map(|(_, result)| result)
        .collect();
    assert_eq!(results, [OfferResult::Missed, OfferResult::Answered]);
}

#[test]
fn a_phone_that_refuses_at_once_is_not_asked_as_fast_as_packets_travel() {
    let mut world = world("missed_offer: stay", 8);
    world.operator("ann", Manner::Refuses(486), None);
    world.caller("1", Some(s(60)));
    world.run(s(70));
    settle(&mut world);
    let rings = offers(&world).len();
    assert!((2..=3).contains(&rings), "{rings} offers in a minute");
}

#[test]
fn every_phone_of_an_operator_rings_and_one_takes_the_call() {
    let mut world = world("", 9);
    let desk = world.operator("ann", Manner::Rings, None);
    let mobile = world.operator("ann", Manner::Answers(s(3)), Some(s(10)));
    world.run(s(1));
    world.caller("1", None);
    assert!(world.run_until(s(30), |w| {
        w.doing(desk) == Doing::Ringing && w.doing(mobile) == Doing::Ringing
    }));
    assert!(world.run_until(s(5), |w| w.doing(mobile) == Doing::Talking));
    world.run(ms(100));
    assert_eq!(world.doing(desk), Doing::Idle);
    settle(&mut world);
    assert_eq!(outcome(&world), Outcome::Answered);
}

#[test]
fn a_queue_without_operators_is_left_at_once() {
    let mut world = world("", 10);
    world.caller("1", None);
    settle(&mut world);
    assert_eq!(outcome(&world), Outcome::Overflowed);
    assert_eq!(record(&world).waited.as_secs(), 0);
}

#[test]
fn a_queue_whose_last_operator_leaves_is_left_too() {
    let mut world = world("", 11);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    let talking = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.operator_state("ann") == OperatorState::Talking));
    let waiting = world.caller("1", None);
    world.run(s(10));
    assert_eq!(world.waiting("help"), 1);
    world.register(ann, 0);
    world.hang_up(talking);
    world.run(s(30));
    assert_eq!(world.doing(waiting), Doing::Idle);
    settle(&mut world);
    let overflowed = world
        .records()
        .iter()
        .any(|r| r.outcome == Outcome::Overflowed);
    assert!(overflowed);
}

#[test]
fn a_full_queue_takes_nobody() {
    let mut world = world("max_waiting: 1", 12);
    world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    let first = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.operator_state("ann") == OperatorState::Talking));
    let second = world.caller("1", None);
    world.run(s(10));
    let third = world.caller("1", None);
    world.run(s(10));
    assert_eq!(world.waiting("help"), 1);
    assert_eq!(world.doing(third), Doing::Idle, "sorry");
    world.hang_up(second);
    world.hang_up(first);
    settle(&mut world);
}

#[test]
fn nobody_waits_longer_than_max_wait_but_a_phone_that_rings_may_be_picked_up() {
    let mut world = world("max_wait: 20s, offer_timeout: 15s, missed_offer: stay", 13);
    let ann = world.operator("ann", Manner::Rings, None);
    world.run(s(1));
    world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.doing(ann) == Doing::Ringing));
    settle(&mut world);
    let waited = record(&world).waited.as_secs();
    assert!((20..=31).contains(&waited), "{waited}");
    assert_eq!(outcome(&world), Outcome::Overflowed);
}

#[test]
fn a_key_ends_the_wait() {
    let mut world = world("", 14);
    world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    let first = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.operator_state("ann") == OperatorState::Talking));
    let second = world.caller("1", None);
    world.run(s(10));
    assert!(world.press(second, "*"));
    world.run(s(5));
    assert_eq!(world.doing(second), Doing::Idle, "goodbye");
    world.hang_up(first);
    settle(&mut world);
}

#[test]
fn escalation_lets_others_take_the_call() {
    for (steps, operator) in [
        ("{ after: 10s, relax: { help: 1 } }", "cas"),
        ("{ after: 10s, relax: { help: 0 } }", "dan"),
        ("{ after: 10s, also: { expert: 3 } }", "dan"),
        ("{ after: 10s, line: experts }", "dan"),
    ] {
        let mut world = world(&format!("escalate: [{steps}]"), 15);
        world.operator("bea", Manner::Rings, None);
        world.run(s(1));
        // Somebody must be there, and busy, for the caller to wait at all.
        world.operator(operator, Manner::Answers(s(1)), Some(s(5)));
        world.run(s(1));
        world.caller("1", None);
        world.run(s(9));
        assert_eq!(
            world.operator_state(operator),
            OperatorState::Ready,
            "{steps}"
        );
        settle(&mut world);
        assert_eq!(outcome(&world), Outcome::Answered, "{steps}");
        let record = record(&world);
        assert_eq!(record.operator.as_ref().map(|o| o.as_str()), Some(operator));
        assert!(record.waited >= s(10), "{steps}");
        let told = world.events().iter();
        let escalated = told.filter(|(_, e)| matches!(e, Event::Escalated { .. }));
        assert_eq!(escalated.count(), 1, "{steps}");
    }
}

#[test]
fn a_line_that_cannot_be_reached_is_an_exit() {
    let mut world = world("", 16);
    world.operator("ann", Manner::Answers(s(1)), Some(s(5)));
    let caller = world.caller("1", None);
    world.run(s(2));
    assert!(world.press(caller, "2"));
    settle(&mut world);
    assert_eq!(outcome(&world), Outcome::Answered, "by the queue after it");
}

#[test]
fn a_phone_that_dies_in_a_talk_is_found_out() {
    for operator_dies in [true, false] {
        let mut world = world("", 17);
        let ann = world.operator("ann", Manner::Answers(s(1)), None);
        world.run(s(1));
        let caller = world.caller("1", None);
        assert!(world.run_until(s(30), |w| w.doing(ann) == Doing::Talking));
        world.run(s(30));
        let (dead, alive) = if operator_dies {
            (ann, caller)
        } else {
            (caller, ann)
        };
        world.manner(dead, Manner::Dead);
        let began = world.elapsed();
        assert!(world.run_until(s(60), |w| w.doing(alive) == Doing::Idle));
        let took = world.elapsed() - began;
        assert!(took <= s(35), "{took:?}");
        settle(&mut world);
        assert_eq!(outcome(&world), Outcome::Answered);
        assert_ne!(world.operator_state("ann"), OperatorState::Talking);
    }
}

#[test]
fn a_silent_phone_that_answers_keeps_its_call() {
    let mut world = world("", 18);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    let caller = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.doing(ann) == Doing::Talking));
    world.hold(ann, true);
    world.run(s(300));
    world.hold(ann, false);
    world.run(s(1));
    assert!(world.bridged(caller, ann));
    world.hang_up(caller);
    settle(&mut world);
    let told: Vec<_> = world.events().iter().map(|(_, event)| event).collect();
    let held = told
        .iter()
        .filter(|e| {
            matches!(
                e,
                Event::Held {
                    by_caller: false,
                    ..
                }
            )
        })
        .count();
    let resumed = told
        .iter()
        .filter(|e| matches!(e, Event::Resumed { .. }))
        .count();
    assert_eq!((held, resumed), (1, 1));
}

/// RFC 4028 section 10.
#[test]
fn a_long_talk_is_refreshed_and_goes_on() {
    let mut world = world("", 19);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    let caller = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.doing(ann) == Doing::Talking));
    world.run(s(4 * 3600));
    assert!(world.bridged(caller, ann));
    world.hang_up(ann);
    settle(&mut world);
    assert!(record(&world).talked.abs_diff(s(4 * 3600)) < s(1));
}

#[test]
fn without_ports_a_caller_is_refused_and_an_offer_fails() {
    let mut none = world("", 20);
    none.operator("ann", Manner::Answers(s(1)), None);
    none.streams(0);
    let caller = none.caller("1", None);
    none.run(s(2));
    assert_eq!(none.codes(caller), [503]);
    settle(&mut none);

    let mut one = world("", 21);
    one.operator("ann", Manner::Answers(s(1)), None);
    one.streams(1);
    let caller = one.caller("1", None);
    one.run(s(10));
    assert_eq!(one.doing(caller), Doing::Talking, "with the queue's music");
    one.streams(9);
    one.run(s(10));
    assert_eq!(one.operator_state("ann"), OperatorState::Talking);
    one.hang_up(caller);
    settle(&mut one);
}

#[test]
fn who_may_not_call_is_told_so() {
    let mut world = world("", 22);
    let unknown = world.caller("2", None);
    world.run(s(1));
    assert_eq!(world.codes(unknown), [404]);
    let rejected = world.caller("3", None);
    world.run(s(1));
    assert_eq!(world.codes(rejected), [603]);
    world.tell(|| Input::Drain);
    let late = world.caller("1", None);
    world.run(s(1));
    assert_eq!(world.codes(late), [503]);
    settle_rejected(&mut world);
}

fn settle_rejected(world: &mut World) {
    world.run(s(150));
    assert_eq!(world.leaks(), Vec::<String>::new());
}

#[test]
fn when_the_server_stops_everybody_is_told_goodbye() {
    let mut world = world("", 23);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    let talking = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.doing(ann) == Doing::Talking));
    let waiting = world.caller("1", None);
    world.run(s(10));
    world.tell(|| Input::Goodbye);
    world.run(s(1));
    for phone in [ann, talking, waiting] {
        assert_eq!(world.doing(phone), Doing::Idle);
    }
    settle(&mut world);
}

#[test]
fn a_registration_that_runs_out_logs_the_operator_out() {
    let mut world = world("", 24);
    let ann = world.phone("ann", Manner::Rings, None);
    world.register(ann, 60);
    world.run(s(1));
    assert_eq!(world.operator_state("ann"), OperatorState::Ready);
    world.run(s(62));
    assert_eq!(world.operator_state("ann"), OperatorState::LoggedOut);
    settle(&mut world);
}

#[test]
fn a_phone_that_does_not_answer_options_logs_the_operator_out() {
    let mut world = world("", 25);
    let ann = world.operator("ann", Manner::Rings, None);
    world.run(s(60));
    assert_eq!(world.operator_state("ann"), OperatorState::Ready);
    world.manner(ann, Manner::Dead);
    world.run(s(130));
    assert_eq!(world.operator_state("ann"), OperatorState::LoggedOut);
    settle(&mut world);
}
