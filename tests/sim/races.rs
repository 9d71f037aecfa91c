//! Things that happen at the same moment.

use std::time::Duration;

use exchange::model::{Event, OfferResult, OperatorState, Outcome, PauseReason};
use exchange::shard::Order;
use exchange::sim::{Doing, Link, Manner, World};

use crate::{ms, s, settle, world};

/// Every tenth of a millisecond around the moment.
fn moments() -> impl Iterator<Item = (u64, Duration)> {
    (0..60).map(|n| (n, Duration::from_micros(n * 100)))
}

fn ringing(world: &mut World, manner: Manner) -> (exchange::sim::PhoneId, exchange::sim::PhoneId) {
    world.link(Link {
        delay: ms(2),
        loss: 0,
    });
    let ann = world.operator("ann", manner, None);
    world.run(s(1));
    let caller = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.doing(ann) == Doing::Ringing));
    (ann, caller)
}

/// RFC 3261 section 15.1.
#[test]
fn both_hang_up_at_once() {
    for (seed, moment) in moments() {
        let mut world = world("", seed);
        let (ann, caller) = ringing(&mut world, Manner::Answers(s(1)));
        assert!(world.run_until(s(5), |w| w.doing(ann) == Doing::Talking));
        world.run(s(5));
        world.hang_up(ann);
        world.run(moment);
        world.hang_up(caller);
        settle(&mut world);
        assert_eq!(world.records()[0].outcome, Outcome::Answered, "{seed}");
        assert_eq!(world.operator_state("ann"), OperatorState::Ready, "{seed}");
    }
}

/// RFC 3261 section 9.2.
#[test]
fn the_operator_answers_as_the_caller_leaves() {
    let mut outcomes = std::collections::BTreeSet::new();
    for (seed, moment) in moments() {
        let mut world = world("", seed);
        let (ann, caller) = ringing(&mut world, Manner::Answers(s(1)));
        world.run(s(1) - ms(3) + moment);
        world.hang_up(caller);
        settle(&mut world);
        outcomes.insert(world.records()[0].outcome);
        assert_eq!(world.doing(ann), Doing::Idle, "{seed}");
        assert_eq!(world.operator_state("ann"), OperatorState::Ready, "{seed}");
    }
    assert!(
        outcomes.len() > 1,
        "the moments hit both sides: {outcomes:?}"
    );
}

/// RFC 3261 section 9.2.
#[test]
fn the_caller_gives_up_as_the_call_is_answered() {
    for (seed, moment) in moments() {
        let mut world = world("", seed);
        world.link(Link {
            delay: ms(2),
            loss: 0,
        });
        let caller = world.caller("1", None);
        world.run(moment);
        world.hang_up(caller);
        settle(&mut world);
        assert_eq!(world.doing(caller), Doing::Idle, "{seed}");
    }
}

#[test]
fn the_operator_answers_as_the_offer_runs_out() {
    for (seed, moment) in moments() {
        let mut world = world("offer_timeout: 5s", seed);
        let manner = Manner::Answers(s(5) - ms(5) + moment);
        let (ann, caller) = ringing(&mut world, manner);
        world.run(s(6));
        // Either they talk, or the operator is paused and the phone is silent.
        let talking = world.doing(ann) == Doing::Talking;
        let state = world.operator_state("ann");
        let expected = if talking {
            OperatorState::Talking
        } else {
            OperatorState::Paused
        };
        assert_eq!(state, expected, "{seed}");
        assert_eq!(world.bridged(caller, ann), talking, "{seed}");
        world.hang_up(caller);
        settle(&mut world);
    }
}

#[test]
fn the_operator_logs_out_as_the_offer_runs_out() {
    for (seed, moment) in moments() {
        let mut world = world("offer_timeout: 5s", seed);
        let (ann, caller) = ringing(&mut world, Manner::Rings);
        world.run(s(5) - ms(5) + moment);
        world.register(ann, 0);
        world.run(s(2));
        assert_eq!(
            world.operator_state("ann"),
            OperatorState::LoggedOut,
            "{seed}"
        );
        world.hang_up(caller);
        settle(&mut world);
    }
}

