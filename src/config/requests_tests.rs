//! Mistakes in what flows may ask and in who is told.

use std::path::Path;

use expect_test::expect;

use super::{Files, load};
use crate::model::Event;

/// What is said of a configuration with one flow that tells `order`.
fn said(text: &str) -> String {
    let flow = "version: 1\nflow: f\nstart: a\nnodes:\n  a: { type: notify, event: order, next: b }\n  b: { type: hangup }\n";
    let text = format!("numbers: {{ \"1\": {{ flow: f }} }}\n{text}\n");
    let files = Files {
        config: vec![("c.yaml".into(), text)],
        flows: vec![("f.yaml".into(), flow.into())],
        sounds: std::collections::BTreeSet::new(),
    };
    let (_, diags) = load(&files, &|_| None, Path::new("."));
    let told = diags.iter().map(|diag| {
        let hint = diag.hint.as_deref().unwrap_or_default();
        format!(
            "{}:{} {} | {hint}\n",
            diag.span.line, diag.span.column, diag.message
        )
    });
    told.collect()
}

#[test]
fn mistakes_in_requests_and_webhooks_are_told() {
    let mut all = String::new();
    for text in [
        "requests: { alow: [a.example.org] }",
        "requests: { allow: [\"a b\", \"ftp://a\", \"a.example.org/path\", \"http://me@a\"] }",
        "requests: { private: [10.0.0.0/99], secret: short, allow: a.example.org }",
        "webhooks: { crm: { url: \"crm\" } }",
        "webhooks: { crm: { url: \"https://a/\", events: [call_endet, notified.oder, call_ended, notified.order], secret: \"0123456789abcdef\", max_age: 1s } }",
        "webhooks: { \"a b\": { url: \"https://a/\", events: [notified], secret: \"0123456789abcdef\", age: 1d } }",
    ] {
        all.push_str(&said(text));
    }
    expect![[r#"
        2:13 unknown key `alow` | did you mean `allow`?
        2:21 `a b` is no place to ask | write a host, as api.example.org, or http://host:port
        2:28 `ftp://a` is no place to ask | write a host, as api.example.org, or http://host:port
        2:39 `a.example.org/path` is no place to ask | write a host, as api.example.org, or http://host:port
        2:61 `http://me@a` is no place to ask | write a host, as api.example.org, or http://host:port
        2:23 `10.0.0.0/99` is no range of addresses | write 203.0.113.0/24, "::1/128", or one address
        2:45 `secret` has at least 16 characters | make one with: openssl rand -hex 32
        2:13 `crm` has no `events` | add `events: …`
        2:13 `crm` has no `secret` | add `secret: …`
        2:25 this is no address of a webhook | write https://crm.example.org/centrale
        2:48 there is no event `call_endet` | did you mean `call_ended`?
        2:60 no flow tells `oder` | did you mean `order`?
        2:141 `max_age` is between 1m and 7d | 
        2:13 `a b` is no name | a name has up to 64 letters, digits, `-`, `_` and `.`
    "#]].assert_eq(&all);
}

#[test]
fn what_is_right_is_left_alone() {
    let text = "requests: { allow: [api.example.org, \"http://[::1]:8000\"], private: [\"::1/128\"], secret: \"0123456789abcdef\" }
webhooks: { crm: { url: \"https://a/b?c=d\", events: [notified.order, call_ended], secret: \"0123456789abcdef\", max_age: 2d } }";
    assert_eq!(said(text), "");
}

#[test]
fn the_documentation_names_each_kind_of_event() {
    let page = include_str!("../../docs/configuration.md");
    let line = page.lines().find(|line| line.starts_with("The kinds: "));
    let line = line.unwrap_or_default();
    for kind in Event::KINDS {
        assert!(line.contains(&format!("`{kind}`")), "{kind}");
    }
    assert_eq!(line.matches('`').count(), 2 * Event::KINDS.len());
}
