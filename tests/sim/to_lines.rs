//! An operator hands the caller on to a line outside.

use exchange::model::{Event, OperatorState, Outcome, TransferKind};
use exchange::sim::{Doing, Manner, PhoneId, World};
use exchange::sip::{Method, Name};

use crate::transfers::transfers;
use crate::{TRUNK, s, settle, world_outside};

/// A caller who talks with ann, and a line outside.
struct Scene {
    world: World,
    line: PhoneId,
    ann: PhoneId,
    caller: PhoneId,
}

const TO_LINE: &str = "sip:field@centrale.localhost";

fn talking(line: Manner, seed: u64) -> Scene {
    let field = "{ uri: \"sip:field@10.0.0.0\" }";
    let ann = "ann: { secret: ann, skills: { help: 8 } }";
    let mut world = world_outside((TRUNK, field), ("", ann), seed);
    let line = world.phone("field", line, None);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    world.run(s(1));
    let caller = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.bridged(caller, ann)));
    world.run(s(20));
    Scene {
        world,
        line,
        ann,
        caller,
    }
}

fn transferred(code: u16, attended: bool) -> (TransferKind, Option<String>, bool, u16) {
    (TransferKind::Line, Some("field".to_owned()), attended, code)
}

/// Event, Subscription-State and body of each NOTIFY.
fn told(world: &World, phone: PhoneId) -> Vec<(String, String, String)> {
    let heard = world.heard(phone).iter();
    let notes = heard.filter(|request| request.method == Method::Notify);
    let parts = notes.map(|notify| {
        let header = |name| notify.headers.first(&name).unwrap().into_owned();
        let kind = header(Name::ContentType);
        assert_eq!(kind, "message/sipfrag;version=2.0");
        let body = String::from_utf8(notify.body.to_vec()).unwrap();
        (header(Name::Event), header(Name::SubscriptionState), body)
    });
    parts.collect()
}

const ACTIVE: &str = "active;expires=90";
const OVER: &str = "terminated;reason=noresource";

fn owned((event, state, body): (&str, &str, &str)) -> (String, String, String) {
    (
        event.to_owned(),
        state.to_owned(),
        format!("SIP/2.0 {body}\r\n"),
    )
}

/// RFC 3515 sections 2.4.3 and 2.4.4.
#[test]
fn when_the_line_answers_the_operator_is_told_and_goes() {
    let mut scene = talking(Manner::Answers(s(5)), 601);
    let Scene {
        world,
        line,
        ann,
        caller,
    } = &mut scene;
    world.refer(*ann, TO_LINE);
    world.run(s(3));
    // Until then the operator stays, and the caller hears it ring.
    assert_eq!(world.notified(*ann), [100]);
    assert_eq!(world.doing(*ann), Doing::Talking);
    assert_eq!(world.operator_state("ann"), OperatorState::Talking);
    assert!(!world.bridged(*caller, *ann));
    assert!(world.run_until(s(5), |w| w.bridged(*caller, *line)));
    world.run(s(1));
    let expected = [("refer", ACTIVE, "100 Trying"), ("refer", OVER, "200 OK")];
    assert_eq!(told(world, *ann), expected.map(owned));
    assert_eq!(world.doing(*ann), Doing::Idle);
    assert_eq!(world.operator_state("ann"), OperatorState::WrapUp);
    assert_eq!(transfers(world), [transferred(200, false)]);
    world.hang_up(*line);
    world.run(s(5));
    assert_eq!(world.doing(*caller), Doing::Idle, "the flow says goodbye");
    settle(world);
    assert_eq!(world.records()[0].outcome, Outcome::Answered);
}

/// RFC 4488 section 4.
#[test]
fn who_wants_no_notice_of_a_transfer_gets_none() {
    let mut scene = talking(Manner::Answers(s(5)), 605);
    let Scene {
        world,
        line,
        ann,
        caller,
    } = &mut scene;
    let refer_sub = || Name::Other("Refer-Sub".into());
    world.says(*ann, Method::Refer, |refer| {
        refer.headers.push(Name::ReferTo, format!("<{TO_LINE}>"));
        refer.headers.push(refer_sub(), "false");
    });
    assert!(world.run_until(s(10), |w| w.bridged(*caller, *line)));
    world.run(s(1));
    let accepted = &world.replies(*ann)[0];
    let echoed = accepted.headers.first(&refer_sub());
    assert_eq!((accepted.code, echoed.as_deref()), (202, Some("false")));
    assert_eq!(told(world, *ann), []);
    assert_eq!(world.doing(*ann), Doing::Idle);
    world.hang_up(*line);
    settle(world);
}

