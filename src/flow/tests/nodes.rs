//! What holds for each type of node, one beside the other.

use super::*;

/// Nodes that need an answered call, and how each begins then.
const ANSWERS: &[(&str, &str)] = &[
    (
        "menu, prompt: [x], keys: { \"1\": z }, no_input: z, no_match: z",
        "play(en/x)",
    ),
    (
        "collect, prompt: [x], digits: { max: 2 }, save: x, ok: z, on_failure: z",
        "play(en/x)",
    ),
    (
        "survey, prompt: [x], keys: { \"1\": 1 }, save: x, next: z",
        "play(en/x)",
    ),
    (
        "voicemail, prompt: [x], mailbox: m, ok: z, error: z",
        "play(en/x tone)",
    ),
    (
        "callback, confirm: false, queue: support, ok: z, error: z",
        "callback(support +31612345678)",
    ),
    (
        "queue, queue: support, answered: z, timeout: z, full: z, no_operators: z, error: z",
        "queue(support 0)",
    ),
    (
        "line, line: field, answered: z, busy: z, no_answer: z, error: z",
        "line(field)",
    ),
    (
        "operator, id: alice, answered: z, busy: z, no_answer: z, error: z",
        "operator(alice )",
    ),
    (
        "dial, to: \"sip:x@y\", ring: 10s, answered: z, busy: z, no_answer: z, error: z",
        "dial(sip:x@y in turn 10s)",
    ),
    (
        "recording, action: start, next: z",
        "recording(start) [z] hangup",
    ),
    ("hangup, prompt: [x]", "play(en/x)"),
];

/// Those that do not, and what they do before the answer.
const DOES_NOT_ANSWER: &[(&str, &str)] = &[
    ("play, prompt: [x], next: z", "early"),
    ("set, tags: [x], next: z", "[a] [z] hangup"),
    (
        "branch, when: [{ if: 'called == \"1000\"', then: z }], else: z",
        "[a] [z] hangup",
    ),
    (
        "switch, on: called, cases: { \"1\": z }, default: z",
        "[a] [z] hangup",
    ),
    (
        "hours, calendar: office, open: z, closed: z",
        "[a] [z] hangup",
    ),
    ("notify, event: x, next: z", "[a] notify(x {}) [z] hangup"),
    (
        "recording, action: pause, next: z",
        "[a] recording(pause) [z] hangup",
    ),
    (
        "recording, action: stop, next: z",
        "[a] recording(stop) [z] hangup",
    ),
    (
        "customer, found: z, unknown: z",
        "[a] ask(who has +31612345678)",
    ),
    (
        "flow, name: g, next: z, error: z",
        "[a] fault(a nesting) [z] hangup",
    ),
    ("reject, code: 480", "[a] reject(480)"),
    ("hangup", "[a] hangup"),
    ("hangup, cause: 21", "[a] hangup(21)"),
];

/// A flow that begins with a node, before the answer.
fn unanswered(node: &str) -> String {
    // An end has no way on.
    let z = if node.contains(" z") {
        "  z: { type: hangup }\n"
    } else {
        ""
    };
    format!(
        "version: 1\nflow: f\nstart: a\nanswer: false\nlanguages: [en, nl]\nnodes:\n  a: {{ type: {node} }}\n{z}"
    )
}

#[test]
fn a_call_is_answered_before_whatever_needs_that() {
    for (node, begins) in ANSWERS {
        assert_eq!(ends(&unanswered(node), "begin"), "answer", "{node}");
        let said = ends(&unanswered(node), "begin up");
        assert_eq!(said, format!("[a] {begins}"), "{node}");
    }
    for (node, does) in DOES_NOT_ANSWER {
        assert_eq!(ends(&unanswered(node), "begin"), *does, "{node}");
    }
}

#[test]
fn only_what_needs_no_caller_may_follow_a_hang_up() {
    let speaks = |node: &str| node.starts_with("play") || node.starts_with("hangup, prompt");
    for (node, _) in ANSWERS.iter().chain(DOES_NOT_ANSWER) {
        let text = unanswered(node);
        let text = text.replace("start: a\n", "start: begin\non_hangup: a\n");
        let text = text.replace("nodes:\n", "nodes:\n  begin: { type: hangup }\n");
        let mut said = try_load(&text).err().unwrap_or_default();
        said.retain(|diagnostic| diagnostic.message.contains("for a caller who is gone"));
        let kind = node.split(',').next().unwrap_or_default();
        let silent = [
            "set", "branch", "switch", "hours", "notify", "customer", "hangup",
        ];
        let pauses = kind == "recording" && !node.contains("start");
        let may = (silent.contains(&kind) || pauses) && !speaks(node);
        assert_eq!(said.is_empty(), may, "{node}: {said:?}");
    }
    let returns = "version: 1\nflow: f\nstart: a\non_hangup: b\nnodes:\n  a: { type: hangup }\n  b: { type: return }\n";
    assert!(try_load(returns).is_err());
}

