//! The world outside: lines with several addresses, carriers that ask who calls, probes,
//! registrations, and whom a caller can never reach.

use exchange::model::LineResult;
use exchange::shard::Input;
use exchange::sim::{Doing, Manner, PhoneId};
use exchange::sip::{Method, Name, Request};

use super::*;

const ANN: &str = "ann: { secret: ann, skills: { help: 8 } }";
/// Callers by address, and a carrier with an account.
const CARRIER: &str = "all: { from: [10.0.0.0/8] }, carrier: { credentials: { username: \"4711\", secret: pass, realm: carrier.example } }";

/// A world whose line `field` is this.
fn with(trunks: &str, field: &str, seed: u64) -> World {
    world_outside((trunks, field), ("", ANN), seed)
}

/// Where the phone of this number will be.
fn at(number: u8) -> String {
    format!("sip:field@10.0.0.{number}")
}

/// A caller who chose the line.
fn dials_field(world: &mut World) -> PhoneId {
    let caller = world.caller("1", None);
    world.run(s(1));
    assert!(world.press(caller, "2"));
    caller
}

fn tries(world: &World) -> Vec<LineResult> {
    let told = world.events().iter().filter_map(|(_, event)| match event {
        Event::LineTried { result, .. } => Some(*result),
        _ => None,
    });
    told.collect()
}

/// Whether a request brings an answer to any challenge.
fn proves(request: &Request) -> bool {
    let names = [Name::Authorization, Name::ProxyAuthorization];
    names
        .iter()
        .any(|name| request.headers.first(name).is_some())
}

fn of(heard: &[Request], method: Method) -> Vec<&Request> {
    heard
        .iter()
        .filter(|request| request.method == method)
        .collect()
}

/// RFC 3261 section 22.2.
#[test]
fn a_carrier_that_asks_is_answered_in_every_request_of_the_call() {
    let line = format!("{{ uri: \"{}\", trunk: carrier }}", at(0));
    let mut world = with(CARRIER, &line, 1);
    let carrier = world.phone("carrier", Manner::Asks("carrier.example"), None);
    let caller = dials_field(&mut world);
    assert!(world.run_until(s(5), |w| w.bridged(caller, carrier)));
    // Session timers refresh within half an hour, and that is asked about too.
    world.run(s(3_000));
    assert!(world.bridged(caller, carrier));
    world.hang_up(caller);
    assert!(world.run_until(s(5), |w| w.doing(carrier) == Doing::Idle));
    settle(&mut world);
    assert_eq!(tries(&world), [LineResult::Answered]);
    assert_eq!(outcome(&world), Outcome::Escalated);
    let heard = world.heard(carrier);
    let invites = of(heard, Method::Invite);
    assert!(!proves(invites[0]) && proves(invites[1]));
    for (method, least) in [(Method::Invite, 3), (Method::Bye, 2)] {
        let asked = of(heard, method.clone());
        assert!(asked.len() >= least, "{method}: {}", asked.len());
    }
    let numbers: Vec<u32> = heard
        .iter()
        .filter_map(|request| Some(request.headers.cseq().ok()?.number))
        .collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    let told = |name: &str| {
        invites[0]
            .headers
            .first(&Name::parse(name))
            .unwrap()
            .into_owned()
    };
    assert_eq!(
        told("Diversion"),
        "<sip:1@centrale.localhost>;reason=unconditional;counter=1"
    );
    assert!(told("History-Info").ends_with(";index=1.1;mp=1"));
}

