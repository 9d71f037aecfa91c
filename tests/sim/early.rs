//! Sound before the answer.

use exchange::model::{Event, Hangup, Outcome};
use exchange::sim::{Doing, Manner, PhoneId, World};

use crate::{ms, outcome, record, s, settle, world};

fn answered(world: &World) -> usize {
    let events = world.events().iter();
    let answered = events.filter(|(_, event)| matches!(event, Event::CallAnswered { .. }));
    answered.count()
}

/// A caller who hears what is played before the answer; anonymous ones are refused then.
fn listens(world: &mut World, manner: Manner) -> PhoneId {
    let caller = world.caller_who(manner, "8");
    world.run(ms(1_500));
    caller
}

/// RFC 3262 section 3.
#[test]
fn a_caller_hears_a_prompt_before_the_answer_and_then_an_operator() {
    for (manner, told, pracks) in [
        (Manner::Refuses(486), 1, 0),
        (Manner::Pracks(0), 1, 1),
        // The first two PRACKs that it does not send are asked for again.
        (Manner::Pracks(2), 3, 1),
    ] {
        let mut world = world("", 401);
        let ann = world.operator("ann", Manner::Answers(s(1)), Some(s(10)));
        world.run(s(1));
        let caller = listens(&mut world, manner);
        assert_eq!(world.doing(caller), Doing::Dialing);
        assert_eq!(world.said(caller), 2, "the second of three");
        assert_eq!(answered(&world), 0);
        assert!(
            world.run_until(s(8), |w| w.bridged(caller, ann)),
            "{manner:?}"
        );
        assert_eq!(answered(&world), 1);
        assert_eq!((world.told(caller), world.pracks(caller)), (told, pracks));
        settle(&mut world);
        assert_eq!(outcome(&world), Outcome::Answered);
    }
}

/// RFC 3262 section 3.
#[test]
fn the_answer_waits_for_the_acknowledgement() {
    let mut world = world("", 402);
    world.operator("ann", Manner::Answers(s(1)), Some(s(10)));
    world.run(s(1));
    // It misses those at 0, 0.5, 1.5 and 3.5 s; the prompts are over after 3 s.
    let caller = listens(&mut world, Manner::Pracks(4));
    world.run(s(3));
    assert_eq!((answered(&world), world.doing(caller)), (0, Doing::Dialing));
    assert!(world.run_until(s(5), |w| answered(w) == 1));
    assert_eq!(world.told(caller), 5);
    settle(&mut world);
    assert_eq!(outcome(&world), Outcome::Answered);
}

/// RFC 3262 section 3.
#[test]
fn who_never_acknowledges_is_refused() {
    let mut world = world("", 403);
    world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    let caller = listens(&mut world, Manner::Pracks(usize::MAX));
    world.run(s(40));
    assert_eq!(world.codes(caller), [504]);
    settle(&mut world);
    let record = record(&world);
    assert_eq!(record.hangup, Some(Hangup::Vanished));
    assert_eq!(world.pracks(caller), 0);
}

/// RFC 3261 section 15.1.
#[test]
fn who_gives_up_before_the_answer_leaves_nothing() {
    for seed in 0..20 {
        let mut world = world("", 410 + seed);
        let caller = world.caller_who(Manner::Pracks(1), "8");
        world.run(ms(137 * seed));
        world.hang_up(caller);
        settle(&mut world);
        assert_eq!(answered(&world), 0);
        assert_eq!(record(&world).hangup, Some(Hangup::Caller));
    }
}

#[test]
fn who_is_refused_heard_why() {
    let mut world = world("", 404);
    let caller = world.phone("anna", Manner::Pracks(0), None);
    world.dial(caller, "8");
    world.run(s(5));
    assert_eq!(world.codes(caller), [404]);
    assert_eq!(world.told(caller), 1);
    settle(&mut world);
    assert_eq!(outcome(&world), Outcome::Rejected);
    assert_eq!(answered(&world), 0);
}