#[test]
fn keys_from_before_are_forgotten_where_the_call_goes_away() {
    let back = [
        ("queue", "queue:timeout"),
        ("line", "line:busy"),
        ("operator", "line:busy"),
        ("dial", "line:busy"),
        ("callback", "back:no"),
        ("voicemail", "heard message:empty"),
        ("survey", "heard +5s heard +5s"),
    ];
    for (kind, returns) in back {
        let mut of_kind = ANSWERS.iter().filter(|(node, _)| node.starts_with(kind));
        let node = of_kind.next().unwrap().0;
        let nodes = format!(
            "
  p: {{ type: play, prompt: [welcome], next: a }}
  a: {{ type: {node} }}
  z: {{ type: menu, prompt: [menu], keys: {{ \"1\": e }}, no_input: e, no_match: e }}
  e: {{ type: hangup }}
"
        );
        let nodes = whole(&nodes).replace("start: a", "start: p");
        let said = ends(&nodes, &format!("begin up 1 heard {returns}"));
        assert!(said.ends_with("[z] play(en/menu)"), "{kind}: {said}");
    }
}

#[test]
fn a_circle_needs_a_caller_or_time_in_it() {
    let queue = "queue, queue: support, answered: z, timeout: z, full: z, no_operators: z, all_paused: z, callback: z, waiting: { keys: { \"1\": z } }, error: z";
    let line = "line, line: field, answered: z, busy: z, no_answer: z, error: z";
    let menu = "menu, prompt: [x], keys: { \"1\": z }, no_input: z, no_match: z";
    let tries =
        "menu, prompt: [x], keys: { \"1\": z }, no_input: retry, no_match: retry, on_failure: z";
    let digits =
        "collect, prompt: [x], digits: { max: 2 }, save: x, ok: z, no_input: z, no_match: z";
    let customer = "customer, found: z, unknown: z";
    let back = "callback, queue: support, ok: z, error: z";
    let voicemail = "voicemail, prompt: [x], mailbox: m, ok: z, error: z";
    let flow = "flow, name: g, next: z, error: z";
    for (node, exit, spins) in [
        (queue, "answered", false),
        (queue, "timeout", false),
        (queue, "full", true),
        (queue, "no_operators", true),
        (queue, "all_paused", true),
        (queue, "callback", false),
        (queue, "\"1\"", false),
        (queue, "error", true),
        (line, "answered", false),
        (line, "no_answer", false),
        (line, "busy", true),
        (line, "error", true),
        (menu, "\"1\"", false),
        (menu, "no_match", false),
        (menu, "no_input", true),
        (tries, "on_failure", true),
        (digits, "ok", false),
        (digits, "no_match", false),
        (digits, "no_input", true),
        (customer, "found", true),
        (customer, "unknown", true),
        (back, "ok", false),
        (back, "error", true),
        (voicemail, "ok", false),
        (voicemail, "error", true),
        (flow, "next", false),
        (flow, "error", true),
        ("play, prompt: [x], next: z", "next", true),
        (
            "survey, prompt: [x], keys: { \"1\": 1 }, save: x, next: z",
            "next",
            true,
        ),
        (
            "http, request: { url: \"https://api.example.org/\" }, timeout: 1s, ok: z, error: z",
            "ok",
            true,
        ),
    ] {
        let round = node.replace(&format!("{exit}: z"), &format!("{exit}: a"));
        assert_ne!(round, node, "{exit}");
        // There is always a way to the end, by a key.
        let text = format!(
            "  a: {{ type: menu, prompt: [y], keys: {{ \"1\": b, \"2\": z }}, no_input: b, no_match: z }}\n  b: {{ type: {round} }}\n  z: {{ type: hangup }}\n"
        );
        let said = try_load(&whole(&text)).err().unwrap_or_default();
        let circles = said.iter().filter(|told| told.message.contains("circle"));
        assert_eq!(circles.count(), usize::from(spins), "{node}: {exit}");
    }
}

/// The sounds that a flow of one node can play.
fn sounds(node: &str) -> String {
    let z = if node.contains(" z") {
        "  z: { type: hangup }\n"
    } else {
        ""
    };
    let flow = flow(&format!(
        "version: 1\nflow: f\nstart: a\nlanguages: [en]\nlimits: {{ on_limit: a }}\nnodes:\n  a: {{ type: {node} }}\n{z}"
    ));
    let sounds = flow.sounds();
    let names = sounds
        .iter()
        .map(|(language, name)| format!("{language}/{name}"));
    let digit = |name: &String| name.starts_with("en/number/");
    let (digits, names): (Vec<String>, Vec<String>) = names.partition(digit);
    let digits = if digits.is_empty() { "" } else { " digits" };
    names.join(" ") + digits
}

#[test]
fn a_flow_knows_every_sound_that_it_can_play() {
    let queue =
        "queue, queue: support, answered: z, timeout: z, full: z, no_operators: z, error: z";
    for (node, expected) in [
        ("play, prompt: [x, y], next: z", "en/x en/y"),
        ("hangup, prompt: [x]", "en/x"),
        (
            "menu, prompt: [x], reprompt: [y], keys: { \"1\": z }, on_failure: z",
            "en/x en/y",
        ),
        (
            "survey, prompt: [x], reprompt: [y], keys: { \"1\": 1 }, save: x, next: z",
            "en/x en/y",
        ),
        (
            "voicemail, prompt: [x], mailbox: m, ok: z, error: z",
            "en/x",
        ),
        (
            "collect, prompt: [x], reprompt: [y], digits: { max: 2 }, save: x, confirm: { prompt: [q] }, ok: z, on_failure: z",
            "en/q en/x en/y",
        ),
        (
            "collect, prompt: [x], digits: { max: 2 }, save: x, confirm: true, ok: z, on_failure: z",
            "en/collect/confirm en/collect/you-entered en/x digits",
        ),
        (
            "callback, queue: support, ok: z, error: z",
            "en/callback/confirm en/callback/enter en/callback/not-possible en/callback/number digits",
        ),
        (
            "callback, queue: support, confirm: false, ok: z, error: z",
            "",
        ),
        (
            "operator, id: alice, operator_announcement: vip, answered: z, busy: z, no_answer: z, error: z",
            "en/vip",
        ),
        (&format!("{queue}, operator_announcement: vip"), "en/vip"),
        (
            &format!(
                "{queue}, waiting: {{ music: m, comfort: [{{ prompt: [x], after: 1s }}], keys: {{ \"1\": {{ play: [y] }} }} }}"
            ),
            "en/x en/y music/m",
        ),
    ] {
        assert_eq!(sounds(node), expected, "{node}");
    }
    let announces = sounds(&format!(
        "{queue}, waiting: {{ announce: {{ position: true }} }}"
    ));
    assert!(
        announces.contains("en/queue/") && announces.ends_with("digits"),
        "{announces}"
    );
}

#[test]
fn an_example_may_say_how_a_call_comes_back_from_each_node() {
    for (kind, exits) in [
        (
            "queue",
            &["answered", "timeout", "full", "no_operators", "error"][..],
        ),
        ("line", &["answered", "busy", "no_answer", "error"]),
        ("operator", &["answered", "busy", "no_answer", "error"]),
        ("dial", &["answered", "busy", "no_answer", "error"]),
    ] {
        let mut of_kind = ANSWERS.iter().filter(|(node, _)| node.starts_with(kind));
        let node = of_kind.next().unwrap().0;
        for exit in exits {
            let text = format!(
                "version: 1\nflow: f\nstart: a\nnodes:\n  a: {{ type: {node} }}\n  z: {{ type: hangup }}\ntests:\n  - {{ name: t, at: \"2026-03-02T10:15:00Z\", returns: {{ a: {exit} }}, expect: {{ path: [a, z] }} }}\n"
            );
            let said = try_load(&text).err().unwrap_or_default();
            assert!(said.is_empty(), "{kind} {exit}: {said:?}");
        }
    }
}

#[test]
fn a_flow_says_what_it_tells_and_where_messages_go() {
    let flow = flow(
        "
  a: { type: notify, event: one, next: b }
  b: { type: notify, event: two, next: c }
  c: { type: voicemail, prompt: [x], mailbox: office, ok: d, error: d }
  d: { type: voicemail, prompt: [x], mailbox: night, ok: z, error: z }
  z: { type: hangup }
",
    );
    assert_eq!(flow.tells(), BTreeSet::from(["one", "two"]));
    let boxes: Vec<String> = flow.mailboxes().iter().map(ToString::to_string).collect();
    assert_eq!(boxes, ["night", "office"]);
}
