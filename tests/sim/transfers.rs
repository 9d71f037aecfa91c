//! An operator hands the caller on.

use std::time::Duration;

use exchange::model::{Event, OperatorState, Outcome, TransferKind};
use exchange::sim::{Doing, Manner, PhoneId, World};

use crate::{s, settle, world};

/// A caller who talks with ann, and bea and dan who are there too.
struct Scene {
    world: World,
    caller: PhoneId,
    ann: PhoneId,
    bea: PhoneId,
    dan: PhoneId,
}

fn talking(seed: u64) -> Scene {
    let mut world = world("strategy: ordered", seed);
    let [ann, bea, dan] =
        ["ann", "bea", "dan"].map(|name| world.operator(name, Manner::Answers(s(1)), None));
    let caller = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.operator_state("ann") == OperatorState::Talking));
    world.run(s(20));
    assert!(world.bridged(caller, ann));
    Scene {
        world,
        caller,
        ann,
        bea,
        dan,
    }
}

pub(crate) fn transfers(world: &World) -> Vec<(TransferKind, Option<String>, bool, u16)> {
    let events = world.events().iter();
    let told = events.filter_map(|(_, event)| match event {
        Event::Transferred {
            kind,
            to,
            attended,
            code,
            ..
        } => Some((*kind, to.as_deref().map(str::to_owned), *attended, *code)),
        _ => None,
    });
    told.collect()
}

/// RFC 3515 section 2.4.3.
#[test]
fn a_caller_who_is_sent_on_waits_as_old_as_before() {
    let cases = [
        ("experts", TransferKind::Queue),
        ("dan", TransferKind::Operator),
        ("5", TransferKind::Number),
    ];
    for (to, kind) in cases {
        let mut scene = talking(31);
        let world = &mut scene.world;
        world.refer(scene.ann, &format!("sip:{to}@centrale.localhost"));
        world.run(Duration::from_millis(100));
        assert_eq!(world.notified(scene.ann), [200], "{to}");
        assert_eq!(
            world.doing(scene.ann),
            Doing::Idle,
            "{to}: the operator is free"
        );
        assert_eq!(world.operator_state("ann"), OperatorState::WrapUp, "{to}");
        assert!(
            world.run_until(s(5), |w| w.bridged(scene.caller, scene.dan)),
            "{to}"
        );
        assert_eq!(transfers(world), [(kind, Some(to.to_owned()), false, 200)]);
        world.hang_up(scene.caller);
        settle(world);
        let record = &world.records()[0];
        assert_eq!(record.outcome, Outcome::Answered);
        assert_eq!(record.operator.as_ref().map(|o| o.as_str()), Some("dan"));
    }
}

/// RFC 3515 section 2.4.3.
#[test]
fn whoever_was_sent_on_goes_before_who_came_later() {
    let mut scene = talking(32);
    let world = &mut scene.world;
    // Whoever waits for dan came after the caller whom ann has.
    let busy = world.caller("5", None);
    assert!(world.run_until(s(5), |w| w.bridged(busy, scene.dan)));
    let later = world.caller("5", None);
    world.run(s(1));
    world.refer(scene.ann, "sip:experts@centrale.localhost");
    world.run(s(1));
    assert_eq!(world.waiting("experts"), 2);
    world.hang_up(busy);
    let served = |w: &World| w.bridged(scene.caller, scene.dan) || w.bridged(later, scene.dan);
    assert!(world.run_until(s(30), served));
    assert!(
        world.bridged(scene.caller, scene.dan),
        "the older caller is first"
    );
    world.hang_up(later);
    world.hang_up(scene.caller);
    settle(world);
}

/// RFC 3515 sections 2.1 and 2.4.2.
#[test]
fn what_cannot_be_is_refused_and_the_two_talk_on() {
    let mut scene = talking(33);
    let world = &mut scene.world;
    world.register(scene.dan, 0);
    world.run(s(1));
    let cases = [
        // Nobody is there: not in the queue, not at the phone, not under the name.
        ("sip:experts@centrale.localhost", 480),
        ("sip:dan@centrale.localhost", 480),
        ("sip:cas@centrale.localhost", 480),
        ("sip:nobody@centrale.localhost", 404),
        // The number `*` would take anything.
        ("sip:0612345678@centrale.localhost", 404),
        ("sip:ann@centrale.localhost", 482),
        // Nobody reaches the world by writing its address (toll fraud).
        ("sip:0900123@198.51.100.7", 403),
        ("sip:0900123@carrier.example", 403),
        ("mailto:ann@centrale.localhost", 416),
        // Section 2.1: what is asked for is no call.
        ("sip:experts@centrale.localhost;method=BYE", 403),
        ("sip:x@centrale.localhost?Replaces=a", 400),
        (
            "sip:x@centrale.localhost?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2",
            481,
        ),
    ];
    for (to, _) in cases {
        world.refer(scene.ann, to);
        world.run(s(1));
        assert!(world.bridged(scene.caller, scene.ann), "{to}");
    }
    assert_eq!(world.notified(scene.ann), cases.map(|(_, code)| code));
    let codes: Vec<u16> = transfers(world)
        .into_iter()
        .map(|(.., code)| code)
        .collect();
    assert_eq!(codes, cases.map(|(_, code)| code));
    // Callers send nobody anywhere.
    world.refer(scene.caller, "sip:bea@centrale.localhost");
    world.run(s(1));
    assert_eq!(world.notified(scene.caller), [403]);
    world.hang_up(scene.caller);
    settle(world);
}

