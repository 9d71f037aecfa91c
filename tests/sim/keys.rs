//! Keys of a talk, by whatever way they come and go.

use exchange::sim::{Manner, PhoneId, World};
use exchange::sip::{Method, Name, Request};

use crate::dialogs::{codes, describes, talking};
use crate::{ms, s, settle, world};

fn presses(request: &mut Request, (kind, body): (&str, &'static str)) {
    request.headers.set(Name::ContentType, kind);
    request.body = body.into();
}

/// What the phone was told by INFO.
fn informed(world: &World, phone: PhoneId) -> Vec<String> {
    let infos = world.heard(phone).iter();
    let infos = infos.filter(|request| request.method == Method::Info);
    let texts = infos.map(|info| String::from_utf8_lossy(&info.body).replace("\r\n", " "));
    texts.collect()
}

/// RFC 4733 and the INFO of draft-kaplan-dispatch-info-dtmf-package, whichever each side has.
#[test]
fn a_key_by_info_is_an_event_for_the_other_side() {
    let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 510);
    let relay = ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n");
    for said in [relay, ("application/dtmf", "#"), ("text/plain", "1")] {
        world.says(caller, Method::Info, |info| presses(info, said));
        world.run(ms(100));
    }
    assert_eq!(codes(&world, caller), [200, 200, 415]);
    world.says(ann, Method::Info, |info| presses(info, relay));
    world.run(ms(100));
    let pressed = [ann, caller].map(|phone| world.pressed(phone));
    assert_eq!(pressed, ["5#", "5"]);
    // What comes as an event goes as one, which is the worker's affair.
    assert!(world.press(caller, "9"));
    assert_eq!(informed(&world, ann), [""; 0]);
    world.hang_up(caller);
    settle(&mut world);
}

#[test]
fn a_phone_without_events_hears_keys_by_info_if_it_takes_that() {
    for (methods, told) in [
        (
            "INVITE, INFO",
            vec!["Signal=7 Duration=100 ", "Signal=8 Duration=100 "],
        ),
        ("INVITE, BYE", vec![]),
    ] {
        let mut world = world("", 511);
        let ann = world.operator("ann", Manner::Answers(s(1)), None);
        world.allows(ann, methods);
        world.run(s(1));
        let caller = world.caller("1", None);
        assert!(world.run_until(s(30), |w| w.bridged(caller, ann)));
        world.says(ann, Method::Invite, |invite| {
            describes(invite, "m=audio 4000 RTP/AVP 8\r\n");
        });
        world.run(ms(100));
        world.says(ann, Method::Ack, |_| ());
        world.run(ms(100));
        let seven = ("application/dtmf", "7");
        world.says(caller, Method::Info, |info| presses(info, seven));
        world.run(ms(100));
        assert!(world.press(caller, "8"));
        world.run(ms(100));
        assert_eq!(informed(&world, ann), told, "{methods}");
        assert_eq!(world.pressed(ann), "");
        world.hang_up(caller);
        settle(&mut world);
    }
}
