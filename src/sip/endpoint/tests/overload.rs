//! What the endpoint refuses by itself, and that it keeps nothing of it.

use super::*;
use crate::model::RejectReason;

/// Refused without state: the same answer twice, and its ACK is nobody's.
#[track_caller]
fn refused(text: &str, code: u16, header: &str) {
    let mut rig = Rig::new();
    assert_eq!(rig.receive(text, udp()), format!("{code}>5070"), "{text}");
    let answer = rig.sent_text();
    assert!(answer.contains(header), "{answer}");
    rig.receive(text, udp());
    assert_eq!(rig.sent_text(), answer);
    assert_eq!(rig.endpoint.in_flight(), 0);
    assert_eq!(rig.endpoint.deadline(), None);
    let tag = answer.split("198.51.100.1>;tag=").nth(1).unwrap();
    let tag = tag.lines().next().unwrap();
    let ack = request("ACK", VIA, "").replace(
        "198.51.100.1>\nCall",
        &format!("198.51.100.1>;tag={tag}\nCall"),
    );
    assert_eq!(rig.receive(&ack, udp()), "");
}

/// RFC 3261 sections 8.2.1, 8.2.2.1, 8.2.2.3 and 16.3.
#[test]
fn what_is_not_for_us_is_refused_without_state() {
    refused(&request("FROB", VIA, ""), 501, "Allow: INVITE,");
    refused(&request("MESSAGE", VIA, ""), 405, "Allow: INVITE,");
    refused(
        &request("INVITE", VIA, "Require: foo, timer, bar\n"),
        420,
        "Unsupported: foo, bar",
    );
    let spent = request("INVITE", VIA, "").replace("Max-Forwards: 70", "Max-Forwards: 0");
    refused(&spent, 483, "SIP/2.0 483");
    let other =
        request("INVITE", VIA, "").replace("INVITE sip:100@198.51.100.1", "INVITE mailto:a@b");
    refused(&other, 416, "SIP/2.0 416");
}

/// RFC 3261 sections 16.3 and 11: it limits those who pass on, and is nothing to whom the
/// request is for. We pass calls on.
#[test]
fn what_ends_here_may_have_made_all_its_hops() {
    let spent = |text: String| text.replace("Max-Forwards: 70", "Max-Forwards: 0");
    let inside = |text: String| text.replace("1>\nCall", "1>;tag=c030000000000000abc\nCall");
    for (method, within) in [
        ("BYE", true),
        ("INVITE", true),
        ("UPDATE", true),
        ("INFO", true),
        ("OPTIONS", false),
        ("REGISTER", false),
    ] {
        let mut text = spent(request(method, VIA, ""));
        if within {
            text = inside(text);
        }
        let mut rig = Rig::new();
        assert_eq!(rig.receive(&text, udp()), format!("[{method}]"));
    }
    let mut rig = Rig::new();
    rig.receive(&request("INVITE", VIA, ""), udp());
    let cancel = spent(request("CANCEL", VIA, ""));
    assert_eq!(rig.receive(&cancel, udp()), "200>5070 [cancelled]");
    rig.respond(200);
    let other = VIA.replace("z9hG4bKa1", "z9hG4bKa2");
    let ack = inside(spent(request("ACK", &other, "")));
    assert_eq!(rig.receive(&ack, udp()), "[ACK]");
}

#[test]
fn what_we_know_may_be_required() {
    let mut rig = Rig::new();
    let invite = request("INVITE", VIA, "Require: timer, 100rel, replaces\n");
    assert_eq!(rig.receive(&invite, udp()), "[INVITE]");
}

/// RFC 3261 section 7.1.
#[test]
fn a_version_that_nobody_speaks_has_a_505() {
    let mut rig = Rig::new();
    let text = request("INVITE", VIA, "").replace("1 SIP/2.0\n", "1 SIP/7.0\n");
    assert_eq!(rig.receive(&text, udp()), "505>5070");
    assert_eq!(rig.endpoint.in_flight(), 0);
}

/// RFC 3261 section 21.4.1.
#[test]
fn a_request_that_cannot_be_read_has_a_400() {
    let mut rig = Rig::new();
    let text = request("INVITE", VIA, "").replace("CSeq: 1 INVITE", "CSeq: one INVITE");
    assert_eq!(rig.receive(&text, udp()), "400>5070");
    assert!(rig.counts.iter().any(|count| matches!(
        count,
        Count::Refused {
            reason: RejectReason::Malformed,
            ..
        }
    )));
    assert_eq!(rig.endpoint.in_flight(), 0);
}

#[test]
fn noise_is_not_answered() {
    let mut rig = Rig::new();
    for noise in ["", "\n\n", "hello\n\n", "SIP/2.0 200 OK\n\n", "INVITE\n\n"] {
        assert_eq!(rig.receive(noise, udp()), "", "{noise:?}");
    }
}

/// RFC 3261 section 21.5.4.
#[test]
fn beyond_the_bound_strangers_get_a_503_and_calls_in_progress_do_not() {
    let mut rig = Rig::with(Settings {
        max_transactions: 80,
        ..settings()
    });
    let numbered = |method: &str, number: usize| {
        request(method, &format!("{VIA}{number}"), "").replace("call-1", &format!("call-{number}"))
    };
    for number in 0..70 {
        assert_eq!(rig.receive(&numbered("INVITE", number), udp()), "[INVITE]");
    }
    assert_eq!(rig.receive(&numbered("INVITE", 70), udp()), "503>5070");
    assert!(rig.sent_text().contains("Retry-After: "));
    let bye = |number| {
        numbered("BYE", number).replace(
            "198.51.100.1>\nCall",
            "198.51.100.1>;tag=c030000000000000abc\nCall",
        )
    };
    for number in 100..110 {
        assert_eq!(rig.receive(&bye(number), udp()), "[BYE]");
    }
    assert_eq!(rig.receive(&bye(110), udp()), "503>5070");
    assert_eq!(rig.endpoint.in_flight(), 80);
    assert_eq!(
        rig.receive(&numbered("CANCEL", 5), udp()),
        "200>5070 [cancelled]"
    );
    assert_eq!(
        rig.receive(&numbered("INVITE", 5), udp()),
        "100>5070",
        "one that was let in"
    );
}
