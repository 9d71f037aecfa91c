//! A registration with a carrier, under made-up time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::registrar::{Carrier, CarrierInput, CarrierOutput, Enrolment};
use crate::sip::digest::{Algorithm, Credentials, ha1};
use crate::sip::{Account, Advertise, Name, Peer, Request, Response, Uri};

/// A carrier's registration and the clock beside it.
struct Rig {
    carrier: Carrier,
    start: Instant,
    now: Instant,
    word: u64,
    last: Option<(Request, Peer)>,
}

const NONCE: &str = r#"Digest realm="carrier.example", nonce="n1", qop="auth", algorithm=SHA-256"#;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn peer(last: u8) -> Peer {
    Peer::udp(([192, 0, 2, last], 5060).into())
}

impl Rig {
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn new() -> Self {
        let hash = |algorithm| ha1(algorithm, "4711", "carrier.example", "pass");
        let account = Account {
            username: "4711".into(),
            realm: "carrier.example".into(),
            md5: hash(Algorithm::Md5),
            sha256: hash(Algorithm::Sha256),
        };
        let enrolment = Enrolment {
            to: Uri::parse("sip:carrier.example").unwrap(),
            expires: s(3600),
            account: Arc::new(account),
        };
        let advertise = Advertise::at("198.51.100.1:5060".parse().unwrap());
        let start = Instant::now();
        Self {
            carrier: Carrier::new(enrolment, advertise, ("id".into(), "tag".into()), start),
            start,
            now: start,
            word: 0,
            last: None,
        }
    }

    /// What is said to an input, in short.
    fn hear(&mut self, input: CarrierInput<'_>) -> String {
        let mut out = Vec::new();
        self.carrier.handle(input, self.now, self.word, &mut out);
        let mut said = Vec::new();
        for output in out {
            said.push(match output {
                CarrierOutput::Resolve(uri) => format!("resolve {uri}"),
                CarrierOutput::Changed(so, code) => format!("registered {so} {code:?}"),
                CarrierOutput::Send(request, to) => {
                    let header = |name| request.headers.first(name).unwrap().into_owned();
                    let proven = request.headers.first(&Name::Authorization).is_some();
                    let text = format!(
                        "{} to {} cseq {} for {}{}",
                        request.method,
                        to.peer().remote.ip(),
                        header(&Name::CSeq),
                        header(&Name::Expires),
                        if proven { " proven" } else { "" }
                    );
                    self.last = Some((*request, to.peer()));
                    text
                }
            });
        }
        said.join("; ")
    }

    /// Time goes to the next deadline.
    fn tick(&mut self) -> String {
        self.now = self.carrier.deadline().expect("it waits for something");
        self.hear(CarrierInput::Tick)
    }

    fn resolved(&mut self, peers: &[Peer]) -> String {
        self.hear(CarrierInput::Resolved(peers))
    }

    fn answer(&mut self, code: u16, more: &[(Name, &str)]) -> String {
        let (request, peer) = self.last.clone().unwrap();
        self.answer_from(code, more, &request, peer)
    }

    fn answer_from(
        &mut self,
        code: u16,
        more: &[(Name, &str)],
        request: &Request,
        peer: Peer,
    ) -> String {
        let mut response = Response::to(request, code);
        for (name, value) in more {
            response.headers.push(name.clone(), *value);
        }
        self.hear(CarrierInput::Response(&response, peer))
    }

    /// Up to the first 200.
    fn registered() -> Self {
        let mut rig = Self::new();
        assert_eq!(rig.tick(), "resolve sip:carrier.example");
        assert_eq!(
            rig.resolved(&[peer(1)]),
            "REGISTER to 192.0.2.1 cseq 1 REGISTER for 3600"
        );
        assert_eq!(
            rig.answer(401, &[(Name::WwwAuthenticate, NONCE)]),
            "REGISTER to 192.0.2.1 cseq 2 REGISTER for 3600 proven"
        );
        let granted = "<sip:4711@198.51.100.1:5060>;expires=600";
        assert_eq!(
            rig.answer(200, &[(Name::Contact, granted)]),
            "registered true None"
        );
        rig
    }
}

