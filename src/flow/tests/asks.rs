//! Asks of the world outside.

use super::*;

const LOOK_UP: &str = "
  a:
    type: http
    request: { url: \"https://api.example.org/customers/${caller.number}?tone=${caller.name}\" }
    timeout: 2s
    save: { tier: /tier }
    status: { \"404\": unknown, \"4xx\": odd }
    ok: known
    error: sorry
  known: { type: branch, when: [{ if: vars.tier == 7, then: gold }], else: sorry }
  gold: { type: hangup, prompt: [gold] }
  unknown: { type: hangup, prompt: [unknown] }
  odd: { type: hangup, prompt: [odd] }
  sorry: { type: hangup, prompt: [sorry] }
";

#[test]
fn an_answer_decides_where_a_call_goes() {
    for (reply, then) in [
        ("http:200", "[known] [gold] play(en/gold)"),
        ("http:404", "[unknown] play(en/unknown)"),
        ("http:418", "[odd] play(en/odd)"),
        ("http:500", "fault(a outside) [sorry] play(en/sorry)"),
        ("http:none", "fault(a outside) [sorry] play(en/sorry)"),
        ("+2s", "fault(a outside) [sorry] play(en/sorry)"),
        ("http:late", ""),
        ("+1s", ""),
    ] {
        let told = story(LOOK_UP, &format!("begin up {reply}"));
        let last = told.lines().last().unwrap_or_default();
        assert_eq!(last, format!("{reply}: {then}").trim_end());
    }
}

#[test]
fn a_value_in_a_url_is_escaped() {
    check(
        LOOK_UP,
        "begin up",
        &expect![[r#"
            begin: answer
            up: [a] ask(Get https://api.example.org/customers/%2B31612345678?tone=)
        "#]],
    );
}

#[test]
fn keys_pressed_while_an_answer_is_waited_for_are_kept() {
    let nodes = "
  a: { type: http, request: { url: \"https://api.example.org/\" }, timeout: 2s, ok: m, error: m }
  m: { type: menu, prompt: [ask], keys: { \"1\": bye }, on_failure: bye }
  bye: { type: hangup }
";
    check(
        nodes,
        "begin up 1 http:200",
        &expect![[r#"
            begin: answer
            up: [a] ask(Get https://api.example.org/)
            1:
            http:200: [m] [bye] hangup
        "#]],
    );
}

#[test]
fn values_are_escaped_by_where_they_go() {
    let nodes = "
  a: { type: set, vars: { bad: \"a/../b?c&d=é \\\"}\", list: 3 }, next: b }
  b:
    type: http
    request:
      method: PUT
      url: \"https://api.example.org/a/${vars.bad}/b?x=${vars.bad}\"
      headers: { X-A: \"<${vars.bad}>\" }
      json: { text: \"${vars.bad}!\", number: \"${vars.list}\", none: null, list: [1, 1.5, true], in: { ready: \"${queue.support.ready}\" } }
    timeout: 2s
    ok: bye
    error: bye
  bye: { type: hangup }
";
    check(
        nodes,
        "begin up",
        &expect![[r#"
            begin: answer
            up: [a] [b] ask(Put https://api.example.org/a/a%2F..%2Fb%3Fc%26d%3D%C3%A9%20%22%7D/b?x=a%2F..%2Fb%3Fc%26d%3D%C3%A9%20%22%7D X-A: <a/../b?c&d=é "}> {"in":{"ready":0},"list":[1,1.5,true],"none":null,"number":3,"text":"a/../b?c&d=é \"}!"})
        "#]],
    );
}

#[test]
fn what_does_not_fit_is_not_asked() {
    let ask = "{ type: http, request: { url: \"https://api.example.org/${vars.x}\", headers: { X: \"${vars.x}\" } }, timeout: 2s, ok: bye, error: sorry }";
    for (value, then) in [
        ("one", "[b] ask(Get https://api.example.org/one X: one)"),
        ("..", "[b] fault(b expression) [sorry] hangup"),
        ("a\\nb", "[b] fault(b expression) [sorry] hangup"),
    ] {
        let nodes = format!(
            "
  a: {{ type: set, vars: {{ x: \"{value}\" }}, next: b }}
  b: {ask}
  bye: {{ type: hangup }}
  sorry: {{ type: hangup }}
"
        );
        let told = story(&nodes, "begin up");
        let last = told.lines().last().unwrap_or_default();
        assert_eq!(last, format!("up: [a] {then}"));
    }
}

#[test]
fn what_was_typed_in_secret_leaves_encrypted_and_in_no_url() {
    let collect = "{ type: collect, prompt: [ask], digits: { max: 4 }, save: pin, sensitive: true, ok: b, on_failure: bye }";
    for (request, then) in [
        (
            "method: POST, url: \"https://api.example.org/\", json: { pin: \"${vars.pin}\" }",
            "ask(Post https://api.example.org/ {\"pin\":\"1234\"})",
        ),
        (
            "url: \"https://api.example.org/\", headers: { X-Pin: \"${vars.pin}\" }",
            "ask(Get https://api.example.org/ X-Pin: 1234)",
        ),
        (
            "method: POST, url: \"http://10.0.0.1:8000/\", json: { pin: \"${vars.pin}\" }",
            "fault(b sensitive) [bye] hangup",
        ),
        (
            "url: \"http://10.0.0.1:8000/\", headers: { X-Pin: \"${vars.pin}\" }",
            "fault(b sensitive) [bye] hangup",
        ),
        (
            "url: \"https://api.example.org/${vars.pin}\"",
            "fault(b sensitive) [bye] hangup",
        ),
    ] {
        let nodes = format!(
            "
  a: {collect}
  b: {{ type: http, request: {{ {request} }}, timeout: 2s, ok: bye, error: bye }}
  bye: {{ type: hangup }}
"
        );
        let told = story(&nodes, "begin up 1234");
        let last = told.lines().last().unwrap_or_default();
        // What is entered after it is no secret any more.
        assert_eq!(last.trim_end_matches(" open"), format!("1234: [b] {then}"));
    }
}

#[test]
fn an_answer_is_read_as_its_pointers_say() {
    let body = br#"{"a":{"b/c":[7,"x",true,1.5,null,{"d":1}]},"":9}"#;
    for (pointer, value) in [
        ("/a/b~1c/0", Scalar::Number(7)),
        ("/a/b~1c/1", Scalar::text("x")),
        ("/a/b~1c/2", Scalar::Truth(true)),
        ("/a/b~1c/3", Scalar::text("1.5")),
        ("/a/b~1c/4", Scalar::Nothing),
        ("/a/b~1c/5", Scalar::Nothing),
        ("/a/b~1c/9", Scalar::Nothing),
        ("/none", Scalar::Nothing),
        ("", Scalar::Nothing),
        ("/", Scalar::Number(9)),
    ] {
        let request = HttpRequest {
            method: HttpMethod::Get,
            url: String::new(),
            headers: Vec::new(),
            body: None,
            save: [Arc::from(pointer)].into(),
            retries: 0,
            sign: false,
        };
        let saved = request.answer(200, body).map(|answer| answer.saved);
        assert_eq!(saved, Ok(vec![value]), "{pointer}");
        assert_eq!(request.answer(200, b"<html>"), Err(Unanswered::Unusable));
        assert_eq!(request.answer(404, b"").map(|of| of.saved), Ok(Vec::new()));
    }
}

#[test]
fn mistakes_in_a_request_are_told() {
    let node = |fields: &str| {
        format!("  a: {{ type: http, ok: b, error: b, {fields} }}\n  b: {{ type: hangup }}\n")
    };
    let mut all = Vec::new();
    for fields in [
        "timeout: 2s",
        "request: { url: \"https://api.example.org/\" }",
        "timeout: 45s, request: { url: \"https://api.example.org/\" }",
        "timeout: 2s, request: { url: \"https://evil.example.org/\" }",
        "timeout: 2s, request: { url: \"http://api.example.org/\" }",
        "timeout: 2s, request: { url: \"https://${called}/\" }",
        "timeout: 2s, request: { url: \"https://api.example.org${called}/\" }",
        "timeout: 2s, request: { url: \"https://api.example.org/a b\" }",
        "timeout: 2s, request: { url: \"https://api.example.org/a/../b\" }",
        "timeout: 2s, request: { method: FETCH, url: \"https://api.example.org/\" }",
        "timeout: 2s, request: { url: \"https://api.example.org/\", json: {} }",
        "timeout: 2s, request: { url: \"https://api.example.org/\", headers: { Host: x } }",
        "timeout: 2s, request: { url: \"https://api.example.org/\", headers: { \"X Y\": x } }",
        "timeout: 2s, request: { url: \"https://api.example.org/\" }, save: { tier: tier }",
        "timeout: 2s, request: { url: \"https://api.example.org/\" }, status: { \"6xx\": b }",
        "timeout: 2s, retries: 9, request: { url: \"https://api.example.org/\" }",
    ] {
        match try_load(&whole(&node(fields))) {
            Ok(_) => all.push(format!("{fields} is no mistake")),
            Err(diags) => all.extend(diags.iter().map(brief)),
        }
    }
    expect![[r#"
        6:3 `a` has no `request` (add `request: …`)
        6:3 this http has no `timeout` (add `timeout: 2s`: a caller waits no longer than that)
        6:46 `timeout` of a request is between 100ms and 30s
        6:66 flows may not ask `evil.example.org` (add it to the configuration: requests: { allow: ["evil.example.org"] })
        6:66 flows may not ask `http://api.example.org` (add it to the configuration: requests: { allow: ["http://api.example.org"] })
        6:66 a URL begins with its scheme, its host and a /, as they are (write "https://api.example.org/customers/${caller.number}")
        6:66 a URL begins with its scheme, its host and a /, as they are (write "https://api.example.org/customers/${caller.number}")
        6:66 a URL has no spaces and no letters beyond ASCII (write %20 for a space)
        6:66 a URL has no `.` and no `..` between its slashes (write the path that it leads to)
        6:69 `FETCH` is no method of a request (known are GET, POST, PUT, PATCH, DELETE)
        6:94 a GET has no body (write method: POST)
        6:105 `Host` is set by the request itself (remove it)
        6:105 `X Y` is no name of a header (write X-Project)
        6:110 `tier` is no JSON pointer (write /customer/tier, or /list/0; ~1 is a slash in a name and ~0 a ~)
        6:106 `6xx` is no status (write "404" or "4xx", from 200 to 599)
        6:59 this must be a whole number from 0 to 3"#]].assert_eq(&all.join("\n"));
}

#[test]
fn a_flow_tells_the_world() {
    let nodes = "
  a: { type: notify, event: order.cancelled, data: { by: \"${caller.number}\", ready: \"${queue.support.ready}\", why: \"a \\\"${called}\\\"\" }, next: b }
  b: { type: collect, prompt: [ask], digits: { max: 2 }, save: pin, sensitive: true, ok: c, on_failure: d }
  c: { type: notify, event: pin, data: { pin: \"${vars.pin}\" }, next: d }
  d: { type: notify, event: plain, next: bye }
  bye: { type: hangup }
";
    check(
        nodes,
        "begin up 12",
        &expect![[r#"
            begin: answer
            up: [a] notify(order.cancelled {"by":"+31612345678","ready":0,"why":"a \"1000\""}) [b] play(en/ask) secret
            12: stop
            12: [c] fault(c sensitive) [d] notify(plain {}) [bye] hangup open
        "#]],
    );
}

#[test]
fn mistakes_in_what_is_told_are_told() {
    mistakes(
        "
  a: { type: notify, event: \"two words\", data: [1], next: b }
  b: { type: notify, data: { x: { a: { b: { c: { d: { e: { f: { g: { h: 1 } } } } } } } } }, next: c }
  c: { type: hangup }
",
        &expect![[r#"
            7:29 `two words` is no name of an event (up to 64 letters, digits, `-`, `_` and `.`)
            7:48 `data` wants a map, not a list
            8:3 `b` has no `event` (add `event: …`)
            8:68 lists and maps stand at most 8 deep in JSON of a flow"#]],
    );
}

#[test]
fn an_example_says_what_is_answered_outside() {
    let of = |answers: &str, end: &str| {
        format!(
            "version: 1\nflow: f\nstart: a\nnodes:\n{LOOK_UP}tests:\n  - {{ name: t, at: \"2026-03-02T10:15:00Z\", {answers} expect: {{ path: [{end}] }} }}\n"
        )
    };
    for (answers, end) in [
        ("", "a, sorry"),
        ("answers: { a: { json: { tier: 7 } } },", "a, known, gold"),
        (
            "answers: { a: { json: { tier: seven } } },",
            "a, known, sorry",
        ),
        ("answers: { a: { status: 404 } },", "a, unknown"),
        ("answers: { a: { status: 200 } },", "a, sorry"),
    ] {
        let flow = flow(&of(answers, end));
        assert_eq!(flow.run_tests(&calendars(), any_instant()), [], "{answers}");
    }
    mistakes(
        &of("answers: { b: { status: 99, json: \"${called}\" } },", "a"),
        &expect![[r#"
            20:55 there is no node `b`
            20:68 this must be a whole number from 200 to 599
            20:78 an answer is written as it is, without `${…}`"#]],
    );
}
