//! Requests of others.

use super::*;
use crate::sip::transaction::timers::{GIVE_UP, T4};

fn invite() -> String {
    request("INVITE", VIA, "")
}

/// The ACK for a failure: the INVITE's branch, our To tag.
fn ack(via: &str, tag: &str) -> String {
    request("ACK", via, "").replace(
        "198.51.100.1>\nCall",
        &format!("198.51.100.1>;tag={tag}\nCall"),
    )
}

/// RFC 3261 section 17.2.1.
#[test]
fn an_invite_is_told_once_and_its_copies_get_the_last_answer() {
    let mut rig = Rig::new();
    assert_eq!(rig.receive(&invite(), udp()), "[INVITE]");
    assert_eq!(rig.receive(&invite(), udp()), "100>5070");
    assert_eq!(rig.respond(180), "180>5070");
    assert_eq!(rig.receive(&invite(), udp()), "180>5070");
    assert_eq!(rig.respond(486), "486>5070");
    assert_eq!(rig.receive(&invite(), udp()), "486>5070");
    assert_eq!(rig.receive(&ack(VIA, "c030000000000000abc"), udp()), "");
    assert_eq!(rig.receive(&invite(), udp()), "");
    assert_eq!(rig.pass(T4), Vec::<String>::new());
    assert_eq!(rig.endpoint.in_flight(), 0);
}

/// RFC 3261 section 17.2.1.
#[test]
fn a_slow_user_is_covered_by_a_100() {
    let mut rig = Rig::new();
    rig.receive(&invite(), udp());
    assert_eq!(rig.pass(Duration::from_secs(60)), ["200 100>5070"]);
}

/// RFC 3261 section 13.3.1.4.
#[test]
fn a_2xx_is_sent_until_the_user_acknowledges_on_a_stream_too() {
    for peer in [udp(), tcp()] {
        let mut rig = Rig::new();
        rig.receive(&invite(), peer);
        assert_eq!(rig.respond(200), "200>5070");
        assert_eq!(
            rig.pass(Duration::from_secs(2)),
            ["500 200>5070", "1500 200>5070"]
        );
        let ack = ack(
            "SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bKother",
            "c030000000000000abc",
        );
        assert_eq!(rig.receive(&ack, peer), "[ACK]");
        rig.endpoint.acknowledged(rig.server.unwrap());
        assert_eq!(rig.pass(GIVE_UP), Vec::<String>::new());
        assert_eq!(rig.endpoint.in_flight(), 0);
    }
}

/// RFC 3261 section 13.3.1.4.
#[test]
fn a_2xx_that_nobody_acknowledges_is_told_after_64_t1() {
    let mut rig = Rig::new();
    rig.receive(&invite(), udp());
    rig.respond(200);
    let story = rig.pass(GIVE_UP);
    assert_eq!(story.len(), 11);
    assert_eq!(story.last().unwrap(), "32000 [no ACK]");
    assert_eq!(rig.endpoint.in_flight(), 0);
}

/// RFC 3261 section 17.2.1.
#[test]
fn a_failure_is_sent_again_over_udp_only() {
    let mut rig = Rig::new();
    rig.receive(&invite(), udp());
    rig.respond(404);
    assert_eq!(rig.pass(GIVE_UP).len(), 10);
    assert_eq!(rig.endpoint.in_flight(), 0);

    let mut rig = Rig::new();
    rig.receive(&invite(), tcp());
    rig.respond(404);
    assert_eq!(rig.pass(GIVE_UP), Vec::<String>::new());
    assert_eq!(rig.endpoint.in_flight(), 0);
}

/// RFC 3261 section 9.2.
#[test]
fn a_cancel_has_its_200_each_time_and_is_told_once() {
    let mut rig = Rig::new();
    rig.receive(&invite(), udp());
    let cancel = request("CANCEL", VIA, "Reason: SIP;cause=200\n");
    assert_eq!(rig.receive(&cancel, udp()), "200>5070 [cancelled 200]");
    assert_eq!(rig.receive(&cancel, udp()), "200>5070");
    assert_eq!(rig.respond(487), "487>5070");
    assert_eq!(rig.receive(&cancel, udp()), "200>5070");
}

/// RFC 3261 section 9.2.
#[test]
fn a_cancel_that_crosses_our_2xx_is_not_told() {
    let mut rig = Rig::new();
    rig.receive(&invite(), udp());
    rig.respond(200);
    assert_eq!(rig.receive(&request("CANCEL", VIA, ""), udp()), "200>5070");
    assert!(rig.sent_text().contains(";tag=c030000000000000abc"));
}

/// RFC 3261 section 9.2.
#[test]
fn a_cancel_of_nothing_has_a_481_and_leaves_nothing() {
    let mut rig = Rig::new();
    assert_eq!(rig.receive(&request("CANCEL", VIA, ""), udp()), "481>5070");
    assert_eq!(rig.endpoint.in_flight(), 0);
}

