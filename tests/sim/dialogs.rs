//! What belongs to a dialog, and what does not.

use exchange::model::OperatorState;
use exchange::sim::{Doing, Manner, PhoneId, World};
use exchange::sip::{Method, Name, Request, Response};

use crate::{ms, s, settle, world};

/// A caller who talks with ann.
pub(crate) fn talking(ann: Manner, seed: u64) -> (World, PhoneId, PhoneId) {
    let mut world = world("", seed);
    let ann = world.operator("ann", ann, None);
    world.run(s(1));
    let caller = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.bridged(caller, ann)));
    world.run(s(5));
    (world, caller, ann)
}

/// The codes of what a phone was told to say.
pub(crate) fn codes(world: &World, phone: PhoneId) -> Vec<u16> {
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

/// RFC 3261 section 12.2.2.
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

/// RFC 3261 section 13.2.2.4.
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

pub(crate) fn describes(request: &mut Request, lines: &str) {
    request.headers.set(Name::ContentType, "application/sdp");
    request.body = description("10.0.0.0", lines).into();
}

/// RFC 3261 section 13.3.1.4.
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
        let before = world.successes(caller).len();
        world.says(caller, Method::Ack, |ack| {
            ack.headers.set(Name::CSeq, "1 ACK");
        });
        world.says(caller, Method::Ack, elsewhere);
        world.says(caller, Method::Ack, by_another);
        world.run(s(2));
        assert!(world.successes(caller).len() > before, "it comes again");
        world.says(caller, Method::Ack, |ack| {
            if !offers {
                describes(ack, "m=audio 4000 RTP/AVP 8\r\n");
            }
        });
        world.run(ms(100));
        let so_far = world.successes(caller).len();
        world.run(s(40));
        assert_eq!(world.successes(caller).len(), so_far, "and then no more");
        assert_eq!(world.doing(caller), Doing::Talking);
        world.hang_up(ann);
        settle(&mut world);
    }
}

pub(crate) fn is_inside(request: &Request) -> bool {
    request.headers.to().is_ok_and(|to| to.tag().is_some())
}

/// The re-INVITEs that a phone heard.
pub(crate) fn refreshes(world: &World, phone: PhoneId) -> Vec<Request> {
    let heard = world.heard(phone).iter();
    let invites = heard.filter(|r| r.method == Method::Invite && is_inside(r));
    invites.cloned().collect()
}

/// RFC 3264 section 8.
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
        (is_inside(request) && request.method == Method::Invite).then(|| held(request))
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
    assert_eq!(version(&next), version(&told(&said)) + 1);
    world.hang_up(caller);
    settle(&mut world);
}

/// The version of a description.
fn version(text: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix("o=- "));
    line.unwrap().split(' ').nth(1).unwrap().parse().unwrap()
}

/// RFC 3264 section 8.
#[test]
fn each_of_the_phones_that_rang_is_told_one_version_after_the_other() {
    for first in [true, false] {
        let mut world = world("", 510);
        let manners = if first {
            [Manner::Answers(s(1)), Manner::Rings]
        } else {
            [Manner::Rings, Manner::Answers(s(1))]
        };
        let phones = manners.map(|manner| world.operator("ann", manner, None));
        world.run(s(1));
        let caller = world.caller("1", None);
        let ann = phones[usize::from(!first)];
        assert!(world.run_until(s(30), |w| w.bridged(caller, ann)));
        world.run(s(1));
        world.says(ann, Method::Update, |update| {
            describes(update, "m=audio 4000 RTP/AVP 8\r\n");
        });
        world.run(ms(100));
        let heard = world.heard(ann).iter();
        let mut invites = heard.filter(|r| r.method == Method::Invite);
        let told = |body: &[u8]| version(&String::from_utf8_lossy(body));
        let before = told(&invites.next().unwrap().body);
        assert_eq!(told(&world.replies(ann)[0].body), before + 1);
        world.hang_up(caller);
        settle(&mut world);
    }
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

/// RFC 3261 section 12.2.1.2.
#[test]
fn what_a_phone_answers_to_a_refresh_is_taken_over() {
    let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 505);
    let moved = world.phone("moved", Manner::Rings, None);
    assert!(!world.bridged(caller, moved));
    world.answers_by(ann, |request| {
        let lines = "m=audio 4000 RTP/AVP 0\r\n";
        let mut answer = accepts(request, lines);
        answer.body = description("10.0.0.2", lines).into();
        (is_inside(request) && request.method == Method::Invite).then_some(answer)
    });
    world.run(s(1_000));
    assert_eq!(refreshes(&world, ann).len(), 1);
    assert!(world.bridged(caller, moved), "where its sound comes from");
    world.hang_up(caller);
    settle(&mut world);
}

