//! Whom a flow rings, what it says back, and what waiting callers press.

use super::*;

const CONFIRM: &str = "
  a: { type: collect, prompt: [account], digits: { min: 4, max: 4 }, save: account, confirm: true, retries: 1, ok: b, on_failure: c }
  b: { type: hangup, prompt: [{ digits: vars.account }] }
  c: { type: hangup, cause: 21 }
";

#[test]
fn digits_are_said_back_and_confirmed() {
    check(
        CONFIRM,
        "begin up 1234 heard 1",
        &expect![[r#"
        begin: answer
        up: [a] play(en/account)
        1234: stop
        1234:
        1234:
        1234: play(en/collect/you-entered en/number/1 en/number/2 en/number/3 en/number/4 en/collect/confirm)
        heard:
        1: [b] play(en/number/1 en/number/2 en/number/3 en/number/4)
    "#]],
    );
    check(
        CONFIRM,
        "begin up 1234 2 5678 heard 1",
        &expect![[r#"
        begin: answer
        up: [a] play(en/account)
        1234: stop
        1234:
        1234:
        1234: play(en/collect/you-entered en/number/1 en/number/2 en/number/3 en/number/4 en/collect/confirm)
        2: stop play(en/account)
        5678: stop
        5678:
        5678:
        5678: play(en/collect/you-entered en/number/5 en/number/6 en/number/7 en/number/8 en/collect/confirm)
        heard:
        1: [b] play(en/number/5 en/number/6 en/number/7 en/number/8)
    "#]],
    );
}

#[test]
fn digits_that_are_taken_back_again_and_again_come_to_nothing() {
    check(
        CONFIRM,
        "begin up 1234 2 5678 2",
        &expect![[r#"
        begin: answer
        up: [a] play(en/account)
        1234: stop
        1234:
        1234:
        1234: play(en/collect/you-entered en/number/1 en/number/2 en/number/3 en/number/4 en/collect/confirm)
        2: stop play(en/account)
        5678: stop
        5678:
        5678:
        5678: play(en/collect/you-entered en/number/5 en/number/6 en/number/7 en/number/8 en/collect/confirm)
        2: stop [c] hangup(21)
    "#]],
    );
}

#[test]
fn whoever_says_neither_yes_nor_no_is_asked_again() {
    check(
        CONFIRM,
        "begin up 1234 heard 7 heard +5s",
        &expect![[r#"
        begin: answer
        up: [a] play(en/account)
        1234: stop
        1234:
        1234:
        1234: play(en/collect/you-entered en/number/1 en/number/2 en/number/3 en/number/4 en/collect/confirm)
        heard:
        7: play(en/collect/you-entered en/number/1 en/number/2 en/number/3 en/number/4 en/collect/confirm)
        heard:
        +5s: [c] hangup(21)
    "#]],
    );
    check(
        CONFIRM,
        "begin up 1234 heard +4s +1s 1",
        &expect![[r#"
        begin: answer
        up: [a] play(en/account)
        1234: stop
        1234:
        1234:
        1234: play(en/collect/you-entered en/number/1 en/number/2 en/number/3 en/number/4 en/collect/confirm)
        heard:
        +4s:
        +1s: play(en/collect/you-entered en/number/1 en/number/2 en/number/3 en/number/4 en/collect/confirm)
        1: stop [b] play(en/number/1 en/number/2 en/number/3 en/number/4)
    "#]],
    );
}

#[test]
fn sensitive_digits_are_not_said_back() {
    let nodes = "
  a: { type: collect, prompt: [pin], digits: { max: 4 }, save: pin, sensitive: true, confirm: true, ok: b, on_failure: b }
  b: { type: hangup }
";
    check(
        nodes,
        "begin up 1234 1",
        &expect![[r#"
            begin: answer
            up: [a] play(en/pin) secret
            1234: stop
            1234:
            1234:
            1234: play(en/collect/confirm)
            1: stop [b] hangup open
        "#]],
    );
}

#[test]
fn a_confirmation_may_have_its_own_words_and_keys() {
    let nodes = "
  a: { type: collect, prompt: [pin], digits: { max: 4 }, save: pin, confirm: { prompt: [you-said, { digits: vars.pin }], yes: \"#\", no: \"*\" }, barge_in: false, ok: b, on_failure: b }
  b: { type: hangup, cause: busy }
";
    check(
        nodes,
        "begin up heard 1234 1 heard * heard 99 #",
        &expect![[r#"
        begin: answer
        up: [a] play(en/pin)
        heard:
        1234:
        1234:
        1234:
        1234: play(en/you-said en/number/1 en/number/2 en/number/3 en/number/4)
        1:
        heard:
        *: play(en/pin)
        heard:
        99:
        99:
        #: play(en/you-said en/number/9 en/number/9)
    "#]],
    );
}

const RINGS: &str = "
  a: { type: operator, id: \"${vars.who}\", ring: 20s, operator_announcement: vip, answered: z, busy: b, no_answer: b, error: c }
  b: { type: dial, to: [\"sip:desk@pbx.example\", \"sips:${vars.extension}@pbx.example:5061\"], together: true, answered: z, busy: z, no_answer: z, error: z }
  c: { type: set, vars: { who: alice, extension: \"12\" }, next: a }
  z: { type: hangup }
";

fn rings(script: &str, expected: &Expect) {
    let text = format!(
        "version: 1\nflow: f\nstart: a\nlanguages: [en, nl]\nlimits: {{ max_steps: 30 }}\nvars: {{ who: \"\", extension: null }}\nnodes:\n{RINGS}"
    );
    check(&text, script, expected);
}

#[test]
fn an_operator_is_rung_by_a_name_or_what_a_variable_holds() {
    rings(
        "begin up line:busy line:error",
        &expect![[r#"
        begin: answer
        up: [a] fault(a expression) [c] [a] operator(alice 20s)
        line:busy: [b] dial(sip:desk@pbx.example sips:12@pbx.example:5061 together 30s)
        line:error: fault(b queue) [z] hangup
    "#]],
    );
}

#[test]
fn whatever_is_rung_comes_back_by_four_ways() {
    for kind in [
        "line, line: field",
        "operator, id: alice",
        "dial, to: \"sip:x@y\"",
    ] {
        let nodes = format!(
            "
  a: {{ type: {kind}, answered: talked, busy: busy, no_answer: rang, error: sorry }}
  talked: {{ type: hangup, cause: 16 }}
  busy: {{ type: hangup, cause: 17 }}
  rang: {{ type: hangup, cause: 19 }}
  sorry: {{ type: hangup, cause: 41 }}
"
        );
        for (way, to) in [
            ("answered", "[talked] hangup(16)"),
            ("busy", "[busy] hangup(17)"),
            ("none", "[rang] hangup(19)"),
            ("error", "fault(a queue) [sorry] hangup(41)"),
        ] {
            assert_eq!(ends(&nodes, &format!("begin up line:{way}")), to, "{kind}");
        }
    }
}

#[test]
fn an_address_is_computed_only_before_its_host() {
    let dial = |to: &str| {
        format!(
            "  a: {{ type: dial, to: {to}, answered: b, busy: b, no_answer: b, error: b }}\n  b: {{ type: hangup }}\n"
        )
    };
    for to in [
        "\"sip:desk@${caller.name}\"",
        "\"sip:${caller.number}\"",
        "\"sip:x@${caller.name}:5060;transport=${called}\"",
        "\"tel:+31201234567\"",
        "\"${caller.name}\"",
        "[]",
        "\"sip:a b@c\"",
        "\"sip:${called}@a b\"",
    ] {
        let diags = try_load(&whole(&dial(to))).map(|_| ()).unwrap_err();
        assert_eq!(diags.len(), 1, "{to}: {diags:?}");
    }
    mistakes(
        &dial("[\"sip:desk@${caller.name}\", \"tel:+31\"], ring: 10m"),
        &expect![[r#"
            6:25 the host of an address cannot be computed (write the host out; only the name before the @ may have ${…})
            6:52 `tel:+31` is no SIP address (write "sip:name@host:5060"; a number goes by a gateway's address)
            6:70 `ring` is between 1s and 5m"#]],
    );
}

#[test]
fn a_computed_name_that_is_no_name_dials_nothing() {
    for (number, dials) in [
        ("'0612'", true),
        ("'a@evil'", false),
        ("'1;x=y'", false),
        ("''", false),
        ("null", false),
    ] {
        let text = format!(
            "version: 1\nflow: f\nstart: a\nlanguages: [en]\nvars: {{ number: {number} }}\nnodes:\n  a: {{ type: dial, to: \"sip:${{vars.number}}@gw.example\", answered: b, busy: b, no_answer: b, error: b }}\n  b: {{ type: hangup }}\n"
        );
        let said = story(&text, "begin up");
        assert_eq!(
            said.contains("dial(sip:0612@gw.example in turn 30s)"),
            dials,
            "{said}"
        );
        assert_eq!(said.contains("fault(a expression)"), !dials, "{said}");
    }
}

#[test]
fn a_queue_has_messages_and_keys_that_play() {
    let nodes = "
  a: { type: queue, queue: support, waiting: { comfort: [{ prompt: [patience], after: 20s, every: 1m }], keys: { \"1\": { play: [hours, { digits: called }] }, \"2\": b } }, answered: b, timeout: b, full: b, no_operators: b, error: b }
  b: { type: hangup }
";
    check(
        nodes,
        "begin up",
        &expect![[r#"
        begin: answer
        up: [a] queue(support 0 comfort(en/patience 20s Some(60s)) 1(en/hours en/number/1 en/number/0 en/number/0 en/number/0))
    "#]],
    );
    mistakes(
        "
  a: { type: queue, queue: support, waiting: { comfort: [{ prompt: [missing], every: 5s }], keys: { \"1\": { ply: [hours] }, x: b, \"2\": c } }, answered: b, timeout: b, full: b, no_operators: b, error: b }
  b: { type: hangup }
",
        &expect![[r##"
            7:69 there is no sound `missing` in `en` (record prompts/en/missing.wav)
            7:69 there is no sound `missing` in `nl` (record prompts/nl/missing.wav)
            7:58 `after` is missing (add `after: …`)
            7:86 messages come at most every 10s
            7:108 unknown key `ply` (did you mean `play`?)
            7:101 `1` has no `play` (add `play: …`)
            7:124 `x` is no key of a telephone (keys are 0 to 9, "*" and "#", in quotes)
            7:135 there is no node `c` (did you mean `a`?)"##]],
    );
}

#[test]
fn confirmations_and_causes_are_checked() {
    mistakes(
        "
  a: { type: collect, prompt: [x], digits: { max: 4 }, save: x, confirm: { yes: \"1\", no: \"1\" }, ok: b, on_failure: b }
  b: { type: collect, prompt: [x], digits: { max: 4 }, save: x, confirm: { yes: \"5\", prmpt: [x] }, ok: c, on_failure: c }
  c: { type: collect, prompt: [x], digits: { max: 4 }, save: x, confirm: { yes: A, prompt: [x] }, ok: d, on_failure: d }
  d: { type: hangup, cause: buzy }
  e: { type: hangup, cause: 128 }
  f: { type: operator, id: alise, ring: 10m, answered: d, busy: d, no_answer: d, error: d }
",
        &expect![[r##"
            7:74 `yes` and `no` are the same key
            8:86 unknown key `prmpt` (did you mean `prompt`?)
            8:74 the usual prompt says 1 and 2 (write a `prompt` that says your keys)
            9:81 `A` is no key of a telephone (keys are 0 to 9, "*" and "#", in quotes)
            10:29 `buzy` is no cause (did you mean `busy`?)
            11:29 this must be a whole number from 1 to 127
            12:28 there is no operator `alise` (did you mean `alice`?)
            12:41 `ring` is between 1s and 5m"##]],
    );
}
