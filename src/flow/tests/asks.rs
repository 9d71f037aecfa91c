//! Asks of the world outside.

use super::*;

const LOOK_UP: &str = "
  a:
    type: http
    request: { url: \"https://api.example.org/customers/${caller.number}?tone=${caller.name}\" }
    timeout: 2s
    save: { tier: /tier }
    status: { \"404\": unknown, \"4xx\": odd }
    ok: known
    error: sorry
  known: { type: branch, when: [{ if: vars.tier == 7, then: gold }], else: sorry }
  gold: { type: hangup, prompt: [gold] }
  unknown: { type: hangup, prompt: [unknown] }
  odd: { type: hangup, prompt: [odd] }
  sorry: { type: hangup, prompt: [sorry] }
";

#[test]
fn an_answer_decides_where_a_call_goes() {
    for (reply, then) in [
        ("http:200", "[known] [gold] play(en/gold)"),
        ("http:404", "[unknown] play(en/unknown)"),
        ("http:418", "[odd] play(en/odd)"),
        ("http:500", "fault(a outside) [sorry] play(en/sorry)"),
        ("http:none", "fault(a outside) [sorry] play(en/sorry)"),
        ("+2s", "fault(a outside) [sorry] play(en/sorry)"),
        ("http:late", ""),
        ("+1s", ""),
    ] {
        let told = story(LOOK_UP, &format!("begin up {reply}"));
        let last = told.lines().last().unwrap_or_default();
        assert_eq!(last, format!("{reply}: {then}").trim_end());
    }
}

#[test]
fn a_value_in_a_url_is_escaped() {
    check(
        LOOK_UP,
        "begin up",
        &expect![[r#"
            begin: answer
            up: [a] ask(Get https://api.example.org/customers/%2B31612345678?tone=)
        "#]],
    );
}

#[test]
fn keys_pressed_while_an_answer_is_waited_for_are_kept() {
    let nodes = "
  a: { type: http, request: { url: \"https://api.example.org/\" }, timeout: 2s, ok: m, error: m }
  m: { type: menu, prompt: [ask], keys: { \"1\": bye }, on_failure: bye }
  bye: { type: hangup }
";
    check(
        nodes,
        "begin up 1 http:200",
        &expect![[r#"
            begin: answer
            up: [a] ask(Get https://api.example.org/)
            1:
            http:200: [m] [bye] hangup
        "#]],
    );
}
