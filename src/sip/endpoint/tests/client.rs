//! Requests of ours.

use super::*;
use crate::sip::transaction::timers::{GIVE_UP, T1, T4, TIMER_D};
use crate::sip::{Hop, Transport};

fn ack_for(rig: &mut Rig, tx: ClientTx, to_tag: &str) -> String {
    let mut ack = Request::new(Method::Ack, Uri::parse("sip:anna@192.0.2.7").unwrap());
    let headers = &mut ack.headers;
    headers.push(
        Name::From,
        "<sip:centrale@198.51.100.1>;tag=c030000000000000def",
    );
    headers.push(Name::To, format!("<sip:anna@192.0.2.7>;tag={to_tag}"));
    headers.push(Name::CallId, "ours");
    headers.push(Name::CSeq, "7 ACK");
    rig.endpoint
        .acknowledge(tx, ack, udp(), rig.now, &mut rig.out);
    rig.told()
}

/// RFC 3261 section 8.1.1.
#[test]
fn a_request_carries_our_via_max_forwards_and_name() {
    let mut rig = Rig::new();
    rig.request(Method::Options, udp());
    let text = rig.sent_text();
    assert!(
        text.contains("Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKc03"),
        "{text}"
    );
    assert!(text.contains(";rport\r\n"), "{text}");
    assert!(text.contains("Max-Forwards: 70\r\n"), "{text}");
    assert!(text.contains("User-Agent: Centrale\r\n"), "{text}");
}

/// RFC 3261 section 17.1.1.
#[test]
fn a_failure_is_acknowledged_within_the_transaction_each_time_it_comes() {
    let mut rig = Rig::new();
    rig.request(Method::Invite, udp());
    let invite = rig.sent_text();
    let busy = rig.answer(486, "t1");
    assert_eq!(rig.receive(&busy, udp()), "ACK>5070 [486]");
    let ack = rig.sent_text();
    let line = |text: &str, name: &str| {
        text.lines()
            .find(|line| line.starts_with(name))
            .map(String::from)
    };
    for name in ["Via:", "From:", "Call-ID:", "Route:", "Max-Forwards:"] {
        assert_eq!(line(&ack, name), line(&invite, name));
    }
    assert_eq!(
        line(&ack, "To:").unwrap(),
        "To: <sip:anna@192.0.2.7>;tag=t1"
    );
    assert_eq!(line(&ack, "CSeq:").unwrap(), "CSeq: 7 ACK");
    assert_eq!(rig.receive(&busy, udp()), "ACK>5070");
    assert_eq!(rig.pass(TIMER_D), Vec::<String>::new());
    assert_eq!(rig.endpoint.in_flight(), 0);
    assert_eq!(rig.receive(&busy, udp()), "", "a stray answer");
}

/// RFC 6026 section 7.2.
#[test]
fn a_2xx_is_told_once_and_its_copies_get_the_users_ack() {
    let mut rig = Rig::new();
    let (tx, _) = rig.request(Method::Invite, udp());
    let ok = rig.answer(200, "t1");
    assert_eq!(rig.receive(&rig.answer(180, "t1"), udp()), "[180]");
    assert_eq!(rig.receive(&ok, udp()), "[200]");
    assert_eq!(
        rig.receive(&ok, udp()),
        "",
        "the user has not acknowledged yet"
    );
    assert_eq!(ack_for(&mut rig, tx, "t1"), "ACK>5070");
    let ack = rig.sent.clone();
    assert_eq!(rig.receive(&ok, udp()), "ACK>5070");
    assert_eq!(rig.sent, ack);
    assert_eq!(rig.pass(GIVE_UP), Vec::<String>::new());
    assert_eq!(rig.endpoint.in_flight(), 0);
}