/// RFC 3515 section 2.4.6.
#[test]
fn when_the_line_does_not_answer_the_two_talk_on() {
    let mut scene = talking(Manner::Refuses(486), 602);
    let Scene {
        world,
        line,
        ann,
        caller,
    } = &mut scene;
    let mut expected = Vec::new();
    for (manner, code, phrase) in [
        (Manner::Refuses(486), 486, "486 Busy Here"),
        (Manner::Refuses(404), 503, "503 Service Unavailable"),
        (Manner::Refuses(603), 480, "480 Temporarily Unavailable"),
        (Manner::Rings, 480, "480 Temporarily Unavailable"),
    ] {
        world.manner(*line, manner);
        world.refer(*ann, TO_LINE);
        // It may ring for a minute.
        world.run(s(65));
        assert!(world.bridged(*caller, *ann), "{manner:?}");
        assert_eq!(world.doing(*line), Doing::Idle, "{manner:?}");
        assert_eq!(transfers(world).last(), Some(&transferred(code, false)));
        expected.extend([(ACTIVE, "100 Trying"), (OVER, phrase)]);
    }
    let told = told(world, *ann);
    let said: Vec<_> = told
        .iter()
        .map(|(_, s, b)| (s.clone(), b.clone()))
        .collect();
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(state, body)| (state.to_owned(), format!("SIP/2.0 {body}\r\n")))
        .collect();
    assert_eq!(said, expected);
    let events: Vec<&str> = told.iter().map(|(event, ..)| event.as_str()).collect();
    // RFC 3515 section 2.4.6: all but the first name their REFER.
    assert_eq!(events[..2], ["refer", "refer"]);
    for pair in events[2..].chunks(2) {
        assert!(pair[0].starts_with("refer;id="), "{events:?}");
        assert_eq!(pair[0], pair[1]);
    }
    world.hang_up(*caller);
    settle(world);
}

/// RFC 3515 section 2.4.3.
#[test]
fn an_operator_who_does_not_wait_for_the_line_loses_nobody() {
    // The line answers, or does not: then the caller is back in the queue, as old as before.
    for (seed, manner) in [(603, Manner::Answers(s(10))), (604, Manner::Rings)] {
        let mut scene = talking(manner, seed);
        let Scene {
            world,
            line,
            ann,
            caller,
        } = &mut scene;
        world.refer(*ann, TO_LINE);
        world.run(s(2));
        world.hang_up(*ann);
        world.run(s(1));
        assert_eq!(world.operator_state("ann"), OperatorState::WrapUp);
        assert_eq!(world.doing(*line), Doing::Ringing, "it rings on");
        assert_eq!(world.notified(*ann), [100]);
        if manner == Manner::Rings {
            assert!(world.run_until(s(70), |w| w.bridged(*caller, *ann)));
            assert_eq!(transfers(world), [transferred(480, false)]);
            assert_eq!(world.doing(*line), Doing::Idle);
        } else {
            assert!(world.run_until(s(10), |w| w.bridged(*caller, *line)));
            assert_eq!(transfers(world), [transferred(200, false)]);
        }
        world.hang_up(*caller);
        settle(world);
    }
}

/// RFC 3515 section 2.4.5: who was told that it begins is told how it ends.
#[test]
fn a_caller_who_leaves_while_the_line_rings_ends_the_reference_too() {
    let mut scene = talking(Manner::Rings, 605);
    let Scene {
        world,
        line,
        ann,
        caller,
    } = &mut scene;
    world.refer(*ann, TO_LINE);
    world.run(s(3));
    world.hang_up(*caller);
    world.run(s(1));
    let gone = (OVER, "487 Request Terminated");
    let expected = [(ACTIVE, "100 Trying"), gone].map(|(state, body)| ("refer", state, body));
    assert_eq!(told(world, *ann), expected.map(owned));
    assert_eq!(world.doing(*ann), Doing::Idle, "it is hung up too");
    assert_eq!(world.doing(*line), Doing::Idle);
    settle(world);
}

/// RFC 3891 section 3.
#[test]
fn an_operator_speaks_with_the_line_first_and_then_hands_the_caller_on() {
    // By the shard that the second call is at, it comes home or is at home.
    for seed in 610..616 {
        let mut scene = talking(Manner::Answers(s(1)), seed);
        let Scene {
            world,
            line,
            ann,
            caller,
        } = &mut scene;
        world.hold(*ann, true);
        world.run(s(1));
        world.consult(*ann, "field");
        assert!(world.run_until(s(5), |w| w.has_second(*ann)), "{seed}");
        assert!(world.run_until(s(5), |w| w.doing(*line) == Doing::Talking));
        world.run(s(10));
        world.refer_to_second(*ann);
        world.run(s(1));
        assert_eq!(told(world, *ann), [owned(("refer", OVER, "200 OK"))]);
        assert!(world.bridged(*caller, *line), "{seed}");
        assert_eq!(world.doing(*ann), Doing::Idle);
        assert!(!world.has_second(*ann));
        assert_eq!(world.operator_state("ann"), OperatorState::WrapUp);
        assert_eq!(transfers(world), [transferred(200, true)], "{seed}");
        let on_line = |(_, event): &&(_, Event)| matches!(event, Event::OnLine { .. });
        assert_eq!(world.events().iter().filter(on_line).count(), 2);
        world.run(s(30));
        assert!(world.bridged(*caller, *line), "{seed}");
        world.hang_up(*line);
        world.run(s(5));
        assert_eq!(world.doing(*caller), Doing::Idle, "the flow says goodbye");
        settle(world);
    }
}
