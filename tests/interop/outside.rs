//! Carriers: trunks that prove themselves, lines that ask who calls, names with several
//! servers, registrations.

use std::fs;
use std::net::{Ipv6Addr, TcpListener, UdpSocket};

use exchange::sip::digest::Algorithm;
use exchange::sip::{self, Method, Response};
use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record};
use tokio_rustls::rustls::{ServerConnection, StreamOwned};

use crate::admission::{SDP, answer};
use crate::caller::datagrams;
use crate::client::{caller, patient, phone, sipp};
use crate::digest::proof_by;
use crate::ports::free_port;
use crate::server::{LISTENS, OUTSIDE, QUEUES, SIP, Server};
use crate::wire::{Certificate, Plain, Wire as _, accepted, header};
use crate::{PATIENCE, eventually};

const NOBODY: &str = "{ uri: \"sip:field@127.0.0.1:9\" }";

/// RFC 3261 section 16.3, RFC 7332: a line leads back here, and each time round costs one of
/// seventy hops.
#[test]
fn a_call_that_goes_round_comes_to_an_end() {
    let floor = format!("{QUEUES}lines: {{ field: {NOBODY} }}\n");
    let server = Server::wide(&floor, &[("2001", "outside", OUTSIDE)], "");
    let file = server.folder.join("config/floor.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let round = format!("sip:2001@127.0.0.1:{}", server.sip);
    fs::write(&file, text.replace("sip:field@127.0.0.1:9", &round)).unwrap();
    server.signal("-HUP");
    server.logs("INFO reloaded");
    patient(&server, "2001").succeeds(20);
    server.records_of(70);
    server.shows("/api/v1/calls", |live| live["calls"][0].is_null());
    let refused = "centrale_sip_rejected_total{reason=\"max_forwards\"}";
    server.counts(refused, 1.0);
}

/// RFC 3261 section 22.1.
#[test]
fn a_trunk_calls_in_with_its_password_from_anywhere() {
    let trunks = "trunks: { pbx: { username: pbx, secret: s3cret }, far: { username: far, secret: far, from: [192.0.2.1] } }";
    let server = Server::outside(trunks, NOBODY);
    let operator = phone(&server, "alice", "phone_answers", &[]);
    let secrets = server.folder.join("pbx.csv");
    let line = "SEQUENTIAL\n[authentication username=pbx password=s3cret]\n";
    fs::write(&secrets, line).unwrap();
    let secrets = secrets.display().to_string();
    let own = ["-inf", &secrets];
    let more = [&["-key", "media", "7900", "-d", "1000"][..], &own].concat();
    caller(&server, "caller_proves", "2000", &more).succeeds(20);
    operator.succeeds(20);
    assert_eq!(server.record()["outcome"], "answered");
    server.logs("trunk=pbx");
}

/// Authorization for an INVITE, to the challenge of a 401.
fn credentials(challenge: &Response, user: &str, password: &str) -> String {
    let asked = (Method::Invite, "sip:2000@centrale.localhost");
    let answer = proof_by(challenge, (user, password), Algorithm::Sha256, asked);
    format!("Authorization: {answer}\r\n")
}

/// RFC 8760 section 2.3.
#[test]
fn a_stranger_learns_nothing_about_who_has_an_account() {
    let trunks = "trunks: { pbx: { username: pbx, secret: s3cret }, far: { username: far, secret: far, from: [192.0.2.1] } }";
    let server = Server::outside(trunks, NOBODY);
    let asked = answer(&server, "2000", "", SDP);
    assert!(asked.starts_with("SIP/2.0 401 "), "{asked}");
    for algorithm in ["algorithm=SHA-256", "algorithm=MD5"] {
        assert!(asked.contains(algorithm), "{asked}");
    }
    let challenge = || {
        let answer = answer(&server, "2000", "", SDP);
        match sip::Message::parse(&answer.into()).unwrap() {
            sip::Message::Response(challenge) => challenge,
            sip::Message::Request(request) => panic!("{request:?}"),
        }
    };
    let nonces = || {
        challenge()
            .headers
            .first(&sip::Name::WwwAuthenticate)
            .unwrap()
            .into_owned()
    };
    assert_ne!(nonces(), nonces(), "each has its own nonce");
    // The same answer whether the name is known, unknown, or calls from elsewhere.
    let refused = |user, password| {
        let answer = answer(
            &server,
            "2000",
            &credentials(&challenge(), user, password),
            SDP,
        );
        let lines = answer.lines();
        // What is echoed of the request differs.
        let own = lines.filter(|line| {
            !["Via", "From", "To", "Call-ID"]
                .iter()
                .any(|n| line.starts_with(n))
        });
        own.collect::<Vec<_>>().join("\n")
    };
    let unknown = refused("nobody", "s3cret");
    assert!(unknown.starts_with("SIP/2.0 403 "), "{unknown}");
    assert_eq!(refused("pbx", "wrong"), unknown);
    assert_eq!(refused("far", "far"), unknown);
    // What was overheard opens nothing twice: 2000 has nobody, so the first is let in.
    let overheard = credentials(&challenge(), "pbx", "s3cret");
    let first = answer(&server, "2000", &overheard, SDP);
    assert!(!first.starts_with("SIP/2.0 40"), "{first}");
    let again = answer(&server, "2000", &overheard, SDP);
    assert!(again.starts_with("SIP/2.0 401 "), "{again}");
    assert!(again.contains("stale=true"), "{again}");
}

/// RFC 3261 section 22.2.
#[test]
fn a_line_that_asks_gets_the_trunks_answer() {
    let port = free_port();
    let trunks = "trunks: { here: { from: [127.0.0.0/8] }, carrier: { credentials: { username: \"4711\", secret: pass, realm: carrier.example } } }";
    let field = format!("{{ uri: \"sip:field@127.0.0.1:{port}\", trunk: carrier }}");
    let server = Server::outside(trunks, &field);
    let line = sipp(&server, "line_asks", port, &["-d", "1500"]);
    patient(&server, "2001").succeeds(10);
    line.succeeds(10);
    let record = server.record();
    assert_eq!(record["outcome"], "escalated", "{record}");
}

/// RFC 3261 section 10.2.
#[test]
fn we_are_a_carriers_subscriber_while_we_run() {
    let (port, nobody) = (free_port(), free_port());
    let trunks = format!(
        "trunks: {{ here: {{ from: [127.0.0.0/8] }}, carrier: {{ credentials: {{ username: \"4711\", secret: pass, realm: carrier.example }}, register: {{ to: \"sip:127.0.0.1:{port}\" }}, server: \"sip:127.0.0.1:{nobody}\", probe: 8s }} }}"
    );
    // The first REGISTER comes again until sipp listens.
    let mut server = Server::outside(&trunks, NOBODY);
    let registrar = sipp(&server, "registrar", port, &[]);
    eventually("we are registered", 10, || {
        server.metric("centrale_trunk_registered{trunk=\"carrier\"}") > 0.5
    });
    eventually("the trunk's server is down", 12, || {
        server.metric("centrale_trunk_up{trunk=\"carrier\"}") < 0.5
    });
    server.signal("-TERM");
    registrar.succeeds(10);
    eventually("the server ends", 10, || server.exit_code() == Some(0));
}

/// A name server that knows this and nothing else.
fn name_server(zone: Vec<(&'static str, RData)>) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    // It ends with the test's process.
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let Ok(mut message) = Message::from_vec(&buffer[..length]) else {
                continue;
            };
            let query = message.queries.first().cloned().unwrap();
            message.metadata.message_type = MessageType::Response;
            message.metadata.authoritative = true;
            let asked = query.name().to_ascii().to_ascii_lowercase();
            let known = zone.iter().filter(|(name, _)| *name == asked);
            let of_kind = |data: &RData| data.record_type() == query.query_type();
            for (_, data) in known.clone().filter(|(_, data)| of_kind(data)) {
                let record = Record::from_rdata(query.name().clone(), 60, data.clone());
                message.answers.push(record);
            }
            if known.count() == 0 {
                message.metadata.response_code = ResponseCode::NXDomain;
            }
            socket.send_to(&message.to_vec().unwrap(), from).unwrap();
        }
    });
    port
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// A NAPTR record.
fn pointer(preference: u16, service: &str, to: &str) -> RData {
    let (flags, service) = (b"S"[..].into(), service.as_bytes().into());
    let naptr = NAPTR::new(10, preference, flags, service, [].into(), name(to));
    RData::NAPTR(naptr)
}

