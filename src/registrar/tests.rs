//! Phones that come, move, overtake themselves and vanish.

#![expect(clippy::disallowed_methods, reason = "any instant will do")]

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Change, Refusal, Registered, Registrar, Rules};
use crate::model::OperatorName;
use crate::sip::{ConnectionId, Message, Name, Peer, Request, Response};

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
