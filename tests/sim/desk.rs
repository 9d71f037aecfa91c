//! What supervisors ask for while calls wait and operators work.

use exchange::model::{CallId, Event, OperatorState, PauseReason};
use exchange::shard::{Order, Refused, Standing};
use exchange::sim::{Doing, Manner, PhoneId, World};

use crate::{s, settle, world};

/// Ann talks with a first caller; two more wait, the older first.
struct Scene {
    world: World,
    ann: PhoneId,
    first: PhoneId,
    callers: [PhoneId; 2],
    calls: [CallId; 2],
}

fn two_wait(help: &str) -> Scene {
    let mut world = world(help, 40);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    let first = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.bridged(ann, first)));
    let mut wait = || {
        let caller = world.caller("1", None);
        world.run(s(10));
        caller
    };
    let callers = [wait(), wait()];
    let calls = world.waiting_calls().try_into().expect("two wait");
    Scene {
        world,
        ann,
        first,
        callers,
        calls,
    }
}

impl Scene {
    /// Ann's first call ends; the next caller she talks with.
    fn next(&mut self) -> Option<PhoneId> {
        self.world.hang_up(self.first);
        self.world.run(s(15));
        let mut callers = self.callers.into_iter();
        callers.find(|caller| self.world.bridged(self.ann, *caller))
    }

    fn end(mut self) {
        for caller in [self.first, self.callers[0], self.callers[1]] {
            self.world.hang_up(caller);
        }
        settle(&mut self.world);
    }
}

fn pause(world: &mut World, reason: &str) -> Standing {
    let reason = Some(PauseReason::new(reason));
    let paused = world.order("ann", Order::Pause(reason));
    paused.expect("she has a phone")
}

/// What was told of ann, in order.
fn told(world: &World) -> Vec<String> {
    let told = world.events().iter().filter_map(|(_, event)| match event {
        Event::OperatorChanged {
            operator,
            state,
            reason: Some(reason),
            ..
        } if operator.as_str() == "ann" => Some(format!("{state}:{reason}")),
        Event::OperatorChanged {
            operator, state, ..
        } if operator.as_str() == "ann" => Some(state.to_string()),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_call_with_a_higher_priority_overtakes_who_waited_for_longer() {
    let mut scene = two_wait("priority: 5");
    let [_, younger] = scene.calls.clone();
    assert!(scene.world.prioritize(&younger, 50));
    let told = |event: &Event| matches!(event, Event::Prioritized { call, priority: 55, .. } if *call == younger);
    assert!(scene.world.events().iter().any(|(_, event)| told(event)));
    assert_eq!(scene.next(), Some(scene.callers[1]));
    scene.end();
}

#[test]
fn a_lower_priority_lets_the_others_go_first() {
    let mut scene = two_wait("");
    let [older, _] = scene.calls.clone();
    assert!(scene.world.prioritize(&older, -1));
    assert_eq!(scene.next(), Some(scene.callers[1]));
    scene.end();
}

#[test]
fn a_call_whose_offer_rings_has_its_priority_when_it_waits_again() {
    let mut world = world("offer_timeout: 15s", 41);
    world.operator("bea", Manner::Rings, None);
    world.run(s(1));
    let paused = world.order("bea", Order::Pause(None));
    assert_eq!(paused.expect("she has a phone").reason, None);
    let ann = world.operator("ann", Manner::Rings, None);
    world.run(s(1));
    let older = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.doing(ann) == Doing::Ringing));
    let younger = world.caller("1", None);
    world.run(s(8));
    let [call, other] = world.waiting_calls().try_into().expect("two wait");
    assert!(world.prioritize(&call, -10));
    assert!(world.run_until(s(10), |w| w.doing(ann) == Doing::Idle));
    let ready = world.order("bea", Order::Ready).expect("she has a phone");
    assert_eq!(ready.state, OperatorState::Offered);
    let offered = |event: &Event| matches!(event, Event::Offered { call, operator, .. } if *call == other && operator.as_str() == "bea");
    assert!(world.events().iter().any(|(_, event)| offered(event)));
    world.hang_up(older);
    world.hang_up(younger);
    settle(&mut world);
}

#[test]
fn a_priority_goes_along_to_the_next_queue() {
    let mut scene = two_wait("escalate: [{ after: 15s, line: experts }]");
    let [_, younger] = scene.calls.clone();
    scene.world.operator("dan", Manner::Rings, None);
    assert!(scene.world.prioritize(&younger, 30));
    scene.world.run(s(10));
    let told = |event: &Event| matches!(event, Event::Queued { call, queue, priority: 30 } if *call == younger && queue.as_str() == "experts");
    assert!(scene.world.events().iter().any(|(_, event)| told(event)));
    scene.end();
}

#[test]
fn only_a_waiting_call_is_found() {
    let mut scene = two_wait("");
    let [older, younger] = scene.calls.clone();
    assert_eq!(scene.next(), Some(scene.callers[0]));
    assert_eq!(scene.world.waiting_calls(), [younger]);
    assert!(!scene.world.prioritize(&older, 5), "it talks");
    assert!(!scene.world.prioritize(&"nobody".into(), 5));
    scene.world.hang_up(scene.callers[1]);
    scene.world.run(s(1));
    assert_eq!(scene.world.waiting_calls(), []);
    scene.end();
}

#[test]
fn a_pause_asked_for_in_a_talk_begins_after_it_with_its_reason() {
    let mut scene = two_wait("");
    let world = &mut scene.world;
    assert_eq!(
        pause(world, "training").pending,
        Some(OperatorState::Paused)
    );
    let standing = pause(world, "lunch");
    assert_eq!(standing.state, OperatorState::Talking);
    assert_eq!(standing.pending, Some(OperatorState::Paused));
    // Another phone of hers is no reason to go on.
    world.operator("ann", Manner::Rings, None);
    world.run(s(1));
    world.hang_up(scene.first);
    world.run(s(1));
    let expected = ["ready", "offered", "talking", "paused:lunch"];
    assert_eq!(told(world), expected);
    assert_eq!(pause(world, "lunch").pending, None);
    assert_eq!(told(world).len(), 4, "the same again is no news");
    let standing = pause(world, "coffee");
    assert_eq!(standing.reason, Some(PauseReason::new("coffee")));
    let ready = world.order("ann", Order::Ready).expect("she has a phone");
    assert_eq!(ready.state, OperatorState::Offered);
    assert_eq!(told(world)[4..], ["paused:coffee", "offered"]);
    scene.end();
}

#[test]
fn what_was_pending_is_taken_back() {
    let mut world = world("offer_timeout: 5s", 42);
    let ann = world.operator("ann", Manner::Rings, None);
    world.run(s(1));
    let caller = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.doing(ann) == Doing::Ringing));
    assert_eq!(
        pause(&mut world, "lunch").pending,
        Some(OperatorState::Paused)
    );
    let ready = world.order("ann", Order::Ready).expect("she has a phone");
    assert_eq!(ready.pending, None);
    world.run(s(6));
    assert_eq!(told(&world), ["ready", "offered", "paused:missed_offer"]);
    world.hang_up(caller);
    settle(&mut world);
}

