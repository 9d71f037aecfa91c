//! Where requests within a call go (RFC 3261 section 12.2.1.1), and what follows when a stream
//! is gone (sections 18.1.1 and 18.2.2).

use std::io::Read as _;
use std::net::TcpListener;

use tokio_rustls::rustls::{ServerConnection, StreamOwned};

use crate::caller::{Caller, datagrams};
use crate::eventually;
use crate::ports::free_port;
use crate::server::Server;
use crate::wire::{Peer, Plain, SDP, Secure, accepted, connect, header};

const TRUNKS: &str = "trunks: { here: { from: [127.0.0.0/8] } }";

/// Speaks before it answers, and then does not.
const REFUSES: &str = "
version: 1
flow: refuses
start: say
answer: false
languages: [en]
nodes:
  say: { type: play, prompt: [welcome], next: end }
  end: { type: hangup, cause: busy }
";

const FLOOR: &str = "
queues: { support: { requires: { support: 1 }, music: calm } }
operators: { alice: { secret: alice, skills: { support: 8 } } }
";

/// A server whose line `field`, dialled by 2001, is at a port of this machine.
fn server(line: u16, more: &str) -> Server {
    let field = format!("{{ uri: \"sip:field@127.0.0.1:{line}{more}\" }}");
    Server::outside(TRUNKS, &field)
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn dialled(listener: &TcpListener, server: &Server) -> Peer {
    let stream = Plain::over(accepted(listener));
    Peer::over(Box::new(stream), "TCP", server.address())
}

fn dials_by_tcp(server: &Server) -> Peer {
    let to = server.address();
    let stream = Plain::over(connect(to.parse().unwrap()));
    Peer::over(Box::new(stream), "TCP", to)
}

/// The caller's end of its stream is closed, and the server knows.
fn is_gone(caller: Caller, server: &Server) {
    let label = caller.peer.transport.to_lowercase();
    let open = format!("centrale_sip_connections{{transport=\"{label}\"}}");
    assert!(server.metric(&open) > 0.5);
    drop(caller);
    eventually("the connection is gone", 5, || server.metric(&open) < 0.5);
}

/// The line takes the call, and names an address of its own.
fn takes(line: &mut Peer, contact: &str) -> String {
    let invite = line.expect("INVITE ");
    let more = format!("Contact: <{contact}>\r\nContent-Type: application/sdp\r\n");
    line.answer(&invite, "200 OK", &more, SDP);
    invite
}

/// The line hangs up what its INVITE began.
fn hangs_up(line: &mut Peer, invite: &str) {
    let of = |name| header(invite, name).unwrap();
    let (from, to, call) = (of("From"), of("To"), of("Call-ID"));
    let more = format!("From: {to};tag=phone\r\nTo: {from}\r\nCall-ID: {call}\r\nCSeq: 1 BYE\r\n");
    let contact = of("Contact");
    line.request("BYE", contact.trim_matches(['<', '>']), &more, "");
    line.expect("SIP/2.0 200 ");
}

/// Whoever is at that address is hung up.
fn is_hung_up(peer: &mut Peer) {
    let bye = peer.expect("BYE ");
    peer.answer(&bye, "200 OK", "", "");
}

#[test]
fn requests_go_to_the_contact_by_datagrams() {
    for moves in [false, true] {
        let [line, gateway, first, second] = [(); 4].map(|()| free_port());
        let server = server(line, "");
        let mut line = datagrams(line, &server);
        let [mut desk, mut other] = [first, second].map(|port| datagrams(port, &server));
        let contact = |port: u16| format!("sip:x@127.0.0.1:{port}");
        let mut caller = Caller::calls(datagrams(0, &server), "2001", &contact(first));
        let invite = takes(&mut line, &contact(gateway));
        let mut line = datagrams(gateway, &server);
        line.expect("ACK ");
        if moves {
            caller.contact = contact(second);
            caller.says(("UPDATE", 2), "", "");
            caller.peer.expect("SIP/2.0 200 ");
        }
        hangs_up(&mut line, &invite);
        is_hung_up(if moves { &mut other } else { &mut desk });
    }
}

#[test]
fn requests_go_to_the_contact_of_a_line_by_another_stream() {
    let ((listener, port), (gateway, other)) = (listener(), listener());
    let server = server(port, ";transport=tcp");
    let mut caller = Caller::dials(&server, "2001");
    let mut line = dialled(&listener, &server);
    takes(&mut line, &format!("sip:x@127.0.0.1:{other};transport=tcp"));
    let mut line = dialled(&gateway, &server);
    line.expect("ACK ");
    caller.hangs_up("");
    is_hung_up(&mut line);
}

#[test]
fn a_caller_whose_stream_is_gone_is_hung_up_by_another() {
    let (desk, port) = listener();
    let line = free_port();
    let server = server(line, "");
    let mut line = datagrams(line, &server);
    let contact = format!("sip:x@127.0.0.1:{port};transport=tcp");
    let caller = Caller::calls(dials_by_tcp(&server), "2001", &contact);
    let invite = takes(&mut line, "sip:x@w.invalid");
    line.expect("ACK ");
    is_gone(caller, &server);
    hangs_up(&mut line, &invite);
    is_hung_up(&mut dialled(&desk, &server));
}

/// RFC 5922 section 7.2, as with lines.
#[test]
fn a_caller_by_tls_is_hung_up_by_whoever_shows_the_name_of_its_contact() {
    for (host, is_it) in [
        ("carrier.test", true),
        ("127.0.0.1", true),
        ("other.test", false),
    ] {
        let (desk, port) = listener();
        let secure = Secure::start(host, "");
        let server = &secure.server;
        let mut line = datagrams(server.line, server);
        let contact = format!("sip:x@{host}:{port};transport=tls");
        let caller = Caller::calls(secure.connect("TLS"), "2001", &contact);
        let invite = takes(&mut line, "sip:x@w.invalid");
        line.expect("ACK ");
        is_gone(caller, server);
        hangs_up(&mut line, &invite);
        let connection = ServerConnection::new(secure.certificate.shown()).unwrap();
        let mut stream = StreamOwned::new(connection, accepted(&desk));
        if is_it {
            let stream = Box::new(Plain::over(stream));
            is_hung_up(&mut Peer::over(stream, "TLS", server.address()));
        } else {
            let heard = stream.read(&mut [0; 64]);
            assert!(matches!(heard, Err(_) | Ok(0)), "{heard:?}");
        }
    }
}

#[test]
fn an_answer_whose_stream_is_gone_goes_to_the_port_of_the_via() {
    let (desk, port) = listener();
    let server = Server::with(FLOOR, &[("1", "refuses", REFUSES)]);
    let mut caller = dials_by_tcp(&server);
    let length = SDP.len();
    caller.wire.send(&format!(
        "INVITE sip:1@{} SIP/2.0\r\nVia: SIP/2.0/TCP w.invalid:{port};branch=z9hG4bKvia\r\nMax-Forwards: 70\r\nFrom: <sip:0600@w.invalid>;tag=c\r\nTo: <sip:1@w.invalid>\r\nCall-ID: via\r\nCSeq: 1 INVITE\r\nContact: <sip:0600@w.invalid>\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{SDP}",
        caller.to,
    ));
    caller.expect("SIP/2.0 183 ");
    drop(caller);
    dialled(&desk, &server).expect("SIP/2.0 486 ");
}
