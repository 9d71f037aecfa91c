//! The JSON Schemas in `docs/` and the readers say the same: every key that one takes the
//! other takes, and the files that come with the program fit.

#![expect(clippy::unwrap_used, reason = "a test may stop at surprises")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use exchange::config::{self, Files};
use exchange::flow::source::Document;
use exchange::flow::{Known, load};
use exchange::model::Diagnostic;
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn schema(of: &str) -> Value {
    let file = root().join(format!("docs/{of}.schema.json"));
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// Every word in quotes below a folder of sources: the keys that its readers know are
/// among them.
fn words(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            words(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(path).unwrap();
            let quoted = text.split('"').skip(1);
            let plain = |word: &&str| {
                (1..=24).contains(&word.len())
                    && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            };
            found.extend(quoted.filter(plain).map(str::to_owned));
        }
    }
}

fn read_flow(text: &str) -> Vec<Diagnostic> {
    let document = match Document::parse("f.yaml", text) {
        Ok(document) => document,
        Err(problem) => return vec![problem],
    };
    let known = Known {
        sounds: &|_, _| true,
        signs: true,
        speaks: true,
        ..Known::nothing()
    };
    let mut diags = Vec::new();
    load(&document, &known, &mut diags);
    diags
}

fn read_config(text: &str) -> Vec<Diagnostic> {
    let files = Files {
        config: vec![("c.yaml".to_owned(), text.to_owned())],
        ..Files::default()
    };
    config::load(&files, &|_| None, Path::new("/nowhere")).1
}

const COMPANIONS: [&str; 3] = ["round", "weekday", "currency"];

/// Walks a schema beside a reader.
struct Walk<'a> {
    schema: &'a Value,
    words: BTreeSet<String>,
    read: fn(&str) -> Vec<Diagnostic>,
    wrong: Vec<String>,
    seen: usize,
}

impl<'a> Walk<'a> {
    fn resolve(&self, mut schema: &'a Value) -> &'a Value {
        while let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            schema = self.schema.pointer(name.trim_start_matches('#')).unwrap();
        }
        schema
    }

    /// `around` is the file, with `@` where a value of this schema stands.
    fn visit(&mut self, schema: &'a Value, around: &str) {
        let schema = self.resolve(schema);
        for other in schema
            .get("anyOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            self.visit(other, around);
        }
        if let Some(items) = schema.get("items") {
            self.visit(items, &around.replace('@', "[@]"));
        }
        if let Some(value @ Value::Object(_)) = schema.get("additionalProperties") {
            self.visit(value, &around.replace('@', "{ '1': @ }"));
        }
        for each in schema
            .get("allOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let kind = each
                .pointer("/if/properties/type/const")
                .unwrap()
                .as_str()
                .unwrap();
            let fields = format!("{{ type: {kind}, @ }}");
            self.map(each.get("then").unwrap(), around, &fields);
        }
        if schema.get("allOf").is_none() {
            self.map(schema, around, "{ @ }");
        }
    }

    fn map(&mut self, schema: &'a Value, around: &str, fields: &str) {
        let schema = self.resolve(schema);
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return;
        };
        self.seen += 1;
        // What goes with another word of an item of a prompt does not stand alone.
        let alone = |word: &&String| {
            !properties.contains_key("say") || !COMPANIONS.contains(&word.as_str())
        };
        for word in self.words.iter().filter(alone) {
            let text = around.replace('@', &fields.replace('@', &format!("{word}: 1")));
            let diags = (self.read)(&text);
            let unknown = [
                format!("unknown key `{word}`"),
                format!("unknown item `{word}`"),
                format!("there is no setting `{word}`"),
            ];
            let refused = diags.iter().any(|diag| {
                unknown.contains(&diag.message) || diag.message.contains("in this version")
            });
            if refused == properties.contains_key(word) {
                let (reader, file) = if refused {
                    ("refuses", "has")
                } else {
                    ("takes", "lacks")
                };
                self.wrong.push(format!(
                    "{text}: the reader {reader} `{word}`, the schema {file} it"
                ));
            }
        }
        for (name, value) in properties.iter().filter(|(_, value)| value.is_object()) {
            let fields = fields.replace('@', &format!("{name}: @"));
            self.visit(value, &around.replace('@', &fields));
        }
    }
}

fn compare(of: &str, folders: &[&str], read: fn(&str) -> Vec<Diagnostic>, maps: usize) {
    let schema = schema(of);
    let mut found = BTreeSet::new();
    for folder in folders {
        words(&root().join(folder), &mut found);
    }
    let mut walk = Walk {
        schema: &schema,
        words: found,
        read,
        wrong: Vec::new(),
        seen: 0,
    };
    walk.visit(&schema, "@");
    assert!(
        walk.wrong.is_empty(),
        "docs/{of}.schema.json:\n{}",
        walk.wrong.join("\n")
    );
    assert!(walk.seen >= maps, "{} maps", walk.seen);
}

