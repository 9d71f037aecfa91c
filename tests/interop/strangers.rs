//! Those who are no trunk and no phone: what they are told, and when they are told
//! nothing any more.

use std::fs;
use std::net::UdpSocket;
use std::time::Duration;

use exchange::sip::{Method, Name, Response};

use crate::ports::free_port;
use crate::raw::Wire;
use crate::server::Server;
use crate::{PATIENCE, eventually};

/// A server that knows 127.0.0.1 alone.
fn server(guard: &str) -> Server {
    Server::known("127.0.0.1/32", guard)
}

/// Long enough for what must not come.
const SILENCE: Duration = Duration::from_millis(300);

/// Somebody at an address, with one socket.
struct Somebody(Wire);

impl Somebody {
    fn at(server: &Server, ip: &str) -> Self {
        let server = server.address().parse().unwrap();
        Self(Wire::udp_from(ip.parse().unwrap(), server))
    }

    /// Sends a request; the final answer.
    fn ask(&mut self, method: &str, user: &str, headers: &str) -> Response {
        let headers = format!("Contact: {}\n{headers}", self.0.contact("x"));
        self.0.ask((method, user), &headers, "")
    }

    fn send(&mut self, method: &str, user: &str, headers: &str) {
        let headers = format!("Contact: {}\n{headers}", self.0.contact("x"));
        self.0.put((method, user), &headers, "");
    }

    fn code(&mut self, method: &str, user: &str, headers: &str) -> u16 {
        self.ask(method, user, headers).code
    }

    /// Whether a request is not answered. What comes late is the answer to another.
    fn is_ignored(&mut self, method: &str, user: &str, headers: &str) -> bool {
        self.send(method, user, headers);
        self.0.response_within(SILENCE).is_none()
    }
}

/// What a challenge is to be answered with.
fn nonce(challenge: &Response) -> Option<String> {
    let value = challenge.headers.first(&Name::WwwAuthenticate)?;
    let (_, rest) = value.split_once("nonce=\"")?;
    Some(rest.split('"').next()?.to_owned())
}

#[test]
fn strangers_are_refused_and_scanners_get_silence() {
    let server = server("");
    let mut stranger = Somebody::at(&server, "127.0.0.9");
    assert_eq!(stranger.code("INVITE", "2000", ""), 403);
    assert_eq!(stranger.code("INVITE", "4711", ""), 403);
    assert_eq!(stranger.code("OPTIONS", "2000", ""), 200);
    assert_eq!(stranger.code("REGISTER", "alice", ""), 401);
    let scanner = "User-Agent: friendly-scanner\r\n";
    for method in ["INVITE", "OPTIONS", "REGISTER"] {
        assert!(stranger.is_ignored(method, "100", scanner), "{method}");
    }
    assert_eq!(stranger.code("OPTIONS", "2000", ""), 200);
    let mut friend = Somebody::at(&server, "127.0.0.1");
    assert_eq!(friend.code("INVITE", "4711", ""), 404);
    assert_eq!(friend.code("OPTIONS", "100", scanner), 404);
    let dropped = r#"centrale_sip_dropped_total{reason="scanner"}"#;
    server.counts(dropped, 3.0);
}

#[test]
fn a_stranger_who_goes_on_and_on_is_shut_out_and_a_line_says_so() {
    let server = server("shut_out: { after: 5, for: 2s }");
    let mut stranger = Somebody::at(&server, "127.0.0.9");
    let credentials = "Authorization: Digest username=\"alice\", realm=\"centrale.localhost\", ";
    // What is wrong and answers what was asked here cannot be forged.
    for guess in 0..6 {
        let nonce = nonce(&stranger.ask("REGISTER", "alice", "")).unwrap();
        let guess = format!(
            "{credentials}nonce=\"{nonce}\", uri=\"sip:h\", response=\"{guess:032x}\", algorithm=MD5\r\n"
        );
        assert_eq!(stranger.code("REGISTER", "alice", &guess), 403);
    }
    eventually("it is shut out", 10, || {
        server.metric("centrale_sip_shut_out ") > 0.5
    });
    for method in ["INVITE", "REGISTER", "BYE", "OPTIONS"] {
        assert!(stranger.is_ignored(method, "alice", ""), "{method}");
    }
    let mut other = Somebody::at(&server, "127.0.0.10");
    assert_eq!(other.code("INVITE", "2000", ""), 403);
    eventually("it is heard again", 10, || {
        !stranger.is_ignored("OPTIONS", "2000", "")
    });
    server.logs("shut out: failed too often");
    server.logs("wholly");
    server.logs("heard again");
}

