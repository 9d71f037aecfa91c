//! Recordings of a leg whose packets come as they like.

use super::tests::{CALLER, OPERATOR, World, Written, sound};
use super::*;
use crate::media::Sides;
use crate::model::PlayId;

/// µ-law of samples that are loud, and how they are recorded.
const LOUD: (u8, i16) = (0x80, 32_124);

fn wish(number: u8, sides: Sides) -> Record {
    Record {
        leg: CALLER,
        number,
        name: "c1-1".into(),
        sides,
        longest: Duration::from_secs(60),
        shortest: Duration::from_secs(1),
        silence: None,
    }
}

/// Says something for so many packets; the clock goes on by itself.
fn speak(world: &mut World, first: u16, packets: u16) {
    for n in first..first + packets {
        say(world, n);
        world.pass(20);
    }
}

fn say(world: &mut World, n: u16) {
    world.packet(CALLER, 4000, (0, n, u32::from(n) * 160), &[LOUD.0; 160]);
}

/// A recording put together: how many channels, what is in it, where it is cut.
fn whole(world: &World, number: u8) -> (usize, Vec<i16>, u64) {
    let (mut channels, mut all, mut end) = (0, Vec::new(), 0);
    for (_, written) in world.seen.written.iter().filter(|(n, _)| *n == number) {
        match written {
            Written::Begin(of) => channels = *of,
            Written::Samples(at, samples) => {
                assert_eq!(usize::try_from(*at).unwrap() * channels, all.len());
                all.extend(samples);
            }
            Written::End(frames) => end = *frames,
        }
    }
    (channels, all, end)
}

/// Runs of loud and silent, in milliseconds.
fn runs(samples: impl Iterator<Item = i16>) -> Vec<(bool, usize)> {
    let mut runs: Vec<(bool, usize)> = Vec::new();
    for sample in samples {
        let loud = sample.unsigned_abs() > 500;
        match runs.last_mut() {
            Some((same, count)) if *same == loud => *count += 1,
            Some(_) | None => runs.push((loud, 1)),
        }
    }
    runs.into_iter().map(|(loud, n)| (loud, n / 8)).collect()
}

#[test]
fn a_message_is_what_was_said_without_the_silence_at_its_end() {
    let mut world = World::new();
    world.command(Command::Record(wish(1, Sides::Caller)));
    world.pass(400);
    speak(&mut world, 10, 100);
    world.pass(3_000);
    world.command(Command::EndRecording {
        leg: CALLER,
        number: 1,
    });
    let (channels, samples, end) = whole(&world, 1);
    assert_eq!((channels, end), (1, 2_900 * 8));
    assert_eq!(samples[3_300], LOUD.1);
    assert_eq!(
        runs(samples.into_iter()),
        [(false, 400), (true, 2_000), (false, 3_000)]
    );
}

#[test]
fn jitter_and_loss_leave_each_word_in_its_place() {
    let mut world = World::new();
    world.command(Command::Record(wish(1, Sides::Caller)));
    speak(&mut world, 0, 10);
    // Five are lost, and the next five come all at once, in a wrong order.
    world.pass(190);
    for n in [17, 15, 16, 19, 18] {
        say(&mut world, n);
    }
    world.pass(10);
    speak(&mut world, 20, 50);
    world.command(Command::Close { leg: CALLER });
    let (_, samples, end) = whole(&world, 1);
    assert_eq!(
        runs(samples.into_iter()),
        [(true, 200), (false, 100), (true, 1_100)]
    );
    assert_eq!(end, 1_400 * 8);
}

#[test]
fn a_clock_that_jumps_is_followed() {
    let mut world = World::new();
    world.command(Command::Record(wish(1, Sides::Caller)));
    speak(&mut world, 0, 50);
    world.pass(1_000);
    // The phone's timestamps stood still meanwhile, then run far ahead, then begin anew.
    speak(&mut world, 50, 50);
    speak(&mut world, 30_000, 50);
    speak(&mut world, 7, 50);
    world.command(Command::EndRecording {
        leg: CALLER,
        number: 1,
    });
    let (_, samples, _) = whole(&world, 1);
    let loud: usize = runs(samples.into_iter())
        .into_iter()
        .filter_map(|(loud, millis)| loud.then_some(millis))
        .sum();
    assert!((3_800..=4_000).contains(&loud), "{loud} ms");
}

