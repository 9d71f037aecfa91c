//! What nodes ask of the exchange and of the world, to the last field.

use super::*;
use crate::flow::ask::Asked;

/// What the last word of a script asks for.
fn asked<T>(nodes: &str, words: &str, of: impl Fn(Output) -> Option<T>) -> T {
    let mut call = Call::new(flow(nodes));
    let (first, last) = words.rsplit_once(' ').unwrap();
    tell(&mut call, first);
    let input = match last {
        "up" => Input::Answered,
        key => Input::Key(key.chars().next().unwrap()),
    };
    let mut out = Vec::new();
    call.run.handle(input, call.now, &Busy, &mut out);
    let mut found = out.into_iter().filter_map(of);
    found.next().unwrap()
}

fn queue_of(more: &str) -> QueueRequest {
    let nodes = format!(
        "
  a: {{ type: queue, queue: support, {more} answered: z, timeout: z, full: z, no_operators: z, error: z }}
  z: {{ type: hangup }}
"
    );
    asked(&nodes, "begin up", |output| {
        if let Output::Queue(request) = output {
            Some(request)
        } else {
            None
        }
    })
}

#[test]
fn a_queue_is_asked_for_all_that_its_node_says() {
    let plain = queue_of("");
    assert_eq!(
        (plain.max_wait, &plain.music, plain.announce),
        (None, &None, None)
    );
    assert_eq!((plain.keys.len(), plain.asides.len()), (0, 0));
    assert!(plain.operator_announcement.is_none() && plain.escalate.is_none());
    let full = queue_of(
        "max_wait: 10m, operator_announcement: vip, waiting: { music: calm, announce: { position: true, every: 45s }, keys: { \"1\": z, \"#\": z, \"2\": { play: [x] } } },",
    );
    let seconds = Duration::from_secs;
    assert_eq!(full.max_wait, Some(seconds(600)));
    assert_eq!(full.music.as_deref(), Some("calm"));
    let announce = full.announce.unwrap();
    assert!(announce.position && !announce.estimated_wait);
    assert_eq!(announce.every, Some(seconds(45)));
    assert_eq!(full.keys, ['#', '1'].into());
    assert_eq!(full.asides.keys().collect::<Vec<_>>(), [&'2']);
    let announced = full.operator_announcement.as_ref().map(sound);
    assert_eq!(announced.as_deref(), Some("en/vip"));
}

