//! The shipped folder, and every mistake with its answer.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::dispatch::Strategy;
use crate::model::{QueueName, Severity};

pub(super) fn shipped() -> Files {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let read = |folder: &str| {
        let mut files: Vec<(String, String)> = std::fs::read_dir(root.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy();
                let text = std::fs::read_to_string(&path).unwrap();
                (format!("{folder}/{name}"), text)
            })
            .collect();
        files.sort();
        files
    };
    let mut sounds = BTreeSet::new();
    let prompts = root.join("ivr-flows/prompts");
    let mut folders = vec![prompts.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "wav") {
                let name = path.with_extension("");
                let name = name.strip_prefix(&prompts).unwrap().to_string_lossy();
                let (language, name) = name.split_once('/').unwrap();
                sounds.insert((language.to_owned(), name.to_owned()));
            }
        }
    }
    Files {
        config: read("config"),
        flows: read("ivr-flows"),
        sounds,
    }
}

#[test]
fn the_shipped_folder_has_nothing_to_complain_about() {
    let (config, diags) = load(&shipped(), &|_| None, Path::new("config"));
    let said: Vec<String> = diags.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    let config = config.unwrap();
    let (number, entry) = config.numbers.find("1000").unwrap();
    assert_eq!((number.as_str(), entry.flow.as_str()), ("1000", "welcome"));
    let (number, entry) = config.numbers.find("4711").unwrap();
    assert_eq!(
        (number.as_str(), entry.flow.as_str()),
        ("*", "unknown-number")
    );
    let queues: Vec<&str> = config.queues.keys().map(QueueName::as_str).collect();
    assert_eq!(queues, ["billing", "general", "specialists", "support"]);
    assert_eq!(config.queues["support"].escalate.len(), 4);
    assert_eq!(config.storage.path, Path::new("config/../var/centrale.db"));
    // RFC 2617's algorithm over alice:centrale.localhost:alice.
    assert_eq!(config.operators["alice"].secret.md5.len(), 32);
}