/// RFC 3261 section 10.2.
#[test]
fn it_registers_refreshes_before_the_end_and_takes_back() {
    let mut rig = Rig::registered();
    let (request, _) = rig.last.clone().unwrap();
    assert_eq!(request.uri.as_str(), "sip:carrier.example");
    let header = |name| request.headers.first(name).unwrap().into_owned();
    assert_eq!(header(&Name::To), "<sip:4711@carrier.example>");
    assert_eq!(header(&Name::Contact), "<sip:4711@198.51.100.1:5060>");
    for (word, after) in [(0, s(450)), (1_000, s(510))] {
        let began = rig.now;
        rig.word = word;
        // What was drawn before counts; here it is the same.
        let granted = "<sip:4711@198.51.100.1:5060>;expires=600";
        if word > 0 {
            rig.tick();
            rig.resolved(&[peer(2), peer(1)]);
            assert_eq!(rig.answer(200, &[(Name::Contact, granted)]), "");
            assert_eq!(rig.carrier.deadline(), Some(rig.now + after));
        } else {
            assert_eq!(rig.carrier.deadline(), Some(began + after));
        }
    }
    // It went to where it holds, with the answer to the old challenge, counted on.
    let (request, to) = rig.last.clone().unwrap();
    assert_eq!(to, peer(1));
    let value = request.headers.first(&Name::Authorization).unwrap();
    let credentials = Credentials::parse(&value).unwrap();
    assert_eq!(credentials.nc, "00000002");
    assert_eq!(
        rig.hear(CarrierInput::Leave),
        "REGISTER to 192.0.2.1 cseq 4 REGISTER for 0 proven"
    );
    let stale = format!("{NONCE}, stale=true").replace("n1", "n2");
    assert_eq!(
        rig.answer(401, &[(Name::WwwAuthenticate, &stale)]),
        "REGISTER to 192.0.2.1 cseq 5 REGISTER for 0 proven"
    );
    assert_eq!(rig.answer(200, &[]), "registered false None");
    assert!(rig.carrier.is_over());
    assert_eq!(rig.carrier.deadline(), None);
}

/// RFC 5626 section 4.5.
#[test]
fn it_rests_longer_after_each_failure_and_not_for_ever() {
    let mut rig = Rig::new();
    let mut rests = Vec::new();
    rig.word = 1_000;
    for _ in 0..9 {
        assert_eq!(rig.tick(), "resolve sip:carrier.example");
        assert_eq!(rig.resolved(&[]), "registered false None");
        rests.push((rig.carrier.deadline().unwrap() - rig.now).as_secs());
    }
    assert_eq!(rests, [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]);
    rig.word = 0;
    rig.tick();
    rig.resolved(&[]);
    assert_eq!(rig.carrier.deadline().unwrap() - rig.now, s(900));
    assert!(rig.now > rig.start);
}

/// RFC 3263 section 4.3.
#[test]
fn a_server_that_is_silent_or_ill_makes_room_for_the_next() {
    let mut rig = Rig::new();
    rig.tick();
    let to_first = rig.resolved(&[peer(1), peer(2), peer(3)]);
    assert!(to_first.contains("192.0.2.1"), "{to_first}");
    let began = rig.now;
    let second = rig.tick();
    assert_eq!(rig.now - began, s(4));
    assert!(second.contains("192.0.2.2"), "{second}");
    let third = rig.answer(503, &[]);
    assert!(third.contains("192.0.2.3"), "{third}");
    assert_eq!(rig.hear(CarrierInput::Failed), "registered false None");
    assert!(!rig.carrier.is_over());
}

