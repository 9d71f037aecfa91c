//! Callbacks over HTTP: the list, one, and the end of one.

use std::time::Duration;

use exchange::call::{Doing, Pending};
use exchange::model::{CallKey, ShardId};

use super::scene_tests::scene;
use super::tests::is_problem;

fn pending(id: &str, number: &str, order: u64) -> Pending {
    let callback = serde_json::json!({
        "id": id, "queue": "support", "number": number, "called": "1000",
        "project": null, "require": {}, "prefer": {}, "priority": 0,
        "since_ms": 1_700_000_000_000_u64, "promised_ms": 1_700_000_000_250_u64,
        "next_ms": 1_700_000_060_000_u64, "attempts": 1,
    });
    Pending {
        callback: serde_json::from_value(callback).unwrap(),
        age: crate::server::clock::now() + Duration::from_secs(order),
        home: ShardId(3),
        doing: Doing::Rests,
    }
}

#[test]
fn callbacks_are_listed_in_order_and_cancelled_by_their_shard() {
    let scene = scene();
    let callbacks = &scene.shared.callbacks;
    let (one, other) = (pending("x.1", "0612", 2), pending("y.1", "0634", 1));
    let key = other.callback.key();
    callbacks.restore(one);
    callbacks.restore(other);
    let list = scene
        .house
        .read("/api/v1/callbacks?limit=1&queue=support")
        .json();
    assert_eq!(list["total"], 2);
    assert_eq!(
        list["callbacks"],
        serde_json::json!([{
            "id": "y.1", "queue": "support", "number": "0634", "called": "1000",
            "project": null, "state": "resting", "attempts": 1, "waited_s": 12.0,
            "promised": "2023-11-14T22:13:20.250Z", "next": "2023-11-14T22:14:20.000Z",
        }])
    );
    let none = scene.house.read("/api/v1/callbacks?queue=sales").json();
    assert_eq!(none["total"], 0);
    let one = scene.house.read("/api/v1/callbacks/x.1").json();
    assert_eq!(one["number"], "0612");
    scene.house.problem("/api/v1/callbacks/z.1", 404);
    scene.house.problem("/api/v1/callbacks?lim=1", 400);

    let delete = |id: &str, headers: &str| {
        let path = format!("/api/v1/callbacks/{id}");
        scene.house.ask("DELETE", &path, headers)
    };
    let local = "Host: localhost\r\n";
    is_problem(&delete("z.1", local), 404);
    let foreign = "Host: localhost\r\nOrigin: http://evil.example\r\n";
    is_problem(&delete("y.1", foreign), 403);
    assert!(scene.told().is_empty());
    assert_eq!(delete("y.1", local).status, 202);
    let told = scene.told();
    assert!(told[0].starts_with("shard 3: CancelCallback"), "{told:?}");
    let call = CallKey::new(ShardId(0), 9);
    assert!(callbacks.begin(&key, call).is_some());
    assert!(callbacks.dial(&key, call, 0).is_some());
    is_problem(&delete("y.1", local), 409);
}
