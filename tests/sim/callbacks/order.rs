//! Callbacks and callers among each other: nobody overtakes.

use super::*;

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