/// The shipped folder with one more file: what is said of it.
fn said(file: &str, without: &str) -> (bool, String) {
    let mut files = shipped();
    files
        .config
        .retain(|(name, _)| without.is_empty() || !name.contains(without));
    files.config.push(("config/x.yaml".into(), file.into()));
    let (config, diags) = load(&files, &|_| None, Path::new("config"));
    let mut words = Vec::new();
    for diag in diags.iter().filter(|diag| &*diag.file == "config/x.yaml") {
        let hint = diag.hint.as_deref().unwrap_or("");
        let kind = match diag.severity {
            Severity::Error => "",
            Severity::Warning => "(warning) ",
        };
        words.push(format!(
            "{}:{} {kind}{} | {hint}",
            diag.span.line, diag.span.column, diag.message
        ));
    }
    (config.is_some(), words.join("\n"))
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_mistake_says_where_and_what_to_write() {
    let mut wrong = Vec::new();
    for (without, text, expected) in [
        (
            "",
            "quues: {}",
            "1:1 there is no setting `quues` | did you mean `queues`?",
        ),
        (
            "centrale",
            "sip: { guard: { per_sorce: 2, all: 0, scanners: ignore } }",
            "1:17 unknown key `per_sorce` | did you mean `per_source`?\n\
             1:36 this must be a whole number from 1 to 1000000 | \n\
             1:49 `scanners` cannot be `ignore` | known are silence, refuse",
        ),
        (
            "centrale",
            "sip: { guard: { user_agents: [ab], shut_out: { after: 5, for: 2d } } }",
            "1:31 a part of a User-Agent has 3 to 64 letters | write [friendly-scanner]\n\
             1:63 `for` is between 1s and 1d | ",
        ),
        (
            "",
            "speech: { comand: [x], timeout: 2m }",
            "1:1 `speech` has no `command` | add `command: …`\n\
             1:11 unknown key `comand` | did you mean `command`?\n\
             1:33 `timeout` is between 1s and 1m | ",
        ),
        (
            "",
            "speech: { command: [], voices: { en: 3 } }",
            "1:20 `command` is a program and up to 64 words | write [espeak-ng, -v, \"{voice}\", --stdin, --stdout]\n\
             1:38 expected text, not a number | write \"3\"",
        ),
        (
            "",
            "domain: x.example",
            "1:1 `domain` is already in config/centrale.yaml | write it in one file",
        ),
        (
            "numbers",
            "numbers: {\"1\": {flow: welcom}}",
            "1:23 there is no flow `welcom` | did you mean `welcome`?",
        ),
        (
            "numbers",
            "numbers: {\"1\": {flow: welcome, language: de}}",
            "the flow does not speak `de`",
        ),
        (
            "numbers",
            "numbers: {\"1\": {flow: welcome, project: helpdsk}}",
            "there is no project `helpdsk` | did you mean `helpdesk`?",
        ),
        (
            "hours",
            "hours: {office: {zone: Mars/Olympus, open: {}}}",
            "1:24",
        ),
        (
            "operators",
            "operators: {al: {skills: {a: 1}}}",
            "operator `al` has no password",
        ),
        (
            "operators",
            "operators: {al: {secret: x, skills: {a: 11}}}",
            "1:41 this must be a whole number from 1 to 10",
        ),
        (
            "operators",
            "operators: {al: {secret: x, max_calls: 9}}",
            "1:40 this must be a whole number from 1 to 8",
        ),
        (
            "operators",
            "operators: {al: {digest: md5}}",
            "this is no digest | write what `centrale secret` prints",
        ),
        (
            "operators",
            "operators: {al: {secret: \"${NOPE}\"}}",
            "the environment variable NOPE is not set",
        ),
        (
            "centrale",
            "sip: {listen: [udp://0.0.0.0:5060, tls://0.0.0.0:5061]}",
            "tls:// needs a certificate | write `tls: { certificate: tls/certificate.pem, key: tls/key.pem }` in `sip`",
        ),
        (
            "centrale",
            "sip: {listen: [sctp://0.0.0.0:5060]}",
            "`sctp://0.0.0.0:5060` is no listener | write udp://0.0.0.0:5060; also tcp://, tls://, ws://, wss://",
        ),
        (
            "centrale",
            "sip: {tls: {key: key.pem}}",
            "`key` without `certificate` | write `certificate: tls/certificate.pem` beside it",
        ),
        (
            "centrale",
            "sip: {websocket: {origins: [desk.example.com]}}",
            "`desk.example.com` is no origin of a page | write https://desk.example.com, without a path",
        ),
        (
            "queues",
            "lines: {field: {uri: \"sip:a@b;transport=ws\"}}",
            "`sip:a@b;transport=ws` cannot be dialled | `transport` is udp, tcp or tls; `sips:` goes by TLS",
        ),
        (
            "centrale",
            "sip: {listen: [udp://localhost]}",
            "`localhost` is no address with a port",
        ),
        (
            "centrale",
            "sip: {trunks: {a: {max_calls: 3}}}",
            "1:16 this trunk knows nobody | write `from: [203.0.113.0/24]`, or `username` and `secret`, or `credentials`",
        ),
        (
            "centrale",
            "sip: {trunks: {a: {username: c}}}",
            "1:16 username `c` has no password",
        ),
        (
            "centrale",
            "sip: {trunks: {a: {from: [10.0.0.0/8], secret: x}}}",
            "1:40 `secret` without `username` | write the name that the trunk calls with",
        ),
        (
            "centrale",
            "sip: {trunks: {a: {username: c, digest: abc}}}",
            "this is no digest | write what `centrale secret` prints",
        ),
        (
            "centrale",
            "sip: {trunks: {a: {username: c, secret: x}, b: {username: c, secret: y}}}",
            "1:59 another trunk has the username `c` | give each trunk a username of its own",
        ),
        (
            "centrale",
            "sip: {trunks: {a: {from: [\"::1\"], caller: {\"0x\": \"+\"}}}}",
            "`0x` is no prefix of a number | write digits, `*` and `#`",
        ),
        (
            "centrale",
            "sip: {trunks: {a: {from: [\"::1\"], called: {\"00\": \"plus\"}}}}",
            "`plus` is no beginning of a number | write what stands before",
        ),
        (
            "centrale",
            "sip: {trunks: {a: {from: [\"::1\"], called: {\"1+\": \"\"}}}}",
            "`1+` is no prefix of a number",
        ),
        (
            "centrale",
            "sip: {trunks: {a: {from: [\"::1\"], register: {to: \"sip:c.example\"}}}}",
            "a registration wants `credentials`",
        ),
        (
            "centrale",
            "sip: {trunks: {a: {credentials: {username: c, secret: x}}}}",
            "`realm`",
        ),
        (
            "centrale",
            "sip: {trunks: {a: {from: [\"::1\"], probe: 30s}}}",
            "nobody is there to be asked | write `server: \"sip:carrier.example\"` beside it",
        ),
        (
            "centrale",
            "sip: {trunks: {a: {from: [\"::1\"], server: \"sip:c\", probe: 100ms}}}",
            "a probe takes up to 8 s, so it comes no more often | write 30s, or 0s for none",
        ),
        (
            "centrale",
            "sip: {dns: {servers: [resolver.example]}}",
            "`resolver.example` is no address of a resolver | write \"192.0.2.53\"",
        ),
        (
            "centrale",
            "sip: {trunks: {a: {from: [10.0.0.0/33]}}}",
            "`10.0.0.0/33` is no range of addresses",
        ),
        (
            "centrale",
            "media: {codecs: [speex]}",
            "there is no codec `speex` | known are pcma and pcmu",
        ),
        (
            "centrale",
            "media: {codecs: [opus, pcmu]}",
            "(warning) this version does not speak opus",
        ),
        (
            "centrale",
            "media: {ports: 80-90}",
            "`80-90` is no range of ports",
        ),
        (
            "centrale",
            "storage: {url: \"postgres://x\"}",
            "this version keeps its records in SQLite",
        ),
        ("centrale", "limits: {calls: 0}", "1:17"),
        ("centrale", "drain: soon", "1:8"),
        (
            "queues",
            "queues: {support: {strategy: ring_al}}",
            "`strategy` cannot be `ring_al` | did you mean `ring_all`?",
        ),
        (
            "queues",
            "queues: {support: {missed_offer: paus}}",
            "`missed_offer` cannot be `paus` | did you mean `pause`?",
        ),
        (
            "queues",
            "queues: {support: {offer_timeout: 0s}}",
            "`offer_timeout` is between 1s and 3m",
        ),
        (
            "queues",
            "queues: {support: {music: clam}}",
            "there is no music `clam`",
        ),
        (
            "queues",
            "queues: {support: {escalate: [{after: 9s, line: tier3}]}}",
            "there is no line `tier3`",
        ),
        (
            "queues",
            "queues: {support: {escalate: [{after: 9s}]}}",
            "a step does exactly one thing",
        ),
        (
            "queues",
            "queues: {support: {escalate: [{after: 9s, priority: 1}, {after: 8s, priority: 1}]}}",
            "this step comes before the one above it",
        ),
        (
            "queues",
            "queues: {support: {escalate: [{after: 9s, priority: +101}]}}",
            "1:53 `+101` is no change of priority | write +20; from -100 to +100",
        ),
        (
            "queues",
            "queues: {support: {escalate: [{after: 9s, priority: -32768}]}}",
            "1:53 `-32768` is no change of priority",
        ),
        (
            "queues",
            "queues: {support: {empty: sorry}}",
            "1:27 `empty` wants a map, not text",
        ),
        (
            "queues",
            "queues: {support: {all_paused: {too: sorry}}}",
            "1:33 unknown key `too` | did you mean `to`?",
        ),
        (
            "queues",
            "queues: {support: {service_level: {target: 800%}}}",
            "`800%` is no percentage | write 80%",
        ),
        (
            "queues",
            "queues: {support: {requires: {chess: 3}}}",
            "(warning) no operator has the skills that queue `support` requires",
        ),
        (
            "queues",
            "lines: {a: {queue: suport}}\nqueues: {support: {}}",
            "there is no queue `suport` | did you mean `support`?",
        ),
        (
            "queues",
            "lines: {a: {uri: \"http://x\"}}",
            "`http://x` is no SIP address",
        ),
        (
            "queues",
            "lines: {a: {uri: []}}",
            "1:18 a line has 1 to 8 addresses",
        ),
        (
            "queues",
            "lines: {a: {uri: \"sip:x;transport=sctp\"}}",
            "`sip:x;transport=sctp` cannot be dialled | `transport` is udp, tcp or tls; `sips:` goes by TLS",
        ),
        (
            "queues",
            "lines: {a: {uri: \"sip:x\", trunk: carier}}",
            "1:34 there is no trunk `carier`",
        ),
        (
            "queues",
            "lines: {a: {uri: \"sip:x\", divert: histry-info}}",
            "did you mean `history-info`?",
        ),
        (
            "queues",
            "lines: {a: {uri: \"sip:x\", try_for: 40s}}",
            "`try_for` is between 1s and 32s",
        ),
        (
            "queues",
            "lines: {a: {queue: support, probe: 30s}}\nqueues: {support: {}}",
            "(warning) `probe` is for addresses",
        ),
        (
            "queues",
            "lines: {a: {}}",
            "a line is a queue or an address",
        ),
    ] {
        let (_, said) = said(text, without);
        if !said.contains(expected) {
            wrong.push(format!("{text}\n said: {said}\n wants: {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The shipped folder with one file in the place of another.
fn with(without: &str, file: &str) -> Config {
    let mut files = shipped();
    files.config.retain(|(name, _)| !name.contains(without));
    files.config.push(("config/x.yaml".into(), file.into()));
    let (config, diags) = load(&files, &|_| None, Path::new("config"));
    config.unwrap_or_else(|| {
        let said: Vec<String> = diags.iter().map(ToString::to_string).collect();
        panic!("{}", said.join("\n"))
    })
}

/// `queues.yaml` with every queue that the shipped flows name, and this in `support`.
fn queues(support: &str) -> String {
    format!("queues: {{support: {support}, billing: {{}}, general: {{}}}}")
}

#[test]
fn a_queue_takes_every_strategy_by_its_word() {
    for strategy in Strategy::ALL {
        let text = queues(&format!("{{strategy: {}}}", strategy.as_str()));
        assert_eq!(with("queues", &text).queues["support"].strategy, strategy);
    }
    assert_eq!(
        with("queues", &queues("{}")).queues["support"].strategy,
        Strategy::LongestIdle
    );
}

#[test]
fn a_queue_says_where_a_flow_goes_on_that_does_not_say_so() {
    let text = "version: 1\nflow: a\nstart: q\nlanguages: [en]\nnodes:
  q: { type: queue, queue: q, answered: end, full: end, error: end }
  sorry: { type: hangup }
  end: { type: hangup }\n";
    let config = "numbers: {\"1\": {flow: a}}\noperators: {al: {secret: al}}
queues: {q: {empty: {to: sorry}, full: {to: x}, timeout: {to: end}, all_paused: {to: end}}}";
    let load = |flow: &str| {
        let files = Files {
            config: vec![("c.yaml".into(), config.to_owned())],
            flows: vec![("a.yaml".into(), flow.to_owned())],
            sounds: BTreeSet::new(),
        };
        load(&files, &|_| None, Path::new("config"))
    };
    let (config, diags) = load(text);
    assert!(diags.is_empty(), "{diags:?}");
    let picture = config.unwrap().flows["a"].mermaid();
    for exits in [
        "\"answered, timeout, full, error, all_paused\" --> n2",
        "\"no_operators\" --> n1",
    ] {
        assert!(picture.contains(exits), "{picture}");
    }
    let (config, diags) = load(&text.replace(" full: end,", ""));
    let said: Vec<String> = diags.iter().map(ToString::to_string).collect();
    expect_test::expect![[r#"
        a.yaml:6:3: error: queue `q` leads to node `x`, which this flow does not have
         6 |   q: { type: queue, queue: q, answered: end, error: end }
           |   ^
           hint: write `full: <node>` here, or add a node `x`
        c.yaml:1:23: error: there is no flow `a`
         1 | numbers: {"1": {flow: a}}
           |                       ^"#]]
    .assert_eq(&said.join("\n"));
    assert!(config.is_none());
}

#[test]
fn operators_have_their_place_in_the_file_and_one_call_unless_written() {
    let file = "operators: {zoe: {secret: x}, al: {secret: x, max_calls: 8}, mo: {secret: x}}";
    let config = with("operators", file);
    let of = |name| {
        let operator = &config.operators[name];
        (operator.place, operator.max_calls)
    };
    assert_eq!([of("zoe"), of("al"), of("mo")], [(0, 1), (1, 8), (2, 1)]);
}

#[test]
fn recordings_are_kept_for_days() {
    let config = with("centrale", "recordings: { keep: 7d }");
    let days = |days: u32| days * Duration::from_secs(86_400);
    let keep = Recordings {
        calls: days(7),
        messages: days(90),
    };
    assert_eq!(config.recordings, keep);
    for text in [
        "{ keep: 0s }",
        "{ keep: 12h }",
        "{ keep_messages: 4000d }",
        "{ days: 3 }",
        "7d",
    ] {
        assert!(
            !said(&format!("recordings: {text}"), "centrale").0,
            "{text}"
        );
    }
}

#[test]
fn one_error_is_enough_to_refuse_and_a_warning_is_not() {
    assert!(!said("media: {codecs: [speex]}", "centrale").0);
    assert!(said("media: {codecs: [opus, pcmu]}", "centrale").0);
}

#[test]
fn an_almost_empty_folder_works() {
    let files = Files {
        config: vec![("c.yaml".into(), "numbers: {\"1\": {flow: a}}".into())],
        flows: vec![(
            "a.yaml".into(),
            "version: 1\nflow: a\nstart: end\nlanguages: [en]\nnodes:\n  end: { type: hangup }\n"
                .into(),
        )],
        sounds: BTreeSet::new(),
    };
    let (config, diags) = load(&files, &|_| None, Path::new("/etc/centrale"));
    assert!(diags.is_empty(), "{diags:?}");
    let config = config.unwrap();
    assert_eq!(config.sip.listen.len(), 2);
    assert_eq!(config.paths.flows, Path::new("/etc/centrale/../ivr-flows"));
}
