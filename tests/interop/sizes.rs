//! Requests that are too large for a datagram (RFC 3261 section 18.1.1), and sound that is too
//! large for a packet.

use std::net::{TcpListener, UdpSocket};

use crate::caller::{Caller, datagrams};
use crate::ports::free_port;
use crate::raw::Wire;
use crate::reach::{FLOOR, dials};
use crate::server::Server;
use crate::wire::{Peer, Plain, SDP, accepted, header};
use crate::{PATIENCE, eventually};

const TRUNKS: &str = "trunks: { here: { from: [127.0.0.0/8] }, carrier: { credentials: { username: \"4711\", secret: pass, realm: carrier.example } } }";

/// A server whose line `field`, dialled by 2001, is at a port of this machine.
fn server(user: &str, line: u16) -> Server {
    let field = format!("{{ uri: \"sip:{user}@127.0.0.1:{line}\", trunk: carrier }}");
    Server::outside(TRUNKS, &field)
}

fn stream(line: &TcpListener, server: &Server) -> Peer {
    let stream = Plain::over(accepted(line));
    Peer::over(Box::new(stream), "TCP", server.address())
}

fn way(request: &str) -> String {
    let via = header(request, "Via").unwrap();
    via.split(' ').next().unwrap().to_owned()
}

#[test]
fn a_large_call_to_a_line_that_asks_goes_by_tcp_all_the_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = server(&"field".repeat(100), port);
    let mut caller = Caller::dials(&server, "2001");
    let mut line = stream(&listener, &server);
    let invite = line.expect("INVITE ");
    assert_eq!(way(&invite), "SIP/2.0/TCP");
    let asks = "WWW-Authenticate: Digest realm=\"carrier.example\", nonce=\"n\", qop=\"auth\"\r\n";
    line.answer(&invite, "401 Unauthorized", asks, "");
    line.expect("ACK ");
    let invite = line.expect("INVITE ");
    assert!(header(&invite, "Authorization").is_some(), "{invite}");
    let kind = "Content-Type: application/sdp\r\n";
    let more = format!("Contact: <sip:field@127.0.0.1:{port}>\r\n{kind}");
    line.answer(&invite, "200 OK", &more, SDP);
    line.expect("ACK ");
    // Its server keeps no connection on which nothing comes.
    let open = "centrale_sip_connections{transport=\"tcp\"}";
    assert!(server.metric(open) > 0.5);
    drop(line);
    eventually("the connection is gone", 5, || server.metric(open) < 0.5);
    caller.hangs_up("");
    let mut line = stream(&listener, &server);
    let bye = line.expect("BYE ");
    line.answer(&bye, "200 OK", "", "");
}

#[test]
fn what_is_large_within_a_call_goes_by_tcp_or_else_by_a_datagram() {
    for listens in [true, false] {
        let port = free_port();
        let listener = listens.then(|| TcpListener::bind(("127.0.0.1", port)).unwrap());
        let server = server("field", port);
        let mut line = datagrams(port, &server);
        let mut caller = Caller::dials(&server, "2001");
        let invite = line.expect("INVITE ");
        assert_eq!(way(&invite), "SIP/2.0/UDP");
        let long = "x".repeat(1300);
        let more =
            format!("Contact: <sip:{long}@127.0.0.1:{port}>\r\nContent-Type: application/sdp\r\n");
        line.answer(&invite, "200 OK", &more, SDP);
        if let Some(listener) = &listener {
            line = stream(listener, &server);
        } else {
            // The ACK found nobody who listens.
            line.answer(&invite, "200 OK", &more, SDP);
        }
        let transport = format!("SIP/2.0/{}", line.transport);
        let ack = line.expect("ACK ");
        assert_eq!(way(&ack), transport);
        caller.hangs_up("");
        let bye = line.expect("BYE ");
        assert_eq!(way(&bye), transport);
        assert!(bye.len() > 1300);
        line.answer(&bye, "200 OK", "", "");
    }
}

/// RFC 3550 section 6.4.1: what is dropped is missed as if it had been lost on the way.
#[test]
fn sound_that_is_longer_than_any_packet_is_dropped_and_counted() {
    // Nobody answers there, and the flow ends.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let rings = dials(&[silent.local_addr().unwrap().port()], false);
    let server = Server::with(FLOOR, &[("1", "dials", &rings)]);
    let mut caller = Wire::udp(server.address().parse().unwrap());
    let sound = UdpSocket::bind("127.0.0.1:0").unwrap();
    sound.set_read_timeout(Some(PATIENCE)).unwrap();
    let own = sound.local_addr().unwrap().port().to_string();
    let contact = caller.contact("caller");
    let headers = format!("Contact: {contact}\nContent-Type: application/sdp\n");
    let answer = caller.ask(("INVITE", "1"), &headers, &SDP.replace("7900", &own));
    caller.acknowledge(&answer);
    let sdp = String::from_utf8(answer.body.to_vec()).unwrap();
    let port = sdp.split_once("m=audio ").unwrap().1;
    let port: u16 = port.split(' ').next().unwrap().parse().unwrap();
    // Who is heard is listened to.
    sound.recv(&mut [0; 512]).unwrap();
    for (sequence, length) in [
        (1, 172),
        (2, 1500),
        (3, 1501),
        (4, 9_000),
        (5, 60_000),
        (6, 172),
    ] {
        let mut packet = vec![0x80, 8, 0, sequence, 0, 0, sequence, 0, 0, 0, 0, 7];
        packet.resize(length, 0xd5);
        sound.send_to(&packet, ("127.0.0.1", port)).unwrap();
    }
    let bye = caller.request();
    caller.respond(&bye, 200);
    server.counts("centrale_rtp_packets_total{direction=\"in\"}", 3.0);
    server.counts("centrale_rtp_lost_packets_total", 3.0);
}
