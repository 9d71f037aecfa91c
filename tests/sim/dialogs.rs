//! What belongs to a dialog, and what does not.

use exchange::model::OperatorState;
use exchange::sim::{Doing, Manner, PhoneId, World};
use exchange::sip::{Method, Name, Request, Response};

use crate::{ms, s, settle, world};

/// A caller who talks with ann.
fn talking(ann: Manner, seed: u64) -> (World, PhoneId, PhoneId) {
    let mut world = world("", seed);
    let ann = world.operator("ann", ann, None);
    world.run(s(1));
    let caller = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.bridged(caller, ann)));
    world.run(s(5));
    (world, caller, ann)
}

/// The codes of what a phone was told to say.
fn codes(world: &World, phone: PhoneId) -> Vec<u16> {
    let replies = world.replies(phone).iter();
    replies.map(|response| response.code).collect()
}

fn elsewhere(request: &mut Request) {
    request.headers.set(Name::CallId, "elsewhere");
}

/// As the other phone behind one INVITE of ours, which shares our tag and the Call-ID.
fn by_another(request: &mut Request) {
    request
        .headers
        .set(Name::From, "<sip:ann@10.0.0.9>;tag=another");
}

#[test]
fn only_what_has_the_call_id_and_both_tags_is_inside_a_dialog() {
    let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 501);
    for phone in [ann, caller] {
        for change in [elsewhere, by_another] {
            for method in [Method::Bye, Method::Invite, Method::Update, Method::Info] {
                world.says(phone, method, change);
                world.run(ms(100));
                assert!(world.bridged(caller, ann));
            }
        }
        assert_eq!(codes(&world, phone), [481; 8]);
    }
    // What is inside is heard, and our requests go to the same phone as before.
    world.says(ann, Method::Options, |_| ());
    world.run(ms(100));
    assert_eq!(codes(&world, ann).last(), Some(&200));
    world.hang_up(caller);
    world.run(s(1));
    assert_eq!(world.doing(ann), Doing::Idle);
    settle(&mut world);
}

#[test]
fn the_fork_that_lost_cannot_end_the_talk_of_the_one_that_won() {
    let (mut world, caller, ann) = talking(Manner::Forks(s(1)), 94);
    assert!(!world.is_forked(ann), "the other one is hung up");
    world.says(ann, Method::Bye, by_another);
    world.run(s(1));
    assert_eq!(codes(&world, ann), [481]);
    assert!(world.bridged(caller, ann));
    assert_eq!(world.operator_state("ann"), OperatorState::Talking);
    world.hang_up(ann);
    settle(&mut world);
}

/// A description of a phone.
fn description(host: &str, lines: &str) -> String {
    let head = format!("v=0\r\no=- 1 9 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n");
    head + lines
}

fn describes(request: &mut Request, lines: &str) {
    request.headers.set(Name::ContentType, "application/sdp");
    request.body = description("10.0.0.0", lines).into();
}

#[test]
fn a_late_copy_of_an_ack_is_not_the_ack_of_the_next_answer() {
    for offers in [true, false] {
        let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 503);
        // Ours comes in the 200, or the caller's in the INVITE.
        world.says(caller, Method::Invite, |invite| {
            if offers {
                describes(invite, "m=audio 4000 RTP/AVP 8\r\n");
            }
        });
        world.run(ms(100));
        assert_eq!(codes(&world, caller), [200]);
        let before = world.successes(caller);
        world.says(caller, Method::Ack, |ack| {
            ack.headers.set(Name::CSeq, "1 ACK");
        });
        world.run(s(2));
        assert!(world.successes(caller) > before, "it comes again");
        world.says(caller, Method::Ack, |ack| {
            if !offers {
                describes(ack, "m=audio 4000 RTP/AVP 8\r\n");
            }
        });
        world.run(ms(100));
        let so_far = world.successes(caller);
        world.run(s(40));
        assert_eq!(world.successes(caller), so_far, "and then no more");
        assert_eq!(world.doing(caller), Doing::Talking);
        world.hang_up(ann);
        settle(&mut world);
    }
}

/// The re-INVITEs that a phone heard.
fn refreshes(world: &World, phone: PhoneId) -> Vec<Request> {
    let heard = world.heard(phone).iter();
    let inside = |r: &&Request| r.headers.to().is_ok_and(|to| to.tag().is_some());
    let invites = heard.filter(|r| r.method == Method::Invite).filter(inside);
    invites.cloned().collect()
}

#[test]
fn a_refresh_says_again_what_was_said_last() {
    // Held in both ways, with keys of another number, and a stream that was refused.
    let lines = "m=audio 4000 RTP/AVP 8 0 96\r\na=rtpmap:96 telephone-event/8000\r\n\
                 a=inactive\r\nm=video 4002 RTP/AVP 31\r\n";
    let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 504);
    world.says(ann, Method::Invite, |invite| describes(invite, lines));
    world.run(ms(100));
    world.says(ann, Method::Ack, |_| ());
    let said = world.replies(ann)[0].body.clone();
    assert!(refreshes(&world, ann).is_empty());
    world.answers_by(ann, |request| {
        let inside = request.headers.to().is_ok_and(|to| to.tag().is_some());
        (inside && request.method == Method::Invite).then(|| held(request))
    });
    world.run(s(2_000));
    let again = refreshes(&world, ann);
    let told = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
    assert_eq!(again.len(), 2);
    for refresh in &again {
        assert_eq!(told(&refresh.body), told(&said));
    }
    assert!(told(&said).contains("RTP/AVP 8 96\r\n"));
    assert!(told(&said).contains("a=inactive\r\nm=video 0 "));
    // What comes next is another version.
    world.says(ann, Method::Invite, |invite| {
        describes(invite, "m=audio 4000 RTP/AVP 8\r\n");
    });
    world.run(ms(100));
    world.says(ann, Method::Ack, |_| ());
    let next = told(&world.replies(ann)[1].body);
    let version = |text: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix("o=- "));
        line.unwrap().split(' ').nth(1).unwrap().parse().unwrap()
    };
    assert_eq!(version(&next), version(&told(&said)) + 1);
    world.hang_up(caller);
    settle(&mut world);
}

/// Holds on.
fn held(request: &Request) -> Response {
    accepts(
        request,
        "m=audio 4000 RTP/AVP 8 96\r\na=inactive\r\nm=video 0 RTP/AVP 31\r\n",
    )
}

fn accepts(request: &Request, lines: &str) -> Response {
    let mut response = Response::to(request, 200);
    response.headers.push(Name::Contact, "<sip:10.0.0.0>");
    response.headers.push(Name::ContentType, "application/sdp");
    response.body = description("10.0.0.77", lines).into();
    response
}

#[test]
fn what_a_phone_answers_to_a_refresh_is_taken_over() {
    let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 505);
    let moved = world.phone("moved", Manner::Rings, None);
    assert!(!world.bridged(caller, moved));
    world.answers_by(ann, |request| {
        let lines = "m=audio 4000 RTP/AVP 0\r\n";
        let inside = request.headers.to().is_ok_and(|to| to.tag().is_some());
        let mut answer = accepts(request, lines);
        answer.body = description("10.0.0.2", lines).into();
        (inside && request.method == Method::Invite).then_some(answer)
    });
    world.run(s(1_000));
    assert_eq!(refreshes(&world, ann).len(), 1);
    assert!(world.bridged(caller, moved), "where its sound comes from");
    world.hang_up(caller);
    settle(&mut world);
}
