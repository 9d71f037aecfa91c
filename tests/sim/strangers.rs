//! Those who have shown nothing: one answer to each datagram, and nothing is kept of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use exchange::model::{Event, Shut};
use exchange::sim::{Manner, World};
use exchange::sip::digest::{Algorithm, Credentials, ha1};
use exchange::sip::{Method, Name};

use crate::{ms, s, world};

/// No trunk has it.
const STRANGER: &str = "203.0.113.9:5060";
/// Of a trunk, but anybody can write it on a datagram.
const TRUNK: &str = "10.7.7.7:5060";

/// A request with its own Call-ID; `to` is what follows the address.
fn request(number: usize, (method, host): (&str, &str), to: &str, more: &str) -> String {
    format!(
        "{method} sip:1@{host} SIP/2.0
Via: SIP/2.0/UDP {STRANGER};branch=z9hG4bK{number};rport
Max-Forwards: 70
From: <sip:x@elsewhere.example>;tag=x
To: {to}
Call-ID: {number}@stranger
CSeq: 1 {method}
Contact: <sip:x@gone.example>
{more}Content-Length: 0

"
    )
}

/// Sends it once and waits for longer than any transaction lasts; the codes that came.
fn codes(world: &mut World, from: SocketAddr, text: &str) -> Vec<u16> {
    let before = world.astray(from).len();
    world.stranger(from, text);
    // A 100 would be sent, and an INVITE refused, by now.
    world.run(s(1));
    assert_eq!(world.leaks(), Vec::<String>::new(), "{text}");
    world.run(s(40));
    let answers = world.astray(from);
    answers[before..].iter().map(|answer| answer.code).collect()
}

/// RFC 3261 section 8.2.7.
#[test]
fn who_has_shown_nothing_is_answered_once_and_forgotten() {
    const HERE: &str = "centrale.localhost";
    const KNOWN: &str = "<sip:1@centrale.localhost>";
    const TAGGED: &str = "<sip:1@centrale.localhost>;tag=c000000000000000007";
    let replaces = |value: &str| format!("Replaces: {value}\nRequire: replaces\n");
    let gone = replaces("call@gone;to-tag=c000000000000000007;from-tag=2");
    let broken = replaces("call@gone;to-tag=1");
    let cases = [
        (("INVITE", HERE), TAGGED, "", 481),
        (("BYE", HERE), TAGGED, "", 481),
        (("OPTIONS", HERE), TAGGED, "", 481),
        (("BYE", HERE), KNOWN, "", 481),
        (("INFO", HERE), KNOWN, "", 481),
        (("UPDATE", HERE), KNOWN, "", 481),
        (("PRACK", HERE), KNOWN, "", 481),
        (("REFER", HERE), KNOWN, "", 481),
        (("NOTIFY", HERE), KNOWN, "", 481),
        (("CANCEL", HERE), KNOWN, "", 481),
        (("SUBSCRIBE", HERE), KNOWN, "", 405),
        (("MESSAGE", HERE), KNOWN, "", 405),
        (("OPTIONS", HERE), KNOWN, "", 200),
        (("REGISTER", HERE), "<sip:centrale.localhost>", "", 400),
        (("REGISTER", "elsewhere.example"), KNOWN, "", 404),
        (("REGISTER", HERE), "<sip:1@elsewhere.example>", "", 404),
        (("REGISTER", HERE), KNOWN, "", 401),
        (("INVITE", HERE), KNOWN, gone.as_str(), 481),
        (("INVITE", HERE), KNOWN, broken.as_str(), 400),
    ];
    let mut world = world("", 1);
    for (number, (asked, to, more, code)) in cases.into_iter().enumerate() {
        for (way, from) in [STRANGER, TRUNK].into_iter().enumerate() {
            let text = request(2 * number + way, asked, to, more);
            let heard = codes(&mut world, from.parse().unwrap(), &text);
            assert_eq!(heard, [code], "{from} {text}");
        }
    }
    let text = request(1000, ("INVITE", HERE), KNOWN, "");
    let heard = codes(&mut world, STRANGER.parse().unwrap(), &text);
    assert_eq!(heard, [403], "an INVITE");
}

/// RFC 3891 section 3.
#[test]
fn who_wants_the_place_of_a_call_and_is_no_operator_is_declined_and_forgotten() {
    let mut world = world("", 1);
    let caller = world.caller("1", None);
    world.run(s(2));
    let tag = world.tag_told(caller).unwrap();
    let before = world.transactions();
    let replaces = format!("Replaces: a@b;to-tag={tag};from-tag=2\nRequire: replaces\n");
    let to = "<sip:1@centrale.localhost>";
    let from: SocketAddr = TRUNK.parse().unwrap();
    // Of two shards one has the call.
    for number in 0..8 {
        let text = request(number, ("INVITE", "centrale.localhost"), to, &replaces);
        world.stranger(from, &text);
    }
    world.run(ms(5));
    assert_eq!(world.transactions(), before);
    world.run(s(40));
    let answers = world.astray(from);
    let all = |code| answers.iter().filter(|answer| answer.code == code).count();
    assert_eq!(answers.len(), 8, "each is answered once");
    assert_eq!(all(603) + all(481), 8);
    assert!(all(603) > 0);
}

