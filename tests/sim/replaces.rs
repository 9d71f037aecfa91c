//! An operator's phone takes the place of another.

use exchange::model::{Event, OfferResult, OperatorState, Outcome, TransferKind};
use exchange::sim::{Doing, Manner, PhoneId, World};

use crate::{s, settle, world};

/// A caller who talks with ann, or for whom ann's phone rings.
fn with_ann(ann: Manner, seed: u64) -> (World, PhoneId, PhoneId) {
    let mut world = world("strategy: ordered", seed);
    let ann = world.operator("ann", ann, None);
    let caller = world.caller("1", None);
    let doing = |w: &World| matches!(w.doing(ann), Doing::Ringing | Doing::Talking);
    assert!(world.run_until(s(30), doing));
    world.run(s(5));
    (world, caller, ann)
}

fn answers() -> Manner {
    Manner::Answers(s(1))
}

/// RFC 3891 section 3.
#[test]
fn an_operator_goes_on_at_another_phone() {
    // By the shard that the Call-ID of the INVITE leads to, it is at home or not.
    for seed in 0..4 {
        let (mut world, caller, ann) = with_ann(answers(), seed);
        assert!(world.bridged(caller, ann));
        let mobile = world.phone("ann", Manner::Rings, None);
        world.replace(mobile, ann, "");
        world.run(s(1));
        assert_eq!(world.codes(mobile), [200], "{seed}");
        assert!(world.bridged(caller, mobile), "{seed}");
        assert_eq!(world.doing(ann), Doing::Idle, "the other phone is hung up");
        assert_eq!(world.operator_state("ann"), OperatorState::Talking);
        world.hang_up(mobile);
        world.run(s(1));
        assert_eq!(world.operator_state("ann"), OperatorState::WrapUp);
        settle(&mut world);
        assert_eq!(world.records()[0].outcome, Outcome::Answered, "{seed}");
    }
}

/// RFC 3891 section 3.
#[test]
fn a_colleague_takes_a_caller_over() {
    for seed in 4..8 {
        let (mut world, caller, ann) = with_ann(answers(), seed);
        let bea = world.operator("bea", answers(), None);
        world.hold(ann, true);
        world.run(s(1));
        world.replace(bea, ann, "");
        world.run(s(1));
        assert_eq!(
            world.codes(bea),
            [200, 200],
            "{seed}: registered, and through"
        );
        assert!(world.bridged(caller, bea), "{seed}");
        assert_eq!(world.doing(ann), Doing::Idle);
        assert_eq!(world.operator_state("ann"), OperatorState::WrapUp);
        assert_eq!(world.operator_state("bea"), OperatorState::Talking);
        let told = world.events().iter().any(|(_, event)| {
            matches!(event, Event::Transferred { by, kind: TransferKind::Operator, to, attended: true, code: 200, .. }
                if by.as_str() == "ann" && to.as_deref() == Some("bea"))
        });
        assert!(told, "{seed}");
        world.hang_up(caller);
        settle(&mut world);
        let record = &world.records()[0];
        assert_eq!(record.operator.as_ref().map(|o| o.as_str()), Some("bea"));
    }
}

/// RFC 3891 section 3.
#[test]
fn what_rings_at_a_colleague_is_picked_up() {
    for (seed, name) in [(8, "bea"), (9, "bea"), (10, "ann"), (11, "ann")] {
        let (mut world, caller, ann) = with_ann(Manner::Rings, seed);
        let other = if name == "bea" {
            world.operator(name, answers(), None)
        } else {
            world.phone(name, answers(), None)
        };
        world.run(s(1));
        world.replace(other, ann, ";early-only");
        world.run(s(1));
        assert_eq!(world.codes(other).last(), Some(&200), "{seed}");
        assert!(world.bridged(caller, other), "{seed}");
        assert_eq!(world.doing(ann), Doing::Idle, "{seed}: it rings no more");
        assert_eq!(world.operator_state(name), OperatorState::Talking);
        if name == "bea" {
            assert_eq!(
                world.operator_state("ann"),
                OperatorState::Ready,
                "nothing was missed"
            );
        }
        world.hang_up(other);
        settle(&mut world);
        let record = &world.records()[0];
        assert_eq!(record.operator.as_ref().map(|o| o.as_str()), Some(name));
        assert_eq!(record.outcome, Outcome::Answered);
    }
}

/// RFC 3891 section 3.
#[test]
fn what_cannot_be_replaced_is_refused_and_the_two_talk_on() {
    let (mut world, caller, ann) = with_ann(answers(), 12);
    let bea = world.operator("bea", answers(), None);
    let dan = world.operator("dan", answers(), None);
    world.run(s(1));
    let refused = |world: &mut World, phone, of, more: &str, code| {
        world.replace(phone, of, more);
        world.run(s(1));
        assert_eq!(world.codes(phone).last(), Some(&code), "{more}");
        assert!(world.bridged(caller, ann), "{more}");
    };
    // It is answered, and was wanted before.
    refused(&mut world, bea, ann, ";early-only", 486);
    refused(&mut world, bea, ann, ";to-tag=2", 400);
    // Nobody has such a dialog.
    refused(&mut world, bea, dan, "", 481);
    // The place of the caller is the caller's.
    refused(&mut world, bea, caller, "", 403);
    let mallory = world.phone("mallory", Manner::Rings, None);
    world.rename(mallory, "bea", "wrong");
    refused(&mut world, mallory, ann, "", 403);
    // Whoever is not ready for a call gets none.
    let busy = world.caller("5", None);
    assert!(world.run_until(s(10), |w| w.bridged(busy, dan)));
    let desk = world.phone("dan", Manner::Rings, None);
    refused(&mut world, desk, ann, "", 486);
    world.hang_up(busy);
    world.hang_up(caller);
    world.run(s(1));
    settle(&mut world);
}