/// RFC 3263 section 4.1.
#[test]
fn a_name_leads_to_tls() {
    let certificate = Certificate::new("naptr");
    let line = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = line.local_addr().unwrap().port();
    let dns = name_server(vec![
        ("carrier.test.", pointer(5, "SIPS+D2T", "_secure.test.")),
        ("carrier.test.", pointer(10, "SIP+D2U", "_plain.test.")),
        (
            "_secure.test.",
            RData::SRV(SRV::new(10, 0, port, name("a.carrier.test."))),
        ),
        ("a.carrier.test.", RData::A(A::new(127, 0, 0, 1))),
    ]);
    let tls = certificate.configured();
    let tls = tls.trim_start_matches(SIP);
    let sip = format!(
        "trunks: {{ here: {{ from: [127.0.0.0/8] }} }}\n  dns: {{ servers: [\"127.0.0.1:{dns}\"] }}\n  {tls}"
    );
    let server = Server::outside(&sip, "{ uri: \"sip:field@carrier.test\" }");
    let server_at = server.address().parse().unwrap();
    crate::raw::Wire::udp(server_at).call("2001");
    let accepted = accepted(&line);
    let connection = ServerConnection::new(certificate.shown()).unwrap();
    let mut wire = Plain::over(StreamOwned::new(connection, accepted));
    let invite = wire.next();
    assert!(
        invite.starts_with("INVITE sip:field@carrier.test"),
        "{invite}"
    );
    let via = header(&invite, "Via").unwrap();
    assert!(via.starts_with("SIP/2.0/TLS "), "{via}");
}

