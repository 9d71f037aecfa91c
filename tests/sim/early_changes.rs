//! Phones that propose something else while they ring (RFC 3311).

use exchange::sim::{Doing, Manner, PhoneId, World};
use exchange::sip::{Method, Name, Request, Response};

use crate::dialogs::{codes, describes};
use crate::{TRUNK, ms, s, settle, world_outside};

/// A caller for whom a phone rings, an operator's or a line's; and a third phone, whose
/// sound is at 10.0.0.2.
struct Scene {
    world: World,
    rings: PhoneId,
    caller: PhoneId,
    third: PhoneId,
}

fn rings(manner: Manner, line: bool, script: fn(&Request) -> Option<Response>) -> Scene {
    let field = "{ uri: \"sip:field@10.0.0.0\" }";
    let ann = "ann: { secret: ann, skills: { help: 8 } }";
    let mut world = world_outside((TRUNK, field), ("", ann), 551);
    let rings = if line {
        world.phone("field", manner, None)
    } else {
        world.operator("ann", manner, None)
    };
    world.answers_by(rings, script);
    world.run(s(1));
    let caller = world.caller("1", None);
    let third = world.phone("third", Manner::Rings, None);
    if line {
        world.run(ms(100));
        assert!(world.press(caller, "2"));
    }
    assert!(world.run_until(s(30), |w| w.doing(rings) == Doing::Ringing));
    world.run(ms(100));
    Scene {
        world,
        rings,
        caller,
        third,
    }
}

const AUDIO: &str = "m=audio 4000 RTP/AVP 8\r\n";

/// Sound at the third phone.
fn moves(request: &mut Request) {
    describes(request, AUDIO);
    let text = String::from_utf8_lossy(&request.body);
    request.body = text.replace("10.0.0.0", "10.0.0.2").into();
}

fn version(body: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().find_map(|line| line.strip_prefix("o=- "));
    line.unwrap().split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn who_answered_for_good_may_propose_anew_and_that_counts() {
    for line in [false, true] {
        let Scene {
            mut world,
            rings,
            caller,
            third,
        } = rings(Manner::AnswersReliably(s(3)), line, |_| None);
        let invite = world
            .heard(rings)
            .iter()
            .find(|r| r.method == Method::Invite);
        let first = version(&invite.unwrap().body);
        for _ in 0..2 {
            world.says(rings, Method::Update, moves);
            world.run(ms(100));
        }
        assert_eq!(codes(&world, rings), [200, 200]);
        let answers = world.replies(rings).iter();
        let versions: Vec<u64> = answers.map(|answer| version(&answer.body)).collect();
        assert_eq!(versions, [first + 1, first + 2], "RFC 3264 section 8");
        let contact = world.replies(rings)[0].headers.first(&Name::Contact);
        assert!(contact.is_some(), "RFC 3311 section 5.2");
        assert_eq!(world.doing(rings), Doing::Ringing);
        assert!(
            world.run_until(s(10), |w| w.bridged(caller, third)),
            "{line}"
        );
        // What was said last is what is said next.
        world.says(rings, Method::Update, |update| describes(update, AUDIO));
        world.run(ms(100));
        assert_eq!(version(&world.replies(rings)[2].body), first + 3);
        assert!(world.bridged(caller, rings));
        world.hang_up(caller);
        settle(&mut world);
    }
}

/// Rings with a description that nobody acknowledges.
fn tells_once(request: &Request) -> Option<Response> {
    let mut response = Response::to(request, 183);
    response.set_to_tag("early");
    let contact = "<sip:ann@10.0.0.0>";
    response.headers.push(Name::Contact, contact);
    response.headers.push(Name::ContentType, "application/sdp");
    let mut said = Request::new(Method::Update, request.uri.clone());
    describes(&mut said, AUDIO);
    response.body = said.body;
    (request.method == Method::Invite).then_some(response)
}

/// The same without a number that could be acknowledged.
fn tells_without_number(request: &Request) -> Option<Response> {
    let mut response = tells_once(request)?;
    response.headers.push(Name::Require, "100rel");
    response.headers.push(Name::RSeq, "+1");
    Some(response)
}

/// Wants to be acknowledged, and says nothing of the stream.
fn tells_nothing(request: &Request) -> Option<Response> {
    let mut response = tells_once(request)?;
    response.headers.push(Name::Require, "100rel");
    response.headers.push(Name::RSeq, "7");
    response.body = Default::default();
    Some(response)
}

#[test]
fn until_our_proposal_has_its_answer_another_has_to_wait() {
    for script in [tells_once, tells_without_number, tells_nothing] {
        for line in [false, true] {
            let Scene {
                mut world,
                rings,
                caller,
                ..
            } = rings(Manner::Rings, line, script);
            world.says(rings, Method::Update, moves);
            world.run(ms(100));
            world.says(rings, Method::Update, |_| ());
            world.run(ms(100));
            assert_eq!(codes(&world, rings), [491, 200]);
            assert_eq!(world.doing(rings), Doing::Ringing);
            world.hang_up(caller);
            settle(&mut world);
        }
    }
}

#[test]
fn a_proposal_that_cannot_be_leaves_what_was_agreed_on() {
    let Scene {
        mut world,
        rings,
        caller,
        ..
    } = rings(Manner::AnswersReliably(s(3)), false, |_| None);
    world.says(rings, Method::Update, |update| {
        describes(
            update,
            "m=audio 4000 RTP/AVP 99\r\na=rtpmap:99 opus/48000\r\n",
        );
    });
    world.run(ms(100));
    world.says(rings, Method::Update, |update| {
        moves(update);
        update.headers.set(Name::ContentType, "text/plain");
    });
    world.run(ms(100));
    world.says(rings, Method::Update, |update| {
        moves(update);
        update.body = "v=1".into();
    });
    world.run(ms(100));
    assert_eq!(codes(&world, rings), [488, 415, 400]);
    let accept = world.replies(rings)[1].headers.first(&Name::Accept);
    assert_eq!(accept.as_deref(), Some("application/sdp"));
    assert!(world.run_until(s(10), |w| w.bridged(caller, rings)));
    world.hang_up(caller);
    settle(&mut world);
}
