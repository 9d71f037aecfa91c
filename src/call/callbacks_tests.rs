#![expect(clippy::disallowed_methods, reason = "any instant will do")]

use super::*;

const CALL: u64 = 7;

fn key() -> CallKey {
    CallKey::new(ShardId(0), CALL)
}

fn pending(number: &str, id: &str, promised_ms: u64) -> Pending {
    Pending {
        callback: Callback {
            id: id.into(),
            queue: "help".into(),
            number: number.into(),
            called: "1".into(),
            project: None,
            require: Requirement::default(),
            prefer: Requirement::default(),
            priority: 0,
            since_ms: promised_ms,
            promised_ms,
            next_ms: promised_ms,
            attempts: 0,
        },
        age: Instant::now() + Duration::from_millis(promised_ms),
        home: ShardId(0),
        doing: Doing::Rests,
    }
}

fn settings(max_pending: usize, per_hour: usize) -> CallbackSettings {
    CallbackSettings {
        max_pending,
        per_hour,
        ..CallbackSettings::by("out".into())
    }
}

#[test]
fn one_number_has_one_promise_in_one_queue_and_keeps_the_older_age() {
    let callbacks = Callbacks::default();
    let settings = settings(9, 9);
    let (one, other) = (pending("06", "a", 100), pending("06", "b", 50));
    let older = other.age;
    assert_eq!(callbacks.promise(one, &settings), Ok(Promised::Made));
    let known = callbacks.promise(other, &settings);
    assert_eq!(known, Ok(Promised::Known("a".into())));
    let all = callbacks.all();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].age, all[0].callback.since_ms), (older, 50));
}

#[test]
fn a_queue_has_so_many_and_a_number_so_many_an_hour() {
    let callbacks = Callbacks::default();
    let most = settings(2, 2);
    let promise = |number, at_ms| callbacks.promise(pending(number, "x", at_ms), &most);
    assert_eq!(promise("1", 0), Ok(Promised::Made));
    assert_eq!(promise("2", 0), Ok(Promised::Made));
    assert_eq!(promise("3", 0), Err(TooMany::Queue));
    let over = |number: &str| {
        let key = pending(number, "x", 0).callback.key();
        assert!(callbacks.take(&key).is_some());
    };
    over("1");
    assert_eq!(promise("1", 1_000), Ok(Promised::Made));
    over("1");
    assert_eq!(promise("1", 3_599_999), Err(TooMany::Number));
    assert_eq!(promise("1", 3_600_000), Ok(Promised::Made));
}

#[test]
fn only_one_that_waits_is_dialled_and_by_one_call() {
    let callbacks = Callbacks::default();
    let one = pending("06", "a", 0);
    let whom = one.callback.key();
    callbacks.restore(one);
    let other = CallKey::new(ShardId(1), CALL);
    assert_eq!(callbacks.dial(&whom, key(), 9), None, "nobody waits");
    assert!(callbacks.begin(&whom, key()).is_some());
    assert!(callbacks.begin(&whom, other).is_none(), "it waits already");
    assert_eq!(callbacks.dial(&whom, other, 9), None, "another waits");
    let dialled = callbacks.dial(&whom, key(), 9).unwrap();
    assert_eq!((dialled.attempts, dialled.next_ms), (1, 9));
    assert_eq!(callbacks.dial(&whom, key(), 9), None, "twice");
    assert!(callbacks.take(&whom).is_none(), "the phone rings");
    callbacks.let_go(&whom, other, None);
    assert!(callbacks.begin(&whom, other).is_none(), "another's word");
    callbacks.let_go(&whom, key(), None);
    assert!(callbacks.begin(&whom, key()).is_some());
    assert_eq!(callbacks.dial(&whom, key(), 20).unwrap().attempts, 2);
    assert_eq!(callbacks.not_dialled(&whom, key()).unwrap().attempts, 1);
    assert_eq!(callbacks.remove(&whom, &"b".into()).map(drop), None);
    assert_eq!(callbacks.remove(&whom, &"a".into()).map(drop), Some(()));
}