/// RFC 5806.
#[test]
fn a_line_that_a_queue_escalates_to_hears_that_nobody_answered() {
    let line = format!(
        "{{ uri: [\"{}\", \"{}\"], divert: diversion }}",
        at(0),
        at(1)
    );
    let step = "escalate: [{ after: 10s, line: field }], offer_timeout: 60s";
    let mut world = world_outside((TRUNK, &line), (step, ANN), 10);
    world.phone("first", Manner::Refuses(503), None);
    let second = world.phone("second", Manner::Answers(s(1)), Some(s(5)));
    let ann = world.operator("ann", Manner::Rings, None);
    world.run(s(1));
    let caller = world.caller("1", None);
    assert!(world.run_until(s(20), |w| w.bridged(caller, second)));
    world.run(s(1));
    assert_eq!(
        world.doing(ann),
        Doing::Idle,
        "nobody rings for who is served"
    );
    settle(&mut world);
    assert_eq!(tries(&world), [LineResult::Failed, LineResult::Answered]);
    let invites = of(world.heard(second), Method::Invite);
    let told = |name: &str| {
        invites[0]
            .headers
            .first(&Name::parse(name))
            .map(String::from)
    };
    let diversion = told("Diversion").unwrap();
    assert!(diversion.contains(";reason=no-answer;"), "{diversion}");
    assert_eq!(told("History-Info"), None);
}

/// RFC 5806 section 5.2, RFC 7044 section 10.3; only a trunk's caller is believed.
#[test]
fn a_line_is_told_where_the_call_was_before_it_came_here() {
    let field = format!("{{ uri: \"{}\" }}", at(0));
    let mut world = world_outside((TRUNK, &field), ("", ANN), 11);
    let line = world.phone("field", Manner::Answers(s(1)), Some(s(5)));
    let caller = world.phone("caller", Manner::Refuses(486), None);
    world.adds(
        caller,
        &[
            (Name::Diversion, "<sip:+3199@p>;reason=user-busy;counter=2"),
            (
                Name::HistoryInfo,
                "<sip:+3199@p>;index=1, <sip:1@p;cause=486>;index=1.1;mp=1",
            ),
        ],
    );
    world.dial(caller, "1");
    world.run(s(1));
    world.press(caller, "2");
    assert!(world.run_until(s(20), |w| w.bridged(caller, line)));
    let invites = of(world.heard(line), Method::Invite);
    let told = |name: Name| invites[0].headers.first(&name).map(String::from).unwrap();
    let diversion = told(Name::Diversion);
    let mut each = diversion.split(", ");
    assert!(
        each.next()
            .unwrap()
            .starts_with("<sip:1@centrale.localhost>;"),
        "{diversion}"
    );
    assert_eq!(
        each.next(),
        Some("<sip:+3199@p>;reason=user-busy;counter=2")
    );
    let history = told(Name::HistoryInfo);
    assert!(history.starts_with("<sip:+3199@p>;index=1, <sip:1@p;cause=486>;index=1.1;mp=1, "));
    assert!(history.ends_with(">;index=1.1.1;mp=1.1"), "{history}");
    settle(&mut world);
}

/// RFC 3326 section 3.1: a call that somebody else has is none that was missed.
#[test]
fn whoever_rings_when_the_line_or_the_operator_answers_is_told_so() {
    let step = "escalate: [{ after: 2s, line: field }], offer_timeout: 60s";
    for (line, operator) in [
        (Manner::Answers(s(2)), Manner::Rings),
        (Manner::Rings, Manner::Answers(s(5))),
    ] {
        let field = format!("{{ uri: \"{}\" }}", at(0));
        let mut world = world_outside((TRUNK, &field), (step, ANN), 11);
        let phones = [world.phone("field", line, None), {
            world.operator("ann", operator, None)
        }];
        world.run(s(1));
        let caller = world.caller("1", None);
        let talks = |w: &World| phones.iter().position(|phone| w.bridged(caller, *phone));
        assert!(world.run_until(s(20), |w| talks(w).is_some()));
        world.run(s(1));
        let other = phones[1 - talks(&world).unwrap()];
        assert_eq!(world.doing(other), Doing::Idle);
        assert_eq!(world.stopped(other), [Some(200)], "{operator:?}");
        world.hang_up(caller);
        settle(&mut world);
    }
}

