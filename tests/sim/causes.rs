//! What callers say of why they leave (RFC 3326).

use exchange::model::{Cause, Event, Outcome};
use exchange::sim::{Manner, World};
use exchange::sip::{Method, Name};

use crate::dialogs::talking;
use crate::{ms, outcome, s, settle, world};

const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// What the end of the call tells: a code of SIP, a cause of Q.850.
fn said(world: &World) -> (Option<u16>, Option<u8>) {
    let mut ends = world.events().iter().filter_map(|(_, event)| match event {
        Event::CallEnded { said, .. } => Some((said.sip, said.q850.map(Cause::number))),
        _ => None,
    });
    ends.next().unwrap()
}

#[test]
fn who_was_answered_elsewhere_is_no_caller_who_was_lost() {
    for (reason, told) in [
        (ELSEWHERE, (Some(200), None)),
        ("Q.850;cause=16", (None, Some(16))),
        ("SIP;cause=+200", (None, None)),
        (";;;\"", (None, None)),
    ] {
        let mut world = world("", 561);
        world.operator("ann", Manner::Rings, None);
        world.run(s(1));
        let caller = world.caller_who(Manner::Pracks(0), "8");
        world.run(ms(1_500));
        world.cancels(caller, reason);
        world.run(ms(100));
        assert_eq!(world.codes(caller), [487], "{reason}");
        settle(&mut world);
        assert_eq!(
            (said(&world), outcome(&world)),
            (told, Outcome::EndedInFlow)
        );
    }
}

/// A fork of the caller's side that was answered too: it leaves at once. Whoever waited and
/// then hangs up was lost, whatever the phone makes of it.
#[test]
fn a_goodbye_from_a_queue_is_told_apart_by_how_long_it_took() {
    for (waits, ended) in [
        (ms(200), Outcome::ShortAbandon),
        (s(20), Outcome::Abandoned),
    ] {
        let mut world = world("", 562);
        world.operator("ann", Manner::Rings, None);
        world.run(s(1));
        let caller = world.caller("66", None);
        world.run(waits);
        world.says(caller, Method::Bye, |bye| {
            bye.headers.push(Name::Reason, ELSEWHERE);
        });
        settle(&mut world);
        assert_eq!((said(&world), outcome(&world)), ((Some(200), None), ended));
    }
}

#[test]
fn what_a_caller_says_at_the_end_of_a_talk_is_told() {
    for (reason, told) in [
        (
            "Q.850;cause=16;text=\"Normal\", SIP;cause=503",
            (Some(503), Some(16)),
        ),
        ("\"", (None, None)),
    ] {
        let (mut world, caller, _) = talking(Manner::Answers(s(1)), 563);
        world.says(caller, Method::Bye, |bye| {
            bye.headers.push(Name::Reason, reason);
        });
        settle(&mut world);
        assert_eq!((said(&world), outcome(&world)), (told, Outcome::Answered));
    }
}
