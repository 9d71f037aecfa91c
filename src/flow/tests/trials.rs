//! The examples of a flow: what they can say, and what is told of one that fails.

use super::*;
use crate::flow::{Rehearsal, Stage, Wants};

const FLOW: &str = "version: 1
flow: f
start: a
answer: true
languages: [en, nl]
vars: { tries: 0 }
nodes:
  a: { type: play, prompt: [welcome], next: b }
  b:
    type: branch
    when:
      - { if: 'queue.support.waiting > 2 || !queue.support.staffed', then: busy }
      - { if: 'queue.billing.estimated_wait > 100 && queue.billing.longest_wait == 60', then: line }
    else: main
  main:
    type: menu
    prompt: [main-menu, { silence: 500ms }]
    keys: { '1': support, '2': line, '3': broken }
    on_failure: busy
  support: { type: queue, queue: support, answered: tag, timeout: line, full: busy, no_operators: busy, error: busy, waiting: { keys: { '7': tag } } }
  line: { type: line, line: field, answered: tag, busy: support, no_answer: busy, error: busy }
  tag: { type: set, tags: [vip, 'lang.${language}'], vars: { tries: 3, note: 'x ${language}' }, priority: 20, next: busy }
  broken: { type: set, vars: { note: '${1 / 0}' }, next: busy }
  busy: { type: hangup, prompt: [all-busy] }
tests:
";

fn trials(tests: &str) -> String {
    let flow = flow(&format!("{FLOW}{tests}"));
    let wrong = flow.run_tests(&calendars(), any_instant());
    let said: Vec<_> = wrong.iter().map(ToString::to_string).collect();
    said.join("\n")
}

