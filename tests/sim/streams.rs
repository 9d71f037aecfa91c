//! What is said of streams after they were agreed on, and what cannot be said (RFC 3264).

use exchange::sim::{Doing, Manner, PhoneId, World};
use exchange::sip::{Method, Name};

use crate::dialogs::{codes, describes, talking};
use crate::{ms, s};

/// The streams of the last description that the phone was answered with: each line, with
/// `N` for any port but 0.
fn streams(world: &World, phone: PhoneId) -> Vec<String> {
    let body = &world.replies(phone).last().unwrap().body;
    let text = String::from_utf8_lossy(body).into_owned();
    let lines = text.lines().filter_map(|line| line.strip_prefix("m="));
    let line = |line: &str| {
        let mut words: Vec<&str> = line.split(' ').collect();
        if words[1] != "0" {
            words[1] = "N";
        }
        words.join(" ")
    };
    lines.map(line).collect()
}

/// RFC 3264 sections 6.1 and 8, RFC 3551 section 6.
#[test]
fn each_stream_keeps_its_place_its_transport_and_its_number() {
    let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 831);
    for phone in [caller, ann] {
        world.says(phone, Method::Invite, |invite| {
            let video = "m=video 4002 RTP/AVP 96\r\n";
            let audio = "m=audio 4000 RTP/AVPF 100\r\na=rtpmap:100 PCMU/8000\r\n";
            describes(invite, &format!("{video}{audio}"));
        });
        world.run(ms(100));
        let answered = ["video 0 RTP/AVP 96", "audio N RTP/AVPF 100"];
        assert_eq!(streams(&world, phone), answered);
        world.says(phone, Method::Ack, |_| ());
        world.says(phone, Method::Invite, |_| ());
        world.run(ms(100));
        let proposed = ["video 0 RTP/AVP 96", "audio N RTP/AVPF 8 0 101"];
        assert_eq!(streams(&world, phone), proposed);
        world.says(phone, Method::Ack, |ack| {
            describes(ack, "m=video 0 RTP/AVP 96\r\nm=audio 4000 RTP/AVPF 8\r\n");
        });
        world.run(s(1));
        assert_eq!(world.doing(phone), Doing::Talking);
    }
}

/// RFC 8866 section 5.7; the call goes on as it was (RFC 3261 section 14.2).
#[test]
fn a_stream_that_is_nowhere_is_refused() {
    let (mut world, caller, ann) = talking(Manner::Answers(s(1)), 832);
    world.says(caller, Method::Invite, |invite| {
        invite.headers.set(Name::ContentType, "application/sdp");
        invite.body = "v=0\r\nm=audio 4000 RTP/AVP 8\r\n".into();
    });
    world.run(s(1));
    assert_eq!(codes(&world, caller), [400]);
    assert!(world.bridged(caller, ann));
}