/// RFC 3263 section 4.3.
#[test]
fn a_dead_server_of_a_name_makes_room_for_the_next() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (dead, live) = (silent.local_addr().unwrap().port(), free_port());
    let here = || RData::A(A::new(127, 0, 0, 1));
    let dns = name_server(vec![
        (
            "carrier.test.",
            pointer(5, "SIPS+D2T", "_sips._tcp.carrier.test."),
        ),
        (
            "carrier.test.",
            pointer(10, "SIP+D2U", "_calls._udp.carrier.test."),
        ),
        ("carrier.test.", here()),
        (
            "_calls._udp.carrier.test.",
            RData::SRV(SRV::new(20, 0, live, name("b.carrier.test."))),
        ),
        (
            "_calls._udp.carrier.test.",
            RData::SRV(SRV::new(10, 0, dead, name("a.carrier.test."))),
        ),
        ("a.carrier.test.", here()),
        ("b.carrier.test.", here()),
    ]);
    let sip = format!(
        "trunks: {{ here: {{ from: [127.0.0.0/8] }} }}\n  dns: {{ servers: [\"127.0.0.1:{dns}\"] }}"
    );
    let server = Server::outside(&sip, "{ uri: \"sip:field@carrier.test\", try_for: 1s }");
    let line = sipp(&server, "phone_leaves", live, &["-d", "1000"]);
    patient(&server, "2001").succeeds(15);
    line.succeeds(10);
    assert_eq!(server.record()["outcome"], "escalated");
    for result in ["unreachable", "answered"] {
        let tried = format!("centrale_line_attempts_total{{line=\"field\",result=\"{result}\"}}");
        server.counts(&tried, 1.0);
    }
    let mut buffer = [0; 4096];
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = silent.recv(&mut buffer).unwrap();
    let text = String::from_utf8_lossy(&buffer[..length]);
    assert!(
        text.starts_with("INVITE sip:field@carrier.test SIP/2.0"),
        "{text}"
    );
}

/// RFC 3261 section 18.1.1.
#[test]
fn what_is_too_large_for_a_datagram_goes_to_a_line_by_tcp_or_else_by_udp() {
    let (name, number) = ("ж".repeat(64), "1".repeat(64));
    let identity = format!("P-Asserted-Identity: \"{name}\" <sip:{number}@carrier.example>\n");
    for transport in ["TCP", "UDP"] {
        let server = Server::start("");
        let at = ("127.0.0.1", server.line);
        let datagrams = UdpSocket::bind(at).unwrap();
        let listens = (transport == "TCP").then(|| TcpListener::bind(at).unwrap());
        let server_at = server.address().parse().unwrap();
        crate::raw::Wire::udp(server_at).call_with("2001", &identity);
        let mut wire: Box<dyn crate::wire::Wire> = match &listens {
            Some(line) => Box::new(Plain::over(accepted(line))),
            None => Box::new(datagrams),
        };
        let invite = wire.next();
        assert!(invite.len() > 1_300, "{invite}");
        let via = header(&invite, "Via").unwrap();
        assert!(via.starts_with(&format!("SIP/2.0/{transport} ")), "{via}");
    }
}

