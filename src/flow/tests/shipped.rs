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
fn english_and_dutch_come_with_every_piece_of_their_grammars() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ivr-flows/prompts");
    for language in ["en", "nl"] {
        for (name, _) in crate::flow::speech::pieces(language) {
            let file = folder.join(language).join(format!("{name}.wav"));
            let samples = hound::WavReader::open(&file).map_or(0, |reader| reader.duration());
            assert!(samples > 2_000, "{}: {samples} samples", file.display());
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
fn a_picture_is_xml_with_every_node_and_exit() {
    let text = "version: 1\nflow: f\nstart: a\nlimits: { on_limit: z }\nnodes:\n  a: { type: switch, on: called, cases: { 'a & \"b\" <c>': z, \"x\\x01y\": y }, default: y }\n  y: { type: hangup }\n  z: { type: hangup }\n";
    let odd = flow(text);
    for (flow, arrows) in [(flow(WELCOME), 35), (odd, 7)] {
        let picture = flow.svg();
        let mut reader = quick_xml::Reader::from_str(&picture);
        let (mut texts, mut paths, mut depth) = (Vec::new(), 0, 0);
        loop {
            let event = reader.read_event().unwrap();
            if let quick_xml::events::Event::Start(_) = event {
                depth += 1;
            } else if let quick_xml::events::Event::End(_) = event {
                depth -= 1;
            } else if let quick_xml::events::Event::Empty(empty) = event {
                paths += usize::from(empty.name().as_ref() == "path");
            } else if let quick_xml::events::Event::Text(text) = event {
                texts.push((*text).to_owned());
            } else if event == quick_xml::events::Event::Eof {
                break;
            }
        }
        assert_eq!(depth, 0);
        // One of them is the arrow's head.
        assert_eq!(paths, arrows + 1, "{}", flow.name());
        for (node, verb) in flow.nodes() {
            for word in [node.as_str(), verb] {
                assert!(texts.iter().any(|text| text == word), "{word}");
            }
        }
    }
    let picture = flow(WELCOME).svg();
    for label in [
        "0, no_input, on_failure",
        "closed, holiday",
        "answered",
        "timeout, full, no_operators, error",
    ] {
        assert!(picture.contains(&format!(">{label}</text>")), "{label}");
    }
    let picture = flow(text).svg();
    assert!(
        picture.contains(">a &amp; &quot;b&quot; &lt;c&gt;</text>"),
        "{picture}"
    );
    assert!(picture.contains(">x\u{fffd}y, default</text>"), "{picture}");
    assert!(picture.contains(">limit</text>"));
}

#[test]
fn the_examples_of_the_documentation_can_be_read() {
    let text = include_str!("../../../docs/flows.md");
    let blocks: Vec<&str> = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let begins = |word: &str| {
        let found = blocks.iter().find(|block| block.starts_with(word));
        *found.unwrap_or_else(|| panic!("no example begins with {word}"))
    };
    let small = flow(begins("version: 1"));
    assert_eq!(small.run_tests(&calendars(), any_instant()), []);
    for (node, others) in [
        ("account", ["main", "anyone", "bye"]),
        ("look_up", ["known", "odd", "unknown"]),
        ("tell", ["main", "bye", "other"]),
        ("support", ["main", "busy", "bye"]),
        ("rate", ["main", "other", "bye"]),
    ] {
        let text = begins(&format!("{node}:")).replace('\n', "\n  ");
        let others = others.map(|name| format!("  {name}: {{ type: hangup }}\n"));
        let head = format!("version: 1\nflow: f\nstart: {node}\nvars: {{ last_operator: null }}\n");
        let whole = format!("{head}nodes:\n  {text}\n{}", others.concat());
        let unreached = "no way leads to node";
        let read = try_load(&whole).err().unwrap_or_default();
        let wrong: Vec<String> = read
            .iter()
            .map(ToString::to_string)
            .filter(|text| !text.contains(unreached) && !text.contains("no node `other`"))
            .collect();
        assert!(wrong.is_empty(), "{node}: {}", wrong.join("\n"));
    }
    let rung = begins("vip:").replace('\n', "\n  ");
    let head = "version: 1\nflow: f\nstart: vip\nlimits: { max_steps: 9 }\nvars: { contact: alice, guard: null }\nnodes:";
    let around = "bye: { type: hangup }\n  support: { type: branch, when: [{ if: false, then: bye }], else: guards }";
    let rung = rung.replace("busy: support", "busy: bye");
    let whole = flow(&format!("{head}\n  {around}\n  {rung}\n"));
    assert_eq!(whole.nodes().count(), 4);
    let hours = Document::parse("hours.yaml", begins("hours:")).unwrap();
    let office = hours.root().get("hours").unwrap().get("office").unwrap();
    let mut diags = Vec::new();
    assert!(Calendar::read(office, &mut diags).is_some(), "{diags:?}");
}