#[test]
fn who_asks_for_what_is_not_here_is_asked_in_turn_and_told_no_more() {
    for (method, user, code) in [
        ("BYE", "alice", 481),
        ("REGISTER", "alice@elsewhere.example", 404),
        ("INVITE", "2000", 403),
    ] {
        let server = server("shut_out: { after: 5, for: 60s }");
        let mut stranger = Somebody::at(&server, "127.0.0.9");
        assert_eq!(stranger.code(method, user, ""), code);
        eventually("it is shut out", 10, || {
            stranger.send(method, user, "");
            server.metric("centrale_sip_shut_out ") > 0.5
        });
        server.logs("softly");
        while stranger.0.response_within(SILENCE).is_some() {}
        for (method, user, asked) in [
            ("REGISTER", "alice", true),
            ("REGISTER", "alice@elsewhere.example", true),
            ("INVITE", "2000", true),
            ("INVITE", "4711", true),
            ("BYE", "alice", false),
            ("OPTIONS", "alice", false),
        ] {
            if asked {
                assert_eq!(stranger.code(method, user, ""), 401, "{method} {user}");
            } else {
                assert!(stranger.is_ignored(method, user, ""), "{method} {user}");
            }
        }
    }
}

#[test]
fn who_forges_an_address_keeps_nobody_there_from_logging_in() {
    let server = server("shut_out: { after: 5, for: 600s }");
    let address = server.address().parse().unwrap();
    let forger = UdpSocket::bind(("127.0.0.14", 0)).unwrap();
    forger.connect(server.address()).unwrap();
    let forge = || {
        for _ in 0..10 {
            forger
                .send(b"INVITE sip:1 SIP/2.0\r\nVia: x\r\n\r\n")
                .unwrap();
        }
    };
    eventually("it is shut out", 10, || {
        forge();
        server.metric("centrale_sip_shut_out ") > 0.5
    });
    let mut victim = Wire::udp_from("127.0.0.14".parse().unwrap(), address);
    let contact = format!("Contact: {}\n", victim.contact("alice"));
    assert_eq!(victim.ask(("REGISTER", "alice"), &contact, "").code, 401);
    forge();
    assert_eq!(victim.register("alice", &contact).code, 200);
    eventually("nobody is shut out", 10, || {
        server.metric("centrale_sip_shut_out ") < 0.5
    });
    forge();
    assert_ne!(victim.ask(("OPTIONS", "alice"), "", "").code, 401);
}

#[test]
fn a_phone_that_registered_is_no_stranger() {
    let server = server("per_source: 1\n    burst: 3");
    let mut stranger = Somebody::at(&server, "127.0.0.9");
    for _ in 0..20 {
        stranger.send("OPTIONS", "2000", "");
    }
    let answers = std::iter::from_fn(|| stranger.0.response_within(SILENCE));
    let heard = answers.filter(|answer| answer.code == 200).count();
    assert!(heard < 20, "{heard}");
    let port = free_port();
    crate::client::register_at(&server, "alice", "127.0.0.12", port, 600);
    let mut phone = Somebody::at(&server, "127.0.0.12");
    for _ in 0..20 {
        assert_eq!(phone.code("OPTIONS", "2000", ""), 200);
    }
}

/// RFC 3325 section 5.
#[test]
fn only_a_trunk_may_assert_who_calls() {
    let server = server("");
    let address = server.address().parse().unwrap();
    let boss = "P-Asserted-Identity: \"Boss\" <sip:+31201234567@centrale.localhost>\n";
    let mut phone = Wire::udp_from("127.0.0.12".parse().unwrap(), address);
    let contact = format!("Contact: {}\n", phone.contact("bob"));
    assert_eq!(phone.register("bob", &contact).code, 200);
    server.wait_for("bob", "ready", 5);

    // A stranger is no trunk for what it asserts, whoever that is.
    let mut stranger = Somebody::at(&server, "127.0.0.9");
    assert_eq!(stranger.code("INVITE", "2000", boss), 403);
    let alice = "P-Asserted-Identity: <sip:alice@centrale.localhost>\n";
    assert_eq!(stranger.code("INVITE", "2000", alice), 403);

    // An operator is who has proven to be one, and has the name of the configuration.
    let mut operator = Wire::udp_from("127.0.0.13".parse().unwrap(), address);
    assert_eq!(operator.call_as("alice", "2000", boss).code, 200);
    let offer = phone.request();
    assert_eq!(offer.method, Method::Invite);
    let text = phone.heard();
    assert!(
        !text.contains("Boss") && !text.contains("31201234567"),
        "{text}"
    );
    server.shows("/api/v1/calls", |live| live["calls"][0]["from"] == "alice");
    phone.respond(&offer, 486);

    // And a trunk is believed.
    let mut trunk = Wire::udp(address);
    let headers = format!("Contact: {}\n{boss}", trunk.contact("x"));
    trunk.put(
        ("INVITE", &format!("2000@{}", server.address())),
        &headers,
        "",
    );
    eventually("the trunk's call is there", 5, || {
        let calls = server.json("/api/v1/calls");
        let mut calls = calls["calls"].as_array().unwrap().iter();
        calls.any(|call| call["from"] == "+31201234567")
    });
}

