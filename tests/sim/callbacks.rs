//! Customers who are called back: the place that they keep, who is dialled, how often, and
//! who never is.

use exchange::call::Doing as Stands;
use exchange::model::{CallbackResult, Hangup, Overtake};
use exchange::shard::Input;
use exchange::sim::{Chance, Doing, Manner, PhoneId};
use exchange::sip::{Method, Name};

use super::*;

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
fn a_queue_that_is_full_of_promises_makes_no_more() {
    let (mut world, customer) = with("max_pending: 1", 9);
    away(&mut world);
    promised(&mut world);
    let other = waits(&mut world);
    assert!(world.press(other, "1"));
    world.run(s(5));
    assert_eq!(
        world.doing(other),
        Doing::Talking,
        "the flow goes on with sorry"
    );
    assert_eq!(world.callbacks().len(), 1);
    world.hang_up(other);
    world.cancel_callback(0);
    settle(&mut world);
    assert_eq!(results(&world), [(CallbackResult::Cancelled, 0)]);
    assert_eq!(rang(&world, customer), 0);
}

#[test]
fn a_number_that_is_not_allowed_is_never_dialled() {
    let (mut world, customer) = with("", 10);
    away(&mut world);
    let caller = waits(&mut world);
    assert!(world.press(caller, "2"));
    world.run(s(5));
    assert_eq!(
        world.doing(caller),
        Doing::Talking,
        "the flow goes on with sorry"
    );
    assert_eq!(world.callbacks(), []);
    world.hang_up(caller);
    comes(&mut world);
    settle(&mut world);
    assert_eq!(rang(&world, customer), 0);
}

#[test]
fn a_callback_is_cancelled_until_the_customer_is_dialled() {
    let (mut world, customer) = with("", 11);
    let ann = away(&mut world);
    promised(&mut world);
    world.cancel_callback(0);
    comes(&mut world);
    world.run(s(30));
    assert_eq!(world.doing(ann), Doing::Idle);
    world
        .order("ann", exchange::shard::Order::Pause(None))
        .unwrap();
    world.manner(customer, Manner::Rings);
    promised(&mut world);
    comes(&mut world);
    assert!(world.run_until(s(20), |w| w.doing(customer) == Doing::Ringing));
    world.cancel_callback(0);
    world.run(s(1));
    assert_eq!(world.doing(customer), Doing::Ringing, "too late");
    world.hang_up(ann);
    world.run(s(1));
    world.cancel_callback(0);
    settle(&mut world);
    let both = [
        (CallbackResult::Cancelled, 0),
        (CallbackResult::Cancelled, 1),
    ];
    assert_eq!(results(&world), both);
    assert_eq!(world.kept(), []);
}

#[test]
fn without_operators_a_callback_waits_and_is_reported_at_last() {
    let (mut world, customer) = with("within: 30m", 12);
    let ann = away(&mut world);
    promised(&mut world);
    world.register(ann, 0);
    world.run(s(1_750));
    assert_eq!(world.callbacks().len(), 1);
    world.run(s(150));
    assert_eq!(results(&world), [(CallbackResult::Expired, 0)]);
    assert_eq!(rang(&world, customer), 0);
    settle(&mut world);
}

#[test]
fn who_calls_again_has_the_old_place_and_is_not_called() {
    let (mut world, customer) = with("", 13);
    let ann = away(&mut world);
    let caller = promised(&mut world);
    let other = waits(&mut world);
    world.dials(caller, "66");
    world.run(s(5));
    assert_eq!(results(&world), [(CallbackResult::CalledIn, 0)]);
    assert_eq!(world.callbacks(), []);
    comes(&mut world);
    assert!(world.run_until(s(10), |w| w.bridged(caller, ann)));
    world.hang_up(caller);
    assert!(world.run_until(s(30), |w| w.bridged(other, ann)));
    world.hang_up(other);
    settle(&mut world);
    assert_eq!(rang(&world, customer), 0);
}

#[test]
fn two_promises_for_one_number_are_one() {
    let (mut world, customer) = with("", 14);
    let ann = away(&mut world);
    let caller = promised(&mut world);
    // The same number again: it has its place back, and gives it up once more.
    world.dials(caller, "66");
    world.run(s(3));
    assert!(world.press(caller, "1"));
    world.run(s(5));
    assert_eq!(world.callbacks().len(), 1);
    comes(&mut world);
    assert!(world.run_until(s(10), |w| w.bridged(customer, ann)));
    settle(&mut world);
    let ends = [(CallbackResult::CalledIn, 0), (CallbackResult::Answered, 1)];
    assert_eq!(results(&world), ends);
    assert_eq!(rang(&world, customer), 1);
}

#[test]
fn nobody_is_promised_more_than_so_many_an_hour() {
    let (mut world, _) = with("per_hour: 2", 15);
    away(&mut world);
    let caller = promised(&mut world);
    for turn in 2..=3 {
        world.cancel_callback(0);
        world.dials(caller, "66");
        world.run(s(3));
        assert!(world.press(caller, "1"));
        world.run(s(5));
        let made = usize::from(turn <= 2);
        assert_eq!(world.callbacks().len(), made, "turn {turn}");
    }
    world.hang_up(caller);
    settle(&mut world);
}

