//! What belongs to a dialog, and what does not.

use exchange::model::OperatorState;
use exchange::sim::{Doing, Manner, PhoneId, World};
use exchange::sip::{Method, Name, Request};

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
fn describes(request: &mut Request, lines: &str) {
    let text =
        format!("v=0\r\no=- 1 9 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n{lines}");
    request.headers.set(Name::ContentType, "application/sdp");
    request.body = text.into();
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
