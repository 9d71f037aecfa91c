//! Requests that are too large for a datagram (RFC 3261 section 18.1.1).

use std::net::TcpListener;

use crate::caller::{Caller, datagrams};
use crate::eventually;
use crate::ports::free_port;
use crate::server::Server;
use crate::wire::{Peer, Plain, SDP, accepted, header};

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
