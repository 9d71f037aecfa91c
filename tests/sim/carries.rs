//! What the flow gathered lands with the operator, and in the record.

use exchange::model::Event;
use exchange::sim::Manner;
use exchange::sip::Name;

use crate::{ms, record, s, settle, world};

#[test]
fn tags_and_variables_go_with_the_call_and_secrets_do_not() {
    let mut world = world("", 301);
    let ann = world.operator("ann", Manner::Answers(s(2)), Some(s(20)));
    world.run(s(1));
    let caller = world.caller("68", None);
    world.run(s(2));
    assert!(world.press(caller, "47"));
    world.run(ms(100));
    assert!(world.press(caller, "123"));
    assert!(world.run_until(s(5), |w| w.bridged(caller, ann)));
    let heard = world.heard(ann);
    let invite = heard.last().unwrap();
    let header = |name: &str| invite.headers.first(&Name::Other(name.into()));
    let tags = header("X-Centrale-Tags").map(std::borrow::Cow::into_owned);
    assert_eq!(tags.as_deref(), Some("complaint, order%2047"));
    assert_eq!(header("X-Centrale-Vars").as_deref(), Some("order=47"));
    settle(&mut world);
    let told = world.events().iter().filter_map(|(_, event)| match event {
        Event::Carried(carried) => Some(carried.tags.len()),
        _ => None,
    });
    // While the flow waits for the secret, when it was queued, and at its end with what came
    // after.
    assert_eq!(told.collect::<Vec<_>>(), [0, 2, 3]);
    let record = record(&world);
    let tags: Vec<&str> = record.tags.iter().map(|tag| &**tag).collect();
    assert_eq!(tags, ["complaint", "done", "order 47"]);
    assert_eq!(record.vars.get("order").map(|value| &**value), Some("47"));
    assert_eq!(record.vars.get("pin"), None);
}

/// How many tags and variables were told of a call, each time.
fn told(world: &exchange::sim::World) -> Vec<(usize, usize)> {
    let told = world.events().iter().filter_map(|(_, event)| match event {
        Event::Carried(carried) => Some((carried.tags.len(), carried.vars.len())),
        _ => None,
    });
    told.collect()
}

#[test]
fn what_is_carried_is_told_when_it_changes_and_nothing_is_not() {
    // Nothing is carried, and so no phone is told of it.
    let mut world = world("", 302);
    let ann = world.operator("ann", Manner::Answers(s(2)), Some(s(5)));
    let caller = world.caller("1", None);
    world.run(s(1));
    assert!(world.press(caller, "1"));
    assert!(world.run_until(s(5), |w| w.bridged(caller, ann)));
    let heard = world.heard(ann);
    let invite = heard.last().unwrap();
    for name in ["X-Centrale-Tags", "X-Centrale-Vars"] {
        assert_eq!(invite.headers.first(&Name::Other(name.into())), None);
    }
    settle(&mut world);
    assert_eq!(told(&world), []);

    // The same twice: when it is queued, and when it hangs up there. Nodes that wait for
    // nobody are not told of one by one.
    let mut world = crate::world("", 303);
    world.operator("ann", Manner::Rings, None);
    world.run(s(1));
    let caller = world.caller("68", None);
    world.run(s(2));
    assert!(world.press(caller, "47"));
    world.run(ms(100));
    assert_eq!(told(&world), [(0, 1)], "while the flow runs");
    assert!(world.press(caller, "123"));
    world.run(s(2));
    world.hang_up(caller);
    settle(&mut world);
    assert_eq!(told(&world), [(0, 1), (2, 1)]);
}