#[test]
fn nobody_learns_which_operators_there_are() {
    let server = server("shut_out: off");
    let mut stranger = Somebody::at(&server, "127.0.0.9");
    let mut shape = |user: &str, headers: &str| {
        let answer = stranger.ask("REGISTER", user, headers);
        let heard = stranger.0.heard();
        let lines = heard.split("\r\n").map(|line| {
            // What is echoed of the request differs.
            let echo = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
            let echoed = echo.iter().find(|name| line.starts_with(*name));
            let line = line.split("nonce=").next().unwrap();
            echoed.map_or(line, |name| name).to_owned()
        });
        let lines: Vec<String> = lines.collect();
        (lines, nonce(&answer).unwrap_or_default())
    };
    let (known, nonce) = shape("alice", "");
    let (unknown, other) = shape("allison", "");
    assert!(known[0].starts_with("SIP/2.0 401"), "{known:?}");
    assert_eq!(known, unknown);
    let guess = |user: &str, nonce: &str| {
        format!(
            "Authorization: Digest username=\"{user}\", realm=\"centrale.localhost\", nonce=\"{nonce}\", uri=\"sip:h\", response=\"0123456789abcdef0123456789abcdef\", algorithm=MD5\r\n"
        )
    };
    let (known, _) = shape("alice", &guess("alice", &nonce));
    let (unknown, _) = shape("allison", &guess("allison", &other));
    assert!(known[0].starts_with("SIP/2.0 403"), "{known:?}");
    assert_eq!(known, unknown);
}

#[test]
fn what_outsiders_send_stays_on_its_line() {
    let server = server("");
    let mut friend = Somebody::at(&server, "127.0.0.1");
    let evil = "User-Agent: x\u{1b}[31m\r\nSubject: \u{1b}]0;owned\u{7}\r\n";
    friend.code("OPTIONS", "100", evil);
    let from = "P-Asserted-Identity: \"\u{1b}[2J\" <sip:1@h>\r\n";
    friend.code("INVITE", "%1b%0d%0aERROR", from);
    let mut stranger = Somebody::at(&server, "127.0.0.9");
    stranger.send("\u{1b}[31mINVITE", "2000", "");
    stranger.code("INVITE", "2000", evil);
    let log = fs::read(server.folder.join("log")).unwrap();
    let controls = log
        .iter()
        .filter(|byte| byte.is_ascii_control() && **byte != b'\n');
    assert_eq!(controls.count(), 0);
}

/// RFC 5626 section 4.4.2: who is promised that a flow is kept over UDP asks by STUN whether
/// it is, and is told as often as any other message is heard.
#[test]
fn a_phone_keeps_its_way_open_by_stun() {
    let server = server("");
    let ask = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], b"transaction1"].concat();
    for host in ["127.0.0.1", "127.0.0.9"] {
        let phone = UdpSocket::bind((host, 0)).unwrap();
        phone.set_read_timeout(Some(PATIENCE)).unwrap();
        phone.connect(server.address()).unwrap();
        let mut answer = [0; 100];
        let mut heard = 0;
        for _ in 0..200 {
            phone.send(&ask).unwrap();
        }
        while heard < 200
            && let Ok(length) = phone.recv(&mut answer)
        {
            let port = u16::from_be_bytes([answer[26], answer[27]]) ^ 0x2112;
            assert_eq!((length, answer[..2] == [1, 1]), (32, true));
            assert_eq!(port, phone.local_addr().unwrap().port());
            heard += 1;
            // A stranger is heard as often as the guard says.
            if host == "127.0.0.9" {
                phone.set_read_timeout(Some(SILENCE)).unwrap();
            }
        }
        assert!(heard > 0, "{host}");
        assert_eq!(heard == 200, host == "127.0.0.1", "{host}: {heard}");
    }
}
