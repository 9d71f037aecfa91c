//! What is turned away unread gets what it would have got if it had been read.

use super::*;
use crate::sip::Transport;
use crate::sip::endpoint::glance::Glance;
use crate::sip::endpoint::{Refusal, TurnedAway};
use crate::sip::transaction::timers::GIVE_UP;

/// What is counted of a request that is turned away and where its answer goes, and the
/// answer.
fn turned_away(rig: &mut Rig, text: &str, why: TurnedAway) -> (String, String) {
    turned_away_at(rig, text, udp(), why)
}

fn turned_away_at(rig: &mut Rig, text: &str, from: Peer, why: TurnedAway) -> (String, String) {
    let bytes = Bytes::from(text.replace('\n', "\r\n"));
    rig.sent = Bytes::new();
    let refusal = rig
        .endpoint
        .turn_away((&bytes, from), why, rig.now, &mut rig.out);
    let told = rig.told();
    if let Some(refusal) = refusal {
        rig.sent = refusal.bytes;
        let Refusal {
            peer,
            method,
            reason,
            code,
            ..
        } = refusal;
        let told = format!("{} {reason:?} {code}>{}", method.as_str(), peer.remote);
        return (told, rig.sent_text());
    }
    (told, rig.sent_text())
}

/// The same request, read whole by an endpoint that has no room.
fn read_whole(text: &str) -> String {
    let mut rig = Rig::with(Settings {
        max_transactions: 0,
        ..settings()
    });
    rig.receive(text, udp());
    rig.sent_text()
}

/// The lines in any order: one that was read has its To after what was not touched.
fn lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.split("\r\n").collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_refusal_is_the_same_read_or_unread() {
    let plain = request("INVITE", VIA, "");
    let to = |new: &str| plain.replace("To: <sip:100@198.51.100.1>", &format!("To: {new}"));
    let ordinary = [
        plain.clone(),
        request("REGISTER", VIA, ""),
        request("OPTIONS", VIA, "User-Agent: x\n"),
        plain.replace("Via:", "v:").replace("Call-ID:", "i :"),
        request(
            "INVITE",
            "SIP/2.0/UDP 10.9.8.7;branch=z9hG4bKq;rport, SIP/2.0/TCP b",
            "",
        ),
        request(
            "INVITE",
            "SIP/2.0/UDP [2001:db8::1]:7;branch=z9hG4bKq",
            "Via: SIP/2.0/UDP c\n",
        ),
        to("\"An a\" <sip:100@198.51.100.1;x=y>"),
    ];
    let odd = [
        to("sip:100@198.51.100.1"),
        to("<sip:100@198.51.100.1>;x=\"y\""),
        to("\n <sip:100@198.51.100.1>"),
        to("\"a \\\" <b>\" <sip:100@198.51.100.1>"),
        request("INVITE", "SIP/2.0/UDP 192.0.2.7;branch=old", ""),
        request(
            "INVITE",
            "SIP/2.0/UDP 192.0.2.7;x=\",\";branch=z9hG4bKq",
            "",
        ),
    ];
    for text in ordinary.iter().chain(&odd) {
        let mut rig = Rig::new();
        let (_, answer) = turned_away(&mut rig, text, TurnedAway::Overload);
        assert!(
            answer.starts_with("SIP/2.0 503 Service Unavailable\r\n"),
            "{text}\n{answer}"
        );
        assert_eq!(lines(&answer), lines(&read_whole(text)), "{text}");
        assert_eq!(turned_away(&mut rig, text, TurnedAway::Overload).1, answer);
        let (_, other) = turned_away(&mut rig, text, TurnedAway::Scanner);
        assert!(other.starts_with("SIP/2.0 403 Forbidden\r\n"), "{other}");
        assert!(!other.contains("Retry-After"), "{other}");
        assert_eq!(
            (rig.endpoint.in_flight(), rig.endpoint.deadline()),
            (0, None)
        );
    }
}

#[test]
fn the_ordinary_is_not_read_whole() {
    let plain = request("INVITE", VIA, "");
    let bytes = Bytes::from(plain.replace('\n', "\r\n"));
    assert!(Glance::at(&bytes).is_some());
    // What a glance would answer wrongly it does not answer at all.
    for (from, to) in [
        ("CSeq: 1 INVITE", "CSeq: 1 BYE"),
        ("CSeq: 1 INVITE", "CSeq: +1 INVITE"),
        ("Call-ID:", "Call-ID: x\r\nCall-ID:"),
        ("From:", "From\r\n :"),
        ("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"),
        ("Via:", "Vib:"),
        ("\r\n\r\n", "\r\n"),
        ("\r\n\r\n", "\r\r\n\r\n"),
        ("\r\nCSeq", "\nCSeq"),
        ("\r\nCSeq", "\rCSeq"),
        ("Call-ID:", "Call-ID:\0"),
        ("INVITE sip", "ACK sip"),
        ("Call-ID:", ": x\r\nCall-ID:"),
        ("Call-ID:", "no colon\r\nCall-ID:"),
        ("Call-ID:", &vias(8)),
        ("branch=", "x,SIP/2.0/UDP a;x,b,c,d,e,f,g,h;branch="),
    ] {
        let text = String::from_utf8_lossy(&bytes).replacen(from, to, 1);
        assert!(text.as_bytes() != &bytes[..], "{from}");
        assert!(Glance::at(text.as_bytes()).is_none(), "{to}");
    }
}