#[test]
fn the_phone_is_gone_as_the_call_comes() {
    for (seed, moment) in moments() {
        let mut world = world("", seed);
        world.link(Link {
            delay: ms(2),
            loss: 0,
        });
        let ann = world.operator("ann", Manner::Answers(ms(1)), Some(s(2)));
        world.run(s(1));
        world.caller("1", Some(s(30)));
        assert!(world.run_until(s(30), |w| w.waiting("help") > 0));
        world.run(moment);
        world.register(ann, 0);
        settle(&mut world);
    }
}

#[test]
fn the_next_call_comes_as_the_phone_is_told_to_stop() {
    for (seed, moment) in moments() {
        let mut world = world("", seed);
        world.link(Link {
            delay: ms(20),
            loss: 0,
        });
        let ann = world.operator("ann", Manner::Rings, None);
        world.run(s(1));
        let first = world.caller("1", None);
        assert!(world.run_until(s(30), |w| w.doing(ann) == Doing::Ringing));
        world.caller("1", Some(s(60)));
        world.run(s(5) + moment);
        world.hang_up(first);
        let left = world.elapsed();
        // A CANCEL that comes after the next INVITE finds a phone that was busy for it.
        assert!(world.run_until(s(1), |w| w.waiting("help") == 1));
        world.run(s(1));
        assert_eq!(world.doing(ann), Doing::Ringing, "{seed}");
        assert_eq!(
            world.operator_state("ann"),
            OperatorState::Offered,
            "{seed}"
        );
        let offers = world
            .events()
            .iter()
            .filter(|(at, event)| *at >= left && matches!(event, Event::Offered { .. }));
        assert_eq!(offers.count(), 1, "{seed}");
        settle(&mut world);
    }
}

#[test]
fn a_phone_that_never_says_that_it_stopped_is_rung_again_all_the_same() {
    let mut world = world("offer_timeout: 20s", 1);
    let ann = world.operator("ann", Manner::Rings, None);
    world.run(s(1));
    let first = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.doing(ann) == Doing::Ringing));
    world.manner(ann, Manner::Dead);
    world.caller("1", Some(s(60)));
    world.run(s(5));
    world.hang_up(first);
    let left = world.elapsed();
    let offered = |world: &World| {
        let offers = world.events().iter();
        let mut offers = offers.filter(|(_, event)| matches!(event, Event::OfferEnded { .. }));
        offers.next_back().map(|(at, event)| match event {
            Event::OfferEnded { result, .. } => (*result, (*at - left).as_secs()),
            _ => unreachable!(),
        })
    };
    assert!(world.run_until(s(40), |w| w.operator_state("ann") == OperatorState::Paused));
    assert_eq!(offered(&world), Some((OfferResult::Missed, 20)));
    settle(&mut world);
}

#[test]
fn the_operator_is_paused_as_the_talk_ends() {
    for (seed, moment) in moments() {
        let mut world = world("", seed);
        let (ann, caller) = ringing(&mut world, Manner::Answers(s(1)));
        assert!(world.run_until(s(5), |w| w.doing(ann) == Doing::Talking));
        world.hang_up(caller);
        world.run(moment);
        let lunch = Order::Pause(Some(PauseReason::new("lunch")));
        let standing = world.order("ann", lunch).expect("she has a phone");
        let busy = standing.state != OperatorState::Paused;
        assert_eq!(standing.pending.is_some(), busy, "{seed}");
        settle(&mut world);
        let last = world
            .events()
            .iter()
            .rev()
            .find_map(|(_, event)| match event {
                Event::OperatorChanged { state, reason, .. } => Some((*state, reason.clone())),
                _ => None,
            });
        let lunch = Some(PauseReason::new("lunch"));
        assert_eq!(last, Some((OperatorState::Paused, lunch)), "{seed}");
    }
}