/// RFC 3261 section 22.2.
#[test]
fn nobody_else_gets_an_answer_to_a_challenge() {
    // Another realm, a line without a trunk, a trunk without an account.
    let other = "all: { from: [10.0.0.0/8] }, carrier: { from: [10.9.0.1] }";
    for (trunks, trunk, realm) in [
        (CARRIER, ", trunk: carrier", "evil.example"),
        (CARRIER, "", "carrier.example"),
        (other, ", trunk: carrier", "carrier.example"),
    ] {
        let line = format!("{{ uri: \"{}\"{trunk} }}", at(0));
        let mut world = with(trunks, &line, 2);
        let carrier = world.phone("carrier", Manner::Asks(realm), None);
        world.operator("ann", Manner::Answers(s(1)), Some(s(5)));
        dials_field(&mut world);
        settle(&mut world);
        assert_eq!(tries(&world), [LineResult::Refused], "{trunk} {realm}");
        assert_eq!(outcome(&world), Outcome::Answered, "by the queue after it");
        let heard = world.heard(carrier);
        assert_eq!(of(heard, Method::Invite).len(), 1);
        assert!(!heard.iter().any(proves));
    }
}

/// RFC 3261 section 22.2.
#[test]
fn a_phone_that_asks_is_a_phone_that_refuses() {
    let line = format!("{{ uri: \"{}\", trunk: carrier }}", at(9));
    let mut world = with(CARRIER, &line, 3);
    let ann = world.operator("ann", Manner::Asks("carrier.example"), None);
    world.run(s(1));
    let bea = world.operator("bea", Manner::Answers(s(1)), Some(s(5)));
    world.run(s(1));
    world.caller("1", None);
    assert!(world.run_until(s(20), |w| w.doing(bea) == Doing::Talking));
    settle(&mut world);
    let first = &record(&world).offers[0];
    assert_eq!(
        (first.operator.as_str(), first.result),
        ("ann", OfferResult::Rejected)
    );
    assert!(!world.heard(ann).iter().any(proves));
}

/// RFC 3263 section 4.3.
#[test]
fn a_line_goes_to_its_next_address_only_when_the_server_is_in_trouble() {
    use LineResult::{Answered, Busy, Failed, NoAnswer, Refused, Unreachable};
    let live = Manner::Answers(s(1));
    for (first, expected, seconds) in [
        (Manner::Dead, vec![Unreachable, Answered], 5),
        (Manner::Refuses(503), vec![Failed, Answered], 1),
        (Manner::Refuses(500), vec![Failed, Answered], 1),
        (Manner::Refuses(408), vec![NoAnswer, Answered], 1),
        (Manner::Refuses(486), vec![Busy], 0),
        (Manner::Refuses(603), vec![NoAnswer], 0),
        (Manner::Refuses(404), vec![Refused], 0),
        (Manner::Refuses(302), vec![Refused], 0),
        (live, vec![Answered], 1),
    ] {
        let line = format!("{{ uri: [\"{}\", \"{}\"] }}", at(0), at(1));
        let mut world = with(TRUNK, &line, 4);
        world.phone("first", first, Some(s(5)));
        let second = world.phone("second", live, Some(s(5)));
        world.operator("ann", Manner::Answers(s(1)), Some(s(5)));
        let caller = dials_field(&mut world);
        if expected.len() > 1 {
            let began = world.elapsed();
            assert!(
                world.run_until(s(10), |w| w.bridged(caller, second)),
                "{first:?}"
            );
            assert_eq!((world.elapsed() - began).as_secs(), seconds, "{first:?}");
        }
        settle(&mut world);
        assert_eq!(tries(&world), expected, "{first:?}");
        let answered = expected.last() == Some(&Answered);
        let wanted = if answered {
            Outcome::Escalated
        } else {
            Outcome::Answered
        };
        assert_eq!(outcome(&world), wanted, "{first:?}");
    }
}

