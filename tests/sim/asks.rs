//! Calls that ask the world outside.

use exchange::flow::{Answer, HttpAnswer, Reply, Scalar, Unanswered};
use exchange::model::{OperatorState, Outcome};
use exchange::sim::{Doing, Manner, World};

use crate::{ms, outcome, record, s, settle, world};

/// What is said outside of the caller.
fn expert(expert: bool) -> Answer {
    Answer::Http(HttpAnswer {
        status: 200,
        saved: vec![Scalar::Truth(expert)],
    })
}

/// A caller whose flow asks, with one operator of each queue.
fn asking(seed: u64, replies: &[(u64, Reply)]) -> (World, exchange::sim::PhoneId) {
    let mut world = world("", seed);
    world.operator("ann", Manner::Answers(s(2)), Some(s(20)));
    world.operator("dan", Manner::Answers(s(2)), Some(s(20)));
    world.run(s(1));
    for (after, reply) in replies {
        world.reply(ms(*after), reply.clone());
    }
    let caller = world.caller("6", None);
    (world, caller)
}

fn operator(world: &World) -> Option<String> {
    record(world).operator.map(|name| name.to_string())
}

#[test]
fn what_is_answered_outside_decides_the_queue() {
    for (says, by) in [(true, "dan"), (false, "ann")] {
        let (mut world, caller) = asking(61, &[(300, Ok(expert(says)))]);
        assert!(world.run_until(s(10), |w| w.talked(caller) == 1));
        settle(&mut world);
        assert_eq!(operator(&world).as_deref(), Some(by));
        assert_eq!(world.asked().len(), 1);
    }
}

#[test]
fn a_call_goes_on_without_an_answer() {
    let late = (3_000, Ok(expert(true)));
    let busy = (0, Err(Unanswered::Busy));
    for (replies, soonest, latest) in [
        (vec![], 1_000, 1_200),
        (vec![late], 1_000, 1_200),
        (vec![busy], 0, 200),
    ] {
        let (mut world, caller) = asking(62, &replies);
        let began = world.elapsed();
        let is_rung = |w: &World| w.operator_state("ann") == OperatorState::Offered;
        assert!(world.run_until(s(10), is_rung));
        let waited = world.elapsed() - began;
        assert!(waited >= ms(soonest) && waited < ms(latest), "{waited:?}");
        assert!(world.run_until(s(10), |w| w.talked(caller) == 1));
        settle(&mut world);
        assert_eq!(operator(&world).as_deref(), Some("ann"));
    }
}

#[test]
fn an_answer_for_a_call_that_is_over_is_for_nobody() {
    let (mut world, caller) = asking(63, &[(500, Ok(expert(true)))]);
    assert!(world.run_until(s(1), |w| w.asked().len() == 1));
    world.hang_up(caller);
    world.run(s(2));
    assert_eq!(world.doing(caller), Doing::Idle);
    settle(&mut world);
    assert_eq!(outcome(&world), Outcome::EndedInFlow);
}
