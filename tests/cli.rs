//! Commands that need no server: what they print, and how they exit.

#![expect(clippy::unwrap_used, reason = "a test may stop at surprises")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use expect_test::{Expect, expect};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn centrale(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_centrale"));
    command.args(arguments).current_dir(root());
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read is gone before.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    child.wait_with_output().unwrap()
}

/// What it prints, with its exit code when that is not 0.
fn said(arguments: &[&str], input: &str) -> String {
    let out = centrale(arguments, input);
    let mut text = String::from_utf8(out.stdout).unwrap();
    text += &String::from_utf8(out.stderr).unwrap();
    match out.status.code() {
        Some(0) => text,
        code => format!("{text}exit code {code:?}\n"),
    }
}

fn check(arguments: &[&str], input: &str, expected: &Expect) {
    let said = said(arguments, input);
    let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
    expected.assert_eq(&lines.join("\n"));
}

/// A folder of configuration with one flow.
fn folder(name: &str, flow: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("centrale-cli-{}-{name}", std::process::id()));
    fs::create_dir_all(folder.join("config")).unwrap();
    fs::create_dir_all(folder.join("flows")).unwrap();
    let prompts = root().join("ivr-flows/prompts");
    let config = format!(
        "numbers: {{ \"1000\": {{ flow: f }} }}\nqueues: {{ general: {{}} }}\noperators: {{ alice: {{ secret: x }} }}\npaths: {{ flows: ../flows, prompts: \"{}\" }}\n",
        prompts.display()
    );
    fs::write(folder.join("config/centrale.yaml"), config).unwrap();
    fs::write(folder.join("flows/f.yaml"), flow).unwrap();
    folder
}

const AT: &str = "--at=2026-03-02T10:15:00+01:00";