/// What Session-Expires and Min-SE say.
fn asks_for(request: &Request) -> (u32, u32) {
    let number = |name| {
        let value = request.headers.first(&name).unwrap().into_owned();
        let seconds = value.split(';').next().unwrap().parse();
        seconds.unwrap()
    };
    (number(Name::SessionExpires), number(Name::MinSe))
}

/// Takes no call that is shorter than 40 minutes, and no INVITE for less.
fn wants_long(request: &Request) -> Option<Response> {
    let invite = request.method == Method::Invite;
    (invite && asks_for(request).0 < 2_400).then(|| {
        let mut refusal = Response::to(request, 422);
        refusal.set_to_tag("long");
        refusal.headers.push(Name::MinSe, "2400");
        refusal
    })
}

/// RFC 4028 section 7.
#[test]
fn a_phone_that_wants_longer_sessions_is_asked_again_with_its_own() {
    let mut world = world("", 506);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    world.answers_by(ann, wants_long);
    world.run(s(1));
    let caller = world.caller("1", None);
    assert!(world.run_until(s(30), |w| w.bridged(caller, ann)));
    // Refreshes keep to it.
    world.run(s(1_250));
    let heard = world.heard(ann).iter();
    let invites: Vec<&Request> = heard.filter(|r| r.method == Method::Invite).collect();
    let asked: Vec<(u32, u32)> = invites.iter().map(|invite| asks_for(invite)).collect();
    assert_eq!(asked, [(1_800, 90), (2_400, 2_400), (2_400, 2_400)]);
    let same = |name: Name| invites[0].headers.first(&name) == invites[1].headers.first(&name);
    assert!(same(Name::CallId) && same(Name::From) && !same(Name::CSeq));
    world.hang_up(caller);
    settle(&mut world);
}

/// RFC 4028 section 7.
#[test]
fn a_phone_that_is_never_content_is_asked_twice() {
    let mut world = world("strategy: ordered", 507);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    let bea = world.operator("bea", Manner::Answers(s(1)), None);
    world.answers_by(ann, |request| {
        (request.method == Method::Invite).then(|| {
            let wanted = asks_for(request).0 + 600;
            let mut refusal = Response::to(request, 422);
            refusal.set_to_tag("long");
            refusal.headers.push(Name::MinSe, wanted.to_string());
            refusal
        })
    });
    world.run(s(1));
    let caller = world.caller("1", None);
    assert!(world.run_until(s(20), |w| w.bridged(caller, bea)));
    let heard = world.heard(ann).iter();
    assert_eq!(heard.filter(|r| r.method == Method::Invite).count(), 2);
    world.hang_up(caller);
    settle(&mut world);
}

/// Refuses each refresh but the one that comes after the wait.
fn busy(request: &Request) -> Option<Response> {
    let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
    (is_inside(request) && request.method == Method::Invite && number < 3).then(|| {
        let mut refusal = Response::to(request, 500);
        refusal.headers.push(Name::RetryAfter, "7 (busy)");
        refusal
    })
}

/// RFC 3261 section 14.2.
#[test]
fn a_refresh_that_came_at_a_bad_time_comes_again_when_it_may() {
    let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 508);
    world.answers_by(ann, busy);
    assert!(world.run_until(s(1_000), |w| refreshes(w, ann).len() == 1));
    let first = world.elapsed();
    assert!(world.run_until(s(20), |w| refreshes(w, ann).len() == 2));
    let waited = world.elapsed() - first;
    assert!(waited.abs_diff(s(7)) < ms(10), "{waited:?}");
    // The call lives on: nobody took the refusal for the end.
    world.run(s(1_800));
    assert!(world.bridged(caller, ann));
    world.hang_up(caller);
    settle(&mut world);
}

/// RFC 4028 section 7.
#[test]
fn the_answer_to_a_refresh_says_who_refreshes_next() {
    let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 509);
    world.answers_by(ann, |request| {
        (is_inside(request) && request.method == Method::Invite).then(|| {
            let mut answer = accepts(request, "m=audio 4000 RTP/AVP 8\r\n");
            let value = "300;refresher=uas";
            answer.headers.push(Name::SessionExpires, value);
            answer
        })
    });
    assert!(world.run_until(s(1_000), |w| refreshes(w, ann).len() == 1));
    // It does not, and the session is over 32 s before its end.
    world.run(s(266));
    assert_eq!(world.doing(ann), Doing::Talking);
    world.run(s(4));
    assert_eq!(world.doing(ann), Doing::Idle, "a BYE ended it");
    assert_eq!(refreshes(&world, ann).len(), 1);
    world.hang_up(caller);
    settle(&mut world);
}

