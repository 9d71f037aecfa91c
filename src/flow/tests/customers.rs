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
