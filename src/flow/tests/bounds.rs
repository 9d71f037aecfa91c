//! The bounds of a flow, each with the words of who goes over it.

use super::*;

/// What is said of a whole file, without the places: the first lines of it.
fn said(text: &str) -> Vec<String> {
    let told = try_load(text).err().unwrap_or_default();
    told.iter()
        .map(|diagnostic| match &diagnostic.hint {
            Some(hint) => format!("{} ({hint})", diagnostic.message),
            None => diagnostic.message.clone(),
        })
        .take(2)
        .collect()
}

/// The same of one node beside an end.
fn node(fields: &str) -> String {
    let head = "version: 1\nflow: f\nstart: a\nvars: { x: null }\nnodes:";
    said(&format!(
        "{head}\n  a: {{ {fields} }}\n  b: {{ type: hangup }}\n"
    ))
    .join("; ")
}

fn list(of: &str, count: usize) -> String {
    vec![of; count].join(", ")
}

fn numbered(of: &str, count: usize) -> String {
    let each = (0..count).map(|n| of.replace('N', &n.to_string()));
    each.collect::<Vec<_>>().join(", ")
}

#[test]
fn whoever_goes_over_a_bound_of_a_node_is_told_which() {
    let menu = "type: menu, prompt: [x], keys: { \"1\": b }";
    let queue =
        "type: queue, queue: general, answered: b, timeout: b, full: b, no_operators: b, error: b";
    let dial = "type: dial, answered: b, busy: b, no_answer: b, error: b";
    let http = "type: http, timeout: 2s, ok: b, error: b";
    let url = "url: \"https://api.example.org/\"";
    let branch = |of: &str| format!("type: branch, when: [{{ if: '{of}', then: b }}], else: b");
    let mut told = String::new();
    for fields in [
        format!("type: hangup, prompt: [{}]", list("x", 65)),
        "type: hangup, prompt: [{ silence: 61s }]".to_owned(),
        branch(&format!("called == \"{}\"", "x".repeat(512))),
        branch(&format!(
            "{}called == \"1\"{}",
            "(".repeat(40),
            ")".repeat(40)
        )),
        branch("called.matches(\"x\")"),
        branch("{\"a\": 1}[\"a\"] == 1"),
        "type: set, vars: { x: \"${[1, 2]}\" }, next: b".to_owned(),
        "type: set, vars: { x: \"a ${[1, 2]}\" }, next: b".to_owned(),
        "type: set, priority: called, next: b".to_owned(),
        format!("{menu}, no_input: b, no_match: b, on_failure: b"),
        format!("{queue}, waiting: {{ announce: {{ position: true, every: 5s }} }}"),
        format!(
            "{queue}, waiting: {{ comfort: [{}] }}",
            list("{ prompt: [x], after: 20s }", 17)
        ),
        format!("{dial}, to: []"),
        format!("{dial}, to: [{}]", list("\"sip:x@10.0.0.1\"", 9)),
        format!("{http}, request: {{ {url}, json: [{}] }}", list("1", 100)),
        format!("{http}, request: {{ {url}, json: 1e999 }}"),
        format!("{http}, request: {{ {url}, headers: {{ X-A: \"a\\nb\" }} }}"),
        format!(
            "{http}, request: {{ {url}, headers: {{ {} }} }}",
            numbered("X-N: a", 17)
        ),
        format!(
            "{http}, request: {{ {url} }}, save: {{ {} }}",
            numbered("vN: /a", 17)
        ),
    ] {
        let start: String = fields.chars().take(44).collect();
        writeln!(told, "{start}: {}", node(&fields)).unwrap();
    }
    expect![[r#"
        type: hangup, prompt: [x, x, x, x, x, x, x, : a prompt has at most 64 items
        type: hangup, prompt: [{ silence: 61s }]: a silence is at most 60s long
        type: branch, when: [{ if: 'called == "xxxxx: an expression has at most 512 characters
        type: branch, when: [{ if: '((((((((((((((((: an expression is at most 32 brackets and choices deep
        type: branch, when: [{ if: 'called.matches(": unknown name `matches` (known are contains, endsWith, int, size, startsWith, string)
        type: branch, when: [{ if: '{"a": 1}["a"] ==: unknown name `_[_]` (known are contains, endsWith, int, size, startsWith, string)
        type: set, vars: { x: "${[1, 2]}" }, next: b: a list cannot be written as text (flows have text, whole numbers, true and false)
        type: set, vars: { x: "a ${[1, 2]}" }, next:: a list cannot be written as text (flows have text, whole numbers, true and false)
        type: set, priority: called, next: b: a whole number stands here, and this is text (`int(…)` makes a number of text)
        type: menu, prompt: [x], keys: { "1": b }, n: `on_failure` is never taken (it follows `retry` in no_input or no_match)
        type: queue, queue: general, answered: b, ti: announcements come at most every 10s
        type: queue, queue: general, answered: b, ti: a wait has at most 16 messages
        type: dial, answered: b, busy: b, no_answer:: a dial has 1 to 8 addresses (write "sip:name@host:5060", or a list)
        type: dial, answered: b, busy: b, no_answer:: a dial has 1 to 8 addresses (write "sip:name@host:5060", or a list)
        type: http, timeout: 2s, ok: b, error: b, re: JSON of a flow has at most 100 values; a GET has no body (write method: POST)
        type: http, timeout: 2s, ok: b, error: b, re: a GET has no body (write method: POST)
        type: http, timeout: 2s, ok: b, error: b, re: a header has no line ends and no controls (write it in one line)
        type: http, timeout: 2s, ok: b, error: b, re: a request has at most 16 headers
        type: http, timeout: 2s, ok: b, error: b, re: at most 16 values of an answer are saved
    "#]].assert_eq(&told);
}

#[test]
fn whoever_goes_over_a_bound_of_a_file_is_told_which() {
    let whole = |languages: &str, nodes: &str| {
        said(&format!(
            "version: 1\nflow: f\nstart: a\nlanguages: [{languages}]\nnodes:\n  a: {{ type: hangup }}\n{nodes}"
        ))
    };
    let many = |count: usize, of: &str| {
        let each = (0..count).map(|n| format!("  n{n}: {of}\n"));
        each.collect::<String>()
    };
    let languages: Vec<String> = ('a'..='z').map(|c| format!("x{c}")).collect();
    let languages = languages.join(", ");
    let mut told = String::new();
    for (name, said) in [
        ("no language", whole("", "")),
        ("many languages", whole(&languages, "")),
        ("a name", whole("en", "  'a b': { type: hangup }\n")),
        ("nodes", whole("en", &many(1_000, "{ type: hangup }"))),
        ("mistakes", whole("en", &many(500, "{ type: nothing }"))),
        (
            "values",
            whole("en", &format!("  b: [{}]\n", list("1", 50_000))),
        ),
    ] {
        writeln!(told, "{name}: {}", said.join("; ")).unwrap();
    }
    expect![[r#"
        no language: there is no language (write [en])
        many languages: a flow has at most 16 languages
        a name: `a b` is no name of a node (letters, digits, - and _, at most 64; not `retry`)
        nodes: a flow has at most 1000 nodes
        mistakes: unknown node type `nothing` (known are play, menu, collect, set, branch, switch, hours, customer, http, notify, queue, line); unknown node type `nothing` (known are play, menu, collect, set, branch, switch, hours, customer, http, notify, queue, line)
        values: a line has at most 16384 bytes (break it)
    "#]].assert_eq(&told);
}