#[test]
fn what_cannot_be_noted_is_not_dialled() {
    let (mut world, customer) = with("every: 1m", 16);
    let ann = away(&mut world);
    promised(&mut world);
    world.break_disk(true);
    comes(&mut world);
    assert!(world.run_until(s(10), |w| w.doing(ann) == Doing::Talking));
    world.run(s(3));
    assert_eq!(world.doing(ann), Doing::Idle);
    assert_eq!(world.operator_state("ann"), OperatorState::Ready);
    assert_eq!(rang(&world, customer), 0);
    assert_eq!(world.callbacks()[0].0.attempts, 0);
    world.break_disk(false);
    assert!(world.run_until(s(90), |w| w.bridged(customer, ann)));
    settle(&mut world);
    assert_eq!(results(&world), [(CallbackResult::Answered, 1)]);
}

#[test]
fn a_process_that_dies_while_it_dials_does_not_dial_that_attempt_again() {
    let (mut world, customer) = with("every: 5m", 17);
    world.manner(customer, Manner::Rings);
    away(&mut world);
    promised(&mut world);
    comes(&mut world);
    assert!(world.run_until(s(20), |w| w.doing(customer) == Doing::Ringing));
    let left = world.kept();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].attempts, 1);
    let (mut next, customer) = with("every: 5m", 18);
    let ann = next.operator("ann", Manner::Answers(s(1)), None);
    next.run(s(1));
    let other = waits(&mut next);
    assert!(next.run_until(s(10), |w| w.bridged(other, ann)));
    next.remember(left);
    next.run(s(200));
    assert_eq!(rang(&next, customer), 0, "not before its time");
    let late = waits(&mut next);
    next.run(s(200));
    next.hang_up(other);
    assert!(next.run_until(s(30), |w| w.bridged(customer, ann)));
    assert_eq!(next.doing(late), Doing::Talking, "the older one first");
    next.hang_up(late);
    settle(&mut next);
    assert_eq!(results(&next), [(CallbackResult::Answered, 2)]);
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
fn a_server_that_stops_leaves_its_promises_to_the_next() {
    let (mut world, customer) = with("", 20);
    let ann = away(&mut world);
    promised(&mut world);
    assert!(matches!(world.callbacks()[0].1, Stands::Waits(_)));
    world.tell(|| Input::Drain);
    comes(&mut world);
    world.run(s(100));
    world.tell(|| Input::Goodbye);
    world.run(s(5));
    assert_eq!(world.doing(ann), Doing::Idle);
    assert_eq!(rang(&world, customer), 0);
    assert_eq!(world.kept().len(), 1);
    assert_eq!(results(&world), []);
    let records = world.records();
    assert_eq!(records.len(), 1, "no record of a call that never was");
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

/// Who waits, as the events tell it.
#[derive(Default)]
struct Waiters {
    /// Callers and promises, with when they were first queued.
    ages: BTreeMap<CallId, Duration>,
    /// Since when calls wait.
    queued: BTreeMap<CallId, Duration>,
}

#[test]
fn no_callback_overtakes_an_older_caller_and_none_is_overtaken() {
    for seed in 0..12 {
        let (mut world, customer) = with("", 1_000 + seed);
        let mut chance = Chance::new(seed);
        world.manner(customer, Manner::Answers(ms(1_500)));
        away(&mut world);
        let mut callers = Vec::new();
        for _ in 0..40 {
            world.run(chance.time(s(8)));
            match chance.below(10) {
                0..4 => callers.push(world.caller("66", Some(s(15)))),
                4..7 => {
                    let at = chance.below(callers.len() as u64 + 1);
                    let at = usize::try_from(at).unwrap();
                    if let Some(caller) = callers.get(at) {
                        world.press(*caller, "1");
                    }
                }
                7 => comes(&mut world),
                8 => {
                    world.order("ann", exchange::shard::Order::Pause(None)).ok();
                }
                _ => {
                    let at = chance.below(callers.len() as u64 + 1);
                    if let Some(caller) = callers.get(usize::try_from(at).unwrap()) {
                        world.hang_up(*caller);
                    }
                }
            }
        }
        comes(&mut world);
        world.run(s(2_500));
        for caller in callers {
            world.hang_up(caller);
        }
        settle(&mut world);
        in_order(&world, seed);
    }
}

/// Follows the events: whoever is offered is the oldest of those who wait.
fn in_order(world: &World, seed: u64) {
    // Of which promise a call was, which is told only once an operator is there.
    let promises: BTreeMap<CallId, CallId> = world
        .events()
        .iter()
        .filter_map(|(_, event)| match event {
            Event::CallingBack { call, callback, .. } => Some((call.clone(), callback.clone())),
            _ => None,
        })
        .collect();
    let mut waiters = Waiters::default();
    let mut served = 0;
    for (at, event) in world.events() {
        match event {
            Event::Queued { call, .. } => {
                waiters.queued.insert(call.clone(), *at);
                waiters.ages.insert(call.clone(), *at);
            }
            Event::Dequeued { call, .. } => {
                waiters.ages.remove(call);
            }
            Event::CallbackPromised { call, callback, .. } => {
                let since = waiters.queued.get(call).expect("who waited");
                waiters.ages.insert(callback.clone(), *since);
            }
            Event::CallbackEnded { callback, .. } => {
                waiters.ages.remove(callback);
            }
            // Whoever missed the older one is not offered it at once.
            Event::Offered { overtook, .. } if *overtook == Some(Overtake::Missed) => {}
            Event::Offered { call, overtook, .. } => {
                assert_eq!(*overtook, None, "seed {seed} at {at:?}");
                let who = promises.get(call).unwrap_or(call);
                let age = waiters.ages.get(who).expect("who waits");
                let older = waiters.ages.values().filter(|other| *other < age);
                assert_eq!(older.count(), 0, "seed {seed} at {at:?}: {who}");
                served += usize::from(promises.contains_key(call));
            }
            _ => {}
        }
    }
    assert!(served > 0 || seed > 0, "the first seed calls somebody back");
}
