//! Calls that their callers give up, or give so much time, before they are answered.

use std::net::SocketAddr;

use exchange::model::{Hangup, Outcome};
use exchange::sim::{Manner, World};
use exchange::sip::{Method, Name, Response};

use crate::dialogs::talking;
use crate::{ms, record, s, settle, world};

/// Of the trunk; there is no phone.
const FROM: &str = "10.7.7.7:5060";
const SDP: &str =
    "v=0\no=- 1 1 IN IP4 10.7.7.7\ns=-\nc=IN IP4 10.7.7.7\nt=0 0\nm=audio 4000 RTP/AVP 8\n";

fn from() -> SocketAddr {
    FROM.parse().unwrap()
}

/// A request for a number, of a call and transaction of its own.
fn request((method, number): (&str, &str), call: usize, more: &str, body: &str) -> String {
    let length = body.len() + body.lines().count();
    format!(
        "{method} sip:{number}@10.255.0.1 SIP/2.0
Via: SIP/2.0/UDP {FROM};branch=z9hG4bK{call};rport
Max-Forwards: 70
From: <sip:x@10.7.7.7>;tag=x
To: <sip:{number}@10.255.0.1>
Call-ID: {call}@given-up
CSeq: 1 {method}
Contact: <sip:x@{FROM}>
{more}Content-Length: {length}

{body}"
    )
}

fn invite(number: &str, call: usize, more: &str) -> String {
    let more = format!("{more}Content-Type: application/sdp\n");
    request(("INVITE", number), call, &more, SDP)
}

/// The final answers to a method within a call, each once; the network may have changed
/// their order.
fn answers(world: &World, method: &Method, call: usize) -> Vec<u16> {
    let id = format!("{call}@given-up");
    let own = |response: &Response| {
        let headers = &response.headers;
        headers.call_id().is_ok_and(|own| *own == *id)
            && headers.cseq().is_ok_and(|cseq| cseq.method == *method)
    };
    let heard = world.astray(from());
    let finals = heard.iter().filter(|r| r.code >= 200 && own(r));
    let mut codes: Vec<u16> = finals.map(|response| response.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// RFC 3261 section 9.2: the INVITE is there as soon as it has come, whatever waits before
/// it and however often both come.
#[test]
fn who_gives_up_in_the_same_breath_is_no_caller() {
    let mut world = world("", 571);
    let mut texts = Vec::new();
    // Of either shard, before the answer and where it comes at once.
    for call in 0..8 {
        let number = ["8", "1"][call % 2];
        let (invite, cancel) = (
            invite(number, call, ""),
            request(("CANCEL", number), call, "", ""),
        );
        texts.extend([invite.clone(), cancel.clone()]);
        if call >= 4 {
            texts.extend([invite, cancel]);
        }
    }
    assert_eq!(world.at_once(from(), &texts, ms(0)), texts.len());
    world.run(ms(100));
    for call in 0..8 {
        assert_eq!(answers(&world, &Method::Cancel, call), [200], "{call}");
        assert_eq!(answers(&world, &Method::Invite, call), [487], "{call}");
    }
    settle(&mut world);
    let records = world.records();
    assert_eq!(records.len(), 8);
    for record in records {
        let ended = (record.outcome, record.hangup);
        assert_eq!(ended, (Outcome::EndedInFlow, Some(Hangup::Caller)));
        assert_eq!(record.answered, None);
    }
}

/// The same, and nothing is begun for it while calls have to wait for too long.
#[test]
fn who_gives_up_while_there_is_no_time_costs_none() {
    let mut world = world("", 576);
    let (invite, cancel) = (invite("1", 1, ""), request(("CANCEL", "1"), 1, "", ""));
    let texts = [invite.clone(), cancel, invite.clone()];
    assert_eq!(world.at_once(from(), &texts, ms(600)), 3);
    world.stranger(from(), &invite);
    world.run(s(1));
    assert_eq!(answers(&world, &Method::Cancel, 1), [200]);
    // Copies are told that there was no time.
    assert_eq!(answers(&world, &Method::Invite, 1), [487, 503]);
    assert_eq!(world.transactions(), 0);
    settle(&mut world);
    assert!(world.records().is_empty());
}

/// RFC 3261 sections 13.3.1 and 20.19. Without it the flow refuses after three seconds.
#[test]
fn an_invite_ends_when_the_time_that_it_names_is_over() {
    for (more, after, code, hangup) in [
        ("", s(3), 404, Hangup::Flow),
        ("Expires: 2\n", s(2), 487, Hangup::Caller),
        ("Expires: 0\n", s(0), 487, Hangup::Caller),
        ("Expires: 60\n", s(3), 404, Hangup::Flow),
        ("Expires: 99999999999999999999\n", s(3), 404, Hangup::Flow),
        ("Expires: +1\n", s(3), 404, Hangup::Flow),
        ("Expires: soon\n", s(3), 404, Hangup::Flow),
    ] {
        let mut world = world("", 572);
        world.stranger(from(), &invite("8", 1, more));
        if !after.is_zero() {
            world.run(after - ms(100));
            let early = answers(&world, &Method::Invite, 1);
            assert!(early.is_empty(), "{more}{early:?}");
        }
        world.run(ms(200));
        assert_eq!(answers(&world, &Method::Invite, 1), [code], "{more}");
        settle(&mut world);
        let record = record(&world);
        assert_eq!(record.hangup, Some(hangup), "{more}");
    }
}

#[test]
fn the_time_of_an_invite_says_nothing_of_the_call_that_was_answered() {
    let mut world = world("", 573);
    world.stranger(from(), &invite("1", 1, "Expires: 1\n"));
    world.run(s(10));
    assert_eq!(answers(&world, &Method::Invite, 1), [200]);
    assert!(world.records().is_empty(), "the call goes on");
    // Its 200 is never acknowledged.
    settle(&mut world);
}

/// RFC 3261 section 12.1.1: callers are reached by the proxies that want to stay.
#[test]
fn whatever_makes_a_dialog_names_the_proxies_on_the_way() {
    const FIRST: &str = "<sip:p2.example.com;lr;x=1>, <sip:p1.example.com;lr>";
    const SECOND: &str = "<sip:p0.example.com;lr>";
    let more = format!("Record-Route: {FIRST}\nRecord-Route: {SECOND}\n");
    let mut world = world("", 574);
    world.stranger(from(), &invite("8", 1, &more));
    world.stranger(from(), &invite("1", 2, &more));
    world.run(s(1));
    let heard = world.astray(from());
    let code = |code| heard.iter().filter(move |r| r.code == code);
    assert!(code(183).count() >= 1 && code(200).count() >= 1);
    for answer in code(183).chain(code(200)) {
        let names: Vec<_> = answer.headers.all(&Name::RecordRoute).collect();
        assert_eq!(names, [FIRST, SECOND], "{}", answer.code);
    }
    settle(&mut world);
}

/// RFC 3261 section 16.3: we are whom it is for.
#[test]
fn what_is_said_in_a_call_may_have_made_all_its_hops() {
    let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 575);
    for (phone, method) in [
        (caller, Method::Options),
        (ann, Method::Update),
        (caller, Method::Invite),
        (caller, Method::Bye),
    ] {
        world.says(phone, method, |request| {
            request.headers.set(Name::MaxForwards, "0");
        });
        world.run(ms(100));
        let last = world.replies(phone).last().map(|response| response.code);
        assert_eq!(last, Some(200));
    }
    assert!(!world.bridged(caller, ann));
    settle(&mut world);
}
