//! Callers whom the customer base knows.

use exchange::flow::{Answer, Customer, Unanswered};
use exchange::model::{Outcome, Telephone};
use exchange::sim::Manner;

use crate::{ms, outcome, record, s, settle, world};

fn zoe(last_operator: Option<&str>) -> Customer {
    Customer {
        name: Some("Zoë".into()),
        last_operator: last_operator.map(Into::into),
        ..Customer::of(Telephone::read("+31612345678").unwrap())
    }
}

#[test]
fn a_caller_gets_the_operator_who_talked_last() {
    for last in ["ann", "bea"] {
        let mut world = world("", 71);
        for name in ["ann", "bea"] {
            world.operator(name, Manner::Answers(s(2)), Some(s(20)));
        }
        world.run(s(1));
        let found = Answer::Customer(Some(Box::new(zoe(Some(last)))));
        world.reply(ms(5), Ok(found));
        let caller = world.caller("67", None);
        assert!(world.run_until(s(10), |w| w.talked(caller) == 1), "{last}");
        settle(&mut world);
        let operator = record(&world).operator.map(|name| name.to_string());
        assert_eq!(operator.as_deref(), Some(last));
    }
}

#[test]
fn who_is_not_found_goes_on_as_unknown() {
    for reply in [
        Some(Ok(Answer::Customer(None))),
        Some(Err(Unanswered::TimedOut)),
        None,
    ] {
        let mut world = world("", 72);
        world.operator("ann", Manner::Answers(s(2)), Some(s(20)));
        world.run(s(1));
        if let Some(reply) = reply {
            world.reply(ms(5), reply);
        }
        world.caller("67", None);
        settle(&mut world);
        assert_eq!(outcome(&world), Outcome::EndedInFlow);
    }
}
