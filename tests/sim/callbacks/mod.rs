//! Customers who are called back: the place that they keep, who is dialled, how often, and
//! who never is.

use exchange::call::Doing as Stands;
use exchange::model::{CallbackResult, Hangup, Overtake};
use exchange::shard::Input;
use exchange::sim::{Chance, Doing, Manner, PhoneId};
use exchange::sip::{Method, Name};

use super::*;

mod kept;
mod order;
mod promises;

const ANN: &str = "ann: { secret: ann, skills: { help: 8 } }";
/// The first phone of each world is what the line leads to.
const LINE: &str = "{ uri: \"sip:out@10.0.0.0;transport=udp\" }";

/// A world whose queue calls back, and the customer's phone.
fn with(more: &str, seed: u64) -> (World, PhoneId) {
    with_help(more, "", seed)
}

fn with_help(more: &str, help: &str, seed: u64) -> (World, PhoneId) {
    let back = format!("callback: {{ line: field, allow: [\"06*\"], {more} }}, {help}");
    let mut world = world_outside((TRUNK, LINE), (&back, ANN), seed);
    let customer = world.phone("customer", Manner::Answers(s(2)), Some(s(20)));
    (world, customer)
}

/// Somebody who waits, asks to be called back, and has hung up.
fn promised(world: &mut World) -> PhoneId {
    let caller = waits(world);
    assert!(world.press(caller, "1"));
    assert!(world.run_until(s(5), |w| w.doing(caller) == Doing::Idle));
    caller
}

fn waits(world: &mut World) -> PhoneId {
    let caller = world.caller("66", None);
    assert!(world.run_until(s(3), |w| w.doing(caller) == Doing::Talking));
    world.run(s(1));
    caller
}

/// An operator, who may have been there when the others came: else nobody waits at all.
fn away(world: &mut World) -> PhoneId {
    let ann = world.operator("ann", Manner::Answers(s(3)), None);
    world.run(s(1));
    world
        .order("ann", exchange::shard::Order::Pause(None))
        .expect("a pause");
    ann
}

fn comes(world: &mut World) {
    world
        .order("ann", exchange::shard::Order::Ready)
        .expect("ready");
}

fn results(world: &World) -> Vec<(CallbackResult, u32)> {
    let told = world.events().iter().filter_map(|(_, event)| match event {
        Event::CallbackEnded {
            result, attempts, ..
        } => Some((*result, *attempts)),
        _ => None,
    });
    told.collect()
}

/// How often the customer's phone was asked to ring.
fn rang(world: &World, customer: PhoneId) -> usize {
    let heard = world.heard(customer).iter();
    let invites = heard.filter(|r| r.method == Method::Invite);
    invites
        .filter(|invite| invite.headers.to().is_ok_and(|to| to.tag().is_none()))
        .count()
}

fn outcomes(world: &World) -> Vec<Outcome> {
    world
        .records()
        .iter()
        .map(|record| record.outcome)
        .collect()
}

#[test]
fn a_customer_is_called_back_and_the_operator_is_there_first() {
    let (mut world, customer) = with("show: \"+31201234567\"", 1);
    let ann = away(&mut world);
    let caller = promised(&mut world);
    assert_eq!(world.callbacks().len(), 1);
    world.run(s(60));
    assert_eq!(rang(&world, customer), 0, "nobody is there");
    comes(&mut world);
    assert!(world.run_until(s(5), |w| w.doing(ann) == Doing::Talking));
    assert_eq!(
        rang(&world, customer),
        0,
        "the operator hears the tone first"
    );
    assert!(world.run_until(s(10), |w| w.bridged(customer, ann)));
    assert_eq!(world.callbacks(), []);
    assert_eq!(world.kept(), []);
    world.run(s(60));
    settle(&mut world);
    assert_eq!(world.doing(caller), Doing::Idle);
    assert_eq!(results(&world), [(CallbackResult::Answered, 1)]);
    let records = world.records();
    assert_eq!(records.len(), 2);
    let (first, back) = (records[0], records[1]);
    assert_eq!(first.outcome, Outcome::EndedInFlow);
    assert_eq!(back.outcome, Outcome::Answered);
    assert_eq!(back.hangup, Some(Hangup::Caller));
    assert!(first.callback.is_some());
    assert_eq!(first.callback, back.callback);
    assert_eq!(back.operator, Some("ann".into()));
    assert_eq!((back.number.as_str(), back.to.as_str()), ("callback", "66"));
    assert_eq!(back.from, first.from);
    assert!(back.waited >= s(60), "{:?}", back.waited);
    assert!((s(18)..s(22)).contains(&back.talked), "{:?}", back.talked);
    let heard = &world.heard(customer)[0];
    assert_eq!(heard.uri.user.as_deref(), Some(first.from.as_str()));
    assert_eq!(heard.uri.param("transport"), Some("udp"));
    let from = heard.headers.from().expect("From").uri;
    assert_eq!(from.user.as_deref(), Some("+31201234567"));
    assert!(heard.headers.first(&Name::Diversion).is_none());
    let offer = world
        .heard(ann)
        .iter()
        .find(|request| request.method == Method::Invite)
        .expect("an offer");
    let header = |name: &str| {
        let value = offer.headers.first(&Name::parse(name));
        value.map(std::borrow::Cow::into_owned)
    };
    let id = back.callback.as_ref().map(ToString::to_string);
    assert_eq!(header("X-Centrale-Callback"), id);
    assert_eq!(header("X-Centrale-Call"), Some(back.id.to_string()));
    let waited: u64 = header("X-Centrale-Waited").unwrap().parse().unwrap();
    assert!((60..70).contains(&waited), "{waited}");
    let from = offer.headers.from().expect("From").uri;
    assert_eq!(from.user.as_deref(), Some(first.from.as_str()));
}

