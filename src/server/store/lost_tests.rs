//! Calls that a process did not live to end, as the next one finds them.

use std::time::{Duration, UNIX_EPOCH};

use exchange::call::{CallbackKey, Comeback};
use exchange::model::{CallId, DequeueReason, Event, Hangup, Outcome, Sequence, Stamped};
use exchange::record::{Ledger, StoredEvent};

use super::tests::{Folder, PATIENCE};
use super::{Item, Store};

fn begun(call: CallId) -> Event {
    begun_by(call, "+3120")
}

fn begun_by(call: CallId, from: &str) -> Event {
    Event::CallStarted {
        call,
        from: from.into(),
        to: "1000".into(),
        number: "1000".into(),
        flow: "welcome".into(),
        project: None,
        trunk: "local".into(),
    }
}

/// What a process tells of its calls: their beginning, a step, and the end of some.
fn lives(store: &Store, calls: &[(&str, bool)]) {
    let mut ledger = Ledger::new();
    let mut sequence = 0;
    let mut tell = |event: Event| {
        sequence += 1;
        let stamped = Stamped {
            sequence: Sequence(sequence),
            at: UNIX_EPOCH + Duration::from_secs(1_700_000_000 + sequence),
            event,
        };
        if let Some(record) = ledger.handle(&stamped) {
            store.write(Item::Record(Box::new(record)));
        }
        store.write(Item::Event(Box::new(StoredEvent::from(&stamped))));
    };
    for (call, ends) in calls {
        let call = || (*call).into();
        tell(begun(call()));
        tell(Event::FlowStep {
            call: call(),
            flow: "welcome".into(),
            node: "menu".into(),
            verb: "menu",
        });
        if *ends {
            tell(Event::CallEnded {
                call: call(),
                outcome: Outcome::EndedInFlow,
                hangup: Hangup::Flow,
                cause: None,
                said: exchange::model::Said::default(),
                lasted: Duration::from_secs(1),
            });
        }
    }
    assert!(store.flush(PATIENCE));
}

#[test]
fn a_call_that_was_lost_with_its_process_has_a_record_and_others_keep_theirs() {
    let folder = Folder::new();
    let store = Store::open(&folder.database(), "one").unwrap();
    lives(&store, &[("ended", true), ("lost", false)]);
    assert!(store.close(PATIENCE));

    let store = Store::open(&folder.database(), "two").unwrap();
    // A call of its own goes on meanwhile.
    lives(&store, &[("goes-on", false)]);
    assert_eq!(store.close_lost_calls(PATIENCE).unwrap().0, 1);
    assert_eq!(store.close_lost_calls(PATIENCE).unwrap().0, 0);
    let record = store.record("lost").unwrap().unwrap();
    assert_eq!(
        (record.outcome, record.hangup),
        (Outcome::Failed, Some(Hangup::Fault))
    );
    assert_eq!((record.from.as_str(), record.path.len()), ("+3120", 1));
    let ended = store.record("ended").unwrap().unwrap();
    assert_eq!(ended.outcome, Outcome::EndedInFlow);
    assert_eq!(store.record("goes-on").unwrap(), None);
    assert!(store.close(PATIENCE));

    let store = Store::open(&folder.database(), "three").unwrap();
    assert_eq!(store.close_lost_calls(PATIENCE).unwrap().0, 1);
    assert!(store.record("goes-on").unwrap().is_some());
}

#[test]
fn the_beginning_of_a_call_that_comes_after_its_end_opens_nothing() {
    let folder = Folder::new();
    let store = Store::open(&folder.database(), "one").unwrap();
    lives(&store, &[("ended", true)]);
    // As from the spool, under a number that is free.
    let begun = Stamped {
        sequence: Sequence(50),
        at: UNIX_EPOCH,
        event: begun("ended".into()),
    };
    store.write(Item::Event(Box::new(StoredEvent::from(&begun))));
    assert!(store.close(PATIENCE));
    let store = Store::open(&folder.database(), "two").unwrap();
    assert_eq!(store.close_lost_calls(PATIENCE).unwrap().0, 0);
    let record = store.record("ended").unwrap().unwrap();
    assert_eq!(record.outcome, Outcome::EndedInFlow);
}

#[test]
fn who_waited_when_a_process_died_is_known_by_number_and_queue() {
    let folder = Folder::new();
    let store = Store::open(&folder.database(), "one").unwrap();
    let stories = [
        ("waits", "0612345678", &["queued"][..]),
        ("hides", "anonymous", &["queued"]),
        ("left", "0687654321", &["queued", "dequeued"]),
        ("listens", "0699999999", &[]),
    ];
    let mut second = 0;
    for (call, from, story) in stories {
        let call = || CallId::from(call);
        let queued = || Event::Queued {
            call: call(),
            queue: "help".into(),
            priority: 0,
        };
        let dequeued = || Event::Dequeued {
            call: call(),
            queue: "help".into(),
            waited: Duration::from_secs(1),
            exit: DequeueReason::Timeout,
        };
        let later = story.iter().map(|kind| match *kind {
            "queued" => queued(),
            _ => dequeued(),
        });
        for event in std::iter::once(begun_by(call(), from)).chain(later) {
            second += 1;
            let stamped = Stamped {
                sequence: Sequence(second),
                at: UNIX_EPOCH + Duration::from_secs(second),
                event,
            };
            store.write(Item::Event(Box::new(StoredEvent::from(&stamped))));
        }
    }
    assert!(store.close(PATIENCE));
    let store = Store::open(&folder.database(), "two").unwrap();
    let (calls, comebacks) = store.close_lost_calls(PATIENCE).unwrap();
    let back = Comeback {
        key: CallbackKey {
            queue: "help".into(),
            number: "0612345678".into(),
        },
        since_ms: 2_000,
        lost_ms: 2_000,
    };
    assert_eq!((calls, comebacks), (4, vec![back]));
}