/// RFC 3261 section 13.2.2.4.
#[test]
fn each_branch_of_a_fork_is_told_and_keeps_its_own_ack() {
    let mut rig = Rig::new();
    let (tx, _) = rig.request(Method::Invite, udp());
    let [first, second] = ["t1", "t2"].map(|tag| rig.answer(200, tag));
    assert_eq!(rig.receive(&first, udp()), "[200]");
    ack_for(&mut rig, tx, "t1");
    assert_eq!(rig.receive(&second, udp()), "[200]");
    assert_eq!(rig.receive(&second, udp()), "");
    ack_for(&mut rig, tx, "t2");
    assert_eq!(rig.receive(&second, udp()), "ACK>5070");
    assert!(rig.sent_text().contains("tag=t2"));
    assert_eq!(rig.receive(&first, udp()), "ACK>5070");
    assert!(rig.sent_text().contains("tag=t1"));
}

/// RFC 3261 section 13.2.2.4.
#[test]
fn a_fork_without_end_is_cut() {
    let mut rig = Rig::new();
    rig.request(Method::Invite, udp());
    let answers: Vec<String> = (0..100)
        .map(|n| rig.answer(200, &format!("t{n}")))
        .collect();
    let told = answers
        .iter()
        .filter(|answer| !rig.receive(answer, udp()).is_empty());
    assert_eq!(told.count(), 8);
}

/// RFC 3261 section 9.1.
#[test]
fn a_cancel_waits_for_a_provisional_answer() {
    let mut rig = Rig::new();
    let (tx, _) = rig.request(Method::Invite, udp());
    let invite = rig.sent.clone();
    let trying = rig.answer(100, "");
    let gone = rig.answer(487, "t1");
    rig.endpoint
        .cancel(tx, Some("SIP;cause=200"), rig.now, &mut rig.out);
    assert_eq!(rig.told(), "");
    assert_eq!(rig.receive(&trying, udp()), "CANCEL>5070");
    let cancel = rig.sent_text();
    assert!(cancel.contains("Reason: SIP;cause=200\r\n"), "{cancel}");
    assert!(cancel.contains("CSeq: 7 CANCEL\r\n"), "{cancel}");
    assert_eq!(
        branch(&cancel),
        branch(std::str::from_utf8(&invite).unwrap())
    );
    rig.endpoint.cancel(tx, None, rig.now, &mut rig.out);
    assert_eq!(rig.told(), "", "once is enough");
    assert_eq!(
        rig.receive(&rig.answer(200, "t1"), udp()),
        "",
        "the CANCEL's own answer"
    );
    assert_eq!(rig.receive(&gone, udp()), "ACK>5070 [487]");
    assert_eq!(rig.pass(TIMER_D), Vec::<String>::new());
    assert_eq!(rig.endpoint.in_flight(), 0);
}

fn branch(text: &str) -> &str {
    text.split("branch=")
        .nth(1)
        .unwrap()
        .split(';')
        .next()
        .unwrap()
}

/// RFC 3261 section 9.1.
#[test]
fn a_cancel_may_cross_a_2xx_which_is_told() {
    let mut rig = Rig::new();
    let (tx, _) = rig.request(Method::Invite, udp());
    let [ringing, ok] = [180, 200].map(|code| rig.answer(code, "t1"));
    rig.receive(&ringing, udp());
    rig.endpoint.cancel(tx, None, rig.now, &mut rig.out);
    assert_eq!(rig.told(), "CANCEL>5070");
    assert_eq!(rig.receive(&ok, udp()), "[200]");
    assert_eq!(ack_for(&mut rig, tx, "t1"), "ACK>5070");
    assert_eq!(rig.receive(&ok, udp()), "ACK>5070");
}

/// RFC 3261 section 9.1.
#[test]
fn a_cancel_after_a_final_answer_is_nothing() {
    let mut rig = Rig::new();
    let (tx, _) = rig.request(Method::Invite, udp());
    rig.receive(&rig.answer(486, "t1"), udp());
    rig.endpoint.cancel(tx, None, rig.now, &mut rig.out);
    assert_eq!(rig.told(), "");
}

