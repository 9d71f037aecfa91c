//! Texts that only the call knows: somebody speaks them while the caller waits.

use std::time::Duration;

use exchange::flow::{Answer, Ask, Reply, Unanswered};
use exchange::media::Library;
use exchange::model::{Event, FlowFault, Outcome};
use exchange::sim::{PhoneId, World};

use crate::{ms, outcome, s, settle, world};

/// Three seconds of speech.
fn speech() -> Answer {
    Answer::Speech(Library::default().silence(s(3)))
}

/// A caller whose flow says a text, a second of sound, and at the end one more.
fn called(seed: u64, reply: Option<(Duration, Reply)>) -> (World, PhoneId) {
    let mut world = world("", seed);
    if let Some((after, reply)) = reply {
        world.reply(after, reply);
    }
    let caller = world.caller("80", None);
    assert!(world.run_until(s(2), |world| !world.asked().is_empty()));
    (world, caller)
}

fn faults(world: &World) -> Vec<FlowFault> {
    let faults = world.events().iter().filter_map(|(_, event)| match event {
        Event::FlowFailed { fault, .. } => Some(*fault),
        _ => None,
    });
    faults.collect()
}

fn is_over(world: &World) -> bool {
    !world.records().is_empty()
}

#[test]
fn the_prompt_begins_when_its_text_is_spoken() {
    let (mut world, _) = called(81, Some((ms(1_500), Ok(speech()))));
    let Ask::Speech(utterance) = &world.asked()[0].ask else {
        panic!("{:?}", world.asked());
    };
    assert!(utterance.text.starts_with("You are "), "{}", utterance.text);
    assert!(!format!("{:?}", world.asked()).contains("You are"));
    let began = world.elapsed();
    assert!(world.run_until(s(20), is_over));
    let took = world.elapsed() - began;
    // The wait, the text, and the two sounds.
    assert!(took >= ms(6_500) && took < ms(7_000), "{took:?}");
    settle(&mut world);
    assert_eq!(
        (outcome(&world), faults(&world)),
        (Outcome::EndedInFlow, vec![])
    );
}

#[test]
fn a_text_that_nobody_speaks_is_left_out_and_told() {
    let silence = None;
    let late = Some((ms(5_500), Ok(speech())));
    let refused = Some((ms(100), Err(Unanswered::Refused)));
    for (reply, waits) in [(silence, 5_000), (late, 5_000), (refused, 100)] {
        let (mut world, _) = called(82, reply);
        let began = world.elapsed();
        assert!(world.run_until(s(20), is_over));
        let took = world.elapsed() - began;
        let expected = ms(waits) + s(2);
        assert!(took >= expected && took < expected + ms(500), "{took:?}");
        settle(&mut world);
        assert_eq!(faults(&world), [FlowFault::Sound]);
    }
}

#[test]
fn a_key_and_a_hangup_end_the_wait_for_a_text() {
    let (mut world, caller) = called(83, Some((s(2), Ok(speech()))));
    assert!(world.press(caller, "1"));
    let began = world.elapsed();
    assert!(world.run_until(s(20), is_over));
    let took = world.elapsed() - began;
    assert!(took < ms(1_500), "{took:?}");
    settle(&mut world);
    assert_eq!(faults(&world), []);

    let (mut world, caller) = called(84, Some((s(2), Ok(speech()))));
    world.hang_up(caller);
    settle(&mut world);
    assert_eq!(
        (outcome(&world), faults(&world)),
        (Outcome::EndedInFlow, vec![])
    );
}