#[test]
fn a_callback_keeps_its_place_among_those_who_wait() {
    let (mut world, customer) = with("", 2);
    let ann = away(&mut world);
    let first = waits(&mut world);
    promised(&mut world);
    let last = waits(&mut world);
    world.run(s(30));
    comes(&mut world);
    assert!(world.run_until(s(10), |w| w.bridged(first, ann)));
    world.hang_up(first);
    assert!(world.run_until(s(30), |w| w.bridged(customer, ann)));
    assert_eq!(world.doing(last), Doing::Talking);
    world.hang_up(customer);
    assert!(world.run_until(s(30), |w| w.bridged(last, ann)));
    world.hang_up(last);
    settle(&mut world);
    for (_, event) in world.events() {
        if let Event::Offered { overtook, .. } = event {
            assert_eq!(*overtook, None);
        }
    }
}

#[test]
fn who_does_not_answer_is_dialled_again_and_then_reported() {
    let more = "attempts: 3, every: 2m, ring: 20s";
    for (seed, manner) in [
        (3, Manner::Rings),
        (4, Manner::Refuses(486)),
        (5, Manner::Dead),
    ] {
        let (mut world, customer) = with(more, seed);
        world.manner(customer, manner);
        let ann = away(&mut world);
        promised(&mut world);
        comes(&mut world);
        for attempt in 1..=3 {
            let there = |w: &World| w.doing(ann) == Doing::Talking;
            assert!(world.run_until(s(130), there), "attempt {attempt}");
            world.run_until(s(60), |w| w.doing(ann) == Doing::Idle);
            // Nothing to wrap up, but a moment for the phone.
            world.run(ms(2_100));
            assert_eq!(world.operator_state("ann"), OperatorState::Ready);
        }
        world.run(s(400));
        if manner != Manner::Dead {
            assert_eq!(rang(&world, customer), 3, "{manner:?}");
        }
        assert_eq!(results(&world), [(CallbackResult::NotReached, 3)]);
        assert_eq!(world.kept(), []);
        let all = [
            Outcome::EndedInFlow,
            Outcome::NotReached,
            Outcome::NotReached,
            Outcome::NotReached,
        ];
        assert_eq!(outcomes(&world), all);
        settle(&mut world);
    }
}

#[test]
fn a_callback_that_was_not_answered_is_as_old_as_before() {
    let (mut world, customer) = with("every: 1m, ring: 10s", 6);
    world.manner(customer, Manner::Refuses(486));
    let ann = away(&mut world);
    promised(&mut world);
    comes(&mut world);
    assert!(world.run_until(s(20), |w| w.doing(ann) == Doing::Talking));
    assert!(world.run_until(s(20), |w| w.doing(ann) == Doing::Idle));
    let other = waits(&mut world);
    assert!(world.run_until(s(20), |w| w.bridged(other, ann)));
    let next = waits(&mut world);
    world.run(s(90));
    // Both wait: the one who was there before has the operator first.
    world.manner(customer, Manner::Answers(s(1)));
    world.hang_up(other);
    assert!(world.run_until(s(30), |w| w.bridged(customer, ann)));
    assert_eq!(world.doing(next), Doing::Talking);
    world.hang_up(next);
    settle(&mut world);
    assert_eq!(results(&world), [(CallbackResult::Answered, 2)]);
}

