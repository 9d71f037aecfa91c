//! Friends, strangers, scanners and foes.

#![expect(clippy::disallowed_methods, reason = "any instant will do")]

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Guard, Judgement, Proof, Rank, Sender, Sources};
use crate::call::Snapshot;
use crate::config::{Files, load};
use crate::media::Library;
use crate::model::{DropReason, RejectReason, Shut};
use crate::registrar::Guesses;
use crate::shard::{Doors, Rate};
use crate::sip::nonce::{NONCE_TIME, Nonces};
use crate::sip::sniff::Sniff;

const FLOW: &str = "{version: 1, flow: f, start: n, nodes: {n: {type: hangup}}}";
const SECOND: Duration = Duration::from_secs(1);
const INVITE: &str = "INVITE sip:1@h SIP/2.0\nCall-ID: 1\nTo: <sip:1@h>\n\n";
const REGISTER: &str = "REGISTER sip:h SIP/2.0\nCall-ID: 1\nTo: <sip:a@h>\n\n";
const BYE: &str = "BYE sip:1@h SIP/2.0\nTo: <sip:1@h>;tag=c000000000000000007\n\n";
const ACK: &str = "ACK sip:1@h SIP/2.0\nTo: <sip:1@h>;tag=x\n\n";
const SCANNER: &str = "OPTIONS sip:1@h SIP/2.0\nUser-Agent: Friendly-Scanner\n\n";

fn snapshot(guard: &str) -> Snapshot {
    let config = format!(
        "sip: {{ trunks: {{ t: {{ from: [192.0.2.0/24] }} }}, guard: {guard} }}\nnumbers: {{ \"1\": {{ flow: f }} }}\n"
    );
    let files = Files {
        config: vec![("c.yaml".into(), config)],
        flows: vec![("f.yaml".into(), FLOW.into())],
        sounds: BTreeSet::new(),
    };
    let (config, diags) = load(&files, &|_| None, Path::new("."));
    let said: Vec<String> = diags.iter().map(ToString::to_string).collect();
    Snapshot {
        config: config.unwrap_or_else(|| panic!("{}", said.join("\n"))),
        sounds: Library::default(),
    }
}

struct Rig {
    guard: Guard,
    doors: Doors,
    port: u16,
    started: Instant,
    now: Instant,
}

impl Rig {
    fn new(guard: &str) -> Self {
        let now = Instant::now();
        Self {
            guard: Guard::new(7, now, &snapshot(guard)),
            doors: Doors {
                rate: Rate::new(now),
                nonces: Nonces::new([7; 32]),
                guesses: Guesses::default(),
                sources: Sources::default(),
            },
            port: 5060,
            started: now,
            now,
        }
    }

    fn judge(&mut self, text: &str, ip: IpAddr) -> Judgement {
        self.judge_with(Proof::Nothing, text, ip)
    }

    fn judge_with(&mut self, proof: Proof, text: &str, ip: IpAddr) -> Judgement {
        let sniff = Sniff::of(text.as_bytes(), 1);
        let sender = Sender {
            remote: SocketAddr::new(ip, self.port),
            proof,
            doors: &self.doors,
            wall: self.now - self.started,
        };
        self.guard.judge(&sniff, sender, 1, self.now)
    }

    fn says(&mut self, text: &str, ip: &str) -> Judgement {
        self.judge(text, ip.parse().unwrap())
    }

    /// How many of so many are heard.
    fn heard(&mut self, count: u32, text: &str, ip: impl Fn(u32) -> IpAddr) -> u32 {
        let heard = |judgement| u32::from(matches!(judgement, Judgement::Heard(_)));
        (0..count).map(|n| heard(self.judge(text, ip(n)))).sum()
    }

    /// A failure of somebody who receives there: whether it is shut out, and how.
    fn offend(&mut self, ip: &str) -> Option<Shut> {
        self.fail(ip, Proof::WayBack)
    }

    fn fail(&mut self, ip: &str, proof: Proof) -> Option<Shut> {
        let who = (ip.parse().unwrap(), &self.doors.sources);
        let why = (RejectReason::Credentials, proof);
        let sentence = self.guard.offended(who, why, self.now)?;
        Some(sentence.shut)
    }
}

fn stranger(_: u32) -> IpAddr {
    "203.0.113.9".parse().unwrap()
}

/// Each from an address of its own.
fn anybody(number: u32) -> IpAddr {
    IpAddr::V4((0x0a00_0000 + number).into())
}

#[test]
fn friends_are_heard_by_rank_and_strangers_after_them() {
    let mut rig = Rig::new("{}");
    let phone: IpAddr = "198.51.100.7".parse().unwrap();
    rig.doors.sources.befriend(phone, rig.now + SECOND);
    for ip in ["192.0.2.9", "::ffff:192.0.2.9", "198.51.100.7"] {
        for (text, rank) in [
            (BYE, Rank::Follows),
            (ACK, Rank::Follows),
            (REGISTER, Rank::Register),
            (INVITE, Rank::Call),
            (SCANNER, Rank::Call),
            ("\n\n", Rank::Call),
        ] {
            assert_eq!(rig.says(text, ip), Judgement::Heard(rank), "{ip} {text}");
        }
    }
    for (text, rank) in [
        (BYE, Rank::Follows),
        (ACK, Rank::Stranger),
        (REGISTER, Rank::Stranger),
        (INVITE, Rank::Stranger),
        ("\n\n", Rank::Stranger),
    ] {
        assert_eq!(rig.says(text, "203.0.113.9"), Judgement::Heard(rank));
    }
    // A phone that did not stay is a stranger.
    rig.now += SECOND;
    let judgement = rig.says(REGISTER, "198.51.100.7");
    assert_eq!(judgement, Judgement::Heard(Rank::Stranger));
}