#[test]
fn the_schema_of_a_flow_has_the_keys_that_are_read() {
    compare("flow", &["src/flow"], read_flow, 25);
}

#[test]
fn the_schema_of_the_configuration_has_the_keys_that_are_read() {
    compare("config", &["src/config", "src/flow"], read_config, 25);
}

/// What of a value does not fit: the part of JSON Schema that ours use.
fn misfits(whole: &Value, schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let target = whole.pointer(name.trim_start_matches('#')).unwrap();
        misfits(whole, target, value, at, out);
    }
    let fits = |schema: &Value| {
        let mut wrong = Vec::new();
        misfits(whole, schema, value, at, &mut wrong);
        wrong.is_empty()
    };
    let list = |key| schema.get(key).and_then(Value::as_array);
    if list("anyOf").is_some_and(|options| !options.iter().any(fits)) {
        out.push(format!("{at}: none of anyOf"));
    }
    for each in list("allOf").into_iter().flatten() {
        if fits(each.get("if").unwrap()) {
            misfits(whole, each.get("then").unwrap(), value, at, out);
        }
    }
    if list("enum").is_some_and(|known| !known.contains(value)) {
        out.push(format!("{at}: not one of enum"));
    }
    if schema.get("const").is_some_and(|known| known != value) {
        out.push(format!("{at}: not const"));
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is = |name: &Value| name == kind || (name == "number" && kind == "integer");
    match schema.get("type") {
        Some(Value::Array(names)) if !names.iter().any(is) => out.push(format!("{at}: {kind}")),
        Some(name @ Value::String(_)) if !is(name) => out.push(format!("{at}: {kind}")),
        _ => {}
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        if let Some(items) = schema.get("items") {
            misfits(whole, items, item, &format!("{at}/{index}"), out);
        }
    }
    let Some(members) = value.as_object() else {
        return;
    };
    for name in list("required").into_iter().flatten() {
        if !members.contains_key(name.as_str().unwrap()) {
            out.push(format!("{at}: no {name}"));
        }
    }
    for (name, member) in members {
        let at = format!("{at}/{name}");
        match schema
            .get("properties")
            .and_then(|properties| properties.get(name))
        {
            Some(property) => misfits(whole, property, member, &at, out),
            None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                out.push(format!("{at}: unknown"));
            }
            None => {
                if let Some(other) = schema.get("additionalProperties") {
                    misfits(whole, other, member, &at, out);
                }
            }
        }
    }
}

fn misfits_of(of: &str, text: &str) -> Vec<String> {
    let schema = schema(of);
    let value: Value = serde_yaml::from_str(text).unwrap();
    let mut out = Vec::new();
    misfits(&schema, &schema, &value, "", &mut out);
    out
}

#[test]
fn what_comes_with_the_program_fits_and_names_its_schema() {
    for (folder, up, of) in [
        ("ivr-flows", "..", "flow"),
        ("ivr-flows/samples", "../..", "flow"),
        ("config", "..", "config"),
        ("config/samples", "../..", "config"),
    ] {
        let mut files = 0;
        for entry in fs::read_dir(root().join(folder)).unwrap().flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|end| end != "yaml") {
                continue;
            }
            files += 1;
            let text = fs::read_to_string(&path).unwrap();
            let line = format!("# yaml-language-server: $schema={up}/docs/{of}.schema.json");
            assert!(
                text.lines().any(|found| found == line),
                "{}: {line}",
                path.display()
            );
            assert_eq!(
                misfits_of(of, &text),
                Vec::<String>::new(),
                "{}",
                path.display()
            );
        }
        assert!(files > 2);
    }
}

#[test]
fn a_mistake_does_not_fit() {
    let text = fs::read_to_string(root().join("ivr-flows/welcome.yaml")).unwrap();
    for (right, wrong) in [
        ("type: queue", "type: quue"),
        ("start: greet", "strat: greet"),
        ("version: 1", "version: 2"),
        ("next: open", "nxt: open"),
        ("position: true", "position: 1"),
        ("prompt: [welcome]", "prompt: [[welcome]]"),
        ("expect: {", "expct: {"),
    ] {
        assert!(text.contains(right), "{right}");
        let changed = text.replacen(right, wrong, 1);
        assert!(!misfits_of("flow", &changed).is_empty(), "{wrong}");
    }
}