/// RFC 3891 section 3.
#[test]
fn a_place_that_is_gone_is_declined() {
    let (mut world, caller, ann) = with_ann(Manner::Rings, 13);
    let bea = world.operator("bea", answers(), None);
    world.run(s(1));
    // The caller leaves as bea picks up: among these moments are both orders.
    world.replace(bea, ann, "");
    world.hang_up(caller);
    world.run(s(2));
    let code = world.codes(bea).last().copied();
    assert!(matches!(code, Some(200 | 481 | 603)), "{code:?}");
    assert_eq!(world.doing(bea), Doing::Idle);
    settle(&mut world);
    let withdrawn = world.events().iter().any(|(_, event)| {
        matches!(event, Event::OfferEnded { operator, result: OfferResult::Withdrawn, .. } if operator.as_str() == "ann")
    });
    assert!(withdrawn);
}

#[test]
fn a_phone_without_ports_is_turned_away_and_the_other_rings_on() {
    let (mut world, caller, ann) = with_ann(Manner::Rings, 14);
    let bea = world.operator("bea", answers(), None);
    world.run(s(1));
    // The caller's stream and the one that rings.
    world.streams(2);
    world.replace(bea, ann, "");
    world.run(s(1));
    assert_eq!(world.codes(bea).last(), Some(&503));
    assert_eq!(world.doing(ann), Doing::Ringing);
    assert_eq!(world.operator_state("bea"), OperatorState::Ready);
    world.hang_up(caller);
    settle(&mut world);
}

/// RFC 3891 section 3: what is over is declined, what never was is not there.
#[test]
fn a_call_that_ended_is_declined_and_one_that_never_was_is_not_there() {
    for seed in 20..24 {
        let (mut world, caller, ann) = with_ann(answers(), seed);
        let name = world.named(ann).unwrap();
        let bea = world.operator("bea", answers(), None);
        world.run(s(1));
        world.hang_up(caller);
        // Nothing of the call is left.
        settle(&mut world);
        for (named, code) in [
            (name.clone(), 603),
            (name.replace("to-tag=", "to-tag=x"), 481),
        ] {
            world.replace_named(bea, &named);
            world.run(s(1));
            assert_eq!(world.codes(bea).last(), Some(&code), "{seed} {named}");
        }
    }
}

/// RFC 3891 section 3.
#[test]
fn two_cannot_have_the_same_place() {
    for seed in 15..19 {
        let (mut world, caller, ann) = with_ann(answers(), seed);
        let phones = [(); 2].map(|()| world.phone("ann", Manner::Rings, None));
        for phone in phones {
            world.replace(phone, ann, "");
        }
        world.run(s(1));
        let mut codes = phones.map(|phone| world.codes(phone).last().copied());
        codes.sort_unstable();
        assert_eq!(codes[0], Some(200), "{seed}: {codes:?}");
        assert!(
            matches!(codes[1], Some(481 | 486 | 603)),
            "{seed}: {codes:?}"
        );
        let has = phones.map(|phone| world.bridged(caller, phone));
        assert_ne!(has[0], has[1], "{seed}");
        world.hang_up(caller);
        settle(&mut world);
    }
}

/// RFC 3891 section 3.
#[test]
fn the_place_of_a_line_is_nobody_else_s() {
    let mut world = world("", 19);
    world.phone("one", Manner::Rings, None);
    let two = world.phone("two", answers(), None);
    let bea = world.operator("bea", answers(), None);
    let caller = world.caller("7", None);
    world.run(s(1));
    assert!(world.press(caller, "2"));
    assert!(world.run_until(s(5), |w| w.bridged(caller, two)));
    world.replace(bea, two, "");
    world.run(s(1));
    assert_eq!(world.codes(bea).last(), Some(&403));
    assert!(world.bridged(caller, two));
    world.hang_up(caller);
    settle(&mut world);
}

/// RFC 3264 section 8.4.
#[test]
fn a_caller_who_holds_goes_on_holding_whoever_is_there() {
    let (mut world, caller, ann) = with_ann(answers(), 20);
    // How often an operator's phone was given music for the caller who holds.
    let held = |world: &World| {
        let told = world.events().iter();
        told.filter(|(_, event)| {
            matches!(
                event,
                Event::Held {
                    by_caller: true,
                    ..
                }
            )
        })
        .count()
    };
    world.hold(caller, true);
    world.run(s(1));
    assert_eq!(held(&world), 1);
    let mobile = world.phone("ann", Manner::Rings, None);
    world.replace(mobile, ann, "");
    world.run(s(1));
    assert_eq!(world.codes(mobile), [200]);
    assert_eq!(held(&world), 2, "the other phone hears it too");
    world.hold(caller, false);
    world.run(s(1));
    assert!(world.bridged(caller, mobile));
    world.hang_up(caller);
    settle(&mut world);
}

#[test]
fn a_place_from_which_the_caller_is_being_handed_on_is_not_given_away() {
    let (mut world, caller, ann) = with_ann(answers(), 21);
    let mobile = world.phone("ann", Manner::Rings, None);
    // Nobody answers there for a while.
    world.refer(ann, "sip:field@centrale.localhost");
    world.run(s(1));
    world.replace(mobile, ann, "");
    world.run(s(1));
    assert_eq!(world.codes(mobile), [491]);
    world.hang_up(caller);
    settle(&mut world);
}