#[test]
fn an_operator_is_asked_for_with_what_is_said_before_the_talk() {
    let nodes = "
  a: { type: set, language: nl, next: b }
  b: { type: operator, id: \" ${caller.number} \", operator_announcement: vip, answered: z, busy: z, no_answer: z, error: z }
  z: { type: hangup }
";
    let request = asked(nodes, "begin up", |output| {
        if let Output::Operator(request) = output {
            Some(request)
        } else {
            None
        }
    });
    assert_eq!(request.operator.as_str(), "+31612345678");
    assert_eq!(request.ring, None);
    let announced = request.operator_announcement.as_ref().map(sound);
    assert_eq!(announced.as_deref(), Some("nl/vip"));
}

fn http_of(request: &str, more: &str) -> HttpRequest {
    let nodes = format!(
        "
  a: {{ type: http, request: {{ {request}, url: \"https://api.example.org/\" }}, timeout: 2s, {more} ok: z, error: z }}
  z: {{ type: hangup }}
"
    );
    asked(&nodes, "begin up", |output| {
        if let Output::Ask(Asked {
            ask: Ask::Http(request),
            ..
        }) = output
        {
            Some(*request)
        } else {
            None
        }
    })
}

#[test]
fn what_may_be_asked_twice_is_and_all_is_signed_that_says_so() {
    for (method, retries) in [
        ("GET", 1),
        ("PUT", 1),
        ("DELETE", 1),
        ("POST", 0),
        ("PATCH", 0),
    ] {
        let request = http_of(&format!("method: {method}"), "");
        assert_eq!(
            (request.retries, request.sign),
            (retries, false),
            "{method}"
        );
        let request = http_of(&format!("method: {method}"), "retries: 3, sign: true,");
        assert_eq!((request.retries, request.sign), (3, true), "{method}");
    }
    let request = http_of("method: GET", "save: { x: /a, y: /b/0 },");
    let pointers: Vec<&str> = request.save.iter().map(|pointer| &**pointer).collect();
    assert_eq!(pointers, ["/a", "/b/0"]);
}

#[test]
fn a_status_leads_where_it_says_and_a_code_goes_before_its_class() {
    let nodes = |status: &str| {
        format!(
            "
  a: {{ type: http, request: {{ url: \"https://api.example.org/\" }}, timeout: 2s, {status} ok: ok, error: sorry }}
  ok: {{ type: hangup }}
  class: {{ type: hangup, cause: 1 }}
  code: {{ type: hangup, cause: 2 }}
  sorry: {{ type: hangup, cause: 3 }}
"
        )
    };
    let both = nodes("status: { \"4xx\": class, \"404\": code },");
    assert_eq!(ends(&both, "begin up http:404"), "[code] hangup(2)");
    assert_eq!(ends(&both, "begin up http:418"), "[class] hangup(1)");
    let none = nodes("status: { \"5xx\": class, \"200\": code },");
    assert_eq!(
        ends(&none, "begin up http:404"),
        "fault(a outside) [sorry] hangup(3)"
    );
    for status in ["199", "600", "6xx", "1xx", "4x", "abc"] {
        let text = nodes(&format!(
            "status: {{ \"{status}\": class, \"500\": code }},"
        ));
        let said = try_load(&whole(&text)).err().unwrap_or_default();
        assert!(
            said.iter()
                .any(|told| told.message.contains("is no status")),
            "{status}: {said:?}"
        );
    }
}

#[test]
fn a_pointer_and_a_signature_are_looked_at_when_a_flow_is_loaded() {
    let nodes = |more: &str| {
        format!(
            "  a: {{ type: http, request: {{ url: \"https://api.example.org/\" }}, timeout: 2s, {more}, ok: z, error: z }}\n  z: {{ type: hangup }}\n"
        )
    };
    for (pointer, fits) in [
        ("/a~1b", true),
        ("/a~0", true),
        ("", true),
        ("a", false),
        ("/a~2", false),
        ("/a~", false),
    ] {
        let text = whole(&nodes(&format!("save: {{ x: \"{pointer}\" }}")));
        assert_eq!(try_load(&text).is_ok(), fits, "{pointer}");
    }
    let signs = whole(&nodes("sign: true"));
    assert!(try_load(&signs).is_ok());
    assert!(try_load(&format!("{signs}# nobody signs\n")).is_err());
}

#[test]
fn hours_are_those_of_the_moment() {
    let nodes = |holiday: &str| {
        format!(
            "
  a: {{ type: queue, queue: support, answered: h, timeout: h, full: h, no_operators: h, error: h }}
  h: {{ type: hours, calendar: office, open: open, closed: closed{holiday} }}
  open: {{ type: hangup, cause: 1 }}
  closed: {{ type: hangup, cause: 2 }}
  feast: {{ type: hangup, cause: 3 }}
"
        )
    };
    // From a Monday at 10:15; the holiday is a Friday.
    let with = nodes(", holiday: feast");
    for (later, ends_by) in [
        ("0s", "[open] hangup(1)"),
        ("8h", "[closed] hangup(2)"),
        ("298d", "[feast] hangup(3)"),
    ] {
        let said = ends(&with, &format!("begin up +{later} queue:timeout"));
        assert_eq!(said, format!("[h] {ends_by}"), "{later}");
    }
    let without = nodes("").replace("  feast: { type: hangup, cause: 3 }\n", "");
    assert_eq!(
        ends(&without, "begin up +298d queue:timeout"),
        "[h] [closed] hangup(2)"
    );
}

#[test]
fn expressions_see_the_call_its_project_and_the_queues() {
    let holds = |condition: &str| {
        let nodes = format!(
            "
  a: {{ type: branch, when: [{{ if: '{condition}', then: y }}], else: n }}
  y: {{ type: hangup, cause: 1 }}
  n: {{ type: collect, prompt: [x], digits: {{ max: 1 }}, save: never, ok: y, on_failure: y }}
"
        );
        let mut call = Call::new(flow(&nodes));
        call.run = Run::new(
            flow(&nodes),
            Caller {
                project: Some(Project::from("internet")),
                ..caller()
            },
            calendars(),
            Epoch {
                instant: call.now,
                wall: SystemTime::UNIX_EPOCH,
            },
        );
        tell(&mut call, "begin up").ends_with("[y] hangup(1)\n")
    };
    for condition in [
        "caller.number == \"+31612345678\"",
        "caller.name == \"\"",
        "called == \"1000\"",
        "project == \"internet\"",
        "language == \"en\"",
        "vars.never == null",
        "customer.number == null && customer.name == null && size(customer.tags) == 0",
        "queue.support.waiting == 7",
        "queue.support.ready == 0",
        "queue.support.longest_wait == 90",
        "queue.support.estimated_wait == null",
        "queue.support.staffed",
    ] {
        assert!(holds(condition), "{condition}");
    }
    assert!(!holds("!queue.support.staffed"));
}

#[test]
fn a_priority_and_tags_are_cut_to_what_a_call_may_have() {
    for (written, kept) in [("101", 100), ("-101", -100), ("99", 99)] {
        let nodes = format!(
            "  a: {{ type: set, priority: '{written}', next: z }}\n  z: {{ type: hangup }}\n"
        );
        let mut call = Call::new(flow(&nodes));
        tell(&mut call, "begin up");
        assert_eq!(call.run.priority(), kept, "{written}");
    }
    let tags: Vec<String> = (0..40).map(|n| format!("t{n:02}")).collect();
    let nodes = format!(
        "  a: {{ type: set, tags: [{}], next: z }}\n  z: {{ type: hangup }}\n",
        tags.join(", ")
    );
    let mut call = Call::new(flow(&nodes));
    tell(&mut call, "begin up");
    assert_eq!(call.run.tags().len(), 32);
}

#[test]
fn a_language_that_nobody_knows_changes_nothing_and_another_is_a_fault() {
    for (number, said) in [
        ("caller.name", "[a] [z] hangup"),
        ("called", "[a] fault(a expression) [z] hangup"),
    ] {
        let nodes = format!(
            "  a: {{ type: set, language: '${{{number}}}', next: z }}\n  z: {{ type: hangup }}\n"
        );
        assert_eq!(ends(&nodes, "begin up"), said, "{number}");
    }
}

#[test]
fn a_call_begins_in_the_language_of_its_number_if_the_flow_speaks_it() {
    let flow = flow("  a: { type: hangup, prompt: [x] }\n");
    for (wanted, hears) in [(None, "en"), (Some("nl"), "nl"), (Some("de"), "en")] {
        let now = any_instant();
        let epoch = Epoch {
            instant: now,
            wall: SystemTime::UNIX_EPOCH,
        };
        let caller = Caller {
            language: wanted.map(Into::into),
            ..caller()
        };
        let run = Run::new(Arc::clone(&flow), caller, calendars(), epoch);
        assert_eq!(run.language(), hears, "{wanted:?}");
    }
}

#[test]
fn variables_that_go_with_a_call_are_set_and_not_too_many() {
    let vars: Vec<String> = (0..70).map(|n| format!("v{n:02}: {n}")).collect();
    let nodes = format!("vars: {{ {}, none: null, empty: \"\" }}\n", vars.join(", "));
    let text = format!(
        "version: 1\nflow: f\nstart: a\nlanguages: [en]\n{nodes}nodes:\n  a: {{ type: hangup }}\n"
    );
    let call = Call::new(flow(&text));
    assert_eq!(call.run.shown_vars().len(), 64);
    let few = text.replace(&vars.join(", "), "v: 1");
    let call = Call::new(flow(&few));
    let shown = call.run.shown_vars();
    assert_eq!(shown.keys().map(|name| &**name).collect::<Vec<_>>(), ["v"]);
}

#[test]
fn asks_that_a_call_makes_for_itself_have_numbers_of_their_own() {
    let mut call = Call::new(flow("  a: { type: hangup }\n"));
    let numbers = [call.run.next_ask(), call.run.next_ask()];
    assert_ne!(numbers[0], numbers[1]);
    assert_ne!(numbers[0], AskId(0));
}