#[test]
fn a_flow_is_played_in_the_terminal() {
    check(
        &["flow", "run", "welcome", AT],
        "7\n31\nfull?\ntimeout\n",
        &expect![[r#"
                is answered
            greet (play)
                hears welcome
                takes next
            open (hours)
                takes open
            main (menu)
                hears main-menu, other-language
                keys (none: wait, end of input: hang up)> 7
                hears not-understood, main-menu, other-language
                keys (none: wait, end of input: hang up)> 31
                takes 3
            other_language (set)
                takes next
            main (menu)
                hears main-menu, other-language
                takes 1
            support (queue)
                waits in queue support
                comes back by (none: it ends here) answered, timeout, full, no_operators, error> full?
                there is no exit full?
                comes back by (none: it ends here) answered, timeout, full, no_operators, error> timeout
                comes back by timeout
                takes timeout
            busy (hangup)
                hears all-busy
                is hung up
            outcome: hung up"#]],
    );
}

#[test]
fn who_says_nothing_and_who_hangs_up_come_to_an_end() {
    // An empty line is nothing pressed; where the call is away, it ends there.
    check(
        &["flow", "run", "welcome", AT, "--language", "nl"],
        "\n\n",
        &expect![[r#"
                is answered
            greet (play)
                hears welcome
                takes next
            open (hours)
                takes open
            main (menu)
                hears main-menu, other-language
                keys (none: wait, end of input: hang up)>
                presses nothing
                takes no_input
            anyone (queue)
                waits in queue general
                comes back by (none: it ends here) answered, timeout, full, no_operators, error>
            outcome: queue general"#]],
    );
    check(
        &["flow", "run", "welcome", AT],
        "x\n",
        &expect![[r#"
            is answered
        greet (play)
            hears welcome
            takes next
        open (hours)
            takes open
        main (menu)
            hears main-menu, other-language
            keys (none: wait, end of input: hang up)> x
            keys are 0 to 9, * and #
            keys (none: wait, end of input: hang up)>
        outcome: the caller hangs up at main"#]],
    );
    check(
        &["flow", "run", "unknown-number"],
        "",
        &expect![[r#"
            is answered
        sorry (hangup)
            hears unknown-number
            is hung up
        outcome: hung up"#]],
    );
}

#[test]
fn what_cannot_be_played_is_told_in_one_sentence() {
    check(
        &["flow", "run", "welcom"],
        "",
        &expect![[r#"
        centrale: there is no flow welcom; known are operator, unknown-number, welcome
        exit code Some(1)"#]],
    );
    check(
        &["flow", "run", "welcome", "--language", "fr"],
        "",
        &expect![[r#"
            centrale: the flow welcome does not speak fr; it speaks en, nl
            exit code Some(1)"#]],
    );
    check(
        &["flow", "run", "welcome", "--at", "monday"],
        "",
        &expect![[r#"
            centrale: monday is no moment; write --at 2026-03-02T10:15:00+01:00
            exit code Some(1)"#]],
    );
}

#[test]
fn a_failing_example_is_told_step_by_step_and_exits_1() {
    let flow = "version: 1\nflow: f\nstart: a\nnodes:\n  a: { type: play, prompt: [welcome], next: b }\n  b: { type: queue, queue: general, answered: c, timeout: c, full: c, no_operators: c, error: c }\n  c: { type: hangup, prompt: [goodbye] }\ntests:\n  - name: closed\n    at: \"2026-03-02T10:15:00Z\"\n    returns: { b: timeout }\n    expect: { path: [a, c], outcome: hangup }\n";
    let folder = folder("failing", flow);
    let config = folder.join("config");
    let said = said(&["check", "--config", config.to_str().unwrap()], "");
    let said = said.replace(config.parent().unwrap().to_str().unwrap(), "FOLDER");
    expect![[r#"
        FOLDER/config/../flows/f.yaml:12:15: error: test `closed`: expected path a, c, got a, b, c
         12 |     expect: { path: [a, c], outcome: hangup }
            |               ^^^^
           hint: the call, step by step
            1. a (play): hears welcome, takes next
          --> expected c here
            2. b (queue): waits in queue general, comes back by timeout, takes timeout
            3. c (hangup): hears goodbye, is hung up

        FOLDER/config: 1 errors
        exit code Some(1)
    "#]]
    .assert_eq(&said);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_comes_with_the_program_is_well() {
    for folder in ["config", "config/samples"] {
        let said = said(&["--config", folder, "check"], "");
        assert!(said.contains("all is well"), "{said}");
        assert!(!said.contains("warning"), "{said}");
    }
}

#[test]
fn a_flow_is_drawn_in_two_formats() {
    let mermaid = said(&["flow", "graph", "welcome"], "");
    assert!(mermaid.starts_with("flowchart TD\n"), "{mermaid}");
    let svg = said(&["flow", "graph", "welcome", "--format", "svg"], "");
    assert!(
        svg.starts_with("<svg ") && svg.ends_with("</svg>\n"),
        "{svg}"
    );
}

#[test]
fn schemas_are_those_that_lie_beside_the_documentation() {
    for (of, file) in [
        ("flow", "docs/flow.schema.json"),
        ("config", "docs/config.schema.json"),
    ] {
        let expected = fs::read_to_string(root().join(file)).unwrap();
        assert_eq!(said(&["schema", of], ""), expected);
    }
    let wrong = centrale(&["schema", "queue"], "");
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_plan_wants_a_server() {
    let flow = "version: 1\nflow: f\nstart: a\nnodes: { a: { type: hangup } }\n";
    let folder = folder("plan", flow);
    let config = folder.join("config");
    let file = config.join("centrale.yaml");
    let text = fs::read_to_string(&file).unwrap();
    // Nobody listens on port 1.
    fs::write(
        &file,
        format!("{text}http: {{ listen: \"127.0.0.1:1\" }}\n"),
    )
    .unwrap();
    check(
        &["plan", "--config", config.to_str().unwrap()],
        "",
        &expect![[r#"
            centrale: no server answers at http://127.0.0.1:1; start it, or say with --config which one is meant: Connection refused (os error 111)
            exit code Some(1)"#]],
    );
    fs::write(&file, text.replace("flow: f", "flow: g")).unwrap();
    let said = said(&["plan", "--config", config.to_str().unwrap()], "");
    assert!(said.contains("there is no flow `g`"), "{said}");
    assert!(
        said.ends_with("a reload would be refused, and change nothing\nexit code Some(1)\n"),
        "{said}"
    );
    fs::remove_dir_all(folder).unwrap();
}
