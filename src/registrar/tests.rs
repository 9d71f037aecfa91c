//! Phones that come, move, overtake themselves and vanish.

#![expect(clippy::disallowed_methods, reason = "any instant will do")]

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Change, Refusal, Registered, Registrar, Rules};
use crate::model::OperatorName;
use crate::sip::{ConnectionId, Message, Name, Peer, Request, Response, Transport};

const RULES: Rules = Rules {
    min_expires: Duration::from_secs(60),
    max_expires: Duration::from_secs(3600),
    default_expires: Duration::from_secs(600),
};

fn anna() -> OperatorName {
    "anna".into()
}

fn peer() -> Peer {
    Peer::udp("192.0.2.7:5070".parse().unwrap())
}

fn request(call: &str, cseq: u32, headers: &str) -> Request {
    let text = format!(
        "REGISTER sip:example.com SIP/2.0\n\
         Via: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bKa\n\
         From: <sip:anna@example.com>;tag=f\n\
         To: <sip:anna@example.com>\n\
         Call-ID: {call}\nCSeq: {cseq} REGISTER\n{headers}Content-Length: 0\n\n"
    );
    match Message::parse(&Bytes::from(text.replace('\n', "\r\n"))).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!(),
    }
}

struct Rig {
    registrar: Registrar,
    now: Instant,
    cseq: u32,
}

impl Rig {
    fn new() -> Self {
        Self {
            registrar: Registrar::new(),
            now: Instant::now(),
            cseq: 0,
        }
    }

    fn try_register(&mut self, headers: &str) -> Result<Registered, Refusal> {
        self.cseq += 1;
        let request = request("c", self.cseq, headers);
        self.registrar
            .register(&anna(), &request, peer(), RULES, self.now)
    }

    /// What changed, and what is left with its seconds.
    fn register(&mut self, headers: &str) -> (String, String) {
        let done = self.try_register(headers).unwrap();
        let left = done
            .contacts
            .iter()
            .map(|contact| format!("{}={}", contact.uri, contact.seconds));
        (told(&done.changes), left.collect::<Vec<_>>().join(" "))
    }

    fn pass(&mut self, seconds: u64) -> String {
        self.now += Duration::from_secs(seconds);
        let mut changes = Vec::new();
        self.registrar.expire(self.now, &mut changes);
        told(&changes)
    }
}

/// One that comes through so many proxies, from the phone of RFC 5626.
fn through(proxies: usize, headers: &str) -> Request {
    let via = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKp\n".repeat(proxies);
    request("o", 1, &format!("{via}{headers}"))
}

