//! SIP over TLS and WebSocket.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use tokio_rustls::rustls::{ServerConnection, StreamOwned};

use crate::client::{baresip_at, brief};
use crate::ports::free_port;
use crate::server::{LISTENS, OUTSIDE, SIP, Server};
use crate::wire::{
    Certificate, Peer, Plain, SDP, Secure, Wire as _, accepted, connect, encrypted, header, upgrade,
};
use crate::{PATIENCE, eventually};

/// A phone registers, somebody calls, both over the same transport, and hangs up.
fn call_over(secure: &Secure, transport: &'static str, user: &str, scheme: &str) {
    let contact = |message: &str| header(message, "Contact").unwrap();
    let mut phone = secure.connect(transport);
    phone.register(user, "sip");
    secure.server.wait_for(user, "ready", 5);

    let mut caller = secure.connect(transport);
    let target = format!("{scheme}:2000@{}", caller.to);
    let dialog = |number: u8, method: &str, tag: &str| {
        format!(
            "From: <sip:caller@w.invalid>;tag=c\r\nTo: <{target}>{tag}\r\nCall-ID: call-{transport}-{scheme}\r\nCSeq: {number} {method}\r\nContact: <{scheme}:caller@w.invalid>\r\n"
        )
    };
    let kind = "Content-Type: application/sdp\r\n";
    let invite = dialog(1, "INVITE", "") + kind;
    caller.request("INVITE", &target, &invite, SDP);

    let param = if transport.starts_with("WS") {
        "ws"
    } else {
        "tls"
    };
    let transport_of = format!(";transport={param}");
    let answered = caller.expect("SIP/2.0 200 ");
    if scheme == "sips" {
        assert!(contact(&answered).starts_with("<sips:"), "{answered}");
    } else {
        assert!(contact(&answered).contains(&transport_of), "{answered}");
    }
    let to = header(&answered, "To").unwrap();
    let tag = to.split_once('>').unwrap().1;
    let remote = contact(&answered);
    let remote = remote.trim_matches(['<', '>']);
    caller.request("ACK", remote, &dialog(1, "ACK", tag), "");
    let offer = phone.expect("INVITE ");
    let via = header(&offer, "Via").unwrap();
    assert!(via.starts_with(&format!("SIP/2.0/{transport} ")), "{via}");
    assert!(contact(&offer).contains(&transport_of), "{offer}");
    let ours = format!("Contact: <sip:{user}@w.invalid>\r\n{kind}");
    phone.answer(&offer, "200 OK", &ours, SDP);
    phone.expect("ACK ");

    secure.server.wait_for(user, "talking", 5);
    caller.request("BYE", remote, &dialog(2, "BYE", tag), "");
    caller.expect("SIP/2.0 200 ");
    let bye = phone.expect("BYE ");
    phone.answer(&bye, "200 OK", "", "");
    drop(phone);
    // A phone is gone with its connection.
    secure.server.wait_for(user, "logged_out", 5);
}

/// RFC 7118 section 5, RFC 3261 section 26.2.1.
#[test]
fn calls_go_over_tls_and_websockets() {
    let secure = Secure::start("calls", "");
    for (transport, scheme) in [
        ("TLS", "sip"),
        ("TLS", "sips"),
        ("WS", "sip"),
        ("WSS", "sips"),
    ] {
        call_over(&secure, transport, "alice", scheme);
    }
    for transport in ["tls", "ws", "wss"] {
        let name = "centrale_sip_requests_total{direction=\"in\",method=\"INVITE\"";
        let series = format!("{name},transport=\"{transport}\"}}");
        secure.server.counts_least(&series, 1.0);
    }
}