/// RFC 3261 section 9.1.
#[test]
fn a_cancelled_phone_that_rings_on_is_given_up_after_64_t1() {
    let mut rig = Rig::new();
    let (tx, _) = rig.request(Method::Invite, tcp());
    rig.receive(&rig.answer(180, "t1"), tcp());
    assert_eq!(
        rig.pass(GIVE_UP),
        Vec::<String>::new(),
        "ringing has no end"
    );
    rig.endpoint.cancel(tx, None, rig.now, &mut rig.out);
    assert_eq!(rig.told(), "CANCEL>5070");
    assert_eq!(rig.pass(GIVE_UP), ["32000 [TimedOut]"]);
    assert_eq!(rig.endpoint.in_flight(), 0);
}

/// RFC 3261 section 8.1.3.1.
#[test]
fn nobody_answers() {
    let mut rig = Rig::new();
    rig.request(Method::Invite, udp());
    let story = rig.pass(GIVE_UP);
    assert_eq!(
        (story.len(), story.last().unwrap().as_str()),
        (7, "32000 [TimedOut]")
    );
    rig.request(Method::Bye, udp());
    let story = rig.pass(GIVE_UP);
    assert_eq!(
        (story.len(), story.last().unwrap().as_str()),
        (11, "32000 [TimedOut]")
    );
    rig.request(Method::Bye, tcp());
    assert_eq!(rig.pass(GIVE_UP), ["32000 [TimedOut]"]);
    assert_eq!(rig.endpoint.in_flight(), 0);
}

/// RFC 3261 section 17.1.4.
#[test]
fn a_lost_stream_fails_what_waited_on_it() {
    let mut rig = Rig::new();
    rig.request(Method::Invite, tcp());
    rig.receive(&rig.answer(180, "t1"), tcp());
    rig.request(Method::Options, tcp());
    rig.request(Method::Options, udp());
    let connection = ConnectionId(9);
    rig.endpoint
        .handle(Input::ConnectionLost { connection }, rig.now, &mut rig.out);
    assert_eq!(rig.told(), "[Unreachable] [Unreachable]");
    assert_eq!(rig.endpoint.in_flight(), 1);
}

#[test]
fn a_request_whose_stream_is_lost_goes_to_where_its_peer_listens() {
    let connection = ConnectionId(9);
    let mut rig = Rig::new();
    let by_stream = |rig: &mut Rig| {
        let listens = SocketAddr::new(tcp().remote.ip(), 5090);
        let hop = Hop::Stream {
            open: tcp(),
            listens,
        };
        let (request, now) = (Rig::unsent(Method::Bye), rig.now);
        rig.endpoint.request(request, hop, now, &mut rig.out);
        assert_eq!(rig.told(), "BYE>5070");
        (rig.sent_text(), listens)
    };
    let lose = |rig: &mut Rig| {
        let input = Input::ConnectionLost { connection };
        rig.endpoint.handle(input, rig.now, &mut rig.out);
        rig.told()
    };
    let (sent, remote) = by_stream(&mut rig);
    let answer = rig.answer(200, "t1");
    assert_eq!(lose(&mut rig), "BYE>5090");
    assert_eq!(rig.sent_text(), sent, "a repetition");
    assert_eq!(lose(&mut rig), "", "it waits for the other one");
    assert_eq!(
        rig.receive(&answer, Peer::tcp(remote, ConnectionId(10))),
        "[200]"
    );
    rig.pass(T4);
    assert_eq!(rig.endpoint.in_flight(), 0);
    // Nobody listens.
    by_stream(&mut rig);
    assert_eq!(lose(&mut rig), "BYE>5090");
    let transport = Transport::Tcp;
    let input = Input::Unreachable { transport, remote };
    rig.endpoint.handle(input, rig.now, &mut rig.out);
    assert_eq!(rig.told(), "[Unreachable]");
    assert_eq!(rig.endpoint.in_flight(), 0);
}

#[test]
fn a_stream_opened_for_a_request_is_noted_by_its_answer() {
    let mut rig = Rig::new();
    rig.request(Method::Invite, unopened());
    rig.receive(&rig.answer(180, "t1"), tcp());
    let connection = ConnectionId(9);
    rig.endpoint
        .handle(Input::ConnectionLost { connection }, rig.now, &mut rig.out);
    assert_eq!(rig.told(), "[Unreachable]");
}

