//! Flows that call flows, and flows whose callers hang up.

use super::*;
use crate::flow::join;
use crate::model::FlowName;

const ABOVE: &str = "
version: 1
flow: above
start: a
languages: [en]
vars: { who: none, name: 5 }
limits: { max_steps: 12, on_limit: l }
nodes:
  a: { type: flow, name: below, params: { asked: \"${vars.name}\", more: true }, save: who, next: b, error: e }
  b: { type: hangup, prompt: [{ number: vars.name }, { number: vars.who }], cause: 16 }
  e: { type: hangup, prompt: [error] }
  l: { type: hangup, prompt: [{ number: vars.name }, limit] }
";
const BELOW: &str = "
version: 1
flow: below
start: a
languages: [en, nl]
vars: { asked: 0, more: false, own: 1 }
nodes:
  a: { type: menu, prompt: [{ number: vars.asked }, { number: vars.own }], keys: { \"1\": b, \"2\": c, \"3\": d, \"4\": a }, no_input: b, no_match: b }
  b: { type: return, value: \"${vars.asked + 1}\" }
  c: { type: set, language: nl, vars: { own: 2 }, next: b }
  d: { type: return }
";

/// Flows that know each other, and what is wrong with that.
fn joined(texts: &[&str]) -> (BTreeMap<FlowName, Arc<Flow>>, String) {
    let mut flows = BTreeMap::new();
    for text in texts {
        let flow = flow(text);
        flows.insert(flow.name().clone(), flow);
    }
    let known = flows.keys().cloned().collect();
    let mut diags = Vec::new();
    join(&flows, &known, &mut diags);
    let said: Vec<String> = diags.iter().map(brief).collect();
    (flows, said.join("\n"))
}

fn together(texts: &[&str], script: &str, expected: &Expect) {
    let (flows, wrong) = joined(texts);
    assert_eq!(wrong, "");
    let mut call = Call::new(Arc::clone(&flows["above"]));
    expected.assert_eq(&tell(&mut call, script));
}

#[test]
fn a_flow_is_called_with_variables_of_its_own_and_returns_a_value() {
    together(
        &[ABOVE, BELOW],
        "begin up heard 1",
        &expect![[r#"
        begin: answer
        up: [a] [a] play(en/number/5 en/number/1)
        heard:
        1: [b] [b] play(en/number/5 en/number/6)
    "#]],
    );
    together(
        &[ABOVE, BELOW],
        "begin up 3",
        &expect![[r#"
        begin: answer
        up: [a] [a] play(en/number/5 en/number/1)
        3: stop [d] [b] fault(b expression) play(en/number/5)
    "#]],
    );
}

#[test]
fn the_caller_goes_on_in_a_language_that_the_flow_speaks() {
    together(
        &[ABOVE, BELOW],
        "begin up 2",
        &expect![[r#"
        begin: answer
        up: [a] [a] play(en/number/5 en/number/1)
        2: stop [c] [b] [b] play(en/number/5 en/number/6)
    "#]],
    );
}

#[test]
fn the_steps_of_all_flows_are_counted_together() {
    together(
        &[ABOVE, BELOW],
        "begin up 44444444444444",
        &expect![[r#"
        begin: answer
        up: [a] [a] play(en/number/5 en/number/1)
        44444444444444: stop [a] play(en/number/5 en/number/1)
        44444444444444: stop [a] play(en/number/5 en/number/1)
        44444444444444: stop [a] play(en/number/5 en/number/1)
        44444444444444: stop [a] play(en/number/5 en/number/1)
        44444444444444: stop [a] play(en/number/5 en/number/1)
        44444444444444: stop [a] play(en/number/5 en/number/1)
        44444444444444: stop [a] play(en/number/5 en/number/1)
        44444444444444: stop [a] play(en/number/5 en/number/1)
        44444444444444: stop [a] play(en/number/5 en/number/1)
        44444444444444: stop [a] play(en/number/5 en/number/1)
        44444444444444: stop fault(a limit) [l] play(en/number/5 en/limit)
        44444444444444:
        44444444444444:
        44444444444444:
    "#]],
    );
}

#[test]
fn a_flow_of_a_number_that_returns_hangs_up() {
    let below = flow(BELOW);
    let mut call = Call::new(below);
    expect![[r#"
        begin: answer
        up: [a] play(en/number/0 en/number/1)
        1: stop [b] hangup
    "#]]
    .assert_eq(&tell(&mut call, "begin up 1"));
}

#[test]
fn what_flows_get_wrong_about_each_other_is_told() {
    let above = "
version: 1
flow: above
start: a
languages: [en, nl]
nodes:
  a: { type: flow, name: belov, next: b, error: z }
  b: { type: flow, name: below, params: { aksed: 1, other: 2 }, next: z, error: z }
  z: { type: hangup }
";
    let below = "
version: 1
flow: below
start: a
languages: [en]
vars: { asked: 0 }
nodes:
  a: { type: menu, prompt: [x], keys: { \"1\": z, \"2\": again }, no_input: z, no_match: z }
  again: { type: flow, name: below, next: z, error: z }
  z: { type: hangup }
";
    let (_, wrong) = joined(&[above, below]);
    expect![[r#"
        7:26 there is no flow `belov` (did you mean `below`?)
        8:26 flow `below` does not speak `nl` (add `nl` to its `languages`)
        8:43 flow `below` has no variable `aksed` in its `vars` (did you mean `asked`?)
        8:53 flow `below` has no variable `other` in its `vars` (write its first value: `vars: { other: … }`)
        8:26 flow `below` never comes to a return (what follows here is never reached)
        9:30 flow `below` never comes to a return (what follows here is never reached)"#]].assert_eq(&wrong);
}

#[test]
fn flows_that_only_call_each_other_are_no_flows() {
    let flow = |name: &str, other: &str| {
        format!(
            "version: 1\nflow: {name}\nstart: a\nlanguages: [en]\nnodes:\n  a: {{ type: flow, name: {other}, next: z, error: z }}\n  z: {{ type: return }}\n"
        )
    };
    let (one, other) = (flow("one", "other"), flow("other", "one"));
    let (_, wrong) = joined(&[&one, &other]);
    expect![[r#"
        6:26 flow `one` calls flows again and again and comes to no end (let one of them return before it calls the next)
        6:26 flow `other` calls flows again and again and comes to no end (let one of them return before it calls the next)"#]].assert_eq(&wrong);
}

const LAST: &str = "
version: 1
flow: above
start: a
languages: [en]
on_hangup: t
nodes:
  a: { type: collect, prompt: [x], digits: { max: 4 }, save: x, ok: q, on_failure: z }
  q: { type: queue, queue: support, answered: z, timeout: z, full: z, no_operators: z, error: z }
  z: { type: hangup }
  t: { type: set, tags: [left], next: s }
  s: { type: switch, on: vars.x, cases: { \"1234\": z }, default: z }
";

#[test]
fn a_caller_who_hangs_up_leaves_something_to_do() {
    for (script, expected) in [
        ("begin up", "[t] [s] [z] hangup"),
        ("begin up 12", "[t] [s] [z] hangup"),
        ("begin up 1234", "[t] [s] [z] hangup"),
        ("begin up 1234 queue:timeout", ""),
    ] {
        let mut call = Call::new(flow(LAST));
        tell(&mut call, script);
        let mut out = Vec::new();
        call.run.hung_up(call.now, &Busy, &mut out);
        let texts: Vec<String> = out.iter().map(show).collect();
        assert_eq!(texts.join(" "), expected, "{script}");
        assert!(call.run.is_over());
        assert_eq!(call.run.tags().len(), usize::from(!expected.is_empty()));
    }
}

#[test]
fn nothing_is_played_to_a_caller_who_is_gone() {
    mistakes(
        "
version: 1
flow: f
start: a
on_hangup: t
nodes:
  a: { type: hangup }
  t: { type: set, next: p }
  p: { type: play, prompt: [x], next: z }
  z: { type: hangup, prompt: [x] }
",
        &expect![[r#"
            9:3 `on_hangup` leads to `p`, for a caller who is gone (it may lead to set, branch, switch, hours, http, notify and hangup without a prompt)
            10:3 `on_hangup` leads to `z`, for a caller who is gone (it may lead to set, branch, switch, hours, http, notify and hangup without a prompt)"#]],
    );
}

#[test]
fn a_prompt_before_the_answer_is_played_early() {
    let nodes = "
version: 1
flow: f
start: a
answer: false
languages: [en]
nodes:
  a: { type: play, prompt: [x], next: b }
  b: { type: play, prompt: [y], next: c }
  c: { type: branch, when: [{ if: called == \"1000\", then: d }], else: e }
  d: { type: hangup, prompt: [bye] }
  e: { type: reject, code: 404 }
";
    check(
        nodes,
        "begin up heard heard up heard",
        &expect![[r#"
        begin: early
        up: [a] play(en/x)
        heard: [b] play(en/y)
        heard: [c] answer
        up: [d] play(en/bye)
        heard: hangup
    "#]],
    );
}

const DEEP: &str = "
version: 1
flow: above
start: a
languages: [en]
vars: { level: 0, deep: 0 }
on_hangup: t
nodes:
  a: { type: branch, when: [{ if: vars.level < 20, then: b }], else: r }
  b: { type: flow, name: above, params: { level: \"${vars.level + 1}\" }, save: deep, next: r, error: e }
  e: { type: collect, prompt: [bottom], digits: { max: 1 }, save: deep, ok: r, on_failure: r }
  r: { type: return, value: \"${vars.deep}\" }
  t: { type: set, tags: [\"at ${vars.level}\"], next: z }
  z: { type: hangup }
";

#[test]
fn flows_stand_eight_deep_below_the_number_s() {
    let (flows, wrong) = joined(&[DEEP]);
    assert_eq!(wrong, "");
    let mut call = Call::new(Arc::clone(&flows["above"]));
    let told = tell(&mut call, "begin up");
    assert_eq!(told.matches("[b]").count(), 9, "{told}");
    assert!(
        told.ends_with("[a] [b] fault(b nesting) [e] play(en/bottom)\n"),
        "{told}"
    );
    // What an operator would be shown is the number's flow's.
    let level = |call: &Call| call.run.shown_vars()["level"].to_string();
    assert_eq!(level(&call), "0");
    let told = tell(&mut call, "5");
    assert_eq!(told.matches("[r]").count(), 9, "{told}");
    assert!(told.ends_with("hangup\n"), "{told}");
    assert_eq!(call.run.vars()["deep"].to_string(), "5");
}

#[test]
fn whoever_hangs_up_in_a_flow_below_has_the_last_word_of_the_number_s() {
    let (flows, _) = joined(&[DEEP]);
    let mut call = Call::new(Arc::clone(&flows["above"]));
    tell(&mut call, "begin up");
    let mut out = Vec::new();
    call.run.hung_up(call.now, &Busy, &mut out);
    let tags: Vec<&str> = call.run.tags().iter().map(|tag| &**tag).collect();
    assert_eq!(tags, ["at 0"]);
    let again = out.len();
    call.run.hung_up(call.now, &Busy, &mut out);
    assert_eq!(out.len(), again, "once is enough");
}

#[test]
fn a_language_that_both_flows_speak_stays() {
    let above = ABOVE.replace("languages: [en]", "languages: [en, nl]");
    together(
        &[&above, BELOW],
        "begin up 2",
        &expect![[r#"
        begin: answer
        up: [a] [a] play(en/number/5 en/number/1)
        2: stop [c] [b] [b] play(nl/number/5 nl/number/6)
    "#]],
    );
}