#[test]
fn a_log_out_is_done_at_once_or_after_the_call() {
    let mut scene = two_wait("");
    let world = &mut scene.world;
    let standing = world.order("ann", Order::LogOut).expect("anybody may");
    assert_eq!(standing.pending, Some(OperatorState::LoggedOut));
    world.hang_up(scene.first);
    world.run(s(1));
    assert_eq!(world.operator_state("ann"), OperatorState::LoggedOut);
    let paused = pause(world, "lunch");
    assert_eq!(
        paused.state,
        OperatorState::Paused,
        "she logs in to a pause"
    );
    let standing = world.order("ann", Order::LogOut).expect("anybody may");
    assert_eq!(standing.state, OperatorState::LoggedOut);
    assert_eq!(standing.reason, None);
    scene.end();
}

#[test]
fn a_wrap_up_is_extended_and_ended() {
    let mut scene = two_wait("");
    let world = &mut scene.world;
    let refused = world.order("ann", Order::WrapUpLonger(s(5)));
    assert_eq!(refused, Err(Refused::NoWrapUp(OperatorState::Talking)));
    world.hang_up(scene.first);
    world.run(s(1));
    assert_eq!(world.operator_state("ann"), OperatorState::WrapUp);
    for more in [30, 30] {
        let longer = world.order("ann", Order::WrapUpLonger(s(more)));
        assert!(longer.expect("she wraps up").wrap_up_until.is_some());
    }
    world.run(s(68));
    assert_eq!(world.operator_state("ann"), OperatorState::WrapUp);
    world.run(s(3));
    assert_eq!(world.operator_state("ann"), OperatorState::Talking);
    world.hang_up(scene.callers[0]);
    world.run(s(1));
    assert!(world.order("ann", Order::WrapUpLonger(s(3600))).is_ok());
    let ready = world.order("ann", Order::Ready).expect("she has a phone");
    assert_eq!(ready.state, OperatorState::Offered);
    scene.end();
}

#[test]
fn who_has_no_phone_or_does_not_exist_takes_no_orders() {
    let mut world = world("", 43);
    for order in [Order::Ready, Order::Pause(None)] {
        assert_eq!(world.order("ann", order.clone()), Err(Refused::NoPhone));
        assert_eq!(world.order("nobody", order), Err(Refused::Unknown));
    }
    assert!(told(&world).is_empty());
}