#[test]
fn one_stranger_and_all_of_them_have_a_rate_and_friends_have_none() {
    let mut rig = Rig::new("{ per_source: 5, burst: 10, all: 100 }");
    assert_eq!(rig.heard(1000, INVITE, stranger), 10);
    let judgement = rig.says(INVITE, "203.0.113.9");
    assert_eq!(judgement, Judgement::Dropped(DropReason::Source));
    // What follows a call has room of its own.
    assert_eq!(rig.heard(10, ACK, stranger), 10);
    assert_eq!(rig.heard(10_000, INVITE, anybody), 90);
    let judgement = rig.judge(INVITE, anybody(20_000));
    assert_eq!(judgement, Judgement::Dropped(DropReason::Strangers));
    assert_eq!(rig.heard(10_000, BYE, stranger), 90);
    assert_eq!(
        rig.heard(10_000, INVITE, |_| "192.0.2.1".parse().unwrap()),
        10_000
    );
    rig.now += SECOND;
    assert_eq!(rig.heard(1000, INVITE, stranger), 5);
    assert_eq!(rig.heard(10_000, INVITE, anybody), 95);
    // A network of IPv6 is one stranger.
    rig.now += SECOND;
    let network = |n: u32| IpAddr::V6((0x2001_0db8_u128 << 96 | u128::from(n)).into());
    assert_eq!(rig.heard(1000, INVITE, network), 10);
}

#[test]
fn a_flood_from_everywhere_takes_no_memory_and_leaves_the_known_alone() {
    let mut rig = Rig::new("{ all: 1000 }");
    let heard = rig.heard(1_000_000, INVITE, anybody);
    assert_eq!(heard, 1000);
    assert_eq!(
        rig.heard(1000, INVITE, |_| "192.0.2.1".parse().unwrap()),
        1000
    );
}

#[test]
fn a_scanner_gets_silence_or_a_403() {
    let mut rig = Rig::new("{}");
    let judgement = rig.says(SCANNER, "203.0.113.9");
    assert_eq!(judgement, Judgement::Dropped(DropReason::Scanner));
    let mut rig = Rig::new("{ scanners: refuse }");
    assert_eq!(rig.says(SCANNER, "203.0.113.9"), Judgement::Scanner);
    let mut rig = Rig::new("{ user_agents: [mine] }");
    let judgement = rig.says(SCANNER, "203.0.113.9");
    assert_eq!(judgement, Judgement::Heard(Rank::Stranger));
    let mine = SCANNER.replace("Friendly-Scanner", "not MINE/1.0");
    let judgement = rig.says(&mine, "203.0.113.9");
    assert_eq!(judgement, Judgement::Dropped(DropReason::Scanner));
}

#[test]
fn who_fails_again_and_again_is_shut_out_for_a_while() {
    let mut rig = Rig::new("{ shut_out: { after: 5, for: 10s } }");
    let ip = "203.0.113.9";
    let failures = (1..)
        .find(|_| rig.offend(ip) == Some(Shut::Wholly))
        .unwrap();
    assert_eq!(failures, 6);
    for text in [INVITE, REGISTER, BYE, SCANNER] {
        let judgement = rig.says(text, ip);
        assert_eq!(judgement, Judgement::Dropped(DropReason::ShutOut));
    }
    assert_eq!(
        rig.says(INVITE, "203.0.113.10"),
        Judgement::Heard(Rank::Stranger)
    );
    rig.now += 10 * SECOND;
    assert_eq!(rig.says(INVITE, ip), Judgement::Heard(Rank::Stranger));
    // It begins with a clean slate.
    assert!(!(0..5).any(|_| rig.offend(ip).is_some()));
}

/// With credentials for a nonce.
fn answers(text: &str, nonce: &str) -> String {
    let proof = format!("\nAuthorization: Digest nonce=\"{nonce}\", cnonce=\"x\"\n\n");
    text.replace("\n\n", &proof)
}

