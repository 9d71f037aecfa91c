//! The flows and prompts that come with the program.

use super::*;

const WELCOME: &str = include_str!("../../../ivr-flows/welcome.yaml");
const UNKNOWN: &str = include_str!("../../../ivr-flows/unknown-number.yaml");

#[test]
fn the_shipped_flows_pass_their_own_tests() {
    for text in [WELCOME, UNKNOWN] {
        let flow = flow(text);
        assert!(flow.test_count() > 0);
        let wrong = flow.run_tests(&calendars(), any_instant());
        assert_eq!(wrong, [], "{}", flow.name());
    }
}

#[test]
fn every_sound_of_the_shipped_flows_is_there() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ivr-flows/prompts");
    for text in [WELCOME, UNKNOWN] {
        let sounds = flow(text).sounds();
        assert!(!sounds.is_empty());
        for (language, name) in sounds {
            let file = folder.join(&language).join(format!("{name}.wav"));
            let reader = hound::WavReader::open(&file).unwrap();
            let spec = reader.spec();
            assert_eq!(
                (spec.channels, spec.sample_rate, spec.bits_per_sample),
                (1, 8000, 16),
                "{language}/{name}"
            );
            assert!(reader.duration() > 800, "{language}/{name} is no sound");
        }
    }
}

#[test]
fn the_welcome_flow_has_its_picture() {
    expect![[r#"
        flowchart TD
            begin((call)) --> n0
            n0["greet<br/><i>play</i>"]
            n1{"open<br/><i>hours</i>"}
            n2[/"main<br/><i>menu</i>"/]
            n3["other_language<br/><i>set</i>"]
            n4[["support<br/><i>queue</i>"]]
            n5[["billing<br/><i>queue</i>"]]
            n6[["anyone<br/><i>queue</i>"]]
            n7[/"closed<br/><i>voicemail</i>"/]
            n8(["busy<br/><i>hangup</i>"])
            n9(["bye<br/><i>hangup</i>"])
            n0 -- "next" --> n1
            n1 -- "open" --> n2
            n1 -- "closed, holiday" --> n7
            n2 -- "0, no_input, on_failure" --> n6
            n2 -- "1" --> n4
            n2 -- "2" --> n5
            n2 -- "3" --> n3
            n2 -- "9" --> n2
            n3 -- "next" --> n2
            n4 -- "answered" --> n9
            n4 -- "timeout, full, no_operators, error" --> n8
            n5 -- "answered" --> n9
            n5 -- "timeout, full, no_operators" --> n6
            n5 -- "error" --> n8
            n6 -- "answered" --> n9
            n6 -- "timeout, full, no_operators, error" --> n8
            n7 -- "ok, error" --> n9
    "#]]
    .assert_eq(&flow(WELCOME).mermaid());
}

#[test]
fn a_test_that_fails_says_what_came_instead() {
    let text = "version: 1\nflow: f\nstart: a\nnodes:\n  a: { type: hangup, prompt: [bye] }\ntests:\n  - { name: t, at: \"2026-03-02T10:15:00Z\", expect: { path: [a, a], queue: support } }\n";
    let flow = flow(text);
    let wrong = flow.run_tests(&calendars(), any_instant());
    let said: Vec<_> = wrong.iter().map(ToString::to_string).collect();
    expect![[r#"
        f.yaml:7:44: error: test `t`: expected path a, a, got a
         7 |   - { name: t, at: "2026-03-02T10:15:00Z", expect: { path: [a, a], queue: support } }
           |                                            ^^^^^^
           hint: it went a
        f.yaml:7:44: error: test `t`: expected queue support, got none
         7 |   - { name: t, at: "2026-03-02T10:15:00Z", expect: { path: [a, a], queue: support } }
           |                                            ^^^^^^
           hint: it went a"#]]
    .assert_eq(&said.join("\n"));
}

#[test]
fn the_examples_of_the_documentation_can_be_read() {
    let text = include_str!("../../../docs/flows.md");
    let blocks: Vec<&str> = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let block = |start: &str| {
        *blocks
            .iter()
            .find(|block| block.starts_with(start))
            .unwrap()
    };
    let small = flow(block("version:"));
    assert_eq!(small.run_tests(&calendars(), any_instant()), []);
    let node = block("support:").replace('\n', "\n  ");
    let around = "main: { type: hangup }\n  busy: { type: hangup }\n  bye: { type: hangup }";
    let head = "version: 1\nflow: f\nstart: support\nvars: { last_operator: null }\nnodes:";
    let whole = flow(&format!("{head}\n  {around}\n  {node}\n"));
    assert_eq!(whole.nodes().count(), 4);
    let rate = block("rate:").replace('\n', "\n  ");
    let head = "version: 1\nflow: f\nstart: rate\nnodes:\n  bye: { type: hangup }";
    assert_eq!(flow(&format!("{head}\n  {rate}\n")).nodes().count(), 2);
    let hours = Document::parse("hours.yaml", block("hours:")).unwrap();
    let office = hours.root().get("hours").unwrap().get("office").unwrap();
    let mut diags = Vec::new();
    assert!(Calendar::read(office, &mut diags).is_some(), "{diags:?}");
}