/// RFC 3263 section 4.2.
#[test]
fn names_are_looked_up_and_all_their_addresses_tried() {
    for (known, expected) in [
        (true, vec![LineResult::Unreachable, LineResult::Answered]),
        (false, vec![]),
    ] {
        let mut world = with(
            TRUNK,
            "{ uri: \"sip:field@carrier.example\", try_for: 2s }",
            5,
        );
        let dead = world.phone("dead", Manner::Dead, None);
        let live = world.phone("live", Manner::Answers(s(1)), Some(s(5)));
        world.operator("ann", Manner::Answers(s(1)), Some(s(5)));
        if known {
            world.name("carrier.example", &[dead, live]);
        }
        dials_field(&mut world);
        settle(&mut world);
        assert_eq!(tries(&world), expected);
        let wanted = if known {
            Outcome::Escalated
        } else {
            Outcome::Answered
        };
        assert_eq!(outcome(&world), wanted);
    }
}

#[test]
fn probes_find_out_who_is_down_and_it_is_tried_last() {
    let trunks =
        format!("{TRUNK}, carrier: {{ from: [10.9.0.1], server: \"sip:10.0.0.0\", probe: 10s }}");
    let line = format!("{{ uri: [\"{}\", \"{}\"], probe: 10s }}", at(0), at(1));
    let mut world = with(&trunks, &line, 6);
    let first = world.phone("first", Manner::Answers(s(1)), Some(s(5)));
    let second = world.phone("second", Manner::Answers(s(1)), Some(s(5)));
    let told = |world: &World| {
        let events = world.events().iter().filter_map(|(_, event)| match event {
            Event::LineReach { up, .. } => Some(("line", *up)),
            Event::TrunkReach { up, .. } => Some(("trunk", *up)),
            _ => None,
        });
        events.collect::<Vec<_>>()
    };
    world.run(s(8));
    let mut first_told = told(&world);
    first_told.sort_unstable();
    assert_eq!(first_told, [("line", true), ("trunk", true)]);
    // Half of what a datagram takes: IPv6 adds 34 bytes to each of seven addresses.
    let asked = of(world.heard(first), Method::Options);
    assert!(!asked.is_empty() && asked.iter().all(|o| o.write().len() < 650));
    world.manner(first, Manner::Dead);
    world.run(s(20));
    assert_eq!(told(&world).get(2..), Some(&[("trunk", false)][..]));
    let caller = dials_field(&mut world);
    assert!(
        world.run_until(ms(1_500), |w| w.bridged(caller, second)),
        "at once"
    );
    assert_eq!(tries(&world), [LineResult::Answered]);
    world.run(s(10));
    world.manner(second, Manner::Dead);
    world.run(s(20));
    assert_eq!(told(&world).get(3..), Some(&[("line", false)][..]));
    world.manner(first, Manner::Refuses(404));
    world.run(s(20));
    let mut back = told(&world).split_off(4);
    back.sort_unstable();
    assert_eq!(back, [("line", true), ("trunk", true)]);
}

/// RFC 3261 section 10.2.
#[test]
fn we_register_with_a_carrier_refresh_and_take_it_back() {
    let trunks = format!(
        "{TRUNK}, carrier: {{ credentials: {{ username: \"4711\", secret: pass, realm: carrier.example }}, register: {{ to: \"sip:carrier.example\", expires: 10m }} }}"
    );
    let mut world = with(&trunks, "{ uri: \"sip:x@10.9.9.9\" }", 7);
    let carrier = world.phone("carrier", Manner::Asks("carrier.example"), None);
    world.name("carrier.example", &[carrier]);
    let told = |world: &World| {
        let events = world.events().iter().filter_map(|(_, event)| match event {
            Event::TrunkRegistered { registered, .. } => Some(*registered),
            _ => None,
        });
        events.collect::<Vec<_>>()
    };
    world.run(s(1_800));
    assert_eq!(told(&world), [true]);
    world.tell(|| Input::Drain);
    world.run(s(2));
    assert_eq!(told(&world), [true, false]);
    let heard = world.heard(carrier);
    assert!((8..=14).contains(&heard.len()), "{}", heard.len());
    let last = heard.last().unwrap();
    assert_eq!(last.headers.expires(), Some(0));
    assert!(proves(last));
    settle(&mut world);
}

