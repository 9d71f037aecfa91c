//! Expressions whose types cannot be right.

use super::*;

/// What is told of an expression where a condition is wanted.
fn told(expression: &str) -> String {
    let nodes = format!(
        "  a: {{ type: branch, when: [{{ if: '{expression}', then: b }}], else: b }}\n  b: {{ type: hangup }}\n"
    );
    let text = format!("version: 1\nflow: f\nstart: a\nvars: {{ x: 1 }}\nnodes:\n{nodes}");
    match try_load(&text) {
        Ok(_) => "fine".into(),
        Err(diags) => diags
            .iter()
            .map(|diag| {
                let hint = diag.hint.as_deref().unwrap_or_default();
                format!("{} ({hint})", diag.message)
            })
            .collect(),
    }
}

#[test]
fn what_can_never_come_out_right_is_told() {
    let mut all = String::new();
    for expression in [
        "queue.support.waiting == \"3\"",
        "queue.support.waiting != null",
        "caller.number == 112",
        "called in [100, 200]",
        "called in \"100\"",
        "size(queue.support.waiting) > 1",
        "queue.support.waiting > \"3\"",
        "queue.support.staffed > 1",
        "queue.support.waiting + \"1\" == \"x\"",
        "caller.number - 1 > 0",
        "queue.support.waiting && true",
        "!queue.support.ready",
        "queue.support.ready ? true : false",
        "queue.support.waiting.startsWith(\"3\")",
        "caller.number.startsWith(31)",
        "caller.number.startsWith(\"3\", \"1\")",
        "int(queue.support.staffed) == 1",
        "string([1]) == \"1\"",
        "queue.support.waiting",
        "caller.number",
        "[1, 2]",
        "-called == 1",
    ] {
        writeln!(all, "{expression}: {}", told(expression)).unwrap();
    }
    expect![[r#"
        queue.support.waiting == "3": a number and text are never the same (numbers stand without quotes and text with; `int(…)` makes a number of text)
        queue.support.waiting != null: a number and null are never the same (numbers stand without quotes and text with; `int(…)` makes a number of text)
        caller.number == 112: text and a number are never the same (numbers stand without quotes and text with; `int(…)` makes a number of text)
        called in [100, 200]: text and a number are never the same (numbers stand without quotes and text with; `int(…)` makes a number of text)
        called in "100": `in` looks in a list, not in text (write it as in `called in ["100", "200"]`)
        size(queue.support.waiting) > 1: `size` takes text or a list, not a number (`int(…)` makes a number of text, `string(…)` the other way)
        queue.support.waiting > "3": a number and text are never the same (numbers stand without quotes and text with; `int(…)` makes a number of text)
        queue.support.staffed > 1: `>` takes numbers or text, not true or false (`int(…)` makes a number of text, `string(…)` the other way)
        queue.support.waiting + "1" == "x": `+` has a number on one side and text on the other (`string(…)` makes text of a number, `int(…)` a number of text)
        caller.number - 1 > 0: `-` takes numbers, not text (`int(…)` makes a number of text, `string(…)` the other way)
        queue.support.waiting && true: `&&` takes true or false, not a number (compare it, as in `vars.x == 1`)
        !queue.support.ready: `!` takes true or false, not a number (compare it, as in `vars.x == 1`)
        queue.support.ready ? true : false: what stands before `?` is true or false, not a number (compare it, as in `vars.x == 1 ? 2 : 3`)
        queue.support.waiting.startsWith("3"): `startsWith` takes text, not a number (`string(…)` makes text of it)
        caller.number.startsWith(31): `startsWith` takes text, not a number (`string(…)` makes text of it)
        caller.number.startsWith("3", "1"): `startsWith` is used otherwise (write it as in `caller.number.startsWith("+31")`)
        int(queue.support.staffed) == 1: `int` takes text or a number, not true or false (`int(…)` makes a number of text, `string(…)` the other way)
        string([1]) == "1": `string` takes a number, not a list (`int(…)` makes a number of text, `string(…)` the other way)
        queue.support.waiting: a condition is true or false, and this is a number (compare it, as in `vars.x == 1`)
        caller.number: a condition is true or false, and this is text (compare it, as in `vars.x == 1`)
        [1, 2]: a condition is true or false, and this is a list (compare it, as in `vars.x == 1`)
        -called == 1: `-` takes numbers, not text (`int(…)` makes a number of text, `string(…)` the other way)
    "#]].assert_eq(&all);
}

#[test]
fn what_may_come_out_right_is_left_to_the_call() {
    for expression in [
        "vars.x == \"3\"",
        "vars.x == 3 || vars.x == null",
        "queue.support.estimated_wait != null && queue.support.estimated_wait > 60",
        "queue.support.waiting > 1.5",
        "queue.support.waiting + 1 > vars.x",
        "called in [vars.x, 100, \"100\"]",
        "int(called) + 1 == 5",
        "string(queue.support.waiting) + \"x\" == \"3x\"",
        "size([1, 2]) == 2 && size(caller.number) > 3",
        "(queue.support.staffed ? 1 : \"a\") == vars.x",
        "vars.x",
        "hours.office == \"open\"",
        "called.contains(\"1\") && called.endsWith(\"0\")",
    ] {
        assert_eq!(told(expression), "fine", "{expression}");
    }
}