/// A peer that is to be dialled.
fn unopened() -> Peer {
    Peer {
        connection: None,
        ..tcp()
    }
}

fn unreachable(rig: &mut Rig) -> String {
    let Peer {
        transport, remote, ..
    } = unopened();
    let input = Input::Unreachable { transport, remote };
    rig.endpoint.handle(input, rig.now, &mut rig.out);
    rig.told()
}

/// RFC 3261 section 17.1.4.
#[test]
fn a_stream_that_cannot_be_opened_fails_what_waits_for_it_at_once() {
    let mut rig = Rig::new();
    rig.request(Method::Invite, unopened());
    rig.request(Method::Options, unopened());
    rig.request(Method::Options, tcp());
    rig.request(Method::Options, udp());
    assert_eq!(unreachable(&mut rig), "[Unreachable] [Unreachable]");
    assert_eq!(rig.endpoint.in_flight(), 2);
    assert_eq!(unreachable(&mut rig), "");
}

/// A request with a body of so many bytes, to a peer that takes TCP too; what was sent.
fn by_size(rig: &mut Rig, method: Method, length: usize) -> String {
    let mut request = Rig::unsent(method);
    request.body = vec![b'x'; length].into();
    let (now, hop) = (rig.now, Hop::Listener(udp()));
    rig.endpoint.request(request, hop, now, &mut rig.out);
    rig.told()
}

/// RFC 3261 section 18.1.1.
#[test]
fn a_large_request_goes_by_tcp_or_else_by_a_datagram() {
    for method in [
        Method::Invite,
        Method::Bye,
        Method::Register,
        Method::Notify,
    ] {
        let sent = format!("{method}>5070");
        let mut small = Rig::new();
        assert_eq!(by_size(&mut small, method.clone(), 100), sent);
        assert!(small.sent_text().contains("SIP/2.0/UDP "));
        let mut rig = Rig::new();
        assert_eq!(by_size(&mut rig, method.clone(), 1300), sent);
        let by_tcp = rig.sent_text();
        assert!(by_tcp.contains("SIP/2.0/TCP "), "{by_tcp}");
        assert_eq!(unreachable(&mut rig), sent);
        assert_eq!(
            rig.sent_text(),
            by_tcp.replace("SIP/2.0/TCP", "SIP/2.0/UDP")
        );
        assert_eq!(unreachable(&mut rig), "", "once");
        // By datagrams it comes again until there is an answer.
        assert_eq!(rig.pass(T1), [format!("500 {sent}")]);
        let told = rig.receive(&rig.answer(486, "t1"), udp());
        assert!(told.ends_with("[486]"), "{told}");
    }
}

#[test]
fn a_stream_that_does_not_open_is_not_waited_for() {
    for method in [Method::Invite, Method::Bye] {
        let mut rig = Rig::new();
        by_size(&mut rig, method.clone(), 1300);
        let by_tcp = rig.sent_text();
        assert_eq!(rig.pass(Duration::from_millis(1_999)), Vec::<String>::new());
        let later = rig.pass(Duration::from_millis(1));
        assert_eq!(later, [format!("1 {method}>5070")]);
        assert_eq!(
            rig.sent_text(),
            by_tcp.replace("SIP/2.0/TCP", "SIP/2.0/UDP")
        );
        assert_eq!(unreachable(&mut rig), "", "it waits for no stream");
        let told = rig.receive(&rig.answer(486, "t1"), udp());
        assert!(told.ends_with("[486]"), "{told}");
    }
}

#[test]
fn an_invite_that_was_given_up_before_a_stream_opened_rings_nobody() {
    let mut rig = Rig::new();
    let mut request = Rig::unsent(Method::Invite);
    request.body = vec![b'x'; 1300].into();
    let (now, hop) = (rig.now, Hop::Listener(udp()));
    let tx = rig.endpoint.request(request, hop, now, &mut rig.out);
    rig.endpoint.cancel(tx, None, now, &mut rig.out);
    assert_eq!(rig.told(), "INVITE>5070");
    assert_eq!(rig.pass(T4), Vec::<String>::new());
    assert_eq!(unreachable(&mut rig), "[Unreachable]");
}

