//! Answers of operators' phones that are not plain.

use exchange::model::OperatorState;
use exchange::sim::{Doing, Link, Manner};
use exchange::sip::{Method, Name, Request, Response};

use crate::{TRUNK, ms, s, settle, world, world_outside};

/// RFC 3262 section 4, and section 5: the description came with the 183 alone.
#[test]
fn a_provisional_answer_is_acknowledged_and_may_bring_the_description() {
    for (seed, loss) in [(90, 0), (91, 20), (92, 20), (93, 20)] {
        let mut world = world("", seed);
        let ann = world.operator("ann", Manner::AnswersReliably(s(1)), None);
        world.run(s(1));
        world.link(Link {
            delay: ms(20),
            loss,
        });
        let caller = world.caller("1", None);
        assert!(world.run_until(s(60), |w| w.bridged(caller, ann)), "{seed}");
        assert_eq!(
            world.pracks(ann),
            1,
            "{seed}: once, however often the 183 comes"
        );
        world.run(s(20));
        // The BYE goes on counting after the PRACK, or the phone would refuse it.
        world.link(Link::GOOD);
        world.hang_up(caller);
        world.run(s(1));
        assert_eq!(world.doing(ann), Doing::Idle, "{seed}");
        settle(&mut world);
    }
}

/// RFC 3261 section 13.2.2.4.
#[test]
fn of_two_phones_that_pick_up_behind_one_address_one_talks() {
    let mut world = world("", 94);
    let ann = world.operator("ann", Manner::Forks(s(1)), None);
    world.run(s(1));
    let caller = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.bridged(caller, ann)));
    world.run(s(1));
    assert!(!world.is_forked(ann), "the other one is told to hang up");
    assert!(world.bridged(caller, ann));
    assert_eq!(world.operator_state("ann"), OperatorState::Talking);
    world.hang_up(caller);
    settle(&mut world);
}

/// A tag of a phone.
const NOWHERE: &str = "cff0000000000000007";

/// Picks up without saying where it is.
fn from_nowhere(request: &Request) -> Option<Response> {
    (request.method == Method::Invite).then(|| {
        let mut response = Response::to(request, 200);
        response.set_to_tag(NOWHERE);
        response
            .headers
            .push(Name::ContentType, "application/sdp");
        response.body = "v=0\r\no=- 1 1 IN IP4 10.0.0.0\r\ns=-\r\nc=IN IP4 10.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n".into();
        response
    })
}

/// RFC 3261 section 13.2.2.4: whoever says 200 believes in a call, until it is told that
/// there is none. Section 12.1.1 wants a Contact.
#[test]
fn a_phone_that_picks_up_and_does_not_say_where_is_hung_up() {
    for line in [false, true] {
        let field = "{ uri: \"sip:field@10.0.0.0\" }";
        let ann = "ann: { secret: ann, skills: { help: 8 } }";
        let mut world = world_outside((TRUNK, field), ("", ann), 96);
        let phone = if line {
            world.phone("field", Manner::Rings, None)
        } else {
            world.operator("ann", Manner::Rings, None)
        };
        world.answers_by(phone, from_nowhere);
        world.run(s(1));
        let caller = world.caller("1", None);
        world.run(s(2));
        if line {
            assert!(world.press(caller, "2"));
        }
        world.run(s(3));
        // It says so until it is told that the ACK is there, which this one never is.
        assert!(world.acknowledged(phone) > 1, "line: {line}");
        let heard = |method| {
            let mut heard = world.heard(phone).iter();
            heard.find(move |request| request.method == method)
        };
        let (invite, bye) = (heard(Method::Invite).unwrap(), heard(Method::Bye).unwrap());
        assert_eq!(bye.uri.as_str(), invite.uri.as_str());
        assert_eq!(bye.headers.to().unwrap().tag(), Some(NOWHERE));
        world.hang_up(caller);
        settle(&mut world);
    }
}

/// RFC 3261 section 14.1: a refresh that meets the phone's own is tried again; else the call
/// would be over half an hour after its beginning (RFC 4028 section 10).
#[test]
fn a_refresh_that_meets_the_peers_own_is_tried_again() {
    let mut world = world("", 95);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    let caller = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.bridged(caller, ann)));
    for phone in [caller, ann] {
        world.glare(phone, 2);
    }
    world.run(s(2400));
    assert!(world.bridged(caller, ann));
    for phone in [caller, ann] {
        assert_eq!(
            world.glares_left(phone),
            0,
            "both were refreshed by re-INVITE"
        );
    }
    world.hang_up(caller);
    settle(&mut world);
}
