//! Flows that call flows, and what a flow does when its caller hangs up.

use exchange::flow::{Answer, HttpAnswer};
use exchange::model::{Event, Hangup, OperatorState, Outcome};
use exchange::sim::{Manner, PhoneId, World};

use crate::{ms, outcome, record, s, settle, world};

fn caller(world: &mut World, keys: &str) -> PhoneId {
    let caller = world.caller("9", None);
    world.run(s(1));
    for key in keys.chars() {
        assert!(world.press(caller, &key.to_string()));
        world.run(s(1));
    }
    caller
}

/// What is said outside to a call that is over.
fn answer() -> Answer {
    Answer::Http(HttpAnswer {
        status: 200,
        saved: Vec::new(),
    })
}

/// Every step as `flow.node`.
fn steps(world: &World) -> Vec<String> {
    let steps = world.events().iter().filter_map(|(_, event)| match event {
        Event::FlowStep { flow, node, .. } => Some(format!("{flow}.{node}")),
        _ => None,
    });
    steps.collect()
}

#[test]
fn a_flow_that_is_called_asks_and_returns_what_it_heard() {
    let mut world = world("", 501);
    let ann = world.operator("ann", Manner::Answers(s(1)), Some(s(10)));
    world.run(s(1));
    let caller = caller(&mut world, "2");
    assert!(world.run_until(s(5), |w| w.bridged(caller, ann)));
    settle(&mut world);
    let expected = [
        "above.ask",
        "below.menu",
        "below.two",
        "above.on",
        "above.help",
        "above.bye",
    ];
    assert_eq!(steps(&world), expected);
    assert_eq!(record(&world).flow.unwrap().as_str(), "above");
}

#[test]
fn flows_call_each_other_eight_deep_and_no_deeper() {
    let mut world = world("", 502);
    let caller = caller(&mut world, "33333333");
    world.run(s(5));
    let faults = world.events().iter().filter_map(|(_, event)| match event {
        Event::FlowFailed { flow, fault, .. } => Some((flow.to_string(), fault.as_str())),
        _ => None,
    });
    assert_eq!(
        faults.collect::<Vec<_>>(),
        [("below".to_owned(), "nesting")]
    );
    assert_eq!(steps(&world).last().map(String::as_str), Some("below.deep"));
    world.hang_up(caller);
    settle(&mut world);
}

#[test]
fn a_caller_who_hangs_up_anywhere_has_a_last_word_said_for_them() {
    // In the menu of the flow below, in the queue, in the talk.
    for keys in ["", "2"] {
        for wait in [0, 1, 5] {
            let mut world = world("", 503);
            let talks = if wait == 5 {
                Manner::Answers(s(2))
            } else {
                Manner::Rings
            };
            world.operator("ann", talks, None);
            world.run(s(1));
            let caller = caller(&mut world, keys);
            world.run(s(wait).min(s(2 + 3 * keys.len() as u64)));
            world.reply(ms(700), Ok(answer()));
            world.hang_up(caller);
            world.run(ms(100));
            assert_eq!(world.records().len(), 0, "the end is told when all is done");
            let state = world.operator_state("ann");
            let free = [OperatorState::Ready, OperatorState::WrapUp].contains(&state);
            assert!(free, "{state}: everybody else is free at once");
            settle(&mut world);
            assert_eq!(record(&world).hangup, Some(Hangup::Caller));
            let steps = steps(&world);
            assert_eq!(
                steps[steps.len() - 3..],
                ["above.note", "above.mark", "above.end"],
                "{keys} {wait}"
            );
            let last = world.events().iter().rev();
            let last: Vec<&Event> = last.map(|(_, event)| event).collect();
            let end = last
                .iter()
                .position(|e| matches!(e, Event::CallEnded { .. }));
            let step = last
                .iter()
                .position(|e| matches!(e, Event::FlowStep { .. }));
            assert!(end < step, "the end is told last");
        }
    }
}

#[test]
fn a_last_word_that_nobody_answers_is_soon_over() {
    let mut world = world("", 505);
    let caller = caller(&mut world, "");
    world.hang_up(caller);
    world.run(ms(4_900));
    assert_eq!(world.records().len(), 0);
    world.run(ms(200));
    assert_eq!(record(&world).hangup, Some(Hangup::Caller));
    settle(&mut world);
    assert_eq!(steps(&world).last().map(String::as_str), Some("above.note"));
}

#[test]
fn whom_the_flow_hangs_up_has_no_last_word() {
    let mut world = world("", 504);
    caller(&mut world, "1");
    settle(&mut world);
    assert_eq!(steps(&world).last().map(String::as_str), Some("above.bye"));
    assert_eq!(outcome(&world), Outcome::EndedInFlow);
}