/// RFC 5626 section 4.4, RFC 7118 section 6.
#[test]
fn pings_are_answered_as_each_transport_has_them() {
    use tokio_tungstenite::tungstenite::Message;
    let secure = Secure::start("pings", "");
    let ping = "\r\n\r\n";
    let tls = connect(SocketAddr::from(([127, 0, 0, 1], secure.tls)));
    let mut tls = secure.encrypted(tls);
    for _ in 0..3 {
        tls.write_all(ping.as_bytes()).unwrap();
        let mut pong = [0; 2];
        tls.read_exact(&mut pong).unwrap();
        assert_eq!(&pong, b"\r\n");
    }
    // What is said after them is answered as ever.
    let mut tls = Peer::over(Box::new(Plain::over(tls)), "TLS", "localhost".to_owned());
    for _ in 0..2 {
        assert!(tls.options().starts_with("SIP/2.0 200 "));
    }

    let ws = connect(SocketAddr::from(([127, 0, 0, 1], secure.ws)));
    let mut ws = upgrade(ws, "sip").unwrap();
    ws.send(Message::text(ping)).unwrap();
    assert_eq!(ws.read().unwrap(), Message::text("\r\n"));
    ws.send(Message::Ping("are you there".into())).unwrap();
    assert_eq!(ws.read().unwrap(), Message::Pong("are you there".into()));
    let binary = "OPTIONS sip:localhost SIP/2.0\r\nVia: SIP/2.0/WS w.invalid;branch=z9hG4bKb\r\nFrom: <sip:o@w.invalid>;tag=1\r\nTo: <sip:o@localhost>\r\nCall-ID: b\r\nCSeq: 1 OPTIONS\r\n\r\n";
    ws.send(Message::binary(binary)).unwrap();
    assert!(ws.next().starts_with("SIP/2.0 200 "));
    ws.close(None).unwrap();
    assert!(matches!(ws.read(), Ok(Message::Close(_))));
}

/// RFC 7118 section 4.
#[test]
fn only_sip_is_spoken_and_only_to_pages_that_may() {
    let more = format!("{SIP}websocket: {{ origins: [\"https://desk.example.com\"] }}\n");
    let secure = Secure::start("origins", &more);
    let address = SocketAddr::from(([127, 0, 0, 1], secure.ws));
    assert_eq!(upgrade(connect(address), "chat").err(), Some(400));
    assert!(upgrade(connect(address), "chat, sip").is_ok());
    for (origin, code) in [
        ("https://desk.example.com", "101"),
        ("https://evil.example.com", "403"),
    ] {
        let mut stream = connect(address);
        let request = format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\nOrigin: {origin}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).unwrap();
        assert!(start.ends_with(code.as_bytes()), "{origin}");
    }
}

/// RFC 6455 section 4.2.
#[test]
fn what_is_no_upgrade_is_told_why() {
    let secure = Secure::start("noupgrade", "");
    let address = SocketAddr::from(([127, 0, 0, 1], secure.ws));
    let whole = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
    for (old, new, code, more) in [
        ("", "", "101", ""),
        (
            "Version: 13",
            "Version: 8",
            "426",
            "\r\nSec-WebSocket-Version: 13\r\n",
        ),
        (
            "Sec-WebSocket-Version: 13\r\n",
            "",
            "426",
            "\r\nSec-WebSocket-Version: 13\r\n",
        ),
        (
            "Upgrade: websocket\r\n",
            "",
            "426",
            "\r\nUpgrade: websocket\r\n",
        ),
        ("dGhlIHNhbXBsZSBub25jZQ==", "", "400", ""),
        ("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", "400", ""),
        (
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            "",
            "400",
            "",
        ),
        ("GET / HTTP", "GET / HTTZ", "400", ""),
        ("GET /", "POST /", "405", "\r\nAllow: GET\r\n"),
        (
            "\r\n\r\n",
            "\r\nOrigin: https://a.example\r\nOrigin: https://b.example\r\n\r\n",
            "400",
            "",
        ),
    ] {
        let mut stream = connect(address);
        stream
            .write_all(whole.replacen(old, new, 1).as_bytes())
            .unwrap();
        let mut answer = Vec::new();
        let mut some = [0; 512];
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = stream.read(&mut some).unwrap();
            assert!(read > 0, "{old:?} {new:?}: {}", answer.escape_ascii());
            answer.extend_from_slice(&some[..read]);
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {code} ")),
            "{old:?} {new:?}: {answer}"
        );
        assert!(answer.contains(more), "{old:?} {new:?}: {answer}");
    }
}

