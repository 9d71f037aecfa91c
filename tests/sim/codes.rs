//! Codes that operators dial.

use exchange::model::{Event, OperatorState};
use exchange::shard::Order;
use exchange::sim::{Manner, PhoneId, World};

use crate::{s, settle, world};

/// Ann's phone, and what she did first.
fn with_ann(order: Option<Order>) -> (World, PhoneId) {
    let mut world = world("", 60);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    if let Some(order) = order {
        world.order("ann", order).expect("she has a phone");
    }
    (world, ann)
}

/// Ann dials a code and listens until the house hangs up; what it answered.
fn dials(world: &mut World, ann: PhoneId, code: &str) -> Option<u16> {
    world.consult(ann, code);
    world.run(s(5));
    world.codes(ann).last().copied()
}

#[test]
fn a_code_is_obeyed_or_refused() {
    use OperatorState::{LoggedOut, Paused, Ready};
    let paused = || Some(Order::Pause(None));
    for (order, code, answered, then) in [
        (Some(Order::LogOut), "*10", 200, (Ready, None)),
        (None, "*11", 200, (LoggedOut, None)),
        (None, "*12", 200, (Paused, None)),
        (None, "*127", 200, (Paused, Some("7"))),
        (paused(), "*13", 200, (Ready, None)),
        (paused(), "*12", 200, (Paused, None)),
        // There is no wrap-up to end, and nothing else begins so.
        (paused(), "*14", 403, (Paused, None)),
        (paused(), "*99", 404, (Paused, None)),
    ] {
        let (mut world, ann) = with_ann(order);
        assert_eq!(dials(&mut world, ann, code), Some(answered), "{code}");
        assert_eq!(world.operator_state("ann"), then.0, "{code}");
        let last = world
            .events()
            .iter()
            .rev()
            .find_map(|(_, event)| match event {
                Event::OperatorChanged { reason, .. } => Some(reason.clone()),
                _ => None,
            });
        let reason = last.flatten().map(|reason| reason.to_string());
        assert_eq!(reason.as_deref(), then.1, "{code}");
        settle(&mut world);
    }
}

/// The phone would say that it is busy.
#[test]
fn who_becomes_ready_is_offered_nobody_before_the_tone_is_over() {
    let (mut world, ann) = with_ann(Some(Order::Pause(None)));
    let caller = world.caller("1", None);
    world.run(s(5));
    world.consult(ann, "*13");
    assert!(world.run_until(s(3), |w| w.codes(ann).last() == Some(&200)));
    assert_eq!(world.operator_state("ann"), OperatorState::Paused);
    assert!(world.run_until(s(10), |w| w.bridged(caller, ann)));
    let missed = |event: &Event| matches!(event, Event::OfferEnded { .. });
    let ended = world.events().iter().filter(|(_, event)| missed(event));
    assert_eq!(ended.count(), 1, "the one that was answered");
    world.hang_up(caller);
    settle(&mut world);
}

#[test]
fn a_wrap_up_is_ended_by_its_code() {
    let (mut world, ann) = with_ann(None);
    let caller = world.caller("1", None);
    assert!(world.run_until(s(10), |w| w.bridged(caller, ann)));
    world.hang_up(caller);
    world.run(s(3));
    assert_eq!(world.operator_state("ann"), OperatorState::WrapUp);
    assert_eq!(dials(&mut world, ann, "*14"), Some(200));
    assert_eq!(world.operator_state("ann"), OperatorState::Ready);
    settle(&mut world);
}
