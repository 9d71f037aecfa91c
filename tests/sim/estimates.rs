//! How far estimated waits were off.

use std::time::Duration;

use exchange::model::Event;
use exchange::sim::{Manner, World};

use crate::{s, settle, world};

fn errors(world: &World) -> Vec<Duration> {
    let events = world.events().iter();
    let errors = events.filter_map(|(_, event)| match event {
        Event::Estimated { error, .. } => Some(*error),
        _ => None,
    });
    errors.collect()
}

/// Two callers, of whom the second waits until the first has talked for ten seconds and
/// the operator has wrapped up.
fn one_waits(world: &mut World) {
    world.caller("1", Some(s(14)));
    world.run(s(5));
    world.caller("1", Some(s(31)));
    world.run(s(60));
}

#[test]
fn the_error_of_an_estimate_is_told_once_the_caller_is_answered() {
    let mut world = world("max_wait: 5m", 60);
    world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    for _ in 0..5 {
        one_waits(&mut world);
        assert_eq!(errors(&world), [], "too few calls to say anything");
    }
    one_waits(&mut world);
    let [error] = errors(&world)[..] else {
        panic!("{:?}", errors(&world));
    };
    // The calls before were alike, and ringing is a second.
    assert!(error < s(4), "{error:?}");
    world.caller("1", Some(s(14)));
    world.run(s(30));
    assert_eq!(errors(&world).len(), 1, "an operator was free");
    settle(&mut world);
}