/// RFC 3261 section 17.2.2.
#[test]
fn other_requests_are_told_once_and_forgotten_after_timer_j() {
    let mut rig = Rig::new();
    let options = request("OPTIONS", VIA, "");
    assert_eq!(rig.receive(&options, udp()), "[OPTIONS]");
    assert_eq!(rig.receive(&options, udp()), "");
    assert_eq!(rig.respond(200), "200>5070");
    assert_eq!(rig.receive(&options, udp()), "200>5070");
    assert_eq!(rig.endpoint.in_flight(), 1);
    assert_eq!(rig.pass(GIVE_UP), Vec::<String>::new());
    assert_eq!(rig.endpoint.in_flight(), 0);

    assert_eq!(rig.receive(&options, tcp()), "[OPTIONS]");
    assert_eq!(rig.respond(200), "200>5070");
    assert_eq!(rig.endpoint.in_flight(), 0, "timer J is zero on a stream");
}

/// RFC 3261 section 8.2.2.2.
#[test]
fn a_request_that_came_by_two_ways_is_merged() {
    let mut rig = Rig::new();
    rig.receive(&invite(), udp());
    let other_way = request("INVITE", "SIP/2.0/UDP 192.0.2.8;branch=z9hG4bKb2", "");
    assert_eq!(rig.receive(&other_way, udp()), "482>5060");
    let inside = other_way.replace(
        "198.51.100.1>\nCall",
        "198.51.100.1>;tag=c030000000000000abc\nCall",
    );
    assert_eq!(rig.receive(&inside, udp()), "[INVITE]");
}

/// RFC 3261 section 17.2.3.
#[test]
fn a_peer_of_rfc_2543_is_matched_without_its_branch() {
    for via in [
        "SIP/2.0/UDP 192.0.2.7:5070",
        "SIP/2.0/UDP 192.0.2.7:5070;branch=1",
    ] {
        let mut rig = Rig::new();
        let invite = request("INVITE", via, "");
        assert_eq!(rig.receive(&invite, udp()), "[INVITE]");
        assert_eq!(rig.receive(&invite, udp()), "100>5070");
        assert_eq!(
            rig.receive(&invite.replace("CSeq: 1", "CSeq: 2"), udp()),
            "[INVITE]"
        );
        assert_eq!(rig.respond(486), "486>5070");
        let ack = |tag: &str| ack(via, tag).replace("CSeq: 1", "CSeq: 2");
        assert_eq!(
            rig.receive(&ack("cuckoo"), udp()),
            "",
            "not our tag, so not our answer"
        );
        assert_eq!(rig.pass(Duration::from_millis(500)).len(), 2);
        assert_eq!(rig.receive(&ack("c030000000000000abc"), udp()), "");
        assert_eq!(rig.pass(T4), Vec::<String>::new());
        assert_eq!(rig.endpoint.in_flight(), 1, "the first INVITE");
    }
}

/// RFC 6026 section 7.1.
#[test]
fn an_ack_with_the_branch_of_an_accepted_invite_is_for_the_user() {
    let mut rig = Rig::new();
    rig.receive(&invite(), udp());
    rig.respond(200);
    assert_eq!(
        rig.receive(&ack(VIA, "c030000000000000abc"), udp()),
        "[ACK]"
    );
}

/// RFC 3261 section 17.2.3.
#[test]
fn an_ack_of_nothing_is_ignored() {
    let mut rig = Rig::new();
    assert_eq!(rig.receive(&request("ACK", VIA, ""), udp()), "");
    assert_eq!(rig.receive(&ack(VIA, "foreign"), udp()), "");
    assert_eq!(
        rig.receive(&ack(VIA, "c040000000000000abc"), udp()),
        "",
        "another shard's"
    );
    assert_eq!(
        rig.receive(&ack(VIA, "c030000000000000abc"), udp()),
        "[ACK]"
    );
}

/// RFC 3261 section 18.2.2, RFC 3581 section 4.
#[test]
fn answers_go_where_the_request_came_from() {
    for (via, peer, port, said) in [
        // RFC 3261 18.2.2: the address that it came from, the port of the Via.
        (
            "SIP/2.0/UDP 10.0.0.1:5080;branch=z9hG4bK1",
            udp(),
            5080,
            "received=192.0.2.7",
        ),
        (
            "SIP/2.0/UDP phone.invalid;branch=z9hG4bK1",
            udp(),
            5060,
            "received=192.0.2.7",
        ),
        // RFC 3581: the port that it came from, too.
        (
            "SIP/2.0/UDP 10.0.0.1:5080;rport;branch=z9hG4bK1",
            udp(),
            5070,
            "rport=5070",
        ),
        (
            "SIP/2.0/UDP 192.0.2.7:5070;rport;branch=z9hG4bK1",
            udp(),
            5070,
            "received=192.0.2.7",
        ),
        // A stranger does not choose where we send to.
        (
            "SIP/2.0/UDP 10.0.0.1:5080;maddr=10.9.9.9;branch=z9hG4bK1",
            udp(),
            5080,
            "received=192.0.2.7",
        ),
        (
            "SIP/2.0/TCP 10.0.0.1:5080;branch=z9hG4bK1",
            tcp(),
            5070,
            "received=192.0.2.7",
        ),
    ] {
        let mut rig = Rig::new();
        rig.receive(&request("OPTIONS", via, ""), peer);
        assert_eq!(rig.respond(200), format!("200>{port}"), "{via}");
        assert!(rig.sent_text().contains(said), "{via}: {}", rig.sent_text());
    }
}