#[test]
fn what_can_be_forged_shuts_out_softly_and_the_way_back_is_heard() {
    const VICTIM: &str = "203.0.113.9";
    let mut rig = Rig::new("{ per_source: 10, burst: 10, shut_out: { after: 5, for: 600s } }");
    let failures = (1..).find(|_| rig.fail(VICTIM, Proof::Nothing).is_some());
    assert_eq!(failures, Some(6));
    let ip = VICTIM.parse().unwrap();
    let here = rig.doors.nonces.issue(ip, Duration::ZERO);
    let elsewhere = rig
        .doors
        .nonces
        .issue("203.0.113.8".parse().unwrap(), Duration::ZERO);
    let silence = Judgement::Dropped(DropReason::ShutOut);
    let shown = Judgement::Shown(Rank::Stranger);
    for (text, judgement) in [
        (REGISTER.to_owned(), Judgement::Asked),
        (INVITE.to_owned(), Judgement::Asked),
        (answers(REGISTER, &elsewhere), Judgement::Asked),
        (answers(REGISTER, "1.2.3"), Judgement::Asked),
        (answers(REGISTER, &here), shown),
        (answers(INVITE, &here), shown),
        (answers(BYE, &here), silence),
        (answers(SCANNER, &here), silence),
        (INVITE.replace("To:", "User-Agent: sipcli\nTo:"), silence),
        (BYE.to_owned(), silence),
        (ACK.to_owned(), silence),
        ("SIP/2.0 200 OK\n\n".to_owned(), silence),
        ("\n\n".to_owned(), silence),
    ] {
        assert_eq!(rig.judge(&text, ip), judgement, "{text}");
    }
    // Whatever is forged takes nothing from those who answer.
    rig.now += 60 * SECOND;
    for text in [BYE, REGISTER, &answers(REGISTER, &elsewhere)] {
        rig.heard(10_000, text, |_| ip);
    }
    assert_eq!(rig.judge(REGISTER, ip), silence);
    for text in [REGISTER, INVITE] {
        rig.now += SECOND;
        rig.heard(1000, text, |_| ip);
        rig.port += 1;
        assert_eq!(rig.judge(text, ip), Judgement::Asked, "from another port");
    }
    rig.port = 5060;
    rig.now += SECOND;
    rig.heard(10_000, REGISTER, |_| ip);
    let mut seconds = (0..10).filter(|_| {
        rig.now += SECOND;
        (0..10)
            .filter(|_| rig.judge(REGISTER, ip) == Judgement::Asked)
            .count()
            == 2
    });
    assert_eq!(seconds.by_ref().count(), 10);
    assert_eq!(rig.judge(&answers(REGISTER, &here), ip), shown);
    // A stream cannot be forged.
    let heard = Judgement::Heard(Rank::Stranger);
    assert_eq!(rig.judge_with(Proof::WayBack, SCANNER, ip), silence);
    assert_eq!(rig.judge_with(Proof::WayBack, INVITE, ip), heard);
    // A nonce grows old.
    rig.now += NONCE_TIME;
    assert_eq!(rig.judge(&answers(REGISTER, &here), ip), Judgement::Asked);
    // A right password.
    assert_eq!(rig.doors.sources.forgive(ip), Some(ip));
    assert_eq!(rig.judge(INVITE, ip), heard);
}

#[test]
fn who_has_shown_where_it_is_hears_no_question() {
    const IP: &str = "203.0.113.9";
    let mut rig = Rig::new("{ shut_out: { after: 5, for: 600s } }");
    let ip = IP.parse().unwrap();
    let silence = Judgement::Dropped(DropReason::ShutOut);
    assert!((0..6).any(|_| rig.fail(IP, Proof::Nothing).is_some()));
    assert!((0..6).any(|_| rig.offend(IP) == Some(Shut::Wholly)));
    let here = rig.doors.nonces.issue(ip, rig.now - rig.started);
    for text in [REGISTER, INVITE, &answers(REGISTER, &here)] {
        assert_eq!(rig.judge(text, ip), silence, "{text}");
        let streams = rig.judge_with(Proof::WayBack, text, ip);
        assert_eq!(streams, silence, "{text}");
    }
}

#[test]
fn failures_are_forgiven_with_time_and_a_friend_is_never_shut_out() {
    let mut rig = Rig::new("{ shut_out: { after: 5, for: 10s } }");
    // A phone with a wrong password that asks once in two minutes.
    for _ in 0..200 {
        rig.now += 120 * SECOND;
        assert_eq!(rig.offend("203.0.113.9"), None);
    }
    assert!(!(0..100).any(|_| rig.offend("192.0.2.1").is_some()));
    let phone: IpAddr = "198.51.100.7".parse().unwrap();
    rig.doors.sources.befriend(phone, rig.now + SECOND);
    assert!(!(0..100).any(|_| rig.offend("198.51.100.7").is_some()));
    // Whoever is shut out and turns out to be a trunk is heard at once.
    assert!((0..6).any(|_| rig.offend("203.0.113.9").is_some()));
    rig.doors
        .sources
        .befriend("203.0.113.9".parse().unwrap(), rig.now + SECOND);
    assert_eq!(
        rig.says(INVITE, "203.0.113.9"),
        Judgement::Heard(Rank::Call)
    );
}

#[test]
fn without_a_guard_everybody_is_a_friend() {
    let mut rig = Rig::new("off");
    assert_eq!(rig.heard(10_000, SCANNER, stranger), 10_000);
    assert!(!(0..100).any(|_| rig.offend("203.0.113.9").is_some()));
    let mut rig = Rig::new("{ shut_out: off }");
    assert!(!(0..100).any(|_| rig.offend("203.0.113.9").is_some()));
}
