//! Recordings, messages and answers of callers, as far as a call knows of them.

use std::time::Duration;

use exchange::model::{Event, OperatorState, RecordingChange, RecordingResult};
use exchange::sim::{Doing, Manner, PhoneId, World};

use crate::{ms, record, s, settle, world};

/// When a recording did what, by its number, in seconds.
fn changes(world: &World) -> Vec<(u64, char, RecordingChange)> {
    let recorded = world.events().iter().filter_map(|(at, event)| match event {
        Event::Recording(recorded) => Some((*at, recorded)),
        _ => None,
    });
    recorded
        .map(|(at, recorded)| {
            let number = recorded.recording.as_str().chars().last();
            (at.as_secs(), number.unwrap(), recorded.change)
        })
        .collect()
}

/// A caller who is recorded and has typed the secret.
fn taped(world: &mut World) -> PhoneId {
    let caller = world.caller("60", None);
    world.run(s(3));
    assert!(world.press(caller, "42"));
    world.run(ms(100));
    caller
}

#[test]
fn a_call_is_recorded_to_its_end_but_for_the_secret() {
    let mut world = world("", 31);
    world.operator("ann", Manner::Answers(s(2)), Some(s(20)));
    world.run(s(1));
    let caller = taped(&mut world);
    let talks = |w: &World| w.operator_state("ann") == OperatorState::Talking;
    assert!(world.run_until(s(60), talks));
    assert!(world.run_until(s(60), |w| !talks(w)));
    world.run(s(2));
    assert!(world.press(caller, "5"));
    assert!(world.run_until(s(60), |w| w.doing(caller) == Doing::Idle));
    settle(&mut world);
    let changes = changes(&world);
    let [
        (1, '1', RecordingChange::Started),
        (1, '1', RecordingChange::Paused),
        (4, '1', RecordingChange::Resumed),
        (_, '1', RecordingChange::Ended { result, length }),
    ] = changes[..]
    else {
        panic!("{changes:?}");
    };
    let record = record(&world);
    let lasted = record
        .ended
        .duration_since(record.answered.unwrap())
        .unwrap();
    assert_eq!(result, RecordingResult::Kept);
    assert!(length.abs_diff(lasted) < ms(50), "{length:?} of {lasted:?}");
    assert_eq!(record.recordings.len(), 1);
    assert_eq!(record.recordings[0].duration, length);
    let answers: Vec<String> = record
        .survey
        .iter()
        .map(|(q, a)| format!("{q} {a}"))
        .collect();
    assert_eq!(answers, ["csat 5"]);
    let told = world.events().iter().find_map(|(_, event)| match event {
        Event::Surveyed(surveyed) => surveyed.operator.clone().zip(surveyed.queue.clone()),
        _ => None,
    });
    assert_eq!(told, Some(("ann".into(), "help".into())));
}

#[test]
fn a_caller_who_hangs_up_has_left_the_message() {
    let mut world = world("", 32);
    let caller = taped(&mut world);
    // The prompt takes a second, the tone less.
    world.run(s(32));
    world.hang_up(caller);
    settle(&mut world);
    let record = record(&world);
    let kept: Vec<(Option<String>, Duration)> = record
        .recordings
        .iter()
        .map(|r| (r.mailbox.as_ref().map(ToString::to_string), r.duration))
        .collect();
    let [(None, whole), (Some(office), message)] = &kept[..] else {
        panic!("{kept:?}");
    };
    assert_eq!(office, "office");
    assert!(message.abs_diff(ms(30_800)) < ms(300), "{message:?}");
    assert!(*whole > *message + s(3), "{whole:?}");
    assert_eq!(record.path.last().unwrap().as_str(), "message");
}

#[test]
fn a_message_ends_by_its_key_or_when_it_is_full() {
    for (keys, expected) in [("7#", s(10)), ("7", s(120))] {
        let mut world = world("", 33);
        let caller = taped(&mut world);
        world.run(ms(1_300 + 10_000));
        assert!(world.press(caller, keys));
        assert!(world.run_until(s(200), |w| w.doing(caller) == Doing::Idle));
        settle(&mut world);
        let record = record(&world);
        let message = record.recordings.last().unwrap();
        assert!(message.duration.abs_diff(expected) < ms(300), "{message:?}");
        assert_eq!(record.path.last().unwrap().as_str(), "bye");
    }
}