/// RFC 3966 section 5.1.
#[test]
fn numbers_are_written_our_way_on_each_trunk() {
    let trunks =
        "all: { from: [10.0.0.0/8], called: { \"+3120\": \"\" }, caller: { \"0\": \"+31\" } }";
    let mut world = with(trunks, "{ uri: \"sip:x@10.9.9.9\" }", 8);
    world.operator("ann", Manner::Answers(s(1)), Some(s(5)));
    world.caller_to("tel:+31-20-(1)", None);
    settle(&mut world);
    let record = record(&world);
    assert_eq!(
        (record.to.as_str(), record.from.as_str()),
        ("1", "+3160001")
    );
}

#[test]
fn a_caller_never_makes_us_call_anybody_but_a_line() {
    let line = format!("{{ uri: \"{}\" }}", at(0));
    let mut world = with(TRUNK, &line, 9);
    let field = world.phone("field", Manner::Answers(s(1)), Some(s(2)));
    let victim = world.phone("victim", Manner::Answers(s(1)), Some(s(2)));
    let ann = world.operator("ann", Manner::Answers(s(1)), Some(s(2)));
    world.run(s(1));
    let address = |world: &World, phone| world.address(phone).unwrap();
    let (to_field, to_victim, to_ann) = (
        address(&world, field),
        address(&world, victim),
        address(&world, ann),
    );
    let targets = [
        format!("sip:victim@{to_victim}"),
        format!("sip:1@{to_victim}"),
        format!("sip:1@{to_victim};transport=udp;maddr=10.0.0.1"),
        format!("sip:00990012345@{to_victim}"),
        "sip:+9900123456789@10.255.0.1".to_owned(),
        "sip:field@10.0.0.0".to_owned(),
        "tel:+9900123456789".to_owned(),
        "sip:ann@centrale.localhost".to_owned(),
        "sip:1@elsewhere.example".to_owned(),
    ];
    let mut callers = Vec::new();
    for target in &targets {
        callers.push(world.caller_to(target, Some(s(30))));
        world.run(s(1));
    }
    world.run(s(60));
    let invited: Vec<SocketAddr> = world.invited().iter().copied().collect();
    // Some of them named the number 1, whose flow leads to ann; none leads further.
    assert_eq!(invited, [to_ann]);
    // And the line is called when the flow says so.
    dials_field(&mut world);
    settle(&mut world);
    assert!(world.invited().contains(&to_field));
    assert!(!world.invited().contains(&to_victim));
    assert_eq!(world.invited().len(), 2);
}

/// RFC 4028 section 7.
#[test]
fn a_line_that_wants_longer_sessions_is_asked_again_with_its_own() {
    // Before who calls is asked, and after.
    let line = format!("{{ uri: \"{}\", trunk: carrier }}", at(0));
    for proven in [false, true] {
        let mut world = with(CARRIER, &line, 11);
        let carrier = world.phone("carrier", Manner::Asks("carrier.example"), None);
        if proven {
            world.answers_by(carrier, |request| longer(request, proves(request)));
        } else {
            world.answers_by(carrier, |request| longer(request, true));
        }
        let caller = dials_field(&mut world);
        assert!(
            world.run_until(s(5), |w| w.bridged(caller, carrier)),
            "{proven}"
        );
        let invites = of(world.heard(carrier), Method::Invite).len();
        world.hang_up(caller);
        settle(&mut world);
        // Each thing that was wanted cost one INVITE; a number that was used is asked about.
        assert!((3..=4).contains(&invites), "{invites}");
        assert_eq!(tries(&world), [LineResult::Answered]);
    }
}

