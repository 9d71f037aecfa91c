//! Proposals that come at a bad time, and answers for nothing.

use exchange::sim::{Doing, Manner, PhoneId, World};
use exchange::sip::{Method, Name, Request, Response};

use crate::dialogs::{codes, describes, is_inside, refreshes, talking};
use crate::{ms, s, settle, world};

const AUDIO: &str = "m=audio 4000 RTP/AVP 8\r\n";

fn proposes(request: &mut Request) {
    describes(request, AUDIO);
}

/// A caller of this manner who hears what is played before the answer.
fn listens(manner: Manner, seed: u64) -> (World, PhoneId) {
    let mut world = world("", seed);
    world.operator("ann", Manner::Answers(s(1)), Some(s(10)));
    world.run(s(1));
    let caller = world.caller_who(manner, "8");
    world.run(ms(100));
    assert_eq!(world.doing(caller), Doing::Dialing);
    (world, caller)
}

/// RFC 3261 section 14.2, RFC 3311 section 5.2.
#[test]
fn before_the_answer_a_proposal_waits_for_the_answer_to_the_one_before() {
    for (manner, update) in [
        // Its 183 was no answer for good.
        (Manner::Refuses(486), 500),
        (Manner::Pracks(9), 500),
        (Manner::Pracks(0), 200),
    ] {
        let (mut world, caller) = listens(manner, 521);
        world.says(caller, Method::Update, proposes);
        world.run(ms(100));
        world.says(caller, Method::Update, |_| ());
        world.run(ms(100));
        world.says(caller, Method::Invite, proposes);
        world.run(ms(100));
        assert_eq!(codes(&world, caller), [update, 200, 500], "{manner:?}");
        for refusal in world.replies(caller).iter().filter(|r| r.code == 500) {
            let wait = refusal.headers.retry_after().unwrap();
            assert!(wait <= s(10), "{wait:?}");
        }
        let answer = world.replies(caller)[0].body.clone();
        assert_eq!(answer.is_empty(), update == 500);
        world.run(s(8));
        if update == 200 {
            // The answer to the INVITE says what was agreed on last.
            let success = &world.successes(caller)[0];
            assert!(success.ends_with(&answer));
        }
        world.hang_up(caller);
        settle(&mut world);
    }
}

/// RFC 3261 section 14.2.
#[test]
fn while_our_own_proposal_is_unanswered_another_has_to_wait() {
    for ann_leaves in [false, true] {
        waits(ann_leaves);
    }
}

fn waits(ann_leaves: bool) {
    let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 522);
    // In a refresh, of which nothing more is ever heard.
    world.answers_by(ann, |request| {
        let refresh = is_inside(request) && request.method == Method::Invite;
        refresh.then(|| Response::to(request, 100))
    });
    assert!(world.run_until(s(1_000), |w| refreshes(w, ann).len() == 1));
    for (method, change) in [
        (Method::Invite, proposes as fn(&mut Request)),
        (Method::Invite, |_| ()),
        (Method::Update, proposes),
        (Method::Update, |_| ()),
    ] {
        world.says(ann, method, change);
        world.run(ms(100));
    }
    assert_eq!(codes(&world, ann), [491, 491, 491, 200]);
    assert!(world.bridged(caller, ann));
    // In a 2xx.
    world.says(caller, Method::Invite, |_| ());
    world.run(ms(100));
    for method in [Method::Update, Method::Invite] {
        world.says(caller, method, proposes);
        world.run(ms(100));
    }
    assert_eq!(codes(&world, caller), [200, 491, 491]);
    world.hang_up(if ann_leaves { ann } else { caller });
    settle(&mut world);
}

/// RFC 3261 section 14.1.
#[test]
fn after_a_glare_whoever_began_the_dialog_waits_longer() {
    for seed in 530..536 {
        let (mut world, caller, ann) = talking(Manner::Answers(s(1)), seed);
        for (phone, from, to) in [(caller, ms(0), ms(2_000)), (ann, ms(2_100), ms(4_000))] {
            world.glare(phone, 1);
            assert!(world.run_until(s(1_000), |w| refreshes(w, phone).len() == 1));
            let first = world.elapsed();
            assert!(world.run_until(s(10), |w| refreshes(w, phone).len() == 2));
            let waited = world.elapsed() - first;
            // The way there and back.
            let way = ms(2);
            assert!(waited >= from && waited <= to + way, "{seed}: {waited:?}");
        }
        world.hang_up(caller);
        settle(&mut world);
    }
}

/// RFC 3261 section 14.2.
#[test]
fn a_proposal_that_is_refused_leaves_everything_as_it_was() {
    let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 540);
    let first = world.heard(ann).iter().find(|r| r.method == Method::Invite);
    let said = first.unwrap().body.clone();
    for (lines, code) in [
        (
            "m=audio 4008 RTP/AVP 99\r\na=rtpmap:99 opus/48000\r\na=inactive\r\n",
            488,
        ),
        ("m=video 4008 RTP/AVP 31\r\n", 488),
        ("m=audio 4008 RTP/SAVP 8\r\n", 488),
    ] {
        for method in [Method::Invite, Method::Update] {
            world.says(ann, method, |request| describes(request, lines));
            world.run(ms(100));
            assert_eq!(codes(&world, ann).last(), Some(&code), "{lines}");
            assert!(world.bridged(caller, ann));
        }
    }
    world.run(s(1_000));
    let again = refreshes(&world, ann);
    assert_eq!(again[0].body, said);
    world.hang_up(caller);
    settle(&mut world);
}

/// RFC 3262 section 3.
#[test]
fn a_prack_for_another_answer_acknowledges_nothing() {
    // The second 183 is the one that it acknowledges itself.
    let (mut world, caller) = listens(Manner::Pracks(1), 541);
    for rack in ["1 1 INVITE", "4294967295 1 INVITE", "x", "1 1 BYE"] {
        world.says(caller, Method::Prack, |prack| {
            prack.headers.push(Name::RAck, rack);
        });
        world.run(ms(50));
    }
    world.says(caller, Method::Prack, |_| ());
    world.run(ms(50));
    assert_eq!(codes(&world, caller), [481; 5]);
    assert_eq!(world.pracks(caller), 0);
    world.run(s(1));
    assert_eq!((world.told(caller), world.pracks(caller)), (2, 1));
    // Once is enough.
    world.says(caller, Method::Prack, |prack| {
        prack.headers.push(Name::RAck, "1 1 INVITE");
    });
    world.run(s(10));
    assert_eq!(codes(&world, caller), [481; 6]);
    assert_eq!(world.doing(caller), Doing::Talking);
    world.hang_up(caller);
    settle(&mut world);
}