/// RFC 3261 section 18.2.2.
#[test]
fn a_stream_answers_over_the_same_connection() {
    let mut rig = Rig::new();
    rig.receive(&request("OPTIONS", VIA, ""), tcp());
    let request = rig.request.clone().unwrap();
    let response = Response::to(&request, 200);
    let tx = rig.server.unwrap();
    rig.endpoint.respond(tx, &response, rig.now, &mut rig.out);
    let sent = rig.out.iter().find_map(|output| match output {
        Output::Transmit { peer, .. } => Some(*peer),
        Output::Event(_) | Output::Count(_) => None,
    });
    assert_eq!(sent, Some(tcp()));
}

/// RFC 3261 section 8.2.6.2.
#[test]
fn a_final_answer_without_a_to_tag_is_given_one() {
    let mut rig = Rig::new();
    rig.receive(&request("OPTIONS", VIA, ""), udp());
    let response = Response::to(&rig.request.clone().unwrap(), 200);
    let tx = rig.server.unwrap();
    rig.endpoint.respond(tx, &response, rig.now, &mut rig.out);
    rig.told();
    assert!(
        rig.sent_text()
            .contains("To: <sip:100@198.51.100.1>;tag=c03")
    );
    assert!(rig.sent_text().contains("Server: Centrale"));
}

/// RFC 3261 section 8.2.3.
#[test]
fn a_body_that_is_packed_is_refused_whatever_it_comes_with() {
    for (more, body, refused) in [
        ("Content-Encoding: gzip\n", "x", true),
        ("e: identity, GZIP\n", "x", true),
        ("Content-Encoding: identity\ne: deflate\n", "x", true),
        ("Content-Encoding: Identity\n", "x", false),
        ("Content-Encoding: gzip\n", "", false),
    ] {
        for method in ["INVITE", "UPDATE", "INFO"] {
            let mut rig = Rig::new();
            let text = request(method, VIA, more).replace("Length: 0", "Length: 1");
            let text = match body {
                "" => request(method, VIA, more),
                body => format!("{text}{body}"),
            };
            let expected = match refused {
                true => "415>5070".to_owned(),
                false => format!("[{method}]"),
            };
            assert_eq!(rig.receive(&text, udp()), expected, "{text}");
            if refused {
                let answer = rig.sent_text();
                assert!(
                    answer.contains("\r\nAccept-Encoding: identity\r\n"),
                    "{answer}"
                );
                assert_eq!(rig.endpoint.in_flight(), 0);
            }
        }
    }
}

/// RFC 3261 section 18.2.2.
#[test]
fn answers_whose_stream_is_lost_go_to_the_port_of_the_via() {
    let connection = ConnectionId(9);
    let via = |port: &str| format!("SIP/2.0/TCP c.example{port};branch=z9hG4bKa1");
    let lose = |rig: &mut Rig| {
        let input = Input::ConnectionLost { connection };
        rig.endpoint.handle(input, rig.now, &mut rig.out);
        rig.told()
    };
    for (port, known, to) in [
        (":5090", true, "486>5090"),
        ("", true, "486>5060"),
        (":5090", false, "486>5070"),
    ] {
        let mut rig = Rig::new();
        let text = request("INVITE", &via(port), "");
        rig.receive(&text, tcp());
        let (tx, request) = (rig.server.unwrap(), rig.request.clone().unwrap());
        if known {
            rig.endpoint.may_be_dialled(tx, &request);
        }
        assert_eq!(rig.respond(180), "180>5070");
        assert_eq!(lose(&mut rig), "", "nothing is to be said");
        assert_eq!(rig.respond(486), to);
        rig.pass(GIVE_UP);
        assert!(rig.endpoint.is_clean());
        // It was said, and perhaps nobody heard it.
        rig.receive(&text, tcp());
        let tx = rig.server.unwrap();
        if known {
            rig.endpoint.may_be_dialled(tx, &request);
        }
        assert_eq!(rig.respond(486), "486>5070");
        assert_eq!(lose(&mut rig), if known { to } else { "" });
        rig.pass(GIVE_UP);
        assert!(rig.endpoint.is_clean());
    }
}