#[test]
fn a_recording_of_both_sides_has_what_the_caller_hears_at_the_right() {
    let mut world = World::new();
    world.command(Command::Record(wish(1, Sides::Both)));
    world.command(Command::Play {
        leg: CALLER,
        play: PlayId(1),
        sounds: [sound(500)].into(),
        looped: false,
    });
    world.pass(600);
    world.command(Command::Bridge {
        one: CALLER,
        other: OPERATOR,
    });
    speak(&mut world, 0, 20);
    for n in 0..20_u16 {
        let place = (8, n, u32::from(n) * 160);
        world.packet(OPERATOR, 5000, place, &[0x2a; 160]);
        world.pass(20);
    }
    world.command(Command::Close { leg: CALLER });
    let (channels, samples, end) = whole(&world, 1);
    assert_eq!((channels, end), (2, 1_400 * 8));
    let side = |at: usize| samples.iter().copied().skip(at).step_by(2);
    assert_eq!(runs(side(0)), [(false, 600), (true, 400), (false, 400)]);
    // The first packet leaves within the first 20 ms.
    let right: Vec<usize> = runs(side(1))
        .into_iter()
        .map(|(_, millis)| millis)
        .collect();
    let [before, played, gap, spoken] = right[..] else {
        panic!("{right:?}");
    };
    assert!(before < 20 && (499..=501).contains(&played), "{right:?}");
    assert_eq!((before + played + gap, spoken), (1_000, 400), "{right:?}");
}

#[test]
fn nothing_of_a_pause_is_recorded() {
    let mut world = World::new();
    world.command(Command::Record(wish(1, Sides::Both)));
    world.command(Command::Play {
        leg: CALLER,
        play: PlayId(1),
        sounds: [sound(200)].into(),
        looped: true,
    });
    speak(&mut world, 0, 50);
    world.command(Command::PauseRecording {
        leg: CALLER,
        number: 1,
    });
    speak(&mut world, 50, 50);
    world.command(Command::ResumeRecording {
        leg: CALLER,
        number: 1,
        after: Duration::from_millis(500),
    });
    speak(&mut world, 100, 50);
    world.command(Command::Close { leg: CALLER });
    let (_, samples, end) = whole(&world, 1);
    assert_eq!(end, 3_000 * 8);
    let side = |at: usize| samples.iter().copied().skip(at).step_by(2);
    assert_eq!(runs(side(0)), [(true, 1_000), (false, 1_500), (true, 500)]);
    let right = runs(side(1));
    assert!(
        right.iter().any(|(loud, millis)| !loud && *millis >= 1_480),
        "{right:?}"
    );
}

#[test]
fn a_message_ends_by_itself_and_a_short_one_is_none() {
    let ends = |spoken: u16, wish: Record| {
        let mut world = World::new();
        world.command(Command::Record(wish));
        speak(&mut world, 0, spoken);
        world.pass(10_000);
        let (_, _, end) = whole(&world, 1);
        let ended = world
            .seen
            .written
            .last()
            .map(|(_, last)| matches!(last, Written::End(_)));
        (ended, end / 8)
    };
    let quiet = Record {
        silence: Some(Duration::from_secs(3)),
        ..wish(1, Sides::Caller)
    };
    assert_eq!(ends(200, quiet.clone()), (Some(true), 4_500));
    assert_eq!(ends(49, quiet.clone()), (Some(true), 0));
    assert_eq!(ends(0, quiet), (Some(true), 0));
    let brief = Record {
        longest: Duration::from_secs(2),
        ..wish(1, Sides::Caller)
    };
    assert_eq!(ends(200, brief), (Some(true), 2_000));
}

#[test]
fn a_leg_has_two_recordings_and_each_begins_and_ends_once() {
    let mut world = World::new();
    for (number, sides) in [
        (1, Sides::Both),
        (2, Sides::Caller),
        (3, Sides::Both),
        (2, Sides::Both),
    ] {
        world.command(Command::Record(wish(number, sides)));
    }
    speak(&mut world, 0, 100);
    world.command(Command::EndRecording {
        leg: CALLER,
        number: 2,
    });
    world.command(Command::EndRecording {
        leg: CALLER,
        number: 2,
    });
    world.command(Command::Close { leg: CALLER });
    let ends: Vec<u8> = world
        .seen
        .written
        .iter()
        .filter_map(|(number, written)| matches!(written, Written::End(_)).then_some(*number))
        .collect();
    assert_eq!(ends, [3, 2, 1]);
    world.pass(300);
    assert_eq!(world.worker.deadline(), None);
}