#[test]
fn no_name_is_looked_up_because_of_what_somebody_sends() {
    let names = "Record-Route: <sip:proxy.gone.example;lr>
Refer-To: <sip:next.gone.example>
Path: <sip:path.gone.example;lr>
P-Asserted-Identity: <sip:1@asserted.gone.example>
Reply-To: <sip:1@reply.gone.example>
Alert-Info: <http://tone.gone.example/ring.wav>
";
    let mut world = world("", 1);
    world.run(s(2));
    let before = world.look_ups();
    let methods = [
        "INVITE", "REGISTER", "OPTIONS", "BYE", "REFER", "NOTIFY", "INFO",
    ];
    for (number, method) in methods.into_iter().enumerate() {
        for (way, from) in [STRANGER, TRUNK].into_iter().enumerate() {
            let to = "<sip:1@centrale.localhost>";
            let asked = (method, "centrale.localhost");
            let text = request(2 * number + way, asked, to, names)
                .replace(&format!("UDP {STRANGER}"), "UDP via.gone.example");
            world.stranger(from.parse().unwrap(), &text);
        }
    }
    // The trunk's call is answered, and over for want of an ACK.
    world.run(s(120));
    assert_eq!(world.records().len(), 1);
    assert_eq!(world.look_ups(), before);
}

/// RFC 3261 section 21.5.4.
#[test]
fn those_who_are_refused_together_come_back_at_different_times() {
    let mut world = world("", 1);
    let from: SocketAddr = TRUNK.parse().unwrap();
    for number in 0..200 {
        let to = "<sip:1@centrale.localhost>";
        let text = request(number, ("INVITE", "centrale.localhost"), to, "");
        world.stranger(from, &text);
    }
    world.run(ms(100));
    let mut times = BTreeMap::<u64, u32>::new();
    for refused in world.astray(from) {
        if refused.code == 503 {
            let after = refused.headers.first(&Name::RetryAfter).unwrap();
            *times.entry(after.parse().unwrap()).or_default() += 1;
        }
    }
    assert_eq!(times.values().sum::<u32>(), 100, "as many as are too many");
    assert!(times.keys().copied().eq(1..=10), "{times:?}");
    assert!(times.values().all(|count| (5..20).contains(count)));
}

