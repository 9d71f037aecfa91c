//! Answers of operators' phones that are not plain.

use exchange::model::OperatorState;
use exchange::sim::{Doing, Link, Manner};

use crate::{ms, s, settle, world};

/// RFC 3262 section 4, and section 5: the description came with the 183 alone.
#[test]
fn a_provisional_answer_is_acknowledged_and_may_bring_the_description() {
    for (seed, loss) in [(90, 0), (91, 20), (92, 20), (93, 20)] {
        let mut world = world("", seed);
        let ann = world.operator("ann", Manner::AnswersReliably(s(1)), None);
        world.run(s(1));
        world.link(Link {
            delay: ms(20),
            loss,
        });
        let caller = world.caller("1", None);
        assert!(world.run_until(s(60), |w| w.bridged(caller, ann)), "{seed}");
        assert_eq!(
            world.pracks(ann),
            1,
            "{seed}: once, however often the 183 comes"
        );
        world.run(s(20));
        // The BYE goes on counting after the PRACK, or the phone would refuse it.
        world.link(Link::GOOD);
        world.hang_up(caller);
        world.run(s(1));
        assert_eq!(world.doing(ann), Doing::Idle, "{seed}");
        settle(&mut world);
    }
}

/// RFC 3261 section 13.2.2.4.
#[test]
fn of_two_phones_that_pick_up_behind_one_address_one_talks() {
    let mut world = world("", 94);
    let ann = world.operator("ann", Manner::Forks(s(1)), None);
    world.run(s(1));
    let caller = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.bridged(caller, ann)));
    world.run(s(1));
    assert!(!world.is_forked(ann), "the other one is told to hang up");
    assert!(world.bridged(caller, ann));
    assert_eq!(world.operator_state("ann"), OperatorState::Talking);
    world.hang_up(caller);
    settle(&mut world);
}

/// RFC 3261 section 14.1: a refresh that meets the phone's own is tried again; else the call
/// would be over half an hour after its beginning (RFC 4028 section 10).
#[test]
fn a_refresh_that_meets_the_peers_own_is_tried_again() {
    let mut world = world("", 95);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    let caller = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.bridged(caller, ann)));
    for phone in [caller, ann] {
        world.glare(phone, 2);
    }
    world.run(s(2400));
    assert!(world.bridged(caller, ann));
    for phone in [caller, ann] {
        assert_eq!(
            world.glares_left(phone),
            0,
            "both were refreshed by re-INVITE"
        );
    }
    world.hang_up(caller);
    settle(&mut world);
}
