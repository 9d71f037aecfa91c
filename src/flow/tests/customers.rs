//! Callers whom the customer base knows.

use super::*;

const WHO: &str = "
  a: { type: customer, save: { first: name, who: last_operator }, found: known, unknown: b }
  b: { type: customer, account: '\"4711\"', found: known, unknown: sorry }
  known: { type: set, language: '${customer.language}', tags: ['${customer.name}'], next: which }
  which:
    type: branch
    when:
      - { if: '\"vip\" in customer.tags && vars.first == \"Zoe\" && size(customer.notes) == 300', then: vip }
    else: sorry
  vip:
    type: queue
    queue: support
    preferred_operator: { id: '${customer.last_operator}', hold_for: 20s }
    answered: sorry
    timeout: sorry
    full: sorry
    no_operators: sorry
    error: sorry
  sorry: { type: branch, when: [{ if: customer.name == null, then: nobody }], else: bye }
  nobody: { type: hangup, prompt: [unknown] }
  bye: { type: hangup, prompt: [goodbye] }
";

#[test]
fn a_customer_is_looked_up_by_number_and_then_by_account() {
    check(
        WHO,
        "begin up customer:nobody customer:zoe queue:full",
        &expect![[r#"
            begin: answer
            up: [a] ask(who has +31612345678)
            customer:nobody: [b] ask(whose account is 4711)
            customer:zoe: [known] [which] [sorry] [bye] play(nl/goodbye)
            queue:full:
        "#]],
    );
    check(
        WHO,
        "begin up customer:zoe",
        &expect![[r#"
        begin: answer
        up: [a] ask(who has +31612345678)
        customer:zoe: [known] [which] [vip] queue(support 0 for alice 20s)
    "#]],
    );
}

#[test]
fn who_is_not_found_in_time_is_unknown() {
    check(
        WHO,
        "begin up +1s customer:nobody",
        &expect![[r#"
        begin: answer
        up: [a] ask(who has +31612345678)
        +1s: fault(a outside) [b] ask(whose account is 4711)
        customer:nobody: [sorry] [nobody] play(en/unknown)
    "#]],
    );
    check(
        WHO,
        "begin up http:none http:none",
        &expect![[r#"
        begin: answer
        up: [a] ask(who has +31612345678)
        http:none: fault(a outside) [b] ask(whose account is 4711)
        http:none: fault(b outside) [sorry] [nobody] play(en/unknown)
    "#]],
    );
}

#[test]
fn a_caller_without_a_number_is_not_looked_for() {
    let nodes = "
  a: { type: customer, number: '\"anonymous\"', found: b, unknown: b }
  b: { type: hangup }
";
    check(
        nodes,
        "begin up",
        &expect![[r#"
        begin: answer
        up: [a] [b] hangup
    "#]],
    );
}

#[test]
fn an_account_that_nobody_can_have_is_not_looked_for() {
    let nodes = |account: &str| {
        format!(
            "  a: {{ type: customer, account: '{account}', found: z, unknown: u }}\n  u: {{ type: hangup, cause: 1 }}\n  z: {{ type: hangup }}\n"
        )
    };
    assert_eq!(ends(&nodes("caller.name"), "begin up"), "[a] [u] hangup(1)");
    assert_eq!(
        ends(&nodes("called"), "begin up"),
        "[a] ask(whose account is 1000)"
    );
}

#[test]
fn every_field_of_a_customer_can_be_saved() {
    let fields = [
        "number",
        "name",
        "language",
        "project",
        "notes",
        "last_operator",
    ];
    let saves: Vec<String> = fields
        .iter()
        .map(|field| format!("v_{field}: {field}"))
        .collect();
    let nodes = format!(
        "  a: {{ type: customer, save: {{ {} }}, found: z, unknown: z }}\n  z: {{ type: hangup }}\n",
        saves.join(", ")
    );
    let mut call = Call::new(flow(&nodes));
    tell(&mut call, "begin up");
    let customer = Customer {
        project: Some("internet".into()),
        ..zoe()
    };
    call.say(found(&call, Some(customer)));
    let vars = call.run.vars();
    let kept = |field: &str| vars[format!("v_{field}").as_str()].to_string();
    assert_eq!(kept("number"), "+31612345678");
    assert_eq!(
        (kept("name"), kept("language")),
        ("Zoe".into(), "nl".into())
    );
    assert_eq!(
        (kept("project"), kept("last_operator")),
        ("internet".into(), "alice".into())
    );
    assert_eq!(kept("notes").len(), 256, "cut as every variable is");
}

#[test]
fn what_is_too_much_is_told_nobody() {
    let data: Vec<String> = (0..70)
        .map(|n| format!("d{n}: \"${{customer.notes}}\""))
        .collect();
    let nodes = |data: &[String]| {
        format!(
            "  a: {{ type: customer, found: b, unknown: z }}\n  b: {{ type: notify, event: x, data: {{ {} }}, next: z }}\n  z: {{ type: hangup }}\n",
            data.join(", ")
        )
    };
    let few = ends(&nodes(&data[..2]), "begin up customer:zoe");
    assert!(few.starts_with("[b] notify(x {"), "{few}");
    let all = ends(&nodes(&data), "begin up customer:zoe");
    assert_eq!(all, "[b] fault(b expression) [z] hangup");
}

#[test]
fn an_event_has_a_name_of_some_letters() {
    let longest = "x".repeat(64);
    let longer = "x".repeat(65);
    for (name, fits) in [
        ("order.cancelled", true),
        (&longest, true),
        ("", false),
        (&longer, false),
        ("a b", false),
    ] {
        let text = whole(&format!(
            "  a: {{ type: notify, event: \"{name}\", next: z }}\n  z: {{ type: hangup }}\n"
        ));
        assert_eq!(try_load(&text).is_ok(), fits, "{name}");
    }
}
