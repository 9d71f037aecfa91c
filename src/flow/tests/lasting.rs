//! How long flows last: their limits, and what is left after a hang-up.

use super::*;

/// A flow of at most a minute.
fn minute(more: &str, nodes: &str) -> String {
    format!(
        "version: 1\nflow: f\nstart: a\nlanguages: [en]\nlimits: {{ max_minutes: 1, on_limit: l }}\n{more}\nnodes:\n{nodes}\n  l: {{ type: hangup, prompt: [limit] }}\n  z: {{ type: hangup }}\n"
    )
}

const LIMIT: &str = "fault(a limit) [l] play(en/limit)";

#[test]
fn a_prompt_may_not_last_for_longer_than_the_flow() {
    let nodes = minute("", "  a: { type: play, prompt: [x], next: z }");
    assert_eq!(ends(&nodes, "begin up +59s"), "");
    assert_eq!(ends(&nodes, "begin up +59s +1s"), LIMIT);
    // The farewell has two minutes.
    assert_eq!(ends(&nodes, "begin up +60s +119s"), "");
    assert_eq!(
        ends(&nodes, "begin up +60s +119s +1s"),
        "fault(l limit) hangup"
    );
}

#[test]
fn time_stands_still_where_the_call_is_away_and_only_there() {
    let queue =
        "queue, queue: support, answered: m, timeout: m, full: m, no_operators: m, error: m";
    let line = "line, line: field, answered: m, busy: m, no_answer: m, error: m";
    let voicemail = "voicemail, prompt: [x], mailbox: m, max: 30m, ok: m, error: m";
    let menu = "  m: { type: menu, prompt: [x], keys: { \"1\": a }, timeout: 5m, no_input: z, no_match: z }";
    for (away, goes, returns) in [
        (queue, "", "queue:timeout"),
        (line, "", "line:busy"),
        (voicemail, "heard", "message:kept"),
    ] {
        let nodes = minute("", &format!("{menu}\n  a: {{ type: {away} }}"));
        let nodes = nodes.replace("start: a", "start: m");
        // Forty seconds, half an hour away, and twenty more.
        let script = format!("begin up heard +40s 1 {goes} +29m {returns} heard");
        assert_eq!(ends(&nodes, &format!("{script} +19s")), "", "{away}");
        let said = ends(&nodes, &format!("{script} +20s"));
        assert_eq!(said, "fault(m limit) [l] play(en/limit)", "{away}");
    }
    for (here, waits) in [
        (voicemail, ""),
        ("play, prompt: [x], next: m", ""),
        (
            "collect, prompt: [x], digits: { max: 2 }, save: x, timeout: 5m, ok: m, on_failure: m",
            "heard",
        ),
        (
            "collect, prompt: [x], digits: { max: 2 }, save: x, timeout: 5m, confirm: true, ok: m, on_failure: m",
            "12 heard",
        ),
        (
            "survey, prompt: [x], keys: { \"1\": 1 }, save: x, timeout: 5m, next: m",
            "heard",
        ),
        (
            "callback, queue: support, timeout: 5m, ok: m, error: m",
            "heard",
        ),
    ] {
        let nodes = minute("", &format!("{menu}\n  a: {{ type: {here} }}"));
        let script = format!("begin up {waits} +59s");
        assert_eq!(ends(&nodes, &script), "", "{here}");
        assert_eq!(ends(&nodes, &format!("{script} +1s")), LIMIT, "{here}");
    }
}

#[test]
fn whoever_was_never_heard_hears_no_farewell_at_the_limit() {
    let nodes = minute("", "  a: { type: play, prompt: [x], next: z }");
    assert_eq!(ends(&nodes, "begin +60s"), "fault(a limit) hangup");
    let early = nodes.replace("start: a\n", "start: a\nanswer: false\n");
    assert_eq!(ends(&early, "begin +60s"), "fault(a limit) hangup");
    assert_eq!(ends(&early, "begin up +60s"), "fault(a limit) answer");
}

/// So many nodes that lead from one to the next.
fn chain(count: usize) -> String {
    let nodes = (1..=count).map(|n| {
        let next = if n == count {
            "end".into()
        } else {
            format!("s{}", n + 1)
        };
        format!("  s{n}: {{ type: set, tags: [t], next: {next} }}\n")
    });
    nodes.collect::<String>() + "  end: { type: hangup }"
}

#[test]
fn at_the_limit_and_after_a_hang_up_twenty_steps_are_left() {
    for (steps, whole) in [(19, true), (20, false)] {
        let text = minute(
            "on_hangup: s1",
            &format!(
                "  a: {{ type: play, prompt: [x], next: z }}\n{}",
                chain(steps)
            ),
        );
        let mut call = Call::new(flow(&text));
        tell(&mut call, "begin up");
        let said = hung_up(&mut call);
        assert_eq!(said.ends_with("[end] hangup"), whole, "{steps}: {said}");
        assert_eq!(said.contains("limit"), !whole, "{steps}: {said}");
        assert!(!said.contains("[l]"), "nobody hears it: {said}");
        let at_limit = text
            .replace("on_hangup: s1\n", "")
            .replace("on_limit: l", "on_limit: s1");
        let at_limit = at_limit.replace("  l: { type: hangup, prompt: [limit] }\n", "");
        let said = ends(&at_limit, "begin up +60s");
        assert_eq!(said.ends_with("[end] hangup"), whole, "{steps}: {said}");
    }
}

fn hung_up(call: &mut Call) -> String {
    let mut out = Vec::new();
    call.run.hung_up(call.now, &Busy, &mut out);
    let texts: Vec<String> = out.iter().map(show).collect();
    texts.join(" ")
}

#[test]
fn nobody_waits_for_long_when_the_caller_is_gone() {
    let text = minute(
        "on_hangup: h",
        "  a: { type: play, prompt: [x], next: z }\n  h: { type: http, request: { url: \"https://api.example.org/\" }, timeout: 30s, ok: z, error: z }",
    );
    let mut call = Call::new(flow(&text));
    tell(&mut call, "begin up");
    assert_eq!(hung_up(&mut call), "[h] ask(Get https://api.example.org/)");
    assert_eq!(tell(&mut call, "+4s"), "+4s:\n");
    assert_eq!(tell(&mut call, "+1s"), "+1s: fault(h limit) hangup\n");
    assert!(call.run.is_over());
}

#[test]
fn steps_are_counted_to_the_last() {
    let nodes = "version: 1\nflow: f\nstart: a\nlimits: { max_steps: 3, on_limit: z }\nnodes:
  a: { type: menu, prompt: [ask], keys: { \"1\": a }, no_input: z, no_match: z }
  z: { type: hangup, prompt: [sorry] }
";
    assert_eq!(ends(nodes, "begin up 1 1"), "stop [a] play(en/ask)");
    assert_eq!(
        ends(nodes, "begin up 1 1 1"),
        "stop fault(a limit) [z] play(en/sorry)"
    );
}