/// RFC 3261 section 10.2.
#[test]
fn no_is_no_and_retry_after_is_heeded() {
    for (code, more, rest) in [
        (403, vec![], 15),
        (503, vec![(Name::RetryAfter, "120 (soon)")], 120),
        (503, vec![(Name::RetryAfter, "99999999")], 1800),
        (302, vec![(Name::Contact, "<sip:elsewhere>")], 15),
    ] {
        let mut rig = Rig::new();
        rig.tick();
        rig.resolved(&[peer(1)]);
        assert_eq!(
            rig.answer(code, &more),
            format!("registered false Some({code})")
        );
        assert_eq!(rig.carrier.deadline().unwrap() - rig.now, s(rest), "{code}");
    }
}

/// RFC 3261 section 10.2.
#[test]
fn it_asks_for_longer_when_told_to() {
    let mut rig = Rig::new();
    rig.tick();
    rig.resolved(&[peer(1)]);
    assert_eq!(
        rig.answer(423, &[(Name::MinExpires, "7200")]),
        "REGISTER to 192.0.2.1 cseq 2 REGISTER for 7200"
    );
    // Once is enough.
    assert_eq!(
        rig.answer(423, &[(Name::MinExpires, "7300")]),
        "registered false Some(423)"
    );
    let mut rig = Rig::new();
    rig.tick();
    rig.resolved(&[peer(1)]);
    for nonsense in ["86401", "60", "soon"] {
        let said = rig.answer(423, &[(Name::MinExpires, nonsense)]);
        assert!(!said.contains("REGISTER"), "{nonsense}: {said}");
    }
}

/// RFC 3261 section 22.2.
#[test]
fn a_challenge_from_elsewhere_or_for_another_realm_gets_nothing() {
    let ask = |realm: &str| NONCE.replace("carrier.example", realm);
    for (realm, from) in [("carrier.example", peer(9)), ("evil.example", peer(1))] {
        let mut rig = Rig::new();
        rig.tick();
        rig.resolved(&[peer(1)]);
        let (request, _) = rig.last.clone().unwrap();
        let challenge = ask(realm);
        let more = [(Name::WwwAuthenticate, challenge.as_str())];
        let said = rig.answer_from(401, &more, &request, from);
        assert_eq!(said, "registered false Some(401)", "{realm}");
    }
    // A wrong password is found out after one answer.
    let mut rig = Rig::new();
    rig.tick();
    rig.resolved(&[peer(1)]);
    assert!(
        rig.answer(401, &[(Name::WwwAuthenticate, NONCE)])
            .contains("proven")
    );
    assert_eq!(
        rig.answer(401, &[(Name::WwwAuthenticate, NONCE)]),
        "registered false Some(401)"
    );
}

/// RFC 3261 section 10.2.
#[test]
fn it_holds_until_it_expires_even_when_a_refresh_fails() {
    let mut rig = Rig::registered();
    rig.tick();
    assert_eq!(rig.resolved(&[]), "");
    let mut said = Vec::new();
    while rig.now < rig.start + s(600) {
        let heard = rig.tick();
        if heard.starts_with("resolve") {
            said.push(rig.resolved(&[]));
        } else {
            said.push(heard);
        }
    }
    let told: Vec<_> = said.into_iter().filter(|text| !text.is_empty()).collect();
    assert_eq!(told, ["registered false None"]);
}

/// RFC 3261 section 10.2.
#[test]
fn who_leaves_in_the_middle_takes_back_what_was_granted_meanwhile() {
    let mut rig = Rig::new();
    rig.tick();
    rig.resolved(&[peer(1), peer(2)]);
    assert_eq!(rig.hear(CarrierInput::Leave), "");
    assert_eq!(
        rig.answer(200, &[]),
        "REGISTER to 192.0.2.1 cseq 2 REGISTER for 0"
    );
    rig.hear(CarrierInput::Failed);
    assert!(rig.carrier.is_over());
    let mut early = Rig::new();
    assert_eq!(early.hear(CarrierInput::Leave), "");
    assert!(early.carrier.is_over());
}