/// RFC 5118 section 4.
#[test]
fn lines_and_carriers_are_reached_by_ipv6_written_or_by_name() {
    let dns = name_server(vec![
        ("six.test.", RData::AAAA(AAAA(Ipv6Addr::LOCALHOST))),
        ("six.test.", RData::A(A::new(192, 0, 2, 1))),
    ]);
    for host in ["[::1]", "six.test"] {
        let [line, carrier] = [(); 2].map(|()| UdpSocket::bind("[::1]:0").unwrap());
        let port = |socket: &UdpSocket| socket.local_addr().unwrap().port();
        let sip = format!(
            "trunks: {{ here: {{ from: [127.0.0.0/8] }}, carrier: {{ credentials: {{ username: \"4711\", secret: pass, realm: carrier.example }}, register: {{ to: \"sip:{host}:{}\" }} }} }}\n  dns: {{ servers: [\"127.0.0.1:{dns}\"] }}",
            port(&carrier)
        );
        let field = format!("{{ uri: \"sip:field@{host}:{}\" }}", port(&line));
        let listens = format!("{LISTENS}udp://[::1]:{}\n", free_port());
        let server = Server::outside_with(&sip, &field, &listens);
        let mut wire: Box<dyn crate::wire::Wire> = Box::new(carrier);
        let register = wire.next();
        let from = format!("REGISTER sip:{host}");
        assert!(register.starts_with(&from), "{register}");
        assert!(
            header(&register, "Via").unwrap().contains(" [::1]:"),
            "{register}"
        );
        crate::raw::Wire::udp(server.address().parse().unwrap()).call("2001");
        let mut wire: Box<dyn crate::wire::Wire> = Box::new(line);
        let invite = wire.next();
        let to = format!("INVITE sip:field@{host}:");
        assert!(invite.starts_with(&to), "{invite}");
        for (name, ours) in [("Via", " [::1]:"), ("Contact", "@[::1]:")] {
            let value = header(&invite, name).unwrap();
            assert!(
                value.contains(ours) || value.contains("sip:[::1]:"),
                "{invite}"
            );
        }
        assert!(invite.contains("c=IN IP6 ::1\r\n"), "{invite}");
    }
}

/// RFC 3261 section 21.5.4, RFC 3263 section 4.3.
#[test]
fn an_address_that_says_how_long_it_cannot_comes_last() {
    let [one, other] = [free_port(), free_port()];
    let line =
        format!("{{ uri: [\"sip:field@127.0.0.1:{one}\", \"sip:field@127.0.0.1:{other}\"] }}");
    let server = Server::outside("trunks: { here: { from: [127.0.0.0/8] } }", &line);
    let [mut full, mut busy] = [one, other].map(|port| datagrams(port, &server));
    let at = server.address().parse().unwrap();
    let tried = |result: &str| {
        format!("centrale_line_attempts_total{{line=\"field\",result=\"{result}\"}}")
    };
    let mut first = crate::raw::Wire::udp(at);
    first.call("2001");
    let invite = full.expect("INVITE ");
    full.answer(
        &invite,
        "503 Service Unavailable",
        "Retry-After: 60\r\n",
        "",
    );
    let invite = busy.expect("INVITE ");
    busy.answer(&invite, "486 Busy Here", "", "");
    busy.expect("ACK ");
    server.counts(&tried("busy"), 1.0);
    let mut second = crate::raw::Wire::udp(at);
    second.call("2001");
    let invite = busy.expect("INVITE ");
    busy.answer(&invite, "486 Busy Here", "", "");
    server.counts(&tried("busy"), 2.0);
    // Nobody else was tried.
    let all = server.metric("centrale_line_attempts_total{line=\"field\"");
    assert_eq!((server.metric(&tried("failed")), all), (1.0, 3.0));
}