#[test]
fn queues_are_as_an_example_says_and_calls_come_back() {
    expect![[""]].assert_eq(&trials(
        "  - { name: nobody is there, at: \"2026-03-02T10:15:00Z\", queues: { support: { staffed: false } }, expect: { path: [a, b, busy], outcome: hangup } }
  - { name: many wait, at: \"2026-03-02T10:15:00Z\", queues: { support: { waiting: 3 } }, expect: { path: [a, b, busy], says: [all-busy] } }
  - { name: it takes long, at: \"2026-03-02T10:15:00Z\", queues: { billing: { estimated_wait: 4m, longest_wait: 60s } }, expect: { path: [a, b, line], line: field } }
  - name: back from the queue twice
    at: \"2026-03-02T10:15:00Z\"
    press: [\"1\"]
    returns: { support: [timeout, answered], line: busy }
    expect:
      path: [a, b, main, support, line, support, tag, busy]
      queue: support
      line: field
      outcome: hangup
      vars: { tries: 3, note: x en }
      tags: [vip, lang.en]
      priority: 20
      says: [welcome, main-menu, all-busy]
      faults: []
  - { name: by a key, at: \"2026-03-02T10:15:00Z\", press: [\"1\"], returns: { support: \"7\" }, expect: { path: [a, b, main, support, tag, busy] } }
  - { name: a fault, at: \"2026-03-02T10:15:00Z\", press: [\"3\"], expect: { faults: [expression], vars: { note: null } } }
  - { name: it ends where nothing is said, at: \"2026-03-02T10:15:00Z\", press: [\"2\"], expect: { path: [a, b, main, line] } }
",
    ));
}

#[test]
fn an_example_that_fails_is_told_step_by_step() {
    expect![[r#"
        f.yaml:30:7: error: test `t`: expected path a, b, main, support, got a, b, main, broken, busy
         30 |       path: [a, b, main, support]
            |       ^^^^
        f.yaml:31:7: error: test `t`: expected queue support, got none
         31 |       queue: support
            |       ^^^^^
        f.yaml:37:7: error: test `t`: expected line tier2, got none
         37 |       line: tier2
            |       ^^^^
        f.yaml:39:7: error: test `t`: expected outcome reject, got hangup
         39 |       outcome: reject
            |       ^^^^^^^
        f.yaml:38:7: error: test `t`: expected language nl, got en
         38 |       language: nl
            |       ^^^^^^^^
        f.yaml:32:25: error: test `t`: expected vars.note "x", got null
         32 |       vars: { tries: 1, note: x }
            |                         ^^^^
        f.yaml:32:15: error: test `t`: expected vars.tries 1, got 0
         32 |       vars: { tries: 1, note: x }
            |               ^^^^^
        f.yaml:33:7: error: test `t`: expected tag vip, got none
         33 |       tags: [vip]
            |       ^^^^
        f.yaml:34:7: error: test `t`: expected priority 10, got 0
         34 |       priority: 10
            |       ^^^^^^^^
        f.yaml:35:7: error: test `t`: expected to hear welcome, heard welcome, main-menu, main-menu, main-menu, all-busy
         35 |       says: [all-busy, welcome]
            |       ^^^^
        f.yaml:36:7: error: test `t`: expected faults limit, got expression
         36 |       faults: [limit]
            |       ^^^^^^
           hint: the call, step by step
            1. a (play): hears welcome, takes next
            2. b (branch): takes else
            3. main (menu): hears main-menu, 500ms of silence, presses 9, hears main-menu, 500ms of silence, presses nothing, hears main-menu, 500ms of silence, presses 3, takes 3
          --> expected support here
            4. broken (set): has the fault expression, takes next
            5. busy (hangup): hears all-busy, is hung up"#]].assert_eq(&trials(
        "  - name: t
    at: \"2026-03-02T10:15:00Z\"
    press: [\"9\", \"\", \"3\"]
    expect:
      path: [a, b, main, support]
      queue: support
      vars: { tries: 1, note: x }
      tags: [vip]
      priority: 10
      says: [all-busy, welcome]
      faults: [limit]
      line: tier2
      language: nl
      outcome: reject
",
    ));
}

#[test]
fn a_call_that_ends_too_early_or_too_late_is_told() {
    expect![[r#"
        f.yaml:26:68: error: test `t`: expected path a, b, main, support, line, got a, b, main, support
         26 |   - { name: t, at: "2026-03-02T10:15:00Z", press: ["1"], expect: { path: [a, b, main, support, line] } }
            |                                                                    ^^^^
           hint: the call, step by step
            1. a (play): hears welcome, takes next
            2. b (branch): takes else
            3. main (menu): hears main-menu, 500ms of silence, presses 1, takes 1
            4. support (queue): waits in queue support
          --> expected line here
        f.yaml:27:97: error: test `u`: expected path a, b, main, line, got a, b, main, line, tag, busy
         27 |   - { name: u, at: "2026-03-02T10:15:00Z", press: ["2"], returns: { line: answered }, expect: { path: [a, b, main, line] } }
            |                                                                                                 ^^^^
           hint: the call, step by step
            1. a (play): hears welcome, takes next
            2. b (branch): takes else
            3. main (menu): hears main-menu, 500ms of silence, presses 2, takes 2
            4. line (line): goes to line field, comes back by answered, takes answered
          --> expected nothing more
            5. tag (set): takes next
            6. busy (hangup): hears all-busy, is hung up"#]]
    .assert_eq(&trials(
        "  - { name: t, at: \"2026-03-02T10:15:00Z\", press: [\"1\"], expect: { path: [a, b, main, support, line] } }
  - { name: u, at: \"2026-03-02T10:15:00Z\", press: [\"2\"], returns: { line: answered }, expect: { path: [a, b, main, line] } }
",
    ));
}

#[test]
fn a_call_without_an_end_is_told_too() {
    let text = "version: 1
flow: f
start: a
limits: { max_steps: 100000, max_minutes: 1440 }
nodes:
  a: { type: menu, prompt: [x], timeout: 1ms, keys: { '1': c }, no_input: a, no_match: a }
  c: { type: hangup }
tests:
  - { at: \"2026-03-02T10:15:00Z\", expect: {} }
";
    let wrong = flow(text).run_tests(&calendars(), any_instant());
    let messages: Vec<&str> = wrong.iter().map(|wrong| wrong.message.as_str()).collect();
    assert_eq!(
        messages,
        ["test `unnamed`: the call does not come to an end"]
    );
    let hint = wrong[0].hint.as_ref().unwrap();
    let lines: Vec<&str> = hint.lines().take(3).collect();
    expect![[r#"
        the call, step by step
            … 4940 steps before
            4941. a (menu): hears x, presses nothing, takes no_input"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn what_an_example_names_must_be_there() {
    mistakes(
        &format!(
            "{FLOW}  - at: \"2026-03-02T10:15:00Z\"
    project: intrenet
    language: de
    prees: []
    queues: {{ suport: {{ waiting: 1 }}, support: {{ wating: 1, ready: many, estimated_wait: 4 }}, billing: 3 }}
    returns: {{ suport: timeout, support: [tiemout, [x]], main: \"1\", line: full }}
    expect: {{ path: [a, bb], queue: suport, line: feild, outcome: hangup!, language: fr, vars: {{ try: 1, note: [x] }}, priority: 101, says: [welcom], faults: [limits], tags: vip }}
  - {{ at: \"2026-03-02T10:15:00Z\", press: 1, expect: [] }}
  - soon
"
        ),
        &expect![[r#"
            29:5 unknown key `prees` (did you mean `press`?)
            27:14 there is no project `intrenet` (did you mean `internet`?)
            28:15 the flow does not speak `de` (known are en, nl)
            30:15 there is no queue `suport` (did you mean `support`?)
            30:50 unknown key `wating` (did you mean `waiting`?)
            30:68 `ready` wants a whole number from 0 to 100000, not text
            30:90 a duration has a unit; `4` has none (write 4s for seconds)
            30:104 `billing` wants a map, not a number
            31:16 there is no node `suport` (did you mean `support`?)
            31:43 node `support` has no exit `tiemout` (did you mean `timeout`?)
            31:52 expected a word, not a list
            31:58 a menu sends the call nowhere to return from (`returns` is for what rings or waits; keys stand in `press`)
            31:75 node `line` has no exit `full` (known are answered, busy, no_answer, error)
            32:25 there is no node `bb` (did you mean `b`?)
            32:37 there is no queue `suport` (did you mean `support`?)
            32:51 there is no line `feild` (did you mean `field`?)
            32:67 there is no outcome `hangup!` (did you mean `hangup`?)
            32:86 the flow does not speak `fr` (known are en, nl)
            32:141 no prompt of this flow has `welcom` (did you mean `welcome`?)
            32:159 there is no fault `limits` (did you mean `limit`?)
            32:129 this must be a whole number from -100 to 100
            32:112 `note` wants text, not a list
            32:98 nothing sets the variable `try` (known are note, tries)
            32:174 `tags` wants a list, not text
            33:42 `press` wants a list, not a number
            33:53 `expect` wants a map, not a list
            34:5 expected a map, not text"#]],
    );
}

#[test]
fn a_made_up_call_asks_for_what_it_cannot_decide() {
    let flow = flow(FLOW.trim_end_matches("tests:\n"));
    let epoch = Epoch {
        instant: any_instant(),
        wall: SystemTime::UNIX_EPOCH,
    };
    let mut call = Rehearsal::new(&flow, caller(), &calendars(), epoch, Stage::default());
    assert_eq!(call.go_on(), Wants::Keys);
    assert_eq!(call.run().node().as_str(), "main");
    assert_eq!(call.exits(), Vec::<String>::new());
    call.press('1');
    assert_eq!(call.go_on(), Wants::Return);
    assert_eq!(
        call.exits().join(" "),
        "answered timeout full no_operators error 7"
    );
    assert!(call.come_back("all_paused").is_err());
    assert!(call.come_back("full").is_ok());
    assert_eq!(call.go_on(), Wants::Nothing);
    let told: Vec<String> = call.moments().iter().map(ToString::to_string).collect();
    expect![[r#"
        is answered
        a (play)
        hears welcome
        takes next
        b (branch)
        takes else
        main (menu)
        hears main-menu, 500ms of silence
        presses 1
        takes 1
        support (queue)
        waits in queue support
        comes back by full
        takes full
        busy (hangup)
        hears all-busy
        is hung up"#]]
    .assert_eq(&told.join("\n"));
}
