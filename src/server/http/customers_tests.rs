//! The customer base over the wire.

use serde_json::{Value, json};

use super::scene_tests::JSON;
use super::tests::{Answer, House, is_problem};

const CSV: &str = "Content-Type: text/csv\r\n";

fn send(house: &House, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    house.send(&format!(
        "{method} /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    ))
}

fn put(house: &House, number: &str, body: &str) -> Answer {
    send(house, "PUT", &format!("customers/{number}"), JSON, body)
}

fn patch(house: &House, number: &str, body: &str) -> Answer {
    send(house, "PATCH", &format!("customers/{number}"), JSON, body)
}

fn import(house: &House, query: &str, body: &str) -> Answer {
    send(
        house,
        "POST",
        &format!("customers/import{query}"),
        CSV,
        body,
    )
}

#[test]
fn a_customer_is_kept_changed_shown_and_removed() {
    let house = House::open();
    house.problem("/api/v1/customers/31612345678", 404);
    let zoe = r#"{"name": "Zoë", "language": "NL", "tags": ["vip"], "notes": "late"}"#;
    let answer = put(&house, "%2B31612345678", zoe);
    assert_eq!(answer.status, 201, "{}", answer.body);
    let mut expected = json!({
        "number": "+31612345678", "account": null, "name": "Zoë", "language": "nl",
        "project": null, "notes": "late", "tags": ["vip"], "last_operator": null,
    });
    assert_eq!(answer.json(), expected);
    for path in ["31612345678", "+31612345678", "0031612345678"] {
        let shown = house.read(&format!("/api/v1/customers/{path}"));
        assert_eq!(shown.json(), expected, "{path}");
    }
    let changes = r#"{"notes": null, "account": "4711", "tags": []}"#;
    let answer = patch(&house, "31612345678", changes);
    assert_eq!(answer.status, 200, "{}", answer.body);
    expected["notes"] = Value::Null;
    expected["account"] = "4711".into();
    expected["tags"] = json!([]);
    assert_eq!(answer.json(), expected);
    let page = house.read("/api/v1/customers?account=4711").json();
    assert_eq!(page, json!({"customers": [expected], "next": null}));
    let answer = send(&house, "DELETE", "customers/31612345678", "", "");
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    is_problem(
        &send(&house, "DELETE", "customers/31612345678", "", ""),
        404,
    );
    is_problem(&patch(&house, "31612345678", "{}"), 404);
}

#[test]
fn what_is_wrong_with_a_customer_is_said() {
    let house = House::open();
    put(&house, "1000", "{}");
    for (answer, status, says) in [
        (put(&house, "1000", "["), 400, "tags"),
        (put(&house, "1000", r#"{"x": 1}"#), 422, "unknown field `x`"),
        (
            put(&house, "1000", r#"{"number": "1001"}"#),
            422,
            "leave it out",
        ),
        (
            put(&house, "1000", r#"{"account": "x"}"#),
            422,
            "digits alone",
        ),
        (put(&house, "anonymous", "{}"), 400, "2 to 20 digits"),
        (patch(&house, "1000", "[]"), 422, "notes"),
        (
            patch(&house, "1000", r#"{"number": null}"#),
            422,
            "taken away",
        ),
        (
            patch(&house, "1000", r#"{"tags": "vip"}"#),
            422,
            "invalid type",
        ),
        (
            patch(&house, "1000", r#"{"vip": true}"#),
            422,
            "unknown field `vip`",
        ),
        (
            send(&house, "PUT", "customers/1000", "", "{}"),
            415,
            "application/json",
        ),
        (house.read("/api/v1/customers?limit=0"), 400, "limit"),
        (house.read("/api/v1/customers?name=x"), 400, "name"),
    ] {
        let detail = is_problem(&answer, status);
        assert!(detail.contains(says), "{detail}");
    }
}

#[test]
fn a_list_is_imported_whole_or_not_at_all() {
    let house = House::open();
    let list = "number,name,tags\n+31612345678,Zoë,vip;late\nx,Bob,\n1000,Cat,\n";
    let refused = import(&house, "", list);
    let detail = is_problem(&refused, 422);
    assert!(detail.contains("1 lines are bad"), "{detail}");
    let lines = &refused.json()["lines"];
    assert_eq!(lines[0]["line"], 3);
    assert!(lines[0]["detail"].as_str().unwrap().contains("`number`"));
    let nobody = house.read("/api/v1/customers").json();
    assert_eq!(nobody["customers"], json!([]));
    let answer = import(&house, "?skip_bad=true", list).json();
    assert_eq!(
        (&answer["added"], &answer["changed"], &answer["skipped"]),
        (&json!(2), &json!(0), &json!(1))
    );
    let export = house.read("/api/v1/customers/export?limit=1");
    assert!(export.head.contains("content-type: text/csv"));
    let next = "link: </api/v1/customers/export?after=1000&limit=1>; rel=\"next\"";
    assert!(export.head.contains(next), "{}", export.head);
    let expected =
        "number,account,name,language,project,notes,tags,last_operator\n1000,,Cat,,,,,\n";
    assert_eq!(export.body, expected);
    for (answer, status, says) in [
        (import(&house, "", "1000,Cat\n"), 422, "known are number"),
        (import(&house, "?skip=1", list), 400, "skip_bad"),
        (import(&house, "?skip_bad=yes", list), 400, "true or false"),
        (
            send(&house, "POST", "customers/import", JSON, list),
            415,
            "text/csv",
        ),
    ] {
        let detail = is_problem(&answer, status);
        assert!(detail.contains(says), "{detail}");
    }
}

#[test]
fn a_list_may_be_larger_than_other_bodies_and_not_without_bound() {
    let house = House::open();
    let row = |n| format!("{n},{}\n", "x".repeat(150));
    let rows: String = (10_000..12_000).map(row).collect();
    let answer = import(&house, "", &format!("number,name\n{rows}"));
    assert_eq!(answer.json()["added"], 2000);
    let many: String = (100_000..150_001).map(|n| format!("{n}\n")).collect();
    is_problem(&import(&house, "", &format!("number\n{many}")), 413);
    let head = "POST /api/v1/customers/import HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let answer = house.send(&format!("{head}{CSV}Content-Length: 8388609\r\n\r\n"));
    assert!(is_problem(&answer, 413).contains("8 MiB"));
}

#[test]
fn a_person_is_forgotten_with_a_receipt() {
    let house = House::open();
    put(&house, "%2B31612345678", r#"{"name": "Zoë"}"#);
    let path = "customers/0031612345678/forget";
    is_problem(&send(&house, "POST", path, "", ""), 415);
    let answer = send(&house, "POST", path, JSON, "{}");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let receipt = answer.json();
    assert_eq!(
        receipt["erased"],
        json!({
            "callbacks": 0, "customers": 1, "deliveries": 0, "events": 0, "messages": 0,
            "recordings": 0, "records": 0,
        })
    );
    assert!(!answer.body.contains("612345678"), "{}", answer.body);
    house.problem("/api/v1/customers/31612345678", 404);
    let receipts = house.read("/api/v1/receipts").json();
    assert_eq!(receipts, json!({"receipts": [receipt]}));
}

#[test]
fn a_live_call_shows_who_calls() {
    let house = House::open();
    let call = |id: &str| house.read(&format!("/api/v1/calls/{id}")).json();
    assert_eq!(call("c1")["customer"], Value::Null);
    put(&house, "%2B31612345678", r#"{"name": "Zoë"}"#);
    let shown = call("c2");
    assert_eq!(
        (&shown["from"], &shown["customer"]["name"]),
        (&json!("0031612345678"), &json!("Zoë"))
    );
    assert_eq!(call("c1")["customer"], Value::Null);
}