/// RFC 3261 sections 12.1.1 and 26.2.2, RFC 5630 section 3.3.
#[test]
fn a_call_that_must_be_secure_is_none_by_a_datagram() {
    const HERE: &str = "centrale.localhost";
    let from: SocketAddr = TRUNK.parse().unwrap();
    let own = "Contact: <sip:";
    let route = |scheme: &str| format!("Record-Route: <{scheme}:10.7.7.8;lr>\n");
    let (sips, sip) = (route("sips"), route("sip"));
    for (number, (change, more, secure)) in [
        (("", ""), "", false),
        (("INVITE sip:", "INVITE sips:"), "", true),
        ((own, "Contact: <sips:"), "", true),
        (("", ""), sips.as_str(), true),
        // The proxy that stays between us answers for what is behind it.
        ((own, "Contact: <sips:"), sip.as_str(), false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut world = world("", 2);
        let text = request(number, ("INVITE", HERE), "<sip:1@centrale.localhost>", more);
        world.stranger(from, &text.replacen(change.0, change.1, 1));
        world.run(s(1));
        let codes: Vec<u16> = world
            .astray(from)
            .iter()
            .map(|answer| answer.code)
            .collect();
        assert_eq!(codes.contains(&403), secure, "{change:?} {more} {codes:?}");
        assert_eq!(codes.contains(&200), !secure, "{change:?} {more} {codes:?}");
    }
}

/// Somebody sends a datagram past the guard; whether it is heard.
fn knock(world: &mut World, from: SocketAddr, text: &str) -> bool {
    world.at_once(from, &[text.to_owned()], Duration::ZERO) > 0
}

/// A REGISTER of ann with credentials for the nonce of the challenge that came last, if
/// one came.
fn proof(world: &World, from: SocketAddr, password: &str) -> Option<String> {
    let challenge = world.astray(from).pop()?;
    let mut offers = challenge.headers.all(&Name::WwwAuthenticate);
    let offer = offers.find(|offer| offer.contains("algorithm=MD5"))?;
    let (_, rest) = offer.split_once("nonce=\"")?;
    let credentials = Credentials {
        username: "ann".to_owned(),
        realm: "centrale.localhost".to_owned(),
        nonce: rest.split_once('"')?.0.to_owned(),
        uri: "sip:centrale.localhost".to_owned(),
        response: String::new(),
        algorithm: Algorithm::Md5,
        qop: Some("auth".to_owned()),
        nc: "00000001".to_owned(),
        cnonce: "c".to_owned(),
        opaque: None,
    };
    let secret = ha1(Algorithm::Md5, "ann", "centrale.localhost", password);
    let answer = credentials.answer(&secret, &Method::Register, b"");
    Some(format!("Authorization: {answer}\n"))
}

fn register(number: usize, more: &str) -> String {
    let text = request(
        number,
        ("REGISTER", "centrale.localhost"),
        "<sip:ann@centrale.localhost>",
        more,
    );
    text.replace("sip:1@", "sip:")
}

#[test]
fn a_forger_does_not_keep_anybody_from_logging_in() {
    let victim: SocketAddr = STRANGER.parse().unwrap();
    let forger: SocketAddr = "198.51.100.9:5060".parse().unwrap();
    let mut world = world("", 2);
    // Wrong passwords for a nonce that the forger was given, and whatever else fails.
    knock(&mut world, forger, &register(0, ""));
    world.run(s(1));
    let stolen = proof(&world, forger, "wrong").unwrap();
    let bye = ("BYE", "centrale.localhost");
    let mut number = 1;
    let mut forge = |world: &mut World, times| {
        for _ in 0..times {
            number += 3;
            knock(world, victim, &request(number, bye, "<sip:1@h>;tag=x", ""));
            knock(world, victim, &register(number + 1, &stolen));
            knock(world, victim, "INVITE sip:1@h SIP/2.0\nVia: x\n\n");
            world.run(ms(60));
        }
    };
    forge(&mut world, 60);
    let shut = world.events().iter().filter_map(|(_, event)| match event {
        Event::ShutOut { shut, .. } => Some(*shut),
        _ => None,
    });
    let shut: Vec<Shut> = shut.collect();
    assert!(
        !shut.is_empty() && shut.iter().all(|shut| *shut == Shut::Softly),
        "{shut:?}"
    );
    let text = request(2, bye, "<sip:1@h>;tag=x", "");
    assert!(!knock(&mut world, victim, &text), "it is shut out");
    // The victim is asked within a second, though the forger goes on.
    world.run(s(1));
    assert!(knock(&mut world, victim, &register(3, "")));
    world.run(ms(100));
    let right = proof(&world, victim, "ann").unwrap();
    forge(&mut world, 60);
    assert!(knock(&mut world, victim, &register(5, &right)));
    world.run(ms(100));
    assert_eq!(world.astray(victim).pop().unwrap().code, 200);
    let again = Event::HeardAgain {
        source: victim.ip(),
    };
    assert!(world.events().iter().any(|(_, event)| *event == again));
    forge(&mut world, 60);
    assert!(
        knock(&mut world, victim, &register(6, "")),
        "and is a friend"
    );
}

#[test]
fn a_friend_finds_no_password_by_trying_and_locks_nobody_out() {
    let friend: SocketAddr = TRUNK.parse().unwrap();
    let mut world = world("", 1);
    let ann = world.operator("ann", Manner::Refuses(486), None);
    world.run(s(2));
    let try_one = |world: &mut World, number: usize, password| {
        knock(world, friend, &register(2 * number, ""));
        world.run(ms(2));
        let proof = proof(world, friend, password).unwrap();
        knock(world, friend, &register(2 * number + 1, &proof));
        world.run(ms(2));
        world.astray(friend).pop().unwrap().code
    };
    let codes: Vec<u16> = (0..100).map(|n| try_one(&mut world, n, "wrong")).collect();
    let (looked_at, rest) = codes.split_at(10);
    assert!(looked_at.iter().all(|code| *code == 403), "{codes:?}");
    assert!(rest.iter().all(|code| *code == 401), "{codes:?}");
    assert_eq!(try_one(&mut world, 100, "ann"), 401);
    // The phone that is registered is heard all the while.
    world.register(ann, 3600);
    world.run(ms(100));
    let refreshed = |world: &World| {
        let mut events = world.events().iter();
        events.any(|(_, event)| matches!(event, Event::Registered { refresh: true, .. }))
    };
    assert!(refreshed(&world));
    world.run(s(70));
    let told = world.events().iter().filter_map(|(_, event)| match event {
        Event::WrongPasswords {
            account,
            source,
            count,
        } => Some((account.to_string(), *source, *count)),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    assert_eq!(told, [("operator ann".to_owned(), friend.ip(), 10)]);
    assert_eq!(try_one(&mut world, 101, "ann"), 200);
}
