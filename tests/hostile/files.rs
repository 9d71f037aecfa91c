//! Flows that were written to hurt whoever reads them.

/// A name, and the text.
pub(crate) type Hostile = (&'static str, String);

/// As large as a file may be.
const FULL: usize = 1024 * 1024;
const HEAD: &str = "version: 1\nflow: f\nstart: n0\nnodes:\n";

fn full(part: &str) -> String {
    part.repeat(FULL / part.len())
}

fn nodes(count: usize, node: impl Fn(usize) -> String) -> String {
    let nodes = (0..count).map(|index| format!("  n{index}: {}\n", node(index)));
    HEAD.to_owned() + &nodes.collect::<String>()
}

/// One node with an expression.
fn condition(expression: &str) -> String {
    format!(
        "{HEAD}  n0: {{ type: branch, when: [{{ if: '{expression}', then: n1 }}], else: n1 }}\n  n1: {{ type: hangup }}\n"
    )
}

/// Every one of them is refused.
pub(crate) fn files() -> Vec<Hostile> {
    let mut files = structures();
    files.extend(repeats());
    files.extend(flows());
    files.extend(wrongs());
    files.extend(expressions());
    files
}

/// What is no YAML of ours.
fn structures() -> Vec<Hostile> {
    let bomb = (0..40).map(|level: u32| {
        let below = level.checked_sub(1).map(|below| format!("*a{below}, "));
        let below = below.unwrap_or_else(|| "x, ".to_owned()).repeat(10);
        format!("a{level}: &a{level} [{below}]\n")
    });
    vec![
        ("a bomb of aliases", bomb.collect()),
        ("a merge of itself", "a: &a { <<: *a }\n".to_owned()),
        ("10 MB in one word", "x".repeat(10 * 1024 * 1024)),
        (
            "1 MiB in one word",
            format!("version: {}", "x".repeat(FULL - 9)),
        ),
        (
            "1 MiB in quotes that do not end",
            format!("version: \"{}", "x".repeat(FULL - 10)),
        ),
        (
            "words in a list",
            format!("[{}]", "x, ".repeat(FULL / 3 - 1)),
        ),
        (
            "words in a list of many lines",
            format!("[{}]", "x,\n ".repeat(FULL / 4 - 1)),
        ),
        (
            "commas of many lines",
            format!("[{}", ",\n".repeat(FULL / 2 - 1)),
        ),
        (
            "as many values as there may be",
            format!("[{}]", "x,\n ".repeat(49_900)),
        ),
        ("keys of one map", {
            let keys = (0..100_000).map(|n| format!("k{n}: \n"));
            keys.collect()
        }),
        ("steps inwards", {
            let lines = (0..1_400).map(|depth| format!("{}a:\n", " ".repeat(depth)));
            lines.collect()
        }),
        (
            "lines of one text",
            format!("version: |\n{}", " x\n".repeat(FULL / 3 - 10)),
        ),
    ]
}

/// One thing again and again.
fn repeats() -> Vec<Hostile> {
    vec![
        ("lists in lists", full("[")),
        ("maps in maps", full("{a: ")),
        ("dashes", full("- ")),
        ("questions", full("? ")),
        ("colons", full(":")),
        ("commas", format!("[{}", ",".repeat(FULL - 1))),
        ("empty lines", full("\n")),
        ("spaces", full(" ")),
        ("comments", full("#\n")),
        ("documents", full("---\n")),
        ("anchors", full("&a ")),
        ("tags", full("!a ")),
        ("percent signs", full("%")),
        ("quotes", full("\"")),
        ("no characters", full("\0")),
    ]
}

/// YAML that means too much.
fn flows() -> Vec<Hostile> {
    vec![
        ("100,000 nodes", {
            let nodes = (0..100_000).map(|n| format!(" {n:x}: \n"));
            format!("nodes:\n{}", nodes.collect::<String>())
        }),
        ("one circle of all nodes", {
            nodes(1_000, |n| {
                format!("{{ type: set, next: n{} }}", (n + 1) % 1_000)
            })
        }),
        ("each node leads to a hundred", {
            nodes(1_000, |n| {
                let cases = (1..45).map(|k| format!("{k}: n{}, ", (n * 7 + k * 13) % 1_000));
                format!(
                    "{{ type: switch, on: '1', cases: {{ {} }}, default: n0 }}",
                    cases.collect::<String>()
                )
            })
        }),
        ("a chain without an end", {
            nodes(1_000, |n| {
                format!("{{ type: set, next: n{} }}", (n + 1).min(999))
            })
        }),
        ("many languages", {
            let language = |n: u32| {
                let letter = |n: u32| char::from_u32(97 + n % 26).unwrap_or('a');
                format!("{}{}{}", letter(n), letter(n / 26), letter(n / 676))
            };
            let languages: Vec<String> = (0..2_000).map(language).collect();
            let prompt = "missing, ".repeat(60);
            let body = nodes(500, |_| format!("{{ type: hangup, prompt: [{prompt}] }}"));
            format!("languages: [{}]\n{body}", languages.join(", "))
        }),
        ("a long prompt", {
            let items = "missing,\n   ".repeat(49_900);
            format!("{HEAD}  n0: {{ type: hangup, prompt: [{items}] }}\n")
        }),
        ("tests without end", {
            let tests = "  - { at: x, expect: { path: [nowhere] } }\n".repeat(18_000);
            format!("{HEAD}  n0: {{ type: hangup }}\ntests:\n{tests}")
        }),
        ("the same expectation again and again", {
            let path = "nowhere,\n   ".repeat(49_900);
            format!(
                "{HEAD}  n0: {{ type: hangup }}\ntests:\n  - {{ at: x, expect: {{ path: [{path}] }} }}\n"
            )
        }),
        ("a name of a node of 1 MiB", {
            format!("{HEAD}  {}: {{ type: hangup }}\n", "n".repeat(1_000_000))
        }),
    ]
}

/// Names and keys that nobody knows.
fn wrongs() -> Vec<Hostile> {
    let long = |index: usize| format!("{index:0>60}");
    vec![
        ("no target is right", {
            let nodes = (0..1_000).map(|index| {
                let (name, to) = (long(index), long(index + 5_000_000));
                format!(
                    "  {name}: {{ type: hours, calendar: x, open: {to}, closed: {to}, holiday: {to} }}\n"
                )
            });
            HEAD.to_owned() + &nodes.collect::<String>()
        }),
        ("no key is right", {
            let keys = (0..49_000).map(|n| format!("k{n}: 1,\n  "));
            format!(
                "{HEAD}  n0: {{ type: hangup, {} }}\n",
                keys.collect::<String>()
            )
        }),
        ("no key of a menu is right", {
            let keys = (0..49_000).map(|n| format!("k{n}: 1,\n  "));
            format!(
                "{HEAD}  n0: {{ type: menu, prompt: x, keys: {{ {} }}, on_failure: n0 }}\n",
                keys.collect::<String>()
            )
        }),
    ]
}

/// Expressions and templates.
fn expressions() -> Vec<Hostile> {
    let nested = |open: &str, inside: &str, close: &str, depth: usize| {
        condition(&format!(
            "{}{inside}{}",
            open.repeat(depth),
            close.repeat(depth)
        ))
    };
    vec![
        ("brackets in brackets", nested("(", "1", ")", 250)),
        (
            "lists in lists of an expression",
            nested("[", "1", "]", 250),
        ),
        (
            "maps in maps of an expression",
            nested("{1: ", "1", "}", 90),
        ),
        ("nots", nested("!", "x", "", 500)),
        ("minuses", nested("-", "x", "", 500)),
        ("choices in choices", nested("true ? 1 : ", "x", "", 45)),
        ("an expression of 1 MiB", condition(&"1+".repeat(500_000))),
        ("calls in calls", nested("size(", "1", ")", 80)),
        (
            "fields of fields",
            condition(&format!("caller{}", ".a".repeat(250))),
        ),
        ("too many expressions", {
            let when = "{ if: 1 == 1, then: n0 },\n   ".repeat(16_000);
            format!("{HEAD}  n0: {{ type: branch, when: [{when}], else: n0 }}\n")
        }),
        ("too many that are wrong", {
            let when = "{ if: x.y.z, then: n0 },\n   ".repeat(16_000);
            format!("{HEAD}  n0: {{ type: branch, when: [{when}], else: n0 }}\n")
        }),
        ("a template of 1 MiB", {
            format!(
                "{HEAD}  n0: {{ type: set, language: \"{}\", next: n0 }}\n",
                "${called}".repeat(110_000)
            )
        }),
        ("templates that open and do not close", {
            let tags = format!("'{}',\n   ", "${".repeat(1_000)).repeat(500);
            format!("{HEAD}  n0: {{ type: set, tags: [{tags}], next: n0 }}\n")
        }),
    ]
}