/// RFC 3891 section 3.
#[test]
fn an_operator_asks_a_colleague_and_hands_the_caller_on() {
    // By the shard that the second call's Call-ID leads to, the call comes home or is at
    // home: among these seeds are both.
    for seed in 40..46 {
        let mut scene = talking(seed);
        let world = &mut scene.world;
        world.hold(scene.ann, true);
        world.run(s(1));
        world.consult(scene.ann, "bea");
        assert!(world.run_until(s(5), |w| w.has_second(scene.ann)), "{seed}");
        assert!(
            world.run_until(s(5), |w| w.doing(scene.bea) == Doing::Talking),
            "{seed}"
        );
        world.run(s(10));
        world.refer_to_second(scene.ann);
        world.run(s(1));
        assert_eq!(world.notified(scene.ann), [200], "{seed}");
        assert!(world.bridged(scene.caller, scene.bea), "{seed}");
        assert_eq!(world.doing(scene.ann), Doing::Idle);
        assert!(!world.has_second(scene.ann));
        assert_eq!(world.operator_state("ann"), OperatorState::WrapUp);
        assert_eq!(world.operator_state("bea"), OperatorState::Talking);
        let told = (TransferKind::Operator, Some("bea".to_owned()), true, 200);
        assert_eq!(transfers(world), [told]);
        world.run(s(30));
        world.hang_up(scene.bea);
        world.run(s(5));
        assert_eq!(world.operator_state("bea"), OperatorState::WrapUp, "{seed}");
        settle(world);
        let outcomes: Vec<_> = world.records().iter().map(|r| r.outcome).collect();
        assert_eq!(outcomes, [Outcome::Answered, Outcome::Answered], "{seed}");
    }
}

/// RFC 3891 section 3.
#[test]
fn a_caller_is_handed_on_while_the_second_call_still_waits() {
    for seed in 50..54 {
        let mut scene = talking(seed);
        let world = &mut scene.world;
        world.manner(scene.dan, Manner::Rings);
        world.consult(scene.ann, "experts");
        assert!(
            world.run_until(s(5), |w| w.doing(scene.dan) == Doing::Ringing),
            "{seed}"
        );
        world.run(s(1));
        world.manner(scene.dan, Manner::Answers(s(1)));
        world.refer_to_second(scene.ann);
        world.run(s(1));
        assert_eq!(world.notified(scene.ann), [200], "{seed}");
        assert!(
            world.run_until(s(60), |w| w.bridged(scene.caller, scene.dan)),
            "{seed}"
        );
        world.hang_up(scene.caller);
        settle(world);
    }
}

/// RFC 3891 section 3.
#[test]
fn a_second_call_is_given_to_nobody_else() {
    for seed in 60..64 {
        let mut scene = talking(seed);
        let world = &mut scene.world;
        // bea talks too, and both call dan's queue: each can hand on to the own call only.
        let other = world.caller("1", None);
        assert!(
            world.run_until(s(30), |w| w.bridged(other, scene.bea)),
            "{seed}"
        );
        world.consult(scene.ann, "dan");
        assert!(world.run_until(s(5), |w| w.has_second(scene.ann)), "{seed}");
        assert!(
            world.run_until(s(5), |w| w.doing(scene.dan) == Doing::Talking),
            "{seed}"
        );
        world.lend_second(scene.ann, scene.bea);
        world.refer_to_second(scene.bea);
        world.run(s(1));
        let code = world.notified(scene.bea);
        assert!(code == [403] || code == [481], "{seed}: {code:?}");
        assert!(world.bridged(other, scene.bea), "{seed}");
        world.hang_up(other);
        world.hang_up(scene.caller);
        world.hang_up(scene.ann);
        world.hang_up(scene.dan);
        settle(world);
    }
}

/// RFC 3261 section 22.1.
#[test]
fn only_operators_with_the_password_call_in_their_name() {
    let mut world = world("", 70);
    let ann = world.phone("ann", Manner::Rings, None);
    world.consult(ann, "bea");
    world.run(s(1));
    // There is nobody to talk to, but it was ann.
    assert_eq!(world.codes(ann), [200], "the flow says so and hangs up");
    let mallory = world.phone("mallory", Manner::Rings, None);
    world.rename(mallory, "bea", "wrong");
    world.consult(mallory, "ann");
    world.run(s(1));
    assert_eq!(world.codes(mallory), [403]);
    settle(&mut world);
}

#[test]
fn an_operator_on_a_call_of_the_own_is_offered_none() {
    let mut world = world("", 80);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    let bea = world.operator("bea", Manner::Rings, None);
    world.run(s(1));
    world.consult(ann, "bea");
    assert!(world.run_until(s(5), |w| w.doing(bea) == Doing::Ringing));
    assert_eq!(world.operator_state("ann"), OperatorState::Talking);
    let caller = world.caller("1", None);
    world.run(s(6));
    assert_eq!(
        world.waiting("help"),
        2,
        "the caller, and ann who waits for bea"
    );
    world.hang_up(ann);
    world.run(s(1));
    // Bea was free a moment sooner, and her phone, which rang for ann, rings for the caller.
    assert_eq!(world.operator_state("ann"), OperatorState::Ready);
    assert_eq!(world.doing(bea), Doing::Ringing);
    let next = world.caller("1", None);
    assert!(world.run_until(s(10), |w| w.bridged(next, ann)));
    world.hang_up(caller);
    world.hang_up(next);
    settle(&mut world);
}
