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
    assert_eq!(callbacks.not_dialled(&whom, other), None, "another dials");
    assert_eq!(callbacks.not_dialled(&whom, key()).unwrap().attempts, 1);
    assert_eq!(callbacks.not_dialled(&whom, key()), None, "nobody dials");
    let next = || callbacks.find(&whom).unwrap().callback.next_ms;
    for (wanted, kept) in [(None, 20), (Some(7), 20), (Some(90), 90)] {
        assert!(callbacks.begin(&whom, key()).is_some(), "it rests");
        callbacks.let_go(&whom, key(), wanted);
        assert_eq!(next(), kept, "no sooner than was said before");
    }
    assert_eq!(callbacks.remove(&whom, &"b".into()).map(drop), None);
    assert_eq!(callbacks.remove(&whom, &"a".into()).map(drop), Some(()));
}

#[test]
fn each_queue_has_its_own_and_all_are_told_in_order_of_age() {
    let callbacks = Callbacks::default();
    let most = settings(1, 9);
    let mut other = pending("2", "b", 50);
    other.callback.queue = "sales".into();
    assert_eq!(callbacks.promise(other, &most), Ok(Promised::Made));
    assert_eq!(
        callbacks.promise(pending("1", "a", 70), &most),
        Ok(Promised::Made)
    );
    let mut third = pending("3", "c", 60);
    third.callback.queue = "experts".into();
    assert_eq!(callbacks.promise(third, &most), Ok(Promised::Made));
    let all = callbacks.all();
    let ids: Vec<&str> = all.iter().map(|one| one.callback.id.as_str()).collect();
    assert_eq!(ids, ["b", "c", "a"]);
}

#[test]
fn what_an_earlier_process_promised_counts_until_the_number_is_forgotten() {
    let most = settings(9, 1);
    for restored in [true, false] {
        let callbacks = Callbacks::default();
        let earlier = pending("0031612345678", "a", 1_000);
        let whom = earlier.callback.key();
        if restored {
            callbacks.restore(earlier);
            assert!(callbacks.take(&whom).is_some());
        } else {
            callbacks.remember(&whom.number, 1_000);
        }
        let again = || callbacks.promise(pending("0031612345678", "b", 2_000), &most);
        assert_eq!(again(), Err(TooMany::Number), "{restored}");
        callbacks.forget(&Telephone::read("+31600000000").unwrap());
        assert_eq!(again(), Err(TooMany::Number), "another is forgotten");
        callbacks.forget(&Telephone::read("+31612345678").unwrap());
        assert_eq!(again(), Ok(Promised::Made));
    }
}

#[test]
fn numbers_of_more_than_an_hour_ago_are_cleared_before_they_are_many() {
    let callbacks = Callbacks::default();
    for number in 0..COUNTED {
        callbacks.remember(&number.to_string().as_str().into(), 0);
    }
    let later = pending("06", "a", 3_600_000);
    assert_eq!(
        callbacks.promise(later, &settings(9, 1)),
        Ok(Promised::Made)
    );
    assert_eq!(callbacks.recent.len(), 1);
}