#[test]
fn an_operator_who_hangs_up_while_the_customer_rings_stops_the_ringing() {
    let (mut world, customer) = with("every: 1m", 7);
    world.manner(customer, Manner::Rings);
    let ann = away(&mut world);
    promised(&mut world);
    comes(&mut world);
    assert!(world.run_until(s(20), |w| w.doing(customer) == Doing::Ringing));
    world.hang_up(ann);
    world.run(s(3));
    assert_eq!(world.doing(customer), Doing::Idle);
    assert_eq!(world.operator_state("ann"), OperatorState::Ready);
    world.manner(customer, Manner::Answers(s(1)));
    world.run(s(50));
    assert_eq!(rang(&world, customer), 1, "not before a minute has passed");
    assert!(world.run_until(s(30), |w| w.bridged(customer, ann)));
    settle(&mut world);
    assert_eq!(results(&world), [(CallbackResult::Answered, 2)]);
}

#[test]
fn a_customer_who_answers_as_the_operator_hangs_up_is_left_to_nobody() {
    for seed in 0..40 {
        let (mut world, customer) = with("attempts: 1", 100 + seed);
        world.manner(customer, Manner::Answers(s(5)));
        let ann = away(&mut world);
        promised(&mut world);
        comes(&mut world);
        assert!(world.run_until(s(20), |w| w.doing(customer) == Doing::Ringing));
        world.run(s(5) - ms(1) + Duration::from_micros(50 * seed));
        world.hang_up(ann);
        world.run(s(3));
        assert_eq!(world.doing(customer), Doing::Idle, "seed {seed}");
        assert_eq!(world.doing(ann), Doing::Idle);
        settle(&mut world);
        let back = outcomes(&world)[1];
        let result = match back {
            Outcome::Answered => CallbackResult::Answered,
            _ => CallbackResult::NotReached,
        };
        assert_eq!(results(&world), [(result, 1)], "seed {seed}");
        assert_eq!(rang(&world, customer), 1);
    }
}

#[test]
fn an_offer_that_is_missed_rings_no_customer() {
    let (mut world, customer) = with_help("", "offer_timeout: 5s, missed_offer: pause", 8);
    let ann = away(&mut world);
    world.manner(ann, Manner::Rings);
    promised(&mut world);
    comes(&mut world);
    world.run(s(20));
    assert_eq!(world.operator_state("ann"), OperatorState::Paused);
    assert_eq!(rang(&world, customer), 0);
    assert_eq!(world.callbacks().len(), 1);
    world.manner(ann, Manner::Answers(s(1)));
    comes(&mut world);
    assert!(world.run_until(s(60), |w| w.bridged(customer, ann)));
    settle(&mut world);
    assert_eq!(results(&world), [(CallbackResult::Answered, 1)]);
}

#[test]
fn nobody_is_dialled_outside_of_opening_hours() {
    // The world begins at 20:26:40, and the office closes at 20:30.
    let (mut world, customer) = with("hours: office, within: 12h", 19);
    let ann = away(&mut world);
    promised(&mut world);
    world.run(s(300));
    comes(&mut world);
    world.run(s(3_000));
    assert_eq!(world.doing(ann), Doing::Idle);
    assert_eq!(rang(&world, customer), 0);
    assert_eq!(world.callbacks().len(), 1);
    // It opens at midnight.
    world.run(s(9_000));
    world.register(ann, 3_600);
    world.run(s(1));
    comes(&mut world);
    assert!(world.run_until(s(2_000), |w| w.bridged(customer, ann)));
    let since_midnight = world.elapsed().as_secs() - (3 * 3_600 + 33 * 60 + 20);
    assert!(since_midnight < 120, "{since_midnight}");
    settle(&mut world);
}

#[test]
fn a_customer_is_handed_on_like_any_other() {
    let (mut world, customer) = with("", 21);
    world.manner(customer, Manner::Answers(s(1)));
    let ann = away(&mut world);
    let dan = world.operator("dan", Manner::Answers(s(1)), Some(s(10)));
    promised(&mut world);
    comes(&mut world);
    assert!(world.run_until(s(20), |w| w.bridged(customer, ann)));
    world.refer(ann, "sip:experts@centrale.localhost");
    assert!(world.run_until(s(10), |w| w.bridged(customer, dan)));
    settle(&mut world);
    assert_eq!(results(&world), [(CallbackResult::Answered, 1)]);
}

#[test]
fn forks_of_a_customers_phone_are_hung_up() {
    let (mut world, customer) = with("", 22);
    world.manner(customer, Manner::Forks(s(1)));
    let ann = away(&mut world);
    promised(&mut world);
    comes(&mut world);
    assert!(world.run_until(s(20), |w| w.bridged(customer, ann)));
    world.run(s(2));
    assert!(!world.is_forked(customer));
    world.hang_up(customer);
    settle(&mut world);
}
