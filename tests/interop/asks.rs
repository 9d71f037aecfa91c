//! Flows that ask a server outside, and servers that do not do what they should.

use crate::backend::{Backend, Does};
use crate::client::{caller, patient, phone};
use crate::server::Server;
use crate::wire::Certificate;

const FLOOR: &str = "
queues:
  support: { requires: { support: 1 }, music: calm }
  billing: { requires: { billing: 1 }, music: calm }
operators:
  bob: { secret: bob, skills: { support: 5, billing: 3 } }
";
const SECRET: &str = "a secret of some length";

/// The caller's number says which queue, or nobody does.
fn flow(origin: &str) -> String {
    format!(
        r#"
version: 1
flow: asks
start: who
languages: [en]
nodes:
  who:
    type: http
    request:
      method: POST
      url: "{origin}/who/${{caller.number}}?called=${{called}}"
      headers: {{ X-Asks: "${{called}} asks" }}
      json: {{ number: "${{caller.number}}", said: "a \"${{called}}\"", ready: "${{queue.billing.ready}}" }}
    timeout: 1s
    sign: true
    save: {{ queue: /list/0/queue }}
    ok: choose
    error: alone
  choose: {{ type: switch, on: vars.queue, cases: {{ billing: billing }}, default: alone }}
  billing: {{ type: queue, queue: billing, answered: end, timeout: end, full: end, no_operators: end, error: end }}
  alone: {{ type: hangup }}
  end: {{ type: hangup }}
"#
    )
}

/// A server whose number 2000 asks there.
fn asking((host, port): (&str, u16), private: &str) -> Server {
    asking_at(&format!("http://{host}:{port}"), private, "")
}

fn asking_at(origin: &str, private: &str, more: &str) -> Server {
    let more = format!(
        "requests: {{ allow: [\"{origin}\"], private: [{private}], secret: \"{SECRET}\" {more} }}"
    );
    Server::with_more(FLOOR, &[("2000", "asks", &flow(origin))], &more)
}

/// Calls, and says by which nodes it went.
fn path(server: &Server) -> String {
    patient(server, "2000").succeeds(20);
    let record = server.record();
    let nodes = record["path"].as_array().unwrap().iter();
    let nodes: Vec<&str> = nodes.filter_map(serde_json::Value::as_str).collect();
    nodes.join(" ")
}

#[test]
fn a_server_outside_decides_the_queue() {
    let backend = Backend::start(|_, _| Does::says(200, r#"{"list":[{"queue":"billing"}]}"#));
    let server = asking(("127.0.0.1", backend.port), "127.0.0.0/8");
    let operator = phone(&server, "bob", "phone_leaves", &["-d", "1000"]);
    server.wait_for("bob", "ready", 5);
    assert_eq!(path(&server), "who choose billing end");
    operator.succeeds(10);
    assert_eq!(server.record()["queue"], "billing");
    let asked = backend.asked();
    assert_eq!(asked.len(), 1);
    let asked = &asked[0];
    assert_eq!(asked.method, "POST");
    assert_eq!(asked.target, "/who/0612345678?called=2000");
    assert_eq!(asked.header("x-asks"), Some("2000 asks"));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(body["number"], "0612345678");
    assert_eq!(body["said"], "a \"2000\"");
    assert_eq!(body["ready"], 1);
    assert!(asked.is_signed(SECRET), "{asked:?}");
    assert!(!asked.is_signed("another secret"));
    let count = "centrale_flow_http_seconds_count{flow=\"asks\",result=\"ok\"}";
    server.counts(count, 1.0);
}

#[test]
fn a_server_that_fails_keeps_no_caller_waiting() {
    let elsewhere = Backend::start(|_, _| Does::says(200, r#"{"list":[{"queue":"billing"}]}"#));
    let there = elsewhere.port;
    let moved = format!("Location: http://127.0.0.1:{there}/\r\n");
    for (does, result) in [
        (Does::Nothing, "timed_out"),
        (Does::Floods(10_000_000), "unusable"),
        (Does::Answers(302, moved, String::new()), "status"),
        (Does::says(200, "this is no JSON"), "unusable"),
        (Does::says(500, ""), "status"),
    ] {
        let shown = format!("{does:?}");
        let backend = Backend::start(move |_, _| does.clone());
        let server = asking(("127.0.0.1", backend.port), "127.0.0.0/8");
        assert_eq!(path(&server), "who alone", "{shown}");
        let of = |what: &str| format!("centrale_flow_http_seconds_{what}{{flow=\"asks\"");
        let counted = format!("{},result=\"{result}\"}}", of("count"));
        server.counts(&counted, 1.0);
        // The flow gives it a second; a busy machine takes some more to see that it is over.
        let took = server.metric(&of("sum"));
        assert!(took < 10.0, "{shown} took {took} s");
    }
    assert!(elsewhere.asked().is_empty(), "no redirect is followed");
}

#[test]
fn no_request_goes_into_a_network_that_is_not_named() {
    let backend = Backend::start(|_, _| Does::says(200, r#"{"list":[{"queue":"billing"}]}"#));
    for host in ["127.0.0.1", "localhost"] {
        let server = asking((host, backend.port), "10.9.0.0/16");
        assert_eq!(path(&server), "who alone", "{host}");
        let refused = "centrale_flow_http_seconds_count{flow=\"asks\",result=\"refused\"}";
        server.counts(refused, 1.0);
    }
    let server = asking(("localhost", backend.port), "127.0.0.0/8, \"::1/128\"");
    assert_eq!(path(&server), "who choose billing end");
    assert_eq!(backend.asked().len(), 1);
}

#[test]
fn a_server_is_asked_over_tls_if_it_shows_who_it_is() {
    let certificate = Certificate::new("asked");
    let backend = Backend::secure(&certificate, |_, _| {
        Does::says(200, r#"{"list":[{"queue":"billing"}]}"#)
    });
    let origin = format!("https://localhost:{}", backend.port);
    let ca = format!(", ca: {}", certificate.file("certificate.pem").display());
    for (ca, went) in [(ca.as_str(), "who choose billing end"), ("", "who alone")] {
        let server = asking_at(&origin, "127.0.0.0/8", ca);
        assert_eq!(path(&server), went, "{ca}");
    }
    let asked = backend.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].is_signed(SECRET));
}

#[test]
fn a_server_that_is_down_is_left_in_peace() {
    let backend = Backend::start(|_, _| Does::Nothing);
    let server = asking(("127.0.0.1", backend.port), "127.0.0.0/8");
    let more = [
        "-key", "media", "7900", "-m", "12", "-r", "1", "-rp", "1200",
    ];
    caller(&server, "caller_is_left", "2000", &more).succeeds(40);
    let asked = backend.asked().len();
    // Five in a row, and then one in five seconds.
    assert!((5..=9).contains(&asked), "{asked}");
    let resting = "centrale_flow_http_seconds_count{flow=\"asks\",result=\"resting\"}";
    server.counts_least(resting, 3.0);
}