#[test]
fn a_large_request_to_who_is_reached_by_a_flow_alone_is_a_datagram() {
    let mut rig = Rig::new();
    let mut request = Rig::unsent(Method::Invite);
    request.body = vec![b'x'; 1300].into();
    let now = rig.now;
    rig.endpoint.request(request, udp(), now, &mut rig.out);
    rig.told();
    assert!(rig.sent_text().contains("SIP/2.0/UDP "));
}

#[test]
fn a_large_ack_goes_by_tcp_and_by_a_datagram_when_the_2xx_comes_again() {
    let mut rig = Rig::new();
    let (tx, _) = rig.request(Method::Invite, udp());
    let success = rig.answer(200, "t1");
    rig.receive(&success, udp());
    let mut ack = Rig::unsent(Method::Ack);
    ack.headers.set(Name::To, "<sip:anna@192.0.2.7>;tag=t1");
    ack.body = vec![b'x'; 1300].into();
    let (now, hop) = (rig.now, Hop::Listener(udp()));
    rig.endpoint.acknowledge(tx, ack, hop, now, &mut rig.out);
    assert_eq!(rig.told(), "ACK>5070");
    let by_tcp = rig.sent_text();
    assert!(by_tcp.contains("SIP/2.0/TCP "), "{by_tcp}");
    assert_eq!(rig.receive(&success, udp()), "ACK>5070");
    assert_eq!(
        rig.sent_text(),
        by_tcp.replace("SIP/2.0/TCP", "SIP/2.0/UDP")
    );
}

/// RFC 3261 section 18.1.1.
#[test]
fn a_large_request_that_was_answered_by_tcp_stays_there() {
    let mut rig = Rig::new();
    by_size(&mut rig, Method::Invite, 1300);
    rig.receive(&rig.answer(180, "t1"), tcp());
    assert_eq!(unreachable(&mut rig), "");
    let connection = ConnectionId(9);
    rig.endpoint
        .handle(Input::ConnectionLost { connection }, rig.now, &mut rig.out);
    assert_eq!(rig.told(), "[Unreachable]");
}

/// RFC 3261 section 8.1.3.3.
#[test]
fn an_answer_that_is_not_to_a_request_of_ours_is_ignored() {
    let mut rig = Rig::new();
    rig.request(Method::Options, udp());
    let ok = rig.answer(200, "t1");
    for stray in [
        ok.replace("bKc03", "bKc04"),
        ok.replace("bKc03", "bKc03f"),
        ok.replace("z9hG4bKc", "c"),
        ok.replace("7 OPTIONS", "7 INVITE"),
        ok.replace("7 OPTIONS", "7 CANCEL"),
        // RFC 3261 section 8.1.3.3: it was for somebody behind us.
        ok.replace(
            "\nFrom:",
            "\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\nFrom:",
        ),
        ok.replace("\nFrom:", ", SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\nFrom:"),
    ] {
        assert_ne!(stray, ok);
        assert_eq!(rig.receive(&stray, udp()), "", "{stray}");
    }
    assert_eq!(rig.receive(&ok, udp()), "[200]");
    assert_eq!(rig.receive(&ok, udp()), "");
    assert_eq!(rig.pass(T4), Vec::<String>::new());
    assert_eq!(rig.endpoint.in_flight(), 0);
}

#[test]
fn the_same_seed_sends_the_same_bytes() {
    let sent = || {
        let mut rig = Rig::new();
        rig.request(Method::Options, udp());
        (
            rig.sent.clone(),
            rig.endpoint.fresh_tag(),
            rig.endpoint.fresh_call_id(),
        )
    };
    assert_eq!(sent(), sent());
    assert!(sent().1.starts_with("c03"));
}

/// RFC 3261 section 17.1.1.
#[test]
fn a_provisional_100_is_not_told() {
    let mut rig = Rig::new();
    rig.request(Method::Invite, udp());
    assert_eq!(rig.receive(&rig.answer(100, ""), udp()), "");
    assert_eq!(rig.pass(Duration::from_secs(60)), Vec::<String>::new());
}