/// So many more lines of Via, before the Call-ID.
fn vias(count: usize) -> String {
    let lines = "Via: SIP/2.0/UDP a;branch=z9hG4bKa\r\n".repeat(count);
    format!("{lines}Call-ID:")
}

#[test]
fn eight_lines_of_via_are_the_most_that_are_echoed_unread() {
    let text = request("INVITE", VIA, "").replace("Call-ID:", &vias(7).replace('\r', ""));
    let mut rig = Rig::new();
    let (_, answer) = turned_away(&mut rig, &text, TurnedAway::Overload);
    assert_eq!(answer.matches("\r\nVia: ").count(), 8, "{answer}");
    let bytes = text.replace('\n', "\r\n");
    assert!(Glance::at(bytes.as_bytes()).is_some());
}

#[test]
fn a_refusal_is_counted_and_goes_where_its_sender_wants_it() {
    let stream = Peer {
        transport: Transport::Tcp,
        ..udp()
    };
    for (via, from, to) in [
        ("192.0.2.7;branch=z9hG4bKq", udp(), 5060),
        ("192.0.2.7:777;branch=z9hG4bKq", udp(), 777),
        (
            "192.0.2.7:777;branch=z9hG4bKq;rport",
            udp(),
            udp().remote.port(),
        ),
        ("192.0.2.7:777;branch=z9hG4bKq", stream, udp().remote.port()),
    ] {
        let text = request("INVITE", &format!("SIP/2.0/UDP {via}"), "");
        let home = SocketAddr::new(udp().remote.ip(), to);
        for (why, counted) in [
            (TurnedAway::Overload, "Overload 503"),
            (TurnedAway::GivenUp, "Overload 487"),
            (TurnedAway::Scanner, "UnknownSource 403"),
        ] {
            let (told, _) = turned_away_at(&mut Rig::new(), &text, from, why);
            assert_eq!(told, format!("INVITE {counted}>{home}"), "{via}");
        }
    }
}

#[test]
fn what_was_turned_away_is_remembered_for_years() {
    let mut rig = Rig::new();
    turned_away(&mut rig, &request("INVITE", VIA, ""), TurnedAway::Overload);
    // Hundredths of a second in 32 bits are 497 days.
    rig.pass(Duration::from_secs(496 * 86_400));
    for days in 0..3 {
        let via = format!("SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK{days}");
        let invite = request("INVITE", &via, "");
        turned_away(&mut rig, &invite, TurnedAway::Overload);
        assert_eq!(rig.receive(&invite, udp()), "503>5060", "{days}");
        rig.pass(Duration::from_secs(86_400));
    }
}

#[test]
fn a_copy_of_what_was_told_is_not_turned_away() {
    let mut rig = Rig::new();
    let invite = request("INVITE", VIA, "");
    assert_eq!(rig.receive(&invite, udp()), "[INVITE]");
    rig.respond(180);
    let (told, answer) = turned_away(&mut rig, &invite, TurnedAway::Overload);
    assert!(answer.starts_with("SIP/2.0 180 "), "{told}: {answer}");
}

#[test]
fn a_copy_of_what_was_turned_away_is_no_call() {
    let mut rig = Rig::new();
    let invite = request("INVITE", VIA, "");
    turned_away(&mut rig, &invite, TurnedAway::Overload);
    let answer = rig.sent_text();
    assert_eq!(rig.receive(&invite, udp()), "503>5070");
    assert_eq!(lines(&rig.sent_text()), lines(&answer));
    // Half a minute later it is another one that happens to be called the same.
    rig.pass(GIVE_UP);
    assert_eq!(rig.receive(&invite, udp()), "[INVITE]");
}

/// RFC 3261 section 9.2: it comes too late, but not for nothing.
#[test]
fn a_cancel_of_what_was_turned_away_is_taken() {
    for why in [TurnedAway::GivenUp, TurnedAway::Overload] {
        let mut rig = Rig::new();
        turned_away(&mut rig, &request("INVITE", VIA, ""), why);
        let cancel = request("CANCEL", VIA, "");
        assert_eq!(rig.receive(&cancel, udp()), "200>5070");
        let other = VIA.replace("z9hG4bKa1", "z9hG4bKa2");
        let cancel = request("CANCEL", &other, "");
        assert_eq!(rig.receive(&cancel, udp()), "481>5070");
        assert_eq!(rig.endpoint.in_flight(), 0);
    }
}

#[test]
fn what_is_answered_and_forgotten_leaves_nothing() {
    let mut rig = Rig::new();
    let invite = request("INVITE", VIA, "");
    let mut answers = Vec::new();
    for _ in 0..2 {
        assert_eq!(rig.receive(&invite, udp()), "[INVITE]");
        let response = Response::to(rig.request.as_ref().unwrap(), 403);
        let tx = rig.server.unwrap();
        rig.endpoint
            .answer_and_forget(tx, &response, rig.now, &mut rig.out);
        assert_eq!(rig.told(), "403>5070");
        answers.push(rig.sent_text());
        assert!(rig.endpoint.is_clean());
    }
    assert_eq!(answers[0], answers[1]);
}
