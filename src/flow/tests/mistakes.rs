//! What a person may write wrong, and what is said of it.

use super::*;

#[test]
fn top_level_mistakes_are_told_all_at_once() {
    mistakes(
        "version: 2\nflow: f\nstrat: a\nlanguages: [EN]\nlimits: { max_step: 3 }\ndefaults: { tiemout: 5s, on_failure: nowhere }\non_hangup: a\nnodes:\n  a: { type: hangup }\n",
        &expect![[r#"
            4:13 `EN` is no language (write en or nl)
            3:1 unknown key `strat` (did you mean `start`?)
            1:10 this version of the language is not known (write version: 1)
            1:1 `start` is missing (add `start: …`)
            6:13 unknown key `tiemout` (did you mean `timeout`?)
            6:38 there is no node `nowhere` (known are a)
            5:11 unknown key `max_step` (did you mean `max_steps`?)"#]],
    );
    mistakes(
        "nodes: {}\n",
        &expect![[r#"
        1:1 `version` is missing (add `version: …`)
        1:1 `flow` is missing (add `flow: …`)
        1:1 `start` is missing (add `start: …`)"#]],
    );
    mistakes("- nodes:\n", &expect!["1:1 expected a map, not a list"]);
}

#[test]
fn fields_and_exits_are_checked_against_each_type() {
    mistakes(
        "
  a: { type: plya, prompt: [x], next: b }
  b: { type: notify, event: x }
  c: { prompt: [x] }
  d: { type: play, promt: [x], next: bb }
  e: { type: menu, prompt: [x], keys: { 1: b, x: b, \"12\": b, \"#\": b }, timeout: 5 }
  f: { type: collect, prompt: [x], digits: { min: 5, max: 4 }, confirm: true, ok: b, on_failure: b }
  g: { type: queue, queue: suport, escalate: [], answered: b, timeout: b, full: b }
  h: { type: hours, calendar: ofice, open: b, closed: b }
  i: { type: line, line: feild, answered: b, busy: b, no_answer: b, error: b }
  j: { type: reject, code: 200 }
  k: { type: set, language: de, tags: 3, next: b }
",
        &expect![[r##"
            7:14 unknown node type `plya` (did you mean `play`?)
            8:3 this notify has no exit `next` (add `next: <node>`)
            9:3 `c` has no `type` (add `type: …`)
            10:20 unknown key `promt` (did you mean `prompt`?)
            10:3 `d` has no `prompt` (add `prompt: …`)
            10:38 there is no node `bb` (did you mean `b`?)
            11:47 `x` is no key of a telephone (keys are 0 to 9, "*" and "#", in quotes)
            11:53 `12` is no key of a telephone (keys are 0 to 9, "*" and "#", in quotes)
            11:81 a duration has a unit; `5` has none (write 5s for seconds)
            11:3 this menu has no exit `on_failure` (add `on_failure: <node>` here or in `defaults`)
            12:51 this must be a whole number from 0 to 4
            12:3 `f` has no `save` (add `save: …`)
            13:28 there is no queue `suport` (did you mean `support`?)
            13:3 this queue has no exit `no_operators` (add `no_operators: <node>` here or in `defaults`)
            13:3 this queue has no exit `error` (add `error: <node>` here or in `defaults`)
            14:31 there is no calendar `ofice` (did you mean `office`?)
            15:26 there is no line `feild` (did you mean `field`?)
            16:28 this must be a whole number from 400 to 699
            17:29 the flow does not speak `de` (known are en, nl)"##]],
    );
}

#[test]
fn prompts_are_checked_in_every_language() {
    mistakes(
        "
  a: { type: play, prompt: [missing-one, ../x, { say: hello }, { time: now }, { nubmer: 3 }, { silence: 5 }, 7], next: b }
  b: { type: hangup, prompt: [] }
",
        &expect![[r#"
            7:29 there is no sound `missing-one` in `en` (record prompts/en/missing-one.wav)
            7:29 there is no sound `missing-one` in `nl` (record prompts/nl/missing-one.wav)
            7:42 `../x` is no name of a sound (small letters, digits, - and _, with / for folders)
            7:72 unknown name `now` (known are caller, called, customer, language, project, hours, queue, vars)
            7:81 unknown item `nubmer` (did you mean `number`?)
            7:105 a duration has a unit; `5` has none (write 5s for seconds)
            7:110 expected text, not a number (write "7")
            8:30 the prompt is empty (name a sound, or leave `prompt` out)"#]],
    );
    mistakes(
        "version: 1\nflow: f\nstart: a\nlanguages: [en, fr]\nnodes:\n  a: { type: hangup, prompt: { number: 3 } }\n",
        &expect!["6:40 numbers cannot be said in `fr` (they can in en, nl, de, ru)"],
    );
    // In Russian the sounds are missing.
    mistakes(
        "version: 1\nflow: f\nstart: a\nlanguages: [en, ru]\nnodes:\n  a: { type: hangup, prompt: [{ number: 3 }, { money: 3, currency: EUR }, bye] }\n",
        &expect![[r#"
            6:41 49 sounds that this needs are missing in `ru` (record prompts/ru/number/0.wav, number/1.wav, number/2.wav …, or configure `speech`)
            6:55 53 sounds that this needs are missing in `ru` (record prompts/ru/number/0.wav, number/1.wav, number/2.wav …, or configure `speech`)
            6:75 there is no sound `bye` in `ru` (record prompts/ru/bye.wav)"#]],
    );
}

#[test]
fn spoken_items_are_checked() {
    mistakes(
        "
  a:
    type: hangup
    prompt:
      - { money: 3 }
      - { money: 3, currency: EURO }
      - { money: 3, currency: EUR, round: 1m }
      - { number: 3, digits: 3 }
      - { duration: 90, round: 1500ms }
      - { duration: 90, round: 2d }
      - { date: '\"2026-03-02\"', weekday: yes }
      - { round: 1m, durations: 3 }
",
        &expect![[r#"
            10:9 this money has no `currency` (add `currency:` EUR, USD, GBP, RUB, CHF)
            11:31 `EURO` is no money that can be said (did you mean `EUR`?)
            12:36 `round` does not go with `money` (known are currency)
            13:22 `digits` does not go with `number` (one kind for each item of a prompt)
            14:32 `round` is whole seconds, between 1s and 1d
            15:32 `round` is whole seconds, between 1s and 1d
            16:42 `weekday` wants true or false, not text
            17:22 unknown item `durations` (did you mean `duration`?)"#]],
    );
}

#[test]
fn expressions_are_compiled_when_the_flow_is_loaded() {
    mistakes(
        "
  a:
    type: branch
    when:
      - { if: 'caller.nummer == 1', then: b }
      - { if: 'caller.number ==', then: b }
      - { if: 'queue.suport.waiting > 3', then: b }
      - { if: 'queue.support.wating > 3', then: b }
      - { if: 'vars.x == 1 && customer.vip', then: b }
      - { if: '[1].exists(x, x == 1)', then: b }
      - { if: 'evil(caller.number)', then: b }
      - { if: 'has(vars.x)', then: b }
      - { if: 'hours.weekend == \"open\"', then: b }
      - { then: b }
    else: b
  b: { type: set, vars: { y: 'a ${vars.zz} b', z: '${' }, next: c }
  c: { type: hangup }
",
        &expect![[r#"
            10:15 unknown name `caller.nummer` (did you mean `number`?)
            11:15 `caller.number ==` is no expression: Syntax error: mismatched input '<EOF>' (write it as in `caller.number.startsWith("+31")`)
            12:15 unknown name `queue.suport.waiting` (did you mean `support`?)
            13:15 unknown name `queue.support.wating` (did you mean `waiting`?)
            14:15 unknown name `vars.x` (did you mean `y`?)
            15:15 `all`, `exists`, `map` and `filter` are not available
            16:15 unknown name `evil` (known are contains, endsWith, int, size, startsWith, string)
            17:15 `has` is not available (a variable that is not set is null: `vars.x != null`)
            18:15 unknown name `hours.weekend` (known are office)
            19:9 `if` is missing (add `if: …`)
            21:30 unknown name `vars.zz` (did you mean `z`?)
            21:51 `${` has no `}`"#]],
    );
}

#[test]
fn the_graph_is_checked() {
    mistakes(
        "
  a: { type: play, prompt: [x], next: b }
  b: { type: play, prompt: [x], next: a }
  lost: { type: hangup }
",
        &expect![[r#"
            7:3 from node `a` no way leads to an end (an end is a node of type hangup, return or reject)
            8:3 from node `b` no way leads to an end (an end is a node of type hangup, return or reject)
            9:3 no way leads to node `lost` (name it as a target, or remove it)
            7:3 from node `a` the flow can run in a circle without the caller doing anything (use retry with retries, or set limits: { max_steps: … })"#]],
    );
    mistakes(
        "
  a: { type: menu, prompt: [x], keys: { \"1\": b }, no_input: a, no_match: a }
  b: { type: reject, code: 486 }
",
        &expect![[r#"
            8:3 the call can be answered before it comes to this reject (write answer: false at the top, or use hangup)
            7:3 from node `a` the flow can run in a circle without the caller doing anything (use retry with retries, or set limits: { max_steps: … })"#]],
    );
    mistakes(
        "
  a: { type: queue, queue: support, answered: b, timeout: a, full: a, no_operators: b, error: b }
  b: { type: hangup }
",
        &expect![
            "7:3 from node `a` the flow can run in a circle without the caller doing anything (use retry with retries, or set limits: { max_steps: … })"
        ],
    );
    mistakes(
        "version: 1\nflow: f\nstart: a\nanswer: false\nnodes:\n  a: { type: menu, prompt: [x], keys: { 1: b }, no_input: b, no_match: b }\n  b: { type: reject, code: 486 }\n",
        &expect![
            "7:3 the call can be answered before it comes to this reject (a menu, a queue or a hangup with a prompt answers; use hangup after it)"
        ],
    );
}

#[test]
fn the_exit_of_paused_operators_is_an_exit_like_others() {
    mistakes(
        "
  a: { type: queue, queue: support, answered: b, timeout: b, full: b, no_operators: b, all_paused: a, error: b }
  b: { type: queue, queue: support, answered: c, timeout: c, full: c, no_operators: c, all_paused: d, error: c }
  c: { type: hangup }
",
        &expect!["8:100 there is no node `d` (did you mean `a`?)"],
    );
    mistakes(
        "
  a: { type: queue, queue: support, answered: b, timeout: b, full: b, no_operators: b, all_paused: a, error: b }
  b: { type: hangup }
",
        &expect!["7:3 from node `a` the flow can run in a circle without the caller doing anything (use retry with retries, or set limits: { max_steps: … })"],
    );
}

#[test]
fn a_queue_that_leads_nowhere_in_this_flow_is_told_at_its_node() {
    mistakes(
        "version: 1\nflow: f\nstart: a\ndefaults: { full: z, no_operators: z }\nnodes:
  a: { type: queue, queue: tier-2, all_paused: later, answered: z, error: b }
  b: { type: queue, queue: tier-2, answered: z, timeout: z, full: z, no_operators: z, all_paused: z, error: c }
  c: { type: queue, queue: support, answered: z, error: z }
  later: { type: hangup }
  z: { type: hangup }
",
        &expect![[r#"
            6:3 queue `tier-2` leads to node `nobody`, which this flow does not have (write `no_operators: <node>` here, or add a node `nobody`)
            8:3 this queue has no exit `timeout` (add `timeout: <node>`)"#]],
    );
}

#[test]
fn skills_are_checked_in_every_language() {
    mistakes(
        "version: 1\nflow: f\nstart: a\nlanguages: [en, fr]\nnodes:
  a: { type: queue, queue: support, skills: { require: { 'lang.${language}': 3, suport: 11 }, prefer: { 'lang.${language}': 3, en: 0 }, wants: {} }, answered: b, timeout: b, full: b, no_operators: b, error: c }
  c: { type: queue, queue: support, skills: support, answered: b, timeout: b, full: b, no_operators: b, error: b }
  b: { type: hangup }
",
        &expect![[r#"
            6:137 unknown key `wants` (known are require, prefer)
            6:58 no operator and no queue has the skill `lang.fr` (did you mean `lang.en`?)
            6:89 this must be a whole number from 1 to 10
            6:81 no operator and no queue has the skill `suport` (did you mean `support`?)
            6:105 no operator and no queue has the skill `lang.fr` (did you mean `lang.en`?)
            6:132 this must be a whole number from 1 to 10
            6:128 no operator and no queue has the skill `en` (known are lang.en, lang.nl, support)
            7:45 `skills` wants a map, not text"#]],
    );
}

#[test]
fn a_preferred_operator_is_checked() {
    mistakes(
        "version: 1\nflow: f\nstart: a\nlanguages: [en]
defaults: { full: z, no_operators: z, error: z }
nodes:
  a: { type: queue, queue: support, preferred_operator: { id: alcie, hold_for: 20s }, answered: z, timeout: b }
  b: { type: queue, queue: support, preferred_operator: { id: bob }, answered: z, timeout: c }
  c: { type: queue, queue: support, preferred_operator: { hold_for: 11m, holdfor: 1s }, answered: z, timeout: d }
  d: { type: queue, queue: support, preferred_operator: { id: '${vars.last}', hold_for: 500ms }, answered: z, timeout: e }
  e: { type: queue, queue: support, preferred_operator: alice, answered: z, timeout: z }
  z: { type: hangup }
",
        &expect![[r#"
            7:63 there is no operator `alcie` (did you mean `alice`?)
            8:37 `preferred_operator` has no `hold_for` (add `hold_for: …`)
            9:74 unknown key `holdfor` (did you mean `hold_for`?)
            9:37 `preferred_operator` has no `id` (add `id: …`)
            9:69 `hold_for` is between 1s and 10m
            10:63 unknown name `vars.last`
            10:89 `hold_for` is between 1s and 10m
            11:57 `preferred_operator` wants a map, not text"#]],
    );
}

#[test]
fn steps_of_escalation_are_checked() {
    mistakes(
        "
  a:
    type: queue
    queue: support
    escalate:
      - { after: 20s, relax: { suport: 0 } }
      - { after: 10s, also: { 'lang.${language}': 5 } }
      - { after: 30s, line: feild }
      - { after: 30s, priority: 101 }
      - { after: 30s, prio: 1 }
      - { line: field }
      - soon
    answered: z
    timeout: b
    full: z
    no_operators: z
    error: z
  b: { type: queue, queue: support, escalate: { after: 1s }, answered: z, timeout: z, full: z, no_operators: z, error: z }
  z: { type: hangup }
",
        &expect![[r#"
            12:9 this step comes before the one above it (write the steps in order of `after`)
            13:29 there is no line `feild` (did you mean `field`?)
            14:33 `101` is no change of priority (write +20; from -100 to +100)
            15:23 unknown key `prio` (known are after, relax, also, priority, line)
            15:9 a step does exactly one thing (write one of `relax`, `also`, `priority`, `line` beside `after`)
            16:9 `after` is missing (add `after: …`)
            17:9 expected a map, not text
            17:9 a step does exactly one thing (write one of `relax`, `also`, `priority`, `line` beside `after`)
            11:32 no operator and no queue has the skill `suport` (did you mean `support`?)
            12:31 no operator and no queue has the skill `lang.${language}` (known are lang.en, lang.nl, support)
            23:47 `escalate` wants a list, not a map"#]],
    );
}

#[test]
fn the_tests_of_a_flow_are_checked_too() {
    mistakes(
        "version: 1\nflow: f\nstart: a\nnodes:\n  a: { type: hangup }\ntests:\n  - { at: yesterday, expect: {} }\n  - { at: \"2026-03-02T10:15:00Z\", press: [x], expect: { path: [aa], outcome: hung, queu: x } }\n  - { expect: {} }\n",
        &expect![[r#"
            7:11 `yesterday` is no moment (write "2026-03-02T10:15:00+01:00")
            8:43 `x` are no keys (write "1" or "1234#"; "" presses nothing)
            8:84 unknown key `queu` (did you mean `queue`?)
            8:64 there is no node `aa` (did you mean `a`?)
            8:78 there is no outcome `hung` (known are hangup, reject)
            9:5 `at` is missing (add `at: …`)"#]],
    );
}

proptest::proptest! {
    #[test]
    fn no_flow_is_a_crash(at in 0usize..1500, cut in 0usize..40, junk in "[-a-z0-9{}\\[\\]:,\"' $.]{0,12}") {
        let welcome = include_str!("../../../ivr-flows/welcome.yaml");
        let head: String = welcome.chars().take(at).collect();
        let tail: String = welcome.chars().skip(at + cut).collect();
        if let Ok(flow) = try_load(&format!("{head}{junk}{tail}")) {
            assert!(!flow.mermaid().is_empty());
            assert!(flow.run_tests(&calendars(), any_instant()).len() <= 12 * flow.test_count());
        }
    }
}

#[test]
fn texts_to_be_spoken_are_checked() {
    mistakes(
        "
  a:
    type: hangup
    prompt:
      - { say: { en: Hello, de: Hallo } }
      - { say: { en: \"\", nl: Hallo } }
      - { say: \"Hello ${caller.nam}\" }
      - { say: 7 }
      - { say: Hello, number: 3 }
      - { say: Hello }
",
        &expect![[r#"
            10:29 the flow does not speak `de` (known are en, nl)
            10:11 `say` has no text in `nl` (add `nl: …`)
            11:22 a text has between 1 and 2000 characters
            12:16 unknown name `caller.nam` (did you mean `name`?)
            13:16 expected text, not a number (write "7")
            14:23 `number` does not go with `say` (one kind for each item of a prompt)"#]],
    );
    mistakes(
        "
  a: { type: queue, queue: general, waiting: { comfort: [{ prompt: { say: 'At ${called}' }, after: 20s }], keys: { \"1\": { play: [{ say: 'At ${called}' }] } } }, answered: b, timeout: b, full: b, no_operators: b, error: b }
  b: { type: hangup }
",
        &expect![[r#"
            7:68 a text with `${…}` cannot be said to those who wait (say the value by an item of its own, such as {number: …})
            7:129 a text with `${…}` cannot be said to those who wait (say the value by an item of its own, such as {number: …})"#]],
    );
    mistakes(
        "
  a: { type: hangup, prompt: [{ say: { en: Hello, nl: Hallo } }, { say: missing }, { say: '${called}' }] }
  # nobody speaks
",
        &expect![[r#"
            7:55 nobody can say this in `nl` (write `speech: { command: [espeak-ng, -v, "{voice}", --stdin, --stdout] }` in the configuration, or record prompts/nl/say/753692ec36adb4c7.wav)
            7:73 nobody can say this in `en` (write `speech: { command: [espeak-ng, -v, "{voice}", --stdin, --stdout] }` in the configuration, or record prompts/en/say/ffa63583dfa6706b.wav)
            7:73 nobody can say this in `nl` (write `speech: { command: [espeak-ng, -v, "{voice}", --stdin, --stdout] }` in the configuration, or record prompts/nl/say/ffa63583dfa6706b.wav)
            7:91 nobody can say this in `en` (write `speech: { command: [espeak-ng, -v, "{voice}", --stdin, --stdout] }` in the configuration)
            7:91 nobody can say this in `nl` (write `speech: { command: [espeak-ng, -v, "{voice}", --stdin, --stdout] }` in the configuration)"#]],
    );
}

#[test]
fn a_customer_is_looked_up_by_one_thing_that_is_there() {
    mistakes(
        "
  a: { type: customer, number: caller.number, account: caller.number, found: b, unknown: b }
  b: { type: customer, save: { x: nmae, y: tags }, found: c }
  c: { type: set, vars: { z: '${customer.lastoperator}' }, next: d }
  d: { type: branch, when: [{ if: customer == null, then: e }], else: e }
  e: { type: hangup }
",
        &expect![[r#"
            7:47 a customer is looked up by one thing (leave out `number` or `account`, or ask again in another node)
            8:35 a customer has no `nmae` to save (did you mean `name`?)
            8:44 a customer has no `tags` to save (known are number, name, language, project, notes, last_operator)
            8:3 this customer has no exit `unknown` (add `unknown: <node>`)
            9:30 unknown name `customer.lastoperator` (did you mean `last_operator`?)
            10:35 unknown name `customer` (known are number, name, language, project, tags, notes, last_operator)"#]],
    );
}
