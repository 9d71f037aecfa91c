//! How a caller is asked where to be called back.

use super::*;

const NODES: &str = "
  a: { type: queue, queue: support, waiting: { keys: { \"1\": back } }, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  back: { type: callback, ok: promised, error: bye }
  promised: { type: hangup, prompt: [promised] }
  bye: { type: hangup, prompt: [goodbye] }
";

#[test]
fn a_number_is_read_back_and_confirmed() {
    check(
        NODES,
        "begin up queue:1 heard 1 back:yes",
        &expect![[r#"
        begin: answer
        up: [a] queue(support 0)
        queue:1: [back] play(en/callback/number en/number/3 en/number/1 en/number/6 en/number/1 en/number/2 en/number/3 en/number/4 en/number/5 en/number/6 en/number/7 en/number/8 en/callback/confirm)
        heard:
        1: callback(last +31612345678)
        back:yes: [promised] play(en/promised)
    "#]],
    );
    // A key before the end, and one who cannot be promised anything.
    check(
        NODES,
        "begin up queue:1 1 back:no",
        &expect![[r#"
        begin: answer
        up: [a] queue(support 0)
        queue:1: [back] play(en/callback/number en/number/3 en/number/1 en/number/6 en/number/1 en/number/2 en/number/3 en/number/4 en/number/5 en/number/6 en/number/7 en/number/8 en/callback/confirm)
        1: stop callback(last +31612345678)
        back:no: fault(back queue) [bye] play(en/goodbye)
    "#]],
    );
}

#[test]
fn another_number_is_entered_and_read_back() {
    check(
        NODES,
        "begin up queue:1 heard 2 heard 06*0612 345# 1 back:yes",
        &expect![[r#"
            begin: answer
            up: [a] queue(support 0)
            queue:1: [back] play(en/callback/number en/number/3 en/number/1 en/number/6 en/number/1 en/number/2 en/number/3 en/number/4 en/number/5 en/number/6 en/number/7 en/number/8 en/callback/confirm)
            heard:
            2: play(en/callback/enter)
            heard:
            06*0612:
            06*0612:
            06*0612:
            06*0612:
            06*0612:
            06*0612:
            06*0612:
            345#:
            345#:
            345#:
            345#: play(en/callback/number en/number/0 en/number/6 en/number/1 en/number/2 en/number/3 en/number/4 en/number/5 en/callback/confirm)
            1: stop callback(last 0612345)
            back:yes: [promised] play(en/promised)
        "#]],
    );
    check(
        NODES,
        "begin up queue:1 2 0687 +3s 2 0655# 1",
        &expect![[r#"
            begin: answer
            up: [a] queue(support 0)
            queue:1: [back] play(en/callback/number en/number/3 en/number/1 en/number/6 en/number/1 en/number/2 en/number/3 en/number/4 en/number/5 en/number/6 en/number/7 en/number/8 en/callback/confirm)
            2: stop play(en/callback/enter)
            0687: stop
            0687:
            0687:
            0687:
            +3s: play(en/callback/number en/number/0 en/number/6 en/number/8 en/number/7 en/callback/confirm)
            2: stop play(en/callback/enter)
            0655#: stop
            0655#:
            0655#:
            0655#:
            0655#: play(en/callback/number en/number/0 en/number/6 en/number/5 en/number/5 en/callback/confirm)
            1: stop callback(last 0655)
        "#]],
    );
}

#[test]
fn a_number_that_may_not_be_called_is_asked_for_anew_a_few_times() {
    check(
        NODES,
        "begin up queue:1 2 0900# 112# 00# heard",
        &expect![[r#"
            begin: answer
            up: [a] queue(support 0)
            queue:1: [back] play(en/callback/number en/number/3 en/number/1 en/number/6 en/number/1 en/number/2 en/number/3 en/number/4 en/number/5 en/number/6 en/number/7 en/number/8 en/callback/confirm)
            2: stop play(en/callback/enter)
            0900#: stop
            0900#:
            0900#:
            0900#:
            0900#: play(en/callback/not-possible en/callback/enter)
            112#: stop
            112#:
            112#:
            112#: play(en/callback/not-possible en/callback/enter)
            00#: stop
            00#:
            00#: [bye] play(en/goodbye)
            heard: hangup
        "#]],
    );
}

#[test]
fn who_says_nothing_or_nonsense_is_asked_three_times() {
    check(
        NODES,
        "begin up queue:1 heard +5s heard 7 heard +5s",
        &expect![[r#"
            begin: answer
            up: [a] queue(support 0)
            queue:1: [back] play(en/callback/number en/number/3 en/number/1 en/number/6 en/number/1 en/number/2 en/number/3 en/number/4 en/number/5 en/number/6 en/number/7 en/number/8 en/callback/confirm)
            heard:
            +5s: play(en/callback/number en/number/3 en/number/1 en/number/6 en/number/1 en/number/2 en/number/3 en/number/4 en/number/5 en/number/6 en/number/7 en/number/8 en/callback/confirm)
            heard:
            7: play(en/callback/number en/number/3 en/number/1 en/number/6 en/number/1 en/number/2 en/number/3 en/number/4 en/number/5 en/number/6 en/number/7 en/number/8 en/callback/confirm)
            heard:
            +5s: [bye] play(en/goodbye)
        "#]],
    );
    check(
        NODES,
        "begin up queue:1 2 heard +5s heard # heard +5s",
        &expect![[r#"
            begin: answer
            up: [a] queue(support 0)
            queue:1: [back] play(en/callback/number en/number/3 en/number/1 en/number/6 en/number/1 en/number/2 en/number/3 en/number/4 en/number/5 en/number/6 en/number/7 en/number/8 en/callback/confirm)
            2: stop play(en/callback/enter)
            heard:
            +5s: play(en/callback/enter)
            heard:
            #: play(en/callback/enter)
            heard:
            +5s: [bye] play(en/goodbye)
        "#]],
    );
}

#[test]
fn a_number_of_the_flow_is_taken_as_it_is_without_a_word() {
    let with = |number: &str| {
        format!(
            "
  a: {{ type: callback, number: {number}, confirm: false, queue: support, ok: bye, error: no }}
  bye: {{ type: hangup }}
  no: {{ type: hangup, prompt: [sorry] }}
"
        )
    };
    check(
        &with("'\"0612\"'"),
        "begin up 5 back:yes",
        &expect![[r#"
        begin: answer
        up: [a] callback(support 0612)
        5:
        back:yes: [bye] hangup
    "#]],
    );
    check(
        &with("'\"0900\"'"),
        "begin up",
        &expect![[r#"
        begin: answer
        up: [a] [no] play(en/sorry)
    "#]],
    );
}

#[test]
fn a_queue_can_say_where_its_callers_go_on() {
    let nodes = "
  a: { type: queue, queue: support, waiting: { keys: { \"1\": back } }, callback: told, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  back: { type: callback, confirm: false, ok: bye, error: bye }
  told: { type: hangup, prompt: [told] }
  bye: { type: hangup, prompt: [goodbye] }
";
    check(
        nodes,
        "begin up queue:1 back:yes",
        &expect![[r#"
        begin: answer
        up: [a] queue(support 0)
        queue:1: [back] callback(last +31612345678)
        back:yes: [told] play(en/told)
    "#]],
    );
    check(
        nodes,
        "begin up queue:1 back:no",
        &expect![[r#"
        begin: answer
        up: [a] queue(support 0)
        queue:1: [back] callback(last +31612345678)
        back:no: fault(back queue) [bye] play(en/goodbye)
    "#]],
    );
}

#[test]
fn a_caller_has_time_for_each_key_and_a_number_has_an_end() {
    let asks = "play(en/callback/number en/number/3";
    assert!(ends(NODES, "begin up queue:1 heard +4s +1s").starts_with(asks));
    assert_eq!(ends(NODES, "begin up queue:1 heard +4s"), "");
    assert_eq!(ends(NODES, "begin up queue:1 2 heard 06 +2s"), "");
    let read_back = "play(en/callback/number en/number/0 en/number/6 en/callback/confirm)";
    assert_eq!(
        ends(NODES, "begin up queue:1 2 heard 06 +2s +1s"),
        read_back
    );
    let digits = |count| format!("begin up queue:1 2 heard 06{}", "1".repeat(count));
    assert_eq!(ends(NODES, &digits(15)), "");
    assert!(ends(NODES, &digits(16)).starts_with("play(en/callback/number"));
}

#[test]
fn an_answer_that_was_not_asked_for_changes_nothing() {
    assert_eq!(ends(NODES, "begin up queue:1 back:yes"), "");
    let promising = "begin up queue:1 heard 1";
    assert_eq!(ends(NODES, &format!("{promising} heard +30m")), "");
    assert_eq!(ends(NODES, &format!("{promising} 5 +30m")), "");
    let then = ends(NODES, &format!("{promising} heard +30m back:yes"));
    assert_eq!(then, "[promised] play(en/promised)");
}

#[test]
fn the_queue_that_was_left_last_says_where_a_promise_leads() {
    let nodes = "
  a: { type: queue, queue: support, waiting: { keys: { \"1\": b, \"2\": back } }, callback: told, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  b: { type: queue, queue: support, answered: bye, timeout: back, full: bye, no_operators: bye, error: e }
  back: { type: callback, confirm: false, ok: bye, error: bye }
  told: { type: hangup, prompt: [told] }
  bye: { type: hangup, prompt: [goodbye] }
  e: { type: hangup, cause: 41 }
";
    let by = |way: &str| ends(nodes, &format!("begin up {way} back:yes"));
    assert_eq!(by("queue:2"), "[told] play(en/told)");
    assert_eq!(by("queue:1 queue:timeout"), "[bye] play(en/goodbye)");
    // A key that leads nowhere: the wait is over all the same.
    assert_eq!(ends(nodes, "begin up queue:1 queue:1"), "[e] hangup(41)");
}

#[test]
fn a_callback_without_a_word_needs_no_sounds() {
    let text = |confirm: bool| {
        format!(
            "version: 1\nflow: f\nstart: a\nlanguages: [ru]\nnodes:\n  a: {{ type: callback, queue: support, confirm: {confirm}, ok: z, error: z }}\n  z: {{ type: hangup }}\n"
        )
    };
    assert!(try_load(&text(false)).is_ok());
    let missing = try_load(&text(true)).unwrap_err();
    assert_eq!(missing.len(), 14, "four, and ten digits");
}

#[test]
fn mistakes_of_a_callback_are_told() {
    mistakes(
        "
  a: { type: callback, queue: billing, confirm: maybe, ok: bye }
  b: { type: callback, queue: suport, confirm: false, numbr: 1, ok: bye, error: nowhere }
  bye: { type: hangup }
",
        &expect![[r#"
            7:49 `confirm` wants true or false, not text
            7:31 queue `billing` calls nobody back (write `callback: {line: …, allow: […]}` at queue `billing`)
            7:3 this callback has no exit `error` (add `error: <node>` here or in `defaults`)
            8:55 unknown key `numbr` (did you mean `number`?)
            8:31 there is no queue `suport` (did you mean `support`?)
            8:81 there is no node `nowhere` (known are a, b, bye)"#]],
    );
}