/// Wants 40 minutes at least, when `now`.
fn longer(request: &Request, now: bool) -> Option<Response> {
    let asked = request.headers.first(&Name::SessionExpires)?;
    (now && request.method == Method::Invite && asked.starts_with("1800")).then(|| {
        let mut refusal = Response::to(request, 422);
        refusal.set_to_tag("long");
        refusal.headers.push(Name::MinSe, "2400");
        refusal
    })
}

/// A gateway's refusal, with the cause of the network behind it.
fn gateway<const CODE: u16, const CAUSE: u16>(request: &Request) -> Option<Response> {
    (request.method == Method::Invite).then(|| {
        let mut refusal = Response::to(request, CODE);
        refusal.set_to_tag("gateway");
        let reason = format!("Q.850;cause={CAUSE};text=\"said behind\"");
        refusal.headers.push(Name::Reason, reason);
        refusal
    })
}

/// It cannot now, and says for how long, if at all.
fn overloaded<const SECONDS: u32>(request: &Request) -> Option<Response> {
    (request.method == Method::Invite).then(|| {
        let mut refusal = Response::to(request, 503);
        refusal.set_to_tag("full");
        if SECONDS > 0 {
            let seconds = format!("{SECONDS} (in maintenance)");
            refusal.headers.push(Name::RetryAfter, seconds);
        }
        refusal
    })
}

/// RFC 3261 section 21.5.4, RFC 3263 section 4.3.
#[test]
fn an_address_that_says_how_long_it_cannot_comes_last_so_long() {
    use LineResult::{Answered, Failed};
    for (script, again) in [
        (
            overloaded::<60> as fn(&Request) -> Option<Response>,
            &[Answered][..],
        ),
        (overloaded::<0>, &[Failed, Answered]),
    ] {
        let line = format!("{{ uri: [\"{}\", \"{}\"] }}", at(0), at(1));
        let mut world = with(TRUNK, &line, 12);
        let first = world.phone("first", Manner::Rings, None);
        world.phone("second", Manner::Answers(s(1)), Some(s(2)));
        world.answers_by(first, script);
        for (after, more) in [
            (0, &[Failed, Answered][..]),
            (30, again),
            (60, &[Failed, Answered]),
        ] {
            world.run(s(after));
            let before = tries(&world).len();
            dials_field(&mut world);
            world.run(s(5));
            assert_eq!(tries(&world)[before..], *more, "{after}");
        }
    }
}

/// RFC 6432.
#[test]
fn a_gateway_that_names_the_cause_behind_it_is_believed() {
    use LineResult::{Answered, Busy, Failed, NoAnswer, Refused};
    for (script, tried) in [
        (
            gateway::<503, 0> as fn(&Request) -> Option<Response>,
            &[Failed, Answered][..],
        ),
        (gateway::<503, 34>, &[Failed, Answered]),
        (gateway::<503, 17>, &[Busy]),
        (gateway::<500, 19>, &[NoAnswer]),
        (gateway::<408, 31>, &[NoAnswer, Answered]),
        (gateway::<408, 18>, &[NoAnswer]),
        (gateway::<480, 17>, &[Busy]),
        (gateway::<480, 272>, &[NoAnswer]),
        (gateway::<486, 19>, &[Busy]),
        (gateway::<404, 17>, &[Refused]),
    ] {
        let line = format!("{{ uri: [\"{}\", \"{}\"] }}", at(0), at(1));
        let mut world = with(TRUNK, &line, 11);
        let first = world.phone("first", Manner::Rings, None);
        world.phone("second", Manner::Answers(s(1)), Some(s(5)));
        world.answers_by(first, script);
        dials_field(&mut world);
        world.run(s(4));
        assert_eq!(tries(&world), tried);
    }
}
