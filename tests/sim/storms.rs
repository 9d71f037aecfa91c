//! Many at once, over bad networks: whatever happens, nothing is left.

use exchange::sim::{Chance, Link, Manner, World};

use crate::{ms, s, settle, world};

fn manner(chance: &mut Chance) -> Manner {
    match chance.below(8) {
        0 => Manner::Refuses(486),
        1 => Manner::Refuses(603),
        2 => Manner::Rings,
        3 => Manner::Dead,
        _ => Manner::Answers(chance.time(s(8))),
    }
}

fn storm(seed: u64) -> World {
    let mut chance = Chance::new(seed);
    let stay = if chance.percent(50) { "stay" } else { "pause" };
    let mut world = world(
        &format!(
            "missed_offer: {stay}, max_waiting: 5, max_wait: 60s, offer_timeout: 6s, escalate: [{{ after: 8s, relax: {{ help: 1 }} }}, {{ after: 15s, line: experts }}]"
        ),
        seed,
    );
    let mut operators = Vec::new();
    for name in ["ann", "bea", "cas", "dan"] {
        let manner = Manner::Answers(chance.time(s(5)));
        let talks = chance.percent(50).then(|| chance.time(s(20)));
        operators.push(world.operator(name, manner, talks));
    }
    world.run(s(2));
    world.link(Link {
        delay: chance.time(ms(80)),
        loss: chance.below(12),
    });
    let mut callers = Vec::new();
    for _ in 0..40 {
        let talks = chance.percent(70).then(|| chance.time(s(40)));
        callers.push(world.caller("1", talks));
        world.run(chance.time(s(4)));
        if let Some(caller) = callers.get(usize::try_from(chance.below(40)).unwrap_or(0)) {
            match chance.below(6) {
                0 => world.hang_up(*caller),
                1 => drop(world.press(*caller, "1")),
                2 => drop(world.press(*caller, "*")),
                3 => world.manner(*caller, Manner::Dead),
                _ => {}
            }
        }
        let at = usize::try_from(chance.below(4)).unwrap_or(0);
        match chance.below(16) {
            0 => world.manner(operators[at], manner(&mut chance)),
            1 => world.register(operators[at], 0),
            2 | 3 => world.register(operators[at], 600),
            4 => world.hang_up(operators[at]),
            5..8 => world.consult(operators[at], ["ann", "bea", "experts", "5"][at]),
            8..10 => world.refer_to_second(operators[at]),
            10 | 11 => {
                let to = ["help", "dan", "experts", "5"][at];
                world.refer(operators[at], &format!("sip:{to}@centrale.localhost"));
            }
            _ => {}
        }
    }
    for phone in callers.into_iter().chain(operators) {
        world.hang_up(phone);
    }
    world
}

#[test]
fn nothing_is_left_after_a_storm() {
    for seed in 0..60 {
        let caught = std::panic::catch_unwind(|| {
            let mut world = storm(seed);
            world.run(s(120));
            settle(&mut world);
        });
        assert!(caught.is_ok(), "seed {seed}");
    }
}

#[test]
fn the_same_seed_makes_the_same_day() {
    let told = |seed| format!("{:?}", storm(seed).events());
    assert_eq!(told(7), told(7));
    assert_ne!(told(7), told(8));
}
