//! What a queue node asks for, and where it goes on.

use super::*;

#[test]
fn a_queue_can_be_left_by_key_and_by_error() {
    let nodes = "
  a: { type: queue, queue: support, priority: 5, waiting: { keys: { \"1\": l } }, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  l: { type: line, line: field, answered: bye, busy: a, no_answer: bye, error: bye }
  bye: { type: hangup, prompt: [goodbye] }
";
    check(
        nodes,
        "begin up 55 queue:1 line:busy queue:1 line:error",
        &expect![[r#"
            begin: answer
            up: [a] queue(support 5)
            55:
            55:
            queue:1: [l] line(field)
            line:busy: [a] queue(support 5)
            queue:1: [l] line(field)
            line:error: fault(l queue) [bye] play(en/goodbye)
        "#]],
    );
    check(
        nodes,
        "begin up heard +1h queue:error",
        &expect![[r#"
        begin: answer
        up: [a] queue(support 5)
        heard:
        +1h:
        queue:error: fault(a queue) [bye] play(en/goodbye)
    "#]],
    );
}

#[test]
fn preferred_skills_are_asked_for_beside_those_that_must_be() {
    let nodes = "
  a: { type: queue, queue: support, skills: { require: { support: 2 }, prefer: { support: 8, 'lang.${language}': 3 } }, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  bye: { type: hangup }
";
    check(
        nodes,
        "begin up",
        &expect![[r#"
        begin: answer
        up: [a] queue(support 0 support>=2 ~lang.en>=3 ~support>=8)
    "#]],
    );
}

#[test]
fn a_preferred_operator_is_a_name_or_what_a_variable_holds() {
    let whole = |id: &str, last: &str| {
        format!(
            "
  a: {{ type: queue, queue: support, preferred_operator: {{ id: {id}, hold_for: 20s }}, answered: b, timeout: b, full: b, no_operators: b, error: b }}
  b: {{ type: hangup }}
vars: {{ last: {last} }}
"
        )
    };
    for (id, last, expected) in [
        ("alice", "null", "queue(support 0 for alice 20s)"),
        ("'${vars.last}'", "bob", "queue(support 0 for bob 20s)"),
        ("'${vars.last}'", "' bob '", "queue(support 0 for bob 20s)"),
        ("'op-${vars.last}'", "7", "queue(support 0 for op-7 20s)"),
        // Whoever was never here before has nobody to prefer.
        ("'${vars.last}'", "null", "queue(support 0)"),
        ("'${vars.last}'", "''", "queue(support 0)"),
        (
            "'${vars.last / 0}'",
            "1",
            "fault(a expression) queue(support 0)",
        ),
    ] {
        let mut call = Call::new(flow(&whole(id, last)));
        call.say(Input::Begin);
        let said = call.say(Input::Answered);
        assert_eq!(said, format!("[a] {expected}"), "{id} {last}");
    }
}

#[test]
fn a_queue_node_may_have_its_own_steps_of_escalation() {
    let nodes = "
  a:
    type: queue
    queue: support
    escalate: [{ after: 10s, relax: { support: 0 } }, { after: 10s, priority: +20 }, { after: 1m, line: field }]
    answered: b
    timeout: b
    full: b
    no_operators: b
    error: b
  b: { type: queue, queue: support, escalate: [], answered: z, timeout: z, full: z, no_operators: z, error: z }
  z: { type: hangup }
";
    check(
        nodes,
        "begin up queue:timeout",
        &expect![[r#"
            begin: answer
            up: [a] queue(support 0 escalate(10s Relax({support: None}), 10s Priority(20), 60s Line(field)))
            queue:timeout: [b] queue(support 0 escalate())
        "#]],
    );
}

#[test]
fn a_queue_of_paused_operators_is_left_only_by_an_exit_for_it() {
    let nodes = "
  a: { type: queue, queue: support, answered: z, timeout: z, full: z, no_operators: b, all_paused: c, error: z }
  b: { type: hangup, prompt: [nobody] }
  c: { type: queue, queue: support, answered: z, timeout: z, full: z, no_operators: b, error: z }
  z: { type: hangup }
";
    check(
        nodes,
        "begin up queue:paused queue:empty",
        &expect![[r#"
        begin: answer
        up: [a] queue(support 0 leaves paused)
        queue:paused: [c] queue(support 0)
        queue:empty: [b] play(en/nobody)
    "#]],
    );
    // A late answer to a question that was not asked.
    check(
        nodes,
        "begin up queue:paused queue:paused",
        &expect![[r#"
        begin: answer
        up: [a] queue(support 0 leaves paused)
        queue:paused: [c] queue(support 0)
        queue:paused: [b] play(en/nobody)
    "#]],
    );
    check(
        nodes,
        "begin up queue:empty",
        &expect![[r#"
        begin: answer
        up: [a] queue(support 0 leaves paused)
        queue:empty: [b] play(en/nobody)
    "#]],
    );
    let picture = flow(nodes).mermaid();
    assert!(picture.contains("n0 -- \"all_paused\" --> n2"), "{picture}");
    assert!(!picture.contains("n2 -- \"all_paused"), "{picture}");
}

#[test]
fn a_queue_leads_on_where_the_node_says_nothing() {
    let nodes = "version: 1
flow: f
start: a
defaults: { full: z, no_operators: z, error: z }
nodes:
  a: { type: queue, queue: tier-2, waiting: { keys: { \"1\": b } }, answered: z }
  b: { type: queue, queue: tier-2, timeout: a, full: z, all_paused: a, answered: z }
  nobody: { type: hangup, prompt: [nobody] }
  later: { type: hangup, prompt: [later] }
  lunch: { type: hangup, prompt: [lunch] }
  z: { type: hangup, prompt: [bye] }
";
    for (script, end) in [
        ("queue:empty", "[nobody] play(en/nobody)"),
        ("queue:full", "[later] play(en/later)"),
        ("queue:timeout", "[later] play(en/later)"),
        ("queue:paused", "[lunch] play(en/lunch)"),
        ("queue:error", "fault(a queue) [z] play(en/bye)"),
        // What the node writes goes before what the queue says.
        ("queue:1 queue:full", "[z] play(en/bye)"),
        ("queue:1 queue:empty", "[nobody] play(en/nobody)"),
        ("queue:1 queue:timeout", "[a] queue(tier-2 0 leaves paused)"),
        ("queue:1 queue:paused", "[a] queue(tier-2 0 leaves paused)"),
    ] {
        let story = story(nodes, &format!("begin up {script}"));
        let last = story.lines().last().unwrap();
        let (_, said) = last.split_once(": ").unwrap();
        assert_eq!(said, end, "{script}");
    }
    expect![[r#"
        flowchart TD
            begin((call)) --> n0
            n0[["a<br/><i>queue</i>"]]
            n1[["b<br/><i>queue</i>"]]
            n2(["nobody<br/><i>hangup</i>"])
            n3(["later<br/><i>hangup</i>"])
            n4(["lunch<br/><i>hangup</i>"])
            n5(["z<br/><i>hangup</i>"])
            n0 -- "answered, error" --> n5
            n0 -- "timeout, full" --> n3
            n0 -- "no_operators" --> n2
            n0 -- "all_paused" --> n4
            n0 -- "1" --> n1
            n1 -- "answered, full, error" --> n5
            n1 -- "timeout, all_paused" --> n0
            n1 -- "no_operators" --> n2
    "#]]
    .assert_eq(&flow(nodes).mermaid());
}

#[test]
fn what_a_queue_plays_has_to_be_there() {
    let text = |language: &str, waiting: &str| {
        format!(
            "version: 1\nflow: f\nstart: a\nlanguages: [{language}]\nnodes:\n  a: {{ type: queue, queue: support, waiting: {{ {waiting} }}, answered: z, timeout: z, full: z, no_operators: z, error: z }}\n  z: {{ type: hangup }}\n"
        )
    };
    for (language, waiting, wrong) in [
        ("en", "music: calm", 0),
        ("en", "music: missing", 1),
        ("en", "announce: { position: true }", 0),
        // Nothing was recorded in Russian.
        ("ru", "announce: { position: true }", 1),
        ("ru", "announce: { estimated_wait: true }", 1),
        ("ru", "announce: { every: 20s }", 0),
    ] {
        let said = try_load(&text(language, waiting)).err().unwrap_or_default();
        assert_eq!(said.len(), wrong, "{language} {waiting}: {said:?}");
    }
}