#[test]
fn who_does_not_finish_the_handshake_is_closed_in_time() {
    let secure = Secure::start("halfopen", "");
    let began = Instant::now();
    let mut half: Vec<_> = [secure.tls, secure.ws, secure.wss]
        .map(|port| connect(SocketAddr::from(([127, 0, 0, 1], port))))
        .into();
    for stream in &mut half {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    half[1].write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
    for stream in &mut half {
        let closed = stream.read(&mut [0; 64]);
        assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    }
    // Five seconds, and what a busy machine takes to see that they are over.
    let took = began.elapsed().as_secs();
    assert!((4..15).contains(&took), "{took} s");
    let dropped = "centrale_sip_connections_dropped_total{reason=\"handshake\"}";
    secure.server.counts(dropped, 3.0);
}

#[test]
fn a_message_that_is_not_whole_in_time_ends_its_stream() {
    let secure = Secure::start("unfinished", "");
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let web = || {
        let socket = upgrade(connect(at(secure.ws)), "sip").unwrap();
        socket.get_ref().try_clone().unwrap()
    };
    // Frames whose mask is zeros: a text of 120 bytes, the first part of one, a part of one
    // byte with a ping behind it, a ping.
    let (text, part) = ([0x81, 0xf8, 0, 0, 0, 0], [0x01, 0x9f, 0, 0, 0, 0]);
    let byte_and_ping = [0x00, 0x81, 0, 0, 0, 0, b'x', 0x89, 0x80, 0, 0, 0, 0];
    let ping = &byte_and_ping[7..];
    let head = b"OPTIONS sip:localhost SIP/2.0\r\n";
    let (began, mut took) = (Instant::now(), Vec::new());
    let tcp = connect(at(secure.server.sip));
    let mut open = vec![
        ("stream", tcp, head.to_vec(), &b"x"[..]),
        ("frame", web(), [&text[..], head].concat(), b"x"),
        ("parts", web(), [&part[..], head].concat(), &byte_and_ping),
        ("pings", web(), Vec::new(), ping),
    ];
    for (_, stream, begin, _) in &mut open {
        stream.write_all(begin).unwrap();
        let patience = Some(Duration::from_millis(50));
        stream.set_read_timeout(patience).unwrap();
    }
    while open.len() > 1 && began.elapsed().as_secs() < 25 {
        open.retain_mut(|(name, stream, _, piece)| {
            // Each byte is a sign of life, and none is the last.
            let waits = stream.write_all(piece).is_ok()
                && match stream.read(&mut [0; 64]) {
                    Ok(length) => length > 0,
                    Err(error) => error.kind() == ErrorKind::WouldBlock,
                };
            if !waits {
                took.push((*name, began.elapsed().as_secs()));
            }
            waits
        });
    }
    let left: Vec<&str> = open.iter().map(|(name, ..)| *name).collect();
    assert_eq!(left, ["pings"], "{took:?}");
    assert!(took.iter().all(|(_, s)| (4..20).contains(s)), "{took:?}");
    let dropped = "centrale_sip_connections_dropped_total{reason=\"unfinished\"}";
    secure.server.counts(dropped, 3.0);
}

#[test]
fn a_new_certificate_is_shown_and_a_broken_one_is_not() {
    let secure = Secure::start("renew", "");
    let old = secure.certificate.believer();
    let mut before = secure.connect("TLS");
    before.options();
    let shows = |believer: &std::sync::Arc<_>| {
        let stream = connect(SocketAddr::from(([127, 0, 0, 1], secure.tls)));
        let mut stream = encrypted(stream, std::sync::Arc::clone(believer));
        stream.write_all(b"\r\n\r\n").is_ok() && stream.read(&mut [0; 2]).is_ok()
    };
    assert!(shows(&old));
    // Found by its time, without being told.
    secure.certificate.renew();
    let new = secure.certificate.believer();
    eventually("the new certificate is shown", 10, || shows(&new));
    assert!(!shows(&old));
    std::fs::write(secure.certificate.file("certificate.pem"), "nonsense").unwrap();
    secure
        .server
        .logs("going on with the certificate that was there");
    secure.server.signal("-HUP");
    secure.server.logs("not reloaded");
    secure.server.logs("there is no certificate in PEM");
    assert!(shows(&new));
    assert!(before.options().starts_with("SIP/2.0 200 "), "it goes on");
}

/// A line over TLS, whose certificate the server is to believe, is dialled: the server,
/// the caller, and what came to the line.
fn dialled(certificate: &Certificate) -> (Server, Peer, TcpStream) {
    let line = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = line.local_addr().unwrap().port();
    let floor = format!(
        "queues: {{ support: {{ requires: {{}} }} }}
operators: {{ alice: {{ secret: alice }} }}
lines: {{ field: {{ uri: \"sips:field@127.0.0.1:{port}\" }} }}
"
    );
    let flow = OUTSIDE.replace("error: wait", "error: end");
    let more = certificate.configured();
    let server = Server::with_more(&floor, &[("2001", "outside", &flow)], &more);
    let caller = call_line(&server);
    (server, caller, accepted(&line))
}

/// RFC 5922 section 7.2.
#[test]
fn a_line_that_shows_another_s_certificate_hears_nothing() {
    let certificate = Certificate::new("trusted");
    let (server, mut caller, accepted) = dialled(&certificate);
    let stranger = Certificate::new("stranger");
    let connection = ServerConnection::new(stranger.shown()).unwrap();
    let mut stream = StreamOwned::new(connection, accepted);
    let heard = stream.read(&mut [0; 64]);
    assert!(matches!(heard, Err(_) | Ok(0)), "{heard:?}");
    // The flow goes on.
    caller.expect("BYE ");
    server.logs("a line cannot be reached");
}

#[test]
fn tls_1_2_will_do() {
    let secure = Secure::start("old", "");
    let stream = connect(SocketAddr::from(([127, 0, 0, 1], secure.tls)));
    let stream = encrypted(stream, secure.certificate.old_believer());
    let mut peer = Peer::over(Box::new(Plain::over(stream)), "TLS", "localhost".to_owned());
    assert!(peer.options().starts_with("SIP/2.0 200 "));
}

/// RFC 3261 section 18.3: requests on one stream, each answered as it should be; the last is
/// the last.
#[test]
fn a_stream_that_cannot_be_followed_is_closed_with_a_reason() {
    let server = Server::start("");
    for (length, code) in [
        ("Content-Length: -1\r\n", "400"),
        ("Content-Length: 0\r\nl: 7\r\n", "400"),
        ("Content-Length: 999999999\r\n", "513"),
    ] {
        let mut stream = connect(SocketAddr::from(([127, 0, 0, 1], server.sip)));
        let head = "OPTIONS sip:localhost SIP/2.0\r\nVia: SIP/2.0/TCP w.invalid;branch=z9hG4bKu\r\nFrom: <sip:o@w.invalid>;tag=1\r\nTo: <sip:o@localhost>\r\nCall-ID: u\r\nCSeq: 1 OPTIONS\r\n";
        let text = format!("{head}{length}\r\nwhatever follows");
        stream.write_all(text.as_bytes()).unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        assert!(
            heard.starts_with(&format!("SIP/2.0 {code} ")),
            "{length}: {heard}"
        );
    }
    let dropped = "centrale_sip_connections_dropped_total{reason=\"malformed\"}";
    server.counts(dropped, 3.0);
}

#[test]
fn who_has_shown_nothing_is_closed_after_half_a_minute_of_pings() {
    let server = Server::start("");
    let mut stream = connect(SocketAddr::from(([127, 0, 0, 1], server.sip)));
    stream
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let began = Instant::now();
    let (mut pongs, mut buffer) = (0, [0; 64]);
    while began.elapsed().as_secs() < 60 {
        // A stream that was closed may be told so by either.
        if stream.write_all(b"\r\n\r\n").is_err() {
            break;
        }
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(_) => pongs += 1,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
        // The next read waits for what does not come.
        if matches!(stream.read(&mut buffer), Ok(0)) {
            break;
        }
    }
    let took = began.elapsed().as_secs();
    assert!((29..50).contains(&took) && pongs > 5, "{took} s, {pongs}");
    let dropped = "centrale_sip_connections_dropped_total{reason=\"idle\"}";
    server.counts(dropped, 1.0);
}

#[test]
fn who_reads_nothing_is_closed_before_much_waits_for_it() {
    let server = Server::start("");
    let address = SocketAddr::from(([127, 0, 0, 1], server.sip));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&address.into()).unwrap();
    let mut stream: TcpStream = socket.into();
    stream.set_write_timeout(Some(3 * PATIENCE)).unwrap();
    let before = server.memory();
    let mut closed = false;
    let asks = |number: u32| {
        format!(
            "OPTIONS sip:localhost SIP/2.0\r\nVia: SIP/2.0/TCP w.invalid;branch=z9hG4bKslow{number}\r\nFrom: <sip:o@w.invalid>;tag=1\r\nTo: <sip:o@localhost>\r\nCall-ID: slow{number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
    };
    for number in 0..60_000 {
        closed = stream.write_all(asks(number).as_bytes()).is_err();
        if closed {
            break;
        }
    }
    assert!(closed, "60,000 answers do not fit anywhere");
    let dropped = "centrale_sip_connections_dropped_total{reason=\"slow\"}";
    server.counts_least(dropped, 1.0);
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 32 * 1024 * 1024, "{grown} bytes");
    // Others are served as ever, once what was read before is dealt with: until then they may
    // be turned away unread.
    eventually("others are served", 10, || {
        let stream = connect(address);
        stream
            .set_read_timeout(Some(Duration::from_secs(1)))
            .unwrap();
        let mut other = Plain::over(stream);
        other.send(&asks(60_000));
        let answer = other.read().ok().flatten();
        answer.is_some_and(|answer| answer.starts_with(b"SIP/2.0 200 "))
    });
}

/// RFC 5922 section 7.2.
#[test]
fn a_line_is_dialled_over_tls_if_it_shows_who_it_is() {
    let certificate = Certificate::new("line");
    let (_server, _caller, accepted) = dialled(&certificate);
    let connection = ServerConnection::new(certificate.shown()).unwrap();
    let mut wire = Plain::over(StreamOwned::new(connection, accepted));
    let invite = wire.next();
    assert!(
        invite.starts_with("INVITE sips:field@127.0.0.1"),
        "{invite}"
    );
    assert!(
        header(&invite, "Contact").unwrap().starts_with("<sips:"),
        "{invite}"
    );
    assert!(
        header(&invite, "Via").unwrap().starts_with("SIP/2.0/TLS "),
        "{invite}"
    );
}

/// RFC 3261 section 8.1.3.1.
#[test]
fn a_line_that_cannot_be_reached_is_given_up_at_once() {
    let floor = format!(
        "queues: {{ support: {{ requires: {{}} }} }}
operators: {{ alice: {{ secret: alice }} }}
lines: {{ field: {{ uri: \"sip:field@127.0.0.1:{};transport=tcp\", try_for: 32s }} }}
",
        free_port()
    );
    let flow = OUTSIDE.replace("no_answer: wait", "no_answer: end");
    let server = Server::with_more(&floor, &[("2001", "outside", &flow)], "");
    let mut caller = call_line(&server);
    let began = Instant::now();
    caller.expect("BYE ");
    // Whoever says nothing is waited for for 32 s.
    assert!(began.elapsed() < PATIENCE);
}

/// Calls a number; the 200, which is acknowledged.
fn call(caller: &mut Peer, number: &str, sdp: &str) -> String {
    let target = format!("sip:{number}@{}", caller.to);
    let dialog = |method: &str, tag: &str| {
        format!(
            "From: <sip:c@w.invalid>;tag=c\r\nTo: <{target}>{tag}\r\nCall-ID: l\r\nCSeq: 1 {method}\r\nContact: <sip:c@w.invalid>\r\n"
        )
    };
    let invite = dialog("INVITE", "") + "Content-Type: application/sdp\r\n";
    caller.request("INVITE", &target, &invite, sdp);
    let answered = caller.expect("SIP/2.0 200 ");
    let to = header(&answered, "To").unwrap();
    let tag = to.split_once('>').unwrap().1;
    caller.request("ACK", &target, &dialog("ACK", tag), "");
    answered
}

/// Somebody calls the number that leads to the line outside.
fn call_line(server: &Server) -> Peer {
    let stream = connect(SocketAddr::from(([127, 0, 0, 1], server.sip)));
    let plain = Plain::over(stream);
    let mut caller = Peer::over(Box::new(plain), "TCP", server.address());
    call(&mut caller, "2001", SDP);
    caller
}

/// RFC 5118 section 4.
#[test]
fn a_phone_and_a_caller_may_come_by_ipv6() {
    let port = free_port();
    let more = ["udp", "tcp"].map(|scheme| format!("{LISTENS}{scheme}://[::1]:{port}\n"));
    let trunk = format!("{SIP}trunks: {{ here: {{ from: [\"::1/128\"] }} }}\n");
    let server = Server::start(&(more.concat() + &trunk));
    let address = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port));
    let plain = Plain::over(connect(address));
    let mut phone = Peer::over(Box::new(plain), "TCP", address.to_string());
    phone.register("alice", "sip");
    server.wait_for("alice", "ready", 5);
    let sound = UdpSocket::bind("[::1]:0").unwrap();
    sound.set_read_timeout(Some(PATIENCE)).unwrap();
    let socket = UdpSocket::bind("[::1]:0").unwrap();
    socket.connect(address).unwrap();
    let mut caller = Peer::over(Box::new(socket), "UDP", address.to_string());
    let sdp = SDP
        .replace("IP4 127.0.0.1", "IP6 ::1")
        .replace("7900", &sound.local_addr().unwrap().port().to_string());
    let answered = call(&mut caller, "2000", &sdp);
    assert!(answered.contains("c=IN IP6 ::1\r\n"), "{answered}");
    let contact = header(&answered, "Contact").unwrap();
    assert!(contact.starts_with("<sip:[::1]:"), "{contact}");
    let mut packet = [0; 1500];
    let (length, from) = sound.recv_from(&mut packet).unwrap();
    assert!(length > 12 && from.is_ipv6(), "the queue's music");
    let offer = phone.expect("INVITE ");
    assert!(offer.contains("c=IN IP6 ::1\r\n"), "{offer}");
    assert!(header(&offer, "Via").unwrap().contains("[::1]:"), "{offer}");
}

/// RFC 3261 section 26.2.1.
#[test]
fn baresip_registers_and_is_called_over_tls() {
    let secure = Secure::start("baresip", "");
    let server = &secure.server;
    let certificate = secure.certificate.file("certificate.pem");
    let more = format!("sip_cafile {}\n", certificate.display());
    let address = ("tls", format!("127.0.0.1:{}", secure.tls));
    let (alice, _folder) = baresip_at(server, "alice", address, &more);
    let call = brief(server, "2000", 1000);
    server.wait_for("alice", "talking", 10);
    call.succeeds(10);
    server.wait_for("alice", "ready", 10);
    let invites =
        "centrale_sip_requests_total{direction=\"out\",method=\"INVITE\",transport=\"tls\"}";
    server.counts_least(invites, 1.0);
    drop(alice);
    server.wait_for("alice", "logged_out", 5);
}
