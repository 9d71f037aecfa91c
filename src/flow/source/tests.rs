use super::document::{Kind, Node};
use super::scalar::Scalar;
use super::*;
use crate::model::{Diagnostic, limits};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_yaml::Value;
use std::time::Duration;

fn refused(text: &str, expected: &Expect) {
    let problem = Document::parse("f.yaml", text).unwrap_err();
    expected.assert_eq(&problem.to_string());
}

fn read<T>(text: &str, read: impl Fn(Cursor<'_>, &mut Vec<Diagnostic>) -> T) -> (T, String) {
    let document = Document::parse("f.yaml", text).unwrap();
    let mut diags = Vec::new();
    let value = read(document.root(), &mut diags);
    let text: Vec<_> = diags.iter().map(Diagnostic::to_string).collect();
    (value, text.join("\n"))
}

#[test]
fn values_are_read_with_their_places() {
    let text = "a: 12\nb: { c: [x, \"1\"], 9: 15s }\nd: true\n";
    let document = Document::parse("f.yaml", text).unwrap();
    let root = document.root();
    let mut none = Vec::new();
    assert_eq!(root.get("a").unwrap().integer(0..=20, &mut none), Some(12));
    let b = root.get("b").unwrap();
    let c = b.get("c").unwrap().list(&mut none).unwrap();
    assert_eq!(c[1].string(&mut none), Some("1"));
    assert_eq!(
        (c[1].span().line, c[1].span().column, c[1].span().width),
        (2, 13, 3)
    );
    assert_eq!(
        b.get("9").unwrap().duration(&mut none),
        Some(Duration::from_secs(15))
    );
    assert_eq!(root.get("d").unwrap().bool(&mut none), Some(true));
    assert_eq!(none, []);
}

#[test]
fn a_wrong_kind_is_shown_at_its_place() {
    let (_, said) = read(
        "wrap_up: ten\nlimit: \"5\"\nname: 12\nwait: 12\n",
        |c, d| {
            c.get("wrap_up").unwrap().duration(d);
            c.get("limit").unwrap().integer(1..=9, d);
            c.get("name").unwrap().string(d);
            c.get("wait").unwrap().duration(d);
            c.require("flow", d);
            c.unknown_keys(&["wrapup", "limit", "names", "wait"], d);
        },
    );
    expect![[r#"
        f.yaml:1:10: error: `ten` is no duration
         1 | wrap_up: ten
           |          ^^^
           hint: a duration is a whole number with ms, s, m, h or d, such as 1500ms, 15s, 2m, 1h or 30d
        f.yaml:2:8: error: `limit` wants a whole number from 1 to 9, not text
         2 | limit: "5"
           |        ^^^
        f.yaml:3:7: error: expected text, not a number
         3 | name: 12
           |       ^^
           hint: write "12"
        f.yaml:4:7: error: a duration has a unit; `12` has none
         4 | wait: 12
           |       ^^
           hint: write 12s for seconds
        f.yaml:1:1: error: `flow` is missing
         1 | wrap_up: ten
           | ^
           hint: add `flow: …`
        f.yaml:1:1: error: unknown key `wrap_up`
         1 | wrap_up: ten
           | ^^^^^^^
           hint: did you mean `wrapup`?
        f.yaml:3:1: error: unknown key `name`
         3 | name: 12
           | ^^^^
           hint: did you mean `names`?"#]]
    .assert_eq(&said);
}

#[test]
fn what_makes_yaml_dangerous_is_refused() {
    refused(
        "a: 1\nb: 2\na: 3\n",
        &expect![[r#"
        f.yaml:3:1: error: key `a` is written twice
         3 | a: 3
           | ^
           hint: remove one of them"#]],
    );
    refused(
        "a: &x [1]\nb: *x\n",
        &expect![[r#"
        f.yaml:1:4: error: anchors (`&name`) are not used here
         1 | a: &x [1]
           |    ^^^^
           hint: put text that begins so in quotes"#]],
    );
    refused(
        "a: !!str 1\n",
        &expect![[r#"
        f.yaml:1:4: error: tags (`!name`) are not used here
         1 | a: !!str 1
           |    ^^^^^^^
           hint: put text that begins so in quotes"#]],
    );
    refused(
        "a: 1\n---\nb: 2\n",
        &expect![[r#"
        f.yaml:2:1: error: a second document begins here; a file holds one
         2 | ---
           | ^^^
           hint: remove the `---`"#]],
    );
    refused(
        "keys: { *: main }\n",
        &expect![[r##"
        f.yaml:1:9: error: this is not valid YAML: while parsing node, found unknown anchor
         1 | keys: { *: main }
           |         ^
           hint: the keys * and # are written in quotes: "*" and "#""##]],
    );
    refused(
        "keys: [1, 2\nb: 1\n",
        &expect![[r#"
        f.yaml:2:2: error: this is not valid YAML: illegal placement of ':' indicator
         2 | b: 1
           |  ^
           hint: look for a missing quote, colon or bracket here or just above"#]],
    );
    refused(
        "a:\n\t- 1\n",
        &expect![[r#"
        f.yaml:2:2: error: this is not valid YAML: tabs disallowed within this context (block indentation)
         2 | 	- 1
           |  ^
           hint: indent with spaces, not tabs"#]],
    );
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let problem = Document::parse("f.yaml", &deep).unwrap_err();
    assert_eq!(problem.message, "nested more than 32 deep");
    let large = "#".repeat(limits::YAML_BYTES + 1);
    assert!(Document::parse("f.yaml", &large).is_err());
}

#[test]
fn a_replaced_scalar_is_typed_by_its_text_unless_quoted() {
    let replace = |text: &str| match text {
        "${PORT}" => Ok(Some("5060".to_owned())),
        "${NONE}" => Err("NONE is not set".to_owned()),
        _ => Ok(None),
    };
    let document =
        Document::parse_with("f.yaml", "a: ${PORT}\nb: \"${PORT}\"\n", &replace).unwrap();
    assert_eq!(document.root().get("a").unwrap().kind(), "a number");
    assert_eq!(document.root().get("b").unwrap().kind(), "text");
    let problem = Document::parse_with("f.yaml", "a: ${NONE}\n", &replace).unwrap_err();
    assert_eq!((problem.span.line, problem.span.column), (1, 4));
}

#[test]
fn an_empty_file_is_nothing() {
    for text in ["", "# only a comment\n"] {
        assert!(Document::parse("f.yaml", text).unwrap().root().is_nothing());
    }
}

#[test]
fn the_nearest_name_is_at_all_alike() {
    let known = ["timeout", "retries", "no_input"];
    for (name, expected) in [
        ("timout", Some("timeout")),
        ("no-input", Some("no_input")),
        ("tmieout", Some("timeout")),
        ("retreis", Some("retries")),
        ("x", None),
        ("colour", None),
    ] {
        assert_eq!(nearest(name, known.into_iter()), expected, "{name}");
    }
}

/// The tree as `serde_yaml` would have it.
fn value(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar(text, scalar) => match scalar {
            Scalar::Nothing => Value::Null,
            Scalar::Truth(flag) => Value::Bool(*flag),
            Scalar::Number(number) => Value::Number(number.clone()),
            Scalar::Text => Value::String(text.clone()),
        },
        Kind::List(items) => items.iter().map(value).collect(),
        Kind::Map(pairs) => {
            let pairs = pairs.iter();
            let pairs = pairs.map(|pair| (pair.key.as_str().into(), value(&pair.value)));
            Value::Mapping(pairs.collect())
        }
    }
}

fn as_serde_reads_it(text: &str) -> bool {
    let ours = Document::parse("f.yaml", text).map(|document| value(&document.root));
    match (ours, serde_yaml::from_str::<Value>(text)) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(ours, words(theirs), "{text}");
            true
        }
        (Err(_), _) | (_, Err(_)) => false,
    }
}

/// Keys are words for us.
fn words(value: Value) -> Value {
    if let Value::Sequence(items) = value {
        return items.into_iter().map(words).collect();
    }
    let Value::Mapping(pairs) = value else {
        return value;
    };
    let pairs = pairs.into_iter().map(|(key, value)| {
        let key = match (key.is_string(), key.is_null()) {
            (true, _) => key,
            (_, true) => "".into(),
            _ => serde_yaml::to_string(&key).unwrap().trim().into(),
        };
        (key, words(value))
    });
    Value::Mapping(pairs.collect())
}

#[test]
fn a_word_without_quotes_is_what_serde_takes_it_for() {
    let words = "~ null Null NULL nULL true True TRUE tRUE false False FALSE yes no on off \
        0 1 -1 +1 00 007 -007 08 0x1F 0xG 0o17 0o9 0b11 0b2 1_000 1. .5 -.5 1.5 1e3 1e 1E+3 \
        +.5 .inf -.inf +.inf .Inf .INF inf .nan .NaN .NAN nan - -- + . .. 9223372036854775807 \
        9223372036854775808 18446744073709551616 1e400 15s 500ms 1h 30d 2m 0d 0e0 e5 -e5 \
        12:30 2026-01-02 1.2.3 +31612345678 0031 i n x o 1x -x1 +0x1 -0b1 0.0 -0 -0.0";
    for word in words.split_whitespace() {
        for text in [format!("a: {word}"), format!("[{word}]")] {
            // Neither is read by both: a list in a map, and a number that is too large.
            let either = ["-", "18446744073709551616"].contains(&word);
            assert!(as_serde_reads_it(&text) || either, "{text}");
        }
    }
}

/// YAML of maps, lists and scalars in all their styles.
fn yaml() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        "[a-z0-9.+-]{0,5}",
        "\\PC{0,6}".prop_map(|text| format!("{text:?}")),
        "[a-z #:,-]{0,8}".prop_map(|text| format!("'{text}'")),
    ];
    let leaf = scalar.prop_map(|text| format!(" {text}\n"));
    leaf.prop_recursive(4, 24, 4, |inner| {
        let indent = |text: &str| text.replace('\n', "\n  ").trim_end().to_owned();
        let items = prop::collection::vec(inner, 1..4);
        prop_oneof![
            items.clone().prop_map(move |items| {
                let items = items.iter().map(|item| format!("\n-{}", indent(item)));
                items.collect::<String>() + "\n"
            }),
            items.prop_map(move |items| {
                let items = items.iter().enumerate();
                let items = items.map(|(n, item)| format!("\nk{n}:{}", indent(item)));
                items.collect::<String>() + "\n"
            }),
            "[a-z \n]{1,20}".prop_map(move |text| format!(" |\n  {}\n", indent(&text))),
            "[a-z \n]{1,20}".prop_map(move |text| format!(" >-\n  {}\n", indent(&text))),
        ]
    })
}

proptest::proptest! {
    #[test]
    fn structure_is_what_serde_reads(text in yaml()) {
        as_serde_reads_it(&text);
    }

    #[test]
    fn what_both_read_is_the_same(text in "[-:,{}\\[\\]#\"' a1\n?%@`]{0,40}") {
        as_serde_reads_it(&text);
    }

    #[test]
    fn no_text_is_a_crash(text in "[-:,{}\\[\\]&*#\"' a1\n!|>?%@`]{0,60}") {
        Document::parse("f.yaml", &text).ok();
    }
}