fn told(changes: &[Change]) -> String {
    let words = changes.iter().map(|change| match change {
        Change::Added { contact, first, .. } => {
            format!("+{contact}{}", if *first { " first" } else { "" })
        }
        Change::Refreshed { contact, .. } => format!("={contact}"),
        Change::Removed {
            contact,
            last,
            vanished,
            ..
        } => {
            let last = if *last { " last" } else { "" };
            let vanished = if *vanished { " vanished" } else { "" };
            format!("-{contact}{last}{vanished}")
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

/// RFC 3261 section 10.3 step 7, section 26.2.2.
#[test]
fn a_contact_that_no_call_can_go_to_is_refused() {
    let tls = Peer::stream(Transport::Tls, peer().remote, ConnectionId(1));
    for (contact, udp, secure) in [
        ("sip:anna@192.0.2.7", true, true),
        ("sip:anna@[2001:db8::7]:5070", true, true),
        ("sip:anna@phone.invalid;transport=ws", true, true),
        ("sips:anna@192.0.2.7", false, true),
        ("mailto:anna@example.com", false, false),
        ("tel:+31201234567", false, false),
        ("sip:anna@192.0.2.7:0", false, false),
        ("sip:anna@0.0.0.0", false, false),
        ("sip:anna@[::]", false, false),
        ("sip:anna@[::ffff:0.0.0.0]", false, false),
        ("sip:anna@224.0.1.75", false, false),
        ("sip:anna@[ff02::1]", false, false),
        ("sip:anna@255.255.255.255", false, false),
    ] {
        for (from, good) in [(peer(), udp), (tls, secure)] {
            let registrar = Registrar::new();
            let ask = |cseq, contacts: &str| {
                let request = request("c", cseq, &format!("Contact: {contacts}\n"));
                registrar.register(&anna(), &request, from, RULES, Instant::now())
            };
            // One that is wrong takes the others with it: all or nothing.
            let done = ask(1, &format!("<sip:anna@192.0.2.8>, <{contact}>"));
            let refused = done.err();
            assert_eq!(
                refused,
                (!good).then_some(Refusal::Unreachable),
                "{contact}"
            );
            assert_eq!(registrar.len(), if good { 2 } else { 0 }, "{contact}");
            // What was taken before there was a rule can be given back.
            assert!(
                ask(2, &format!("<{contact}>;expires=0")).is_ok(),
                "{contact}"
            );
        }
    }
}

/// RFC 3261 section 10.3.
#[test]
fn phones_come_stay_and_go() {
    let mut rig = Rig::new();
    let both = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(rig.register(""), both("", ""));
    assert_eq!(
        rig.register("Contact: <sip:a@h1>;expires=120\n"),
        both("+sip:a@h1 first", "sip:a@h1=120")
    );
    assert_eq!(
        rig.register("Contact: <sip:a@h2>\nExpires: 300\n"),
        both("+sip:a@h2", "sip:a@h1=120 sip:a@h2=300")
    );
    assert_eq!(rig.pass(20), "");
    assert_eq!(
        rig.register("Contact: <sip:a@h1>;expires=99999\n"),
        both("=sip:a@h1", "sip:a@h2=280 sip:a@h1=3600")
    );
    assert_eq!(rig.registrar.len(), 2);
    assert_eq!(
        rig.register("Contact: <sip:a@h1>;expires=0\n"),
        both("-sip:a@h1", "sip:a@h2=280")
    );
    assert_eq!(
        rig.register("Contact: *\nExpires: 0\n"),
        both("-sip:a@h2 last", "")
    );
    assert!(rig.registrar.is_empty());
}

/// RFC 3261 section 10.3.
#[test]
fn what_is_not_refreshed_vanishes_on_time() {
    let mut rig = Rig::new();
    rig.register("Contact: <sip:a@h1>;expires=100\n");
    rig.register("Contact: <sip:a@h2>;expires=200\n");
    rig.pass(50);
    rig.register("Contact: <sip:a@h1>;expires=100\n");
    assert_eq!(rig.pass(99), "");
    assert_eq!(rig.pass(1), "-sip:a@h1 vanished");
    assert_eq!(rig.registrar.contacts(&anna(), rig.now).len(), 1);
    assert_eq!(rig.pass(50), "-sip:a@h2 last vanished");
    assert_eq!(rig.registrar.deadline(), None);
    assert_eq!(rig.registrar.len(), 0);
}

#[test]
fn an_expired_contact_is_not_called_even_before_it_is_swept() {
    let mut rig = Rig::new();
    rig.register("Contact: <sip:a@h1>;expires=100\n");
    let later = rig.now + Duration::from_secs(100);
    assert!(rig.registrar.contacts(&anna(), later).is_empty());
}

#[test]
fn refreshing_for_ever_does_not_grow_the_heap() {
    let mut rig = Rig::new();
    for _ in 0..1000 {
        rig.register("Contact: <sip:a@h1>;expires=100\n");
        rig.pass(40);
    }
    assert!(rig.registrar.deadline().is_some());
    assert_eq!(rig.registrar.backlog(), 1);
}

/// RFC 3261 section 10.3.
#[test]
fn a_brief_registration_is_refused_with_the_least() {
    let mut rig = Rig::new();
    let refused = rig
        .try_register("Contact: <sip:a@h1>;expires=59\n")
        .unwrap_err();
    assert_eq!(
        (refused.code(), refused),
        (423, Refusal::TooBrief { min_expires: 60 })
    );
    let mut response = Response::to(&request("c", 1, ""), refused.code());
    refused.write(&mut response);
    assert_eq!(
        response.headers.first(&Name::MinExpires).as_deref(),
        Some("60")
    );
    assert!(rig.registrar.is_empty());
}

/// RFC 3261 section 10.3.
#[test]
fn a_star_goes_alone_and_means_the_end() {
    let mut rig = Rig::new();
    rig.register("Contact: <sip:a@h1>\n");
    // One with another contact beside it is refused before it gets here.
    for wrong in ["Contact: *\n", "Contact: *\nExpires: 60\n"] {
        assert_eq!(
            rig.try_register(wrong).unwrap_err(),
            Refusal::Malformed,
            "{wrong}"
        );
    }
    assert_eq!(rig.registrar.len(), 1);
}

/// RFC 3261 section 10.3.
#[test]
fn what_was_overtaken_changes_nothing() {
    let rig = Rig::new();
    let register = |call: &str, cseq, headers: &str| {
        let request = request(call, cseq, headers);
        let done = rig
            .registrar
            .register(&anna(), &request, peer(), RULES, rig.now);
        done.map(|done| told(&done.changes))
    };
    assert!(register("c", 5, "Contact: <sip:a@h1>, <sip:a@h2>\n").is_ok());
    for late in [
        "Contact: <sip:a@h1>;expires=0\n",
        "Contact: <sip:a@h3>, <sip:a@h2>\n",
        "Contact: *\nExpires: 0\n",
    ] {
        assert_eq!(register("c", 5, late), Err(Refusal::OutOfOrder), "{late}");
        assert_eq!(register("c", 4, late), Err(Refusal::OutOfOrder), "{late}");
    }
    assert_eq!(rig.registrar.len(), 2);
    // Another Call-ID is another phone's story, or one that started anew.
    assert_eq!(
        register("d", 1, "Contact: <sip:a@h1>;expires=0\n").unwrap(),
        "-sip:a@h1"
    );
}

#[test]
fn the_same_device_at_a_new_address_replaces_itself() {
    let mut rig = Rig::new();
    let device = "+sip.instance=\"<urn:uuid:1>\"";
    rig.register(&format!("Contact: <sip:a@h1:1024>;{device}\n"));
    let (changes, left) = rig.register(&format!("Contact: <sip:a@h1:1025>;{device}\n"));
    assert_eq!(changes, "+sip:a@h1:1025, -sip:a@h1:1024");
    assert_eq!(left, "sip:a@h1:1025=600");
}

#[test]
fn the_oldest_phone_makes_room_and_too_many_at_once_are_refused() {
    let mut rig = Rig::new();
    for n in 0..5 {
        rig.register(&format!("Contact: <sip:a@h{n}>\n"));
    }
    rig.register("Contact: <sip:a@h0>\n");
    let (changes, _) = rig.register("Contact: <sip:a@h9>\n");
    assert_eq!(changes, "+sip:a@h9, -sip:a@h1 vanished");
    assert_eq!(rig.registrar.len(), 5);
    let many = "Contact: <sip:a@a>,<sip:a@b>,<sip:a@c>,<sip:a@d>,<sip:a@e>,<sip:a@f>\n";
    assert_eq!(rig.try_register(many).unwrap_err(), Refusal::TooMany);
}

/// RFC 5626 section 6.
#[test]
fn a_silent_phone_and_a_broken_stream_are_forgotten() {
    let mut rig = Rig::new();
    rig.register("Contact: <sip:a@h1>\n");
    let stream = Peer::tcp("192.0.2.7:5070".parse().unwrap(), ConnectionId(4));
    let over_tcp = request("t", 1, "Contact: <sip:a@h2;transport=tcp>\n");
    rig.registrar
        .register(&anna(), &over_tcp, stream, RULES, rig.now)
        .unwrap();
    assert_eq!(
        told(&rig.registrar.forget_connection(ConnectionId(4))),
        "-sip:a@h2;transport=tcp vanished"
    );
    assert_eq!(told(&rig.registrar.forget_connection(ConnectionId(4))), "");
    assert_eq!(
        told(&rig.registrar.forget(&anna(), "sip:a@h1")),
        "-sip:a@h1 last vanished"
    );
    assert_eq!(told(&rig.registrar.forget(&anna(), "sip:a@h1")), "");
    assert!(rig.registrar.is_empty());
}

/// RFC 3327 section 5.3.
#[test]
fn a_path_is_kept_and_shown_and_walked() {
    let named = "<sip:p1.example;lr>";
    let literal = "<sip:192.0.2.9:5080;lr;ob>;x=\"a,b\"";
    for (path, goes_to) in [
        (named, "UDP 192.0.2.7:5070"),
        (literal, "UDP 192.0.2.9:5080"),
        (
            "<sip:[2001:db8::9];transport=TCP;lr>",
            "TCP [2001:db8::9]:5060",
        ),
        ("<sip:192.0.2.9;transport=ws;lr>", "UDP 192.0.2.7:5070"),
        ("<sips:192.0.2.9;lr>", "UDP 192.0.2.7:5070"),
        ("<sip:224.0.0.1;lr>", "UDP 192.0.2.7:5070"),
        ("<sip:0.0.0.0;lr>", "UDP 192.0.2.7:5070"),
    ] {
        let mut rig = Rig::new();
        let headers = format!(
            "Path: {path}, {named}\nPath: {literal}\nSupported: path\nContact: <sip:a@h1>\n"
        );
        let done = rig.try_register(&headers).unwrap();
        assert_eq!(done.path, [path, named, literal]);
        let mut response = Response::to(&request("c", 1, ""), 200);
        done.write(&mut response);
        let shown: Vec<String> = response.headers.all(&Name::Path).map(Into::into).collect();
        assert_eq!(shown, done.path);
        let phones = rig.registrar.contacts(&anna(), rig.now);
        assert_eq!(phones[0].path, done.path);
        let peer = phones[0].peer;
        assert_eq!(
            format!("{} {}", peer.transport, peer.remote),
            goes_to,
            "{path}"
        );
        // The next REGISTER comes by another way.
        rig.register("Contact: <sip:a@h1>\n");
        assert!(rig.registrar.contacts(&anna(), rig.now)[0].path.is_empty());
    }
}

/// RFC 3327 section 5.3; what is kept has a limit.
#[test]
fn a_path_that_cannot_be_walked_is_refused() {
    let mut rig = Rig::new();
    let long = format!("Path: <sip:{}.example;lr>\n", "p".repeat(240));
    for (path, refusal) in [
        ("Path: <sip:p1.example>\n".to_owned(), Refusal::Malformed),
        ("Path: <tel:+31;lr>\n".to_owned(), Refusal::Malformed),
        ("Path: nonsense\n".to_owned(), Refusal::Malformed),
        ("Path: <sip:p;lr>\n".repeat(9), Refusal::Malformed),
        (long.repeat(8), Refusal::Malformed),
    ] {
        let headers = format!("{path}Supported: path\nContact: <sip:a@h1>\n");
        assert_eq!(rig.try_register(&headers).unwrap_err(), refusal, "{path}");
    }
    let refused = rig.try_register("Path: <sip:p;lr>\nContact: <sip:a@h1>\n");
    let refused = refused.unwrap_err();
    assert_eq!((refused.code(), refused), (420, Refusal::PathUnknown));
    let mut response = Response::to(&request("c", 1, ""), 420);
    refused.write(&mut response);
    assert_eq!(
        response.headers.first(&Name::Unsupported).as_deref(),
        Some("path")
    );
    assert!(rig.registrar.is_empty());
    let eight = "Path: <sip:p;lr>\n".repeat(8);
    let headers = format!("{eight}Supported: path\nContact: <sip:a@h1>\n");
    assert_eq!(rig.try_register(&headers).unwrap().path.len(), 8);
}

fn flow(address: &str, device: u32, reg_id: u32) -> String {
    format!("Contact: <{address};ob>;+sip.instance=\"<urn:uuid:{device}>\";reg-id={reg_id}\n")
}

/// RFC 5626 section 6: the binding is of the device and the flow, not of the address.
#[test]
fn a_flow_replaces_itself_and_no_other() {
    let mut rig = Rig::new();
    rig.register(&flow("sip:a@h1", 1, 1));
    let (changes, _) = rig.register(&flow("sip:a@h1", 1, 2));
    assert_eq!(changes, "+<sip:a@h1;ob>;reg-id=2");
    let (changes, left) = rig.register(&flow("sip:a@h2", 1, 1));
    assert_eq!(changes, "+<sip:a@h2;ob>;reg-id=1, -<sip:a@h1;ob>;reg-id=1");
    assert_eq!(left, "sip:a@h1;ob=600 sip:a@h2;ob=600");
    let (changes, _) = rig.register(&flow("sip:a@h2", 1, 1));
    assert_eq!(changes, "=<sip:a@h2;ob>;reg-id=1");
    // The same private address behind another router.
    let (changes, _) = rig.register(&flow("sip:a@h2", 2, 1));
    assert_eq!(changes, "+<sip:a@h2;ob>;reg-id=1");
    let phones = rig.registrar.phones(&anna(), rig.now);
    let keys: Vec<Vec<&str>> = phones
        .iter()
        .map(|flows| flows.iter().map(|flow| flow.key.as_str()).collect())
        .collect();
    let (one, two) = ("<urn:uuid:1>;reg-id=1", "<urn:uuid:1>;reg-id=2");
    assert_eq!(keys, [vec![one, two], vec!["<urn:uuid:2>;reg-id=1"]]);
    // Section 5.3: it is reached by the flow that it has now.
    for (device, reg_id, found) in [(1, 2, true), (1, 3, false), (3, 1, false)] {
        let device = format!("<urn:uuid:{device}>");
        let flow = rig.registrar.flow(&anna(), (&device, reg_id), rig.now);
        assert_eq!(flow, found.then(peer), "{device} {reg_id}");
    }
    assert_eq!(
        told(&rig.registrar.forget(&anna(), one)),
        "-<sip:a@h2;ob>;reg-id=1 vanished"
    );
    // Without a device there are no flows.
    let (changes, _) = rig.register("Contact: <sip:a@h4>;reg-id=1\n");
    assert_eq!(changes, "+sip:a@h4");
    // A device that stops numbering its flows has one.
    let (changes, _) = rig.register("Contact: <sip:a@h5>;+sip.instance=\"<urn:uuid:1>\"\n");
    assert_eq!(changes, "+sip:a@h5, -<sip:a@h1;ob>;reg-id=2");
    let (changes, _) = rig.register(&flow("sip:a@h2", 2, 1).replace("\n", ";expires=0\n"));
    assert_eq!(changes, "-<sip:a@h2;ob>;reg-id=1");
}

/// RFC 5626 section 6: `Require: outbound`, 439, and when reg-id counts for nothing.
#[test]
fn flows_are_kept_where_the_first_hop_keeps_them() {
    let asks = "Supported: path, outbound\n";
    let silent = "Supported: path\n";
    let (ob, plain) = ("Path: <sip:p;lr;ob>\n", "Path: <sip:p;lr>\n");
    let both = format!("{plain}{ob}");
    for (proxies, supported, path, becomes) in [
        (0, asks, "", Ok((true, Some(1)))),
        (0, silent, "", Ok((false, Some(1)))),
        (1, asks, ob, Ok((true, Some(1)))),
        // The proxy next to the phone is the last.
        (2, asks, both.as_str(), Ok((true, Some(1)))),
        (1, asks, plain, Err(439)),
        (1, asks, "", Err(439)),
        (1, silent, plain, Ok((false, None))),
        (1, "", "", Ok((false, None))),
    ] {
        let rig = Rig::new();
        let headers = format!("{supported}{path}{}", flow("sip:a@h1", 1, 1));
        let request = through(proxies, &headers);
        let done = rig
            .registrar
            .register(&anna(), &request, peer(), RULES, rig.now);
        let done = done.map_err(Refusal::code).map(|done| {
            let mut response = Response::to(&request, 200);
            done.write(&mut response);
            let requires = response.headers.first(&Name::Require).as_deref() == Some("outbound");
            assert_eq!(done.outbound, requires);
            (requires, done.contacts[0].reg_id)
        });
        assert_eq!(done, becomes, "{headers}");
    }
}

/// RFC 5626 section 6: one REGISTER is one flow, and may take others away.
#[test]
fn two_flows_in_one_register_are_refused() {
    let mut rig = Rig::new();
    let two = flow("sip:a@h1", 1, 1) + "Contact: <sip:a@h2>\n";
    assert_eq!(rig.try_register(&two).unwrap_err(), Refusal::Malformed);
    let (changes, _) = rig.register(&(flow("sip:a@h1", 1, 1) + "Contact: <sip:a@h2>;expires=0\n"));
    assert_eq!(changes, "+<sip:a@h1;ob>;reg-id=1 first");
}

/// RFC 3261 section 10.3 step 8: every contact, with what it has left and what it is.
#[test]
fn the_answer_lists_every_contact() {
    let mut rig = Rig::new();
    rig.register("Contact: <sip:a@h1>;expires=100\n");
    rig.register(&flow("sip:a@h2", 7, 3));
    rig.now += Duration::from_secs(10);
    let done = rig.try_register("").unwrap();
    let mut response = Response::to(&request("c", 1, ""), 200);
    done.write(&mut response);
    let listed: Vec<String> = response
        .headers
        .all(&Name::Contact)
        .map(Into::into)
        .collect();
    let device = ";+sip.instance=\"<urn:uuid:7>\";reg-id=3";
    assert_eq!(
        listed,
        [
            "<sip:a@h1>;expires=90".to_owned(),
            format!("<sip:a@h2;ob>;expires=590{device}")
        ]
    );
    assert!(response.headers.contacts().is_ok());
}

/// RFC 3261 section 10.3 step 7 (a contact's own time comes first) and sections 10.2.1.1
/// and 20.19 (what cannot be read is an hour).
#[test]
fn each_contact_lasts_as_it_asks() {
    for (headers, seconds) in [
        ("Contact: <sip:a@h1>;expires=70\nExpires: 80\n", 70),
        ("Contact: <sip:a@h1>\nExpires: 80\n", 80),
        ("Contact: <sip:a@h1>\n", 600),
        ("Contact: <sip:a@h1>;expires=soon\nExpires: 80\n", 3600),
        ("Contact: <sip:a@h1>;expires=-1\n", 3600),
        ("Contact: <sip:a@h1>\nExpires: soon\n", 3600),
        ("Contact: <sip:a@h1>;expires=99999999999\n", 3600),
    ] {
        let mut rig = Rig::new();
        let done = rig.try_register(headers).unwrap();
        assert_eq!(done.contacts[0].seconds, seconds, "{headers}");
    }
    // Sections 10.2.2 and 10.3: nothing is refused that asks for an hour, or for none.
    let mut rig = Rig::new();
    let strict = Rules {
        min_expires: Duration::from_secs(7200),
        ..RULES
    };
    let mut ask = |expires: u32| {
        rig.cseq += 1;
        let request = request(
            "c",
            rig.cseq,
            &format!("Contact: <sip:a@h1>;expires={expires}\n"),
        );
        let done = rig
            .registrar
            .register(&anna(), &request, peer(), strict, rig.now);
        done.map(|_| ()).map_err(Refusal::code)
    };
    assert_eq!([ask(3600), ask(3599), ask(0)], [Ok(()), Err(423), Ok(())]);
}