/// Takes no UPDATE, whatever it says.
fn no_update<const CODE: u16>(request: &Request) -> Option<Response> {
    (request.method == Method::Update).then(|| {
        let mut refusal = Response::to(request, CODE);
        if CODE == 500 {
            refusal.headers.push(Name::RetryAfter, "7");
        }
        refusal
    })
}

/// A caller who talks with ann; both say that they take UPDATE.
fn updated(script: fn(&Request) -> Option<Response>, seed: u64) -> (World, PhoneId, PhoneId) {
    let mut world = world("", seed);
    let ann = world.operator("ann", Manner::Answers(s(1)), None);
    let caller = world.phone("0600", Manner::Rings, None);
    for phone in [ann, caller] {
        world.allows(phone, "INVITE, ACK, BYE, CANCEL, UPDATE");
        world.answers_by(phone, script);
    }
    world.run(s(1));
    world.dial(caller, "1");
    assert!(world.run_until(s(30), |w| w.bridged(caller, ann)));
    (world, caller, ann)
}

fn updates(world: &World, phone: PhoneId) -> usize {
    let heard = world.heard(phone).iter();
    heard.filter(|r| r.method == Method::Update).count()
}

#[test]
fn who_will_not_have_update_is_refreshed_by_re_invite_from_then_on() {
    for (script, by_update, by_invite) in [
        ((|_| None) as fn(&Request) -> Option<Response>, 3, 0),
        (no_update::<405>, 1, 3),
        (no_update::<420>, 1, 3),
        (no_update::<488>, 1, 3),
        (no_update::<501>, 1, 3),
        (no_update::<403>, 1, 3),
    ] {
        let (mut world, caller, ann) = updated(script, 512);
        world.run(s(2_800));
        assert!(world.bridged(caller, ann));
        for phone in [caller, ann] {
            let heard = (updates(&world, phone), refreshes(&world, phone).len());
            assert_eq!(heard, (by_update, by_invite));
        }
        world.hang_up(caller);
        settle(&mut world);
    }
}

#[test]
fn an_update_that_is_refused_for_another_reason_is_no_reason_for_re_invites() {
    for (script, lives, again) in [
        (
            no_update::<491> as fn(&Request) -> Option<Response>,
            true,
            true,
        ),
        (no_update::<500>, true, true),
        (no_update::<481>, false, false),
        (no_update::<408>, false, false),
    ] {
        let (mut world, caller, ann) = updated(script, 513);
        world.run(s(950));
        assert_eq!(world.bridged(caller, ann), lives);
        for phone in [caller, ann] {
            assert!(refreshes(&world, phone).is_empty());
        }
        assert_eq!(updates(&world, ann) > 1, again);
        world.hang_up(caller);
        settle(&mut world);
    }
}

/// RFC 3261 section 8.2: a request has an answer, though nobody reads all of it.
#[test]
fn a_request_with_too_many_headers_is_refused_and_the_call_goes_on() {
    let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 512);
    world.says(caller, Method::Options, |options| {
        for _ in 0..300 {
            options.headers.push(Name::Other("X-More".into()), "v");
        }
    });
    world.run(ms(100));
    assert_eq!(codes(&world, caller), [400]);
    assert!(world.bridged(caller, ann));
    world.hang_up(caller);
    settle(&mut world);
}

/// RFC 3261 section 12.2.1.1: a carrier's caller is no phone behind a router.
#[test]
fn a_caller_who_gives_another_address_is_hung_up_there() {
    for method in [Method::Update, Method::Invite] {
        let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 504);
        let elsewhere = "10.9.9.9:5080".parse().unwrap();
        world.says(caller, method.clone(), |request| {
            request.headers.set(Name::Contact, "<sip:1@10.9.9.9:5080>");
            if request.method == Method::Invite {
                describes(request, "m=audio 4000 RTP/AVP 8\r\n");
            }
        });
        world.run(ms(100));
        assert_eq!(codes(&world, caller), [200]);
        if method == Method::Invite {
            world.says(caller, Method::Ack, |_| ());
        }
        world.hang_up(ann);
        world.run(s(2));
        let asked = world.asked_astray(elsewhere);
        assert_eq!(asked.first().map(|bye| &bye.method), Some(&Method::Bye));
    }
}
